#include "proofs/generic/rank_at.h"

#include <fmt/format.h>
#include <widecert/network/random_point.h>

#include <algorithm>

#include "proofs/dependent/dependent_at.h"
#include "proofs/dependent/rank_equals.h"
#include "proofs/generic/feature_rank.h"
#include "proofs/singular/singular_values.h"

namespace widecert {
namespace {

// Of irrational values.
Outcome dependent_by_bounds(const Instance& instance, std::size_t node, const std::optional<PointSpec>& parameters,
                            const Options& options) {
  const Node& output = instance.network.node(node);
  const std::size_t n = instance.data.size();
  const PointSpec point = parameters ? *parameters : random_point(instance.network, node, options.seed);
  if (output.width < n) {
    std::string why;
    if (auto narrow = find_dependence(instance, node, point, why, options))
      return proved("rank F < N: " + why, {*narrow});
  }
  if (auto deficient = deficient_at(instance, node, point, std::min(n, output.width), options)) {
    return proved("rank F < N: " + deficient->explanation, std::move(deficient->findings));
  }
  Outcome full = independent_by_bounds(instance, node, point, options);
  if (full.verdict != Verdict::proved) return full;
  full.verdict = Verdict::refuted;
  full.reason = "rank-is-full";
  return full;
}

Outcome prove(const Instance& instance, std::size_t node, const std::string& claim,
              const std::optional<PointSpec>& parameters, const Options& options) {
  const Architecture& network = instance.network;
  const Node& output = network.node(node);
  const bool wants_dependence = claim == "dependent-at";
  if (!rational_valued(network, node)) {
    return wants_dependence ? dependent_by_bounds(instance, node, parameters, options)
                            : independent_by_bounds(instance, node, parameters, options);
  }
  const std::size_t n = instance.data.size(), full = std::min(n, output.width);
  // At parameters of our own choice full rank is what is looked for.
  const std::uint64_t attempts = parameters || wants_dependence ? 1 : attempts_for(n, output.width);
  PointSpec point = parameters ? *parameters : choose_point(network, instance.data, node, false, options.seed, 0);
  const bool chosen = !parameters && !point.empty();
  const std::string where =
      chosen ? "parameters that were chosen for it (the case has none; --seed chooses others)" : "the given parameters";
  // What a point of our own choice lacks another may have.
  const auto deficient = [&](Outcome outcome) {
    if (!chosen || wants_dependence) return outcome;
    outcome.verdict = Verdict::undecided;
    outcome.reason = "rank-not-decided";
    outcome.explanation += "; others may have full rank, as theorem-3.5 may tell";
    return outcome;
  };
  EvidenceOutcome found;
  for (std::uint64_t attempt = 0; attempt < attempts; ++attempt) {
    if (attempt > 0) point = choose_point(network, instance.data, node, false, options.seed, attempt);
    if (wants_dependence && output.width < n) break;
    const Claim independent = independent_at(output.name, full, point);
    found = find_evidence(network, point, instance.data, node, independent, false, options);
    if (found.evidence) {
      const std::string text = fmt::format("rank F = {} = {}: full rank modulo {} at {}", full,
                                           n <= output.width ? "N" : "n, full column rank", found.prime, where);
      const Finding finding{independent, exact_rank(*found.evidence)};
      Outcome outcome = wants_dependence ? refuted("rank-is-full", text, {finding}) : proved(text, {finding});
      outcome.witness = Witness{"parameters of full rank", point, {}, {}};
      return outcome;
    }
  }
  std::string why;
  if (n <= output.width || wants_dependence) {
    if (auto dependence = find_dependence(instance, node, point, why, options)) {
      const std::string text = "rank F < N at " + where + ": " + why;
      Outcome outcome =
          wants_dependence ? proved(text, {*dependence}) : deficient(refuted("rank-deficient", text, {*dependence}));
      outcome.witness = Witness{"parameters of deficient rank", point, {}, {}};
      return outcome;
    }
  }
  if (n > output.width && !wants_dependence) {
    const auto relations = deficient_by_relations(instance, node, false, point, options);
    if (relations && relations->outcome.verdict == Verdict::refuted) return deficient(relations->outcome);
    // What relations leave undecided a kernel may tell.
    if (auto exact = deficient_at(instance, node, point, full, options)) return deficient(*exact);
    if (relations) why = relations->outcome.explanation;
  }
  std::string lower = fmt::format("rank F is at least {} of {} at {}", found.rank, full, where);
  if (!why.empty()) lower += "; " + why;
  return undecided(found.too_large ? "too-large" : "rank-not-decided",
                   found.obstacle.empty() ? lower : lower + "; " + found.obstacle);
}

}  // namespace

Theorem theorems::rank_at() {
  return {
      .id = "rank-at",
      .title = "The exact rank of the features at given parameters",
      .source = "Nguyen & Hein, ICML 2018, Table 2, whose ranks are estimates",
      .statement =
          "rank F_k = min(N, n_k), or rank F_k < N, at the parameters of the case (without any, at some that are "
          "chosen for full rank: theorem rank-equals takes seeded ones as they come), decided exactly for networks "
          "with rational values; for other activations full rank by a bound "
          "of sigma_min (theorem singular-values).",
      .hypotheses = {"relu, leaky relu, identity and steps as activations for an exact decision; any pooling, "
                     "sums, concatenations, batch norm"},
      .claims = {"independent-at", "dependent-at"},
      .side_claims = {"rank-equals"},
      .rules = {"exact-rank", "integer-cholesky", "recomputed", "width", "affine-dimension", "units-without-kinks",
                "equal-rows", "left-kernel", "minor-and-relations", "bounds-and-relations"},
      .reasons = {"rank-deficient", "rank-is-full", "rank-not-decided", "too-large", "not-certified"},
      .keys =
          {{kParametersKey.first,
            "tensors of the linear nodes up to the layer; if absent, some that are chosen for full rank (seeded ones "
            "where values are irrational)"}},
      .numbers = {{"sigma_min_low", Side::below}},
      .read = [](const Entry& entry) -> Prover {
        return [node = entry.node, claim = entry.claim, parameters = read_parameters(entry)](const Instance& instance,
                                                                                             const Options& options) {
          return prove(instance, node, claim, parameters, options);
        };
      }};
}

}  // namespace widecert
