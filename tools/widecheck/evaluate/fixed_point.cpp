#include "evaluate/fixed_point.h"

#include <algorithm>
#include <array>
#include <vector>

#include "evaluate/bounds.h"
#include "kernel/integers.h"

namespace widecheck {
namespace {

__extension__ typedef unsigned __int128 Wide;
constexpr std::uint64_t kOne = std::uint64_t{1} << 62;
constexpr unsigned kArgumentBits = 56;  // t < 64 in 62 bits
constexpr std::uint64_t kFar = std::uint64_t{64} << kArgumentBits;

// Errors in units: of e^-t, which include those of t; and of all that a function makes of it.
constexpr std::int64_t kExp = 144, kSigmoid = kExp + 1, kTanh = 2 * kSigmoid, kGaussian = 2200, kSoftplus = kExp + 10,
                       kTanhOfSoftplus = kExp + 6;

// A rational in [0, 3) as a number that is less than 2 units below it.
std::uint64_t below(const Interval& q) { return floor_of(q.low * mpq_class(mpz_class(1) << 62)).get_ui(); }

struct Tables {
  std::array<std::uint64_t, 64> whole;           // e^-i
  std::array<std::uint64_t, 256> first, second;  // e^(-j / 2^8), e^(-k / 2^16)
  std::array<std::uint64_t, 257> logarithm;      // ln(1 + k / 2^8)
  Tables() {
    constexpr unsigned kBits = 70;
    for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = below(exp_minus(mpz_class(i), kBits));
    for (unsigned long k = 0; k < 256; ++k) {
      first[k] = below(exp_minus(mpq_class(k) / 256, kBits));
      second[k] = below(exp_minus(mpq_class(k) / 65536, kBits));
    }
    for (unsigned long k = 0; k <= 256; ++k) logarithm[k] = k == 0 ? 0 : below(log(1 + mpq_class(k) / 256, kBits));
  }
};
const Tables& tables() {
  static const Tables all;
  return all;
}

// Of numbers of at most 1: the product, less than a unit too small.
std::uint64_t times(std::uint64_t a, std::uint64_t b) { return static_cast<std::uint64_t>(Wide{a} * b >> 62); }
// a / b of numbers a <= b, less than a unit too small.
std::uint64_t ratio(Wide a, Wide b) { return static_cast<std::uint64_t>((a << 62) / b); }

// e^-t for t in units of 2^-56: within 16 units. Each table is within 2; the polynomial 1 - r + r^2/2 - r^3/6 within 4,
// its remainder r^4/24 < 2^-68 included, as r < 2^-16; a product within the sum of its errors, and 1.
std::uint64_t exp_of_minus(std::uint64_t t) {
  if (t >= kFar) return 0;
  const Tables& table = tables();
  const std::uint64_t r = (t & ((std::uint64_t{1} << 40) - 1)) << 6, square = times(r, r), cube = times(square, r);
  const std::uint64_t rest = kOne - r + square / 2 - cube / 6;
  return times(times(table.whole[t >> 56], table.first[t >> 48 & 255]), times(table.second[t >> 40 & 255], rest));
}

// ln(1 + e) for e <= 1: within 8 units. With c = 1 + k / 2^8 just below z = 1 + e, ln z - ln c = 2 artanh(w), w = (z -
// c) / (z + c) < 2^-9, and 2 w^7 / 7 < 2^-64.
std::uint64_t log_of_one_plus(std::uint64_t e) {
  const std::uint64_t k = e >> 54, c = kOne + (k << 54), z = kOne + e;
  const std::uint64_t w = ratio(z - c, Wide{z} + c), square = times(w, w), cube = times(w, square);
  return tables().logarithm[k] + 2 * (w + cube / 3 + times(cube, square) / 5);
}

// tanh(ln(1 + e^x)), e = e^-|x|: its derivative in e is at most 1 on both sides.
std::uint64_t tanh_of_softplus(std::uint64_t e, bool negative) {
  const std::uint64_t square = times(e, e);
  if (negative) return ratio(Wide{square} + 2 * e, Wide{square} + 2 * e + 2 * kOne);
  return ratio(Wide{kOne} + 2 * e, Wide{kOne} + 2 * e + 2 * square);
}

}  // namespace

std::optional<FixedPoint> FixedPoint::of(const Activation& f, const mpz_class& divisor, const mpz_class& bound,
                                         unsigned bits) {
  FixedPoint at;
  at.function_ = f.function;
  at.bits_ = bits;
  mpq_class factor = 1;     // of the argument of e
  std::int64_t most = 0;    // units of error
  std::int64_t halves = 3;  // of a grid step, that these may take; rounding takes the rest
  switch (f.function) {
    case Function::sigmoid:
    case Function::one_minus_sigmoid:
      most = kSigmoid;
      break;
    case Function::tanh:
      most = kTanh;
      factor = 2;
      break;
    case Function::elu:
      most = kExp;
      break;
    case Function::gaussian:
      most = kGaussian;
      break;
    case Function::softplus:
      if (f.parameter < mpq_class(1, 16)) return std::nullopt;
      most = ceil_of(1 / f.parameter).get_si() * kSoftplus + 1;  // it is divided by the sharpness
      factor = f.parameter;
      halves = 1;
      break;
    // Beyond 64 the factor of x is 0 or 1 up to e^-64.
    case Function::silu:
      most = 64 * kSigmoid + 2;
      break;
    case Function::mish:
      most = 64 * kTanhOfSoftplus + 2;
      break;
    default:
      return std::nullopt;
  }
  if (bits >= 61 || most > halves << (61 - bits)) return std::nullopt;
  const mpz_class numerator = factor.get_num(), denominator = factor.get_den(), small = mpz_class(1) << 62;
  const mpz_class of_argument = divisor * denominator;
  if (of_argument >= small || numerator >= small || bound + 1 >= small || ((bound / divisor + 4) << bits) >= small)
    return std::nullopt;
  at.divisor_ = divisor.get_ui();
  at.numerator_ = numerator.get_ui();
  at.denominator_ = denominator.get_ui();
  unsigned shift = 62;
  while (numerator << shift < of_argument << 62) ++shift;
  while (shift > 0 && numerator << shift >= of_argument << 63) --shift;
  at.factor_ = mpz_class((numerator << shift) / of_argument).get_ui();
  // A factor of more than 64 is as good as one of 64: only 0 is not far then.
  at.shift_ = std::max(shift, kArgumentBits) - kArgumentBits;
  tables();
  return at;
}

// |v| numerator / (divisor denominator) in units of 2^-56, less than 2 too small; kFar from 64 on.
std::uint64_t FixedPoint::argument(std::uint64_t v) const {
  const Wide t = Wide{v} * factor_ >> shift_;
  return t < kFar ? static_cast<std::uint64_t>(t) : kFar;
}
// |v| / divisor on the grid, less than 1 too small.
std::uint64_t FixedPoint::on_grid(std::uint64_t v) const {
  return static_cast<std::uint64_t>((Wide{v} << bits_) / divisor_);
}
// |v| / divisor times a factor of at most 1 in units, rounded to the grid.
std::uint64_t FixedPoint::scaled(std::uint64_t v, std::uint64_t factor) const {
  const unsigned coarse = 62 - bits_;
  return static_cast<std::uint64_t>((Wide{v} * factor / divisor_ + (Wide{1} << (coarse - 1))) >> coarse);
}

std::int64_t FixedPoint::operator()(std::int64_t v) const {
  const bool negative = v < 0;
  const auto size = static_cast<std::uint64_t>(negative ? -v : v);
  const unsigned coarse = 62 - bits_;
  const auto rounded = [&](std::int64_t units) { return (units + (std::int64_t{1} << (coarse - 1))) >> coarse; };
  const auto one = static_cast<std::int64_t>(kOne);
  const std::uint64_t t = argument(size);
  if (function_ == Function::gaussian) {
    // |x| is less than 2 too small in 2^-56, its square for |x| < 8 less than 33; beyond, e^-64 is 0.
    const Wide square = Wide{t} * t >> kArgumentBits;
    return rounded(static_cast<std::int64_t>(exp_of_minus(square < kFar ? static_cast<std::uint64_t>(square) : kFar)));
  }
  const std::uint64_t e = exp_of_minus(t);
  const auto sigmoid = [&] { return static_cast<std::int64_t>(ratio(kOne, Wide{kOne} + e)); };  // of |x|
  switch (function_) {
    case Function::sigmoid:
      return rounded(negative ? one - sigmoid() : sigmoid());
    case Function::one_minus_sigmoid:
      return rounded(negative ? sigmoid() : one - sigmoid());
    case Function::tanh:
      return negative ? -rounded(2 * sigmoid() - one) : rounded(2 * sigmoid() - one);
    case Function::elu:
      return negative ? rounded(static_cast<std::int64_t>(e) - one) : static_cast<std::int64_t>(on_grid(size));
    case Function::softplus: {  // max(x, 0) + ln(1 + e^-a|x|) / a
      const Wide rest = Wide{log_of_one_plus(e)} * denominator_ / numerator_;
      const auto tail = static_cast<std::int64_t>((rest + (Wide{1} << (coarse - 1))) >> coarse);
      return negative ? tail : static_cast<std::int64_t>(on_grid(size)) + tail;
    }
    case Function::silu: {
      const auto s = static_cast<std::uint64_t>(negative ? one - sigmoid() : sigmoid());
      const auto y = static_cast<std::int64_t>(scaled(size, s));
      return negative ? -y : y;
    }
    default: {  // mish
      const auto y = static_cast<std::int64_t>(scaled(size, tanh_of_softplus(e, negative)));
      return negative ? -y : y;
    }
  }
}

std::int64_t log_sum_above(const std::vector<std::uint64_t>& t) {
  Wide sum = 0;
  for (std::uint64_t each : t) sum += exp_of_minus(each) + 16;
  // 2^twice z, 1 <= z <= 2.
  unsigned twice = 0;
  while (sum >> twice >= 2 * kOne) ++twice;
  const auto z = static_cast<std::uint64_t>((sum + (Wide{1} << twice) - 1) >> twice);
  const auto coarse = [](std::uint64_t units) { return static_cast<std::int64_t>((units + 63) >> 6); };
  return coarse(log_of_one_plus(z - kOne) + 8) + twice * coarse(tables().logarithm[256] + 2);
}

}  // namespace widecheck
