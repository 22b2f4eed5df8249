#include "evidence/limits.h"

#include <algorithm>

#include "evaluate/activation.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

// sup |s - relu| is finite: ln 2 / a for softplus, at most 1 for the others.
bool near_relu(Function f) {
  return f == Function::softplus || f == Function::silu || f == Function::gelu || f == Function::mish;
}

// What alpha does to one node whose inputs have degrees least..most. Returns the degree of its
// value.
int change(Node& node, Limit limit, int least, int most) {
  const std::string at = "layer " + node.name + ": ";
  switch (node.op) {
    case Op::linear:
      if (limit == Limit::step) {
        // W, b -> alpha W, alpha b, on values that tend to a limit exponentially fast.
        require(most == 0, "degree", at + "it acts on values that grow with alpha");
        require(!node.frozen_weights, "frozen", at + "frozen weights cannot grow with alpha");
        require(!node.frozen_bias || node.frozen_bias->zero(), "frozen", at + "a frozen bias cannot grow with alpha");
        return 1;
      }
      // W -> alpha W on degree 0, W unchanged on degree 1; b -> alpha b.
      require(most == 1 || !node.frozen_weights, "frozen", at + "frozen weights cannot grow with alpha");
      if (node.frozen_bias)
        node.frozen_bias = std::make_shared<const Tensor>(constant_tensor(bias_shape(node).lengths, 0));
      return 1;
    case Op::activation: {
      Function& f = node.activation.function;
      if (f == Function::identity) return most;
      require(most == 1, "degree", at + "it acts on values that do not grow with alpha");
      if (limit == Limit::relu) {
        require(near_relu(f), "activation", at + node.activation.name + " has no relu limit");
        f = Function::relu;
        return 1;
      }
      require(f == Function::sigmoid || f == Function::tanh, "activation",
              at + node.activation.name + " has no step limit");
      f = f == Function::sigmoid ? Function::half_step : Function::sign;
      return 0;
    }
    case Op::batch_norm:
      if (most == 1) {
        require(limit == Limit::relu || node.shift->zero(), "degree",
                at + "a shift beside values that grow with alpha");
        node.shift = std::make_shared<const Tensor>(constant_tensor({node.scale->rows[0].size()}, 0));
      }
      return most;
    case Op::sum:
      require(limit == Limit::relu || least == most, "degree", at + "it adds values that grow with alpha to others");
      return most;
    case Op::concat:
    case Op::select:
      require(least == most, "degree", at + "it joins values that grow with alpha to others");
      return most;
    case Op::max_pool:
      throw Rejected("not-analytic", at + "max pooling");
    case Op::input:
    case Op::average_pool:
      break;
  }
  return most;
}

}  // namespace

Network limit_network(const Network& network, std::size_t target, Limit limit) {
  Network changed = network;
  std::map<std::size_t, int> degree{{0, 0}};
  for (std::size_t i : network.below(target)) {
    if (i == 0) continue;
    Node& node = changed.change(i);
    int least = 1, most = 0;
    for (std::size_t input : node.inputs) {
      least = std::min(least, degree.at(input));
      most = std::max(most, degree.at(input));
    }
    degree[i] = change(node, limit, least, most);
    // A sum keeps its highest degree.
    if (node.op == Op::sum) std::erase_if(node.inputs, [&](std::size_t input) { return degree.at(input) < most; });
  }
  return changed;
}

void require_analytic(const Network& network, std::size_t target) {
  for (std::size_t i : network.below(target)) {
    const Node& node = network.node(i);
    require(node.op != Op::max_pool, "not-analytic", "layer " + node.name + ": max pooling");
    if (node.op != Op::activation) continue;
    require(analytic(node.activation.function), "not-analytic", "layer " + node.name + ": " + node.activation.name);
  }
}

}  // namespace widecheck
