#include <widecert/certificate/model_json.h>
#include <widecert/network/forward.h>
#include <widecert/network/scaled_features.h>

#include <nlohmann/json.hpp>

#include "../../catch.h"
#include "../../random.h"

using namespace widecert;

namespace {

Architecture parse_network(const std::string& text) {
  const Json json = parse_json(text, "test");
  return read_network(JsonReader(json, "test"));
}

template <class S>
Parameters<S> parameters(const Architecture& network, unsigned seed) {
  test::Random random(seed);
  Parameters<S> theta;
  for (std::size_t i = 1; i < network.nodes().size(); ++i) {
    if (!std::holds_alternative<LinearSpec>(network.node(i).spec)) continue;
    Tensor w, b;
    for (std::size_t l : network.weights_shape(i)) {
      auto& row = w.emplace_back();
      for (std::size_t r = 0; r < l; ++r) row.push_back(random.rational(6));
    }
    for (std::size_t l : network.bias_shape(i)) {
      auto& row = b.emplace_back();
      for (std::size_t r = 0; r < l; ++r) row.push_back(random.rational(6));
    }
    theta[i] = convert_parameters<S>(w, b);
  }
  return theta;
}

constexpr const char* kEverything = R"({
  "input": {"shape": [4, 4, 2]},
  "nodes": [
    {"name": "conv1", "op": "conv2d", "size": [3, 3], "padding": "same", "groups": 2, "filters": 4, "bias": "channel"},
    {"name": "leaky1", "op": "activation", "function": "leaky-relu", "slope": "1/3"},
    {"name": "norm", "op": "batchnorm", "scale": {"rows": [[1, "1/2", -1, 2]]}, "shift": {"fill": "1/4"}},
    {"name": "skip", "op": "sum", "inputs": ["norm", "leaky1"]},
    {"name": "both", "op": "concat", "inputs": ["skip", "x"]},
    {"name": "pool", "op": "maxpool2d", "size": [2, 2]},
    {"name": "mean", "op": "avgpool2d", "size": [2, 2], "stride": [1, 1], "input": "pool"},
    {"name": "turned", "op": "reshape", "shape": [3, 2], "order": "channels-first"},
    {"name": "each", "op": "batchnorm", "per": "neuron",
     "scale": {"seeded": {"name": "s", "seed": 1, "low": -3, "high": 3, "divisor": 2}},
     "shift": {"seeded": {"name": "t", "seed": 1, "low": -3, "high": 3, "divisor": 7}}},
    {"name": "some", "op": "select", "inputs": ["each", "leaky1"], "take": [[1, 63], [0, 5], [0, 0], [1, 7], [0, 2]]},
    {"name": "dense", "op": "dense", "filters": 3, "bias": "neuron"},
    {"name": "relu", "op": "activation", "function": "relu"}
  ]
})";

}  // namespace

TEST_CASE("one forward pass for Rational, Ball and double: every node agrees") {
  const Architecture network = parse_network(kEverything);
  CHECK(network.node(network.index_of("both")).shape == Shape{4, 4, 6});
  CHECK(network.node(network.index_of("mean")).shape == Shape{1, 1, 6});
  const std::size_t last = network.nodes().size() - 1;
  test::Random random(41);
  const PrecisionScope precision(100);
  for (int round = 0; round < test::rounds(5); ++round) {
    std::vector<Rational> x;
    std::vector<Ball> balls;
    std::vector<double> doubles;
    for (std::size_t i = 0; i < network.input_width(); ++i) {
      x.push_back(random.rational(5));
      balls.push_back(Ball::enclosing(x.back()));
      doubles.push_back(x.back().convert_to<double>());
    }
    const auto exact = forward(network, parameters<Rational>(network, 42), x, last);
    const auto enclosed = forward(network, parameters<Ball>(network, 42), balls, last);
    const auto fast = forward(network, parameters<double>(network, 42), doubles, last);
    for (std::size_t i = 0; i <= last; ++i) {
      REQUIRE(exact[i].size() == network.node(i).width);
      for (std::size_t h = 0; h < exact[i].size(); ++h) {
        INFO("seed 41, node " << network.node(i).name << ", neuron " << h);
        CHECK(enclosed[i][h].contains(exact[i][h]));
        CHECK(std::abs(fast[i][h] - exact[i][h].convert_to<double>()) < 1e-9 * (1 + std::abs(fast[i][h])));
      }
    }
  }
}

TEST_CASE("residues carry the linear part and refuse what needs an order") {
  const Architecture network = parse_network(R"({"input": {"shape": [3]}, "nodes": [
    {"name": "a", "op": "dense", "filters": 2, "bias": "neuron"},
    {"name": "id", "op": "activation", "function": "identity"},
    {"name": "b", "op": "dense", "filters": 2, "bias": "none"},
    {"name": "relu", "op": "activation", "function": "relu"}]})");
  using R = Residue<2147483647>;
  test::Random random(43);
  std::vector<Rational> x;
  std::vector<R> residues;
  for (int i = 0; i < 3; ++i) {
    x.push_back(random.rational(9));
    residues.push_back(R::from_rational(x.back()));
  }
  const auto exact = node_value(network, parameters<Rational>(network, 44), x, 3);
  const auto modular = node_value(network, parameters<R>(network, 44), residues, 3);
  for (std::size_t h = 0; h < exact.size(); ++h) CHECK(modular[h] == R::from_rational(exact[h]));
  CHECK_THROWS_AS(node_value(network, parameters<R>(network, 44), residues, 4), InputError);
}

