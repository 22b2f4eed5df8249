#include <gmp.h>
#include <widecert/network/feature_rows.h>
#include <widecert/network/filtered_forward.h>
#include <widecert/number/clones.h>

#include <cmath>

namespace widecert {
namespace {

// Returns an odd number if some value is odd.
WIDECERT_CLONES std::int64_t halve(std::int64_t* v, std::size_t count) {
  std::int64_t any = 0;
  for (std::size_t h = 0; h < count; ++h) {
    any |= v[h];
    v[h] >>= 1;
  }
  return any;
}

WIDECERT_CLONES void parities(const std::int64_t* v, std::uint32_t* out, std::size_t count) {
  for (std::size_t h = 0; h < count; ++h) out[h] = static_cast<std::uint32_t>(v[h]) & 1u;
}

// Residues of |v| < 2^52: the quotient in double is right or one off.
WIDECERT_CLONES void residues(const std::int64_t* v, std::uint32_t* out, std::size_t count, std::int64_t p) {
  const double inverse = 1.0 / static_cast<double>(p);
  for (std::size_t h = 0; h < count; ++h) {
    const auto quotient = static_cast<std::int64_t>(static_cast<double>(v[h]) * inverse);
    std::int64_t r = v[h] - quotient * p;
    r += r < 0 ? p : 0;
    r += r < 0 ? p : 0;
    r -= r >= p ? p : 0;
    out[h] = static_cast<std::uint32_t>(r);
  }
}

std::vector<std::int64_t> small_sample(const Dataset& data, std::size_t i) {
  const auto begin = data.small_numerators()->begin() + static_cast<std::ptrdiff_t>(i * data.width());
  return {begin, begin + static_cast<std::ptrdiff_t>(data.width())};
}

}  // namespace

std::vector<Integer> exact_values(const ExactForward& forward, const Dataset& data, std::size_t sample) {
  if (forward.is_small() && data.small_numerators() != nullptr) {
    const auto values = forward.small(small_sample(data, sample));
    return {values.begin(), values.end()};
  }
  std::vector<Integer> x;
  for (std::size_t j = 0; j < data.width(); ++j) x.push_back(data.numerator(sample, j));
  return forward.large(std::move(x));
}

namespace {

// Writes the row of one sample.
class RowWriter {
 public:
  RowWriter(std::shared_ptr<const ExactForward> forward, const Dataset& data, std::uint64_t prime, Encoding encoding)
      : forward_(std::move(forward)),
        data_(data),
        prime_(prime),
        halved_(encoding == Encoding::halved),
        small_(forward_->is_small() && data.small_numerators() != nullptr),
        precise_(forward_->bound() < Integer(1) << 52) {}

  void operator()(std::size_t i, std::span<std::uint32_t> out) const {
    if (small_) {
      std::vector<std::int64_t> values = forward_->small(small_sample(data_, i));
      return write(i, values.data(), out);
    }
    const std::vector<Integer> values = exact_values(*forward_, data_, i);
    for (std::size_t h = 0; h < values.size(); ++h) {
      const Integer v = halved_ ? Integer(values[h] / 2) : values[h];
      if (halved_ && values[h] % 2 != 0) throw OddValue{i};
      out[h] = static_cast<std::uint32_t>(mpz_fdiv_ui(v.backend().data(), prime_));
    }
  }
  // From values that are known.
  void write(std::size_t i, std::int64_t* values, std::span<std::uint32_t> out) const {
    const auto p = static_cast<std::int64_t>(prime_);
    if (halved_ && halve(values, out.size()) % 2 != 0) throw OddValue{i};
    if (p == 2) {
      parities(values, out.data(), out.size());
    } else if (precise_) {
      residues(values, out.data(), out.size(), p);
    } else {
      for (std::size_t h = 0; h < out.size(); ++h) out[h] = static_cast<std::uint32_t>((values[h] % p + p) % p);
    }
  }

