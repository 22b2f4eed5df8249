#include "evaluate/box.h"

#include <algorithm>

#include "evaluate/features.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::size_t kMaxBits = 2048;  // of an end of an interval

Interval hull(const Interval& a, const Interval& b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

Interval product(const Interval& a, const Interval& b) {
  const mpq_class p[4] = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high};
  return {*std::min_element(p, p + 4), *std::max_element(p, p + 4)};
}

Interval apply(const Activation& f, const Interval& x) {
  const mpq_class zero = 0;
  switch (f.function) {
    case Function::identity:
      return x;
    case Function::relu:
      return {std::max(x.low, zero), std::max(x.high, zero)};
    case Function::leaky_relu: {
      const auto at = [&](const mpq_class& v) -> mpq_class { return v < 0 ? f.parameter * v : v; };
      Interval y = hull({at(x.low), at(x.low)}, {at(x.high), at(x.high)});
      return x.low < 0 && x.high > 0 ? hull(y, {zero, zero}) : y;
    }
    default:
      throw Rejected("unsupported", f.name + " below the layer is not enclosed over a box");
  }
}

Interval pool(const Node& node, std::size_t h, const std::vector<Interval>& x) {
  Interval result{0, 0};
  bool first = true;
  const std::size_t length = node.patches.length(node.patches.bank(h));  // with padding
  node.patches.for_each_seen(h, [&](std::size_t, std::size_t input) {
    const Interval& v = x[input];
    if (node.op == Op::average_pool) {
      result.low += v.low / length;
      result.high += v.high / length;
    } else {
      result = first ? v : Interval{std::max(result.low, v.low), std::max(result.high, v.high)};
    }
    first = false;
  });
  return result;
}

}  // namespace

BoxForward::BoxForward(const Context& c, std::size_t target, const Value& centre, const mpq_class& radius)
    : c_(c), target_(target), radius_(radius) {
  pay_for_layers(c, target, 0, 5000);  // products of intervals of rationals of up to 2,048 bits
  centre_ = read_point(c.network, target, centre);
}

Interval BoxForward::around(const Tensor& tensor, std::size_t row, std::size_t column, bool frozen) const {
  mpq_class v(tensor.rows[row][column], tensor.divisor);
  v.canonicalize();
  if (frozen) return {v, v};
  return {v - radius_, v + radius_};
}
Interval BoxForward::neuron(std::size_t i, std::size_t h, const std::vector<Interval>& x) const {
  const Node& node = c_.network.node(i);
  const Parameters& theta = centre_.at(i);
  Interval sum{0, 0};
  if (node.bias != Bias::none) sum = around(theta.bias, 0, c_.network.bias_of(i, h), node.frozen_bias.has_value());
  node.patches.for_each_seen(h / node.filters, [&](std::size_t r, std::size_t input) {
    const Interval term =
        product(around(theta.weights, c_.network.filter_of(i, h), r, node.frozen_weights.has_value()), x[input]);
    sum.low += term.low;
    sum.high += term.high;
  });
  return sum;
}

std::vector<Interval> BoxForward::operator()(const std::vector<mpz_class>& x) const {
  std::map<std::size_t, std::vector<Interval>> known;
  for (std::size_t i : c_.network.below(target_)) {
    const Node& node = c_.network.node(i);
    std::vector<Interval> y(node.width, Interval{0, 0});
    const auto in = [&](std::size_t k) -> const std::vector<Interval>& { return known.at(node.inputs[k]); };
    switch (node.op) {
      case Op::input:
        for (std::size_t h = 0; h < y.size(); ++h) {
          mpq_class v(x[h], c_.data.divisor());
          v.canonicalize();
          y[h] = {v, v};
        }
        break;
      case Op::linear:
        for (std::size_t h = 0; h < y.size(); ++h) y[h] = neuron(i, h, in(0));
        break;
      case Op::activation:
        for (std::size_t h = 0; h < y.size(); ++h) y[h] = apply(node.activation, in(0)[h]);
        break;
      case Op::max_pool:
      case Op::average_pool:
        for (std::size_t h = 0; h < y.size(); ++h) y[h] = pool(node, h, in(0));
        break;
      default:
        throw Rejected("unsupported", "layer " + node.name + " is not enclosed over a box");
    }
    for (const Interval& box : y) {
      for (const mpq_class* end : {&box.low, &box.high})
        if (mpz_sizeinbase(end->get_num_mpz_t(), 2) > kMaxBits || mpz_sizeinbase(end->get_den_mpz_t(), 2) > kMaxBits)
          throw Malformed("too-large", "layer " + node.name + ": intervals of more than 2,048 bits");
    }
    known[i] = std::move(y);
  }
  return std::move(known.at(target_));
}

}  // namespace widecheck
