// Preconditioners: lower triangular matrices X found by floating point for which X A is better conditioned than A. Of
// X nothing is assumed, neither that it is near to an inverse of anything nor that it is nonsingular; what is claimed
// follows from sigma_min(A) ||X|| >= sigma_min(X A) and a product X A with a bound of its error
// (preconditioned_matrix.h). So nothing in this file is rounded to a safe side but norms.
//
// Internal to singular_bounds.h. The kind from elimination is in transposed_lu.h.
#pragma once

#include <widecert/linalg/verified_gram.h>

#include <optional>
#include <vector>

namespace widecert {

struct Preconditioner {
  Matrix<double> x;  // square, 0 above the diagonal
  double norm;       // at least ||x|| (Frobenius); finite but for a product of two, which may overflow
};

// L^-1 as floating point finds it, L being the lower half of `l`; nothing if it is not finite. m^3 / 3 products and
// additions.
std::optional<Preconditioner> inverse_of_lower(Matrix<double> l);

// The inverse of the Cholesky factor of G + d I with a small d ("shifted Cholesky", singular_bounds.h): gains about
// 10^7 in condition. Nothing if no d of some tried gives one. 2/3 m^3 products and additions.
std::optional<Preconditioner> preconditioner_from_gram(const SymmetricEnclosure& g);

// X after the others: multiplied into the last of them where that loses few digits, else as one more. Whatever X is,
// all but the last of the result are as they were. Products are not rounded to any side: any X will do.
std::vector<Preconditioner> joined(std::vector<Preconditioner> list, Preconditioner x);

}  // namespace widecert
