// Theorem 3.4 (Nguyen & Hein 2018) for an instance: linearly independent features at a wide layer
// k.
//
// Hypotheses, each a result of its own: a chain of convolutional, dense and max-pooling layers with
// free parameters; n_k >= N; one free bias per neuron in layer k; Assumption 3.1 on the data;
// Assumption 3.2 for sigma_k; below k, activations that are injective where Lemma D.1 works.
//
// Conclusion, stronger than the paper's existence: an explicit rational family theta_0 + alpha
// theta_1 and an explicit alpha_0 with rank F_k = N for EVERY alpha >= alpha_0 (lemma_m.h has the
// proof for each activation). Full rank of U_1..U_k at the family is claimed separately where it is
// found.
#pragma once

#include "proofs/rays/ray_construction.h"

namespace widecert {

// Theorem 3.5 where every operation up to the node is analytic: one member of the ray has rank N, so almost every
// parameter has ("independent-almost-everywhere"). By row differences for tanh.
Outcome almost_everywhere_from_ray(const Instance& instance, std::size_t node, Filters filters, const Options& options);

namespace theorems {
Theorem theorem_3_4();
}

}  // namespace widecert
