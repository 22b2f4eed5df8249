// Bounds in double arithmetic. Round to nearest throughout: a correctly rounded result differs from
// the exact one by at most half the gap to its neighbours, so the next double above it is an upper
// bound and the next below a lower one. No rounding mode is ever switched, so that these functions may
// be called from any thread and next to any library. They need IEEE 754 arithmetic: no flush to zero,
// no -ffast-math (require_ieee()).
//
// Upper bounds are meant for values >= 0; NaN never becomes a bound (a comparison with it is false).
#pragma once

#include <widecert/number/error.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace widecert {

inline constexpr double kUnitRoundoff = 0x1p-53;
inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Half of the smallest positive double: what one underflow loses at most.
inline constexpr double kUnderflow = 0x1p-1074;

inline double next_up(double x) { return std::nextafter(x, kInfinity); }
inline double next_down(double x) { return std::nextafter(x, -kInfinity); }

inline double add_up(double a, double b) { return next_up(a + b); }
inline double sub_up(double a, double b) { return next_up(a - b); }
inline double mul_up(double a, double b) { return next_up(a * b); }
inline double div_up(double a, double b) { return next_up(a / b); }
inline double sqrt_up(double x) { return next_up(std::sqrt(x)); }
inline double add_down(double a, double b) { return next_down(a + b); }
inline double sub_down(double a, double b) { return next_down(a - b); }
inline double mul_down(double a, double b) { return next_down(a * b); }
inline double div_down(double a, double b) { return next_down(a / b); }
// Of a value that is at least 0 in truth.
inline double sqrt_down(double x) { return x > 0 ? std::fmax(0.0, next_down(std::sqrt(x))) : 0; }

// At least k u / (1 - k u), the relative error of a sum of k rounded products in any order, with or
// without fused operations (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1);
// infinite where k u is not small.
inline double gamma_up(double k) { return k < 0x1p40 ? k * kUnitRoundoff * (1 + 0x1p-10) : kInfinity; }

// At least the exact sum of `terms` numbers >= 0 whose floating-point sum, in any order and with or
// without fused operations, is `computed`; each term may itself be a product of two doubles.
inline double sum_up(double computed, std::size_t terms) {
  const auto k = static_cast<double>(terms + 1);
  return add_up(mul_up(computed, 1 + 2 * gamma_up(k)), mul_up(k, kUnderflow));
}
// At most that sum.
inline double sum_down(double computed, std::size_t terms) {
  const auto k = static_cast<double>(terms + 1);
  const double scale = 1 - 2 * gamma_up(k);
  return scale > 0 ? std::fmax(0.0, sub_down(mul_down(computed, scale), mul_up(k, kUnderflow))) : 0;
}

// Throws InternalError unless doubles are rounded to nearest and denormal numbers are kept.
inline void require_ieee() {
  volatile double one = 1, tiny = 0x1p-53, least = 0x1p-1022;
  check(one + tiny == 1 && one + 3 * tiny == 1 + 0x1p-51 && one - tiny != 1 && least / 4 != 0 && least / 4 * 4 == least,
        "IEEE arithmetic, rounding to nearest, with denormal numbers");
}

}  // namespace widecert
