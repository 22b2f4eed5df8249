// The hypotheses of the theorems as results of their own. Each returns the finding that settles it,
// or an Outcome that says which hypothesis fails, with a witness that the checker verifies.
#pragma once

#include <widecert/data/patch_distinctness.h>

#include "proofs/prover.h"

namespace widecert {

// Where an entry points: layer k of the paper's chain (k counts from 1).
struct ChainPosition {
  Chain chain;
  std::size_t k = 0;
  const Layer& layer() const { return chain.layers[k - 1]; }
};

// Locates F_k for a node and checks the layer kinds: a chain of convolutional, dense
// and max-pooling layers, layer k linear with an activation, no frozen tensor in layers 1..k.
// Failing that, `failure` receives the outcome "not-a-chain", "layer-kind" or "frozen-parameters".
std::optional<ChainPosition> locate(const Instance& instance, std::size_t node, Outcome& failure);

// The name of the layer that reads the data.
std::string first_layer(const Instance& instance, const ChainPosition& at);
// The not-applicable outcome "tied-biases" for layer k.
Outcome tied_biases(const Node& map);

// "patches-distinct": Assumption 3.1 holds for the patches of `node`, which reads the data.
Finding patches_distinct(const std::string& node);
// "patches-collide": under `node`, patch p of sample i equals patch q of sample j, i != j.
Finding patches_collide(const std::string& node, const PatchCollision& at);

// Assumption 3.1: proved with patches_distinct(), or not applicable with reason "patches-collide" and
// patches_collide().
Outcome assumption_3_1(const Instance& instance, const std::string& node);

// Assumption 3.2 for the activation of layer k; the not-applicable outcome if it fails.
std::optional<Outcome> violates_assumption_3_2(const Instance& instance, const ChainPosition& at);

namespace theorems {
Theorem assumption_3_1();
}

}  // namespace widecert
