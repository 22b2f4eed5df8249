#include "proofs/generic/centred_filters.h"

#include <widecert/number/stop.h>
#include <widecert/number/stream.h>

#include <algorithm>
#include <map>

namespace widecert {
namespace {

constexpr std::size_t kSamples = 512, kTaps = 32, kDraws = 4, kCandidates = 8;

using Filter = std::map<std::size_t, std::int64_t>;  // by position in a patch

Filter draw(SeededIntegers& positions, SeededIntegers& sizes, std::uint64_t row, std::size_t length) {
  Filter filter;
  for (std::uint64_t k = 0; filter.size() < std::min(kTaps, length); ++k) {
    const auto position = static_cast<std::size_t>(positions.at(row, k));
    const std::int64_t size = sizes.at(row, filter.size());
    filter.emplace(position, filter.size() % 2 == 0 ? size : -size);
  }
  return filter;
}

// The threshold that leaves the most samples on the smaller side, of the neuron where these are fewest.
struct Centre {
  std::int64_t threshold = 0;
  std::size_t least = 0;
};
// One neuron a row.
Centre centre_of(std::vector<std::vector<std::int64_t>>& sums) {
  struct Spread {
    std::int64_t median, width;
  };
  std::vector<Spread> spreads;
  for (auto& row : sums) {
    std::sort(row.begin(), row.end());
    const std::size_t n = row.size();
    spreads.push_back({row[n / 2], row[n - 1 - n / 10] - row[n / 10]});
  }
  // Medians of the neurons that vary least: the others bear a threshold that is not theirs.
  std::vector<Spread> narrow(spreads);
  const auto count = static_cast<std::ptrdiff_t>(std::min(narrow.size(), kCandidates));
  std::partial_sort(narrow.begin(), narrow.begin() + count, narrow.end(),
                    [](const Spread& a, const Spread& b) { return a.width < b.width; });
  Centre best;
  for (std::ptrdiff_t k = 0; k < count; ++k) {
    const std::int64_t threshold = narrow[static_cast<std::size_t>(k)].median;
    std::size_t least = sums.front().size();
    for (const auto& row : sums) {
      const auto above = static_cast<std::size_t>(row.end() - std::upper_bound(row.begin(), row.end(), threshold));
      least = std::min({least, above, row.size() - above});
    }
    if (k == 0 || least > best.least) best = {threshold, least};
  }
  return best;
}

}  // namespace

std::optional<CentredLayer> centred_layer(const Node& node, const FeaturePass& below, const Dataset& data,
                                          std::int64_t range, bool odd, std::uint64_t seed) {
  std::vector<std::size_t> samples;
  const std::size_t many = std::min(kSamples, data.size());
  for (std::size_t s = 0; s < many; ++s) samples.push_back(s * data.size() / many);
  const auto values = small_values(below, data, samples);
  const std::size_t width = below.forward->width(), positions = node.patches->count();
  const std::int64_t room = (std::int64_t{1} << 62) / range / static_cast<std::int64_t>(kTaps);
  if (!values || std::any_of(values->begin(), values->end(), [&](std::int64_t v) { return v > room || v < -room; }))
    return std::nullopt;
  std::vector<std::int64_t> x(values->size());  // by neuron, then sample
  for (std::size_t s = 0; s < many; ++s)
    for (std::size_t h = 0; h < width; ++h) x[h * many + s] = (*values)[s * width + h];
  const Integer divisor = below.forward->divisor();
  std::vector<std::vector<std::int64_t>> patches(positions), sums;
  for (std::size_t p = 0; p < positions; ++p) node.patches->expand(p, patches[p]);

  CentredLayer layer;
  auto& bias = layer.bias.rows.emplace_back();
  SeededIntegers sizes("tensor", seed, node.name, 1, range);
  const std::size_t length = node.patches->length(0);
  SeededIntegers place("tensor", seed, node.name + ".taps", 0, static_cast<std::int64_t>(length) - 1);
  for (std::size_t t = 0; t < node.filters; ++t) {
    Filter best;
    Centre centre;
    for (std::size_t again = 0; again < kDraws; ++again) {
      poll();
      const Filter filter = draw(place, sizes, t * kDraws + again, length);
      sums.clear();
      for (std::size_t p = 0; p < positions; ++p) {
        auto& row = sums.emplace_back(many);
        for (const auto& [r, w] : filter) {
          const std::int64_t entry = patches[p][r];
          if (entry == kPadding) continue;
          const std::int64_t* from = &x[static_cast<std::size_t>(entry) * many];
          for (std::size_t s = 0; s < many; ++s) row[s] += w * from[s];
        }
      }
      const Centre found = centre_of(sums);
      if (again == 0 || found.least > centre.least) {
        best = filter;
        centre = found;
      }
      if (centre.least >= many / 16) break;
    }
    layer.weights.rows.emplace_back(best.begin(), best.end());
    bias.push_back(odd ? Rational(1 - 2 * Integer(centre.threshold), 2 * divisor)
                       : Rational(-Integer(centre.threshold), divisor));
  }
  return layer;
}

}  // namespace widecert
