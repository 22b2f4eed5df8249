// A path between two pyramidal networks: every path of outputs is followed by the first layer (Lemma L of Theorem U, in
// doubles; its pieces are verified as straight moves).
#pragma once

#include "proofs/paths/walk.h"

namespace widecert {

// The walk, led to its end with Phi below the level; nothing, and why, where [X, 1] has not rank N, a function is no
// homeomorphism of R, widths do not decrease, or the pieces would be too short.
std::optional<Walk> lift(Walk walk, const ConvexLoss& loss, double level, Outcome& failed);

}  // namespace widecert
