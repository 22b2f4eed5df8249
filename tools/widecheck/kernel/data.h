// The checker's own reading of the dataset, one sample at a time. The digest of a file is compared
// when its end is reached, so a verdict waits for it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "kernel/budget.h"
#include "kernel/csv.h"
#include "kernel/network.h"
#include "kernel/npy.h"
#include "kernel/seeded.h"

namespace widecheck {

class Data {
 public:
  Data() = default;                                                // no data: claims about weights need none
  Data(const Value& json, const Extents& sample, Budget& budget);  // of what extents a network reads; must outlive it

  std::size_t size() const { return count_; }
  // Reads everything once: the file is there, has the digest, holds these samples.
  void verify();
  // What follows is known after verify(). All samples are integers over one divisor.
  mpz_class divisor() const { return common_ * divide_; }
  const mpz_class& largest() const { return largest_; }  // the numerators are at most this
  std::size_t words() const;                             // of these two, 64 bits each
  bool small() const { return largest_ < mpz_class(1) << 62; }
  // Calls visit(i, numerators of x_i) for i = 0..size()-1 in order, and pays for that. Throws Malformed or
  // Rejected("data-digest").
  void for_each(const std::function<void(std::size_t, const std::vector<mpz_class>&)>& visit) const;
  // The same in 64 bits; requires small().
  void for_each_small(const std::function<void(std::size_t, const std::vector<std::int64_t>&)>& visit) const;
  // Whether samples are made, not read: then any one can be had by itself.
  bool made() const { return format_ == Format::seeded; }
  // The first numerators of made samples in 64 bits; requires small(). Threads have one each. Does not pay.
  class Maker {
   public:
    explicit Maker(const Data& data);
    int cost() const { return row_.cost() + 2; }  // of a value, in products
    void make(std::size_t sample, std::size_t count, std::int64_t* x);

   private:
    std::size_t first_;
    std::int64_t multiply_;
    SeededRow row_;
  };
  // In words, all that the claim says about them.
  const std::string& description() const { return description_; }

 private:
  enum class Format { inline_rows, idx, npy, csv, seeded } format_ = Format::inline_rows;
  // The selected raw samples in order, integers of IDX and NPY files in 64 bits.
  using RationalRow = std::function<void(std::size_t, std::vector<mpq_class>)>;
  using IntegerRow = std::function<void(std::size_t, const std::vector<std::int64_t>&)>;
  // Return how many bytes were read.
  std::size_t stream(const RationalRow& row, const IntegerRow& integers) const;
  std::size_t stream_idx(const RationalRow& row, const IntegerRow& integers) const;
  std::size_t stream_npy(const RationalRow& row, const IntegerRow& integers) const;
  // The selected samples of an array whose first byte is next. integer(bytes), real(bytes): an element of `size` bytes.
  template <class Integer, class Real>
  std::size_t stream_array(Stream& in, const Extents& shape, bool fortran, std::size_t size, bool floats,
                           Integer integer, Real real, const RationalRow& row, const IntegerRow& integers) const;
  std::size_t stream_csv(const RationalRow& row) const;
  std::size_t stream_seeded(const IntegerRow& integers) const;
  template <class T, class Narrow>
  void transform(const std::function<void(std::size_t, const std::vector<T>&)>& visit, Narrow narrow) const;

  void describe();

  Budget* budget_ = nullptr;
  Extents sample_;
  std::size_t width_ = 0, first_ = 0, count_ = 0;
  mpz_class common_ = 1, largest_ = 0;
  std::vector<std::vector<mpq_class>> rows_;
  std::string description_;
  bool rational_ = false;  // fractions, or integers read as such; known after verify()
  std::size_t bytes_ = 0;  // that one pass reads and hashes, and those of the file; known after verify()
  DataFile file_;
  std::uint64_t seed_ = 0;  // of made samples
  std::int64_t low_ = 0, high_ = 0;
  Layout layout_;
  Csv csv_;
  mpz_class multiply_ = 1, divide_ = 1;
  bool noisy_ = false;
  std::uint64_t noise_seed_ = 0;
  std::int64_t noise_low_ = 0, noise_high_ = 0;
};

}  // namespace widecheck
