#include <fmt/format.h>
#include "proofs/dependent/never_independent.h"
#include "proofs/rays/ray_construction.h"
#include "proofs/rays/row_difference.h"

namespace widecert {

namespace {
bool is_affine(const Request& request) { return request.claim == "affinely-independent-on-ray"; }
}  // namespace

std::optional<Outcome> row_difference_obstacle(const Instance& instance, const Request& request) {
  const std::size_t n = instance.data.size();
  Outcome failure;
  const auto at = locate(instance, request.node, failure);
  if (!at) return failure;
  const Node& output = instance.network.node(at->layer().output());
  const Node& map = instance.network.node(at->layer().map);
  if (is_affine(request)) {
    // Equal samples refute [F, 1] too, but never-independent speaks of F; Assumption 3.1 catches
    // them.
    if (output.width + 1 < n) {
      return not_applicable("width", fmt::format("layer {} has {} neurons; N - 1 = {} are needed",
                                                 output.name, output.width, n - 1));
    }
  } else if (auto never = never_independent(instance, at->layer().output())) {
    return never;
  }
  if (n < 2) return not_applicable("one-sample", "row differences need at least two samples");
  if (std::get<LinearSpec>(map.spec).bias != BiasMode::neuron) return tied_biases(map);
  const Activation& f = std::get<ActivationSpec>(output.spec).function;
  if (!has_row_difference(f.kind)) {
    return not_applicable("not-bounded-increasing",
                          "row differences need a bounded increasing activation with exponential "
                          "tails (sigmoid, tanh), not " +
                              describe(f));
  }
  Outcome distinct = assumption_3_1(instance, first_layer(instance, *at));
  if (distinct.verdict != Verdict::proved) return distinct;
  return std::nullopt;
}

Outcome prove_row_difference(const Instance& instance, const Request& request,
                             const Options& options) {
  const std::size_t n = instance.data.size();
  const bool affine = is_affine(request);
  options.progress("hypotheses", 0, 1);
  if (auto obstacle = row_difference_obstacle(instance, request)) return *obstacle;
  Outcome failure;
  const auto at = locate(instance, request.node, failure);
  const Node& output = instance.network.node(at->layer().output());
  const Activation& f = std::get<ActivationSpec>(output.spec).function;
  const auto ray =
      construct_ray(instance, *at, options, 1, n - 1, Centre::at_minimum, !affine, failure);
  if (!ray) return failure;
  const RayThreshold threshold =
      row_difference_threshold(f, ray->gaps, affine ? n - 1 : n, !affine);
  const Family family = ray_family(instance, *at, *ray, threshold.beta);
  Outcome outcome;
  outcome.verdict = Verdict::proved;
  outcome.findings.push_back(
      {IndependentOnRay{output.name, affine, threshold.alpha_0, family},
       RayProof{RayRule::row_difference, ray->gaps.order, ray->gaps.delta, ray->gaps.diagonal_low,
                ray->gaps.diagonal_high, ray->gaps.upper, !affine, ray->bits}});
  outcome.ingredients = ray_ingredients(*ray, threshold);
  add_side_findings(instance, *at, *ray, family, options.progress, outcome);
  outcome.explanation =
      fmt::format("{} neurons for {} samples, {}: row differences turn triangular", output.width, n,
                  describe(f));
  return outcome;
}

}  // namespace widecert
