// Residues of binary floats modulo an odd prime. A finite double is an integer times a power of two,
// and 2 is a unit modulo an odd prime: a matrix of doubles has an exact rank modulo p, a lower bound
// of its exact rank over Q, however badly it is conditioned.
#pragma once

#include <cstdint>
#include <span>

namespace widecert {

// out[j] = values[j] mod p in 0..p-1. Requires an odd prime below 2^31 and equal lengths. Throws
// InputError on NaN and infinities.
void residues_of_doubles(std::span<const double> values, std::uint32_t prime,
                         std::span<std::uint32_t> out);

}  // namespace widecert
