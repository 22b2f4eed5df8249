// Couplings: a residual as a sum of terms rho u^T, where the positive part of rho on the samples is the negative part
// spread out (convex order), by exact linear programs.
#pragma once

#include "proofs/prover.h"

namespace widecert {

struct CouplingEntry {
  std::size_t s, t;
  Rational kappa;
};
struct CouplingTerm {
  std::vector<Rational> u;
  std::vector<CouplingEntry> coupling;
};
Value as_value(const std::vector<CouplingTerm>& terms);

// kappa_st >= 0 with sum_s kappa_st (x_s - x_t) = 0 for every t and rho = sum kappa_st (e_s - e_t), if there is one.
std::optional<std::vector<CouplingEntry>> couple(const Dataset& data, const std::vector<Rational>& rho);

// Terms with R = sum rho u^T, the directions u among those with `allowed`: R itself if its rank is 1, else its columns.
std::optional<std::vector<CouplingTerm>> couple(const Dataset& data, const Tensor& residual,
                                                const std::function<bool(const std::vector<Rational>&)>& allowed);

}  // namespace widecert
