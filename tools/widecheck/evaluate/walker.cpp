#include "evaluate/walker.h"

#include <algorithm>

#include "evaluate/bounds.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::size_t kMostBreakpoints = 100'000, kMostCuts = 1'000'000, kMaxBits = 65'536, kMostHeld = 20'000'000;

Products length_of(const Values& x) { return Products::words(largest(x.v)) + Products::words(x.divisor); }

// In lowest terms.
void shorten(Values& x) {
  mpz_class common = x.divisor;
  for (const mpz_class& v : x.v) {
    if (common == 1) return;
    common = gcd(common, v);
  }
  for (mpz_class& v : x.v) mpz_divexact(v.get_mpz_t(), v.get_mpz_t(), common.get_mpz_t());
  mpz_divexact(x.divisor.get_mpz_t(), x.divisor.get_mpz_t(), common.get_mpz_t());
}

class Walker {
 public:
  Walker(const Network& network, std::size_t target, const std::map<std::size_t, Parameters>& theta, Budget& budget)
      : network_(network), nodes_(network.below(target)), theta_(theta), budget_(budget) {
    for (std::size_t i : nodes_)
      for (std::size_t input : network.node(i).inputs) last_use_[input] = i;
  }

  std::vector<Values> run(const Values& from, const Values& to) {
    for (std::size_t i : nodes_) {
      const Node& node = network_.node(i);
      if (node.op == Op::input) {
        known_[i] = {from, to};
        continue;
      }
      const std::size_t in = node.inputs[0];
      if (node.op == Op::activation) {
        require(piecewise_linear(node.activation.function), "unsupported",
                "layer " + node.name + ": " + node.activation.name + " is not piecewise linear and continuous");
        if (node.activation.function != Function::identity)
          cut([&](const auto& visit) {
            for (std::size_t h = 0; h < node.width; ++h) visit(in, h, h);
          });
      } else if (node.op == Op::max_pool) {
        cut([&](const auto& visit) {
          for (const auto& patch : node.patches.entries())
            for (std::size_t a = 0; a < patch.size(); ++a)
              for (std::size_t b = 0; b < a; ++b)
                if (patch[a] != kPad && patch[b] != kPad)
                  visit(in, static_cast<std::size_t>(patch[a]), static_cast<std::size_t>(patch[b]));
        });
      }
      std::vector<Values> all;
      const std::size_t count = known_.begin()->second.size();
      for (std::size_t k = 0; k < count; ++k) {
        all.push_back(value(i, k));
        shorten(all.back());
        check(all.back());
      }
      known_[i] = std::move(all);
      for (std::size_t input : node.inputs)
        if (last_use_.at(input) == i) known_.erase(input);
    }
    return std::move(known_.at(nodes_.back()));
  }

 private:
  void check(const Values& x) const {
    if (mpz_sizeinbase(x.divisor.get_mpz_t(), 2) > kMaxBits || mpz_sizeinbase(largest(x.v).get_mpz_t(), 2) > kMaxBits)
      throw Malformed("too-large", "values of more than 65,536 bits along a segment");
  }

