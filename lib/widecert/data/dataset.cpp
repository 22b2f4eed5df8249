#include <widecert/data/byte_source.h>
#include <widecert/data/dataset.h>
#include <widecert/data/idx.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>
#include <widecert/number/parallel.h>
#include <widecert/number/stream.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <numeric>
#include <span>

namespace widecert {
namespace {

void check_labels(const std::string& images, std::size_t samples, const std::string& labels) {
  const NpyArray file = read_idx(labels);
  if (file.shape.size() != 1 || file.shape[0] != samples) {
    throw InputError(labels + ": expected one label for each of the " + std::to_string(samples) + " samples of " +
                     images + ", found " + std::to_string(file.shape[0]) +
                     (file.shape.size() == 1 ? "" : " entries of more than one number"));
  }
}

// The samples that a spec selects from a source.
struct Selection {
  std::size_t first = 0, count = 0;
};

Selection select(const DatasetSpec& spec, std::size_t samples) {
  if (spec.first >= samples || (spec.count && *spec.count > samples - spec.first) || (spec.count && *spec.count == 0)) {
    throw InputError((spec.count ? std::to_string(*spec.count) + " sample(s)" : std::string("all samples")) +
                     " after the first " + std::to_string(spec.first) +
                     " are asked for (\"first\", \"count\"); the source has " + std::to_string(samples));
  }
  return {spec.first, spec.count.value_or(samples - spec.first)};
}

// Raw values of the selected samples, row by row over their least common denominator; exactly one of
// the two is used.
struct Raw {
  Selection selection;
  std::size_t width = 0;
  Integer divisor = 1;
  std::vector<std::int64_t> small;
  std::vector<Integer> large;
  std::vector<std::size_t> order;  // feature j is the value order[j] of its row; empty: j
};

Raw raw_from_rationals(const DatasetSpec& spec, const std::vector<std::vector<Rational>>& all) {
  if (all.empty()) throw InputError("no samples");
  Raw raw;
  raw.width = all.front().size();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].size() != raw.width || raw.width == 0) {
      throw InputError("sample " + std::to_string(i + 1) + " has " + std::to_string(all[i].size()) +
                       " features; expected " + (raw.width == 0 ? "at least one" : std::to_string(raw.width)));
    }
  }
  raw.selection = select(spec, all.size());
  const std::span rows(&all[raw.selection.first], raw.selection.count);
  for (const auto& row : rows)
    for (const Rational& v : row) raw.divisor = lcm(raw.divisor, Integer(denominator(v)));
  raw.large.reserve(rows.size() * raw.width);
  for (const auto& row : rows) {
    for (const Rational& v : row) {
      raw.large.push_back(numerator(v) * Integer(raw.divisor / denominator(v)));
    }
  }
  return raw;
}

// An array whose first extent counts the samples, once its axes are permuted. The layout receives axes where nothing is
// said and one order only is possible.
Raw raw_from_array(const DatasetSpec& spec, NpyArray array, const std::string& path, const Extents& sample,
                   Layout& layout) {
  layout = settled_for_samples(layout, array.shape, sample);
  if (layout.axes.empty() && !layout.flatten) layout.axes = only_axes(array.shape, sample);
  if (!layout.axes.empty()) array = transposed(std::move(array), layout.axes, path);
  Raw raw;
  raw.selection = select(spec, array.shape[0]);
  const Extents row(array.shape.begin() + 1, array.shape.end());
  raw.width = product(row);
  raw.order = row_order(row, layout, sample.empty() ? Extents(1, raw.width) : sample, path);
  NpyValues& values = array.values;
  const std::size_t begin = raw.selection.first * raw.width, size = raw.selection.count * raw.width;
  if (auto* integers = std::get_if<std::vector<std::int64_t>>(&values)) {
    integers->erase(integers->begin(), integers->begin() + static_cast<std::ptrdiff_t>(begin));
    integers->resize(size);
    raw.small = std::move(*integers);
    return raw;
  }
  const std::span floats = std::span(std::get<std::vector<double>>(values)).subspan(begin, size);
  const unsigned scale = dyadic_scale(floats);
  raw.divisor = Integer(1) << scale;
  double most = 0;
  for (double v : floats) most = std::max(most, std::abs(v));
  if (std::ldexp(most, static_cast<int>(scale)) < 0x1p62) {
    raw.small.reserve(size);
    for (double v : floats) {
      raw.small.push_back(static_cast<std::int64_t>(std::ldexp(v, static_cast<int>(scale))));
    }
  } else {
    raw.large.reserve(size);
    for (double v : floats) raw.large.push_back(times_power_of_two(v, scale));
  }
  return raw;
}

