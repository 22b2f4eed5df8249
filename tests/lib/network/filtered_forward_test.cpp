// The filtered modular pass against the exact one: networks with every operation, float weights of all
// sizes, values that cancel to 0 or nearly so, ties below max pooling, overflow and underflow.
#include <gmp.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/feature_rows.h>
#include <widecert/network/filtered_forward.h>
#include <widecert/network/point.h>
#include <widecert/number/error.h>

#include <nlohmann/json.hpp>

#include <cmath>

#include "../../catch.h"
#include "../../random.h"

using namespace widecert;

namespace {

constexpr const char* kNodes = R"({"input": {"shape": [6, 2]}, "nodes": [
  {"name": "conv1", "op": "conv1d", "size": 3, "filters": 4, "groups": 2, "padding": "same", "bias": "channel"},
  {"name": "leaky1", "op": "activation", "function": "leaky-relu", "slope": "-2/3"},
  {"name": "conv2", "op": "conv1d", "size": 1, "filters": 4, "bias": "none"},
  {"name": "relu2", "op": "activation", "function": "relu"},
  {"name": "sum2", "op": "sum", "inputs": ["leaky1", "relu2"]},
  {"name": "norm2", "op": "batchnorm", "scale": {"rows": [[1, 2, "1/2", -1]]}, "shift": {"fill": "1/3"}},
  {"name": "pool2", "op": "maxpool1d", "size": 2},
  {"name": "mean2", "op": "avgpool1d", "input": "sum2", "size": 2},
  {"name": "pool3", "op": "maxpool1d", "input": "relu2", "size": 2},
  {"name": "both", "op": "concat", "inputs": ["pool2", "mean2", "pool3"]},
  {"name": "turned", "op": "reshape", "shape": [6, 6], "order": "channels-first"},
  {"name": "each", "op": "batchnorm", "per": "neuron",
   "scale": {"seeded": {"name": "s", "seed": 1, "low": -3, "high": 3, "divisor": 2}},
   "shift": {"seeded": {"name": "t", "seed": 1, "low": -3, "high": 3, "divisor": 7}}},
  {"name": "dense3", "op": "dense", "filters": 7, "bias": "neuron"},
  {"name": "half3", "op": "activation", "function": "half-step"},
  {"name": "sign3", "op": "activation", "function": "sign", "input": "dense3"},
  {"name": "step3", "op": "activation", "function": "step", "input": "dense3"},
  {"name": "relu3", "op": "activation", "function": "relu", "input": "dense3"},
  {"name": "all", "op": "concat", "inputs": ["half3", "sign3", "step3", "relu3"]},
  {"name": "some", "op": "select", "inputs": ["all", "each", "pool3"], "count": 40, "seed": 7},
  {"name": "dense4", "op": "dense", "filters": 9, "bias": "none"},
  {"name": "relu4", "op": "activation", "function": "relu"}]})";

using Draw = std::function<double(test::Random&)>;

PointSpec draw_point(const Architecture& network, std::size_t target, test::Random& random, const Draw& draw) {
  PointSpec point;
  const auto tensor = [&](const TensorShape& shape) {
    ExplicitTensor out;
    for (std::size_t length : shape) {
      auto& row = out.rows.emplace_back();
      for (std::size_t c = 0; c < length; ++c) row.push_back(exactly(draw(random)));
    }
    return out;
  };
  for (std::size_t i : linear_nodes(network, target)) {
    const Node& node = network.node(i);
    point[node.name].weights = tensor(network.weights_shape(i));
    if (std::get<LinearSpec>(node.spec).bias != BiasMode::none) {
      point[node.name].bias = tensor(network.bias_shape(i));
    }
  }
  return point;
}

// Compares the passes for each prime and returns how many samples had to be computed exactly.
std::size_t compare(const PointSpec& point, const Architecture& network, std::size_t target, const Dataset& data) {
  const auto exact = std::make_shared<const ExactForward>(network, integer_point(network, point, target), target,
                                                          data.divisor(), data.largest());
  std::size_t undecided = 0;
  for (std::uint64_t prime : {3u, 127u, 509u, 8388593u}) {
    const FilteredForward filtered(exact, data, prime);
    std::vector<std::uint32_t> rows(data.size() * exact->width());
    filtered(0, rows);
    bool equal = true;
    for (std::size_t i = 0; i < data.size(); ++i) {
      const auto values = exact_values(*exact, data, i);
      for (std::size_t h = 0; h < values.size(); ++h) {
        equal = equal && mpz_fdiv_ui(values[h].backend().data(), prime) == rows[i * values.size() + h];
      }
    }
    INFO("prime " << prime << ", layer " << network.node(target).name);
    CHECK(equal);
    undecided = filtered.undecided();
  }
  return undecided;
}

