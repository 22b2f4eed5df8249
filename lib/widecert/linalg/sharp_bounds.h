// Sharp bounds of the singular values of A, from a search for full rank that has ended: all of them for
// A 2^-largest_exponent, whose entries are at most 1, and multiplied back in the end.
//
// sigma_max >= ||A^T v|| / ||v|| and sigma_min <= ||A^T v|| / ||v|| for the vectors that the power method finds for
// A A^T and its inverse. sigma_max^2 <= t + error if t I - A A^T is factored by Cholesky; the Frobenius norm is a bound
// in any case. And with B = P A + E, sigma_min(B) >= b > e >= ||E||: if a factorization shows B B^T - s P P^T >= -f I,
// then for ||z|| = 1 and y = P^T z, which runs over all directions,
//   s ||y||^2 <= ||B^T z||^2 + f, so that ||y|| <= ||B^T z|| sqrt(1 + f / b^2) / sqrt(s), and
//   ||A^T y|| >= ||B^T z|| - e >= ||B^T z|| (1 - e / b),
// hence sigma_min(A) >= (1 - e / b) / (sqrt(1 + f / b^2) / sqrt(s)). P is only computed up to an error of norm p: the
// factorization is of the computed one, and the denominator grows by p / b.
//
// Internal to singular_bounds.h.
#pragma once

#include <widecert/linalg/full_rank_search.h>
#include <widecert/linalg/singular_bounds.h>

namespace widecert {

// `bounds` with what is shown besides: largest_low, largest_high and smallest_high with the vectors, and
// smallest_low if it is the better one; all four rigorous. The last two need full rank to be certified, or nearly.
// The search has begun, with Effort::sharp. `width` as in SingularOptions. Cost: a few Gram matrices and
// factorizations.
SingularBounds sharpened(SingularBounds bounds, const ScaledRows& a, const FullRankSearch& search, double width);

}  // namespace widecert
