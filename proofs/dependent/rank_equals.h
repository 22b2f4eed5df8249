// rank F = r exactly, for any r, at given parameters ("rank-equals"). A minor of size r that is not 0 bounds it from
// below; relations among columns, or among rows, from above: zero lines, equal lines, and a kernel basis of what is
// left. Where values are rational all of it is exact ("minor-and-relations"). Elsewhere lines are equal because their
// arguments are, and sigma_min of a submatrix is bounded away from 0 ("bounds-and-relations"). README.md beside has the
// proof.
#pragma once

#include "proofs/prover.h"

namespace widecert {

// That the rank is below min(N, n), as zero lines and equal lines show; nothing where they do not, which is cheap.
struct Deficiency {
  // Refuted ("rank-deficient") with "rank-equals"; or undecided, where they leave less but do not tell the rank, and of
  // [F, 1].
  Outcome outcome;
  std::vector<Integer> vector;  // of the kernel, on the shorter side; empty if there is no relation on this side
};
// Of F, or of [F, 1] if `ones`.
std::optional<Deficiency> deficient_by_relations(const Instance& instance, std::size_t node, bool ones,
                                                 const std::optional<PointSpec>& parameters, const Options& options);

// Refuted ("rank-deficient") with "rank-equals" if the rank at these parameters is found and below `full`. Costs what
// that theorem does.
std::optional<Outcome> deficient_at(const Instance& instance, std::size_t node, const PointSpec& parameters,
                                    std::size_t full, const Options& options);

namespace theorems {
Theorem rank_equals();
}

}  // namespace widecert
