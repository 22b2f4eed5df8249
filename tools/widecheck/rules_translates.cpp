// The rule "translates": one free bias per neuron, on samples that are kept apart below.
#include <algorithm>

#include "rules.h"
#include "verdict.h"

namespace widecheck {
namespace {

// In each bank some position is padding in none of its patches.
bool share_positions(const Node& node) {
  std::vector<std::vector<bool>> never_padding(node.patches.banks());
  for (std::size_t p = 0; p < node.patches.count(); ++p) {
    const std::vector<long>& entries = node.patches.entries()[p];
    auto& bank = never_padding[node.patches.bank(p)];
    bank.resize(entries.size(), true);
    for (std::size_t r = 0; r < entries.size(); ++r) bank[r] = bank[r] && entries[r] != kPad;
  }
  return std::all_of(never_padding.begin(), never_padding.end(),
                     [](const auto& bank) { return std::find(bank.begin(), bank.end(), true) != bank.end(); });
}

// A linear node with free weights: what its patches have to be for its values to be apart.
void require_linear(const Node& node, bool& across_neurons) {
  require(!node.frozen_weights, "frozen", "layer " + node.name + " has frozen weights");
  // A window that lies in the padding altogether sees the same zeros on every sample.
  for (const auto& entries : node.patches.entries()) {
    require(std::any_of(
                entries.begin(), entries.end(), [](long e) { return e != kPad; }),
            "not-separated", "layer " + node.name + " has a patch of nothing but padding");
  }
  // Neurons with free biases of their own take no common value, whatever enters them.
  if (node.untied_bias()) across_neurons = false;
  if (!across_neurons) return;
  if (node.inputs[0] == 0) {
    for (const auto& entries : node.patches.entries()) {
      require(entries.size() == node.patches.entries()[0].size(), "not-separated",
              "layer " + node.name + " has patches of different lengths");
    }
    return;
  }
  require(share_positions(node), "not-separated",
          "patches of layer " + node.name + " have no common position without padding");
}

// For almost every parameter the values of a linear node differ between samples, neuron by neuron. On
// the way down a max pooling asks for more: the values of any two neurons differ between samples.
void require_apart(const Context& c, std::size_t i) {
  bool across_neurons = false;
  for (;; i = c.network.node(i).inputs[0]) {
    const Node& node = c.network.node(i);
    const std::string at = "layer " + node.name + ": ";
    if (node.op == Op::linear) {
      require_linear(node, across_neurons);
      if (node.inputs[0] == 0) return require_distinct_patches(c, i, !across_neurons);
    } else if (node.op == Op::activation) {
      const Node& below = c.network.node(node.inputs[0]);
      const bool generic = analytic(node.activation.function) && below.op == Op::linear && below.free_bias();
      require(strictly_monotone(node.activation) || generic, "activation",
              at + node.activation.name + " may take one value on two samples");
    } else {
      require(node.op == Op::max_pool, "layer-kind",
              at + "only free filters, activations and max pooling keep samples apart");
      across_neurons = true;
    }
    require(node.inputs[0] != 0, "layer-kind", at + "it reads the data without filters");
  }
}

}  // namespace

void check_translates(const Context& c, std::size_t i, bool almost_every) {
  const Node& node = c.network.node(i);
  require(node.op == Op::activation, "layer-kind", "the claimed layer is not an activation");
  require(translate_independent(node.activation), "activation",
          "translates of " + node.activation.name + " are dependent");
  require(!almost_every || analytic(node.activation.function), "not-analytic",
          "layer " + node.name + ": " + node.activation.name);
  const Node& map = linear_node(c, node.inputs[0]);
  require(map.untied_bias(), "free-biases", "the rule needs one free bias for each neuron of layer " + map.name);
  require_apart(c, node.inputs[0]);
}

}  // namespace widecheck
