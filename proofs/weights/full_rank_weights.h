// Assumption 2.4 (Nguyen & Hein 2018): U = M(W) has full rank min(n_{k-1}, n_k) for some W, and
// hence (Lemma 2.5) for almost every W. Decided for any layer: filters with full rank
// (sparse_filters.h, or seeded ones for small layers), or a bound below it that holds for every W
// (rank_bounds.h).
#pragma once

#include "proofs/prover.h"

namespace widecert {

// Full rank at given filters, by peeling and elimination modulo a prime: proved with "weights-full-rank-at"; undecided
// "rank-deficient" (modulo the prime) or "too-large".
Outcome weights_full_rank_at(const Architecture& network, std::size_t linear_node, const TensorSpec& weights);

// The same by whatever evidence, or less than full rank by a kernel vector: as `claim` says. `given`: the filters;
// seeded ones if absent.
Outcome prove_rank_at(const Architecture& network, std::size_t linear_node, const std::string& claim,
                      const std::optional<TensorSpec>& given, const Options& options);

namespace theorems {
Theorem full_rank_weights();
Theorem weights_rank_at();
}  // namespace theorems

}  // namespace widecert
