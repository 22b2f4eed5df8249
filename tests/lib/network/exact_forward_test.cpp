#include <widecert/certificate/model_json.h>
#include <widecert/network/feature_rows.h>
#include <widecert/network/forward.h>
#include <widecert/network/lattice_rows.h>
#include <widecert/network/limit_network.h>
#include <widecert/network/point.h>
#include <widecert/number/error.h>

#include <nlohmann/json.hpp>

#include "../../catch.h"
#include "../../random.h"

using namespace widecert;
using test::Contains;

namespace {

Architecture parse(const std::string& text) {
  const Json json = parse_json(text, "test");
  return read_network(JsonReader(json, "test"));
}

constexpr const char* kMixed = R"({"input": {"shape": [6, 2]}, "nodes": [
  {"name": "conv1", "op": "conv1d", "size": 3, "filters": 4, "groups": 2, "padding": "same", "bias": "channel"},
  {"name": "leaky1", "op": "activation", "function": "leaky-relu", "slope": "-2/3"},
  {"name": "conv2", "op": "conv1d", "size": 1, "filters": 4, "bias": "none"},
  {"name": "sum2", "op": "sum", "inputs": ["leaky1", "conv2"]},
  {"name": "norm2", "op": "batchnorm", "scale": {"rows": [[1, 2, "1/2", -1]]}, "shift": {"fill": "1/3"}},
  {"name": "pool2", "op": "maxpool1d", "size": 2},
  {"name": "mean2", "op": "avgpool1d", "input": "sum2", "size": 2},
  {"name": "both", "op": "concat", "inputs": ["pool2", "mean2"]},
  {"name": "turned", "op": "reshape", "shape": [4, 6], "order": "channels-first"},
  {"name": "each", "op": "batchnorm", "per": "neuron",
   "scale": {"seeded": {"name": "s", "seed": 1, "low": -3, "high": 3, "divisor": 2}},
   "shift": {"seeded": {"name": "t", "seed": 1, "low": -3, "high": 3, "divisor": 7}}},
  {"name": "some", "op": "select", "inputs": ["each", "both", "conv1"], "count": 30, "seed": 7},
  {"name": "dense3", "op": "dense", "filters": 7, "bias": "neuron"},
  {"name": "half3", "op": "activation", "function": "half-step"},
  {"name": "sign3", "op": "activation", "function": "sign", "input": "dense3"},
  {"name": "relu3", "op": "activation", "function": "relu", "input": "dense3"}]})";

PointSpec seeded_point(const Architecture& network, std::size_t target, std::int64_t range, const Integer& divisor) {
  PointSpec point;
  for (std::size_t i : linear_nodes(network, target)) {
    const Node& node = network.node(i);
    point[node.name].weights = SeededTensor{node.name, 5, -range, range, divisor, false};
    if (std::get<LinearSpec>(node.spec).bias != BiasMode::none) {
      point[node.name].bias = SeededTensor{node.name + "b", 5, -range, range, 2 * divisor, true};
    }
  }
  return point;
}

}  // namespace

