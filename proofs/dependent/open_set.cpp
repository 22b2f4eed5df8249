#include "proofs/dependent/open_set.h"

#include <fmt/format.h>

#include "proofs/dependent/never_independent.h"

namespace widecert {
namespace {

// All free tensors at 0, the biases of the claimed layer at `bias`.
PointSpec centre_at(const Architecture& network, std::size_t claimed, const Rational& bias) {
  PointSpec centre;
  for (std::size_t i : linear_nodes(network, claimed)) {
    const Node& node = network.node(i);
    const auto& spec = std::get<LinearSpec>(node.spec);
    NodeTensors tensors;
    if (!spec.frozen_weights) tensors.weights = FillTensor{0};
    if (spec.free_bias()) {
      tensors.bias = FillTensor{i == claimed ? bias : Rational(0)};
    }
    if (tensors.weights || tensors.bias) centre[node.name] = tensors;
  }
  return centre;
}

DependentBox box(const Node& node, PointSpec centre, const Rational& radius) {
  Claim claim("dependent-on-open-set", {{"node", node.name}, {"centre", centre}, {"radius", radius}});
  return {{std::move(claim), Proof("units-without-kinks")}, std::move(centre), radius};
}

}  // namespace

std::optional<DependentBox> dependent_on_open_set(const Instance& instance, std::size_t node) {
  const Architecture& network = instance.network;
  const auto* activation = std::get_if<ActivationSpec>(&network.node(node).spec);
  if (activation == nullptr) return std::nullopt;
  const std::size_t map = network.node(node).inputs[0];
  const auto* linear = std::get_if<LinearSpec>(&network.node(map).spec);
  if (linear == nullptr || linear->frozen_weights || linear->frozen_bias || linear->bias == BiasMode::none) {
    return std::nullopt;
  }
  // Below the claimed layer only what never exceeds its input, with all parameters free; then
  // weights and biases below the radius keep every value entering the layer below the largest
  // input, and pre-activations within 1/2 of the bias.
  std::size_t most = 1;
  for (std::size_t i : network.ancestors(map)) {
    const Node& at = network.node(i);
    if (i == 0) continue;
    const auto* spec = std::get_if<LinearSpec>(&at.spec);
    const auto* below = std::get_if<ActivationSpec>(&at.spec);
    if (spec != nullptr && (spec->frozen_weights || spec->frozen_bias)) return std::nullopt;
    if (below != nullptr && below->function.kind != ActivationKind::relu &&
        below->function.kind != ActivationKind::leaky_relu && below->function.kind != ActivationKind::identity) {
      return std::nullopt;
    }
    if (below != nullptr && abs(below->function.parameter) > 1) return std::nullopt;
    if (spec == nullptr && below == nullptr && !std::holds_alternative<PoolSpec>(at.spec)) {
      return std::nullopt;
    }
    if (spec != nullptr) most = std::max(most, at.patches->longest());
  }
  const Rational largest = std::max(Rational(1), Rational(instance.data.largest(), instance.data.divisor()));
  const Rational radius = short_lower_bound(1 / (4 * Rational(most) * largest + 4), 8);
  const std::size_t n = instance.data.size();
  const auto kind = activation->function.kind;
  if (kind == ActivationKind::relu) {
    return box(network.node(node), centre_at(network, map, -1), radius);
  }
  const bool linear_above = kind == ActivationKind::leaky_relu || kind == ActivationKind::elu;
  if (linear_above && affine_dimensions(network, map)[map] < n) {
    return box(network.node(node), centre_at(network, map, 1), radius);
  }
  return std::nullopt;
}

static Outcome prove_open_set(const Instance& instance, std::size_t node, const std::string&, const Options&) {
  const auto box = dependent_on_open_set(instance, node);
  if (!box) {
    return undecided("no-open-set", "no box of parameters was found on which all units are dead or affine");
  }
  Outcome outcome =
      proved(fmt::format("wherever the parameters are within {} of the centre, no unit comes near its kink",
                         to_string(box->radius)),
             {box->finding});
  outcome.witness = Witness{"the centre of the box", box->centre, {}, {}};
  return outcome;
}

Theorem theorems::open_set() {
  return {.id = "open-set",
          .title = "Dependent features on an open set of parameters",
          .source = "the limits of Theorem 3.5: relu, leaky relu, elu",
          .statement =
              "A box of parameters on which no unit comes near its kink, so that all features are 0 or "
              "affine functions of the input and rank F_k < N throughout: \"almost every parameter\" fails "
              "for these activations.",
          .hypotheses = {"relu at layer k, or leaky relu or elu with less than N affine dimensions below",
                         "free weights and biases"},
          .claims = {"dependent-on-open-set"},
          .rules = {"units-without-kinks"},
          .reasons = {"no-open-set"},
          .read = read_plain<prove_open_set>};
}

}  // namespace widecert