std::uint64_t magnitude(std::int64_t v) {
  return v < 0 ? -static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
}

const Integer kSmall = Integer(1) << 62;

bool fits_int64(const Integer& value) {
  return value >= std::numeric_limits<std::int64_t>::min() && value <= std::numeric_limits<std::int64_t>::max();
}

}  // namespace

Integer Dataset::numerator(std::size_t sample, std::size_t feature) const {
  if (!is_kept()) {
    std::int64_t v = 0;
    read(sample, feature, feature + 1, &v);
    return v;
  }
  const std::size_t at = sample * width_ + feature;
  return large_.empty() ? Integer(small_[at]) : large_[at];
}

void Dataset::read(std::size_t sample, std::size_t first, std::size_t last, std::int64_t* out) const {
  if (is_kept()) {
    std::copy_n(small_.data() + sample * width_ + first, last - first, out);
    return;
  }
  if (made_)
    made_->values.read(made_->first + sample, first, last, out);
  else
    mapped_->file->gather(mapped_->first + sample * mapped_->step,
                          std::span(mapped_->places).subspan(first, last - first), out);
  const std::int64_t factor = made_ ? made_->factor : mapped_->factor;
  if (factor != 1)
    for (std::size_t j = 0; j < last - first; ++j) out[j] *= factor;
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
  return load(spec, ".", {});
}

// Kept if they are not too many.
Dataset Dataset::make(const SeededSource& seeded, const DatasetSpec& spec, const Extents& sample,
                      DatasetSpec* resolved) {
  if (!spec.count || *spec.count == 0) throw InputError("seeded data need a \"count\" of samples");
  if (spec.noise) throw InputError("noise is not added to data that are seeded themselves");
  if (sample.empty()) throw InputError("seeded data need a network that says how many features a sample has");
  Dataset data;
  data.size_ = *spec.count;
  data.width_ = product(sample);
  data.divisor_ = spec.divide;
  data.largest_ = abs(spec.multiply) * std::max(Integer(abs(Integer(seeded.low))), Integer(abs(Integer(seeded.high))));
  if (data.largest_ >= kSmall) throw InputError("seeded data beyond 2^62");
  const bool zero = data.largest_ == 0;
  data.made_ = Made{SeededData(seeded.seed, seeded.low, seeded.high), spec.first,
                    zero ? 0 : spec.multiply.convert_to<std::int64_t>()};
  if (resolved != nullptr) *resolved = spec;
  if (data.size_ > kMostKept / data.width_) return data;
  data.small_.resize(data.size_ * data.width_);
  constexpr std::size_t kTask = 64;
  parallel_for((data.size_ + kTask - 1) / kTask, [&](std::size_t task) {
    for (std::size_t i = task * kTask; i < std::min(data.size_, (task + 1) * kTask); ++i)
      data.read(i, 0, data.width_, &data.small_[i * data.width_]);
  });
  data.made_.reset();
  return data;
}