TEST_CASE("exact integers equal the rational forward pass, small and large") {
  const Architecture network = parse(kMixed);
  test::Random random(80);
  // 32-bit products, 64-bit sums, big integers.
  for (const auto& [range, expected_small] :
       {std::pair<std::int64_t, bool>{3, true}, {1000, true}, {std::int64_t{1} << 50, false}}) {
    std::vector<std::vector<Rational>> samples;
    for (int i = 0; i < 4; ++i) {
      auto& x = samples.emplace_back();
      for (int j = 0; j < 12; ++j) x.emplace_back(random.integer(-20, 20), 4);
    }
    const Dataset data = Dataset::from_samples(samples);
    for (std::size_t target = 0; target < network.nodes().size(); ++target) {
      const PointSpec point = seeded_point(network, target, range, 3);
      const ExactForward forward(network, integer_point(network, point, target), target, data.divisor(),
                                 data.largest());
      Parameters<Rational> theta;
      for (const auto& [name, tensors] : point) {
        const std::size_t i = network.index_of(name);
        theta[i] =
            convert_parameters<Rational>(expand(*tensors.weights, network.weights_shape(i), name),
                                         tensors.bias ? expand(*tensors.bias, network.bias_shape(i), name) : Tensor{});
      }
      INFO("seed 80, node " << network.node(target).name << ", range " << range);
      if (target == network.nodes().size() - 1) CHECK(forward.is_small() == expected_small);
      for (std::size_t i = 0; i < data.size(); ++i) {
        const auto exact = node_value(network, theta, data.sample(i), target);
        const auto integers = exact_values(forward, data, i);
        REQUIRE(integers.size() == exact.size());
        for (std::size_t h = 0; h < exact.size(); ++h) {
          CHECK(Rational(integers[h], forward.divisor()) == exact[h]);
          CHECK(abs(integers[h]) <= forward.bound());
        }
      }
    }
  }
}

TEST_CASE("blocks of samples have the values of single ones, or none") {
  const Architecture network = parse(kMixed);
  test::Random random(81);
  std::size_t told = 0, beyond = 0;
  // In 32 bits; in 64 by bounds, and where only the values themselves fit; too large for weights, for values.
  for (std::int64_t range : {2, 1000, 300'000, 1 << 24, 1 << 30}) {
    for (std::size_t target = 1; target < network.nodes().size(); ++target) {
      std::vector<std::vector<Rational>> samples(BlockForward::kSamples);
      std::vector<std::int64_t> block;
      for (auto& x : samples) {
        for (int j = 0; j < 12; ++j) {
          block.push_back(random.integer(-20, 20));
          x.emplace_back(block.back());
        }
      }
      samples[0][0] = 20;
      block[0] = 20;
      const Dataset data = Dataset::from_samples(samples);
      PointSpec point = seeded_point(network, target, range, 1);
      for (auto& [name, tensors] : point) {  // few weights other than 0
        const TensorShape shape = network.weights_shape(network.index_of(name));
        SparseTensor sparse;
        for (std::size_t length : shape) {
          const auto place = static_cast<std::size_t>(random.integer(0, static_cast<std::int64_t>(length) - 1));
          sparse.rows.push_back({{place, Rational(random.integer(1, range))}});
          if (place + 1 < length) sparse.rows.back().emplace_back(place + 1, Rational(-range));
        }
        tensors.weights = sparse;
      }
      const auto forward = std::make_shared<const ExactForward>(network, integer_point(network, point, target), target,
                                                                data.divisor(), data.largest());
      const BlockForward blocks(forward);
      INFO("seed 81, node " << network.node(target).name << ", range " << range);
      CHECK((!forward->is_small() || blocks.possible()));
      if (!blocks.possible()) continue;
      const auto values = blocks(block);
      CHECK((!forward->is_small() || values));
      ++(values ? told : beyond);
      if (!values) continue;
      std::vector<std::int64_t> expected;
      for (std::size_t i = 0; i < data.size(); ++i)
        for (const Integer& v : exact_values(*forward, data, i)) expected.push_back(v.convert_to<std::int64_t>());
      CHECK(*values == expected);
    }
  }
  CHECK(told > 40);
  CHECK(beyond > 0);
}

TEST_CASE("residues of features are those of the integers") {
  const Architecture network = parse(kMixed);
  const Dataset data = Dataset::from_samples({{1, -2, 3, 4, 0, 1, 1, 5, -3, 2, 2, 7}});
  const std::size_t relu = network.index_of("relu3"), half = network.index_of("half3");
  for (std::int64_t range : {3, 300'000}) {
    const PointSpec point = seeded_point(network, relu, range, 1);
    const auto forward = std::make_shared<const ExactForward>(network, integer_point(network, point, relu), relu,
                                                              data.divisor(), data.largest());
    const auto values = exact_values(*forward, data, 0);
    for (std::uint64_t p : {2ull, 3ull, 127ull, 2147483647ull}) {
      const ResidueRows rows = feature_rows({forward, data}, data, p, Encoding::as_is);
      std::vector<std::uint32_t> row(rows.cols);
      rows.write(0, row);
      for (std::size_t h = 0; h < row.size(); ++h) {
        CHECK(Integer(row[h]) == (values[h] % Integer(p) + p) % Integer(p));
      }
    }
  }
  // Halves of a half-step are 0 and 1; a pre-activation of 0 is noticed.
  PointSpec point = seeded_point(network, half, 3, 1);
  const auto steps = [&]() {
    const auto forward = std::make_shared<const ExactForward>(network, integer_point(network, point, half), half,
                                                              data.divisor(), data.largest());
    const ResidueRows rows = feature_rows({forward, data}, data, 2, Encoding::halved);
    std::vector<std::uint32_t> row(rows.cols);
    rows.write(0, row);
    return row;
  };
  for (std::uint32_t v : steps()) CHECK(v <= 1);
  point["dense3"] = {FillTensor{0}, FillTensor{0}};
  CHECK_THROWS_AS(steps(), OddValue);
}

TEST_CASE("a point gives exactly the free tensors") {
  const Architecture network = parse(R"({"input": {"shape": [2]}, "nodes": [
    {"name": "a", "op": "dense", "filters": 2, "bias": "neuron", "frozen-weights": {"fill": 1}},
    {"name": "b", "op": "dense", "filters": 2, "bias": "none"}]})");
  const PointSpec good{{"a", {std::nullopt, FillTensor{2}}}, {"b", {FillTensor{3}, std::nullopt}}};
  CHECK(integer_point(network, good, 2).size() == 2);
  PointSpec bad = good;
  bad["a"].weights = FillTensor{1};
  CHECK_THROWS_WITH(integer_point(network, bad, 2), Contains("frozen"));
  bad = good;
  bad["b"].bias = FillTensor{1};
  CHECK_THROWS_WITH(integer_point(network, bad, 2), Contains("bias mode"));
  bad = good;
  bad.erase("b");
  CHECK_THROWS_WITH(integer_point(network, bad, 2), Contains("\"b\""));
  CHECK_THROWS_WITH(integer_point(network, good, 1), Contains("\"b\""));
}

