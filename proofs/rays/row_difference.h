// Independence for bounded increasing activations by row differences (after Lemma 4.3, Nguyen &
// Hein 2017): sigmoid and tanh, where tanh violates Assumption 3.2 of the 2018 paper.
//
// Claims: "affinely-independent-on-ray", rank [F_k, 1] = N, which needs only n_k >= N - 1 neurons;
// and "independent-on-ray", rank F_k = N with n_k >= N, where one further neuron is saturated and
// stands in for the column of ones. The proof is in lemma_m.h.
#pragma once

#include "proofs/rays/ray_construction.h"

namespace widecert {

// "independent-almost-everywhere" of a node, for an activation that has row differences.
Outcome almost_everywhere_from_row_differences(const Instance& instance, std::size_t node, Filters filters,
                                               const Options& options);

namespace theorems {
Theorem row_difference();
}

}  // namespace widecert
