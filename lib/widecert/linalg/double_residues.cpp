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

WIDECERT_CLONES void convert(const double* values, std::uint32_t* out, std::size_t count, std::int64_t p,
                             const std::uint32_t* powers) {
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

// The same for p = 127 = 2^7 - 1, the prime that is tried first: 2^7 = 1, so that numbers are folded
// by shifts and powers of two are shifts themselves. Returns 2047 if some value is not finite.
WIDECERT_CLONES std::int64_t convert_127(const double* values, std::uint32_t* out, std::size_t count) {
  std::int64_t most = 0;
  for (std::size_t j = 0; j < count; ++j) {
    const auto bits = std::bit_cast<std::int64_t>(values[j]);
    const std::int64_t biased = bits >> 52 & 2047;
    most = biased > most ? biased : most;
    const std::int64_t normal = static_cast<std::int64_t>(biased != 0);
    const std::int64_t m = (bits & ((std::int64_t{1} << 52) - 1)) | normal << 52;
    // 2^(e - 1075) = 2^(e + 3), as 1078 = 7 * 154; subnormal numbers have e = 1.
    const std::int64_t e = biased + 4 - normal;
    const std::int64_t shift = e - 7 * (e * 9363 >> 16);               // e mod 7 for e < 2^12
    std::int64_t r = (m & ((std::int64_t{1} << 28) - 1)) + (m >> 28);  // below 2^29
    r = (r & ((std::int64_t{1} << 14) - 1)) + (r >> 14);               // below 2^15 + 2^14
    r = r << shift;                                                    // below 2^22
    r = (r & 16383) + (r >> 14);
    r = (r & 127) + (r >> 7);  // below 2^8
    r = (r & 127) + (r >> 7);  // at most 128
    r = r >= 127 ? r - 127 : r;
    r = bits < 0 && r != 0 ? 127 - r : r;
    out[j] = static_cast<std::uint32_t>(r);
  }
  return most;
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

void DoubleResidues::operator()(std::span<const double> values, std::span<std::uint32_t> out) const {
  if (prime_ == 127 && convert_127(values.data(), out.data(), values.size()) < 2047) return;
  const auto infinite = std::find_if(values.begin(), values.end(), [](double v) { return !std::isfinite(v); });
  if (infinite != values.end()) {
    throw InputError("entry " + std::to_string(infinite - values.begin() + 1) + " of a row is not a finite number");
  }
  convert(values.data(), out.data(), values.size(), prime_, powers_.data());
}

}  // namespace widecert
