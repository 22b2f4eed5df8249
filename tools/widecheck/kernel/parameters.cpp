#include "kernel/parameters.h"

#include <algorithm>

#include "kernel/verdict.h"

namespace widecheck {

const Node& linear_node(const Context& c, std::size_t i) {
  require(c.network.node(i).op == Op::linear, "layer-kind", "layer " + c.network.node(i).name + " is not linear");
  return c.network.node(i);
}

Parameters read_parameters(const Network& network, std::size_t i, const Value& json) {
  const Node& node = network.node(i);
  Parameters p;
  p.weights = read_tensor(json.at("weights"), weights_shape(node));
  if (node.bias != Bias::none) p.bias = read_tensor(json.at("bias"), bias_shape(node));
  return p;
}

std::vector<std::size_t> linear_nodes(const Network& network, std::size_t target) {
  std::vector<std::size_t> nodes;
  for (std::size_t i : network.below(target))
    if (network.node(i).op == Op::linear) nodes.push_back(i);
  return nodes;
}

std::vector<std::size_t> free_linear_nodes(const Context& c, std::size_t target) {
  std::vector<std::size_t> nodes = linear_nodes(c.network, target);
  for (std::size_t i : nodes) {
    require(!c.network.node(i).frozen(), "frozen",
            "layer " + c.network.node(i).name + " has frozen tensors: outside the claim's Theta");
  }
  return nodes;
}

void require_nodes(const Network& network, const std::vector<std::size_t>& nodes, const Value& json) {
  std::vector<std::string> expected, found = json.keys();
  for (std::size_t i : nodes) expected.push_back(network.node(i).name);
  std::sort(expected.begin(), expected.end());
  require(found == expected, "other-layers",
          json.place() + " must name exactly the linear layers up to the claimed one");
}

std::map<std::size_t, Parameters> read_point(const Network& network, std::size_t target, const Value& json) {
  std::map<std::size_t, Parameters> theta;
  std::vector<std::size_t> named;
  for (std::size_t i : linear_nodes(network, target)) {
    const Node& node = network.node(i);
    Parameters& p = theta[i];
    if (node.frozen_weights) p.weights = *node.frozen_weights;
    if (node.frozen_bias) p.bias = *node.frozen_bias;
    if (node.frozen_weights && !node.free_bias()) continue;
    named.push_back(i);
    const Value tensors = json.at(node.name);
    if (!node.frozen_weights) p.weights = read_tensor(tensors.at("weights"), weights_shape(node));
    if (node.free_bias()) p.bias = read_tensor(tensors.at("bias"), bias_shape(node));
  }
  require_nodes(network, named, json);
  return theta;
}

}  // namespace widecheck
