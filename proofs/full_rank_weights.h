// Full rank of U = M(W) at given filters, by elimination modulo a prime: rank(U mod p) <= rank_Q(U)
// <= min(n_{k-1}, n_k) (Assumption 2.4 and Lemma 2.5, Nguyen & Hein 2018: one such W implies full
// rank for almost every W).
#pragma once

#include <widecert/proofs/outcome.h>

namespace widecert {

// Proved with WeightsFullRankAt; undecided "rank-deficient" (modulo the prime) or "too-large" (the
// smaller side over 4,000 or more than 2^28 entries).
Outcome weights_full_rank_at(const Architecture& network, const std::string& node,
                             const TensorSpec& weights);

// For a request: seeded integer filters are tried, a few seeds.
Outcome find_full_rank_weights(const Instance& instance, const Request& request,
                               const Options& options);

}  // namespace widecert