  // New breakpoints where an affine value - that of entry a (b = a), or of entry a less entry b - is 0 inside a piece.
  template <class Each>
  void cut(const Each& each) {
    const std::size_t count = known_.begin()->second.size();
    std::vector<std::pair<std::size_t, mpq_class>> cuts;  // piece, and the share of its second end
    for (std::size_t k = 0; k + 1 < count; ++k) {
      std::size_t at = network_.size();  // the node whose lengths are known
      Products words = 0;
      each([&](std::size_t node, std::size_t a, std::size_t b) {
        const Values &left = known_.at(node)[k], &right = known_.at(node)[k + 1];
        if (node != at) {
          budget_.spend(20 * Products(left.v.size()));
          words = length_of(left) + length_of(right);
          at = node;
        }
        budget_.spend(20);
        const mpz_class l = a == b ? left.v[a] : mpz_class(left.v[a] - left.v[b]),
                        r = a == b ? right.v[a] : mpz_class(right.v[a] - right.v[b]);
        if (sgn(l) * sgn(r) >= 0) return;
        budget_.spend(1'000 + 40 * words * words);
        // (Equal ones are counted, too.)
        if (count + cuts.size() > kMostCuts) throw Malformed("too-large", "more than a million crossings");
        const mpz_class of_left = abs(l) * right.divisor, of_right = abs(r) * left.divisor;
        mpq_class share(of_left, of_left + of_right);
        share.canonicalize();
        cuts.emplace_back(k, std::move(share));
      });
    }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    std::size_t held = 0;
    for (const auto& [node, points] : known_) held += points.front().v.size();
    if ((count + cuts.size()) * held > kMostHeld) throw Malformed("too-large", "too many values at breakpoints");
    if (count + cuts.size() > kMostBreakpoints) throw Malformed("too-large", "more than 100,000 breakpoints");
    for (auto& [node, points] : known_) {
      std::vector<Values> more;
      std::size_t next = 0;
      for (std::size_t k = 0; k < count; ++k) {
        for (; next < cuts.size() && cuts[next].first + 1 == k; ++next)
          more.push_back(between(points[k - 1], points[k], cuts[next].second));
        more.push_back(points[k]);
      }
      points = std::move(more);
    }
  }
  Values between(const Values& a, const Values& b, const mpq_class& share) const {
    const mpz_class& p = share.get_num();
    const mpz_class q = share.get_den() - p, of_a = q * b.divisor, of_b = p * a.divisor;
    const Products words = length_of(a) + length_of(b) + Products::words(share.get_den());
    budget_.spend((100 + 6 * words * words) * (a.v.size() + 1));
    Values c;
    c.divisor = share.get_den() * a.divisor * b.divisor;
    for (std::size_t h = 0; h < a.v.size(); ++h) c.v.push_back(a.v[h] * of_a + b.v[h] * of_b);
    shorten(c);
    check(c);
    return c;
  }

  Values value(std::size_t i, std::size_t k) const {
    const Node& node = network_.node(i);
    const auto in = [&](std::size_t n) -> const Values& { return known_.at(node.inputs[n])[k]; };
    Products words = 0;
    for (std::size_t n = 0; n < node.inputs.size(); ++n) words += length_of(in(n));
    Values y;
    y.v.assign(node.width, 0);
    if (node.op == Op::linear) {
      const Parameters& theta = theta_.at(i);
      Products of_weights = Products::words(theta.weights.divisor) + Products::words(theta.bias.divisor);
      for (const auto& row : theta.weights.rows) of_weights = std::max(of_weights, Products::words(largest(row)));
      budget_.spend((20 + words * of_weights) * Products(node.terms() + 10) * node.width);
      const mpz_class common = lcm(theta.weights.divisor, theta.bias.divisor), of_sum = common / theta.weights.divisor,
                      of_bias = common / theta.bias.divisor * in(0).divisor;
      for (std::size_t p = 0; p < node.patches.count(); ++p) {
        const std::size_t bank = node.patches.bank(p);
        for (std::size_t t = 0; t < node.filters; ++t) {
          mpz_class& sum = y.v[p * node.filters + t];
          const auto& w = theta.weights.rows[bank * node.filters + t];
          node.patches.for_each_seen(p, [&](std::size_t r, std::size_t input) {
            mpz_addmul(sum.get_mpz_t(), w[r].get_mpz_t(), in(0).v[input].get_mpz_t());
          });
          sum *= of_sum;
        }
      }
      if (node.bias != Bias::none)
        for (std::size_t h = 0; h < node.width; ++h) y.v[h] += theta.bias.rows[0][network_.bias_of(i, h)] * of_bias;
      y.divisor = in(0).divisor * common;
      return y;
    }
    budget_.spend((100 + 10 * words * words) * Products(node.terms() + 1) * node.width);
    y.divisor = in(0).divisor;
    switch (node.op) {
      case Op::activation: {
        const bool relu = node.activation.function == Function::relu,
                   leaky = node.activation.function == Function::leaky_relu;
        const mpz_class num = node.activation.parameter.get_num(), den = node.activation.parameter.get_den();
        budget_.spend(Products::words(num) * Products::words(den) * node.width);
        for (std::size_t h = 0; h < node.width; ++h) {
          const mpz_class& v = in(0).v[h];
          y.v[h] = relu ? std::max(mpz_class(0), v) : leaky ? mpz_class(v * (v < 0 ? num : den)) : v;
        }
        if (leaky) y.divisor *= den;
        break;
      }
      case Op::max_pool:
      case Op::average_pool:
        for (std::size_t p = 0; p < node.width; ++p) {
          bool first = true;
          node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) {
            const mpz_class& v = in(0).v[input];
            y.v[p] = node.op == Op::average_pool ? mpz_class(y.v[p] + v) : first ? v : std::max(y.v[p], v);
            first = false;
          });
        }
        if (node.op == Op::average_pool) y.divisor *= static_cast<unsigned long>(pool_length(node));
        break;
      case Op::batch_norm: {
        const mpz_class common = lcm(node.scale->divisor, node.shift->divisor);
        const mpz_class of_scale = common / node.scale->divisor,
                        of_shift = common / node.shift->divisor * in(0).divisor;
        for (std::size_t h = 0; h < node.width; ++h) {
          const std::size_t c = node.norm_entry(h);
          y.v[h] = in(0).v[h] * node.scale->rows[0][c] * of_scale + node.shift->rows[0][c] * of_shift;
        }
        y.divisor *= common;
        break;
      }
      default: {  // sum, concat and select
        y.divisor = 1;
        for (std::size_t n = 0; n < node.inputs.size(); ++n) y.divisor = lcm(y.divisor, in(n).divisor);
        for (std::size_t n = 0; n < node.inputs.size(); ++n) {
          const mpz_class factor = y.divisor / in(n).divisor;
          for (std::size_t h = 0; h < in(n).v.size(); ++h) {
            const std::size_t to = node.place(n, h);
            if (to != Node::kNowhere) y.v[to] += in(n).v[h] * factor;
          }
        }
      }
    }
    return y;
  }

  const Network& network_;
  std::vector<std::size_t> nodes_;
  const std::map<std::size_t, Parameters>& theta_;
  Budget& budget_;
  std::map<std::size_t, std::size_t> last_use_;
  std::map<std::size_t, std::vector<Values>> known_;  // of nodes that are still needed, at all breakpoints
};

}  // namespace

std::vector<Values> walk(const Network& network, std::size_t target, const std::map<std::size_t, Parameters>& theta,
                         const Values& from, const Values& to, Budget& budget) {
  return Walker(network, target, theta, budget).run(from, to);
}

mpq_class margin_power(const Values& f, std::size_t j, std::size_t k, unsigned bits, Budget& budget) {
  const Products words = Products::words(f.v[j]) + Products::words(f.v[k]) + Products::words(f.divisor),
                 series = 1 + Products(bits) / 64;
  budget.spend(12'000 + 800 * series * series + 40 * words * words);
  mpq_class margin(f.v[j] - f.v[k], f.divisor);
  margin.canonicalize();
  return short_above(exp_minus(margin, bits).high);
}

}  // namespace widecheck
