#include "proofs/rays/ray_construction.h"
#include <fmt/format.h>
#include <widecert/number/error.h>
#include "proofs/weights/full_rank_weights.h"

namespace widecert {
namespace {

constexpr int kFirstBits = 40, kLastBits = 1024, kSeeds = 8;
// The checker encloses once more, with rounding of its own: give it a finer grid.
constexpr int kCheckerGuardBits = 8;

std::string approximate(const Rational& value) { return fmt::format("{:.6g}", value.convert_to<double>()); }

// Assumption 3.1, Lemma D.1 and full rank of U_1..U_k, as far as they are found.
void add_side_findings(const Instance& instance, const ChainPosition& at, const RayConstruction& ray,
                       const Family& family, const Progress& progress, Outcome& outcome) {
  outcome.findings.push_back(patches_distinct(first_layer(instance, at)));
  if (ray.distinct) outcome.findings.push_back(*ray.distinct);
  for (std::size_t l = 0; l < at.k; ++l) {
    const Node& map = instance.network.node(at.chain.layers[l].map);
    const auto found = family.find(map.name);
    if (found == family.end()) continue;  // max pooling
    progress("rank of U, layer " + map.name, l, at.k);
    const NodeFamily& node = found->second;
    const Outcome rank = weights_full_rank_at(instance.network, at.chain.layers[l].map,
                                              l + 1 == at.k ? *node.slope.weights : *node.constant.weights);
    if (rank.verdict == Verdict::proved) {
      outcome.findings.push_back(rank.findings.front());
    } else {
      outcome.ingredients.emplace_back("undecided", rank.explanation);
    }
  }
}

}  // namespace

std::optional<RayConstruction> construct_ray(const Instance& instance, const ChainPosition& at, const Options& options,
                                             int orientation, std::size_t neurons, Centre centre, bool saturated,
                                             Outcome& failure) {
  const std::size_t node = at.layer().map;
  const Node& map = instance.network.node(node);
  const std::size_t source = map.inputs[0];
  const bool rational = rational_valued(instance.network, source);
  // Few seeds with short filters, then longer ones: ties become unlikely quickly.
  for (int attempt = 0; attempt < kSeeds; ++attempt) {
    const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(attempt);
    RayConstruction ray;
    ray.orientation = orientation;
    const auto lower = choose_lower_layers(instance, at, seed, failure);
    if (!lower) return std::nullopt;
    ray.lower = *lower;
    const std::int64_t range = attempt < 2 ? 1000 : 1'000'000;
    ray.slope = SeededTensor{map.name, seed, -range, range, 1, false};
    const Tensor slope = expand(ray.slope, instance.network.weights_shape(node), map.name);
    Tensor directed = slope;  // v = orientation * slope
    if (orientation < 0)
      for (auto& row : directed)
        for (Rational& w : row) w = -w;

    for (int bits = kFirstBits; bits <= kLastBits; bits *= 2) {
      const ScaledFeatures features =
          scaled_features(instance.network, ray.lower.values, instance.data, source, bits, [&](std::size_t i) {
            if (i % 64 == 0) options.progress("features below layer k", i, instance.data.size());
          });
      const auto gaps =
          separate(instance.network, node, directed, features, neurons, centre, saturated, options.progress);
      if (gaps) {
        ray.gaps = *gaps;
        ray.bits = rational ? 0 : bits + kCheckerGuardBits;
        if (at.k > 1) {
          ray.distinct = features_distinct(instance, at, ray.lower, features, bits + kCheckerGuardBits, options.seed);
        }
        return ray;
      }
      if (rational) break;                                        // an exact tie: only another seed helps
      if (bits >= 4 * kFirstBits && attempt + 1 < kSeeds) break;  // likely a tie
    }
  }
  failure = undecided("no-gap", fmt::format("no separating filters were found with seeds {} to {}: two samples tie at "
                                            "layer {}",
                                            options.seed, options.seed + kSeeds - 1, map.name));
  return std::nullopt;
}

Family ray_family(const Instance& instance, const ChainPosition& at, const RayConstruction& ray, const Rational& beta) {
  Family family;
  for (const auto& [name, tensors] : ray.lower.spec) {
    NodeFamily& node = family[name];
    node.constant = tensors;
    node.slope.weights = FillTensor{0};
    if (tensors.bias) node.slope.bias = FillTensor{0};
  }
  const Node& map = instance.network.node(at.layer().map);
  NodeFamily& node = family[map.name];
  node.constant.weights = FillTensor{0};
  node.constant.bias = FillTensor{Rational(beta * ray.orientation)};
  node.slope.weights = ray.slope;
  std::vector<Rational> centres(map.width, Rational(0));
  for (std::size_t j = 0; j < ray.gaps.centres.size(); ++j) {
    centres[j] = ray.gaps.centres[j] * ray.orientation;
  }
  node.slope.bias = ExplicitTensor{{std::move(centres)}};
  return family;
}

void add_ray(const Instance& instance, const ChainPosition& at, const RayConstruction& ray,
             const RayThreshold& threshold, const Family& family, const Progress& progress, Outcome& outcome) {
  outcome.numbers = {{"alpha_0", threshold.alpha_0}, {"delta", ray.gaps.delta}};
  outcome.witness = Witness{"", {}, family, threshold.alpha_0};
  outcome.ingredients = {{"delta", "the gap below the diagonal: " + approximate(ray.gaps.delta)},
                         {"Delta", "the reach above the diagonal: " + approximate(ray.gaps.upper)},
                         {"beta", to_string(threshold.beta)},
                         {"alpha_0", to_string(threshold.alpha_0) + " (about " + approximate(threshold.alpha_0) + ")"}};
  if (ray.bits != 0) {
    outcome.ingredients.emplace_back("precision", fmt::format("{} bits for the layers below", ray.bits));
  }
  add_side_findings(instance, at, ray, family, progress, outcome);
}

RayProof ray_proof(const RayConstruction& ray, RayRule rule, bool saturated) {
  return {rule,           ray.gaps.order, ray.gaps.delta, ray.gaps.diagonal_low, ray.gaps.diagonal_high,
          ray.gaps.upper, saturated,      ray.bits};
}

}  // namespace widecert
