#include "evaluate/units.h"

#include <algorithm>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::size_t kMostTerms = 20'000'000, kMaxBits = 65'536;

// The values of a node: rows over one divisor.
struct Affine {
  std::vector<Units::Row> rows;
  mpz_class divisor = 1;
};

// A sum of multiples of rows.
class Sum {
 public:
  explicit Sum(Budget& budget) : budget_(budget) {}

  void add(const Units::Row& row, const mpz_class& factor) {
    if (factor == 0) return;
    const Products words = Products::words(factor);
    Products all = 40;
    for (const auto& [source, weight] : row.terms) all += 30 + words * Products::words(weight);
    budget_.spend(all + words * Products::words(row.constant));
    for (const auto& [source, weight] : row.terms) {
      if (source >= values_.size()) values_.resize(source + 1);
      if (values_[source] == 0) touched_.push_back(source);
      values_[source] += weight * factor;
    }
    constant_ += row.constant * factor;
  }
  void add_constant(const mpz_class& v) { constant_ += v; }

  Units::Row take() {
    std::sort(touched_.begin(), touched_.end());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
    budget_.spend(100 * (Products(touched_.size()) + 1));
    Units::Row row;
    for (std::size_t s : touched_) {
      if (values_[s] != 0) row.terms.emplace_back(s, std::move(values_[s]));
      values_[s] = 0;
    }
    touched_.clear();
    row.constant = std::move(constant_);
    constant_ = 0;
    return row;
  }

 private:
  Budget& budget_;
  std::vector<mpz_class> values_;  // by source
  std::vector<std::size_t> touched_;
  mpz_class constant_;
};

class Reader {
 public:
  Reader(const Network& network, const std::map<std::size_t, Parameters>& theta, Budget& budget)
      : network_(network), theta_(theta), budget_(budget), sum_(budget) {}

  Units run(std::size_t output) {
    const auto nodes = network_.below(output);
    std::map<std::size_t, std::size_t> last_use;
    for (std::size_t i : nodes)
      for (std::size_t input : network_.node(i).inputs) last_use[input] = i;
    std::size_t next = network_.node(0).width;
    units_.inputs = next;
    for (std::size_t i : nodes) {
      const Node& node = network_.node(i);
      if (node.op == Op::input) {
        known_[i] = sources(0, node.width);
      } else if (node.op == Op::activation && node.activation.function != Function::identity) {
        const Affine& in = known_.at(node.inputs[0]);
        units_.layers.push_back({node.activation, next, in.divisor, in.rows});
        known_[i] = sources(next, node.width);
        next += node.width;
      } else {
        Affine made = affine(i);
        known_[i] = std::move(made);
      }
      check(known_.at(i));
      for (std::size_t input : node.inputs)
        if (last_use.at(input) == i) known_.erase(input);
    }
    Affine& out = known_.at(output);
    units_.layers.push_back({{Function::identity, 1, ""}, next, out.divisor, std::move(out.rows)});
    return std::move(units_);
  }

 private:
  Affine sources(std::size_t first, std::size_t count) const {
    budget_.spend(200 * Products(count));
    Affine a;
    for (std::size_t s = 0; s < count; ++s) a.rows.push_back({{{first + s, 1}}, 0});
    return a;
  }
  void check(const Affine& a) {
    const auto small = [](const mpz_class& v) {
      if (mpz_sizeinbase(v.get_mpz_t(), 2) > kMaxBits) throw Malformed("too-large", "forms of more than 65,536 bits");
    };
    small(a.divisor);
    for (const Units::Row& row : a.rows) {
      small(row.constant);
      for (const auto& [source, weight] : row.terms) small(weight);
      terms_ += row.terms.size();
    }
    if (terms_ > kMostTerms) throw Malformed("too-large", "units that read more than 20 million terms together");
  }

