// Residue<p>: arithmetic modulo a word-size prime known at compile time.
//
// A rational with a denominator prime to p has a residue (from_rational; throws InputError
// otherwise). Residues carry ring operations only: there is no order on GF(p), so ReLU and max
// pooling are not defined on them (the filtered modular forward pass steers those by exact signs).
#pragma once

#include <widecert/number/error.h>
#include <widecert/number/rational.h>

#include <cstdint>

namespace widecert {

template <std::uint32_t Prime>
class Residue {
 public:
  static constexpr std::uint32_t kPrime = Prime;
  constexpr Residue() = default;
  constexpr explicit Residue(std::int64_t n)
      : value_(static_cast<std::uint32_t>((n % std::int64_t{Prime} + Prime) % Prime)) {}

  static Residue from_rational(const Rational& x) {
    const auto reduce = [](mpz_srcptr z) { return Residue(static_cast<std::int64_t>(mpz_fdiv_ui(z, Prime))); };
    const Residue denominator = reduce(mpq_denref(x.backend().data()));
    if (denominator.value_ == 0) {
      throw InputError(to_string(x) + " has no residue modulo " + std::to_string(Prime) +
                       ": its denominator is divisible by it; choose another prime");
    }
    return reduce(mpq_numref(x.backend().data())) * denominator.inverse();
  }

  constexpr std::uint32_t value() const { return value_; }
  // Requires *this != 0. By Fermat: x^(p-2).
  constexpr Residue inverse() const {
    Residue result(1), base = *this;
    for (std::uint32_t e = Prime - 2; e != 0; e >>= 1) {
      if (e & 1) result *= base;
      base *= base;
    }
    return result;
  }

  constexpr Residue& operator+=(Residue o) { return set(std::uint64_t{value_} + o.value_); }
  constexpr Residue& operator-=(Residue o) { return set(std::uint64_t{value_} + Prime - o.value_); }
  constexpr Residue& operator*=(Residue o) { return set(std::uint64_t{value_} * o.value_); }
  friend constexpr Residue operator+(Residue a, Residue b) { return a += b; }
  friend constexpr Residue operator-(Residue a, Residue b) { return a -= b; }
  friend constexpr Residue operator*(Residue a, Residue b) { return a *= b; }
  friend constexpr bool operator==(Residue, Residue) = default;

 private:
  constexpr Residue& set(std::uint64_t v) {
    value_ = static_cast<std::uint32_t>(v % Prime);
    return *this;
  }
  std::uint32_t value_ = 0;
};

}  // namespace widecert
