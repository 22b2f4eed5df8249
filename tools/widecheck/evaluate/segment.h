// Phi on a straight segment of parameters, from above: for every network of layers whose functions are continuous.
//
// Between two neighbouring points of a grid a value is held as a chord: integers a, b and e in units of 2^-bits, such
// that the value at (1 - s) of the one point and s of the other is within e of (1 - s) a + s b, for every s in [0, 1].
// The chords of a layer are made of those below it:
//   linear       W_0 a, W_1 b;  |W| e + |(W_1 - W_0) (b - a)| / 4, since s (1 - s) <= 1/4
//   kink at 0    values;        L e, and |1 - slope| |a| |b| / (|a| + |b|) where a and b have different signs
//   smooth       values;        L e + C (b - a)^2 / 8, for |s'(x) - s'(y)| <= C |x - y|
//   max pooling  largest ones;  the largest e, and x y / (x + y), where what is largest at the one end is x below the
//                               largest at the other one, and y the other way round
// and what is rounded is added to e. Phi is convex in outputs: on a cell at most the larger of its values at the ends,
// each raised by the radius; so is the sum over samples. The errors are of second order in the length of a cell.
#pragma once

#include <cstdint>
#include <map>

#include "evaluate/convex_loss.h"
#include "kernel/parameters.h"
#include "kernel/rule.h"

namespace widecheck {

// At least Phi at (1 - t) from + t to, for all t in [0, 1]; with so many cells, a power of 2, and 8 to 48 bits. Pays
// for itself. Throws Rejected("unsupported") where an activation has no bounds, ("range") beyond 2^58 units.
mpq_class above_on_segment(const Context& c, std::size_t output, const std::map<std::size_t, Parameters>& from,
                           const std::map<std::size_t, Parameters>& to, const ConvexLoss& loss, std::size_t cells,
                           unsigned bits);

}  // namespace widecheck
