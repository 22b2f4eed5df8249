// Enclosures in double against Arb: activations on hard arguments, whole networks with every operation.
#include <widecert/certificate/model_json.h>
#include <widecert/network/double_activation.h>
#include <widecert/network/enclosed_forward.h>
#include <widecert/network/forward.h>
#include <widecert/network/point.h>

#include <nlohmann/json.hpp>

#include <mpfr.h>
#include <cmath>

#include "../../catch.h"
#include "../../random.h"

using namespace widecert;

namespace {

std::vector<Activation> activations() {
  std::vector<Activation> list;
  for (ActivationKind kind : all_activation_kinds()) list.push_back({kind, 1});
  list.push_back({ActivationKind::leaky_relu, Rational(1, 100)});
  list.push_back({ActivationKind::leaky_relu, Rational(-7, 3)});
  list.push_back({ActivationKind::softplus, Rational(5)});
  list.push_back({ActivationKind::softplus, Rational(1, 3)});
  return list;
}

Ball ball(double middle, double radius) {
  Ball b = Ball::exactly(middle);
  mag_t r;
  mag_init(r);
  mag_set_d(r, radius);
  arb_add_error_mag(b.data(), r);
  mag_clear(r);
  return b;
}

// |x - middle| <= radius for every x of the ball, up to the working precision.
bool encloses(double middle, double radius, const Ball& value) {
  if (!std::isfinite(middle) || !std::isfinite(radius) || !value.finite()) return true;  // nothing is claimed
  const Ball difference = value - Ball::exactly(middle);
  arf_t most, allowed;
  arf_init(most);
  arf_init(allowed);
  arb_get_abs_ubound_arf(most, difference.data(), PrecisionScope::current());
  arf_set_d(allowed, radius);
  const bool inside = arf_cmp(most, allowed) <= 0;
  arf_clear(most);
  arf_clear(allowed);
  return inside;
}

std::vector<double> hard_points(test::Random& random, int count) {
  std::vector<double> points{0.0,   -0.0,   1.0,  -1.0,  0x1p-1074, -0x1p-1074, 0x1p-1022, 16,  -16,
                             708,   -708,   709,  745.2, -745.2,    354,        -354,      1e6, -1e6,
                             1e300, -1e300, 26.6, 8.5,   -8.5,      5.9,        40,        -40};
  for (int k = -40; k <= 40; ++k) {
    const double x = k * 0.34657359027997264;  // halfway between multiples of ln 2, and on cell borders
    for (double y : {x, k * 0.6931471805599453, k * 0.125}) {
      points.insert(points.end(), {y, std::nextafter(y, 1e9), std::nextafter(y, -1e9)});
    }
  }
  for (int k = 0; k < count; ++k) {
    const double u = std::ldexp(static_cast<double>(random.integer(-(1L << 53), 1L << 53)), -53);
    points.push_back(u * std::ldexp(1.0, static_cast<int>(random.integer(-30, 10))));
  }
  return points;
}

}  // namespace

TEST_CASE("activations in double enclose Arb's values on hard arguments, and tightly") {
  test::Random random(1);
  const std::vector<double> points = hard_points(random, test::rounds(2000));
  const PrecisionScope precision(256);
  for (const Activation& f : activations()) {
    std::vector<double> middle = points, radius(points.size(), 0);
    enclose_activation(f, middle, radius);
    double worst = 0;
    for (std::size_t k = 0; k < points.size(); ++k) {
      const Ball value = evaluate(f, Ball::exactly(points[k]));
      if (!encloses(middle[k], radius[k], value)) {
        INFO(describe(f) << " at " << points[k] << ": " << middle[k] << " +- " << radius[k]);
        FAIL("the value is not enclosed");
      }
      if (std::abs(points[k]) <= 1e6) worst = std::max(worst, radius[k] / std::max(1.0, std::abs(middle[k])));
    }
    INFO(describe(f));
    // (A cube multiplies relative errors and arguments: no constant holds for all of them.)
    if (f.kind != ActivationKind::cubic_sigmoid) CHECK(worst < 64 * 0x1p-53);
  }
}

