#include "evaluate/curvature.h"

#include <algorithm>

#include "evaluate/activation.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {

Curvature::Curvature(const Ln2Forward& centre, const mpq_class& radius, unsigned bits)
    : centre_(centre), network_(centre.context().network), budget_(centre.context().budget), bits_(bits) {
  const Context& c = centre.context();
  Products weights = 0;
  for (const auto& [i, theta] : centre.theta()) {
    const Node& node = network_.node(i);
    Box& box = box_[i];
    for (std::size_t r = 0; r < weights_shape(node).lengths.size(); ++r)
      box.weights.push_back(enclose(theta.weights, r, !node.frozen_weights, radius));
    for (const Row& row : box.weights) widen(box.words, row);
    if (node.bias != Bias::none) box.bias = enclose(theta.bias, 0, node.free_bias(), radius);
    weights += (Products(node.terms()) + 10) * node.width;
  }
  const Products words = 2 + Products(bits) / 32;
  budget_.spend((300 + 8 * words * words) * weights * c.data.size());
  const std::vector<std::size_t> nodes = network_.below(centre.target());
  for (std::size_t i : nodes) {
    const Node& node = network_.node(i);
    if (node.op == Op::activation) budget_.spend(2 * series_cost(node.activation, bits) * node.width * c.data.size());
  }
  c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) {
    std::map<std::size_t, Row> rows;
    for (const mpz_class& v : x) {
      const mpz_class scaled = v << bits_;
      rows[0].push_back({floor_div(scaled, c.data.divisor()), ceil_div(scaled, c.data.divisor())});
    }
    for (std::size_t i : nodes) {
      if (i == 0) continue;
      const Node& node = network_.node(i);
      if (node.op == Op::activation) {
        const Row& in = rows.at(node.inputs[0]);
        Row& hull = hull_.try_emplace(i, in).first->second;
        for (std::size_t h = 0; h < in.size(); ++h) {
          hull[h].low = std::min(hull[h].low, in[h].low);
          hull[h].high = std::max(hull[h].high, in[h].high);
        }
      }
      rows[i] = values(i, rows);
    }
  });
  for (std::size_t i : nodes) label(i);
}

void Curvature::widen(Products& words, const Row& row) {
  for (const Ends& e : row)
    for (const mpz_class* v : {&e.low, &e.high})
      if (words < Products::words(*v)) words = Products::words(*v);
}

Curvature::Row Curvature::enclose(const Ln2Tensor& tensor, std::size_t r, bool free, const mpq_class& radius) const {
  const Interval l = log(2, bits_ + 8);
  const mpz_class one = mpz_class(1) << bits_;
  const std::size_t length =
      tensor.rational.rows.empty() ? tensor.times_ln2.rows[r].size() : tensor.rational.rows[r].size();
  Row row;
  for (std::size_t k = 0; k < length; ++k) {
    Interval v{0, 0};
    Products words = Products(bits_) / 64;
    const auto add = [&](const Tensor& part, const Interval& factor) {
      if (part.rows.empty()) return;
      mpq_class entry(part.rows[r][k], part.divisor);
      entry.canonicalize();
      words += Products::words(entry.get_num()) + Products::words(entry.get_den());
      v.low += entry * (entry < 0 ? factor.high : factor.low);
      v.high += entry * (entry < 0 ? factor.low : factor.high);
    };
    add(tensor.rational, {1, 1});
    add(tensor.times_ln2, l);
    budget_.spend(1000 + 40 * words * words);
    if (free) {
      v.low -= radius;
      v.high += radius;
    }
    row.push_back({floor_of(v.low * one), ceil_of(v.high * one)});
  }
  return row;
}

Curvature::Ends Curvature::product(const Ends& a, const Ends& b) const {
  const mpz_class p = a.low * b.low, q = a.low * b.high, r = a.high * b.low, s = a.high * b.high;
  return {floor_shift(std::min({p, q, r, s}), bits_), ceil_shift(std::max({p, q, r, s}), bits_)};
}

// Where s is monotone the values at the ends; else the one in the middle, moved by the Lipschitz constant.
Curvature::Ends Curvature::apply(const Activation& f, const Ends& x) const {
  const mpz_class one = mpz_class(1) << bits_;
  const auto rational = [&](const mpz_class& v) {
    mpq_class q(v, one);
    q.canonicalize();
    return q;
  };
  const auto at = [&](const mpq_class& t) -> Interval {
    if (f.function == Function::identity) return {t, t};
    if (f.function == Function::relu) return t > 0 ? Interval{t, t} : Interval{0, 0};
    if (f.function == Function::leaky_relu) {
      const mpq_class v = t > 0 ? t : mpq_class(f.parameter * t);
      return {v, v};
    }
    return value(f, t, bits_);
  };
  const mpq_class low = rational(x.low), high = rational(x.high);
  const Trend t = trend(f, low, high);
  Interval y;
  if (t.up || t.down) {
    y = {at(t.up ? low : high).low, at(t.up ? high : low).high};
  } else {
    const mpq_class off = lipschitz(f) * (high - low) / 2;
    y = at((low + high) / 2);
    y.low -= off;
    y.high += off;
  }
  return {floor_of(y.low * one), ceil_of(y.high * one)};
}

