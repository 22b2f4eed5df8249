// Residues of binary floats modulo an odd prime. A finite double is an integer times a power of two,
// and 2 is a unit modulo an odd prime: a matrix of doubles has an exact rank modulo p, a lower bound
// of its exact rank over Q, however badly it is conditioned.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace widecert {

class DoubleResidues {
 public:
  // Requires an odd prime below 2^31.
  explicit DoubleResidues(std::uint32_t prime);
  // out[j] = values[j] mod p in 0..p-1; equal lengths. Throws InputError on NaN and infinities.
  void operator()(std::span<const double> values, std::span<std::uint32_t> out) const;

 private:
  std::uint32_t prime_;
  std::array<std::uint32_t, 2048> powers_{};  // 2^(e - 1075) mod p for biased exponents e
};

}  // namespace widecert
