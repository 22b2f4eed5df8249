#include "kernel/parameters.h"

#include <algorithm>
#include <optional>
#include <set>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {

const Node& linear_node(const Context& c, std::size_t i) {
  require(c.network.node(i).op == Op::linear, "layer-kind", "layer " + c.network.node(i).name + " is not linear");
  return c.network.node(i);
}

const Node& dense_node(const Context& c, std::size_t i) {
  const Node& node = linear_node(c, i);
  require(c.network.dense(i), "layer-kind", "layer " + node.name + " is not dense: it shares filters or sees patches");
  require(!node.frozen_weights, "frozen", "the weights of layer " + node.name + " are frozen");
  return node;
}

Parameters read_parameters(const Context& c, std::size_t i, const Value& json) {
  const Node& node = c.network.node(i);
  Parameters p;
  p.weights = read_tensor(json.at("weights"), weights_shape(node), c.budget);
  if (node.bias != Bias::none) p.bias = read_tensor(json.at("bias"), bias_shape(node), c.budget);
  return p;
}

std::vector<std::size_t> linear_nodes(const Network& network, std::size_t target) {
  std::vector<std::size_t> nodes;
  for (std::size_t i : network.below(target))
    if (network.node(i).op == Op::linear) nodes.push_back(i);
  return nodes;
}

std::vector<std::size_t> free_linear_nodes(const Context& c, std::size_t target) {
  std::vector<std::size_t> nodes = linear_nodes(c.network, target);
  for (std::size_t i : nodes) {
    require(!c.network.node(i).frozen(), "frozen",
            "layer " + c.network.node(i).name + " has frozen tensors: outside the claim's Theta");
  }
  return nodes;
}

void require_nodes(const Network& network, const std::vector<std::size_t>& nodes, const Value& json) {
  std::vector<std::string> expected, found = json.keys();
  for (std::size_t i : nodes) expected.push_back(network.node(i).name);
  std::sort(expected.begin(), expected.end());
  require(found == expected, "other-layers",
          json.place() + " must name exactly the linear layers up to the claimed one");
}

std::map<std::size_t, Parameters> read_point(const Network& network, std::size_t target, const Value& json,
                                             Budget& budget) {
  std::map<std::size_t, Parameters> theta;
  const auto copy = [&](const Tensor& tensor) -> const Tensor& {
    for (const auto& row : tensor.rows) budget.spend((60 + Products::words(largest(row))) * row.size());
    return tensor;
  };
  std::vector<std::size_t> named;
  for (std::size_t i : linear_nodes(network, target)) {
    const Node& node = network.node(i);
    Parameters& p = theta[i];
    if (node.frozen_weights) p.weights = copy(*node.frozen_weights);
    if (node.frozen_bias) p.bias = copy(*node.frozen_bias);
    if (node.frozen_weights && !node.free_bias()) continue;
    named.push_back(i);
    const Value tensors = json.at(node.name);
    if (!node.frozen_weights) p.weights = read_tensor(tensors.at("weights"), weights_shape(node), budget);
    if (node.free_bias()) p.bias = read_tensor(tensors.at("bias"), bias_shape(node), budget);
  }
  require_nodes(network, named, json);
  return theta;
}

namespace {

// The seeds of tensors that were read, or nothing where one is not seeded, or two are the same numbers.
std::optional<std::set<std::string>> seeds_of(const std::vector<Value>& tensors) {
  std::set<std::string> seeds;
  std::set<std::pair<std::string, std::string>> names;
  for (const Value& tensor : tensors) {
    if (!tensor.has("seeded")) return std::nullopt;
    const Value seeded = tensor.at("seeded");
    if (seeded.at("low").integer() >= seeded.at("high").integer()) return std::nullopt;  // nothing random
    const std::string seed = seeded.at("seed").integer().get_str();
    if (!names.emplace(seed, seeded.at("name").text()).second) return std::nullopt;
    seeds.insert(seed);
  }
  if (seeds.empty()) return std::nullopt;
  return seeds;
}

std::string in_words(const std::optional<std::set<std::string>>& seeds, const char* what) {
  if (!seeds) return std::string("the claim's ") + what;
  std::string text = std::string("seeded random ") + what + (seeds->size() == 1 ? " (seed " : " (seeds ");
  const char* between = "";
  for (const std::string& seed : *seeds) {
    text += between + seed;
    between = ", ";
  }
  return text + ")";
}

}  // namespace

std::string point_in_words(const Network& network, std::size_t target, const Value& json) {
  std::vector<Value> tensors;  // those that read_point() reads: keys that nobody reads are not asked for here
  for (std::size_t i : linear_nodes(network, target)) {
    const Node& node = network.node(i);
    if (!node.frozen_weights) tensors.push_back(json.at(node.name).at("weights"));
    if (node.free_bias()) tensors.push_back(json.at(node.name).at("bias"));
  }
  return in_words(seeds_of(tensors), "parameters") + frozen_in_words(network, target);
}

std::string frozen_in_words(const Network& network, std::size_t target) {
  std::string text;
  const auto add = [&](bool frozen, const char* what, const std::string& name) {
    if (frozen) text += (text.empty() ? " with the " : ", the ") + (what + (" of " + name));
  };
  for (std::size_t i : linear_nodes(network, target)) {
    add(network.node(i).frozen_weights != nullptr, "weights", network.node(i).name);
    add(network.node(i).frozen_bias != nullptr, "bias", network.node(i).name);
  }
  return text.empty() ? text : text + " frozen";
}

std::string filters_in_words(const Value& tensor) { return in_words(seeds_of({tensor}), "filters"); }

std::string theta_in_words(const Network& network, std::size_t target) {
  constexpr std::size_t kLongest = 4'000;  // a sentence is read by people
  std::string text;
  std::size_t tensors = 0, all = 0;
  for (std::size_t i : linear_nodes(network, target)) {
    const Node& node = network.node(i);
    const auto add = [&](const char* what, const std::vector<std::size_t>& shape, const char* ties) {
      std::size_t entries = 0;
      for (std::size_t row : shape) entries += row;
      ++tensors;
      all += entries;
      text += (text.empty() ? "" : ", ") + node.name + what + number(entries) + ties + ")";
    };
    if (!node.frozen_weights) add(" weights (", weights_shape(node).lengths, "");
    if (node.free_bias())
      add(" bias (", bias_shape(node).lengths, node.bias == Bias::neuron ? ", one a neuron" : ", one a channel");
  }
  if (text.size() > kLongest)
    return "all free tensors of all layers up to " + network.node(target).name + " (" + number(tensors) + " tensors, " +
           number(all) + " numbers)";
  return text.empty() ? "no free tensor" : text;
}

}  // namespace widecheck
