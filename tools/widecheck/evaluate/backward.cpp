#include "evaluate/backward.h"

#include <algorithm>

#include "evaluate/activation.h"
#include "evaluate/features.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {

Above layers_above(const Context& c, std::size_t node, std::size_t output) {
  Above above;
  std::vector<std::size_t> chain{output};
  while (chain.back() != node) {
    const Node& at = c.network.node(chain.back());
    require((at.op == Op::linear || at.op == Op::activation) && at.inputs[0] >= node, "not-a-chain",
            "layer " + at.name + " is not a linear layer or activation above the claimed one");
    chain.push_back(at.inputs[0]);
  }
  std::reverse(chain.begin(), chain.end());
  for (std::size_t k = 1; k < chain.size(); ++k) {
    const Node& at = c.network.node(chain[k]);
    const bool linear = k % 2 == 1;
    require((at.op == Op::linear) == linear, "not-a-chain",
            "above the claimed layer, linear layers and activations must take turns");
    (linear ? above.linear : above.activation).push_back(chain[k]);
  }
  require(above.linear.size() == above.activation.size() + 1, "not-a-chain",
          "the output is not a linear layer above the claimed one");
  return above;
}

Backward::Backward(const Context& c, std::size_t node, std::size_t output, std::map<std::size_t, Parameters> theta,
                   unsigned precision, unsigned bits)
    : c_(c),
      node_(node),
      output_(output),
      above_(layers_above(c, node, output)),
      bits_(bits),
      theta_(std::move(theta)),
      forward_(make_forward(c, c.network, output, theta_, precision)) {
  for (std::size_t k = 0; k < above_.linear.size(); ++k) {
    const Node& linear = c.network.node(above_.linear[k]);
    mpz_class weight = 0;                                                // the largest
    std::vector<mpz_class> row(c.network.node(linear.inputs[0]).width);  // sums of |U|
    const Tensor& w = theta_.at(above_.linear[k]).weights;
    Products products = 0;
    for (const auto& filter : w.rows) weight = std::max(weight, largest(filter));
    for (std::size_t p = 0; p < linear.patches.count(); ++p)
      products += linear.patches.length(linear.patches.bank(p)) * linear.filters;
    c.budget.spend(40 * products);
    for (std::size_t p = 0; p < linear.patches.count(); ++p) {
      const std::size_t bank = linear.patches.bank(p);
      linear.patches.for_each_seen(p, [&](std::size_t r, std::size_t input) {
        for (std::size_t t = 0; t < linear.filters; ++t) row[input] += abs(w.rows[bank * linear.filters + t][r]);
      });
    }
    growth_.push_back(largest(row));
    products_.push_back(products);
    weight_words_.push_back(Products::words(weight));
  }
  Products series = 0;
  for (std::size_t k : above_.activation) {
    const Node& node = c.network.node(k);
    series += 2 * series_cost(node.activation, bits + 8) * node.width;
  }
  c.budget.spend(series * c.data.size());
}

void Backward::for_each(const std::function<void(std::size_t, const Sample&)>& visit) const {
  c_.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
    Sample sample;
    sample.values.resize(above_.activation.size());
    sample.slopes.resize(above_.activation.size());
    sample.off_kinks.resize(above_.activation.size());
    sample.output = forward_(
        x, [&](std::size_t at, const std::vector<mpz_class>& v, const mpz_class& divisor, const mpz_class& radius) {
          if (at == node_) sample.features = {v, divisor, radius};
          const auto place = [&](const std::vector<std::size_t>& nodes) {
            return static_cast<std::size_t>(std::find(nodes.begin(), nodes.end(), at) - nodes.begin());
          };
          if (const std::size_t k = place(above_.activation); k < above_.activation.size())
            sample.values[k] = {v, divisor, radius};
          // (The last linear node has no activation.)
          if (const std::size_t k = place(above_.linear); k < above_.activation.size()) {
            const Activation& f = c_.network.node(above_.activation[k]).activation;
            sample.slopes[k] = slopes(f, {v, divisor, radius});
            if (has_kink(f.function)) {
              mpz_class least = abs(v.front());
              for (const mpz_class& g : v)
                if (mpz_cmpabs(g.get_mpz_t(), least.get_mpz_t()) < 0) least = abs(g);
              sample.off_kinks[k] = mpq_class(least - radius) / divisor;
            }
          }
        });
    visit(i, sample);
  });
}