  Affine affine(std::size_t i) {
    const Node& node = network_.node(i);
    const auto in = [&](std::size_t n) -> const Affine& { return known_.at(node.inputs[n]); };
    Affine out;
    switch (node.op) {
      case Op::activation:  // the identity
        return in(0);
      case Op::linear: {
        const Parameters& theta = theta_.at(i);
        const mpz_class common = lcm(theta.weights.divisor, theta.bias.divisor),
                        of_sum = common / theta.weights.divisor, of_bias = common / theta.bias.divisor * in(0).divisor;
        const Products longest = Products::words(common) + Products::words(of_bias);
        for (std::size_t h = 0; h < node.width; ++h) {
          const auto& w = theta.weights.rows[network_.filter_of(i, h)];
          budget_.spend((20 + longest * longest) * Products(w.size() + 1));
          node.patches.for_each_seen(
              h / node.filters, [&](std::size_t r, std::size_t input) { sum_.add(in(0).rows[input], w[r] * of_sum); });
          if (node.bias != Bias::none) sum_.add_constant(theta.bias.rows[0][network_.bias_of(i, h)] * of_bias);
          out.rows.push_back(sum_.take());
        }
        out.divisor = in(0).divisor * common;
        return out;
      }
      case Op::average_pool:
        for (std::size_t h = 0; h < node.width; ++h) {
          node.patches.for_each_seen(h, [&](std::size_t, std::size_t input) { sum_.add(in(0).rows[input], 1); });
          out.rows.push_back(sum_.take());
        }
        out.divisor = in(0).divisor * static_cast<unsigned long>(pool_length(node));
        return out;
      case Op::sum:
      case Op::concat:
      case Op::select: {
        for (std::size_t n = 0; n < node.inputs.size(); ++n) out.divisor = lcm(out.divisor, in(n).divisor);
        struct Part {
          std::size_t input, entry;
        };
        std::vector<std::vector<Part>> parts(node.width);
        for (std::size_t n = 0; n < node.inputs.size(); ++n) {
          budget_.spend(50 * Products(in(n).rows.size()));
          for (std::size_t h = 0; h < in(n).rows.size(); ++h)
            if (const std::size_t to = node.place(n, h); to != Node::kNowhere) parts[to].push_back({n, h});
        }
        std::vector<mpz_class> factors;
        for (std::size_t n = 0; n < node.inputs.size(); ++n) factors.push_back(out.divisor / in(n).divisor);
        for (const auto& entry : parts) {
          for (const Part& part : entry) sum_.add(in(part.input).rows[part.entry], factors[part.input]);
          out.rows.push_back(sum_.take());
        }
        return out;
      }
      case Op::batch_norm: {
        const mpz_class common = lcm(node.scale->divisor, node.shift->divisor), of_scale = common / node.scale->divisor,
                        of_shift = common / node.shift->divisor * in(0).divisor;
        budget_.spend(Products(node.width) * (50 + Products::words(of_scale) + Products::words(of_shift)));
        for (std::size_t h = 0; h < node.width; ++h) {
          const std::size_t at = node.norm_entry(h);
          sum_.add(in(0).rows[h], node.scale->rows[0][at] * of_scale);
          sum_.add_constant(node.shift->rows[0][at] * of_shift);
          out.rows.push_back(sum_.take());
        }
        out.divisor = in(0).divisor * common;
        return out;
      }
      default:
        throw Rejected("unsupported", "layer " + node.name + ": max pooling is no sum of units");
    }
  }

  const Network& network_;
  const std::map<std::size_t, Parameters>& theta_;
  Budget& budget_;
  Sum sum_;
  Units units_;
  std::map<std::size_t, Affine> known_;  // of nodes that are still needed
  std::size_t terms_ = 0;
};

}  // namespace

Units units_of(const Network& network, std::size_t output, const std::map<std::size_t, Parameters>& theta,
               Budget& budget) {
  return Reader(network, theta, budget).run(output);
}

void require_factor(const Units& network, const Tensor& directions, const Tensor& forms, Budget& budget) {
  const std::size_t count = directions.rows.size();
  const Products words = Products::words(directions.divisor) + Products::words(forms.divisor);
  const mpz_class one = directions.divisor * forms.divisor;
  const auto pay = [&](Products length, Products numbers) {
    for (std::size_t k = 0; k < count; ++k)
      length = length + Products::words(largest(directions.rows[k])) + Products::words(largest(forms.rows[k]));
    budget.spend((50 + 4 * (length + words) * (length + words)) * numbers);
  };
  pay(1, Products(count) * count * network.inputs);
  for (std::size_t k = 0; k < count; ++k)
    for (std::size_t l = 0; l < count; ++l) {
      mpz_class product = 0;
      for (std::size_t i = 0; i < network.inputs; ++i) product += forms.rows[k][i] * directions.rows[l][i];
      require(product == (k == l ? one : mpz_class(0)), "other-inputs", "forms and directions are not dual");
    }
  for (const Units::Layer& layer : network.layers) {
    for (const Units::Row& row : layer.rows) {
      if (row.terms.empty() || row.terms.front().first >= network.inputs) continue;
      budget.spend(50 * (1 + Products(network.inputs)));
      std::vector<mpz_class> reads(network.inputs), along(count);
      Products length = 1;
      for (const auto& [source, weight] : row.terms) {
        if (source >= network.inputs) break;
        reads[source] = weight;
        length = std::max(length, Products::words(weight));
      }
      pay(length, Products(count + 1) * network.inputs);
      for (std::size_t k = 0; k < count; ++k)
        for (std::size_t i = 0; i < network.inputs; ++i) along[k] += reads[i] * directions.rows[k][i];
      for (std::size_t i = 0; i < network.inputs; ++i) {
        mpz_class sum = 0;
        for (std::size_t k = 0; k < count; ++k) sum += along[k] * forms.rows[k][i];
        require(sum == reads[i] * one, "other-inputs", "a unit does not read the claimed directions only");
      }
    }
  }
}

}  // namespace widecheck