 private:
  std::shared_ptr<const ExactForward> forward_;
  const Dataset& data_;
  std::uint64_t prime_;
  bool halved_, small_, precise_;
};

// The values of so many samples (at most a block), one after the other; the block is filled up with the first one.
std::optional<std::vector<std::int64_t>> block_of_values(const BlockForward& blocks, const Dataset& data,
                                                         std::span<const std::size_t> samples) {
  std::vector<std::int64_t> x;
  for (std::size_t s = 0; s < BlockForward::kSamples; ++s) {
    const auto sample = small_sample(data, samples[s < samples.size() ? s : 0]);
    x.insert(x.end(), sample.begin(), sample.end());
  }
  return blocks(x);
}

}  // namespace

FeaturePass::FeaturePass(std::shared_ptr<const ExactForward> exact, const Dataset& data) : forward(std::move(exact)) {
  const bool small_data = data.small_numerators() != nullptr && data.size() > 0;
  in_64_bits = small_data && forward->is_small();
  const auto sparse = [](const ExactForward::Step& step) {  // one of four weights at most is not 0
    const auto zeros = std::count(step.weights.begin(), step.weights.end(), 0);
    return !step.weights.empty() && zeros * 4 >= 3 * static_cast<std::ptrdiff_t>(step.weights.size());
  };
  const auto& steps = forward->steps();
  if (!small_data || (in_64_bits && std::none_of(steps.begin(), steps.end(), sparse))) return;
  auto found = std::make_shared<const BlockForward>(forward);
  if (in_64_bits ? !found->worthwhile() : !found->possible()) return;
  if (!in_64_bits) {  // do the values of a few samples fit?
    std::vector<std::size_t> few;
    for (std::size_t s = 0; s < BlockForward::kSamples; ++s) few.push_back(s * data.size() / BlockForward::kSamples);
    in_64_bits = block_of_values(*found, data, few).has_value();
    if (!in_64_bits) return;
  }
  blocks = std::move(found);
}

std::optional<std::vector<std::int64_t>> small_values(const FeaturePass& pass, const Dataset& data,
                                                      std::span<const std::size_t> samples) {
  if (!pass.in_64_bits) return std::nullopt;
  std::vector<std::int64_t> out;
  const std::size_t width = pass.forward->width(), step = pass.blocks ? BlockForward::kSamples : 1;
  for (std::size_t begin = 0; begin < samples.size(); begin += step) {
    const std::size_t count = std::min(step, samples.size() - begin);
    const auto values = pass.blocks ? block_of_values(*pass.blocks, data, samples.subspan(begin, count))
                                    : std::optional(pass.forward->small(small_sample(data, samples[begin])));
    if (!values) return std::nullopt;
    out.insert(out.end(), values->begin(), values->begin() + static_cast<std::ptrdiff_t>(count * width));
  }
  return out;
}

std::vector<std::vector<Integer>> exact_values(const FeaturePass& pass, const Dataset& data,
                                               std::span<const std::size_t> samples) {
  std::vector<std::vector<Integer>> rows;
  const std::size_t width = pass.forward->width(), step = pass.blocks ? BlockForward::kSamples : 1;
  for (std::size_t begin = 0; begin < samples.size(); begin += step) {
    const auto part = samples.subspan(begin, std::min(step, samples.size() - begin));
    const auto values = small_values(pass, data, part);
    for (std::size_t s = 0; s < part.size(); ++s) {
      if (values) {
        const auto row = values->begin() + static_cast<std::ptrdiff_t>(s * width);
        rows.emplace_back(row, row + static_cast<std::ptrdiff_t>(width));
      } else {
        rows.push_back(exact_values(*pass.forward, data, part[s]));
      }
    }
  }
  return rows;
}

ResidueRows feature_rows(const FeaturePass& pass, const Dataset& data, std::uint64_t prime, Encoding encoding) {
  const RowWriter writer(pass.forward, data, prime, encoding);
  ResidueRows rows{data.size(), pass.forward->width(), prime, {}};
  if (pass.blocks) {
    rows.write = [=, blocks = pass.blocks, cols = rows.cols, &data](std::size_t first, std::span<std::uint32_t> out) {
      std::vector<std::size_t> part;
      for (std::size_t end = first + out.size() / cols; first < end; first += part.size()) {
        part.clear();
        for (std::size_t s = 0; s < BlockForward::kSamples && first + s < end; ++s) part.push_back(first + s);
        auto values = block_of_values(*blocks, data, part);
        for (std::size_t s = 0; s < part.size(); ++s, out = out.subspan(cols)) {
          const auto row = out.subspan(0, cols);
          if (values)
            writer.write(part[s], values->data() + s * cols, row);
          else
            writer(part[s], row);
        }
      }
    };
    return rows;
  }
  // Large values come from weights with many digits: signs by filter, values modulo the prime.
  if (!pass.in_64_bits && encoding == Encoding::as_is && prime % 2 == 1 && prime < (1u << 23)) {
    const auto filtered = std::make_shared<const FilteredForward>(pass.forward, data, prime);
    rows.write = [filtered](std::size_t first, std::span<std::uint32_t> out) { (*filtered)(first, out); };
    return rows;
  }
  rows.write = one_by_one(rows.cols, writer);
  return rows;
}

}  // namespace widecert
