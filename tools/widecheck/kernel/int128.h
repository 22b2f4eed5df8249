// Integers of 128 bits, and big ones: exact in both directions.
#pragma once

#include <gmpxx.h>

namespace widecheck {

__extension__ typedef __int128 Int128;

inline mpz_class to_big(Int128 v) {
  mpz_class w = static_cast<long>(v >> 64);
  w <<= 64;
  w += static_cast<unsigned long>(v);
  return w;
}
// Of |v| < 2^127.
inline Int128 to_128(const mpz_class& v) {
  const mpz_class high = v >> 64, low = v - (high << 64);
  return static_cast<Int128>(high.get_si()) * (Int128{1} << 64) + low.get_ui();
}

}  // namespace widecheck