Dataset Dataset::map(std::shared_ptr<const MappedNpy> file, const std::string& path, const DatasetSpec& spec,
                     const Extents& sample, DatasetSpec* resolved) {
  DatasetSpec complete = spec;
  const Extents& shape = file->header().shape;
  complete.layout = settled_for_samples(complete.layout, shape, sample);
  std::vector<std::size_t>& axes = complete.layout.axes;
  if (axes.empty() && !complete.layout.flatten) axes = only_axes(shape, sample);
  std::vector<std::size_t> all(shape.size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  const std::vector<std::size_t> order = axes.empty() ? all : axes, strides = npy_strides(file->header());
  if (!std::is_permutation(order.begin(), order.end(), all.begin(), all.end()))
    throw InputError(path + ": axes must be a permutation of those of the array");
  Extents row;
  for (std::size_t k = 1; k < order.size(); ++k) row.push_back(shape[order[k]]);
  Dataset data;
  data.width_ = product(row);
  // Of each entry of a row in C order its place in the file.
  std::vector<std::size_t> places{0};
  for (std::size_t k = 1; k < order.size(); ++k) {
    std::vector<std::size_t> finer;
    for (std::size_t place : places)
      for (std::size_t i = 0; i < shape[order[k]]; ++i) finer.push_back(place + i * strides[order[k]]);
    places = std::move(finer);
  }
  const std::vector<std::size_t> in_row =
      row_order(row, complete.layout, sample.empty() ? Extents(1, data.width_) : sample, path);
  Mapped mapped{file, 0, strides[order[0]], {}, 0};
  for (std::size_t j = 0; j < data.width_; ++j) mapped.places.push_back(places[in_row.empty() ? j : in_row[j]]);
  const Selection selection = select(spec, shape[order[0]]);
  mapped.first = selection.first * mapped.step;
  data.size_ = selection.count;
  data.divisor_ = spec.divide;
  data.largest_ = abs(spec.multiply) * file->bound();
  if (data.largest_ >= kSmall) throw InputError(path + ": data beyond 2^62");
  mapped.factor = spec.multiply.convert_to<std::int64_t>();
  data.mapped_ = std::move(mapped);
  const Digest digest = file->digest();
  auto& source = std::get<NpySource>(complete.source);
  compare_digest(path, source.sha256, digest);
  source.sha256 = to_hex(digest);
  complete.count = data.size_;
  if (resolved != nullptr) *resolved = complete;
  return data;
}

Dataset load(const DatasetSpec& spec, const std::string& directory, const Extents& sample, DatasetSpec* resolved) {
  if (spec.divide <= 0) throw InputError("the dataset's divisor must be positive");
  DatasetSpec complete = spec;
  Raw raw;
  if (const auto* seeded = std::get_if<SeededSource>(&spec.source))
    return Dataset::make(*seeded, spec, sample, resolved);
  if (const auto* given = std::get_if<InlineSource>(&spec.source)) {
    raw = raw_from_rationals(spec, given->samples);
  } else if (const auto* idx = std::get_if<IdxSource>(&spec.source)) {
    const std::string path = located(directory, idx->path);
    NpyArray array = read_idx(path);
    compare_digest(path, idx->sha256, array.digest);
    std::get<IdxSource>(complete.source).sha256 = to_hex(array.digest);
    if (!idx->labels.empty()) {
      check_labels(path, array.shape[0], located(directory, idx->labels));
    }
    raw = raw_from_array(spec, std::move(array), path, sample, complete.layout);
  } else if (const auto* npy = std::get_if<NpySource>(&spec.source)) {
    const std::string path = located(directory, npy->path);
    if (npy->member.empty() && !spec.noise) {
      if (auto mapped = MappedNpy::open(path, Dataset::kMostKept))
        return Dataset::map(std::move(mapped), path, spec, sample, resolved);
    }
    NpyArray array = read_npy(path, npy->member);
    compare_digest(path, npy->sha256, array.digest);
    std::get<NpySource>(complete.source).sha256 = to_hex(array.digest);
    if (array.shape.empty()) throw InputError(path + ": one number; expected samples x features");
    raw = raw_from_array(spec, std::move(array), path, sample, complete.layout);
  } else {
    const auto& csv = std::get<CsvSource>(spec.source);
    const std::string path = located(directory, csv.path);
    if (!spec.layout.axes.empty())
      throw InputError(path + ": a CSV file has no axes to permute (\"flatten\" may be meant)");
    CsvFile file = read_csv(path, csv.options);
    compare_digest(path, csv.sha256, file.digest);
    std::get<CsvSource>(complete.source).sha256 = to_hex(file.digest);
    raw = raw_from_rationals(spec, file.samples);
    const Extents row(1, raw.width);
    complete.layout = settled_for_samples(complete.layout, {file.samples.size(), raw.width}, sample);
    raw.order = row_order(row, complete.layout, sample.empty() ? row : sample, path);
  }
  if (!sample.empty() && raw.width != product(sample)) {
    throw InputError("samples of " + std::to_string(raw.width) + " features; the network reads " + describe(sample));
  }
  Dataset data;
  data.width_ = raw.width;
  data.size_ = raw.selection.count;
  complete.count = data.size_;

  data.divisor_ = raw.divisor * spec.divide;
  // x = (multiply * v + noise * raw divisor) / divisor, in 64 bits where nothing can overflow.
  std::uint64_t most_small = 0;
  for (std::int64_t v : raw.small) most_small = std::max(most_small, magnitude(v));
  Integer most_raw = most_small, most_noise = 0;
  for (const Integer& v : raw.large) most_raw = std::max(most_raw, Integer(abs(v)));
  if (spec.noise) {
    most_noise = std::max(magnitude(spec.noise->low), magnitude(spec.noise->high));
  }
  const Integer most = abs(spec.multiply) * most_raw + most_noise * raw.divisor;
  const bool plain =
      raw.large.empty() && most < kSmall && abs(spec.multiply) < kSmall && (!spec.noise || raw.divisor < kSmall);
  // Every sample by itself, on all cores, in its place.
  if (plain) {
    data.small_ = std::move(raw.small);
  } else {
    data.large_.resize(data.size_ * data.width_);
  }
  const std::int64_t factor = plain ? spec.multiply.convert_to<std::int64_t>() : 0;
  const std::int64_t unit = plain && spec.noise ? raw.divisor.convert_to<std::int64_t>() : 0;
  constexpr std::size_t kBlock = 256;
  parallel_for((data.size_ + kBlock - 1) / kBlock, [&](std::size_t block) {
    std::optional<SeededIntegers> noise;
    if (spec.noise) {
      noise.emplace("noise", spec.noise->seed, "x", spec.noise->low, spec.noise->high);
    }
    std::vector<std::int64_t> row(plain ? data.width_ : 0);
    for (std::size_t s = block * kBlock; s < std::min(data.size_, (block + 1) * kBlock); ++s) {
      const std::size_t i = spec.first + s;  // the noise goes by the place in the source
      if (plain) std::copy_n(&data.small_[s * data.width_], data.width_, row.begin());
      for (std::size_t j = 0; j < data.width_; ++j) {
        const std::int64_t shift = noise ? noise->at(i, j) : 0;
        const std::size_t at = s * data.width_ + j, in_row = raw.order.empty() ? j : raw.order[j];
        if (plain) {
          data.small_[at] = factor * row[in_row] + shift * unit;
        } else {
          const std::size_t from = s * data.width_ + in_row;
          data.large_[at] = spec.multiply * (raw.large.empty() ? Integer(raw.small[from]) : raw.large[from]) +
                            Integer(shift) * raw.divisor;
        }
      }
    }
  });
  for (const Integer& v : data.large_) data.largest_ = std::max(data.largest_, Integer(abs(v)));
  std::int64_t largest = 0;
  for (std::int64_t v : data.small_) largest = std::max(largest, std::abs(v));
  if (plain) data.largest_ = largest;
  if (!plain && std::all_of(data.large_.begin(), data.large_.end(), fits_int64)) {
    for (const Integer& v : data.large_) data.small_.push_back(v.convert_to<std::int64_t>());
    data.large_.clear();
  }
  if (resolved != nullptr) *resolved = complete;
  return data;
}

std::string describe(const DatasetSpec& spec, const std::string& folder) {
  std::string text =
      std::visit(overloaded{[](const InlineSource&) { return std::string("samples in the file itself"); },
                            [&](const IdxSource& idx) { return located(folder, idx.path); },
                            [&](const NpySource& npy) { return located_member(folder, npy.path, npy.member); },
                            [&](const CsvSource& csv) { return located(folder, csv.path) + describe(csv.options); },
                            [](const SeededSource& seeded) {
                              return "synthetic data, seeded integers from " + std::to_string(seeded.low) + " to " +
                                     std::to_string(seeded.high) + " of seed " + std::to_string(seeded.seed);
                            }},
                 spec.source);
  if (!spec.layout.axes.empty()) {
    std::string axes;
    for (std::size_t axis : spec.layout.axes) axes += (axes.empty() ? "" : ", ") + std::to_string(axis);
    text += ", axes [" + axes + "]";
  }
  if (spec.layout.flatten) text += std::string(", rows flattened ") + flattening_name(*spec.layout.flatten);
  if (spec.count) {
    text += ", samples " + std::to_string(spec.first + 1) + " to " + std::to_string(spec.first + *spec.count);
  } else {
    text += ", all samples from " + std::to_string(spec.first + 1) + " on";
  }
  // x = (256 v + u) / 256
  if (spec.multiply == 1 && spec.divide == 1 && !spec.noise) return text + ", values as they are";
  std::string top = spec.multiply == 1 ? "v" : spec.multiply.str() + " v";
  if (spec.noise) top = (spec.divide == 1 ? "" : "(") + top + " + u" + (spec.divide == 1 ? "" : ")");
  text += ", x = " + top + (spec.divide == 1 ? "" : " / " + spec.divide.str()) + " for the value v";
  if (spec.noise) {
    text += " and noise u from " + std::to_string(spec.noise->low) + " to " + std::to_string(spec.noise->high) +
            " of seed " + std::to_string(spec.noise->seed);
  }
  return text;
}

}  // namespace widecert