// (d U_q^T) o s'(G_{q-1}) ... down to D_1.
Approximate Backward::down(Approximate d, const Sample& sample) const {
  for (std::size_t k = above_.activation.size(); k-- > 0;) {
    d = through(k + 1, d);
    const Approximate& s = sample.slopes[k];
    const mpz_class most_d = largest(d.v), most_s = largest(s.v);
    c_.budget.spend((60 + Products::words(most_d) * Products::words(most_s)) * d.v.size());
    mpz_class radius = most_d * s.radius + most_s * d.radius + d.radius * s.radius;
    mpz_cdiv_q_2exp(radius.get_mpz_t(), radius.get_mpz_t(), bits_);
    d.radius = radius + 1;
    for (std::size_t h = 0; h < d.v.size(); ++h) {
      d.v[h] *= s.v[h];
      mpz_fdiv_q_2exp(d.v[h].get_mpz_t(), d.v[h].get_mpz_t(), bits_);
    }
  }
  return d;
}

Approximate Backward::slopes(const Activation& f, const Values& g) const {
  Approximate s;
  c_.budget.spend((300 + 10 * Products(bits_) / 64) * g.v.size());
  if (has_kink(f.function)) {
    for (const mpz_class& v : g.v) {
      require(mpz_cmpabs(v.get_mpz_t(), g.radius.get_mpz_t()) > 0, "not-differentiable",
              "a pre-activation may be 0, where " + f.name + " has a kink");
      const mpq_class value = v > 0 ? mpq_class(1) : f.function == Function::relu ? mpq_class(0) : f.parameter;
      s.v.push_back(floor_div(value.get_num() << bits_, value.get_den()));
    }
    s.radius = 1;
    return s;
  }
  const Products argument = Products::words(largest(g.v)) + Products::words(g.divisor);
  c_.budget.spend(16 * argument * argument * g.v.size());
  const mpq_class carried = slope_lipschitz(f) * g.radius * (mpz_class(1) << bits_) / g.divisor;
  s.radius = ceil_of(carried) + 3;  // an enclosure of width 2 at most, its lower end rounded down
  for (const mpz_class& v : g.v) {
    mpq_class argument(v, g.divisor);
    argument.canonicalize();
    const Interval enclosure = slope(f, argument, bits_);
    require((enclosure.high - enclosure.low) * (mpz_class(1) << bits_) <= 2, "precision", "an enclosure is too wide");
    s.v.push_back(floor_of(enclosure.low * (mpz_class(1) << bits_)));
  }
  return s;
}

// d U^T for the k-th linear node: back to its inputs.
Approximate Backward::through(std::size_t k, const Approximate& d) const {
  const Node& linear = c_.network.node(above_.linear[k]);
  const Tensor& w = theta_.at(above_.linear[k]).weights;
  c_.budget.spend(products_[k] * (10 + weight_words_[k] * Products::words(largest(d.v))));
  Approximate out{std::vector<mpz_class>(c_.network.node(linear.inputs[0]).width), d.radius * growth_[k]};
  for (std::size_t p = 0; p < linear.patches.count(); ++p) {
    const auto* filters = &w.rows[linear.patches.bank(p) * linear.filters];
    for (std::size_t t = 0; t < linear.filters; ++t) {
      const mpz_class& v = d.v[p * linear.filters + t];
      linear.patches.for_each_seen(p, [&](std::size_t r, std::size_t input) {
        mpz_addmul(out.v[input].get_mpz_t(), v.get_mpz_t(), filters[t][r].get_mpz_t());
      });
    }
  }
  for (mpz_class& v : out.v) mpz_fdiv_q(v.get_mpz_t(), v.get_mpz_t(), w.divisor.get_mpz_t());
  out.radius = ceil_div(out.radius, w.divisor) + 1;
  return out;
}

}  // namespace widecheck
