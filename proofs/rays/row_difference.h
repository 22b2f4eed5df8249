// Independence for bounded increasing activations by row differences (after Lemma 4.3, Nguyen &
// Hein 2017): sigmoid and tanh, where tanh violates Assumption 3.2 of the 2018 paper.
//
// Claims: "affinely-independent-on-ray", rank [F_k, 1] = N, which needs only n_k >= N - 1 neurons;
// and "independent-on-ray", rank F_k = N with n_k >= N, where one further neuron is saturated and
// stands in for the column of ones. The proof is in lemma_m.h.
#pragma once

#include "proofs/prover.h"

namespace widecert {

// The hypothesis that fails, with its witness; nothing if the construction applies.
std::optional<Outcome> row_difference_obstacle(const Instance& instance, const Request& request);

Outcome prove_row_difference(const Instance& instance, const Request& request,
                             const Options& options);

}  // namespace widecert
