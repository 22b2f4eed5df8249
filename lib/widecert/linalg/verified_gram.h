// Gram matrices A A^T with a bound of their rounding error: |fl(A A^T) - A A^T|_ij <= gamma |a_i| |a_j| for the rows
// a_i, hence at most gamma ||A||_F^2 in the spectral norm (singular_bounds.h says where this leads). Columns are taken
// by panels whose Gram matrices are added up, so that gamma = gamma_k with k = 1,024 and the number of panels
// instead of the length of the rows. What is assumed of the BLAS stands in accurate_product.h.
//
// Internal to singular_bounds.h.
#pragma once

#include <widecert/linalg/matrix.h>

namespace widecert {

// All symmetric matrices that differ from that with the lower half of `value` by at most `error` in the spectral
// norm. What stands above the diagonal of `value` is arbitrary and never read.
struct SymmetricEnclosure {
  Matrix<double> value;
  double error = 0;
};

// Contains A A^T; the error is infinite or NaN where nothing is known. Cost: m^2 n products and additions.
SymmetricEnclosure gram(const Matrix<double>& a);

// ---- For those who compute a Gram matrix in a way of their own (transposed_lu.h) ----

// Columns of a panel.
inline constexpr Eigen::Index kGramPanel = 1024;
// The lower half: g <- g + A A^T, or A A^T if `first`. A has g.rows() rows and `cols` columns and starts at `a`;
// its rows are `stride` apart.
void add_gram(Matrix<double>& g, bool first, const double* a, Eigen::Index cols, Eigen::Index stride);
// At least the error, in the spectral norm, of a Gram matrix A A^T (A is m x n of at most this Frobenius norm) whose
// entries are sums of rounded products, no term being rounded more than `depth` times.
double gram_error_up(double depth, double norm, Eigen::Index m, Eigen::Index n);

// At least the exact sum of the diagonal of `value`, which is >= 0.
double trace_up(const SymmetricEnclosure& g);

}  // namespace widecert
