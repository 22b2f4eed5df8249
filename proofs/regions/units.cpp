#include "proofs/regions/units.h"

namespace widecert {
namespace {

using Row = Units::Row;
using Rows = std::vector<Row>;

// A sum of multiples of rows.
class Sum {
 public:
  void add(const Row& row, const Rational& by) {
    if (by == 0) return;
    for (const auto& [source, weight] : row.terms) {
      if (source >= values_.size()) {
        values_.resize(source + 1);
        touched_.resize(source + 1);
      }
      touched_[source] = true;
      first_ = std::min(first_, source);
      last_ = std::max(last_, source + 1);
      values_[source] += weight * by;
    }
    constant_ += row.constant * by;
  }
  void add(const Rational& constant) { constant_ += constant; }
  Row take() {
    Row row;
    for (std::size_t s = first_; s < last_; ++s) {
      if (!touched_[s]) continue;
      if (values_[s] != 0) row.terms.emplace_back(s, values_[s]);
      values_[s] = 0;
      touched_[s] = false;
    }
    first_ = static_cast<std::size_t>(-1);
    last_ = 0;
    row.constant = constant_;
    constant_ = 0;
    return row;
  }

 private:
  std::vector<Rational> values_;
  std::vector<bool> touched_;
  std::size_t first_ = static_cast<std::size_t>(-1), last_ = 0;
  Rational constant_ = 0;
};

Rows sources(std::size_t first, std::size_t count) {
  Rows rows;
  for (std::size_t s = 0; s < count; ++s) rows.push_back({{{first + s, 1}}, 0});
  return rows;
}

}  // namespace

Row combination(const Rational& a, const Row& x, const Rational& b, const Row& y) {
  Sum sum;
  sum.add(x, a);
  sum.add(y, b);
  return sum.take();
}

Units units_of(const Architecture& network, const PointSpec& point, std::size_t output) {
  const auto theta = parameters_at<Rational>(network, point, output);
  Units units;
  units.inputs = network.input_width();
  std::size_t next = units.inputs;
  std::map<std::size_t, Rows> known;
  Sum sum;
  std::vector<std::int64_t> entries;
  for (std::size_t i : network.ancestors(output)) {
    const Node& node = network.node(i);
    const auto in = [&](std::size_t n) -> const Rows& { return known.at(node.inputs[n]); };
    Rows& out = known[i];
    std::visit(overloaded{[&](const InputSpec&) { out = sources(0, node.width); },
                          [&](const ActivationSpec& f) {
                            if (f.function.kind == ActivationKind::identity) {
                              out = in(0);
                              return;
                            }
                            units.layers.push_back({f.function, next, in(0)});
                            out = sources(next, node.width);
                            next += node.width;
                          },
                          [&](const LinearSpec&) {
                            const auto& [weights, bias] = theta.at(i);
                            for (std::size_t h = 0; h < node.width; ++h) {
                              poll();
                              node.patches->expand(h / node.filters, entries);
                              const auto& w = weights[network.filter_index(i, h)];
                              for (std::size_t r = 0; r < entries.size(); ++r)
                                if (entries[r] != kPadding) sum.add(in(0)[static_cast<std::size_t>(entries[r])], w[r]);
                              if (!bias.empty()) sum.add(bias[network.bias_index(i, h)]);
                              out.push_back(sum.take());
                            }
                          },
                          [&](const PoolSpec& pool) {
                            if (pool.kind == PoolSpec::Kind::max)
                              throw InputError("layer " + node.name + ": max pooling is no sum of units");
                            for (std::size_t h = 0; h < node.width; ++h) {
                              node.patches->expand(h, entries);
                              const Rational share(1, static_cast<unsigned long>(entries.size()));
                              for (std::int64_t e : entries)
                                if (e != kPadding) sum.add(in(0)[static_cast<std::size_t>(e)], share);
                              out.push_back(sum.take());
                            }
                          },
                          [&](const SumSpec&) {
                            for (std::size_t h = 0; h < node.width; ++h) {
                              for (std::size_t n = 0; n < node.inputs.size(); ++n) sum.add(in(n)[h], 1);
                              out.push_back(sum.take());
                            }
                          },
                          [&](const ConcatSpec&) {
                            for (std::size_t p = 0; p < node.width / node.shape.back(); ++p) {
                              for (std::size_t n = 0; n < node.inputs.size(); ++n) {
                                const std::size_t channels = network.node(node.inputs[n]).shape.back();
                                for (std::size_t c = 0; c < channels; ++c) out.push_back(in(n)[p * channels + c]);
                              }
                            }
                          },
                          [&](const SelectSpec&) {
                            out.resize(node.width);
                            for (std::size_t n = 0; n < node.inputs.size(); ++n)
                              for (std::size_t h = 0; h < in(n).size(); ++h)
                                if (const std::size_t to = node.place(n, h); to != Node::kNowhere) out[to] = in(n)[h];
                          },
                          [&](const BatchNormSpec& norm) {
                            const TensorShape shape = network.norm_shape(i);
                            const Tensor scale = expand(norm.scale, shape, "scale"),
                                         shift = expand(norm.shift, shape, "shift");
                            for (std::size_t h = 0; h < node.width; ++h) {
                              sum.add(in(0)[h], scale[0][h % shape[0]]);
                              sum.add(shift[0][h % shape[0]]);
                              out.push_back(sum.take());
                            }
                          }},
               node.spec);
  }
  units.layers.push_back({{}, next, std::move(known.at(output))});
  return units;
}

}  // namespace widecert
