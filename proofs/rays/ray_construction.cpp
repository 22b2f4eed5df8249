#include "proofs/rays/ray_construction.h"
#include <fmt/format.h>
#include <widecert/number/error.h>
#include "proofs/weights/full_rank_weights.h"

namespace widecert {
namespace {

constexpr int kFirstBits = 40, kLastBits = 1024, kSeeds = 8;
// The checker encloses once more, with rounding of its own: give it a finer grid.
constexpr int kCheckerGuardBits = 8;

// So many products of weights and values are spent on separate filters, and so many patches looked at beside them.
constexpr double kSeparateProducts = 5e8, kSeparatePatches = 2e7;

std::string approximate(const Rational& value) { return fmt::format("{:.6g}", value.convert_to<double>()); }

// Assumption 3.1, Lemma D.1 and full rank of U_1..U_k, as far as they are found.
void add_side_findings(const Instance& instance, const ChainPosition& at, const RayConstruction& ray,
                       const Family& family, const Progress& progress, Outcome& outcome) {
  if (!ray.along) {
    outcome.findings.push_back(patches_distinct(first_layer(instance, at)));
    if (ray.distinct) outcome.findings.push_back(*ray.distinct);
  } else {
    outcome.ingredients.emplace_back("beside it",
                                     "Assumption 3.1 is not needed and not claimed: assumption-3.1 does it");
  }
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
                                             bool shared, Outcome& failure) {
  const std::size_t node = at.layer().map;
  const Node& map = instance.network.node(node);
  const std::size_t source = map.inputs[0];
  const bool rational = rational_valued(instance.network, source);
  const auto along = [&](RayConstruction& ray, const LayerInput& input, std::uint64_t seed, int attempt) {
    // Short directions for few samples; 32 bits where patches can be spared for it.
    const std::int64_t range = input.samples > 5000 || attempt > 1 ? (std::int64_t{1} << 31) - 1
                               : attempt == 0                      ? 1000
                                                                   : 1'000'000;
    const std::size_t patches = map.patches->count(), used = neurons / map.filters;
    const bool narrow = attempt == 0 && input.radius == 0 && patches > used + used / 50 + 4;
    const auto found = separate_along(instance.network, node, input, neurons, centre, saturated, seed, narrow, range,
                                      options.progress);
    if (!found) return false;
    ray.gaps = found->gaps;
    ray.along = Along{found->factor, found->directions, found->skipped};
    ExplicitTensor filters;
    for (const auto& row : found->filters) {
      auto& out = filters.rows.emplace_back();
      for (const Integer& w : row) out.push_back(Rational(Integer(w * orientation)));
    }
    ray.slope = std::move(filters);
    return true;
  };
  // Few seeds with short filters, then longer ones: ties become unlikely quickly.
  for (int attempt = 0; attempt < kSeeds; ++attempt) {
    const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(attempt);
    RayConstruction ray;
    ray.orientation = orientation;
    const auto lower = choose_lower_layers(instance, at, seed, failure);
    if (!lower) return std::nullopt;
    ray.lower = *lower;
    if (shared && source == 0 && (!instance.data.is_kept() || instance.data.small_numerators() != nullptr)) {
      if (along(ray, layer_input(instance.data), seed, attempt)) return ray;
      continue;
    }
    const std::int64_t range = attempt < 2 ? 1000 : 1'000'000;
    const SeededTensor separate_slope{map.name, seed, -range, range, 1, false};
    Tensor directed;  // v = orientation * slope
    if (!shared) {
      ray.slope = separate_slope;
      directed = expand(ray.slope, instance.network.weights_shape(node), map.name);
      if (orientation < 0)
        for (auto& row : directed)
          for (Rational& w : row) w = -w;
    }

    for (int bits = shared ? kSharedBits : kFirstBits; bits <= kLastBits; bits *= 2) {
      const ScaledFeatures features =
          scaled_features(instance.network, ray.lower.spec, instance.data, source, bits, [&](std::size_t i) {
            if (i % 64 == 0) options.progress("features below layer k", i, instance.data.size());
          });
      if (shared) {
        if (features.is_small() && along(ray, layer_input(features), seed, attempt)) {
          ray.bits = rational ? 0 : bits + kSharedGuardBits;
          return ray;
        }
        break;  // a finer grid does not fit into 64 bits
      }
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

Family ray_family(const Instance& instance, const ChainPosition& at, const RayConstruction& ray, const Rational& beta,
                  const Options& options, std::vector<Attachment>& files) {
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
  const auto in_our_order = [](const Extents& image) {
    Layout layout;
    if (has_two_orders(image)) layout.flatten = Flattening::channels_last;
    return layout;
  };
  const Extents patch = instance.network.weights_shape(at.layer().map).image();
  node.slope.weights = tensor_for_claim(ray.slope, map.name + ".filters", in_our_order(patch), options, files);
  std::vector<Rational> centres(map.width, Rational(0));
  const std::vector<std::size_t> used =
      used_patches(map.patches->count(), ray.along ? ray.along->skipped : std::vector<std::size_t>());
  for (std::size_t j = 0; j < ray.gaps.centres.size(); ++j) {
    centres[used[j / map.filters] * map.filters + j % map.filters] = ray.gaps.centres[j] * ray.orientation;
  }
  node.slope.bias = tensor_for_claim(ExplicitTensor{{std::move(centres)}}, map.name + ".biases",
                                     in_our_order(map.shape), options, files);
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
  if (ray.along) {
    outcome.ingredients.emplace_back(
        "filters", "along one direction, K d + r in each bank; K = " + to_string(Rational(ray.along->factor)));
    if (!ray.along->skipped.empty()) {
      outcome.ingredients.emplace_back(
          "skipped", fmt::format("{} patches that cannot tell their samples apart", ray.along->skipped.size()));
    }
  }
  add_side_findings(instance, at, ray, family, progress, outcome);
}

RayProof ray_proof(const RayConstruction& ray, RayRule rule, bool saturated, const Options& options,
                   std::vector<Attachment>& files) {
  RayProof proof;
  proof.rule = rule;
  if (ray.gaps.order.size() <= kMostInText) {
    proof.order = ray.gaps.order;
  } else {
    files.push_back(
        attachment(options, "order", {{ray.gaps.order.size()}, {ray.gaps.order.begin(), ray.gaps.order.end()}}));
    proof.order_file = files.back();
  }
  proof.delta = ray.gaps.delta;
  proof.diagonal_low = ray.gaps.diagonal_low;
  proof.diagonal_high = ray.gaps.diagonal_high;
  proof.upper = ray.gaps.upper;
  proof.saturated = saturated;
  proof.precision = ray.bits;
  proof.along = ray.along;
  return proof;
}

const std::pair<std::string, std::string> kFiltersKey{
    "filters",
    "\"separate\": each points on its own way; \"shared-direction\": those of a bank along one direction, for many "
    "samples; by size if absent"};

Filters read_filters(const Entry& entry) {
  const auto filters = entry.json.find("filters");
  if (!filters) return Filters::by_size;
  const std::string text = filters->text();
  if (text != "separate" && text != "shared-direction") filters->fail("\"separate\" or \"shared-direction\"");
  return text == "separate" ? Filters::separate : Filters::shared;
}

std::optional<Outcome> collision(const Instance& instance, const ChainPosition& at, Filters filters) {
  Outcome distinct = assumption_3_1(instance, first_layer(instance, at));
  if (distinct.verdict == Verdict::proved) return std::nullopt;
  if (distinct.reason == "patches-collide" && filters == Filters::shared) {
    distinct.explanation +=
        "; and the patches that tell all samples apart have too few neurons for them: more filters may do";
  } else if (distinct.reason == "patches-collide") {
    distinct.explanation +=
        "; with \"filters\": \"shared-direction\" patches that cannot tell samples apart are skipped, and the "
        "others may suffice";
  }
  return distinct;
}

bool share_direction(Filters filters, const Instance& instance, const ChainPosition& at) {
  if (filters != Filters::by_size) return filters == Filters::shared;
  const double n = static_cast<double>(instance.data.size());
  const PatchLayout& patches = *instance.network.node(at.layer().map).patches;
  return n * n * static_cast<double>(patches.longest()) > kSeparateProducts ||
         n * static_cast<double>(patches.count()) > kSeparatePatches;
}

}  // namespace widecert
