// Linear systems with integer matrices of full row rank, exactly.
#pragma once

#include <widecert/linalg/left_kernel.h>

#include <functional>

namespace widecert {

struct ExactSolution {
  IntegerRows numerators;  // one row for each column of A, 0 at those that are not needed
  Integer divisor = 1;     // > 0: A numerators = divisor B
};

// A X = B for A (N x n, N <= n) and B (N x m); nothing where rank A < N modulo a large prime, which for rank N happens
// with chance about 2^-50. Independent columns are picked modulo that prime; then Dixon lifting: in doubles by BLAS
// with a prime of 20 bits where the entries are below 2^28, by FLINT where they are larger or the matrix is small. What
// is found is multiplied back. `tick(done, total)` is told the lifted digits and an estimate of how many there will be;
// it may throw. Cost with BLAS: an inverse, and some bits(det A) / 10 products N x N x m.
std::optional<ExactSolution> solve_exactly(const IntegerRows& a, const IntegerRows& b,
                                           const std::function<void(std::size_t, std::size_t)>& tick);

}  // namespace widecert