TEST_CASE("a radius of the argument is carried through, jumps and kinks included") {
  test::Random random(2);
  const std::vector<double> points = hard_points(random, test::rounds(500));
  const PrecisionScope precision(256);
  for (const Activation& f : activations()) {
    std::vector<double> middle = points, radius;
    for (double x : points) {
      const auto e = static_cast<int>(random.integer(-60, 3));
      radius.push_back(random.integer(0, 3) == 0 ? std::abs(x) : std::ldexp(1.0, e));
    }
    const std::vector<double> given = radius;
    enclose_activation(f, middle, radius);
    CHECK(std::all_of(radius.begin(), radius.end(), [](double r) { return r >= 0; }));
    for (std::size_t k = 0; k < points.size(); ++k) {
      for (double s : {-1.0, -0.5, 0.25, 1.0}) {
        const double t = points[k] + s * given[k];
        if (exactly(t) - exactly(points[k]) > exactly(given[k]) || exactly(points[k]) - exactly(t) > exactly(given[k]))
          continue;
        if (encloses(middle[k], radius[k], evaluate(f, Ball::exactly(t)))) continue;
        INFO(describe(f) << " at " << points[k] << " +- " << given[k] << ", " << t);
        FAIL("a value is not enclosed");
      }
    }
  }
}

TEST_CASE("the Lipschitz constants of the double enclosures hold for Arb's derivatives") {
  // Radii of arguments in: radii of values out, on small cells that cover [-30, 30].
  const PrecisionScope precision(64);
  for (const Activation& f : activations()) {
    if (f.kind == ActivationKind::step || f.kind == ActivationKind::half_step || f.kind == ActivationKind::sign ||
        f.kind == ActivationKind::cubic_sigmoid)
      continue;
    std::vector<double> middle{0.0}, radius{1024.0};
    enclose_activation(f, middle, radius);
    const Ball constant = Ball::exactly(radius[0] / 1024 + 0x1p-40);
    for (int k = -1920; k <= 1920; ++k) {
      const Ball slope = derivative(f, ball(k / 64.0, 1 / 128.0));
      const Ball size = max(slope, -slope);
      INFO(describe(f) << " at " << k / 64.0);
      CHECK(certainly_less(size, constant + Ball::exactly(0.02)));  // the cells have a width
      const Ball at = derivative(f, Ball::exactly(k / 64.0));
      CHECK(certainly_less(max(at, -at), constant + Ball::exactly(0x1p-20)));
    }
  }
}

TEST_CASE("Arb and MPFR agree on the functions that the double enclosures are confronted with") {
  test::Random random(3);
  const PrecisionScope precision(200);
  for (int round = 0; round < test::rounds(200); ++round) {
    const double x = std::ldexp(static_cast<double>(random.integer(-(1L << 50), 1L << 50)), -46);
    mpfr_t low, high, t;
    mpfr_inits2(200, low, high, t, nullptr);
    const auto check = [&](const Ball& value, auto function) {
      mpfr_set_d(t, x, MPFR_RNDN);
      function(low, t, MPFR_RNDD);
      function(high, t, MPFR_RNDU);
      Rational a, b;
      mpfr_get_q(a.backend().data(), low);
      mpfr_get_q(b.backend().data(), high);
      CHECK(value.lower_bound() <= b);
      CHECK(a <= value.upper_bound());
    };
    check(exp(Ball::exactly(x)), mpfr_exp);
    check(erfc(Ball::exactly(x)), mpfr_erfc);
    check(tanh(Ball::exactly(x)), mpfr_tanh);
    if (x > -1) check(log1p(Ball::exactly(x)), mpfr_log1p);
    mpfr_clears(low, high, t, nullptr);
  }
}

