// Activations in machine integers, on grids so coarse that 62 bits hold all: a value in some 20 nanoseconds, where the
// rational enclosures of bounds.h take microseconds. Their tables are made from those.
//
// One unit is 2^-62. e^-t is the product of three numbers from tables and a polynomial; everything else comes from it.
// Each step says how many units its error has at most.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernel/function.h"

namespace widecheck {

class FixedPoint {
 public:
  // Of s at v / divisor for |v| <= bound; nothing where the errors or the numbers would be too large.
  static std::optional<FixedPoint> of(const Activation& f, const mpz_class& divisor, const mpz_class& bound,
                                      unsigned bits);
  // An integer within 2 of s(v / divisor) 2^bits.
  std::int64_t operator()(std::int64_t v) const;
  // What one takes, in products.
  static constexpr int kCost = 60;

 private:
  FixedPoint() = default;
  std::uint64_t argument(std::uint64_t v) const;
  std::uint64_t on_grid(std::uint64_t v) const;
  std::uint64_t scaled(std::uint64_t v, std::uint64_t factor) const;

  Function function_ = Function::sigmoid;
  unsigned bits_ = 0, shift_ = 0;
  std::uint64_t divisor_ = 1, factor_ = 0;  // the argument of e is |v| factor / 2^(shift + 56), factor in [2^62, 2^63)
  std::uint64_t numerator_ = 1, denominator_ = 1;  // or |v| numerator / (divisor denominator), exactly
};

// At least ln(sum of e^-t), for t >= 0 not none and at most 2^20 of them, one of them 0; off by 2^6 for each t and
// doubling at most. All in units of 2^-56.
std::int64_t log_sum_above(const std::vector<std::uint64_t>& t);

}  // namespace widecheck
