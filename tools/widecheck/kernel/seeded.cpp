#include "kernel/seeded.h"

#include <algorithm>

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

SeededRow::SeededRow(std::uint64_t seed, std::int64_t low, std::int64_t high)
    : low_(low),
      dense_(static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) < 256),
      range_(dense_ ? static_cast<unsigned>(high - low) + 1 : 1),
      accepted_(256 - 256 % range_),
      wide_("data", seed, "x", low, high),
      message_("widecert/1/data/" + std::to_string(seed) + "/x/") {
  message_.resize(message_.size() + 24);
}

int SeededRow::cost() const {
  if (!dense_) return kSeededCost;
  // A hash for 32 values, again for those that were rejected, as long as one is to be expected.
  int hashes = 1;
  for (unsigned open = 32 * (256 - accepted_) / 256; open > 0; open = open * (256 - accepted_) / 256) ++hashes;
  return 6 * hashes * static_cast<int>((message_.size() + 9 + 63) / 64);
}

void SeededRow::read(std::uint64_t row, std::size_t count, std::int64_t* values) {
  if (!dense_) {
    for (std::size_t j = 0; j < count; ++j) values[j] = wide_.at(row, j);
    return;
  }
  unsigned char digest[32];
  char* const counters = &message_[message_.size() - 24];
  const auto block = [&](std::uint64_t group, std::uint64_t attempt) {
    const std::uint64_t three[3] = {row, group, attempt};
    for (std::size_t b = 0; b < 24; ++b) counters[b] = static_cast<char>(three[b / 8] >> 8 * (7 - b % 8) & 0xff);
    sha256_of(reinterpret_cast<const unsigned char*>(message_.data()), message_.size(), digest);
  };
  for (std::size_t from = 0; from < count; from += 32) {
    const std::size_t some = std::min<std::size_t>(32, count - from);
    std::uint32_t open = some == 32 ? ~std::uint32_t{0} : (std::uint32_t{1} << some) - 1;
    for (std::uint64_t attempt = 0; open != 0; ++attempt) {
      block(from / 32, attempt);
      for (std::size_t k = 0; k < some; ++k) {
        if ((open >> k & 1) == 0 || digest[k] >= accepted_) continue;
        values[from + k] = low_ + static_cast<std::int64_t>(digest[k] % range_);
        open &= ~(std::uint32_t{1} << k);
      }
    }
  }
}

}  // namespace widecheck