TEST_CASE("NaN and infinite arguments claim nothing false") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  for (const Activation& f : activations()) {
    std::vector<double> middle{nan, 0.5, 0.5}, radius{0, nan, inf};
    enclose_activation(f, middle, radius);
    INFO(describe(f));
    CHECK_FALSE((std::isfinite(middle[0]) && std::isfinite(radius[0])));
    CHECK_FALSE(std::isfinite(radius[1]));
    const bool bounded_jump =
        f.kind == ActivationKind::step || f.kind == ActivationKind::half_step || f.kind == ActivationKind::sign;
    CHECK((bounded_jump || !std::isfinite(radius[2])));
  }
}

TEST_CASE("at the ends of the range of doubles nothing false is claimed") {
  const double inf = std::numeric_limits<double>::infinity();
  std::vector<double> middle{-inf, -1e308, 1e308}, radius{inf, inf, 1};
  enclose_activation({ActivationKind::relu, 1}, middle, radius);
  CHECK(radius[0] == inf);
  CHECK(radius[1] == inf);
  // Beyond the range, and back by relu.
  middle = {-1e308, -1e308};
  radius = {1.5e308, 1e300};
  enclose_activation({ActivationKind::leaky_relu, Rational(22, 7)}, middle, radius);
  enclose_activation({ActivationKind::relu, 1}, middle, radius);
  CHECK(radius[0] == inf);
  CHECK(radius[1] == inf);
  // Slopes that doubles keep with few bits, or none.
  for (const Rational& slope :
       {power_of_two(-1080), Rational(3 * power_of_two(-1075)), power_of_two(1030), Rational(-power_of_two(-1001))}) {
    for (ActivationKind kind : {ActivationKind::leaky_relu, ActivationKind::softplus}) {
      middle = {-0x1p1023, -0x1p1000, -1};
      radius = {0, 0, 0};
      if (kind == ActivationKind::softplus && slope < 0) continue;
      enclose_activation({kind, slope}, middle, radius);
      for (double r : radius) CHECK(r == inf);
    }
  }
  // A divisor beyond them.
  const Json json = parse_json(
      R"({"input": {"shape": [1]}, "nodes": [{"name": "f", "op": "activation", "function": "identity"}]})", "test");
  const Architecture network = read_network(JsonReader(json, "test"));
  const Rational x = parse_rational("9000000000000000001e-309");
  const Dataset data = Dataset::from_samples({{x}});
  const EnclosedValues values = EnclosedForward(network, {}, 1, data)(0, 1);
  CHECK(abs(Rational(x - exactly(values.middle(0, 0)))) <= exactly(values.radius(0, 0)));
}

