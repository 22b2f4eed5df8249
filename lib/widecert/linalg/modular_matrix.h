// ModularMatrix: a dense matrix modulo a word-size prime and its rank, by FLINT. The rank bounds
// the rational rank from below: rank(A mod p) <= rank_Q(A) whenever all denominators are prime to
// p.
#pragma once

#include <widecert/number/rational.h>

#include <cstdint>
#include <memory>

namespace widecert {

// The largest prime below 2^31: fits the checker's 64-bit elimination.
inline constexpr std::uint64_t kRankPrime = 2147483647;

// Throws InputError if the denominator is divisible by the prime.
std::uint64_t residue_of(const Rational& value, std::uint64_t prime);

class ModularMatrix {
 public:
  // A zero matrix, 8 bytes an entry. Throws InputError unless `prime` is a prime below 2^63.
  ModularMatrix(std::size_t rows, std::size_t cols, std::uint64_t prime);
  ~ModularMatrix();
  // `residue` is below the prime.
  void set(std::size_t row, std::size_t col, std::uint64_t residue);
  // Cost O(rows cols min(rows, cols)) word operations, sub-cubic for large sizes.
  std::size_t rank() const;

 private:
  struct Storage;
  std::unique_ptr<Storage> storage_;
};

}  // namespace widecert
