#include <fmt/format.h>
#include <widecert/network/lattice_rows.h>
#include <widecert/network/limit_network.h>
#include "proofs/generic/feature_rank.h"
#include "proofs/dependent/never_independent.h"
#include "proofs/dependent/open_set.h"
#include "proofs/generic/theorem_3_5.h"
#include "proofs/generic/untied_biases.h"

#include <algorithm>

namespace widecert {
namespace {

// A rule, and the network whose rank at a point it asks for.
struct Way {
  GenericRule rule;
  bool derivative;
  Architecture network;
  std::vector<std::uint64_t> tower = {};
};

// The network with sigmoid in place of softplus at the claimed node, if that layer has one free bias
// per neuron: the determinant's derivative in all of them (THEORY (v)).
std::optional<Architecture> derivative_network(const Architecture& network, std::size_t claimed) {
  const auto* activation = std::get_if<ActivationSpec>(&network.node(claimed).spec);
  if (activation == nullptr || activation->function.kind != ActivationKind::softplus ||
      activation->function.parameter != 1) {
    return std::nullopt;
  }
  const auto* map = std::get_if<LinearSpec>(&network.node(network.node(claimed).inputs[0]).spec);
  if (map == nullptr || !map->untied_bias()) return std::nullopt;
  Architecture changed(network.node(0).name, network.node(0).shape);
  for (std::size_t i : network.ancestors(claimed)) {
    if (i == 0) continue;
    const Node& node = network.node(i);
    std::vector<std::string> inputs;
    for (std::size_t input : node.inputs) inputs.push_back(network.node(input).name);
    changed.add(node.name,
                i == claimed ? NodeSpec{ActivationSpec{{ActivationKind::sigmoid, 1}}} : node.spec,
                inputs);
  }
  return changed;
}

// Towers for one, two, three layers. The larger the last prime, the likelier full rank; floats take
// primes up to 509, which is what matters where matrices are large.
const std::vector<std::vector<std::uint64_t>>& towers(std::size_t samples) {
  static const std::vector<std::vector<std::uint64_t>> small = {{8388439}, {7, 127}, {23, 47, 2351}},
                                                       large = {{503}, {7, 127}, {23, 47, 2351}};
  return samples <= 8000 ? small : large;
}

std::vector<Way> ways(const Architecture& network, std::size_t claimed, std::size_t samples,
                      std::string& refused) {
  std::vector<Way> found;
  const std::string& name = network.node(claimed).name;
  if (rational_valued(network, claimed)) {
    found.push_back({GenericRule::analytic_point, false, network});
  }
  const auto offer = [&](const Architecture& from, bool derivative) {
    for (LimitKind kind : {LimitKind::relu, LimitKind::step}) {
      LimitNetwork limit = limit_network(from, from.index_of(name), kind);
      if (limit.network) {
        const auto rule =
            kind == LimitKind::relu ? GenericRule::relu_limit : GenericRule::step_limit;
        found.push_back({rule, derivative, std::move(*limit.network)});
      } else {
        refused += (refused.empty() ? "" : "; ") + limit.refused;
      }
    }
  };
  offer(network, false);
  std::string no_lattice;
  const auto depth = lattice_depth(network, claimed, no_lattice);
  if (depth && *depth <= towers(samples).size()) {
    found.push_back({GenericRule::lattice_point, false, network, towers(samples)[*depth - 1]});
  }
  if (const auto derived = derivative_network(network, claimed)) offer(*derived, true);
  return found;
}

std::string name_of(const Way& way) { return way.derivative ? "derivative" : rule_name(way.rule); }

// Integers for every free tensor.
PointSpec integer_seeds(const Architecture& network, std::size_t node, std::uint64_t seed) {
  PointSpec point;
  for (std::size_t i : linear_nodes(network, node)) {
    const std::string& name = network.node(i).name;
    point[name].weights = SeededTensor{name, seed, -1'000'000, 1'000'000, 1, false};
    if (std::get<LinearSpec>(network.node(i).spec).bias != BiasMode::none) {
      point[name].bias = SeededTensor{name + ".bias", seed, -1'000'000, 1'000'000, 1, false};
    }
  }
  return point;
}

std::string in_words(const Way& way) {
  if (way.rule == GenericRule::lattice_point) return "a point in ln 2 times the integers";
  std::string text = way.rule == GenericRule::analytic_point ? "a rational point"
                     : way.rule == GenericRule::relu_limit   ? "the relu limit"
                                                             : "the step limit";
  return way.derivative ? text + " of the derivative in the biases" : text;
}

// An operation that is not analytic bars the way from one point to almost every parameter.
std::optional<Outcome> not_analytic(const Instance& instance, std::size_t node,
                                    const std::string& no_translates) {
  const Architecture& network = instance.network;
  for (std::size_t i : network.ancestors(node)) {
    const auto* pool = std::get_if<PoolSpec>(&network.node(i).spec);
    if (pool != nullptr && pool->kind == PoolSpec::Kind::max) {
      return not_applicable("max-pooling",
                            "max pooling at \"" + network.node(i).name +
                                "\" is not analytic: full rank at one parameter says nothing about "
                                "almost every one; and by untied biases: " +
                                no_translates);
    }
    const auto* activation = std::get_if<ActivationSpec>(&network.node(i).spec);
    if (activation == nullptr || facts(activation->function.kind).analytic) continue;
    const std::string what = describe(activation->function) + " at \"" + network.node(i).name + "\"";
    if (auto open = dependent_on_open_set(instance, node)) {
      return Outcome{Verdict::refuted,
                     "dependent-on-open-set",
                     "with " + what + " there is an open set of parameters with rank F < N",
                     {*open},
                     {}};
    }
    return Outcome{Verdict::undecided,
                   "not-analytic",
                   what + " is not analytic, and no open set with rank F < N was found",
                   {},
                   {}};
  }
  return std::nullopt;
}

// rank F < N for every parameter, where full row rank is asked for. With fewer neurons than samples
// full column rank is, which none of the reasons excludes.
std::optional<Outcome> never(const Instance& instance, std::size_t node) {
  if (instance.network.node(node).width < instance.data.size()) return std::nullopt;
  return never_independent(instance, node);
}

}  // namespace

std::optional<Outcome> theorem_3_5_obstacle(const Instance& instance, const Request& request) {
  const std::size_t node = instance.network.index_of(request.node);
  if (auto outcome = never(instance, node)) return outcome;
  const auto no_translates = untied_biases_obstacle(instance, node, Measure::almost_everywhere);
  if (!no_translates) return std::nullopt;
  return not_analytic(instance, node, no_translates->explanation);
}

Outcome prove_theorem_3_5(const Instance& instance, const Request& request,
                          const Options& options) {
  options.progress("hypotheses", 0, 1);
  const std::size_t claimed = instance.network.index_of(request.node);
  if (auto outcome = never(instance, claimed)) return *outcome;
  std::string no_translates = "not asked for";
  if (request.rule.empty() || request.rule == "translates") {
    const auto obstacle = untied_biases_obstacle(instance, claimed, Measure::almost_everywhere);
    if (!obstacle) return by_untied_biases(instance, claimed, Measure::almost_everywhere);
    if (!request.rule.empty()) return *obstacle;
    no_translates = obstacle->explanation;
  }
  if (auto outcome = not_analytic(instance, claimed, no_translates)) return *outcome;
  const Architecture& network = instance.network;
  const Node& output = network.node(claimed);
  const std::size_t n = instance.data.size(), full = std::min(n, output.width);
  const IndependentAlmostEverywhere property{output.name, full};

  std::string refused;
  const std::vector<Way> all = ways(network, claimed, n, refused);
  if (all.empty()) {
    return {Verdict::undecided, "no-limit", "no rule leads to almost every parameter: " + refused,
            {}, {}};
  }
  const std::uint64_t attempts = attempts_for(n, output.width);
  std::size_t best = 0;
  std::string obstacle;
  bool too_large = false;
  for (const Way& way : all) {
    if (!request.rule.empty() && request.rule != name_of(way)) continue;
    const std::size_t node = way.network.index_of(output.name);
    const bool steps = way.rule == GenericRule::step_limit;
    for (std::uint64_t attempt = 0; attempt < attempts; ++attempt) {
      const std::uint64_t seed = options.seed;
      const PointSpec point =
          way.tower.empty() ? choose_point(way.network, instance.data, node, steps, seed, attempt)
                            : integer_seeds(way.network, node, seed + attempt);
      EvidenceOutcome found =
          way.tower.empty()
              ? find_evidence(way.network, point, instance.data, node, property, steps, options)
              : find_evidence({lattice_rows(way.network, point, node, instance.data, way.tower)},
                              property, options);
      if (found.evidence) {
        GenericProof proof{way.rule, point, std::move(*found.evidence), way.derivative, way.tower};
        return {Verdict::proved,
                "",
                fmt::format("rank F = {} = {} for almost every parameter: full rank modulo {} at {}",
                            full, n <= output.width ? "N" : "n, full column rank", found.prime,
                            in_words(way)),
                {{property, std::move(proof)}},
                {}};
      }
      best = std::max(best, found.rank);
      if (!found.obstacle.empty()) obstacle = found.obstacle;
      too_large = too_large || found.too_large;
    }
  }
  const std::string text =
      fmt::format("the best rank found is {} of {} (seeds {} to {})", best, full, options.seed,
                  options.seed + attempts - 1);
  return {Verdict::undecided, too_large ? "too-large" : "rank-not-decided",
          obstacle.empty() ? text : text + "; " + obstacle, {}, {}};
}

}  // namespace widecert
