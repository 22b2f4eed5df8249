// A path with constant outputs between two networks, and their outputs joined straight at its end: where there is no
// slack (Lemmas R and X of Theorem U, for two layers and rational values).
#pragma once

#include "proofs/paths/walk.h"

namespace widecert {

// The walk, led to its end by top and unused moves on which Phi is at most the larger of its ends' values; nothing,
// and why, where the layer has too few units, values are irrational or there are more than 128 samples.
std::optional<Walk> exchange(const Instance& instance, Walk walk, const PointSpec& to, Outcome& failed);

}  // namespace widecert
