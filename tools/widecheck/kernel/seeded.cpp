#include "kernel/seeded.h"

namespace widecheck {

Seeded::Seeded(const std::string& domain, std::uint64_t seed, const std::string& name, std::int64_t low,
               std::int64_t high)
    : message_("widecert/1/" + domain + "/" + std::to_string(seed) + "/" + name + "/"),
      prefix_(message_.size()),
      low_(low),
      range_(static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1),
      accepted_((static_cast<unsigned __int128>(1) << 64) / range_ * range_) {
  message_.resize(prefix_ + 24);
}

std::uint64_t Seeded::word(std::uint64_t row, std::uint64_t column, std::uint64_t attempt) {
  const std::uint64_t counters[3] = {row, column / 4, attempt};
  for (std::size_t b = 0; b < 24; ++b)
    message_[prefix_ + b] = static_cast<char>(counters[b / 8] >> 8 * (7 - b % 8) & 0xff);
  if (message_ != digest_of_) {
    hash_.update(message_);
    digest_ = hash_.finish();
    digest_of_ = message_;
  }
  std::uint64_t word = 0;
  for (std::size_t b = 0; b < 8; ++b) word = word << 8 | static_cast<unsigned char>(digest_[8 * (column % 4) + b]);
  return word;
}

std::int64_t Seeded::at(std::uint64_t row, std::uint64_t column) {
  std::uint64_t attempt = 0, w = word(row, column, 0);
  while (w >= accepted_) w = word(row, column, ++attempt);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low_) + w % range_);
}

}  // namespace widecheck