TEST_CASE("average pooling counts padding as 0 and max pooling ignores it") {
  const Architecture network = parse_network(R"({"input": {"shape": [2, 1]}, "nodes": [
    {"name": "max", "op": "maxpool1d", "size": 2, "stride": 1, "padding": [1, 0]},
    {"name": "mean", "op": "avgpool1d", "size": 2, "stride": 1, "padding": [1, 0], "input": "x"}]})");
  const std::vector<Rational> x{-3, -1};
  CHECK(node_value<Rational>(network, {}, x, 1) == std::vector<Rational>{-3, -1});
  CHECK(node_value<Rational>(network, {}, x, 2) == std::vector<Rational>{Rational(-3, 2), -2});
}

TEST_CASE("the architecture's JSON is read back as written") {
  const Architecture network = parse_network(kEverything);
  const Json once = to_json(network);
  CHECK(to_json(read_network(JsonReader(once, "again"))) == once);
  CHECK(network.paper_chain(network.nodes().size() - 1).obstacle.find("norm") != std::string::npos);
}

TEST_CASE("scaled features enclose the exact values, exactly where they are rational") {
  const Dataset data = Dataset::from_samples({{1, 2, 3}, {Rational(1, 2), 0, -1}});
  for (const char* function : {"relu", "sigmoid", "gelu"}) {
    const Architecture network = parse_network(
        std::string(
            R"({"input": {"shape": [3]}, "nodes": [{"name": "a", "op": "dense", "filters": 4, "bias": "neuron"},
          {"name": "f", "op": "activation", "function": ")") +
        function + "\"}]}");
    const auto theta = parameters<Rational>(network, 45).at(1);
    const PointSpec point{{"a", {ExplicitTensor{theta.weights}, ExplicitTensor{{theta.bias}}}}};
    const ScaledFeatures f = scaled_features(network, point, data, 2, 40, [](std::size_t) {});
    INFO(function);
    CHECK((f.radius == 0) == (std::string(function) == "relu"));
    const PrecisionScope precision(200);
    for (std::size_t i = 0; i < 2; ++i) {
      std::vector<Ball> x;
      for (const Rational& v : data.sample(i)) x.push_back(Ball::enclosing(v));
      const auto exact = node_value(network, parameters<Ball>(network, 45), x, 2);
      for (std::size_t h = 0; h < 4; ++h) {
        const Integer v = f.is_small() ? Integer(f.small[i * 4 + h]) : f.large[i * 4 + h];
        CHECK(exact[h].lower_bound() >= Rational(v - f.radius, f.divisor) - power_of_two(-150));
        CHECK(exact[h].upper_bound() <= Rational(v + f.radius, f.divisor) + power_of_two(-150));
      }
    }
  }
}

TEST_CASE("one number stands for all directions of a window, and what is missing is explained with an example") {
  const auto network = [](const std::string& node) {
    const Json json = parse_json(R"({"input": {"shape": [8, 8, 2]}, "nodes": [)" + node + "]}", "f.json");
    return read_network(JsonReader(json, "f.json"));
  };
  const std::string conv = R"({"name": "c", "op": "conv2d", "filters": 3, "bias": "none", )";
  CHECK(to_json(network(conv + R"("size": 3, "stride": 2, "padding": 1})")) ==
        to_json(network(conv + R"("size": [3, 3], "stride": [2, 2], "padding": [1, 1, 1, 1]})")));
  CHECK_THROWS_WITH(network(conv + R"("size": [3]})"), test::Contains("as in [3, 3]"));
  CHECK_THROWS_WITH(network(conv + R"("size": 3, "padding": [1, 1]})"), test::Contains("as in [1, 1, 1, 1]"));
  CHECK_THROWS_WITH(network(R"({"name": "n", "op": "batchnorm", "weight": {"fill": 1}, "running_mean": {"fill": 0}})"),
                    test::Contains("scale = weight / sqrt(running_var + eps)"));
}

TEST_CASE("many scaled features by doubles enclose those by balls") {
  // 1,000 x 1,001 values: enough for the pass in doubles; some are compared with balls.
  constexpr std::size_t kSamples = 1000, kWidth = 1001;
  const Architecture network = parse_network(
      R"({"input": {"shape": [3]}, "nodes": [{"name": "a", "op": "dense", "filters": 1001, "bias": "neuron"},
          {"name": "f", "op": "activation", "function": "sigmoid"}]})");
  std::vector<std::vector<Rational>> rows;
  for (int i = 0; i < static_cast<int>(kSamples); ++i)
    rows.push_back({Rational(i % 17, 3), Rational(i % 29), Rational(-i, 400)});
  const Dataset data = Dataset::from_samples(rows);
  const auto theta = parameters<Rational>(network, 46).at(1);
  const PointSpec point{{"a", {ExplicitTensor{theta.weights}, ExplicitTensor{{theta.bias}}}}};
  const ScaledFeatures f = scaled_features(network, point, data, 2, 40, [](std::size_t) {});
  REQUIRE(f.is_small());
  CHECK(f.radius >= 1);
  CHECK(f.radius <= 8);
  const PrecisionScope precision(200);
  const auto balls = parameters<Ball>(network, 46);
  for (std::size_t i = 0; i < kSamples; i += 97) {
    std::vector<Ball> x;
    for (const Rational& v : data.sample(i)) x.push_back(Ball::enclosing(v));
    const auto exact = node_value(network, balls, x, 2);
    int wrong = 0;
    for (std::size_t h = 0; h < kWidth; ++h) {
      const Integer v(f.small[i * kWidth + h]);
      wrong += exact[h].lower_bound() >= Rational(v - f.radius, f.divisor) &&
                       exact[h].upper_bound() <= Rational(v + f.radius, f.divisor)
                   ? 0
                   : 1;
    }
    CHECK(wrong == 0);
  }
}
