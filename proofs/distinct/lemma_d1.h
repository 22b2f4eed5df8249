// Lemma D.1 (Nguyen & Hein 2018): distinctness of patches is transported upward.
//
// Filters outside finitely many hyperplanes, scaled so that pre-activations stay in an interval on
// which the activation is injective, keep the patches of different samples distinct through
// convolutional and dense layers; max pooling picks entries that differ already.
//
// Here: seeded integer filters over a power of two with |<w, f>| <= 1/2 and all biases 3/4, so that
// every pre-activation lies in [1/4, 5/4], where each activation of the table but the two steps is
// strictly monotone. What is claimed does not rest on the lemma: distinctness is then checked on
// the values themselves, exactly or by enclosures.
#pragma once

#include <widecert/network/scaled_features.h>
#include "proofs/distinct/hypotheses.h"

namespace widecert {

struct LowerLayers {
  PointSpec spec;  // tensors of the linear nodes of layers 1..k-1
};

// Parameters of layers 1..k-1. Fails with "not-injective" below a step activation, and with
// "no-bias" where a layer without bias has an activation that is not monotone around 0.
std::optional<LowerLayers> choose_lower_layers(const Instance& instance, const ChainPosition& at, std::uint64_t seed,
                                               Outcome& failure);

// A proof that the patches entering layer k differ between any two samples at these parameters, or
// nothing if no projection separated them at this precision.
std::optional<Finding> features_distinct(const Instance& instance, const ChainPosition& at, const LowerLayers& lower,
                                         const ScaledFeatures& features, int bits, std::uint64_t seed);

}  // namespace widecert
