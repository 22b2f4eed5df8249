#include <fmt/format.h>
#include <widecert/data/patch_distinctness.h>
#include <widecert/number/error.h>
#include "proofs/distinct/hypotheses.h"

namespace widecert {
std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::proved:
      return "proved";
    case Verdict::refuted:
      return "refuted";
    case Verdict::undecided:
      return "undecided";
    case Verdict::not_applicable:
      return "not applicable";
    case Verdict::recomputed:
      return "recomputed";
  }
  throw InternalError("unknown verdict");
}

std::optional<ChainPosition> locate(const Instance& instance, const std::string& node,
                                    Outcome& failure) {
  const std::size_t index = instance.network.index_of(node);
  ChainPosition at{instance.network.paper_chain(), 0};
  if (!at.chain.obstacle.empty()) {
    failure =
        not_applicable("not-a-chain",
                       "the theorem speaks of a chain of convolutional, dense and max-pooling "
                       "layers; " +
                           at.chain.obstacle);
    return std::nullopt;
  }
  for (std::size_t l = 0; l < at.chain.layers.size(); ++l) {
    if (at.chain.layers[l].output() == index) at.k = l + 1;
  }
  if (at.k == 0 || !at.layer().activation) {
    failure =
        not_applicable("layer-kind",
                       "F must be the output of a convolutional or dense layer with an activation; "
                       "layer \"" +
                           node + "\" is " + describe(instance.network.node(index)) +
                           (at.k == 0 ? " (name the activation after it)" : ""));
    return std::nullopt;
  }
  for (std::size_t l = 0; l < at.k; ++l) {
    const Node& map = instance.network.node(at.chain.layers[l].map);
    const auto* linear = std::get_if<LinearSpec>(&map.spec);
    if (linear != nullptr && (linear->frozen_weights || linear->frozen_bias)) {
      failure = not_applicable("frozen-parameters", "layer \"" + map.name +
                                                        "\" has frozen tensors; the theorem needs "
                                                        "every parameter of layers 1 to k free");
      return std::nullopt;
    }
  }
  return at;
}

std::string first_layer(const Instance& instance, const ChainPosition& at) {
  return instance.network.node(at.chain.layers.front().map).name;
}

Outcome tied_biases(const Node& map) {
  return not_applicable("tied-biases",
                        "the construction needs one free bias per neuron in layer \"" + map.name +
                            "\" (\"bias\": \"neuron\")");
}

Outcome assumption_3_1(const Instance& instance, const std::string& node) {
  const Node& first = instance.network.node(instance.network.index_of(node));
  if (!first.patches || first.inputs != std::vector<std::size_t>{0}) {
    return not_applicable("layer-kind",
                          "Assumption 3.1 speaks of the patches of the layer that "
                          "reads the input; \"" +
                              node + "\" is not that layer");
  }
  const auto collision = find_patch_collision(instance.data, *first.patches);
  if (!collision) {
    return {Verdict::proved,
            "",
            "all data patches of different samples differ (Assumption 3.1)",
            {{PatchesDistinct{node}, DigestsProof{}}},
            {}};
  }
  Outcome outcome = not_applicable(
      "patches-collide",
      fmt::format("Assumption 3.1 fails: patch {} of sample {} equals patch {} of sample {}",
                  collision->p + 1, collision->i + 1, collision->q + 1, collision->j + 1));
  outcome.findings.push_back(
      {PatchesCollide{node, collision->i, collision->p, collision->j, collision->q},
       ComparisonProof{}});
  return outcome;
}

std::optional<Outcome> violates_assumption_3_2(const Instance& instance, const ChainPosition& at) {
  const Node& node = instance.network.node(*at.layer().activation);
  const Activation& f = std::get<ActivationSpec>(node.spec).function;
  if (satisfies_assumption_3_2(f)) return std::nullopt;
  Outcome outcome = not_applicable(
      "activation-violates",
      fmt::format("Assumption 3.2 for {} {}", describe(f), facts(f.kind).assumption_3_2));
  const auto t = violating_point(f);
  if (t) {
    outcome.ingredients.emplace_back("violating t",
                                     to_string(*t) + ", where |s(t)| > e^t (rho = (1, 1, 1, 1))");
  }
  outcome.findings.push_back({ActivationViolates{node.name}, TailProof{t}});
  return outcome;
}

}  // namespace widecert
