#include <widecert/network/enclosed_forward.h>
#include <widecert/network/feature_source.h>
#include <widecert/network/filter_map.h>
#include <widecert/network/forward.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>
#include <widecert/number/stop.h>

#include <cmath>
#include <memory>

namespace widecert {
namespace {

// high + low up to a radius: about 106 bits of a ball.
struct Parts {
  double high, low, radius;
};
Parts parts_of(const Ball& x) {
  const double nan = std::nan("");
  if (!x.finite()) return {nan, nan, nan};
  const double high = near_double(x);
  if (!std::isfinite(high)) return {nan, nan, nan};
  const Ball rest = x - Ball::exactly(high);
  const double low = near_double(rest);
  return {high, low, magnitude_up(rest - Ball::exactly(low))};
}

Matrix<double> with_ones(const Matrix<double>& a, double value) {
  Matrix<double> out(a.rows(), a.cols() + 1);
  out.leftCols(a.cols()) = a;
  out.col(a.cols()).setConstant(value);
  return out;
}

// Midpoints in two doubles from balls at 160 bits.
MatrixEnclosure split(const Matrix<Ball>& balls) {
  MatrixEnclosure out;
  out.middle.high.resize(balls.rows(), balls.cols());
  out.middle.low.resize(balls.rows(), balls.cols());
  Matrix<double> radius(balls.rows(), balls.cols());
  for (Eigen::Index i = 0; i < balls.rows(); ++i) {
    poll();
    for (Eigen::Index j = 0; j < balls.cols(); ++j) {
      const Parts p = parts_of(balls(i, j));
      out.middle.high(i, j) = p.high;
      out.middle.low(i, j) = p.low;
      radius(i, j) = p.radius;
    }
  }
  out.row_radius = enclose(out.middle.high, radius).row_radius;
  return out;
}

constexpr long kSplitBits = 160;

}  // namespace

std::vector<std::vector<Ball>> ball_rows(const IntegerTensor& tensor) {
  std::vector<std::vector<Ball>> rows;
  std::size_t entry = 0;
  for (std::size_t length : tensor.shape) {
    poll();
    auto& row = rows.emplace_back();
    for (std::size_t r = 0; r < length; ++r) {
      row.push_back(Ball::enclosing(Rational(tensor.at(entry++), tensor.divisor)));
    }
  }
  return rows;
}

Parameters<Ball> ball_parameters(const IntegerPoint& point) {
  Parameters<Ball> theta;
  for (const auto& [node, tensors] : point) {
    theta[node].weights = ball_rows(tensors.weights);
    if (!tensors.bias.shape.empty()) theta[node].bias = std::move(ball_rows(tensors.bias).front());
  }
  return theta;
}

MatrixSource feature_source(const Architecture& network, const IntegerPoint& point, std::size_t node,
                            const Dataset& data, bool ones) {
  MatrixSource source;
  source.rows = data.size();
  source.cols = network.node(node).width + (ones ? 1 : 0);
  const auto forward = std::make_shared<const EnclosedForward>(network, point, node, data);
  source.balls = [&network, point, node, &data, ones] {
    const long bits = PrecisionScope::current();
    const Parameters<Ball> theta = ball_parameters(point);
    const auto width = static_cast<Eigen::Index>(network.node(node).width);
    Matrix<Ball> f(static_cast<Eigen::Index>(data.size()), width + (ones ? 1 : 0));
    parallel_for(data.size(), [&](std::size_t i) {
      const PrecisionScope precision(bits);
      std::vector<Ball> x;
      for (std::size_t j = 0; j < data.width(); ++j) x.push_back(Ball::enclosing(data.at(i, j)));
      const std::vector<Ball> row = node_value(network, theta, x, node);
      const auto r = static_cast<Eigen::Index>(i);
      for (Eigen::Index h = 0; h < width; ++h) f(r, h) = row[static_cast<std::size_t>(h)];
      if (ones) f(r, width) = Ball(1);
    });
    return f;
  };
  source.enclosure = [forward, balls = source.balls, ones, rows = data.size()](bool in_two) {
    if (in_two) {
      const PrecisionScope precision(kSplitBits);
      return split(balls());
    }
    const EnclosedValues f = (*forward)(0, rows);
    return ones ? enclose(with_ones(f.middle, 1), with_ones(f.radius, 0)) : enclose(f.middle, f.radius);
  };
  return source;
}

MatrixSource weight_source(const Architecture& network, std::size_t index, const IntegerTensor& weights) {
  const Node& node = network.node(index);
  MatrixSource source;
  source.rows = node.patches->inputs();
  source.cols = node.width;
  source.balls = [&network, index, weights] { return full_weight_matrix(network, index, ball_rows(weights)); };
  source.enclosure = [balls = source.balls](bool in_two) {
    const PrecisionScope precision(kSplitBits);
    MatrixEnclosure u = split(balls());
    if (in_two) return u;
    for (std::size_t i = 0; i < u.row_radius.size(); ++i) {
      const auto row = static_cast<Eigen::Index>(i);
      const double low = frobenius_up(Matrix<double>(u.middle.low.row(row)));
      u.row_radius[i] = add_up(u.row_radius[i], low);
    }
    u.middle.low.resize(0, 0);
    return u;
  };
  return source;
}

}  // namespace widecert