TEST_CASE("limit networks: scaled balls converge to them") {
  // W -> alpha W where values have degree 0, b -> alpha b; evaluated at alpha = 2^20 by balls.
  struct Example {
    LimitKind kind;
    const char* text;
    std::vector<std::string> scaled;  // layers whose weights grow
  };
  const std::vector<Example> examples{{LimitKind::relu,
                                       R"({"input": {"shape": [3]}, "nodes": [
        {"name": "a", "op": "dense", "filters": 4, "bias": "neuron"},
        {"name": "s", "op": "activation", "function": "softplus"},
        {"name": "b", "op": "dense", "filters": 4, "bias": "neuron"},
        {"name": "n", "op": "batchnorm", "scale": {"fill": 2}, "shift": {"fill": 5}},
        {"name": "g", "op": "activation", "function": "gelu"},
        {"name": "t", "op": "sum", "inputs": ["g", "s"]}]})",
                                       {"a"}},
                                      {LimitKind::step,
                                       R"({"input": {"shape": [3]}, "nodes": [
        {"name": "a", "op": "dense", "filters": 4, "bias": "neuron"},
        {"name": "s", "op": "activation", "function": "sigmoid"},
        {"name": "b", "op": "dense", "filters": 4, "bias": "neuron"},
        {"name": "t", "op": "activation", "function": "tanh"}]})",
                                       {"a", "b"}}};
  const PrecisionScope precision(400);
  const Dataset data = Dataset::from_samples({{1, -2, 3}, {0, 5, 1}, {0, 0, 0}});
  for (const Example& example : examples) {
    const Architecture network = parse(example.text);
    const std::size_t target = network.index_of("t");
    const LimitNetwork limit = limit_network(network, target, example.kind);
    REQUIRE(limit.network);
    const PointSpec point = seeded_point(network, target, 9, 1);
    const ExactForward forward(*limit.network, integer_point(*limit.network, point, target), target, data.divisor(),
                               data.largest());
    const Rational alpha = power_of_two(20);
    Parameters<Ball> theta;
    for (const auto& [name, tensors] : point) {
      const std::size_t i = network.index_of(name);
      Tensor weights = expand(*tensors.weights, network.weights_shape(i), name);
      Tensor bias = expand(*tensors.bias, network.bias_shape(i), name);
      const bool grows = std::count(example.scaled.begin(), example.scaled.end(), name) != 0;
      for (auto& row : weights)
        for (Rational& v : row) v *= grows ? alpha : Rational(1);
      for (Rational& v : bias.front()) v *= alpha;
      theta[i] = convert_parameters<Ball>(weights, bias);
    }
    const Ball scale = example.kind == LimitKind::relu ? Ball::enclosing(alpha) : Ball(1);
    for (std::size_t i = 0; i < data.size(); ++i) {
      std::vector<Ball> x;
      for (const Rational& v : data.sample(i)) x.push_back(Ball::enclosing(v));
      const auto values = node_value(network, theta, x, target);
      const auto limits = exact_values(forward, data, i);
      for (std::size_t h = 0; h < values.size(); ++h) {
        const Ball distance = values[h] / scale - Ball::enclosing(Rational(limits[h], forward.divisor()));
        INFO("sample " << i << ", neuron " << h);
        CHECK(abs(distance.upper_bound()) < power_of_two(-15));
        CHECK(abs(distance.lower_bound()) < power_of_two(-15));
      }
    }
  }
}

