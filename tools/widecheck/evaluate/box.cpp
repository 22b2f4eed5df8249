#include "evaluate/box.h"

#include <algorithm>

#include "evaluate/features.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

using Ends = BoxForward::Ends;

constexpr std::size_t kMaxBits = 65'536;  // of an end of an interval

// sum += [low, high] x.
void add_product(Ends& sum, const mpz_class& low, const mpz_class& high, const Ends& x) {
  const mpz_class p[4] = {low * x.low, low * x.high, high * x.low, high * x.high};
  sum.low += *std::min_element(p, p + 4);
  sum.high += *std::max_element(p, p + 4);
}

// Of leaky-relu with slope p/q the values times q.
Ends apply(const Activation& f, const Ends& x) {
  const mpz_class zero = 0;
  if (f.function == Function::identity) return x;
  if (f.function == Function::relu) return {std::max(x.low, zero), std::max(x.high, zero)};
  const auto at = [&](const mpz_class& v) -> mpz_class {
    return v * (v < 0 ? f.parameter.get_num() : f.parameter.get_den());
  };
  const mpz_class a = at(x.low), b = at(x.high);
  Ends y{std::min(a, b), std::max(a, b)};
  if (x.low < 0 && x.high > 0) y = {std::min(y.low, zero), std::max(y.high, zero)};
  return y;
}

// Of an average the sum.
Ends pool(const Node& node, std::size_t h, const std::vector<Ends>& x) {
  Ends result{0, 0};
  bool first = true;
  node.patches.for_each_seen(h, [&](std::size_t, std::size_t input) {
    const Ends& v = x[input];
    if (node.op == Op::average_pool)
      result = {result.low + v.low, result.high + v.high};
    else
      result = first ? v : Ends{std::max(result.low, v.low), std::max(result.high, v.high)};
    first = false;
  });
  return result;
}

// The tensor over a multiple of its divisor.
void widen(Tensor& tensor, const mpz_class& divisor) {
  const mpz_class factor = divisor / tensor.divisor;
  for (auto& row : tensor.rows)
    for (mpz_class& v : row) v *= factor;
  tensor.divisor = divisor;
}

}  // namespace

BoxForward::BoxForward(const Context& c, std::size_t target, const Value& centre, const mpq_class& radius) : c_(c) {
  pay_for_layers(c, target, 0, 200);
  auto theta = read_point(c.network, target, centre, c.budget);
  std::map<std::size_t, std::size_t> step_of;
  for (std::size_t i : c.network.below(target)) {
    const Node& node = c.network.node(i);
    Step step{i, c.data.divisor(), c.data.largest(), {}, {}};
    if (i != 0) {
      const Step& in = steps_[step_of.at(node.inputs[0])];
      step.divisor = in.divisor;
      step.bound = in.bound;
    }
    Products each = Products(100) + 4 * Products::words(step.bound);  // for an entry of a patch
    if (node.op == Op::linear) {
      each += plan_linear(step, std::move(theta.at(i)), radius);
    } else if (node.op == Op::activation) {
      require(piecewise_linear(node.activation.function), "unsupported",
              node.activation.name + " below the layer is not enclosed over a box");
      if (node.activation.function == Function::leaky_relu) {
        const mpq_class& slope = node.activation.parameter;
        step.divisor *= slope.get_den();
        step.bound *= std::max(mpz_class(abs(slope.get_num())), slope.get_den());
      }
    } else if (node.op == Op::average_pool) {
      const auto length = static_cast<unsigned long>(pool_length(node));
      step.divisor *= length;
      step.bound *= length;
    } else {
      require(node.op == Op::max_pool || node.op == Op::input, "unsupported",
              "layer " + node.name + " is not enclosed over a box");
    }
    for (const mpz_class* v : {&step.divisor, &step.bound})
      if (mpz_sizeinbase(v->get_mpz_t(), 2) > kMaxBits)
        throw Malformed("too-large", "layer " + node.name + ": intervals of more than 65,536 bits");
    c.budget.spend(each * node.patches.longest() * node.width * c.data.size());
    step_of[i] = steps_.size();
    steps_.push_back(std::move(step));
  }
}

// From the divisor and the bound of what enters. Returns what one product takes.
Products BoxForward::plan_linear(Step& step, Parameters centre, const mpq_class& radius) const {
  const Node& node = c_.network.node(step.node);
  mpz_class weights = centre.weights.divisor, bias = centre.bias.divisor;  // divisors of the ends
  if (!node.frozen_weights) weights = lcm(weights, radius.get_den());
  if (node.free_bias()) bias = lcm(bias, radius.get_den());
  const mpz_class below = step.divisor, most_below = step.bound;
  step.divisor = lcm(mpz_class(below * weights), bias);
  const mpz_class factor = step.divisor / below;  // of weights
  Products entries = 0;
  for (const Tensor* tensor : {&centre.weights, &centre.bias})
    for (const auto& row : tensor->rows) entries += row.size();
  const Products words = Products::words(step.divisor) + 1;
  c_.budget.spend(entries * (200 + 4 * words * words));
  const auto of_radius = [&](const mpz_class& over) -> mpz_class {
    return radius.get_num() * (over / radius.get_den());
  };
  widen(centre.weights, factor);
  widen(centre.bias, step.divisor);
  if (!node.frozen_weights) step.weights_radius = of_radius(factor);
  if (node.free_bias()) step.bias_radius = of_radius(step.divisor);
  mpz_class most = 0, norm = 0;
  for (const auto& row : centre.weights.rows) {
    mpz_class sum = step.weights_radius * static_cast<unsigned long>(row.size());
    for (const mpz_class& w : row) sum += abs(w);
    norm = std::max(norm, sum);
    most = std::max(most, largest(row));
  }
  step.bound = norm * most_below + step.bias_radius;
  for (const auto& row : centre.bias.rows) step.bound += largest(row);
  step.weights = std::move(centre.weights);
  step.bias = std::move(centre.bias);
  return 200 + 8 * Products::words(most_below) * Products::words(most + step.weights_radius);
}

BoxForward::Ends BoxForward::neuron(const Step& step, std::size_t h, const std::vector<Ends>& x) const {
  const Node& node = c_.network.node(step.node);
  Ends sum{-step.bias_radius, step.bias_radius};
  if (node.bias != Bias::none) {
    const mpz_class& b = step.bias.rows[0][c_.network.bias_of(step.node, h)];
    sum.low += b;
    sum.high += b;
  }
  const auto& weights = step.weights.rows[c_.network.filter_of(step.node, h)];
  node.patches.for_each_seen(h / node.filters, [&](std::size_t r, std::size_t input) {
    add_product(sum, weights[r] - step.weights_radius, weights[r] + step.weights_radius, x[input]);
  });
  return sum;
}

std::vector<Ends> BoxForward::operator()(const std::vector<mpz_class>& x) const {
  std::map<std::size_t, std::vector<Ends>> known;
  for (const Step& step : steps_) {
    const Node& node = c_.network.node(step.node);
    std::vector<Ends> y(node.width);
    for (std::size_t h = 0; h < y.size(); ++h) {
      if (node.op == Op::input) {
        y[h] = {x[h], x[h]};
        continue;
      }
      const std::vector<Ends>& in = known.at(node.inputs[0]);
      y[h] = node.op == Op::linear       ? neuron(step, h, in)
             : node.op == Op::activation ? apply(node.activation, in[h])
                                         : pool(node, h, in);
    }
    known[step.node] = std::move(y);
  }
  return std::move(known.at(steps_.back().node));
}

}  // namespace widecheck
