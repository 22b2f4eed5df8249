// SeededIntegers: the only source of random numbers, SHA-256 in counter mode.
//
// The integer at (row, column) depends on nothing but (domain, seed, name, range, row, column), so
// subsets, shards and threads agree, and the checker can recompute any one of them by itself. The
// normative definition with test vectors stands in tools/widecheck/FORMAT.md, "Seeded integers":
//
//   block(row, column, attempt) = SHA-256("widecert/1/" domain "/" seed "/" name "/"
//                                         u64be(row) u64be(floor(column / 4)) u64be(attempt))
//   x = the big-endian 64-bit word number (column mod 4) of the block; with R = high - low + 1,
//   x is rejected (attempt + 1) if x >= 2^64 - (2^64 mod R); the value is low + (x mod R).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace widecert {

class SeededIntegers {
 public:
  // Uniform on low..high, inclusive. Requires low <= high and a range of at most 2^63 values.
  SeededIntegers(std::string_view domain, std::uint64_t seed, std::string_view name, std::int64_t low,
                 std::int64_t high);
  std::int64_t at(std::uint64_t row, std::uint64_t column);

 private:
  void compute(std::uint64_t row, std::uint64_t group, std::uint64_t attempt);

  std::string key_;  // prefix followed by the 24 counter bytes
  std::size_t prefix_;
  std::int64_t low_;
  std::uint64_t range_;
  std::uint64_t rejected_;  // 2^64 mod range
  // The last block, since neighbours in a row share it.
  bool valid_ = false;
  std::uint64_t row_ = 0, group_ = 0, attempt_ = 0;
  std::uint64_t words_[4] = {};
};

// Samples made of seeded integers, 32 of them a hash where the range has at most 256 values (FORMAT.md, "Seeded data").
// Values depend on nothing but seed, range, sample and feature. Threads may share one.
class SeededData {
 public:
  // Requires low <= high and a range of at most 2^63 values.
  SeededData(std::uint64_t seed, std::int64_t low, std::int64_t high);
  // Features first..last-1 of a sample.
  void read(std::uint64_t sample, std::size_t first, std::size_t last, std::int64_t* out) const;

 private:
  std::uint64_t seed_;
  std::int64_t low_, high_;
  std::string key_;  // prefix followed by the 24 counter bytes
};

}  // namespace widecert
