// rank F = r exactly, for any r, at given parameters ("rank-equals"). A minor of size r that is not 0 bounds it from
// below; relations among columns, or among rows, from above: zero lines, equal lines, and a kernel basis of what is
// left. Where values are rational all of it is exact ("minor-and-relations"). Elsewhere lines are equal because their
// arguments are, and sigma_min of a submatrix is bounded away from 0 ("bounds-and-relations"). README.md beside has the
// proof.
#pragma once

#include "proofs/prover.h"

namespace widecert {

// Of a layer with irrational values: the rank, where equal samples or equal units make it less than min(N, n). Refuted
// ("rank-deficient") with "rank-equals", or undecided; nothing where no lines are seen to be equal, which is cheap.
std::optional<Outcome> deficient_by_equal_lines(const Instance& instance, std::size_t node,
                                                const std::optional<PointSpec>& parameters, const Options& options);

namespace theorems {
Theorem rank_equals();
}

}  // namespace widecert
