// The hypotheses of the theorems as results of their own. Each returns the finding that settles it,
// or an Outcome that says which hypothesis fails, with a witness that the checker verifies.
#pragma once

#include "proofs/prover.h"

namespace widecert {

// Where the request points: layer k of the paper's chain (k counts from 1).
struct ChainPosition {
  Chain chain;
  std::size_t k = 0;
  const Layer& layer() const { return chain.layers[k - 1]; }
};

// Locates F_k for the node of a request and checks the layer kinds: a chain of convolutional, dense
// and max-pooling layers, layer k linear with an activation, no frozen tensor in layers 1..k.
// Failing that, `failure` receives the outcome "not-a-chain", "layer-kind" or "frozen-parameters".
// Throws InputError if there is no such node.
std::optional<ChainPosition> locate(const Instance& instance, const std::string& node,
                                    Outcome& failure);

// The name of the layer that reads the data.
std::string first_layer(const Instance& instance, const ChainPosition& at);
// The not-applicable outcome "tied-biases" for layer k.
Outcome tied_biases(const Node& map);

// Assumption 3.1: either PatchesDistinct is the first finding of a proved outcome, or the outcome
// is not applicable with reason "patches-collide".
Outcome assumption_3_1(const Instance& instance, const std::string& node);

// Assumption 3.2 for the activation of layer k; the not-applicable outcome if it fails.
std::optional<Outcome> violates_assumption_3_2(const Instance& instance, const ChainPosition& at);

}  // namespace widecert
