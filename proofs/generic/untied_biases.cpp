#include "proofs/generic/untied_biases.h"

#include <fmt/format.h>
#include <widecert/data/patch_distinctness.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "proofs/dependent/never_independent.h"
#include "proofs/distinct/hypotheses.h"

namespace widecert {
namespace {

// Some position of the patches of each bank is a neuron, not padding, in all of them.
bool share_a_position(const PatchLayout& layout) {
  std::vector<std::vector<bool>> always;
  for (std::size_t b = 0; b < layout.banks(); ++b) always.emplace_back(layout.length(b), true);
  std::vector<std::int64_t> entries;
  for (std::size_t p = 0; p < layout.count(); ++p) {
    layout.expand(p, entries);
    for (std::size_t r = 0; r < entries.size(); ++r) {
      if (entries[r] == kPadding) always[layout.bank(p)][r] = false;
    }
  }
  return std::all_of(always.begin(), always.end(), [](const std::vector<bool>& of_bank) {
    return std::find(of_bank.begin(), of_bank.end(), true) != of_bank.end();
  });
}

// Some patch lies in the padding altogether and sees the same zeros on every sample.
bool has_blank_patch(const PatchLayout& layout) {
  std::vector<std::int64_t> entries;
  for (std::size_t p = 0; p < layout.count(); ++p) {
    layout.expand(p, entries);
    if (std::all_of(entries.begin(), entries.end(), [](std::int64_t e) { return e == kPadding; })) {
      return true;
    }
  }
  return false;
}

// What keeps a linear node with free filters from keeping samples apart, given that its input does (or
// reads the data). `across_neurons` tells what is asked of its values: that no value of any neuron
// on one sample is taken by any neuron on another, or only by the same neuron; and becomes what is
// asked of its patches.
std::optional<Outcome> linear_obstacle(const Node& node, bool& across_neurons) {
  const auto& linear = std::get<LinearSpec>(node.spec);
  if (linear.frozen_weights) {
    return not_applicable("frozen-parameters",
                          "the weights of layer \"" + node.name + "\" are frozen; free filters keep samples apart");
  }
  if (has_blank_patch(*node.patches)) {
    return not_applicable("zero-padding", "layer \"" + node.name +
                                              "\" has a patch of nothing but padding, which is the "
                                              "same on every sample");
  }
  // Two neurons with free biases of their own take no common value, whatever enters them.
  if (linear.untied_bias()) across_neurons = false;
  if (!across_neurons) return std::nullopt;
  if (node.inputs[0] != 0) {
    if (share_a_position(*node.patches)) return std::nullopt;
    return not_applicable("zero-padding", "layer \"" + node.name +
                                              "\" has patches without a common neuron position; "
                                              "zero padding may make them equal");
  }
  for (std::size_t b = 1; b < node.patches->banks(); ++b) {
    if (node.patches->length(b) == node.patches->length(0)) continue;
    return not_applicable("layer-kind", "layer \"" + node.name +
                                            "\" has banks of different lengths, whose patches "
                                            "cannot be compared");
  }
  return std::nullopt;
}

// Patches of the data that are equal where they must differ.
std::optional<Outcome> equal_patches(const Instance& instance, const Node& node, bool across_neurons) {
  if (across_neurons) {
    const Outcome outcome = assumption_3_1(instance, node.name);
    return outcome.verdict == Verdict::proved ? std::nullopt : std::optional(outcome);
  }
  const auto repeated = find_repeated_patch(instance.data, *node.patches);
  if (!repeated) return std::nullopt;
  return not_applicable("patches-collide",
                        fmt::format("patch {} of layer \"{}\" is the same on samples {} and {}", repeated->p + 1,
                                    node.name, repeated->i + 1, repeated->j + 1),
                        {patches_collide(node.name, *repeated)});
}

// What was looked at already; the first obstacle ends it.
struct Compared {
  std::set<std::pair<std::size_t, bool>> data;     // layers on the data, their patches at one place or at any two
  std::set<std::pair<std::size_t, bool>> seen;     // nodes, as what is asked of them
  std::map<std::size_t, std::vector<bool>> apart;  // which values differ, of nodes from joins and what these join
  std::vector<std::size_t> waiting;                // joined nodes that are to be looked at
};

// Whether a node is a concatenation or selection, or comes from one by activations.
bool from_join(const Architecture& network, std::size_t i) {
  while (std::holds_alternative<ActivationSpec>(network.node(i).spec)) i = network.node(i).inputs[0];
  return std::holds_alternative<ConcatSpec>(network.node(i).spec) ||
         std::holds_alternative<SelectSpec>(network.node(i).spec);
}

// For a linear node on such a one: each patch has to see a value that differs between samples for almost every
// parameter, and those of the data may not. What is joined, directly or by joins, has to keep samples apart.
std::optional<Outcome> not_apart_on_join(const Architecture& network, std::size_t at, Compared& compared) {
  const Node& node = network.node(at);
  std::set<std::size_t> needed;
  std::vector<std::size_t> way{node.inputs[0]};
  while (!way.empty()) {
    const std::size_t k = way.back();
    way.pop_back();
    if (compared.apart.contains(k) || !needed.insert(k).second || !from_join(network, k)) continue;
    way.insert(way.end(), network.node(k).inputs.begin(), network.node(k).inputs.end());
  }
  for (std::size_t k : needed) {  // upward
    const Node& below = network.node(k);
    std::vector<bool>& values = compared.apart[k];
    values.assign(below.width, k != 0);
    if (k == 0) continue;
    if (!from_join(network, k)) {
      compared.waiting.push_back(k);
    } else if (const auto* f = std::get_if<ActivationSpec>(&below.spec)) {
      if (!injective(f->function))
        return not_applicable("not-injective", describe(f->function) + " at \"" + below.name +
                                                   "\" may take one value on different samples");
      values = compared.apart.at(below.inputs[0]);
    } else {
      for (std::size_t n = 0; n < below.inputs.size(); ++n) {
        const std::vector<bool>& from = compared.apart.at(below.inputs[n]);
        for (std::size_t h = 0; h < from.size(); ++h)
          if (const std::size_t to = below.place(n, h); to != Node::kNowhere) values[to] = from[h];
      }
    }
  }
  const std::vector<bool>& values = compared.apart.at(node.inputs[0]);
  std::vector<std::int64_t> entries;
  for (std::size_t p = 0; p < node.patches->count(); ++p) {
    node.patches->expand(p, entries);
    if (std::none_of(entries.begin(), entries.end(),
                     [&](std::int64_t e) { return e != kPadding && values[static_cast<std::size_t>(e)]; }))
      return not_applicable("zero-padding",
                            fmt::format("patch {} of layer \"{}\" sees data and padding alone", p + 1, node.name));
  }
  return std::nullopt;
}

// What prevents each neuron of a linear node from taking different values on different samples, for
// almost every parameter.
std::optional<Outcome> not_apart_below(const Instance& instance, std::size_t at, Compared& compared) {
  bool across_neurons = false;
  for (; compared.seen.emplace(at, across_neurons).second; at = instance.network.node(at).inputs[0]) {
    const Node& node = instance.network.node(at);
    const auto* pool = std::get_if<PoolSpec>(&node.spec);
    if (std::holds_alternative<LinearSpec>(node.spec)) {
      if (auto obstacle = linear_obstacle(node, across_neurons)) return obstacle;
      if (node.inputs[0] == 0) {
        if (!compared.data.emplace(at, across_neurons).second) return std::nullopt;
        return equal_patches(instance, node, across_neurons);
      }
      if (from_join(instance.network, node.inputs[0])) {
        if (!across_neurons) return not_apart_on_join(instance.network, at, compared);
        return not_applicable(
            "layer-kind", "\"" + node.name + "\" reads a concatenation, and lies below a max pooling with tied biases");
      }
    } else if (const auto* activation = std::get_if<ActivationSpec>(&node.spec)) {
      const Activation& f = activation->function;
      const auto* linear = std::get_if<LinearSpec>(&instance.network.node(node.inputs[0]).spec);
      // With a free bias two different patches reach every pair of pre-activations, and an analytic
      // function that is not constant takes equal values on a null set of pairs only.
      const bool generic = facts(f.kind).analytic && linear != nullptr && linear->free_bias();
      if (!injective(f) && !generic) {
        return not_applicable("not-injective",
                              describe(f) + " at \"" + node.name + "\" may take one value on different samples");
      }
    } else if (pool != nullptr && pool->kind == PoolSpec::Kind::max) {
      across_neurons = true;
    } else {
      return not_applicable("layer-kind", "\"" + node.name + "\" is " + describe(node) +
                                              "; free filters, injective activations and max "
                                              "pooling above them keep samples apart");
    }
    if (node.inputs[0] == 0) {
      return not_applicable("layer-kind", "\"" + node.name + "\" reads the data without filters");
    }
  }
  return std::nullopt;
}

std::optional<Outcome> not_apart(const Instance& instance, std::size_t at, Compared& compared) {
  for (compared.waiting = {at}; !compared.waiting.empty();) {
    const std::size_t next = compared.waiting.back();
    compared.waiting.pop_back();
    if (auto obstacle = not_apart_below(instance, next, compared)) return obstacle;
  }
  return std::nullopt;
}

// What prevents translates of an activation from being independent at the values below it.
std::optional<Outcome> activation_obstacle(const Instance& instance, std::size_t node, Measure measure,
                                           Compared& compared) {
  const Architecture& network = instance.network;
  const Node& output = network.node(node);
  const auto* activation = std::get_if<ActivationSpec>(&output.spec);
  const auto* linear = activation == nullptr ? nullptr : std::get_if<LinearSpec>(&network.node(output.inputs[0]).spec);
  if (linear == nullptr) {
    return not_applicable("layer-kind", "\"" + output.name + "\" is not an activation on a linear layer");
  }
  if (!linear->untied_bias()) {
    return tied_biases(network.node(output.inputs[0]));
  }
  const Activation& f = activation->function;
  if (!translate_independent(f)) {
    return not_applicable("linear-activation", "translates of " + describe(f) + " are dependent");
  }
  if (measure == Measure::almost_everywhere && !facts(f.kind).analytic) {
    return undecided("not-analytic", describe(f) + " at \"" + output.name +
                                         "\" is not analytic: independent features exist, perhaps not for almost "
                                         "every parameter");
  }
  return not_apart(instance, output.inputs[0], compared);
}

}  // namespace

std::optional<Outcome> untied_biases_obstacle(const Instance& instance, std::size_t node, Measure measure) {
  const Node& output = instance.network.node(node);
  Compared compared;
  if (!std::holds_alternative<SelectSpec>(output.spec) || measure != Measure::almost_everywhere)
    return activation_obstacle(instance, node, measure, compared);
  // Neurons of several layers, each with a bias of its own.
  std::set<std::pair<std::size_t, std::size_t>> biases;
  for (std::size_t n = 0; n < output.inputs.size(); ++n) {
    const std::size_t from = output.inputs[n];
    bool some = false;
    for (std::size_t h = 0; h < output.selected[n].size(); ++h) {
      if (output.selected[n][h] == Node::kNowhere) continue;
      if (!std::exchange(some, true))
        if (auto obstacle = activation_obstacle(instance, from, measure, compared)) return obstacle;
      if (!biases.emplace(instance.network.node(from).inputs[0], h).second)
        return not_applicable("duplicate", fmt::format("two neurons of \"{}\" have one bias", output.name));
    }
  }
  return std::nullopt;
}

Outcome by_untied_biases(const Instance& instance, std::size_t node, Measure measure) {
  const Node& output = instance.network.node(node);
  const std::size_t full = std::min(instance.data.size(), output.width);
  if (measure == Measure::almost_everywhere) {
    return proved(fmt::format("rank F = {} = {} for almost every parameter: free biases, one a neuron, on samples kept "
                              "apart below",
                              full, full == instance.data.size() ? "N" : "n, full column rank"),
                  {{independent_almost_everywhere(output.name, full), Proof("translates")}});
  }
  return proved(
      fmt::format("rank F = {} = N for some parameter: free biases, one a neuron, on samples kept apart below", full),
      {{Claim("independent-somewhere", {{"node", output.name}}), Proof("translates")}});
}

Claim independent_almost_everywhere(const std::string& node, std::size_t rank) {
  return Claim("independent-almost-everywhere", {{"node", node}, {"rank", rank}});
}

namespace {

Measure measure_of(const std::string& claim) {
  return claim == "independent-somewhere" ? Measure::somewhere : Measure::almost_everywhere;
}

std::optional<Outcome> obstacle(const Instance& instance, std::size_t node, const std::string& claim) {
  const Measure measure = measure_of(claim);
  if (measure == Measure::somewhere || instance.network.node(node).width >= instance.data.size()) {
    if (auto never = find_never_independent(instance, node)) return never;
  }
  return untied_biases_obstacle(instance, node, measure);
}

Outcome prove(const Instance& instance, std::size_t node, const std::string& claim, const Options& options) {
  options.progress("hypotheses", 0, 1);
  if (auto failed = obstacle(instance, node, claim)) return *failed;
  return by_untied_biases(instance, node, measure_of(claim));
}

}  // namespace

Theorem theorems::untied_biases() {
  return {
      .id = "untied-biases",
      .title = "Independent features by untied biases",
      .source = "Q. Nguyen's thesis (2019), Lemma 4.3.2 and Assumption 3.4.2, without its condition on softplus",
      .statement =
          "If layer k has one free bias per neuron and every neuron below it keeps the samples apart, "
          "then rank F_k = min(N, n_k) for almost every parameter (analytic activation at layer k), and "
          "rank F_k = N for some parameter (any activation that is not linear): for tanh, leaky relu and "
          "elu too, and above max pooling. For almost every parameter also of neurons that are selected from several "
          "such layers (Lemma 4.3.2, repaired).",
      .hypotheses = {"layer k: free filters, one free bias per neuron, an activation whose translates are "
                     "independent (all but linear ones); for almost every parameter an analytic one",
                     "no two samples share the content of any patch of the first layer (at the same place; with "
                     "tied biases below a max pooling at any two places: Assumption 3.1)",
                     "below layer k: free filters; activations that are strictly monotone, or analytic with a "
                     "free bias; max pooling above a linear layer"},
      .claims = {"independent-almost-everywhere", "independent-somewhere"},
      .side_claims = {"never-independent", "patches-collide"},
      .rules = {"translates", "comparison", "width", "affine-dimension", "patch-contents", "equal-samples",
                "equal-columns"},
      .reasons = {"layer-kind", "duplicate", "tied-biases", "frozen-parameters", "linear-activation", "not-analytic",
                  "not-injective", "zero-padding", "patches-collide", "width", "affine-dimension", "patch-contents",
                  "equal-samples", "equal-columns"},
      .read = read_plain<prove>,
      .obstacle = obstacle};
}

}  // namespace widecert
