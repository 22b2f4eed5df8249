#include <widecert/network/random_point.h>

#include <cmath>

namespace widecert {

PointSpec random_point(const Architecture& network, std::size_t target, std::uint64_t seed) {
  constexpr std::int64_t kSteps = std::int64_t{1} << 20;
  PointSpec point;
  for (std::size_t i : linear_nodes(network, target)) {
    const Node& node = network.node(i);
    const auto& spec = std::get<LinearSpec>(node.spec);
    NodeTensors tensors;
    if (!spec.frozen_weights) {
      const double fan_in = static_cast<double>(node.patches->longest());
      const auto divisor = static_cast<std::int64_t>(static_cast<double>(kSteps) * std::sqrt(fan_in / 6)) + 1;
      tensors.weights = SeededTensor{node.name, seed, -kSteps, kSteps, divisor};
    }
    if (spec.free_bias()) {
      tensors.bias = SeededTensor{node.name + ".bias", seed, -kSteps, kSteps, kSteps};
    }
    if (tensors.weights || tensors.bias) point[node.name] = std::move(tensors);
  }
  return point;
}

}  // namespace widecert
