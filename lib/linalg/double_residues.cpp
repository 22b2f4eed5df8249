#include <widecert/linalg/double_residues.h>
#include <widecert/number/clones.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

namespace widecert {
namespace {

// v mod p for v < 2^53, where `inverse` is the double nearest 1/p: the quotient is right or one off.
inline std::int64_t residue(std::int64_t v, std::int64_t p, double inverse) {
  const auto quotient = static_cast<std::int64_t>(static_cast<double>(v) * inverse);
  std::int64_t r = v - quotient * p;
  r += r < 0 ? p : 0;
  r -= r >= p ? p : 0;
  return r;
}

WIDECERT_CLONES void convert(const double* values, std::uint32_t* out, std::size_t count,
                             std::int64_t p, const std::uint32_t* powers) {
  const double inverse = 1.0 / static_cast<double>(p);
  for (std::size_t j = 0; j < count; ++j) {
    const auto bits = std::bit_cast<std::int64_t>(values[j]);
    const std::int64_t exponent = bits >> 52 & 2047;
    // Subnormal numbers have no hidden bit and the exponent of the smallest normal ones, which the
    // table knows.
    const std::int64_t hidden = static_cast<std::int64_t>(exponent != 0) << 52;
    const std::int64_t mantissa = (bits & ((std::int64_t{1} << 52) - 1)) | hidden;
    // Both factors are below p, hence their product below 2^62: reduced by halves.
    const std::int64_t m = residue(mantissa, p, inverse), w = powers[exponent];
    const std::int64_t high = residue(m * (w >> 16), p, inverse);
    std::int64_t r = residue((high << 16) + m * (w & 0xffff), p, inverse);
    r = bits < 0 && r != 0 ? p - r : r;
    out[j] = static_cast<std::uint32_t>(r);
  }
}

}  // namespace

DoubleResidues::DoubleResidues(std::uint32_t prime) : prime_(prime) {
  const std::uint64_t p = prime, half = (p + 1) / 2;
  std::uint64_t power = 1;
  for (int k = 0; k < 1074; ++k) power = power * half % p;
  powers_[0] = static_cast<std::uint32_t>(power);
  for (std::size_t e = 1; e < 2048; ++e, power = power * 2 % p) {
    powers_[e] = static_cast<std::uint32_t>(power);
  }
}

void DoubleResidues::operator()(std::span<const double> values,
                                std::span<std::uint32_t> out) const {
  const auto infinite = std::find_if(values.begin(), values.end(),
                                     [](double v) { return !std::isfinite(v); });
  if (infinite != values.end()) {
    throw InputError("entry " + std::to_string(infinite - values.begin() + 1) +
                     " of a row is not a finite number");
  }
  convert(values.data(), out.data(), values.size(), prime_, powers_.data());
}

}  // namespace widecert
