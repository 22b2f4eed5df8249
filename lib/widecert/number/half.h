// Floats of 16 bits, exactly: IEEE 754 half precision, and bfloat16, the upper half of a float32.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace widecert {

inline double from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double v = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  if (exponent == 31) v = fraction == 0 ? HUGE_VAL : std::nan("");
  return bits >> 15 != 0 ? -v : v;
}
inline double from_bfloat16(std::uint16_t bits) {
  return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16));
}

}  // namespace widecert
