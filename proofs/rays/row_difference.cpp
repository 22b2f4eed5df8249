#include "proofs/rays/row_difference.h"

#include <fmt/format.h>

#include "proofs/dependent/never_independent.h"
#include "proofs/rays/ray_construction.h"

namespace widecert {
namespace {

bool is_affine(const std::string& claim) { return claim == "affinely-independent-on-ray"; }

// What needs no look at the samples.
std::optional<Outcome> cheap_obstacle(const Instance& instance, const ChainPosition& at) {
  const std::size_t n = instance.data.size();
  const Node& map = instance.network.node(at.layer().map);
  if (n < 2) return not_applicable("one-sample", "row differences need at least two samples");
  if (std::get<LinearSpec>(map.spec).bias != BiasMode::neuron) return tied_biases(map);
  const Node& output = instance.network.node(at.layer().output());
  const Activation& f = std::get<ActivationSpec>(output.spec).function;
  if (!has_row_difference(f.kind)) {
    return not_applicable("not-bounded-increasing",
                          "row differences need a bounded increasing activation with exponential "
                          "tails (sigmoid, tanh), not " +
                              describe(f));
  }
  return std::nullopt;
}

std::optional<Outcome> obstacle_to(const Instance& instance, std::size_t node, const std::string& claim,
                                   Filters filters) {
  const std::size_t n = instance.data.size();
  Outcome failure;
  const auto at = locate(instance, node, failure);
  if (!at) return failure;
  const Node& output = instance.network.node(at->layer().output());
  if (is_affine(claim)) {
    // Equal samples refute [F, 1] too, but never-independent speaks of F; Assumption 3.1 catches
    // them.
    if (output.width + 1 < n) {
      return not_applicable(
          "width", fmt::format("layer {} has {} neurons; N - 1 = {} are needed", output.name, output.width, n - 1));
    }
  } else if (auto never = find_never_independent(instance, at->layer().output())) {
    return never;
  }
  if (auto failed = cheap_obstacle(instance, *at)) return failed;
  return collision(instance, *at, filters);
}

std::optional<Outcome> obstacle(const Instance& instance, std::size_t node, const std::string& claim) {
  return obstacle_to(instance, node, claim, Filters::by_size);
}

Outcome prove(const Instance& instance, std::size_t node, const std::string& claim, Filters filters,
              const Options& options) {
  const std::size_t n = instance.data.size();
  const bool affine = is_affine(claim);
  options.progress("hypotheses", 0, 1);
  Outcome failure;
  const auto at = locate(instance, node, failure);
  if (!at) return failure;
  const std::size_t needed = affine ? n - 1 : n;
  const bool shared =
      instance.network.node(at->layer().output()).width >= needed && share_direction(filters, instance, *at);
  if (auto failed = shared ? cheap_obstacle(instance, *at) : obstacle_to(instance, node, claim, filters))
    return *failed;
  const Node& output = instance.network.node(at->layer().output());
  const Activation& f = std::get<ActivationSpec>(output.spec).function;
  const auto ray = construct_ray(instance, *at, options, 1, n - 1, Centre::at_minimum, !affine, shared, failure);
  if (!ray) return shared ? obstacle_to(instance, node, claim, Filters::shared).value_or(failure) : failure;
  const RayThreshold threshold = row_difference_threshold(f, ray->gaps, affine ? n - 1 : n, !affine);
  std::vector<Attachment> files;
  const Family family = ray_family(instance, *at, *ray, threshold.beta, options, files);
  const RayProof proof = ray_proof(*ray, RayRule::row_difference, !affine, options, files);
  Outcome outcome = proved(
      fmt::format("{} neurons for {} samples, {}: row differences turn triangular", output.width, n, describe(f)),
      {claim == "independent-almost-everywhere"
           ? from_ray(claim, output.name, n, threshold.alpha_0, family, proof)
           : independent_on_ray(output.name, affine, threshold.alpha_0, family, proof)});
  outcome.files = std::move(files);
  add_ray(instance, *at, *ray, threshold, family, options.progress, outcome);
  return outcome;
}

}  // namespace

Outcome almost_everywhere_from_row_differences(const Instance& instance, std::size_t node, Filters filters,
                                               const Options& options) {
  return prove(instance, node, "independent-almost-everywhere", filters, options);
}

Theorem theorems::row_difference() {
  return {.id = "row-difference",
          .title = "Independent features for bounded increasing activations",
          .source = "after Nguyen & Hein, ICML 2017, Lemma 4.3",
          .statement =
              "For sigmoid and tanh, subtracting consecutive rows of [F_k, 1] leaves a matrix that turns "
              "triangular along a ray: rank [F_k, 1] = N with n_k >= N-1, and rank F_k = N with n_k >= N "
              "where one further neuron is saturated in place of the ones. This covers tanh, which violates "
              "Assumption 3.2.",
          .hypotheses = {"a chain of convolutional, dense and max-pooling layers, all parameters free",
                         "one free bias per neuron in layer k", "Assumption 3.1, with the exception of theorem-3.4",
                         "sigmoid or tanh at layer k", "at least two samples"},
          .claims = {"independent-on-ray", "affinely-independent-on-ray"},
          .side_claims = {"patches-distinct", "features-distinct-at", "weights-full-rank-at", "never-independent",
                          "patches-collide"},
          .rules = {"row-difference-ray", "distinct-digests", "separating-projection", "modular-elimination", "width",
                    "affine-dimension", "patch-contents", "equal-samples", "equal-columns", "comparison"},
          .reasons = {"not-a-chain", "layer-kind", "frozen-parameters", "width", "affine-dimension", "patch-contents",
                      "equal-samples", "equal-columns", "tied-biases", "one-sample", "not-bounded-increasing",
                      "patches-collide", "not-injective", "no-bias", "no-gap"},
          .keys = {kFiltersKey},
          .numbers = {{"alpha_0", Side::above}, {"delta", Side::below}},
          .read = read_with_filters<prove>,
          .obstacle = obstacle};
}

}  // namespace widecert
