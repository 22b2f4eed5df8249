#include <fmt/format.h>
#include <widecert/number/error.h>
#include "proofs/dependent/never_independent.h"
#include "proofs/rays/ray_construction.h"
#include "proofs/rays/theorem_3_4.h"

namespace widecert {

std::optional<Outcome> theorem_3_4_obstacle(const Instance& instance, const Request& request) {
  Outcome failure;
  const auto at = locate(instance, request.node, failure);
  if (!at) return failure;
  if (auto never = never_independent(instance, at->layer().output())) return never;
  const Node& map = instance.network.node(at->layer().map);
  if (std::get<LinearSpec>(map.spec).bias != BiasMode::neuron) return tied_biases(map);
  if (auto violated = violates_assumption_3_2(instance, *at)) return violated;
  Outcome distinct = assumption_3_1(instance, first_layer(instance, *at));
  if (distinct.verdict != Verdict::proved) return distinct;
  return std::nullopt;
}

Outcome prove_theorem_3_4(const Instance& instance, const Request& request,
                          const Options& options) {
  const std::size_t n = instance.data.size();
  options.progress("hypotheses", 0, 1);
  if (auto obstacle = theorem_3_4_obstacle(instance, request)) return *obstacle;
  Outcome failure;
  const auto at = locate(instance, request.node, failure);
  const Node& output = instance.network.node(at->layer().output());
  const Activation& f = std::get<ActivationSpec>(output.spec).function;
  check(has_ray_threshold(f.kind), "every activation with Assumption 3.2 has a threshold");
  const auto ray = construct_ray(instance, *at, options, orientation(f.kind), n, centre_for(f.kind),
                                 false, failure);
  if (!ray) return failure;
  const RayThreshold threshold = ray_threshold(f, ray->gaps, n);
  const Family family = ray_family(instance, *at, *ray, threshold.beta);
  const RayProof proof{
      rule_for(f.kind),        ray->gaps.order, ray->gaps.delta, ray->gaps.diagonal_low,
      ray->gaps.diagonal_high, ray->gaps.upper, false,           ray->bits};

  Outcome outcome;
  outcome.verdict = Verdict::proved;
  if (request.claim == "independent-somewhere") {
    outcome.findings.push_back(
        {IndependentSomewhere{output.name}, FromRayProof{family, threshold.alpha_0, proof}});
  } else {
    outcome.findings.push_back(
        {IndependentOnRay{output.name, false, threshold.alpha_0, family}, proof});
  }
  outcome.ingredients = ray_ingredients(*ray, threshold);
  add_side_findings(instance, *at, *ray, family, options.progress, outcome);
  outcome.explanation = fmt::format("{} >= {} neurons, {}: F is nonsingular on the whole ray",
                                    output.width, n, describe(f));
  return outcome;
}

}  // namespace widecert
