// How far targets are from what outputs of lower rank can reach, and renamed units. Everything pays for itself.
#pragma once

#include <gmpxx.h>

#include <vector>

#include "kernel/budget.h"
#include "kernel/network.h"

namespace widecheck {

// ||w^T Y||^2 > t ||w||^2 for every w that is not 0, or, with `centred`, every such w orthogonal to the ones: Y Y^T - t
// I is positive definite there.
bool rows_spread(const Tensor& y, const mpq_class& t, bool centred, Budget& budget);

// Row j of a is row k of b; entry j of the one row of a is entry k of that of b.
bool rows_equal(const Tensor& a, std::size_t j, const Tensor& b, std::size_t k, Budget& budget);
bool entries_equal(const Tensor& a, std::size_t j, const Tensor& b, std::size_t k, Budget& budget);
// Row j of b is row p_j of a; entry j of each row of b is entry p_j of that of a.
bool rows_renamed(const Tensor& a, const Tensor& b, const std::vector<std::size_t>& p, Budget& budget);
bool columns_renamed(const Tensor& a, const Tensor& b, const std::vector<std::size_t>& p, Budget& budget);

// -l^T A y - ||A^T l||^2 / 2 for rows A of the inequalities "monotone, and convex or concave": of values at increasing
// points x, sign_1 (f_{i+1} - f_i) >= 0, then sign_2 times second divided differences. Multipliers l.
mpq_class cone_bound(const std::vector<mpz_class>& x, const std::vector<mpq_class>& y, int sign_1, int sign_2,
                     const std::vector<mpq_class>& l, Budget& budget);

}  // namespace widecheck
