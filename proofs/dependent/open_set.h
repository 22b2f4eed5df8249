// rank F < N on an open set of parameters (the counterexamples to Theorem 3.5 for relu, leaky relu
// and ELU): a box of parameters on which no unit comes near its kink, so that every feature is 0 or
// an affine function of the input.
#pragma once

#include "proofs/prover.h"

namespace widecert {

// The finding for the values of a node: with all units dead (relu, step) or all on their linear
// side. Nothing if the layer has no free bias, or where affine features may still be independent.
std::optional<Finding> dependent_on_open_set(const Instance& instance, std::size_t node);

// The theorem "open-set".
Outcome prove_open_set(const Instance& instance, const Request& request, const Options& options);

}  // namespace widecert
