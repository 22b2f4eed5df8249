#include "proofs/distinct/lemma_d1.h"
#include <widecert/number/error.h>
#include <widecert/number/stream.h>

#include <algorithm>

namespace widecert {
namespace {

constexpr std::int64_t kFilterRange = 127;

// Smallest power of two with 127 * length * bound / 2^m <= 1/2.
Integer divisor_for(std::size_t length, const Rational& bound) {
  const Rational reach = Rational(kFilterRange) * Rational(Integer(length)) * bound;
  Integer divisor = 1;
  while (Rational(divisor) < 2 * reach) divisor *= 2;
  return divisor;
}

bool monotone_around_zero(ActivationKind kind) {
  return facts(kind).strictly_monotone || kind == ActivationKind::leaky_relu;
}

// An upper bound of |s(t)| on [-5/4, 5/4], as a short rational.
Rational largest_value(const std::optional<std::size_t>& activation, const Architecture& network) {
  if (!activation) return Rational(5, 4);
  const auto& f = std::get<ActivationSpec>(network.node(*activation).spec).function;
  if (f.kind == ActivationKind::softplus) {
    // ln(1+e^{at})/a <= ln2/a + t for t >= 0.
    return round_up(Rational(1 / f.parameter + Rational(5, 4)), 4);
  }
  if (f.kind == ActivationKind::leaky_relu) {
    return Rational(5, 4) * std::max(Rational(1), Rational(abs(f.parameter)));
  }
  return Rational(5, 4);  // all others: |s(t)| <= max(1, |t|) there
}

}  // namespace

std::optional<LowerLayers> choose_lower_layers(const Instance& instance, const ChainPosition& at, std::uint64_t seed,
                                               Outcome& failure) {
  LowerLayers lower;
  Rational bound(instance.data.largest(), instance.data.divisor());  // of |values| entering the layer
  for (std::size_t l = 0; l + 1 < at.k; ++l) {
    const Layer& layer = at.chain.layers[l];
    const Node& map = instance.network.node(layer.map);
    const auto* linear = std::get_if<LinearSpec>(&map.spec);
    if (linear == nullptr) continue;  // max pooling: no parameters, no larger values
    if (layer.activation) {
      const auto kind = std::get<ActivationSpec>(instance.network.node(*layer.activation).spec).function.kind;
      const bool biased = linear->bias != BiasMode::none;
      if (biased ? !facts(kind).injective_on_d1_interval : !monotone_around_zero(kind)) {
        failure = not_applicable(biased ? "not-injective" : "no-bias",
                                 "Lemma D.1 needs layer \"" + map.name + "\" to reach an interval where " +
                                     std::string(facts(kind).name) + " is injective");
        return std::nullopt;
      }
    }
    std::size_t length = 0;
    for (std::size_t row : instance.network.weights_shape(layer.map)) length = std::max(length, row);
    NodeTensors tensors;
    tensors.weights = SeededTensor{map.name, seed, -kFilterRange, kFilterRange, divisor_for(length, bound), false};
    if (linear->bias != BiasMode::none) tensors.bias = FillTensor{Rational(3, 4)};
    lower.spec[map.name] = std::move(tensors);
    bound = largest_value(layer.activation, instance.network);
  }
  return lower;
}

std::optional<Finding> features_distinct(const Instance& instance, const ChainPosition& at, const LowerLayers& lower,
                                         const ScaledFeatures& features, int bits, std::uint64_t seed) {
  const Node& map = instance.network.node(at.layer().map);
  const PatchLayout& layout = *map.patches;
  for (std::size_t bank = 1; bank < layout.banks(); ++bank)
    if (layout.length(bank) != layout.length(0)) return std::nullopt;
  SeededIntegers integers("projection", seed, map.name, -1'000'000, 1'000'000);
  std::vector<Integer> direction;
  Integer norm = 0;
  for (std::size_t r = 0; r < layout.length(0); ++r) {
    direction.emplace_back(integers.at(0, r));
    norm += abs(direction.back());
  }
  std::vector<std::pair<Integer, std::size_t>> values;  // projection, sample
  std::vector<std::int64_t> entries;
  for (std::size_t p = 0; p < layout.count(); ++p) {
    layout.expand(p, entries);
    for (std::size_t i = 0; i < features.samples; ++i) {
      Integer sum = 0;
      for (std::size_t r = 0; r < entries.size(); ++r) {
        if (entries[r] == kPadding) continue;
        const std::size_t e = i * features.width + static_cast<std::size_t>(entries[r]);
        sum += direction[r] * (features.is_small() ? Integer(features.small[e]) : features.large[e]);
      }
      values.emplace_back(std::move(sum), i);
    }
  }
  std::sort(values.begin(), values.end());
  // Room for the checker's own, slightly wider enclosures.
  const Integer apart = 16 * features.radius * norm;
  for (std::size_t v = 1; v < values.size(); ++v) {
    if (values[v].second != values[v - 1].second && values[v].first - values[v - 1].first <= apart) {
      return std::nullopt;
    }
  }
  Keys keys{{"direction", direction}};
  if (features.radius != 0) keys.emplace_back("precision", bits);
  return Finding{Claim("features-distinct-at", {{"node", map.name}, {"parameters", lower.spec}}),
                 Proof("separating-projection", keys)};
}

}  // namespace widecert
