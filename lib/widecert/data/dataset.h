// Dataset: N samples of exact rational numbers over one common divisor.
//
// A DatasetSpec is what a file says: where the raw values v come from and the exact transform
// x = (multiply * v + noise) / divide. The noise is a seeded uniform integer keyed by (sample index
// in the source, feature index), SeededIntegers domain "noise", so subsets and shards agree. It is
// bounded integer noise, not the paper's Gaussian.
#pragma once

#include <widecert/data/csv.h>
#include <widecert/data/layout.h>
#include <widecert/data/mapped_npy.h>
#include <widecert/data/npy.h>
#include <widecert/number/stream.h>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace widecert {

struct InlineSource {
  std::vector<std::vector<Rational>> samples;
};
struct IdxSource {
  std::string path;    // relative to the file that names it
  std::string sha256;  // hex, of the decompressed payload; empty: not yet known
  std::string labels;  // path of an IDX label file; may be empty
};
struct NpySource {  // the first axis counts the samples
  std::string path, sha256;
  std::string member;  // of an .npz archive; empty for .npy
};
struct CsvSource {
  std::string path, sha256;
  CsvOptions options;
};

// Samples that are made: synthetic (SeededData).
struct SeededSource {
  std::uint64_t seed = 0;
  std::int64_t low = 0, high = 0;
};

struct NoiseSpec {
  std::uint64_t seed = 0;
  std::int64_t low = 0, high = 0;
};

struct DatasetSpec {
  std::variant<InlineSource, IdxSource, NpySource, CsvSource, SeededSource> source;
  Layout layout;                     // of the images in a file
  std::size_t first = 0;             // the samples first .. first + count - 1 of the source
  std::optional<std::size_t> count;  // all the rest if absent
  Integer multiply = 1, divide = 1;  // divide > 0
  std::optional<NoiseSpec> noise;
};

class Dataset {
 public:
  std::size_t size() const { return size_; }
  std::size_t width() const { return width_; }
  // x_ij = numerator(i, j) / divisor(); divisor() > 0.
  const Integer& divisor() const { return divisor_; }
  Integer numerator(std::size_t sample, std::size_t feature) const;
  Rational at(std::size_t sample, std::size_t feature) const;
  std::vector<Rational> sample(std::size_t i) const;
  // The numerators row by row if they are kept and every one fits into 64 bits, else null.
  const std::vector<std::int64_t>* small_numerators() const { return large_.empty() && is_kept() ? &small_ : nullptr; }
  // Whether they are kept in memory. Made ones and those of plain .npy files of integers are not if they are too many
  // (kMostKept), but had when they are asked for; all of them fit into 64 bits.
  bool is_kept() const { return !made_ && !mapped_; }
  static constexpr std::size_t kMostKept = std::size_t{1} << 26;
  // The numerators of features first..last-1 of a sample; requires that all fit into 64 bits.
  void read(std::size_t sample, std::size_t first, std::size_t last, std::int64_t* out) const;
  // The largest absolute value of a numerator.
  const Integer& largest() const { return largest_; }

  static Dataset from_samples(const std::vector<std::vector<Rational>>& samples);

 private:
  static Dataset make(const SeededSource& seeded, const DatasetSpec& spec, const Extents& sample,
                      DatasetSpec* resolved);
  static Dataset map(std::shared_ptr<const MappedNpy> file, const std::string& path, const DatasetSpec& spec,
                     const Extents& sample, DatasetSpec* resolved);
  friend Dataset load(const DatasetSpec&, const std::string&, const Extents&, DatasetSpec*);
  std::size_t size_ = 0, width_ = 0;
  Integer divisor_ = 1, largest_ = 0;
  std::vector<std::int64_t> small_;
  std::vector<Integer> large_;  // used instead of small_ when not empty
  struct Made {
    SeededData values;
    std::size_t first;
    std::int64_t factor;
  };
  std::optional<Made> made_;  // instead of both
  struct Mapped {
    std::shared_ptr<const MappedNpy> file;
    std::size_t first, step;          // entries before the first sample; from one to the next
    std::vector<std::size_t> places;  // of the features, from a sample's first entry on
    std::int64_t factor;
  };
  std::optional<Mapped> mapped_;  // instead of all
};

// Reads and transforms the samples; paths are relative to `directory`. `sample`: the extents of what a network reads;
// empty: rows of any length, in the order of the file. If `resolved` is given it receives the spec with digest, count
// and, where only one fits, axes filled in. Throws InputError (file, place, expectation), also when the digest, the
// number of labels or the selection does not fit, and ShapeError where samples are of other extents or two orders of
// their entries are possible (layout.h).
Dataset load(const DatasetSpec& spec, const std::string& directory, const Extents& sample,
             DatasetSpec* resolved = nullptr);

// The spec in words, all of it: "images.gz, samples 11 to 20, x = (256 v + noise 0..255 of seed 1) / 256".
// Paths are shown as from `folder` on.
std::string describe(const DatasetSpec& spec, const std::string& folder);

}  // namespace widecert