Curvature::Row Curvature::values(std::size_t i, const std::map<std::size_t, Row>& below) const {
  const Node& node = network_.node(i);
  const auto in = [&](std::size_t k) -> const Row& { return below.at(node.inputs[k]); };
  Row y;
  switch (node.op) {
    case Op::input:
      break;
    case Op::linear: {
      const Box& box = box_.at(i);
      Products most = 1;
      widen(most, in(0));
      budget_.spend(8 * box.words * most * (Products(node.terms()) + 1) * node.width);
      for (std::size_t h = 0; h < node.width; ++h) {
        Ends sum = node.bias == Bias::none ? Ends{0, 0} : box.bias[network_.bias_of(i, h)];
        const Row& w = box.weights[network_.filter_of(i, h)];
        node.patches.for_each_seen(h / node.filters, [&](std::size_t r, std::size_t input) {
          const Ends p = product(w[r], in(0)[input]);
          sum.low += p.low;
          sum.high += p.high;
        });
        if (mpz_sizeinbase(sum.low.get_mpz_t(), 2) > 65'536 || mpz_sizeinbase(sum.high.get_mpz_t(), 2) > 65'536)
          throw Malformed("too-large", "intervals of more than 65,536 bits; refused");
        y.push_back(sum);
      }
      break;
    }
    case Op::activation:
      require(!is_step(node.activation.function), "unsupported", "a box over steps");
      for (const Ends& x : in(0)) y.push_back(apply(node.activation, x));
      break;
    case Op::max_pool:
    case Op::average_pool:
      for (std::size_t p = 0; p < node.patches.count(); ++p) {
        Ends sum{0, 0};
        bool first = true;
        node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) {
          const Ends& x = in(0)[input];
          if (node.op == Op::average_pool || first) {
            sum.low += x.low;
            sum.high += x.high;
          } else {
            sum.low = std::max(sum.low, x.low);
            sum.high = std::max(sum.high, x.high);
          }
          first = false;
        });
        if (node.op == Op::average_pool) {
          const mpz_class length = static_cast<unsigned long>(pool_length(node));
          sum = {floor_div(sum.low, length), ceil_div(sum.high, length)};
        }
        y.push_back(sum);
      }
      break;
    case Op::sum:
      y = in(0);
      for (std::size_t k = 1; k < node.inputs.size(); ++k) {
        for (std::size_t h = 0; h < y.size(); ++h) {
          y[h].low += in(k)[h].low;
          y[h].high += in(k)[h].high;
        }
      }
      break;
    case Op::concat:
    case Op::select:
      y.resize(node.width);
      for (std::size_t k = 0; k < node.inputs.size(); ++k)
        for (std::size_t h = 0; h < in(k).size(); ++h)
          if (const std::size_t to = node.place(k, h); to != Node::kNowhere) y[to] = in(k)[h];
      break;
    case Op::batch_norm:
      for (std::size_t h = 0; h < node.width; ++h) {
        const std::size_t c = node.norm_entry(h);
        const mpz_class &a = node.scale->rows[0][c], &d = node.scale->divisor;
        const mpz_class shift = node.shift->rows[0][c] << bits_;
        const mpz_class p = a * in(0)[h].low, q = a * in(0)[h].high;
        y.push_back({floor_div(std::min(p, q), d) + floor_div(shift, node.shift->divisor),
                     ceil_div(std::max(p, q), d) + ceil_div(shift, node.shift->divisor)});
      }
      break;
  }
  return y;
}

BendLabel Curvature::sum(const std::vector<std::pair<BendLabel, Ends>>& terms) const {
  BendLabel all{true, true, true, true, "", ""};
  for (const auto& [x, w] : terms) {
    if (w.low == 0 && w.high == 0) continue;
    all.constant = all.constant && x.constant;
    all.affine = all.affine && x.affine;
    if (x.affine) continue;
    all.bent = x.bent;
    const bool up = w.low >= 0, down = w.high <= 0;
    const bool convex = (x.convex && up) || (x.concave && down), concave = (x.concave && up) || (x.convex && down);
    if (!convex || !concave)
      if (all.lost[0] == '\0' || !(convex || concave)) all.lost = x.convex || x.concave ? "sign" : x.lost;
    all.convex = all.convex && convex;
    all.concave = all.concave && concave;
  }
  return all;
}

