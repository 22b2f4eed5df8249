// Witnesses: the parameters behind a result, written out to be replayed elsewhere.
#pragma once

#include <widecert/data/npy.h>
#include <widecert/network/point.h>

namespace widecert {

// All tensors of a point, as JSON text with exact rationals (and the alpha of a family); where a tensor has multiples
// of ln 2 as {"ln2": rows, "plus": rows}.
std::string witness_text(const Architecture& network, const PointSpec& point, const std::optional<Rational>& alpha);

// The same as arrays for write_npz(): "NODE.weights" and "NODE.bias" are numerators over the numbers
// "NODE.weights.divisor", "NODE.bias.divisor". Throws InputError if one has more than 63 bits.
std::map<std::string, NpyIntegers> witness_arrays(const Architecture& network, const PointSpec& point);

}  // namespace widecert
