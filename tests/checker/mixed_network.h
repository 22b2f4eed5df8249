// A network with a node of every kind that is evaluated exactly.
#pragma once

#include <kernel/parameters.h>

#include <nlohmann/json.hpp>

namespace widecheck::test {

using nlohmann::json;

inline Value document(const json& j) { return Value(j, "claim", std::make_shared<const Source>()); }

inline const json kNetwork = json::parse(R"({"input": {"name": "x", "shape": [6, 6, 2]}, "nodes": [
  {"name": "conv1", "op": "conv2d", "size": [3, 3], "filters": 4, "bias": "channel", "padding": "same"},
  {"name": "relu1", "op": "activation", "function": "relu"},
  {"name": "pool1", "op": "maxpool2d", "size": [2, 2], "stride": [1, 1], "padding": [1, 0, 0, 0]},
  {"name": "norm1", "op": "batchnorm", "scale": {"rows": [["3/7", "-1/3", 2, "1/1024"]]},
   "shift": {"rows": [["1/5", 0, -1, "1/3"]]}},
  {"name": "conv2", "op": "conv2d", "size": [2, 2], "filters": 4, "bias": "neuron"},
  {"name": "leaky2", "op": "activation", "function": "leaky-relu", "slope": "-3/8"},
  {"name": "mean2", "op": "avgpool2d", "size": [2, 2], "stride": [1, 1], "padding": [1, 0, 0, 1]},
  {"name": "sum3", "op": "sum", "inputs": ["leaky2", "mean2"]},
  {"name": "both3", "op": "concat", "inputs": ["sum3", "conv2"]},
  {"name": "turned", "op": "reshape", "shape": [8, 10, 2], "order": "channels-first"},
  {"name": "each", "op": "batchnorm", "per": "neuron",
   "scale": {"seeded": {"name": "s", "seed": 1, "low": -3, "high": 3, "divisor": 2}},
   "shift": {"seeded": {"name": "t", "seed": 1, "low": -3, "high": 3, "divisor": 7}}},
  {"name": "some", "op": "select", "inputs": ["each", "both3"], "count": 200, "seed": 7},
  {"name": "dense4", "op": "dense", "filters": 9, "bias": "none"},
  {"name": "relu4", "op": "activation", "function": "relu"},
  {"name": "dense5", "op": "dense", "filters": 5, "bias": "neuron"},
  {"name": "half5", "op": "activation", "function": "half-step"},
  {"name": "dense6", "op": "dense", "filters": 5, "bias": "neuron"},
  {"name": "sign6", "op": "activation", "function": "sign"}]})");

// Parameters of all linear nodes from divisor_of() for each, weight() and bias().
template <class Divisor, class Weight, class BiasOf>
std::map<std::size_t, Parameters> fill_parameters(const Network& network, const Divisor& divisor_of,
                                                  const Weight& weight, const BiasOf& bias) {
  const auto fill = [](Tensor& tensor, const mpz_class& divisor, const TensorShape& shape, const auto& number) {
    tensor.divisor = divisor;
    for (std::size_t length : shape.lengths) {
      auto& row = tensor.rows.emplace_back();
      for (std::size_t r = 0; r < length; ++r) row.push_back(number());
    }
  };
  std::map<std::size_t, Parameters> theta;
  for (std::size_t i = 0; i < network.size(); ++i) {
    const Node& node = network.node(i);
    if (node.op != Op::linear) continue;
    const mpz_class divisor = divisor_of();
    fill(theta[i].weights, divisor, weights_shape(node), weight);
    if (node.bias != Bias::none) fill(theta[i].bias, divisor, bias_shape(node), bias);
  }
  return theta;
}

}  // namespace widecheck::test
