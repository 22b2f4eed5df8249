// Seeded operands for random tests. WIDECERT_TEST_SCALE multiplies the number of rounds.
#pragma once

#include <widecert/number/rational.h>

#include <cstdlib>
#include <random>

namespace widecert::test {

inline int rounds(int base) {
  const char* scale = std::getenv("WIDECERT_TEST_SCALE");
  return scale == nullptr ? base : base * std::max(1, std::atoi(scale));
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  long integer(long low, long high) { return std::uniform_int_distribution<long>(low, high)(engine_); }
  Rational rational(long size) { return Rational(Integer(integer(-size, size)), Integer(integer(1, size))); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace widecert::test
