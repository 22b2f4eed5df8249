// Assumption 2.4 (Nguyen & Hein 2018): U = M(W) has full rank min(n_{k-1}, n_k) for some W, and
// hence (Lemma 2.5) for almost every W. Decided for any layer: filters with full rank
// (sparse_filters.h, or seeded ones for small layers), or a bound below it that holds for every W
// (rank_bounds.h).
#pragma once

#include "proofs/prover.h"

namespace widecert {

// Proved with WeightsFullRank, refuted with WeightsNeverFullRank (reasons "uncovered-inputs",
// "cover", "commuting-filters", "kernel-polynomials"), the other way round if the request asks for
// "weights-never-full-rank"; "weights-generic-rank" proves the exact rank for almost every W.
// Undecided "rank-deficient" or "too-large".
Outcome prove_full_rank_weights(const Instance& instance, const Request& request,
                                const Options& options);

// Full rank at given filters, by peeling and elimination modulo a prime. Proved with
// WeightsFullRankAt; undecided "rank-deficient" (modulo the prime) or "too-large".
Outcome weights_full_rank_at(const Architecture& network, const std::string& node,
                             const TensorSpec& weights);

// The rank of U at the filters of the request (its parameters, the frozen ones, or seeded ones):
// proved with WeightsFullRankAt or refuted with WeightsDeficientAt and a kernel vector; the other
// way round for the claim "weights-deficient-at".
Outcome prove_weights_rank_at(const Instance& instance, const Request& request,
                              const Options& options);

}  // namespace widecert
