#include <widecert/network/backward.h>
#include <widecert/network/feature_source.h>
#include <widecert/network/forward.h>

namespace widecert {

BackwardNumbers backward_numbers(const Architecture& network, const Dataset& data, const IntegerPoint& point,
                                 std::size_t node, std::size_t output, const LayersAbove& above,
                                 const std::function<void(std::size_t sample)>& tick) {
  const PrecisionScope precision(128);
  const Parameters<Ball> theta = ball_parameters(point);
  const auto n = static_cast<Eigen::Index>(data.size());
  const auto width = [&](std::size_t i) { return static_cast<Eigen::Index>(network.node(i).width); };
  BackwardNumbers out;
  out.features.resize(n, width(node));
  out.output.resize(n, width(output));
  for (std::size_t k : above.activation)
    for (auto* rows : {&out.before, &out.after, &out.slopes}) rows->emplace_back(n, width(k));
  for (Eigen::Index i = 0; i < n; ++i) {
    tick(static_cast<std::size_t>(i));
    std::vector<Ball> x;
    for (const Rational& v : data.sample(static_cast<std::size_t>(i))) x.push_back(Ball::enclosing(v));
    const auto values = forward(network, theta, x, output);
    const auto take = [&](Matrix<double>& rows, std::size_t at) {
      for (Eigen::Index h = 0; h < rows.cols(); ++h) rows(i, h) = near_double(values[at][static_cast<std::size_t>(h)]);
    };
    take(out.features, node);
    take(out.output, output);
    for (std::size_t k = 0; k < above.activation.size(); ++k) {
      take(out.before[k], above.linear[k]);
      take(out.after[k], above.activation[k]);
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

Matrix<double> backward(Matrix<double> d, const BackwardNumbers& numbers, std::optional<Eigen::Index> sample) {
  for (std::size_t k = numbers.slopes.size(); k-- > 0;) {
    d = Matrix<double>(d * numbers.u[k + 1].transpose());
    for (Eigen::Index i = 0; i < d.rows(); ++i) {
      d.row(i).array() *= numbers.slopes[k].row(sample ? *sample : i).array();
    }
  }
  return d;
}

}  // namespace widecert
