// Untied biases (Theorem T): with one free bias per neuron, features are independent as soon as each
// neuron keeps the samples apart, for every activation but the linear ones.
//
// Column by column: if v is orthogonal to the columns chosen so far, then sum_i v_i s(g_j(x_i) + b) is
// not identically 0 in b, as the numbers g_j(x_i) differ and translates of s are independent. Samples
// are kept apart by almost every parameter if the data's patches differ, and this is carried upward
// by free filters, injective activations and max pooling (README.md beside). So max
// pooling, leaky relu and elu may lie below the layer, where one point of full rank would prove
// nothing about almost every parameter.
#pragma once

#include "proofs/prover.h"

namespace widecert {

// Almost every parameter needs an analytic activation at the claimed node; some parameter does not.
enum class Measure { almost_everywhere, somewhere };

// The outcome that says which hypothesis fails for the values of a node; nothing if all hold. Cost:
// N * P patches are compared.
std::optional<Outcome> untied_biases_obstacle(const Instance& instance, std::size_t node, Measure measure);

// The proof, where no obstacle was found.
Outcome by_untied_biases(const Instance& instance, std::size_t node, Measure measure);

// "independent-almost-everywhere": rank F = rank = min(N, n) for Lebesgue-almost every parameter of Theta.
Claim independent_almost_everywhere(const std::string& node, std::size_t rank);

namespace theorems {
Theorem untied_biases();
}

}  // namespace widecert
