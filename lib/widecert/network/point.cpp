#include <widecert/network/point.h>
#include <widecert/number/error.h>

#include <algorithm>

namespace widecert {
namespace {

// The tensor in force: frozen by the architecture or given by the point.
const TensorSpec& choose(const std::optional<TensorSpec>& frozen, const std::optional<TensorSpec>& given,
                         const std::string& what) {
  if (frozen && given) throw InputError(what + " is frozen; the parameters may not give it");
  if (!frozen && !given) throw InputError("the parameters give no value for " + what);
  return frozen ? *frozen : *given;
}

}  // namespace

std::vector<std::size_t> linear_nodes(const Architecture& network, std::size_t target) {
  std::vector<std::size_t> nodes;
  for (std::size_t i : network.ancestors(target)) {
    if (std::holds_alternative<LinearSpec>(network.node(i).spec)) nodes.push_back(i);
  }
  return nodes;
}

PointTensors tensors_of(const Architecture& network, const PointSpec& point, std::size_t index) {
  const Node& node = network.node(index);
  const auto& spec = std::get<LinearSpec>(node.spec);
  const auto found = point.find(node.name);
  const NodeTensors given = found == point.end() ? NodeTensors{} : found->second;
  const std::string weights = "the weights of \"" + node.name + "\"", bias = "the bias of \"" + node.name + "\"";
  PointTensors tensors{choose(spec.frozen_weights, given.weights, weights), {}, weights, bias};
  if (spec.bias != BiasMode::none) {
    tensors.bias = choose(spec.frozen_bias, given.bias, bias);
  } else if (given.bias) {
    throw InputError(bias + " does not exist: its bias mode is none");
  }
  return tensors;
}

void check_nodes(const Architecture& network, const PointSpec& point, std::size_t target) {
  const std::vector<std::size_t> nodes = linear_nodes(network, target);
  for (const auto& [name, tensors] : point) {
    if (std::find(nodes.begin(), nodes.end(), network.index_of(name)) == nodes.end()) {
      throw InputError("the parameters speak of \"" + name + "\", which is no linear layer below \"" +
                       network.node(target).name + "\"");
    }
  }
}

IntegerPoint integer_point(const Architecture& network, const PointSpec& point, std::size_t target) {
  IntegerPoint out;
  for (std::size_t i : linear_nodes(network, target)) {
    const PointTensors tensors = tensors_of(network, point, i);
    out[i].weights = expand_integers(tensors.weights, network.weights_shape(i), tensors.weights_name);
    if (tensors.bias) out[i].bias = expand_integers(*tensors.bias, network.bias_shape(i), tensors.bias_name);
  }
  check_nodes(network, point, target);
  return out;
}

PointSpec point_below(const Architecture& network, const PointSpec& point, std::size_t target) {
  PointSpec below;
  for (std::size_t i : linear_nodes(network, target)) {
    const auto found = point.find(network.node(i).name);
    if (found != point.end()) below.insert(*found);
  }
  return below;
}

}  // namespace widecert
