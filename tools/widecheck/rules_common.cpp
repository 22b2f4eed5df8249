#include <algorithm>

#include "rules.h"
#include "verdict.h"

namespace widecheck {

std::string number(std::size_t n) { return std::to_string(n); }

std::string show(const mpq_class& q) {
  const std::string text = q.get_str();
  return text.size() <= 40 ? text : text.substr(0, 40) + "...";
}

const Node& linear_node(const Context& c, std::size_t i) {
  require(c.network.node(i).op == Op::linear, "layer-kind", "layer " + c.network.node(i).name + " is not linear");
  return c.network.node(i);
}

const mpz_class& entry(const std::vector<mpz_class>& x, long e) {
  static const mpz_class zero = 0;
  return e == kPad ? zero : x[static_cast<std::size_t>(e)];
}

Parameters read_parameters(const Network& network, std::size_t i, Value json) {
  const Node& node = network.node(i);
  Parameters p;
  p.weights = read_tensor(json.at("weights"), weights_shape(node));
  if (node.bias != Bias::none) p.bias = read_tensor(json.at("bias"), bias_shape(node));
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

std::map<std::size_t, Parameters> read_point(const Network& network, std::size_t target, Value json) {
  std::map<std::size_t, Parameters> theta;
  std::vector<std::size_t> named;
  for (std::size_t i : linear_nodes(network, target)) {
    const Node& node = network.node(i);
    Parameters& p = theta[i];
    if (node.frozen_weights) p.weights = *node.frozen_weights;
    if (node.frozen_bias) p.bias = *node.frozen_bias;
    if (node.frozen_weights && !node.free_bias()) continue;
    named.push_back(i);
    Value tensors = json.at(node.name);
    if (!node.frozen_weights) p.weights = read_tensor(tensors.at("weights"), weights_shape(node));
    if (node.free_bias()) p.bias = read_tensor(tensors.at("bias"), bias_shape(node));
  }
  require_nodes(network, named, json);
  return theta;
}

std::array<std::size_t, 2> read_samples(const Context& c, Value& proof) {
  const auto pair = proof.at("samples").list();
  if (pair.size() != 2) proof.at("samples").bad("two samples");
  const std::size_t last = c.data.size() - 1, a = pair[0].number(last), b = pair[1].number(last);
  require(a != b, "same-sample", "the two samples are one");
  return {a, b};
}

unsigned read_precision(Value& proof) {
  if (!proof.has("precision")) return 64;
  const std::uint64_t bits = proof.at("precision").number(4096);
  if (bits == 0) proof.at("precision").bad("1 to 4096 bits");
  return static_cast<unsigned>(bits);
}

void spend(const Context& c, double products) {
  constexpr double kMostProducts = 1e12;
  c.work += products;
  if (!(c.work <= kMostProducts))
    throw Malformed("too-large", "checking these claims takes more than 10^12 products; refused");
}

Forward make_forward(const Context& c, const Network& network, std::size_t target,
                     const std::map<std::size_t, Parameters>& theta, unsigned bits) {
  Forward forward(network, target, theta, c.data.divisor(), c.data.largest(), bits);
  spend(c, forward.work().get_d() * static_cast<double>(c.data.size()));
  return forward;
}

double series_cost(const Activation& f, unsigned bits) {
  const double words = 1 + bits / 64.0;
  if (bits == 0 || piecewise_linear(f.function) || is_step(f.function)) return 0;
  // The normal distribution takes about 4 bits terms of up to 5 times the precision.
  return 500 * words * words + (f.function == Function::gelu ? 100.0 * bits * words * words : 0);
}

void require_feasible(const Context& c, std::size_t target, unsigned bits, double cost) {
  const double words = static_cast<double>(c.data.words()) + bits / 64.0;
  double products = 0;
  for (std::size_t i : c.network.below(target)) {
    const Node& node = c.network.node(i);
    double longest = 1;
    for (const auto& entries : node.patches.entries()) longest = std::max(longest, static_cast<double>(entries.size()));
    const double series = node.op == Op::activation ? series_cost(node.activation, bits) : 0;
    products +=
        (cost * longest * words + series) * static_cast<double>(node.width) * static_cast<double>(c.data.size());
  }
  spend(c, products);
}

std::size_t affine_dimension(const Network& network, std::size_t node) {
  std::map<std::size_t, std::size_t> dimension;
  for (std::size_t i : network.below(node)) {
    const Node& at = network.node(i);
    dimension[i] = at.width + 1;
    const bool bends =
        at.op == Op::max_pool || (at.op == Op::activation && at.activation.function != Function::identity);
    if (at.op == Op::input || bends) continue;
    std::size_t incoming = 1;  // the constants, counted once
    for (std::size_t input : at.inputs) incoming += dimension.at(input) - 1;
    dimension[i] = std::min(dimension[i], incoming);
  }
  return dimension.at(node);
}

}  // namespace widecheck
