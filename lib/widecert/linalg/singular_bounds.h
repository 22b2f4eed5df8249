// Rigorous bounds of the singular values of a matrix of doubles, at the speed of a few factorizations.
//
// One idea, applied again until it decides. Let G = A A^T (m x m, m <= n).
//
// *Cholesky* (Rump, "Verification of positive definiteness", BIT 46, 2006). If the factorization of
// fl(G) - s I runs to its end in floating point, then A A^T >= (s - e) I with e the sum of
//   gamma_n ||A||_F^2 for the product (|fl(G) - G|_ij <= gamma |a_i| |a_j|), in panels of 1,024 columns;
//   sum_i gamma_{i+4}/(1 - gamma_{i+4}) g_ii for the factorization, whose entry (i, j) is a sum of min(i,
//   j) products, in any order, times a rounded reciprocal or divided; and what s and underflow bring.
// So sigma_min(A)^2 >= s - e: a condition number up to about 10^5 at m = 1,000.
//
// *Preconditioning.* Where that fails, a lower triangular X is found by floating point, of which nothing is
// assumed, and B = X A is treated like A: with B computed up to an error e_B, sigma_min(A) ||X|| >= sigma_min(XA)
// >= sigma_min(B) - e_B. The error of the product is made small enough by slices (accurate_product.h), and B is
// kept as a sum of two matrices where a double is not enough. There are two kinds of X:
//   the inverse of the Cholesky factor of G + d I with a small d ("shifted Cholesky", after Fukaya, Kannan,
//   Nakatsukasa, Yamamoto & Yanagisawa, SIAM J. Sci. Comput. 42, 2020), which gains about 10^7 in condition and
//   leaves the error of a plain product as small as it can be;
//   U^-T of A^T = P L U, which gains about 10^15 at once (Rump's way with inverses, "Inversion of extremely
//   ill-conditioned matrices in floating-point", Japan J. Indust. Appl. Math. 26, 2009). Then B is close to W =
//   L^T P^T, and sigma_min(B) >= sigma_min(W) - ||B - W||, where W W^T costs less than B B^T.
//
// *Sharp bounds.* With P the product of all X and B = P A + E certified, sigma_min(B) >= b > ||E||:
// if B B^T - s P P^T is positive definite (Cholesky again), sigma_min(A)^2 >= s (1 - ||E||/b)^2. An
// estimate of sigma_min by inverse iteration tells which s to try; the vector found gives the upper bound
// ||A^T v|| / ||v||.
//
// Rows are first brought to about one size by powers of two, which is exact, so that neither overflow
// nor graded rows matter.
//
// Where this is done: row_scaling.h, verified_gram.h and verified_cholesky.h, preconditioner.h and transposed_lu.h (the
// two kinds of X), preconditioned_matrix.h (B and its error), full_rank_search.h (what is tried in which order) and
// sharp_bounds.h.
//
// BLAS and LAPACK are only asked for products and factorizations whose entries are sums of products in
// any order (accurate_product.h says what that means).
#pragma once

#include <widecert/linalg/accurate_product.h>

#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace widecert {

// All matrices whose row i differs from that of middle.high + middle.low by at most row_radius[i] in the
// Euclidean norm. An empty list means radius 0.
struct MatrixEnclosure {
  SplitMatrix middle;
  std::vector<double> row_radius;
};
// From entrywise radii.
MatrixEnclosure enclose(Matrix<double> middle, const Matrix<double>& radius);

struct SingularBounds {
  // Valid for every matrix of the enclosure; singular values are those of the shorter side: min(m, n).
  double smallest_low = 0, smallest_high = kUnbounded;
  double largest_low = 0, largest_high = kUnbounded;
  // Full rank is certified. It may be, although smallest_low is 0 (rows of very different size).
  bool full_rank = false;
  int level = 0;          // how often the matrix was preconditioned
  int slices = 1;         // of the last product
  std::string undecided;  // why full rank was not certified
  // Of length 1, on the shorter side: what shows smallest_high and largest_low. Empty if not asked for.
  std::vector<double> smallest_vector, largest_vector;
  std::vector<Integer> smallest_integers;  // instead of smallest_vector, where doubles are too short (rank_ladder.h)

  bool is_bounded() const { return largest_high < kUnbounded; }

  static constexpr double kUnbounded = std::numeric_limits<double>::infinity();
};

enum class Effort {
  rank,   // full rank and some positive lower bound of sigma_min, by the cheapest step
  sharp,  // all four bounds, to within a few per cent where the condition allows
};

struct SingularOptions {
  Effort effort = Effort::sharp;
  // Of sharp bounds: how far apart those of one singular value may be, as a part of it. 0: a few per cent will do.
  // Not always reached.
  double width = 0;
  int most_levels = 3;              // of preconditioning
  int most_slices = 3;              // of the products; 5 at most
  std::function<bool()> stop = {};  // asked between steps; then undecided
};

// Cost: about 4/3 m^2 n products and additions without preconditioning, see tools/bench/RESULTS.md.
// Entries that are not finite give no bounds. Throws ShapeError for an empty matrix or a wrong option.
SingularBounds singular_bounds(const MatrixEnclosure& a, const SingularOptions& options = {});

// The sign of the determinant of every matrix of the enclosure: -1 or 1; 0 if it is not certified.
// Throws ShapeError unless square.
int determinant_sign(const MatrixEnclosure& a, const SingularOptions& options = {});

}  // namespace widecert
