#include <widecert/network/scaled_features.h>

#include <algorithm>
#include <limits>

namespace widecert {
namespace {

Parameters<Ball> to_balls(const Parameters<Rational>& theta) {
  Parameters<Ball> balls;
  for (const auto& [node, p] : theta) {
    balls[node] = convert_parameters<Ball>(p.weights, p.bias.empty() ? Tensor{} : Tensor{p.bias});
  }
  return balls;
}

// Moves the numbers to 64 bits if they all fit.
void shrink(ScaledFeatures& f) {
  static const Integer kLimit = Integer(1) << 62;
  if (std::any_of(f.large.begin(), f.large.end(), [](const Integer& v) { return abs(v) >= kLimit; })) {
    return;
  }
  for (const Integer& v : f.large) f.small.push_back(v.convert_to<std::int64_t>());
  f.large.clear();
}

// round(x * 2^bits) of a ball, checking that the grid point is within 1 of every point of it.
Integer to_grid(const Ball& x, int bits) {
  const Rational scale = power_of_two(bits);
  const Integer point = floor(Rational(x.midpoint() * scale + Rational(1, 2)));
  check(x.lower_bound() * scale >= Rational(point - 1) && x.upper_bound() * scale <= Rational(point + 1),
        "ball arithmetic with 64 guard bits reaches the grid");
  return point;
}

}  // namespace

Integer ScaledFeatures::max_abs() const {
  Integer bound = 0;
  for (std::int64_t v : small) bound = std::max(bound, Integer(abs(Integer(v))));
  for (const Integer& v : large) bound = std::max(bound, Integer(abs(v)));
  return bound;
}

ScaledFeatures scaled_features(const Architecture& network, const Parameters<Rational>& theta, const Dataset& data,
                               std::size_t node, int bits, const std::function<void(std::size_t)>& tick) {
  ScaledFeatures f;
  f.samples = data.size();
  f.width = network.node(node).width;
  if (node == 0 && data.small_numerators() != nullptr) {
    f.divisor = data.divisor();
    f.small = *data.small_numerators();
    return f;
  }
  if (rational_valued(network, node)) {
    std::vector<std::vector<Rational>> rows;
    for (std::size_t i = 0; i < data.size(); ++i) {
      rows.push_back(node_value(network, theta, data.sample(i), node));
      for (const Rational& v : rows.back()) f.divisor = lcm(f.divisor, Integer(denominator(v)));
      tick(i);
    }
    for (const auto& row : rows) {
      for (const Rational& v : row) f.large.push_back(numerator(v) * (f.divisor / denominator(v)));
    }
  } else {
    const PrecisionScope precision(bits + 64);
    const Parameters<Ball> balls = to_balls(theta);
    f.divisor = Integer(1) << static_cast<unsigned>(bits);
    f.radius = 1;
    for (std::size_t i = 0; i < data.size(); ++i) {
      std::vector<Ball> x;
      for (const Rational& v : data.sample(i)) x.push_back(Ball::enclosing(v));
      const std::vector<Ball> row = node_value(network, balls, x, node);
      for (const Ball& v : row) f.large.push_back(to_grid(v, bits));
      tick(i);
    }
  }
  shrink(f);
  return f;
}

}  // namespace widecert