TEST_CASE("limits refuse what they do not cover, with the layer's name") {
  const auto refused = [](LimitKind kind, const std::string& nodes) {
    const Architecture network = parse(R"({"input": {"shape": [2]}, "nodes": [)" + nodes + "]}");
    return limit_network(network, network.nodes().size() - 1, kind).refused;
  };
  const std::string dense = R"({"name": "a", "op": "dense", "filters": 2, "bias": "neuron"},)";
  CHECK_THAT(refused(LimitKind::relu, dense + R"({"name": "f", "op": "activation", "function": "sigmoid"})"),
             Contains("sigmoid"));
  CHECK_THAT(refused(LimitKind::step, dense + R"({"name": "f", "op": "activation", "function": "silu"})"),
             Contains("silu"));
  CHECK_THAT(refused(LimitKind::relu, R"({"name": "f", "op": "activation", "function": "silu"})"),
             Contains("do not grow"));
  CHECK_THAT(refused(LimitKind::relu, dense + R"({"name": "p", "op": "maxpool", "patches": [[0, 1]]})"),
             Contains("max pooling"));
  CHECK_THAT(refused(LimitKind::relu, dense + R"({"name": "j", "op": "concat", "inputs": ["x", "a"]})"),
             Contains("\"j\""));
  CHECK_THAT(refused(LimitKind::step, dense + R"({"name": "j", "op": "sum", "inputs": ["x", "a"]})"),
             Contains("\"j\""));
  CHECK(refused(LimitKind::relu, dense + R"({"name": "j", "op": "sum", "inputs": ["x", "a"]})").empty());
}