BendLabel Curvature::bent(const Activation& f, const Ends& range, const BendLabel& x) const {
  if (x.constant) return x;
  const bool above = range.low >= 0, below = range.high <= 0;
  if (f.function == Function::identity || (piecewise_linear(f.function) && above)) return x;
  if (f.function == Function::relu && below) return {true, true, true, true, "", ""};
  if (f.function == Function::leaky_relu && below) {
    if (f.parameter > 0) return x;
    return {x.constant, x.affine, x.concave, x.convex, x.lost, x.bent};
  }
  const mpz_class one = mpz_class(1) << bits_;
  mpq_class low(range.low, one), high(range.high, one);
  low.canonicalize();
  high.canonicalize();
  const Bend b = bend(f, low, high);
  const Trend t = trend(f, low, high);
  BendLabel y;
  y.convex = b.convex && (x.affine || (x.convex && t.up) || (x.concave && t.down));
  y.concave = b.concave && (x.affine || (x.concave && t.up) || (x.convex && t.down));
  y.bent = piecewise_linear(f.function) ? "kink" : "curvature";
  y.lost = x.affine || x.convex || x.concave ? y.bent : x.lost;
  return y;
}

void Curvature::label(std::size_t i) {
  const Node& node = network_.node(i);
  std::vector<BendLabel>& labels = labels_[i];
  const auto in = [&](std::size_t k) -> const std::vector<BendLabel>& { return labels_.at(node.inputs[k]); };
  const Ends one{1, 1};
  budget_.spend(200 * (Products(node.terms()) + 10) * node.width);
  switch (node.op) {
    case Op::input:
      labels.assign(node.width, {false, true, true, true, "", ""});
      break;
    case Op::linear:
      for (std::size_t h = 0; h < node.width; ++h) {
        std::vector<std::pair<BendLabel, Ends>> terms;
        const Row& w = box_.at(i).weights[network_.filter_of(i, h)];
        node.patches.for_each_seen(h / node.filters,
                                   [&](std::size_t r, std::size_t input) { terms.emplace_back(in(0)[input], w[r]); });
        labels.push_back(sum(terms));
      }
      break;
    case Op::activation:
      for (std::size_t h = 0; h < node.width; ++h) labels.push_back(bent(node.activation, hull_.at(i)[h], in(0)[h]));
      break;
    case Op::max_pool:
      for (std::size_t p = 0; p < node.patches.count(); ++p) {
        BendLabel all{true, false, true, false, "curvature", "kink"};
        node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) {
          all.constant = all.constant && in(0)[input].constant;
          all.convex = all.convex && in(0)[input].convex;
        });
        if (all.constant) all = {true, true, true, true, "", ""};
        labels.push_back(all);
      }
      break;
    case Op::average_pool:
      for (std::size_t p = 0; p < node.patches.count(); ++p) {
        std::vector<std::pair<BendLabel, Ends>> terms;
        node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) { terms.emplace_back(in(0)[input], one); });
        labels.push_back(sum(terms));
      }
      break;
    case Op::sum:
      for (std::size_t h = 0; h < node.width; ++h) {
        std::vector<std::pair<BendLabel, Ends>> terms;
        for (std::size_t k = 0; k < node.inputs.size(); ++k) terms.emplace_back(in(k)[h], one);
        labels.push_back(sum(terms));
      }
      break;
    case Op::concat:
    case Op::select:
      labels.resize(node.width);
      for (std::size_t k = 0; k < node.inputs.size(); ++k)
        for (std::size_t h = 0; h < in(k).size(); ++h)
          if (const std::size_t to = node.place(k, h); to != Node::kNowhere) labels[to] = in(k)[h];
      break;
    case Op::batch_norm:
      for (std::size_t h = 0; h < node.width; ++h) {
        const mpz_class a = node.scale->rows[0][node.norm_entry(h)];
        labels.push_back(sum({{in(0)[h], {a, a}}}));
      }
      break;
  }
}

BendLabel Curvature::of(const std::vector<mpq_class>& u) const {
  const std::size_t output = centre_.target();
  const Node& node = network_.node(output);
  const auto times = [&](const mpq_class& factor, const Ends& w) -> Ends {
    const mpq_class a = factor * w.low, b = factor * w.high;
    return {floor_of(std::min(a, b)), ceil_of(std::max(a, b))};
  };
  Products words = Products(bits_) / 64 + 1;
  for (const mpq_class& v : u) words += Products::words(v.get_num()) + Products::words(v.get_den());
  budget_.spend((500 + 8 * words * words) * (Products(node.terms()) + 1) * node.width);
  std::vector<std::pair<BendLabel, Ends>> terms;
  if (node.op != Op::linear) {
    for (std::size_t j = 0; j < node.width; ++j)
      terms.emplace_back(outputs()[j], times(u[j], {mpz_class(1) << bits_, mpz_class(1) << bits_}));
    return sum(terms);
  }
  const std::vector<BendLabel>& below = labels_.at(node.inputs[0]);
  Row together(below.size(), {0, 0});
  for (std::size_t j = 0; j < node.width; ++j) {
    const Row& w = box_.at(output).weights[network_.filter_of(output, j)];
    node.patches.for_each_seen(j / node.filters, [&](std::size_t r, std::size_t input) {
      const Ends part = times(u[j], w[r]);
      together[input].low += part.low;
      together[input].high += part.high;
    });
  }
  for (std::size_t h = 0; h < below.size(); ++h) terms.emplace_back(below[h], together[h]);
  return sum(terms);
}

}  // namespace widecheck
