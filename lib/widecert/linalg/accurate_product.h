// Products of matrices of doubles with a rigorous bound of their error, as exact as asked for.
//
// What is assumed of the BLAS: an entry of a product of depth k is a sum of k rounded products in any
// order, with or without fused operations, in as many threads as it likes. Then |fl(XB) - XB| <= k u
// |X||B| + k 2^-1074 entry by entry (Jeannerod & Rump 2013 without the higher terms; here with Higham's
// gamma_k). A BLAS that multiplies in the manner of Strassen is not covered. The plain product is summed by
// panels of 256 or 512 products, added up apart, so that k is this and the number of panels.
//
// More digits come from splitting without errors (Ozaki, Ogita, Oishi & Rump, Numer. Algorithms 59,
// 2012): each row of X and each column of B is cut into slices of so few bits that products of slices
// are exact in double. With s slices XB = sum of exact products X_p B_q, p + q <= s, plus s products
// X_p (rest of B), which are rounded but smaller by 2^-20 for each slice: s (s + 1) / 2 products in all.
#pragma once

#include <widecert/linalg/matrix.h>

namespace widecert {

// The unevaluated sum high + low; `low` may be empty (0).
struct SplitMatrix {
  Matrix<double> high, low;
};

struct AccurateProduct {
  SplitMatrix value;
  double error = 0;  // at least || value - XB || in the spectral norm; infinite if nothing is known
};

inline constexpr int kMostSlices = 5;

enum class MatrixShape { full, lower_triangular };

// X (m x k) times B (k x n). With slices = 1 the plain product; `low` is then empty. Entries of X and B
// are finite; overflow gives an infinite error. X lower triangular costs half. Uses BLAS with threads().
AccurateProduct accurate_product(const Matrix<double>& x, MatrixShape shape, const SplitMatrix& b, int slices);

// About what the error of such a product of factors with these Frobenius norms will be (measured on matrices
// without structure); to choose `slices` by.
double expected_error(double norm_x, double norm_b, Eigen::Index depth, int slices);

// At least the Frobenius norm.
double frobenius_up(const Matrix<double>& a);
// At least that of a - b, the subtraction being rounded.
double distance_up(const Matrix<double>& a, const Matrix<double>& b);

}  // namespace widecert
