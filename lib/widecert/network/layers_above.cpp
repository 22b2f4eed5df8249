#include <widecert/network/layers_above.h>

#include <algorithm>

namespace widecert {

std::optional<LayersAbove> layers_above(const Architecture& network, std::size_t node, std::size_t output,
                                        std::string& why) {
  if (output <= node) {
    why = "there is no linear layer above layer " + network.node(node).name;
    return std::nullopt;
  }
  std::vector<std::size_t> chain{output};
  while (chain.back() != node) {
    const Node& at = network.node(chain.back());
    const bool linear = std::holds_alternative<LinearSpec>(at.spec),
               activation = std::holds_alternative<ActivationSpec>(at.spec);
    if ((!linear && !activation) || at.inputs[0] < node) {
      why = "layer " + at.name + " is not a linear layer or activation above layer " + network.node(node).name;
      return std::nullopt;
    }
    chain.push_back(at.inputs[0]);
  }
  std::reverse(chain.begin(), chain.end());
  LayersAbove above;
  for (std::size_t k = 1; k < chain.size(); ++k) {
    const bool linear = std::holds_alternative<LinearSpec>(network.node(chain[k]).spec);
    if (linear != (k % 2 == 1)) {
      why = "above layer " + network.node(node).name + ", linear layers and activations must take turns";
      return std::nullopt;
    }
    (linear ? above.linear : above.activation).push_back(chain[k]);
  }
  if (above.linear.size() != above.activation.size() + 1) {
    why = "the output is not a linear layer above layer " + network.node(node).name;
    return std::nullopt;
  }
  return above;
}

std::size_t last_linear(const Architecture& network) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < network.nodes().size(); ++i) {
    if (std::holds_alternative<LinearSpec>(network.node(i).spec)) last = i;
  }
  return last;
}

}  // namespace widecert