TEST_CASE("the enclosed pass contains Arb's values: networks with every operation") {
  constexpr const char* kNodes = R"({"input": {"shape": [6, 2]}, "nodes": [
    {"name": "conv1", "op": "conv1d", "size": 3, "filters": 4, "groups": 2, "padding": "same", "bias": "channel"},
    {"name": "f1", "op": "activation", "function": "softplus"},
    {"name": "conv2", "op": "conv1d", "size": 1, "filters": 4, "bias": "none"},
    {"name": "f2", "op": "activation", "function": "gelu"},
    {"name": "sum2", "op": "sum", "inputs": ["f1", "f2"]},
    {"name": "norm2", "op": "batchnorm", "scale": {"rows": [[1, 2, "1/2", -1]]}, "shift": {"fill": "1/3"}},
    {"name": "pool2", "op": "maxpool1d", "size": 2},
    {"name": "mean2", "op": "avgpool1d", "input": "sum2", "size": 3, "stride": 2, "padding": "same"},
    {"name": "both", "op": "concat", "inputs": ["pool2", "mean2"]},
    {"name": "turned", "op": "reshape", "shape": [4, 6], "order": "channels-first"},
    {"name": "each", "op": "batchnorm", "per": "neuron",
     "scale": {"seeded": {"name": "s", "seed": 1, "low": -3, "high": 3, "divisor": 2}},
     "shift": {"seeded": {"name": "t", "seed": 1, "low": -3, "high": 3, "divisor": 7}}},
    {"name": "dense3", "op": "dense", "filters": 7, "bias": "neuron"},
    {"name": "f3", "op": "activation", "function": "mish"},
    {"name": "g3", "op": "activation", "function": "step", "input": "dense3"},
    {"name": "h3", "op": "activation", "function": "leaky-relu", "slope": "-2/3", "input": "dense3"},
    {"name": "all", "op": "concat", "inputs": ["f3", "g3", "h3"]},
    {"name": "some", "op": "select", "inputs": ["all", "each", "f1"], "count": 30, "seed": 7},
    {"name": "dense4", "op": "dense", "filters": 9, "bias": "none"},
    {"name": "f4", "op": "activation", "function": "tanh"}]})";
  const Json json = parse_json(kNodes, "test");
  const Architecture network = read_network(JsonReader(json, "test"));
  test::Random random(4);
  const std::size_t last = network.nodes().size() - 1;
  for (int round = 0; round < test::rounds(12); ++round) {
    // Weights and data of all sizes, overflow and underflow among them.
    const int range = round % 4 == 3 ? 600 : round % 4 == 2 ? 20 : 1;
    const auto draw = [&] {
      return exactly(std::ldexp(static_cast<double>(random.integer(-(1L << 40), 1L << 40)),
                                -40 + static_cast<int>(random.integer(-range, range / 2))));
    };
    std::vector<std::vector<Rational>> samples(7, std::vector<Rational>(12));
    for (auto& x : samples)
      for (auto& v : x) v = random.integer(0, 4) == 0 ? Rational(1, 3) : draw();
    const Dataset data = Dataset::from_samples(samples);
    PointSpec spec;
    for (std::size_t i : linear_nodes(network, last)) {
      const auto tensor = [&](const TensorShape& shape) {
        ExplicitTensor out;
        for (std::size_t length : shape) {
          auto& row = out.rows.emplace_back();
          for (std::size_t c = 0; c < length; ++c) row.push_back(draw());
        }
        return out;
      };
      const Node& node = network.node(i);
      spec[node.name].weights = tensor(network.weights_shape(i));
      if (std::get<LinearSpec>(node.spec).bias != BiasMode::none) spec[node.name].bias = tensor(network.bias_shape(i));
    }
    const PrecisionScope precision(3000);
    Parameters<Ball> theta;
    for (std::size_t i : linear_nodes(network, last)) {
      const NodeTensors& tensors = spec[network.node(i).name];
      theta[i] = convert_parameters<Ball>(expand(*tensors.weights, network.weights_shape(i), "w"),
                                          tensors.bias ? expand(*tensors.bias, network.bias_shape(i), "b") : Tensor{});
    }
    for (std::size_t target = 1; target <= last; ++target) {
      PointSpec part;
      for (std::size_t i : linear_nodes(network, target)) part[network.node(i).name] = spec[network.node(i).name];
      const EnclosedForward forward(network, integer_point(network, part, target), target, data);
      const EnclosedValues values = forward(0, data.size());
      for (std::size_t i = 0; i < data.size(); ++i) {
        std::vector<Ball> x;
        for (const Rational& v : samples[i]) x.push_back(Ball::enclosing(v));
        const std::vector<Ball> row = node_value(network, theta, x, target);
        for (std::size_t h = 0; h < row.size(); ++h) {
          const double m = values.middle(static_cast<long>(i), static_cast<long>(h)),
                       r = values.radius(static_cast<long>(i), static_cast<long>(h));
          if (encloses(m, r, row[h])) continue;
          INFO(network.node(target).name << ", round " << round << ", sample " << i << ", neuron " << h << ": " << m
                                         << " +- " << r);
          FAIL("a value is not enclosed");
        }
      }
      // A block of samples gives the same as all.
      const EnclosedValues part_values = forward(2, 3);
      CHECK(part_values.middle.rows() == 3);
      if (range == 1) {
        CHECK(values.radius.maxCoeff() <
              (target == network.index_of("g3") || target >= network.index_of("all") ? 40 : 1e-12));
        const Matrix<double> distance = (part_values.middle - values.middle.middleRows(2, 3)).cwiseAbs() -
                                        part_values.radius - values.radius.middleRows(2, 3);
        CHECK(distance.maxCoeff() <= 0);
      }
    }
  }
}
