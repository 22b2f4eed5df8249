#include <widecert/network/family.h>

namespace widecert {

PointSpec point_at(const Architecture& network, const Family& family, const Rational& alpha) {
  PointSpec point;
  for (const auto& [name, node] : family) {
    const std::size_t index = network.index_of(name);
    const auto combine = [&](const TensorSpec& constant, const TensorSpec& slope, const TensorShape& shape) {
      ExplicitTensor sum{expand(constant, shape, name)};
      const Tensor step = expand(slope, shape, name);
      for (std::size_t r = 0; r < shape.size(); ++r)
        for (std::size_t c = 0; c < shape[r]; ++c) sum.rows[r][c] += alpha * step[r][c];
      return sum;
    };
    point[name].weights = combine(*node.constant.weights, *node.slope.weights, network.weights_shape(index));
    if (node.constant.bias && node.slope.bias) {
      point[name].bias = combine(*node.constant.bias, *node.slope.bias, network.bias_shape(index));
    }
  }
  return point;
}

}  // namespace widecert
