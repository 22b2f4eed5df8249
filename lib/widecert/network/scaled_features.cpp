#include <widecert/network/enclosed_forward.h>
#include <widecert/network/feature_rows.h>
#include <widecert/network/feature_source.h>
#include <widecert/network/forward.h>
#include <widecert/network/scaled_features.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace widecert {
namespace {

// So many values are worth the pass in doubles.
constexpr std::size_t kMany = 1'000'000;

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

// On the grid by doubles with error bounds; false if these do not reach it.
bool by_doubles(ScaledFeatures& f, const Architecture& network, const IntegerPoint& point, const Dataset& data,
                std::size_t node, int bits, const std::function<void(std::size_t)>& tick) {
  constexpr std::size_t kBlock = 512;
  constexpr double kMostRadius = 8;
  const EnclosedForward forward(network, point, node, data);
  f.small.resize(f.samples * f.width);
  double worst = 0;
  for (std::size_t first = 0; first < f.samples; first += kBlock) {
    tick(first);
    const std::size_t count = std::min(kBlock, f.samples - first);
    const EnclosedValues values = forward(first, count);
    for (std::size_t k = 0; k < count * f.width; ++k) {
      // A product with a power of two is exact; rounding it to an integer adds half a unit.
      const double middle = std::ldexp(values.middle.data()[k], bits);
      if (!(std::abs(middle) < 0x1p52)) return false;
      worst = std::max(worst, add_up(std::ldexp(values.radius.data()[k], bits), 0.5));
      f.small[first * f.width + k] = std::llrint(middle);
    }
    if (!(worst < kMostRadius)) return false;
  }
  f.radius = static_cast<std::int64_t>(std::ceil(worst));
  return true;
}

}  // namespace

Integer ScaledFeatures::max_abs() const {
  Integer bound = 0;
  for (std::int64_t v : small) bound = std::max(bound, Integer(abs(Integer(v))));
  for (const Integer& v : large) bound = std::max(bound, Integer(abs(v)));
  return bound;
}

ScaledFeatures scaled_features(const Architecture& network, const PointSpec& point, const Dataset& data,
                               std::size_t node, int bits, const std::function<void(std::size_t)>& tick) {
  ScaledFeatures f;
  f.samples = data.size();
  f.width = network.node(node).width;
  const IntegerPoint integers = integer_point(network, point, node);
  if (rational_valued(network, node)) {
    const ExactForward forward(network, integers, node, data.divisor(), data.largest());
    f.divisor = forward.divisor();
    if (forward.is_small() && data.small_numerators() != nullptr) {
      tick(0);
      f.small.resize(f.samples * f.width);
      parallel_for(f.samples, [&](std::size_t i) {
        std::vector<std::int64_t> x(data.width());
        data.read(i, 0, x.size(), x.data());
        const std::vector<std::int64_t> row = forward.small(std::move(x));
        std::copy(row.begin(), row.end(), f.small.begin() + static_cast<std::ptrdiff_t>(i * f.width));
      });
      return f;
    }
    for (std::size_t i = 0; i < data.size(); ++i) {
      for (Integer& v : exact_values(forward, data, i)) f.large.push_back(std::move(v));
      tick(i);
    }
    shrink(f);
    return f;
  }
  f.divisor = Integer(1) << static_cast<unsigned>(bits);
  if (f.width != 0 && f.samples > kMany / f.width && by_doubles(f, network, integers, data, node, bits, tick)) return f;
  f.small.clear();
  f.radius = 1;
  const PrecisionScope precision(bits + 64);
  const Parameters<Ball> balls = ball_parameters(integers);
  for (std::size_t i = 0; i < data.size(); ++i) {
    std::vector<Ball> x;
    for (const Rational& v : data.sample(i)) x.push_back(Ball::enclosing(v));
    const std::vector<Ball> row = node_value(network, balls, x, node);
    for (const Ball& v : row) f.large.push_back(to_grid(v, bits));
    tick(i);
  }
  shrink(f);
  return f;
}

}  // namespace widecert
