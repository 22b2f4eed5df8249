#include <widecert/linalg/double_residues.h>
#include <widecert/number/error.h>

#include <array>
#include <bit>
#include <string>

namespace widecert {
namespace {

// 2^(e - 1075) mod p for every biased exponent e.
class Powers {
 public:
  explicit Powers(std::uint32_t p) {
    const std::uint64_t half = (std::uint64_t{p} + 1) / 2;
    std::uint64_t power = 1;
    for (int k = 0; k < 1075; ++k) power = power * half % p;
    for (int e = 0; e < 2047; ++e, power = power * 2 % p) {
      table_[static_cast<std::size_t>(e)] = static_cast<std::uint32_t>(power);
    }
  }
  std::uint32_t operator[](std::uint64_t exponent) const { return table_[exponent]; }

 private:
  std::array<std::uint32_t, 2047> table_{};
};

}  // namespace

void residues_of_doubles(std::span<const double> values, std::uint32_t p,
                         std::span<std::uint32_t> out) {
  const Powers powers(p);
  for (std::size_t j = 0; j < values.size(); ++j) {
    const auto bits = std::bit_cast<std::uint64_t>(values[j]);
    const std::uint64_t exponent = bits >> 52 & 2047;
    if (exponent == 2047) {
      throw InputError("entry " + std::to_string(j + 1) + " of a row is not a finite number");
    }
    std::uint64_t mantissa = bits & ((std::uint64_t{1} << 52) - 1);
    // Subnormal numbers have no hidden bit and the exponent of the smallest normal ones.
    if (exponent != 0) mantissa |= std::uint64_t{1} << 52;
    const std::uint64_t r = mantissa % p * powers[exponent == 0 ? 1 : exponent] % p;
    out[j] = static_cast<std::uint32_t>(bits >> 63 && r != 0 ? p - r : r);
  }
}

}  // namespace widecert
