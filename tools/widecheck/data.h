// The checker's own reading of the dataset, one sample at a time. The digest of a file is compared
// when its end is reached, so a verdict waits for it.
#pragma once

#include <functional>
#include <string>

#include "network.h"

namespace widecheck {

class Data {
 public:
  // `directory` is where relative paths start.
  Data(Value json, std::string directory, std::size_t width);

  std::size_t size() const { return count_; }
  // Reads everything once: the file is there, has the digest, holds these samples.
  void verify();
  // The largest numerator or divisor in 64-bit words, known after verify().
  std::size_t words() const { return words_; }
  // Calls visit(i, x_i) for i = 0..size()-1 in order. Throws Malformed or Rejected("data-digest").
  void for_each(const std::function<void(std::size_t, const Values&)>& visit) const;
  std::string description() const { return description_; }

 private:
  enum class Format { inline_rows, idx, csv } format_;
  void stream_idx(const std::function<void(std::size_t, std::vector<mpq_class>)>& row) const;
  void stream_csv(const std::function<void(std::size_t, std::vector<mpq_class>)>& row) const;

  std::size_t width_, first_ = 0, count_ = 0, words_ = 1;
  std::vector<std::vector<mpq_class>> rows_;
  std::string path_, sha256_, description_;
  bool header_ = false;
  long label_column_ = -1;
  mpz_class multiply_ = 1, divide_ = 1;
  bool noisy_ = false;
  std::uint64_t noise_seed_ = 0;
  std::int64_t noise_low_ = 0, noise_high_ = 0;
};

}  // namespace widecheck
