// Points of Theta: values for the free tensors of the linear nodes, by the nodes' names.
#pragma once

#include <widecert/network/exact_forward.h>

namespace widecert {

struct NodeTensors {
  std::optional<TensorSpec> weights;  // present unless frozen
  std::optional<TensorSpec> bias;     // present unless frozen or the bias mode is none
};
using PointSpec = std::map<std::string, NodeTensors>;

// The linear nodes that `target` depends on, in topological order.
std::vector<std::size_t> linear_nodes(const Architecture& network, std::size_t target);

// Those of one node that are in force, with their names for people; the bias is absent exactly if the mode is none.
// Throws InputError naming the node if the point misses a free tensor or gives one that is frozen or does not exist.
struct PointTensors {
  TensorSpec weights;
  std::optional<TensorSpec> bias;
  std::string weights_name, bias_name;
};
PointTensors tensors_of(const Architecture& network, const PointSpec& point, std::size_t node);
// Throws InputError if the point speaks of another node than those below `target`.
void check_nodes(const Architecture& network, const PointSpec& point, std::size_t target);
// The tensors of exactly those nodes, frozen ones included, as integers. Throws InputError naming
// the node if the point misses a free tensor, gives a frozen one or speaks of another node.
IntegerPoint integer_point(const Architecture& network, const PointSpec& point, std::size_t target);
// The part of a point that speaks of linear nodes which `target` depends on.
PointSpec point_below(const Architecture& network, const PointSpec& point, std::size_t target);

}  // namespace widecert
