// SHA-256 (OpenSSL): digests of files and claims, and the source of all seeded numbers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace widecert {

using Digest = std::array<std::uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  void update(std::span<const std::uint8_t> bytes);
  void update(std::string_view text);
  // The digest of everything since the start or the last finish().
  Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(std::span<const std::uint8_t> bytes);
Digest sha256(std::string_view text);
// Of a short message, for millions of them.
Digest sha256_of_short(std::string_view message);
std::string to_hex(const Digest& digest);

}  // namespace widecert
