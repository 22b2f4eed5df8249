// Couplings: weights on pairs of samples with exact barycentres, and residuals that are sums of them.
#pragma once

#include "evaluate/curvature.h"
#include "kernel/rule.h"

namespace widecheck {

// R = sum of rho u^T over terms {"u": m numbers, "coupling": [[s, t, kappa], ...]}, rho = sum kappa_st (e_s - e_t),
// with kappa_st >= 0, sum_s kappa_st (x_s - x_t) = 0 for every t, and <u, F> convex on the box of `curvature`. R has a
// row for each sample. Pays for itself. Throws Rejected with "sign", "barycentre", "curvature" or "kink".
std::vector<std::vector<mpq_class>> residual_of_terms(const Context& c, const Value& terms,
                                                      const std::vector<std::vector<mpz_class>>& samples,
                                                      std::size_t outputs, const Curvature& curvature);

}  // namespace widecheck
