#include "proofs/gradients/backward_numbers.h"

#include <widecert/network/feature_source.h>
#include <widecert/network/forward.h>

namespace widecert {

BackwardNumbers backward_numbers(const Instance& instance, const IntegerPoint& point, std::size_t node,
                                 std::size_t output, const LayersAbove& above, const Options& options) {
  const Architecture& network = instance.network;
  const PrecisionScope precision(128);
  const Parameters<Ball> theta = ball_parameters(point);
  const auto n = static_cast<Eigen::Index>(instance.data.size());
  const auto width = [&](std::size_t i) { return static_cast<Eigen::Index>(network.node(i).width); };
  BackwardNumbers out;
  out.features.resize(n, width(node));
  out.output.resize(n, width(output));
  for (std::size_t k : above.activation) out.slopes.emplace_back(n, width(k));
  for (Eigen::Index i = 0; i < n; ++i) {
    options.progress("forward and backward", static_cast<std::size_t>(i), instance.data.size());
    std::vector<Ball> x;
    for (const Rational& v : instance.data.sample(static_cast<std::size_t>(i))) x.push_back(Ball::enclosing(v));
    const auto values = forward(network, theta, x, output);
    for (Eigen::Index h = 0; h < out.features.cols(); ++h)
      out.features(i, h) = near_double(values[node][static_cast<std::size_t>(h)]);
    for (Eigen::Index h = 0; h < out.output.cols(); ++h)
      out.output(i, h) = near_double(values[output][static_cast<std::size_t>(h)]);
    for (std::size_t k = 0; k < above.activation.size(); ++k) {
      const auto& f = std::get<ActivationSpec>(network.node(above.activation[k]).spec).function;
      for (Eigen::Index h = 0; h < out.slopes[k].cols(); ++h) {
        out.slopes[k](i, h) = near_double(derivative(f, values[above.linear[k]][static_cast<std::size_t>(h)]));
      }
    }
  }
  for (std::size_t k : above.linear) {
    out.u.push_back(weight_source(network, k, point.at(k).weights).enclosure(false).middle.high);
  }
  return out;
}

Mat backward(Mat d, const BackwardNumbers& numbers, std::optional<Eigen::Index> sample) {
  for (std::size_t k = numbers.slopes.size(); k-- > 0;) {
    d = Mat(d * numbers.u[k + 1].transpose());
    for (Eigen::Index i = 0; i < d.rows(); ++i) {
      d.row(i).array() *= numbers.slopes[k].row(sample ? *sample : i).array();
    }
  }
  return d;
}

Rational above_of(double x) { return short_upper_bound(exactly(x) * Rational(33, 32), 10); }
Rational below_of(double x) { return x > 0 ? short_lower_bound(exactly(x) * Rational(31, 32), 10) : Rational(0); }

}  // namespace widecert
