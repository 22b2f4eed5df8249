// The side conditions of the ray rules that involve alpha_0 (rules/rays.md), by rational enclosures of exp
// and log.
#pragma once

#include <string>
#include <vector>

#include "evaluate/activation.h"
#include "kernel/budget.h"

namespace widecheck {

// z_ij <= -delta below the diagonal, z_jj in [diagonal_low, diagonal_high], z_ij <= upper above it.
struct Gaps {
  mpq_class delta, diagonal_low, diagonal_high, upper;
};

// Throws Rejected unless the rule's conditions hold for a matrix of size n.
void require_threshold(const std::string& rule, const Activation& f, const Gaps& gaps, const mpq_class& beta,
                       const mpq_class& alpha_0, std::size_t n, bool saturated);

// (b - centre / divisor) units for each centre, rounded down or up. Pays for itself.
std::vector<mpz_class> distances(const mpq_class& b, const std::vector<mpz_class>& centres, const mpz_class& divisor,
                                 const mpz_class& units, bool up, Budget& budget);

}  // namespace widecheck
