// Seeded integers by SHA-256 in counter mode (FORMAT.md, "Seeded integers"): the checker expands
// generated tensors, noise and random right-hand sides by itself.
#pragma once

#include <cstdint>
#include <string>

#include "kernel/digest.h"

namespace widecheck {

// What one of them takes, in products (budget.h): a hash gives four, some are rejected.
constexpr int kSeededCost = 300;

class Seeded {
 public:
  Seeded(const std::string& domain, std::uint64_t seed, const std::string& name, std::int64_t low, std::int64_t high);
  std::int64_t at(std::uint64_t row, std::uint64_t column);

 private:
  std::uint64_t word(std::uint64_t row, std::uint64_t column, std::uint64_t attempt);

  std::string message_;  // the prefix, then the 24 bytes of the counters
  std::size_t prefix_;
  std::int64_t low_;
  std::uint64_t range_;         // number of values
  unsigned __int128 accepted_;  // the largest multiple of the range that is at most 2^64
  Sha256 hash_;
  std::string digest_of_, digest_;  // the last message and its digest: four words share it
};

// Seeded integers for data, 32 of them a hash where the range has at most 256 values (FORMAT.md, "Seeded data").
class SeededRow {
 public:
  SeededRow(std::uint64_t seed, std::int64_t low, std::int64_t high);
  // What one value takes, in products.
  int cost() const;
  // Columns 0..count-1 of a row.
  void read(std::uint64_t row, std::size_t count, std::int64_t* values);

 private:
  std::int64_t low_;
  bool dense_;
  unsigned range_, accepted_;  // of a byte, if dense
  Seeded wide_;
  std::string message_;  // prefix and 24 bytes of counters
};

}  // namespace widecheck
