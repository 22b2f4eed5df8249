// Lower bounds of eigenvalues and singular values from Cholesky factorizations that run to their end in floating point
// (Rump, "Verification of positive definiteness", BIT 46, 2006). If that of G + s I does, the computed factor L
// satisfies L L^T = G + s I + E, where ||E|| is at most the sum over i = 1, ..., m of gamma_{i+4} / (1 - gamma_{i+4})
// d_i, d_i being the diagonal entries of G + s I, and what the rounding of the shift and underflow bring. As L L^T is
// positive semidefinite, G + s I >= -||E|| I. Of the factorization is assumed that entry (i, j) is a sum of min(i, j)
// products, in any order, times a rounded reciprocal or divided.
//
// Internal to singular_bounds.h.
#pragma once

#include <widecert/linalg/verified_gram.h>

#include <optional>

namespace widecert {

// The lower factor L of G + shift I, row by row.
struct CholeskyFactor {
  Matrix<double> l;  // arbitrary above the diagonal, positive on it
  double error;      // rigorous, finite: G + shift I + error I is positive semidefinite, for every G of the enclosure
};

struct CholeskyAttempt {
  std::optional<CholeskyFactor> factor;  // if floating point found one
  Eigen::Index rows;                     // for so many rows there was one
};
// Of G + shift I, `shift` of either sign. Cost: m^3 / 3 products and additions, less where it ends early.
CholeskyAttempt attempt_cholesky(const SymmetricEnclosure& g, double shift);
inline std::optional<CholeskyFactor> cholesky(const SymmetricEnclosure& g, double shift) {
  return attempt_cholesky(g, shift).factor;
}
// That of G + d I for the first d of shift, 16 shift, ..., 16^5 shift for which there is one.
std::optional<CholeskyFactor> shifted_cholesky(const SymmetricEnclosure& g, double shift);

// G = B B^T, and L of cholesky(G, -shift): sigma_min(B) is at least this. 0 if nothing is certified.
double sigma_min_low(const CholeskyFactor& l, double shift);

// The test of full rank by the Gram matrix of B, B being known up to an error: does sigma_min(B) exceed it?
struct GramTest {
  SymmetricEnclosure gram;               // contains B B^T
  double loss;                           // about what the factorization of it with a small shift loses; no bound
  double least;                          // sigma_min(B) is at least this, rigorously
  std::optional<CholeskyFactor> factor;  // of B B^T minus a small shift; exactly if least > error
  Eigen::Index rows;                     // for so many rows there was one
};
// `error` is at least 0 or NaN (which decides nothing). Cost: m^2 n + m^3 / 3 products and additions, B being m x n.
GramTest gram_test(const Matrix<double>& b, double error);

}  // namespace widecert
