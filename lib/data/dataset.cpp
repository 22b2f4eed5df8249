#include <widecert/data/dataset.h>
#include <widecert/data/idx.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>
#include <widecert/number/stream.h>

#include <algorithm>
#include <filesystem>
#include <limits>

namespace widecert {
namespace {

std::string locate(const std::string& directory, const std::string& path) {
  return (std::filesystem::path(directory) / path).lexically_normal().string();
}

void compare_digest(const std::string& file, const std::string& expected, const Digest& found) {
  if (!expected.empty() && expected != to_hex(found)) {
    throw InputError(file + ": the decompressed data have SHA-256 " + to_hex(found) +
                     ", expected " + expected + "; is this the right file?");
  }
}

void check_labels(const std::string& images, std::size_t samples, const std::string& labels) {
  const IdxFile file = read_idx(labels);
  if (file.extents.size() != 1 || file.extents[0] != samples) {
    throw InputError(labels + ": expected one label for each of the " + std::to_string(samples) +
                     " samples of " + images + ", found " + std::to_string(file.extents[0]) +
                     (file.extents.size() == 1 ? "" : " entries of more than one number"));
  }
}

// Raw values of the source, either integers row by row or rationals.
struct Raw {
  std::size_t samples = 0, width = 0;
  std::vector<std::int64_t> integers;
  std::vector<std::vector<Rational>> rationals;
};

Raw raw_from_rationals(std::vector<std::vector<Rational>> rows) {
  Raw raw;
  raw.samples = rows.size();
  if (rows.empty()) throw InputError("a dataset without samples");
  raw.width = rows.front().size();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].size() != raw.width || raw.width == 0) {
      throw InputError("sample " + std::to_string(i) + " (0-based) has " +
                       std::to_string(rows[i].size()) + " features; expected " +
                       (raw.width == 0 ? "at least one" : std::to_string(raw.width)));
    }
  }
  raw.rationals = std::move(rows);
  return raw;
}

Raw raw_from_idx(const std::string& path, IdxFile file) {
  Raw raw;
  raw.samples = file.extents[0];
  raw.width = 1;
  for (std::size_t d = 1; d < file.extents.size(); ++d) raw.width *= file.extents[d];
  if (auto* integers = std::get_if<std::vector<std::int64_t>>(&file.values)) {
    raw.integers = std::move(*integers);
    return raw;
  }
  const auto& values = std::get<std::vector<double>>(file.values);
  if (values.size() > 50'000'000) throw InputError(path + ": more than 50 million floats");
  raw.rationals.resize(raw.samples);
  for (std::size_t i = 0; i < values.size(); ++i) {
    raw.rationals[i / raw.width].push_back(exactly(values[i]));
  }
  return raw;
}

// |v| and the multiplier below kFactor, noise below kSmall: the sum fits into 64 bits.
constexpr std::int64_t kFactor = std::int64_t{1} << 30, kSmall = std::int64_t{1} << 61;

bool fits_int64(const Integer& value) {
  return value >= std::numeric_limits<std::int64_t>::min() &&
         value <= std::numeric_limits<std::int64_t>::max();
}

}  // namespace

Integer Dataset::numerator(std::size_t sample, std::size_t feature) const {
  const std::size_t at = sample * width_ + feature;
  return large_.empty() ? Integer(small_[at]) : large_[at];
}

Rational Dataset::at(std::size_t sample, std::size_t feature) const {
  return Rational(numerator(sample, feature), divisor_);
}

std::vector<Rational> Dataset::sample(std::size_t i) const {
  std::vector<Rational> x;
  x.reserve(width_);
  for (std::size_t j = 0; j < width_; ++j) x.push_back(at(i, j));
  return x;
}

Dataset Dataset::from_samples(const std::vector<std::vector<Rational>>& samples) {
  DatasetSpec spec;
  spec.source = InlineSource{samples};
  return load(spec, ".");
}