Dataset draw_data(test::Random& random, std::size_t width, const Draw& draw) {
  std::vector<std::vector<Rational>> samples;
  for (int i = 0; i < 40; ++i) {
    auto& x = samples.emplace_back();
    for (std::size_t j = 0; j < width; ++j) x.push_back(exactly(draw(random)));
  }
  return Dataset::from_samples(samples);
}

double uniform(test::Random& random) { return static_cast<double>(random.integer(-(1l << 52), 1l << 52)) * 0x1p-52; }

}  // namespace

TEST_CASE("the filtered pass equals the exact one, and rarely falls back") {
  const Json json = parse_json(kNodes, "test");
  const Architecture network = read_network(JsonReader(json, "test"));
  test::Random random(4711);
  std::size_t undecided = 0, samples = 0;
  for (int round = 0; round < test::rounds(6); ++round) {
    const Dataset data = draw_data(random, 12, uniform);
    const PointSpec point = draw_point(network, network.nodes().size() - 1, random, uniform);
    for (const char* target : {"norm2", "both", "half3", "sign3", "step3", "relu4"}) {
      PointSpec part;
      for (std::size_t i : linear_nodes(network, network.index_of(target))) {
        part[network.node(i).name] = point.at(network.node(i).name);
      }
      undecided += compare(part, network, network.index_of(target), data);
      samples += data.size();
    }
  }
  CHECK(undecided * 100 <= samples);
}

TEST_CASE("cancellation, zeros, ties, overflow and underflow are decided exactly") {
  const Json json = parse_json(kNodes, "test");
  const Architecture network = read_network(JsonReader(json, "test"));
  const std::size_t target = network.nodes().size() - 1;
  const Draw kinds[] = {
      // Small integers: zeros and ties everywhere.
      [](test::Random& r) { return static_cast<double>(r.integer(-1, 1)); },
      // Nearly equal to small integers.
      [](test::Random& r) {
        return static_cast<double>(r.integer(-1, 1)) * (1 + static_cast<double>(r.integer(-1, 1)) * 0x1p-52);
      },
      // All scales at once.
      [](test::Random& r) { return std::ldexp(uniform(r), static_cast<int>(r.integer(-300, 300))); },
      // The ends of the range of doubles.
      [](test::Random& r) {
        return std::ldexp(static_cast<double>(r.integer(-3, 3)), r.integer(0, 1) == 0 ? -1074 : 1021);
      },
      [](test::Random& r) { return std::ldexp(uniform(r), -1040); }};
  test::Random random(99);
  for (const Draw& weights : kinds) {
    for (const Draw& values : kinds) {
      const Dataset data = draw_data(random, 12, values);
      compare(draw_point(network, target, random, weights), network, target, data);
    }
  }
}

TEST_CASE("a neuron without input is exactly 0 and costs no fallback") {
  // Zero patches, no bias, and dead units above them: relu(0) = 0 is decided.
  const Json json = parse_json(R"({"input": {"shape": [6, 1]}, "nodes": [
    {"name": "conv1", "op": "conv1d", "size": 2, "filters": 5, "bias": "none"},
    {"name": "relu1", "op": "activation", "function": "relu"},
    {"name": "pool1", "op": "maxpool1d", "size": 2, "stride": 1},
    {"name": "conv2", "op": "conv1d", "size": 2, "filters": 5, "bias": "none"},
    {"name": "relu2", "op": "activation", "function": "relu"}]})",
                               "test");
  const Architecture network = read_network(JsonReader(json, "test"));
  test::Random random(7);
  const Dataset data = draw_data(random, 6, [](test::Random& r) { return r.integer(0, 2) == 0 ? uniform(r) : 0; });
  CHECK(compare(draw_point(network, 5, random, uniform), network, 5, data) == 0);
}

TEST_CASE("the filtered pass refuses primes it cannot carry") {
  const Json json = parse_json(R"({"input": {"shape": [1]}, "nodes": [
    {"name": "dense1", "op": "dense", "filters": 1, "bias": "none"}]})",
                               "test");
  const Architecture network = read_network(JsonReader(json, "test"));
  const Dataset data = Dataset::from_samples({{1}});
  const auto exact = std::make_shared<const ExactForward>(
      network, integer_point(network, {{"dense1", {FillTensor{1}, {}}}}, 1), 1, data.divisor(), data.largest());
  for (std::uint64_t prime : {std::uint64_t{2}, std::uint64_t{8388617}}) {
    CHECK_THROWS_AS(FilteredForward(exact, data, prime), InputError);
  }
}
