// Full rank of many small matrices of one shape, eight at a time in the lanes of vectors: what bulk runs
// spend their time on.
//
// The Cholesky test of singular_bounds.h, G = A A^T - s I factored while it is computed. All arithmetic
// is this file's own, so the a-priori bound needs no assumption about a BLAS: an entry of G - s I = L
// L^T is one sum of n + j products, with or without fused operations, times 1 / sqrt in three roundings.
// With s twice the error bound e = gamma_{n+m+12} trace(A A^T) (1 + 2^-40), success proves sigma_min(A)^2 >= e.
#pragma once

#include <cstddef>
#include <span>

namespace widecert {

// `values` are matrices of `rows` x `cols`, rows <= cols, one after the other, row by row. Each entry of
// `smallest_low` becomes a positive lower bound of sigma_min of its matrix (about sqrt(n u) times its
// norm), or 0 where nothing is certified: ill-conditioned (beyond about 10^6), not finite, or with a
// norm outside 2^-200 .. 2^200. Uses threads(). Throws ShapeError if the sizes do not fit.
void small_batch(std::span<const double> values, std::size_t rows, std::size_t cols, std::span<double> smallest_low);

}  // namespace widecert
