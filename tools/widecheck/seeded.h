// Seeded integers by SHA-256 in counter mode (FORMAT.md, "Seeded integers"): the checker expands
// generated tensors and noise by itself.
#pragma once

#include <cstdint>
#include <string>

namespace widecheck {

class Seeded {
 public:
  Seeded(const std::string& domain, std::uint64_t seed, const std::string& name, std::int64_t low,
         std::int64_t high);
  std::int64_t at(std::uint64_t row, std::uint64_t column) const;

 private:
  std::string prefix_;
  std::int64_t low_;
  std::uint64_t range_;  // number of values
};

}  // namespace widecheck
