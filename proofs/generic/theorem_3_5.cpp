#include "proofs/generic/theorem_3_5.h"

#include <fmt/format.h>
#include <widecert/network/lattice_rows.h>
#include <widecert/network/limit_network.h>
#include <widecert/number/error.h>

#include <algorithm>

#include "proofs/dependent/never_independent.h"
#include "proofs/dependent/open_set.h"
#include "proofs/generic/feature_rank.h"
#include "proofs/generic/untied_biases.h"
#include "proofs/rays/theorem_3_4.h"

namespace widecert {
namespace {

// The ways from a point with full rank to almost every parameter.
enum class GenericRule {
  analytic_point,  // the values there are rational
  relu_limit,      // the limit network there
  step_limit,
  lattice_point  // the point is in ln(2) times the integers
};

const char* rule_name(GenericRule rule) {
  switch (rule) {
    case GenericRule::analytic_point:
      return "analytic-point";
    case GenericRule::relu_limit:
      return "relu-limit";
    case GenericRule::step_limit:
      return "step-limit";
    case GenericRule::lattice_point:
      return "lattice-point";
  }
  throw InternalError("unknown rule");
}

// A rule, and the network whose rank at a point it asks for. With `derivative`, softplus at the claimed node was
// replaced by its derivative in the biases, sigmoid, and the rule holds for that network.
struct Way {
  GenericRule rule;
  bool derivative;
  Architecture network;
  std::vector<std::uint64_t> tower = {};  // of a lattice point
};

Proof generic_proof(const Way& way, const PointSpec& point, const RankEvidence& evidence) {
  Keys keys{{"point", point}, {"evidence", evidence}};
  if (!way.tower.empty()) keys.emplace_back("tower", way.tower);
  Proof proof(rule_name(way.rule), keys);
  return way.derivative ? Proof("derivative", {{"of", proof}}) : proof;
}

// The network with sigmoid in place of softplus at the claimed node, if that layer has one free bias
// per neuron: the determinant's derivative in all of them.
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
    changed.add(node.name, i == claimed ? NodeSpec{ActivationSpec{{ActivationKind::sigmoid, 1}}} : node.spec, inputs);
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

std::vector<Way> ways(const Architecture& network, std::size_t claimed, std::size_t samples, std::string& refused) {
  std::vector<Way> found;
  const std::string& name = network.node(claimed).name;
  if (rational_valued(network, claimed)) {
    found.push_back({GenericRule::analytic_point, false, network});
  }
  const auto offer = [&](const Architecture& from, bool derivative) {
    for (LimitKind kind : {LimitKind::relu, LimitKind::step}) {
      LimitNetwork limit = limit_network(from, from.index_of(name), kind);
      if (limit.network) {
        const auto rule = kind == LimitKind::relu ? GenericRule::relu_limit : GenericRule::step_limit;
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
std::optional<Outcome> not_analytic(const Instance& instance, std::size_t node, const std::string& no_translates) {
  const Architecture& network = instance.network;
  for (std::size_t i : network.ancestors(node)) {
    const auto* pool = std::get_if<PoolSpec>(&network.node(i).spec);
    if (pool != nullptr && pool->kind == PoolSpec::Kind::max) {
      return not_applicable("max-pooling", "max pooling at \"" + network.node(i).name +
                                               "\" is not analytic: full rank at one parameter says nothing about "
                                               "almost every one; and by untied biases: " +
                                               no_translates);
    }
    const auto* activation = std::get_if<ActivationSpec>(&network.node(i).spec);
    if (activation == nullptr || facts(activation->function.kind).analytic) continue;
    const std::string what = describe(activation->function) + " at \"" + network.node(i).name + "\"";
    if (auto open = dependent_on_open_set(instance, node)) {
      Outcome outcome =
          refuted("dependent-on-open-set", "with " + what + " there is an open set of parameters with rank F < N",
                  {open->finding});
      outcome.witness = Witness{"the centre of the box", std::move(open->centre), {}, {}};
      return outcome;
    }
    return undecided("not-analytic", what + " is not analytic, and no open set with rank F < N was found");
  }
  return std::nullopt;
}

// rank F < N for every parameter, where full row rank is asked for. With fewer neurons than samples
// full column rank is, which none of the reasons excludes.
std::optional<Outcome> never(const Instance& instance, std::size_t node) {
  if (instance.network.node(node).width < instance.data.size()) return std::nullopt;
  return find_never_independent(instance, node);
}

std::optional<Outcome> obstacle(const Instance& instance, std::size_t node, const std::string&) {
  if (auto outcome = never(instance, node)) return outcome;
  const auto no_translates = untied_biases_obstacle(instance, node, Measure::almost_everywhere);
  if (!no_translates) return std::nullopt;
  return not_analytic(instance, node, no_translates->explanation);
}

// `rule`: the only one to go by; empty: any.
Outcome prove(const Instance& instance, std::size_t claimed, const std::string& rule, Filters filters,
              const Options& options) {
  options.progress("hypotheses", 0, 1);
  if (rule == "from-ray") {
    if (auto outcome = not_analytic(instance, claimed, "not asked for")) return *outcome;
    return almost_everywhere_from_ray(instance, claimed, filters, options);
  }
  if (auto outcome = never(instance, claimed)) return *outcome;
  std::string no_translates = "not asked for";
  if (rule.empty() || rule == "translates") {
    const auto failed = untied_biases_obstacle(instance, claimed, Measure::almost_everywhere);
    if (!failed) return by_untied_biases(instance, claimed, Measure::almost_everywhere);
    if (!rule.empty()) return *failed;
    no_translates = failed->explanation;
  }
  if (auto outcome = not_analytic(instance, claimed, no_translates)) return *outcome;
  const Architecture& network = instance.network;
  const Node& output = network.node(claimed);
  const std::size_t n = instance.data.size(), full = std::min(n, output.width);
  const Claim claim = independent_almost_everywhere(output.name, full);

  std::string refused;
  const std::vector<Way> all = ways(network, claimed, n, refused);
  if (all.empty()) {
    return undecided("no-limit", "no rule leads to almost every parameter: " + refused);
  }
  const std::uint64_t attempts = attempts_for(n, output.width);
  std::size_t best = 0;
  std::string last;  // obstacle
  bool too_large = false;
  for (const Way& way : all) {
    if (!rule.empty() && rule != name_of(way)) continue;
    const std::size_t node = way.network.index_of(output.name);
    const bool steps = way.rule == GenericRule::step_limit;
    for (std::uint64_t attempt = 0; attempt < attempts; ++attempt) {
      const std::uint64_t seed = options.seed;
      const PointSpec point = way.tower.empty() ? choose_point(way.network, instance.data, node, steps, seed, attempt)
                                                : integer_seeds(way.network, node, seed + attempt);
      EvidenceOutcome found =
          way.tower.empty()
              ? find_evidence(way.network, point, instance.data, node, claim, steps, options)
              : find_evidence({lattice_rows(way.network, point, node, instance.data, way.tower)}, claim, options);
      if (found.evidence) {
        Outcome outcome =
            proved(fmt::format("rank F = {} = {} for almost every parameter: full rank modulo {} at {}", full,
                               n <= output.width ? "N" : "n, full column rank", found.prime, in_words(way)),
                   {{claim, generic_proof(way, point, *found.evidence)}});
        outcome.witness = Witness{std::string("the point of rule ") + rule_name(way.rule), point, {}, {}};
        return outcome;
      }
      best = std::max(best, found.rank);
      if (!found.obstacle.empty()) last = found.obstacle;
      too_large = too_large || found.too_large;
    }
  }
  const std::string text = fmt::format("the best rank found is {} of {} (seeds {} to {})", best, full, options.seed,
                                       options.seed + attempts - 1);
  return undecided(too_large ? "too-large" : "rank-not-decided", last.empty() ? text : text + "; " + last);
}

}  // namespace

Theorem theorems::theorem_3_5() {
  return {
      .id = "theorem-3.5",
      .title = "Independent features for almost every parameter",
      .source = "Nguyen & Hein, ICML 2018, Theorem 3.5, and beyond it",
      .statement =
          "rank F_k = min(N, n_k) for Lebesgue-almost every parameter: Theta is the space of all free "
          "tensors with the ties of the bias modes. Without Assumption 3.1, with tied or absent biases, "
          "zero padding, strides, average pooling, sums, concatenations and batch norm.",
      .hypotheses = {"by untied biases, as the theorem of that name says; or:",
                     "every operation up to the layer is real analytic: no max pooling, no relu, leaky relu, elu "
                     "or step (those are refuted where an open set of parameters with rank F_k < N is found)",
                     "a limit of the network has full rank at some integer point: softplus, silu, gelu and mish "
                     "tend to relu; sigmoid to the half-step and tanh to sign; softplus with one free bias per "
                     "neuron may be replaced by sigmoid at layer k; or sigmoid and tanh at a point in ln 2 times "
                     "the integers",
                     "what has to grow in the limit is free (not frozen)"},
      .claims = {"independent-almost-everywhere"},
      .side_claims = {"never-independent", "dependent-on-open-set"},
      .rules = {"translates", "analytic-point", "relu-limit", "step-limit", "lattice-point", "derivative", "from-ray",
                "width", "equal-samples", "equal-columns", "affine-dimension", "patch-contents", "units-without-kinks"},
      .reasons = {"max-pooling",
                  "dependent-on-open-set",
                  "not-analytic",
                  "equal-samples",
                  "equal-columns",
                  "affine-dimension",
                  "patch-contents",
                  "no-limit",
                  "rank-not-decided",
                  "too-large",
                  "not-a-chain",
                  "layer-kind",
                  "frozen-parameters",
                  "width",
                  "tied-biases",
                  "one-sample",
                  "activation-violates",
                  "patches-collide",
                  "not-injective",
                  "no-bias",
                  "no-gap"},
      .keys = {{"rule",
                "the only rule of the checker to go by: translates, analytic-point, relu-limit, "
                "step-limit, lattice-point, derivative or from-ray"},
               {kFiltersKey.first, "of rule from-ray: " + kFiltersKey.second}},
      .read = [](const Entry& entry) -> Prover {
        std::string rule;
        if (const auto given = entry.json.find("rule")) {
          rule = given->text();
          constexpr const char* kKnown[] = {"translates",    "analytic-point", "relu-limit", "step-limit",
                                            "lattice-point", "derivative",     "from-ray"};
          if (std::find(std::begin(kKnown), std::end(kKnown), rule) == std::end(kKnown)) {
            given->fail("translates, analytic-point, relu-limit, step-limit, lattice-point, derivative or from-ray");
          }
        }
        const Filters filters = read_filters(entry);
        if (const auto given = entry.json.find(kFiltersKey.first.c_str()); given && rule != "from-ray") {
          throw InputError(given->place() + ": filters belong to \"rule\": \"from-ray\"");
        }
        return [node = entry.node, rule, filters](const Instance& instance, const Options& options) {
          return prove(instance, node, rule, filters, options);
        };
      },
      .obstacle = obstacle};
}

}  // namespace widecert
