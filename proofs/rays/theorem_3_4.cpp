#include "proofs/rays/theorem_3_4.h"

#include <fmt/format.h>
#include <widecert/number/error.h>

#include "proofs/dependent/never_independent.h"
#include "proofs/rays/ray_construction.h"
#include "proofs/rays/row_difference.h"

namespace widecert {
namespace {

// What needs no look at the samples.
std::optional<Outcome> cheap_obstacle(const Instance& instance, const ChainPosition& at) {
  const Node& map = instance.network.node(at.layer().map);
  if (std::get<LinearSpec>(map.spec).bias != BiasMode::neuron) return tied_biases(map);
  return violates_assumption_3_2(instance, at);
}

std::optional<Outcome> obstacle_to(const Instance& instance, std::size_t node, const std::string&, Filters filters) {
  Outcome failure;
  const auto at = locate(instance, node, failure);
  if (!at) return failure;
  if (auto never = find_never_independent(instance, at->layer().output())) return never;
  if (auto failed = cheap_obstacle(instance, *at)) return failed;
  return collision(instance, *at, filters);
}

std::optional<Outcome> obstacle(const Instance& instance, std::size_t node, const std::string& claim) {
  return obstacle_to(instance, node, claim, Filters::by_size);
}

Outcome prove(const Instance& instance, std::size_t node, const std::string& claim, Filters filters,
              const Options& options) {
  const std::size_t n = instance.data.size();
  options.progress("hypotheses", 0, 1);
  Outcome failure;
  const auto at = locate(instance, node, failure);
  if (!at) return failure;
  // With many samples the construction is tried before its failure is explained: each hypothesis costs more.
  const bool shared = instance.network.node(at->layer().output()).width >= n && share_direction(filters, instance, *at);
  if (auto failed = shared ? cheap_obstacle(instance, *at) : obstacle_to(instance, node, claim, filters))
    return *failed;
  const Node& output = instance.network.node(at->layer().output());
  const Activation& f = std::get<ActivationSpec>(output.spec).function;
  if (!has_ray_threshold(f.kind))
    return undecided("no-limit", fmt::format("no alpha_0 is known for {}, though Assumption 3.2 holds", describe(f)));
  const auto ray =
      construct_ray(instance, *at, options, orientation(f.kind), n, centre_for(f.kind), false, shared, failure);
  if (!ray) return shared ? obstacle_to(instance, node, claim, Filters::shared).value_or(failure) : failure;
  const RayThreshold threshold = ray_threshold(f, ray->gaps, n);
  std::vector<Attachment> files;
  const Family family = ray_family(instance, *at, *ray, threshold.beta, options, files);
  const RayProof proof = ray_proof(*ray, rule_for(f.kind), false, options, files);
  Outcome outcome =
      proved(fmt::format("{} >= {} neurons, {}: F is nonsingular on the whole ray", output.width, n, describe(f)),
             {claim == "independent-on-ray" ? independent_on_ray(output.name, false, threshold.alpha_0, family, proof)
                                            : from_ray(claim, output.name, n, threshold.alpha_0, family, proof)});
  outcome.files = std::move(files);
  add_ray(instance, *at, *ray, threshold, family, options.progress, outcome);
  return outcome;
}

}  // namespace

Outcome almost_everywhere_from_ray(const Instance& instance, std::size_t node, Filters filters,
                                   const Options& options) {
  const auto* output = std::get_if<ActivationSpec>(&instance.network.node(node).spec);
  if (output != nullptr && !has_ray_threshold(output->function.kind) && has_row_difference(output->function.kind)) {
    return almost_everywhere_from_row_differences(instance, node, filters, options);
  }
  return prove(instance, node, "independent-almost-everywhere", filters, options);
}

Theorem theorems::theorem_3_4() {
  return {
      .id = "theorem-3.4",
      .title = "Independent features at a wide layer",
      .source = "Nguyen & Hein, ICML 2018, Theorem 3.4 (and Lemma D.1 below layer k)",
      .statement =
          "If layer k has at least N neurons, there are parameters of layers 1..k with rank F_k = N. "
          "widecert proves more: an explicit rational family theta_0 + alpha theta_1 and an explicit "
          "alpha_0 such that rank F_k = N for EVERY alpha >= alpha_0.",
      .hypotheses = {"a chain of convolutional, dense and max-pooling layers, all parameters free",
                     "n_k >= N, and one free bias per neuron in layer k",
                     "Assumption 3.1: no data patch is shared by two samples (or, with \"shared-direction\" filters, "
                     "only enough patches that tell the samples apart)",
                     "Assumption 3.2 for the activation of layer k: relu, sigmoid, softplus, silu, gelu, mish, "
                     "gaussian, one-minus-sigmoid",
                     "below layer k: any activation but the steps (injective where Lemma D.1 puts its biases)"},
      .claims = {"independent-on-ray", "independent-somewhere"},
      .side_claims = {"patches-distinct", "features-distinct-at", "weights-full-rank-at", "never-independent",
                      "patches-collide", "activation-violates"},
      .rules = {"triangular-ray", "h-matrix-ray", "from-ray", "distinct-digests", "separating-projection",
                "modular-elimination", "width", "affine-dimension", "patch-contents", "equal-samples", "equal-columns",
                "comparison", "activation-table"},
      .reasons = {"no-limit", "not-a-chain", "layer-kind", "frozen-parameters", "width", "affine-dimension",
                  "patch-contents", "equal-samples", "equal-columns", "tied-biases", "activation-violates",
                  "patches-collide", "not-injective", "no-bias", "no-gap"},
      .keys = {kFiltersKey},
      .numbers = {{"alpha_0", Side::above}, {"delta", Side::below}},
      .read = read_with_filters<prove>,
      .obstacle = obstacle};
}

}  // namespace widecert