TEST_CASE("the tower (7, 127): det F_2 = 66 modulo 127 for x = (0, 1)") {
  // f_1 = (1/2, 2/3), D = 36, W = (1, 1), b = (0, 1): z_2 = [[18, 19], [24, 25]].
  const Architecture network = parse(R"({"input": {"shape": [1]}, "nodes": [
    {"name": "a", "op": "dense", "filters": 1, "bias": "neuron"},
    {"name": "s", "op": "activation", "function": "sigmoid"},
    {"name": "b", "op": "dense", "filters": 2, "bias": "neuron"},
    {"name": "t", "op": "activation", "function": "sigmoid"}]})");
  const Dataset data = Dataset::from_samples({{0}, {1}});
  const PointSpec point{{"a", {FillTensor{1}, FillTensor{0}}}, {"b", {FillTensor{1}, ExplicitTensor{{{0, 1}}}}}};
  const ResidueRows rows = lattice_rows(network, point, 4, data, {7, 127});
  std::array<std::uint32_t, 2> f[2];
  for (std::size_t i = 0; i < 2; ++i) rows.write(i, f[i]);
  const long det = static_cast<long>(f[0][0]) * f[1][1] - static_cast<long>(f[0][1]) * f[1][0];
  CHECK((det % 127 + 127) % 127 == 66);
  // The rational numbers themselves: 1/(1 + 2^-z).
  const long z[2][2] = {{18, 19}, {24, 25}};
  for (int i = 0; i < 2; ++i) {
    for (int h = 0; h < 2; ++h) {
      const Integer power = Integer(1) << static_cast<unsigned>(z[i][h]);
      CHECK(Residue<127>::from_rational(Rational(power, power + 1)).value() ==
            f[static_cast<std::size_t>(i)][static_cast<std::size_t>(h)]);
    }
  }
  CHECK(order_of_two(7, 100) == 3);
  CHECK(order_of_two(127, 100) == 7);
  CHECK(order_of_two(2351, 100) == 47);
  CHECK(order_of_two(503, 100) == 0);
  CHECK_THROWS_WITH(lattice_rows(network, point, 4, data, {7, 23}), Contains("order 7"));
  CHECK_THROWS_WITH(lattice_rows(network, point, 4, data, {5, 127}), Contains("odd order"));
  CHECK_THROWS_WITH(lattice_rows(network, point, 4, data, {127}), Contains("one prime"));
}

TEST_CASE("lattice rows of one layer are the rational features modulo the prime") {
  const Architecture network = parse(R"({"input": {"shape": [4, 1]}, "nodes": [
    {"name": "a", "op": "conv1d", "size": 2, "filters": 2, "padding": "same", "bias": "channel"},
    {"name": "s", "op": "activation", "function": "sigmoid"},
    {"name": "t", "op": "activation", "function": "tanh", "input": "a"},
    {"name": "c", "op": "concat", "inputs": ["s", "t"]},
    {"name": "m", "op": "avgpool1d", "size": 2}]})");
  const Dataset data = Dataset::from_samples({{Rational(1, 2), 1, -3, Rational(5, 2)}});
  const PointSpec point{{"a", {SeededTensor{"a", 1, -4, 4, 1, false}, FillTensor{-1}}}};
  // z = W (D x) + b with D = 2.
  const Architecture& n = network;
  const ExactForward z(n, integer_point(n, point, 1), 1, 1, data.largest());
  const auto exponents = z.large({1, 2, -6, 5});
  std::vector<std::uint32_t> row(8);
  lattice_rows(network, point, 5, data, {127}).write(0, row);
  std::vector<Rational> joined;  // (position, channel): sigmoid, sigmoid, tanh, tanh
  for (std::size_t position = 0; position < 4; ++position) {
    for (int kind = 0; kind < 2; ++kind) {
      for (std::size_t t = 0; t < 2; ++t) {
        const int e = exponents[2 * position + t].convert_to<int>();
        const Rational s = kind == 0 ? power_of_two(e) : power_of_two(2 * e);
        joined.push_back((kind == 0 ? s : Rational(s - 1)) / (s + 1));
      }
    }
  }
  for (std::size_t h = 0; h < 8; ++h) {
    const std::size_t at = h / 4 * 8 + h % 4;
    CHECK(row[h] == Residue<127>::from_rational(Rational((joined[at] + joined[at + 4]) / 2)).value());
  }
}
