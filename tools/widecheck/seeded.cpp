#include "seeded.h"

#include <openssl/sha.h>

namespace widecheck {

Seeded::Seeded(const std::string& domain, std::uint64_t seed, const std::string& name,
               std::int64_t low, std::int64_t high)
    : prefix_("widecert/1/" + domain + "/" + std::to_string(seed) + "/" + name + "/"),
      low_(low),
      range_(static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1) {}

std::int64_t Seeded::at(std::uint64_t row, std::uint64_t column) const {
  using Wide = unsigned __int128;
  const auto big_endian = [](std::uint64_t v) {
    std::string bytes(8, '\0');
    for (int b = 7; b >= 0; --b, v >>= 8) bytes[static_cast<std::size_t>(b)] = static_cast<char>(v);
    return bytes;
  };
  // The largest multiple of the range that is at most 2^64.
  const Wide accepted = (Wide{1} << 64) / range_ * range_;
  for (std::uint64_t attempt = 0;; ++attempt) {
    const std::string message =
        prefix_ + big_endian(row) + big_endian(column / 4) + big_endian(attempt);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest);
    std::uint64_t word = 0;
    for (int b = 0; b < 8; ++b) word = word * 256 + digest[8 * (column % 4) + b];
    if (word < accepted)
      return static_cast<std::int64_t>(static_cast<std::uint64_t>(low_) + word % range_);
  }
}

}  // namespace widecheck
