#include "proofs/distinct/hypotheses.h"

#include <fmt/format.h>

#include <algorithm>

namespace widecert {

std::optional<ChainPosition> locate(const Instance& instance, std::size_t node, Outcome& failure) {
  ChainPosition at{instance.network.paper_chain(node), 0};
  if (!at.chain.obstacle.empty()) {
    failure = not_applicable("not-a-chain",
                             "the theorem speaks of a chain of convolutional, dense and max-pooling "
                             "layers; " +
                                 at.chain.obstacle);
    return std::nullopt;
  }
  at.k = at.chain.layers.size();
  if (at.k == 0 || !at.layer().activation) {
    const auto& nodes = instance.network.nodes();
    const bool is_followed = std::any_of(nodes.begin(), nodes.end(), [&](const Node& above) {
      return std::holds_alternative<ActivationSpec>(above.spec) && above.inputs[0] == node;
    });
    failure = not_applicable("layer-kind",
                             "F must be the output of a convolutional or dense layer with an activation; "
                             "layer \"" +
                                 instance.network.node(node).name + "\" is " + describe(instance.network.node(node)) +
                                 (is_followed ? " (name the activation after it)" : ""));
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
  return not_applicable("tied-biases", "the construction needs one free bias per neuron in layer \"" + map.name +
                                           "\" (\"bias\": \"neuron\")");
}

Finding patches_distinct(const std::string& node) {
  return {Claim("patches-distinct", {{"node", node}}), Proof("distinct-digests")};
}

Finding patches_collide(const std::string& node, const PatchCollision& at) {
  return {Claim("patches-collide", {{"node", node},
                                    {"first", std::vector<std::size_t>{at.i, at.p}},
                                    {"second", std::vector<std::size_t>{at.j, at.q}}}),
          Proof("comparison")};
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
    return proved("all data patches of different samples differ (Assumption 3.1)", {patches_distinct(node)});
  }
  return not_applicable("patches-collide",
                        fmt::format("Assumption 3.1 fails: patch {} of sample {} equals patch {} of sample {}",
                                    collision->p + 1, collision->i + 1, collision->q + 1, collision->j + 1),
                        {patches_collide(node, *collision)});
}

std::optional<Outcome> violates_assumption_3_2(const Instance& instance, const ChainPosition& at) {
  const Node& node = instance.network.node(*at.layer().activation);
  const Activation& f = std::get<ActivationSpec>(node.spec).function;
  if (satisfies_assumption_3_2(f)) return std::nullopt;
  Outcome outcome = not_applicable("activation-violates",
                                   fmt::format("Assumption 3.2 for {} {}", describe(f), facts(f.kind).assumption_3_2));
  Keys keys;
  // t < 0 with |s(t)| > e^t, where there is one.
  if (const auto t = violating_point(f)) {
    keys.emplace_back("t", *t);
    outcome.ingredients.emplace_back("violating t", to_string(*t) + ", where |s(t)| > e^t (rho = (1, 1, 1, 1))");
  }
  outcome.findings.push_back(
      {Claim("activation-violates", {{"node", node.name}, {"assumption", "3.2"}}), Proof("activation-table", keys)});
  return outcome;
}

namespace theorems {

Theorem assumption_3_1() {
  return {.id = "assumption-3.1",
          .title = "Data patches are distinct",
          .source = "Nguyen & Hein, ICML 2018, Assumption 3.1",
          .statement =
              "x_i^p != x_j^q for all samples i != j and all patches p, q of the first layer; decided "
              "exactly, and where it fails the first offending (i, p, j, q) is reported.",
          .hypotheses = {"the node is the layer that reads the input"},
          .claims = {"patches-distinct"},
          .side_claims = {"patches-collide"},
          .rules = {"distinct-digests", "comparison"},
          .reasons = {"layer-kind", "patches-collide"},
          .read = [](const Entry& entry) -> Prover {
            return [name = entry.network.node(entry.node).name](const Instance& instance, const Options&) {
              return widecert::assumption_3_1(instance, name);
            };
          }};
}

}  // namespace theorems

}  // namespace widecert
