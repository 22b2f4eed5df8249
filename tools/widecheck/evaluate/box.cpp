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

}  // namespace

BoxForward::BoxForward(const Context& c, std::size_t target, const Value& centre, const mpq_class& radius)
    : c_(c), target_(target) {
  pay_for_layers(c, target, 0, 200);
  for (auto& [i, p] : read_point(c.network, target, centre, c.budget)) {
    const Node& node = c.network.node(i);
    theta_[i] = {around(p.weights, !node.frozen_weights, radius), around(p.bias, node.free_bias(), radius)};
  }
}

BoxForward::Around BoxForward::around(Tensor tensor, bool free, const mpq_class& radius) const {
  Around box{std::move(tensor), 0, 0};
  const mpz_class divisor = free ? lcm(box.centre.divisor, radius.get_den()) : box.centre.divisor;
  const mpz_class factor = divisor / box.centre.divisor;
  for (auto& row : box.centre.rows) {
    c_.budget.spend((100 + Products::words(factor) * Products::words(largest(row))) * row.size());
    for (mpz_class& v : row) v *= factor;
    box.largest = std::max(box.largest, largest(row));
  }
  if (free) box.radius = radius.get_num() * (divisor / radius.get_den());
  box.centre.divisor = divisor;
  box.largest += box.radius;
  return box;
}

// `divisor` is that of x, then that of the values.
std::vector<Ends> BoxForward::linear(std::size_t i, const std::vector<Ends>& x, mpz_class& divisor) const {
  const Node& node = c_.network.node(i);
  const auto& [weights, bias] = theta_.at(i);
  const mpz_class product = divisor * weights.centre.divisor;
  divisor = lcm(product, bias.centre.divisor);
  const mpz_class factor = divisor / product, bias_factor = divisor / bias.centre.divisor;
  mpz_class most = 0;
  for (const Ends& v : x) most = std::max({most, mpz_class(abs(v.low)), mpz_class(abs(v.high))});
  const Products words = Products::words(most) * Products::words(weights.largest), all = Products::words(divisor);
  c_.budget.spend((200 + 8 * words) * node.patches.longest() * node.width + (200 + 8 * all * all) * node.width);
  std::vector<Ends> y(node.width);
  for (std::size_t h = 0; h < y.size(); ++h) {
    Ends& sum = y[h];
    const auto& w = weights.centre.rows[c_.network.filter_of(i, h)];
    node.patches.for_each_seen(h / node.filters, [&](std::size_t r, std::size_t input) {
      add_product(sum, w[r] - weights.radius, w[r] + weights.radius, x[input]);
    });
    sum = {sum.low * factor, sum.high * factor};
    if (node.bias == Bias::none) continue;
    const mpz_class& b = bias.centre.rows[0][c_.network.bias_of(i, h)];
    sum = {sum.low + (b - bias.radius) * bias_factor, sum.high + (b + bias.radius) * bias_factor};
  }
  return y;
}

std::vector<Ends> BoxForward::operator()(const std::vector<mpz_class>& x) const {
  std::map<std::size_t, std::vector<Ends>> known;
  std::map<std::size_t, mpz_class> divisors;
  for (std::size_t i : c_.network.below(target_)) {
    const Node& node = c_.network.node(i);
    std::vector<Ends> y;
    mpz_class& divisor = divisors[i];
    if (node.op == Op::input) {
      for (const mpz_class& v : x) y.push_back({v, v});
      divisor = c_.data.divisor();
    } else {
      const std::vector<Ends>& in = known.at(node.inputs[0]);
      divisor = divisors.at(node.inputs[0]);
      Products words = Products::words(divisor);
      for (const Ends& e : in) words = std::max({words, Products::words(e.low), Products::words(e.high)});
      c_.budget.spend((100 + 8 * words) * node.patches.longest() * node.width);
      if (node.op == Op::linear) {
        y = linear(i, in, divisor);
      } else if (node.op == Op::activation) {
        require(piecewise_linear(node.activation.function), "unsupported",
                node.activation.name + " below the layer is not enclosed over a box");
        for (const Ends& v : in) y.push_back(apply(node.activation, v));
        if (node.activation.function == Function::leaky_relu) divisor *= node.activation.parameter.get_den();
      } else {
        require(node.op == Op::max_pool || node.op == Op::average_pool, "unsupported",
                "layer " + node.name + " is not enclosed over a box");
        if (node.op == Op::average_pool) divisor *= static_cast<unsigned long>(pool_length(node));
        for (std::size_t h = 0; h < node.width; ++h) y.push_back(pool(node, h, in));
      }
    }
    for (const Ends& ends : y)
      for (const mpz_class* v : std::initializer_list<const mpz_class*>{&divisor, &ends.low, &ends.high})
        if (mpz_sizeinbase(v->get_mpz_t(), 2) > kMaxBits)
          throw Malformed("too-large", "layer " + node.name + ": intervals of more than 65,536 bits");
    known[i] = std::move(y);
  }
  return std::move(known.at(target_));
}

}  // namespace widecheck
