// Exact scalars: Integer and Rational (Boost.Multiprecision over GMP).
//
// Text and binary floats enter exactly and by explicit name: parse_rational("0.1") is 1/10, while
// exactly(0.1) is the binary double, 3602879701896397/36028797018963968.
#pragma once

#include <boost/multiprecision/gmp.hpp>
#include <span>
#include <string>
#include <string_view>

namespace widecert {

// Expression templates are off: `auto` then names a value, never a view of a dead temporary.
using Integer = boost::multiprecision::number<boost::multiprecision::gmp_int, boost::multiprecision::et_off>;
using Rational = boost::multiprecision::number<boost::multiprecision::gmp_rational, boost::multiprecision::et_off>;

// Limits on text that comes from strangers; beyond them parse_rational throws InputError.
inline constexpr std::size_t kMaxDigits = 10'000;
inline constexpr long kMaxExponent = 10'000;

// Parses "-3", "2/3", "0.25" or "1e-3" exactly. Throws InputError on anything else (including
// "nan", "inf", a zero denominator, more than kMaxDigits digits), quoting the text.
Rational parse_rational(std::string_view text);

// The exact value of a finite double. Throws InputError for NaN and infinities.
Rational exactly(double value);
// The least s >= 0 such that every value (finite) times 2^s is an integer: at most 1074.
unsigned dyadic_scale(std::span<const double> values);
// The integer value * 2^scale, for a scale as above.
Integer times_power_of_two(double value, unsigned scale);

// Canonical text: "p" or "p/q" in lowest terms with q > 1. parse_rational is its inverse.
std::string to_string(const Rational& value);

// a / b up to a relative error of 6 * 2^-53, or 2^-1074 absolutely; infinite beyond the range of doubles.
double quotient_near(const Integer& a, const Integer& b);

Integer floor(const Rational& value);
Integer ceil(const Rational& value);

// The largest multiple of 2^-bits that is <= value, and the smallest that is >= value. With
// `bits` negative the multiples are of 2^|bits|.
Rational round_down(const Rational& value, int bits);
Rational round_up(const Rational& value, int bits);

// round_up keeping about `digits` significant binary digits: a short upper bound of a positive
// value.
Rational short_upper_bound(const Rational& value, int digits);
// The matching short lower bound of a positive value; it is positive.
Rational short_lower_bound(const Rational& value, int digits);

// A decimal of so many digits that is at most, at least the value; parse_rational reads it.
std::string decimal_below(const Rational& value, int digits);
std::string decimal_above(const Rational& value, int digits);

// 2^exponent, exactly.
Rational power_of_two(int exponent);

}  // namespace widecert
