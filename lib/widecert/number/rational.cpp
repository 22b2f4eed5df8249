#include <widecert/number/error.h>
#include <widecert/number/rational.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace widecert {
namespace {

[[noreturn]] void not_a_number(std::string_view text) {
  throw InputError("\"" + std::string(text.substr(0, 40)) + (text.size() > 40 ? "..." : "") +
                   "\" is not a number: expected an integer, p/q with q > 0, or a finite decimal "
                   "with an exponent of at most 10,000");
}

bool all_digits(std::string_view s) {
  if (s.empty()) return false;
  for (char c : s)
    if (c < '0' || c > '9') return false;
  return true;
}

Integer parse_digits(std::string_view digits, std::string_view whole) {
  if (!all_digits(digits)) not_a_number(whole);
  // A leading zero would make GMP read octal.
  const auto first = digits.find_first_not_of('0');
  if (first == std::string_view::npos) return Integer(0);
  return Integer(std::string(digits.substr(first)));
}

}  // namespace

Rational parse_rational(std::string_view text) {
  if (text.size() > kMaxDigits) {
    throw InputError("a number of " + std::to_string(text.size()) + " characters; at most " +
                     std::to_string(kMaxDigits) + " are read");
  }
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest.front() == '-';
  if (negative || (!rest.empty() && rest.front() == '+')) rest.remove_prefix(1);

  Rational value;
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    const Integer numerator = parse_digits(rest.substr(0, slash), text);
    const Integer denominator = parse_digits(rest.substr(slash + 1), text);
    if (denominator == 0) not_a_number(text);
    value = Rational(numerator, denominator);
  } else {
    long exponent = 0;
    if (const auto e = rest.find_first_of("eE"); e != std::string_view::npos) {
      std::string_view digits = rest.substr(e + 1);
      const bool down = !digits.empty() && digits.front() == '-';
      if (down || (!digits.empty() && digits.front() == '+')) digits.remove_prefix(1);
      if (!all_digits(digits) || digits.size() > 6) not_a_number(text);
      exponent = std::stol(std::string(digits)) * (down ? -1 : 1);
      rest = rest.substr(0, e);
    }
    std::string digits;
    const auto dot = rest.find('.');
    if (dot == std::string_view::npos) {
      digits = std::string(rest);
    } else {
      digits = std::string(rest.substr(0, dot)) + std::string(rest.substr(dot + 1));
      exponent -= static_cast<long>(rest.size() - dot - 1);
    }
    if (std::abs(exponent) > kMaxExponent) not_a_number(text);
    value = Rational(parse_digits(digits, text));
    const Integer scale = pow(Integer(10), static_cast<unsigned>(std::abs(exponent)));
    if (exponent < 0) {
      value /= Rational(scale);
    } else {
      value *= Rational(scale);
    }
  }
  return negative ? Rational(-value) : value;
}

unsigned dyadic_scale(std::span<const double> values) {
  int scale = 0;
  for (double v : values) {
    if (v == 0) continue;
    int exponent = 0;
    const double fraction = std::frexp(v, &exponent);  // v = fraction * 2^exponent, exactly
    const auto digits = static_cast<std::int64_t>(std::ldexp(fraction, 53));
    scale = std::max(scale, 53 - exponent - std::countr_zero(static_cast<std::uint64_t>(digits)));
  }
  return static_cast<unsigned>(scale);
}

Integer times_power_of_two(double value, unsigned scale) {
  int exponent = 0;
  const double fraction = std::frexp(value, &exponent);
  const auto digits = static_cast<std::int64_t>(std::ldexp(fraction, 53));
  const int shift = exponent - 53 + static_cast<int>(scale);
  return shift >= 0 ? Integer(Integer(digits) << shift) : Integer(digits >> -shift);
}

Rational exactly(double value) {
  if (!std::isfinite(value)) {
    throw InputError("a non-finite floating-point number; expected a finite one");
  }
  return Rational(value);
}

std::string to_string(const Rational& value) { return value.str(); }

double quotient_near(const Integer& a, const Integer& b) {
  long exponent_a = 0, exponent_b = 0;
  const double x = mpz_get_d_2exp(&exponent_a, a.backend().data()), y = mpz_get_d_2exp(&exponent_b, b.backend().data());
  const long exponent = std::clamp(exponent_a - exponent_b, -4000L, 4000L);
  return std::ldexp(x / y, static_cast<int>(exponent));
}

Integer floor(const Rational& value) {
  Integer result;
  mpz_fdiv_q(result.backend().data(), mpq_numref(value.backend().data()), mpq_denref(value.backend().data()));
  return result;
}

Integer ceil(const Rational& value) { return -floor(Rational(-value)); }

Rational power_of_two(int exponent) {
  const Rational power(Integer(1) << static_cast<unsigned>(std::abs(exponent)));
  return exponent < 0 ? Rational(1 / power) : power;
}

Rational round_down(const Rational& value, int bits) {
  const Rational scale = power_of_two(bits);
  return Rational(floor(Rational(value * scale))) / scale;
}

Rational round_up(const Rational& value, int bits) { return -round_down(Rational(-value), bits); }

namespace {
int bits_for(const Rational& value, int digits) {
  check(value > 0, "a short bound is asked of a positive value only");
  const auto size = [](mpz_srcptr z) { return static_cast<int>(mpz_sizeinbase(z, 2)); };
  const int exponent = size(mpq_numref(value.backend().data())) - size(mpq_denref(value.backend().data()));
  return digits - exponent;
}
}  // namespace

Rational short_upper_bound(const Rational& value, int digits) { return round_up(value, bits_for(value, digits)); }

Rational short_lower_bound(const Rational& value, int digits) { return round_down(value, bits_for(value, digits)); }

namespace {

Rational power_of_ten(int exponent) {
  const Integer power = boost::multiprecision::pow(Integer(10), static_cast<unsigned>(std::abs(exponent)));
  return exponent < 0 ? Rational(1, power) : Rational(power);
}

std::string decimal(const Rational& value, int digits, bool up) {
  if (value == 0) return "0";
  if (value < 0) return std::string("-").append(decimal(-value, digits, !up));
  // 10^e <= value < 10^(e+1).
  int e = static_cast<int>(numerator(value).str().size()) - static_cast<int>(denominator(value).str().size());
  while (power_of_ten(e) > value) --e;
  while (power_of_ten(e + 1) <= value) ++e;
  const Rational scaled = value * power_of_ten(digits - 1 - e);
  std::string text = (up ? ceil(scaled) : floor(scaled)).str();
  if (text.size() > static_cast<std::size_t>(digits)) ++e;  // rounded up to a power of ten
  while (text.size() > 1 && text.back() == '0') text.pop_back();
  const auto length = static_cast<int>(text.size());
  if (e < -5 || e >= 15) {
    if (length > 1) text.insert(1, 1, '.');
    return text.append("e").append(std::to_string(e));
  }
  if (e < 0) return std::string("0.").append(static_cast<std::size_t>(-e - 1), '0').append(text);
  if (length <= e + 1) return text + std::string(static_cast<std::size_t>(e + 1 - length), '0');
  text.insert(static_cast<std::size_t>(e + 1), 1, '.');
  return text;
}

}  // namespace

std::string decimal_below(const Rational& value, int digits) { return decimal(value, digits, false); }
std::string decimal_above(const Rational& value, int digits) { return decimal(value, digits, true); }

}  // namespace widecert
