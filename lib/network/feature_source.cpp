#include <widecert/network/enclosed_forward.h>
#include <widecert/network/feature_source.h>
#include <widecert/network/forward.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>

#include <cmath>
#include <memory>

namespace widecert {
namespace {

Ball ball_of(const Integer& numerator, const Integer& divisor) {
  return Ball::enclosing(Rational(numerator, divisor));
}

// At the working precision.
Parameters<Ball> ball_parameters(const Architecture& network, const IntegerPoint& point) {
  Parameters<Ball> theta;
  for (const auto& [node, tensors] : point) {
    LinearParameters<Ball>& p = theta[node];
    std::size_t entry = 0;
    for (std::size_t length : network.weights_shape(node)) {
      auto& row = p.weights.emplace_back();
      for (std::size_t r = 0; r < length; ++r) {
        row.push_back(ball_of(tensors.weights.at(entry++), tensors.weights.divisor));
      }
    }
    if (tensors.bias.shape.empty()) continue;
    for (std::size_t b = 0; b < tensors.bias.shape[0]; ++b) {
      p.bias.push_back(ball_of(tensors.bias.at(b), tensors.bias.divisor));
    }
  }
  return theta;
}

// high + low up to a radius: about 106 bits of a ball.
struct Parts {
  double high, low, radius;
};
Parts parts_of(const Ball& x) {
  const double nan = std::nan("");
  if (!x.finite()) return {nan, nan, nan};
  const auto nearest = [](const Ball& b) { return arf_get_d(arb_midref(b.data()), ARF_RND_NEAR); };
  const double high = nearest(x);
  if (!std::isfinite(high)) return {nan, nan, nan};
  const Ball rest = x - Ball::exactly(high);
  const double low = nearest(rest);
  const Ball error = rest - Ball::exactly(low);
  arf_t bound;
  arf_init(bound);
  arb_get_abs_ubound_arf(bound, error.data(), 53);
  const double radius = arf_get_d(bound, ARF_RND_UP);
  arf_clear(bound);
  return {high, low, next_up(radius)};
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

MatrixSource feature_source(const Architecture& network, const IntegerPoint& point, std::size_t node,
                            const Dataset& data, bool ones) {
  MatrixSource source;
  source.rows = data.size();
  source.cols = network.node(node).width + (ones ? 1 : 0);
  const auto forward = std::make_shared<const EnclosedForward>(network, point, node, data);
  source.balls = [&network, point, node, &data, ones] {
    const long bits = PrecisionScope::current();
    const Parameters<Ball> theta = ball_parameters(network, point);
    const auto width = static_cast<Eigen::Index>(network.node(node).width);
    Matrix<Ball> f(static_cast<Eigen::Index>(data.size()), width + (ones ? 1 : 0));
    parallel_for(data.size(), [&](std::size_t i) {
      const PrecisionScope precision(bits);
      std::vector<Ball> x;
      for (std::size_t j = 0; j < data.width(); ++j) x.push_back(ball_of(data.numerator(i, j), data.divisor()));
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
  source.balls = [&node, weights] {
    Matrix<Ball> u = Matrix<Ball>::Constant(static_cast<Eigen::Index>(node.patches->inputs()),
                                            static_cast<Eigen::Index>(node.width), Ball(0));
    std::vector<std::size_t> begin;  // of the filters, row by row
    std::size_t entry = 0;
    for (std::size_t length : weights.shape) {
      begin.push_back(entry);
      entry += length;
    }
    std::vector<std::int64_t> patch;
    for (std::size_t p = 0; p < node.patches->count(); ++p) {
      node.patches->expand(p, patch);
      for (std::size_t t = 0; t < node.filters; ++t) {
        const std::size_t filter = node.patches->bank(p) * node.filters + t;
        for (std::size_t r = 0; r < patch.size(); ++r) {
          if (patch[r] == kPadding) continue;
          u(patch[r], static_cast<Eigen::Index>(p * node.filters + t)) =
              ball_of(weights.at(begin[filter] + r), weights.divisor);
        }
      }
    }
    return u;
  };
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
