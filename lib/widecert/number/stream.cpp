#include <widecert/number/error.h>
#include <widecert/number/sha256.h>
#include <widecert/number/stream.h>

#include <algorithm>

namespace widecert {
namespace {

void put_u64be(char* out, std::uint64_t value) {
  for (int i = 7; i >= 0; --i, value >>= 8) out[i] = static_cast<char>(value & 0xff);
}

}  // namespace

SeededIntegers::SeededIntegers(std::string_view domain, std::uint64_t seed, std::string_view name, std::int64_t low,
                               std::int64_t high)
    : low_(low), range_(static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1) {
  if (low > high || range_ == 0 || range_ > (std::uint64_t{1} << 63)) {
    throw InputError("seeded integers from " + std::to_string(low) + " to " + std::to_string(high) +
                     ": expected low <= high and at most 2^63 values");
  }
  rejected_ = (0 - range_) % range_;
  key_ = "widecert/1/";
  key_ += domain;
  key_ += '/' + std::to_string(seed) + '/';
  key_ += name;
  key_ += '/';
  prefix_ = key_.size();
  key_.resize(prefix_ + 24);
}

void SeededIntegers::compute(std::uint64_t row, std::uint64_t group, std::uint64_t attempt) {
  if (valid_ && row == row_ && group == group_ && attempt == attempt_) return;
  put_u64be(&key_[prefix_], row);
  put_u64be(&key_[prefix_ + 8], group);
  put_u64be(&key_[prefix_ + 16], attempt);
  const Digest digest = sha256(key_);
  for (int w = 0; w < 4; ++w) {
    words_[w] = 0;
    for (int b = 0; b < 8; ++b) words_[w] = words_[w] << 8 | digest[8 * w + b];
  }
  valid_ = true;
  row_ = row;
  group_ = group;
  attempt_ = attempt;
}

std::int64_t SeededIntegers::at(std::uint64_t row, std::uint64_t column) {
  for (std::uint64_t attempt = 0;; ++attempt) {
    compute(row, column / 4, attempt);
    const std::uint64_t x = words_[column % 4];
    if (rejected_ != 0 && x >= 0 - rejected_) continue;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low_) + x % range_);
  }
}

SeededData::SeededData(std::uint64_t seed, std::int64_t low, std::int64_t high)
    : seed_(seed), low_(low), high_(high), key_("widecert/1/data/" + std::to_string(seed) + "/x/") {
  SeededIntegers("data", seed, "x", low, high);  // refuses a range that is none
  key_.resize(key_.size() + 24);
}

void SeededData::read(std::uint64_t sample, std::size_t first, std::size_t last, std::int64_t* out) const {
  constexpr std::size_t kBlock = 32;
  const std::uint64_t range = static_cast<std::uint64_t>(high_) - static_cast<std::uint64_t>(low_) + 1;
  if (range > 256) {
    SeededIntegers integers("data", seed_, "x", low_, high_);
    for (std::size_t j = first; j < last; ++j) *out++ = integers.at(sample, j);
    return;
  }
  const auto small = static_cast<unsigned>(range), accepted = 256 - 256 % small;
  std::string key = key_;
  char* const counters = &key[key.size() - 24];
  put_u64be(counters, sample);
  for (std::size_t group = first / kBlock; group * kBlock < last; ++group) {
    put_u64be(counters + 8, group);
    put_u64be(counters + 16, 0);
    const Digest digest = sha256_of_short(key);
    for (std::size_t j = std::max(first, group * kBlock); j < std::min(last, (group + 1) * kBlock); ++j) {
      unsigned byte = digest[j % kBlock];
      for (std::uint64_t attempt = 1; byte >= accepted; ++attempt) {
        put_u64be(counters + 16, attempt);
        byte = sha256_of_short(key)[j % kBlock];
      }
      *out++ = low_ + static_cast<std::int64_t>(byte % small);
    }
  }
}

}  // namespace widecert