Dataset load(const DatasetSpec& spec, const std::string& directory, DatasetSpec* resolved) {
  if (spec.divide <= 0) throw InputError("the dataset's divisor must be positive");
  DatasetSpec complete = spec;
  Raw raw;
  if (const auto* given = std::get_if<InlineSource>(&spec.source)) {
    raw = raw_from_rationals(given->samples);
  } else if (const auto* idx = std::get_if<IdxSource>(&spec.source)) {
    const std::string path = locate(directory, idx->path);
    IdxFile file = read_idx(path);
    compare_digest(path, idx->sha256, file.digest);
    std::get<IdxSource>(complete.source).sha256 = to_hex(file.digest);
    if (!idx->labels.empty()) {
      check_labels(path, file.extents[0], locate(directory, idx->labels));
    }
    raw = raw_from_idx(path, std::move(file));
  } else {
    const auto& csv = std::get<CsvSource>(spec.source);
    const std::string path = locate(directory, csv.path);
    CsvFile file = read_csv(path, csv.options);
    compare_digest(path, csv.sha256, file.digest);
    std::get<CsvSource>(complete.source).sha256 = to_hex(file.digest);
    raw = raw_from_rationals(std::move(file.samples));
  }
  if (spec.first >= raw.samples || (spec.count && *spec.count > raw.samples - spec.first) ||
      (spec.count && *spec.count == 0)) {
    throw InputError("samples " + std::to_string(spec.first) + " and following (" +
                     (spec.count ? std::to_string(*spec.count) : std::string("all")) +
                     " of them) are asked for; the source has " + std::to_string(raw.samples));
  }
  Dataset data;
  data.width_ = raw.width;
  data.size_ = spec.count.value_or(raw.samples - spec.first);
  complete.count = data.size_;

  // One common divisor of the raw values, then of the transformed ones.
  Integer common = 1;
  for (const auto& row : raw.rationals)
    for (const Rational& v : row) common = lcm(common, Integer(denominator(v)));
  data.divisor_ = common * spec.divide;

  const bool small_noise =
      !spec.noise || (std::abs(spec.noise->low) < kSmall && std::abs(spec.noise->high) < kSmall);
  const bool plain = raw.rationals.empty() && small_noise && abs(spec.multiply) < kFactor &&
                     std::all_of(raw.integers.begin(), raw.integers.end(),
                                 [](std::int64_t v) { return std::abs(v) < kFactor; });
  // Every sample by itself, on all cores; small operands cannot overflow.
  (plain ? data.small_.resize(data.size_ * data.width_)
         : data.large_.resize(data.size_ * data.width_));
  const std::int64_t factor = plain ? spec.multiply.convert_to<std::int64_t>() : 0;
  constexpr std::size_t kBlock = 256;
  parallel_for((data.size_ + kBlock - 1) / kBlock, [&](std::size_t block) {
    std::optional<SeededIntegers> noise;
    if (spec.noise) {
      noise.emplace("noise", spec.noise->seed, "x", spec.noise->low, spec.noise->high);
    }
    for (std::size_t s = block * kBlock; s < std::min(data.size_, (block + 1) * kBlock); ++s) {
      const std::size_t i = spec.first + s;
      for (std::size_t j = 0; j < data.width_; ++j) {
        const std::int64_t shift = noise ? noise->at(i, j) : 0;
        if (plain) {
          data.small_[s * data.width_ + j] = factor * raw.integers[i * raw.width + j] + shift;
        } else {
          const Rational value =
              raw.rationals.empty() ? Rational(raw.integers[i * raw.width + j]) : raw.rationals[i][j];
          data.large_[s * data.width_ + j] =
              spec.multiply * numerator(Rational(value * common)) + Integer(shift) * common;
        }
      }
    }
  });
  for (const Integer& v : data.large_) data.largest_ = std::max(data.largest_, Integer(abs(v)));
  std::int64_t most = 0;
  for (std::int64_t v : data.small_) {
    most = std::max(most, std::abs(v));
  }
  if (plain) data.largest_ = most;
  if (!plain && std::all_of(data.large_.begin(), data.large_.end(), fits_int64)) {
    for (const Integer& v : data.large_) data.small_.push_back(v.convert_to<std::int64_t>());
    data.large_.clear();
  }
  if (resolved != nullptr) *resolved = complete;
  return data;
}

}  // namespace widecert
