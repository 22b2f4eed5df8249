#include <widecert/network/ln2_values.h>
#include <widecert/number/parallel.h>

namespace widecert {
namespace {

bool has_ln2(const PointSpec& point) {
  const auto is = [](const std::optional<TensorSpec>& spec) {
    return spec && std::holds_alternative<Ln2Tensor>(*spec);
  };
  for (const auto& [name, tensors] : point)
    if (is(tensors.weights) || is(tensors.bias)) return true;
  return false;
}

Ln2Rows rational_values(const Architecture& network, const Dataset& data, const PointSpec& point, std::size_t node,
                        const std::function<void(std::size_t)>& tick) {
  const ExactForward forward(network, integer_point(network, point, node), node, data.divisor(), data.largest());
  Ln2Rows values(data.size());
  parallel_for(data.size(), [&](std::size_t i) {
    std::vector<Integer> x;
    for (std::size_t j = 0; j < data.width(); ++j) x.push_back(data.numerator(i, j));
    for (const Integer& v : forward.large(std::move(x))) values[i].emplace_back(Rational(v, forward.divisor()));
  });
  tick(data.size());
  return values;
}

}  // namespace

Parameters<Ln2> ln2_parameters(const Architecture& network, const PointSpec& point, std::size_t target) {
  Parameters<Ln2> theta;
  for (std::size_t i : linear_nodes(network, target)) {
    const auto& spec = std::get<LinearSpec>(network.node(i).spec);
    const PointTensors tensors = tensors_of(network, point, i);
    theta[i].weights = expand_ln2(tensors.weights, network.weights_shape(i), tensors.weights_name);
    if (spec.bias != BiasMode::none)
      theta[i].bias = expand_ln2(*tensors.bias, network.bias_shape(i), tensors.bias_name).at(0);
  }
  check_nodes(network, point, target);
  return theta;
}

namespace {

using Values = std::vector<std::vector<Ln2>>;  // by node

// Through a pool, to what it reads.
std::vector<Ln2> unpool(const Node& node, PoolSpec::Kind kind, const std::vector<Ln2>& d, const std::vector<Ln2>& x) {
  std::vector<Ln2> below(x.size());
  std::vector<std::int64_t> entries;
  for (std::size_t p = 0; p < node.patches->count(); ++p) {
    node.patches->expand(p, entries);
    const Ln2 share(Rational(1, static_cast<unsigned long>(entries.size())));
    std::optional<std::size_t> best;
    bool twice = false;
    for (std::int64_t e : entries) {
      if (e == kPadding) continue;
      const auto at = static_cast<std::size_t>(e);
      if (kind == PoolSpec::Kind::average) {
        below[at] += d[p] * share;
        continue;
      }
      const int sign = best ? (x[at] - x[*best]).sign() : 1;
      twice = sign == 0 || (twice && sign < 0);
      if (sign > 0) best = at;
    }
    if (twice) throw InputError("layer " + node.name + ": a maximum is taken twice");
    if (best) below[*best] += d[p];
  }
  return below;
}

void add_gradient(const Architecture& network, const Parameters<Ln2>& theta, const Values& value,
                  std::vector<std::vector<Ln2>> d, Parameters<Ln2>& sum) {
  const auto give = [&](std::size_t to, const std::vector<Ln2>& more) {
    if (d[to].empty()) d[to].resize(more.size());
    for (std::size_t h = 0; h < more.size(); ++h) d[to][h] += more[h];
  };
  std::vector<std::int64_t> entries;
  for (std::size_t i = d.size(); i-- > 1;) {
    if (d[i].empty()) continue;
    const Node& node = network.node(i);
    const std::vector<Ln2>& x = value[node.inputs[0]];
    const auto give_back = [&] {
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        std::vector<Ln2> below(network.node(node.inputs[k]).width);
        for (std::size_t h = 0; h < below.size(); ++h)
          if (const std::size_t from = node.place(k, h); from != Node::kNowhere) below[h] = d[i][from];
        give(node.inputs[k], below);
      }
    };
    std::visit(overloaded{[&](const InputSpec&) {},
                          [&](const LinearSpec&) {
                            std::vector<Ln2> below(x.size());
                            for (std::size_t h = 0; h < node.width; ++h) {
                              const std::size_t filter = network.filter_index(i, h);
                              node.patches->expand(h / node.filters, entries);
                              if (!sum[i].bias.empty()) sum[i].bias[network.bias_index(i, h)] += d[i][h];
                              if (d[i][h].is_zero()) continue;
                              for (std::size_t r = 0; r < entries.size(); ++r) {
                                if (entries[r] == kPadding) continue;
                                sum[i].weights[filter][r] += d[i][h] * x[entries[r]];
                                below[entries[r]] += d[i][h] * theta.at(i).weights[filter][r];
                              }
                            }
                            give(node.inputs[0], below);
                          },
                          [&](const ActivationSpec& activation) {
                            std::vector<Ln2> below;
                            for (std::size_t h = 0; h < node.width; ++h)
                              below.push_back(d[i][h] * derivative(activation.function, x[h]));
                            give(node.inputs[0], below);
                          },
                          [&](const PoolSpec& pool) { give(node.inputs[0], unpool(node, pool.kind, d[i], x)); },
                          [&](const SumSpec&) {
                            for (std::size_t input : node.inputs) give(input, d[i]);
                          },
                          [&](const ConcatSpec&) { give_back(); }, [&](const SelectSpec&) { give_back(); },
                          [&](const BatchNormSpec& norm) {
                            const Tensor scale = expand(norm.scale, network.norm_shape(i), "scale");
                            std::vector<Ln2> below;
                            for (std::size_t h = 0; h < node.width; ++h)
                              below.push_back(d[i][h] * Ln2(scale[0][h % scale[0].size()]));
                            give(node.inputs[0], below);
                          }},
               node.spec);
  }
}

}  // namespace

Parameters<Ln2> ln2_gradient(const Architecture& network, const Dataset& data, const Parameters<Ln2>& theta,
                             std::size_t node, const Ln2Rows& d) {
  Parameters<Ln2> sum;
  for (const auto& [i, tensors] : theta) {
    for (const auto& row : tensors.weights) sum[i].weights.emplace_back(row.size());
    sum[i].bias.resize(tensors.bias.size());
  }
  for (std::size_t i = 0; i < data.size(); ++i) {
    poll();
    std::vector<Ln2> x;
    for (const Rational& v : data.sample(i)) x.emplace_back(v);
    std::vector<std::vector<Ln2>> start(node + 1);
    start[node] = d[i];
    add_gradient(network, theta, forward(network, theta, x, node), std::move(start), sum);
  }
  return sum;
}

namespace {

// Integers over one divisor: a coefficient of each entry.
struct Part {
  std::vector<std::vector<Integer>> rows;
  Integer divisor = 1;
};
// By power of ln 2; those that are all 0 have no rows.
std::vector<Part> parts_of(const std::vector<std::vector<Ln2>>& rows) {
  std::vector<Part> parts;
  for (const auto& row : rows) {
    for (const Ln2& v : row) {
      if (v.coefficients().size() > parts.size()) parts.resize(v.coefficients().size());
      for (std::size_t e = 0; e < v.coefficients().size(); ++e)
        parts[e].divisor = lcm(parts[e].divisor, Integer(denominator(v.coefficients()[e])));
    }
  }
  for (std::size_t e = 0; e < parts.size(); ++e) {
    bool any = false;
    for (const auto& row : rows) {
      auto& out = parts[e].rows.emplace_back(row.size());
      for (std::size_t j = 0; j < row.size(); ++j) {
        if (row[j].coefficients().size() <= e || row[j].coefficients()[e] == 0) continue;
        const Rational& v = row[j].coefficients()[e];
        out[j] = numerator(v) * Integer(parts[e].divisor / denominator(v));
        any = true;
      }
    }
    if (!any) parts[e].rows.clear();
  }
  return parts;
}

// Linear nodes in integers: for each power of ln 2 in the weights and in what they read.
class Linear {
 public:
  Linear(const Architecture& network, const Parameters<Ln2>& theta) : network_(network), theta_(theta) {
    for (const auto& [i, tensors] : theta) {
      poll();
      weights_[i] = parts_of(tensors.weights);
    }
  }

  std::vector<Ln2> operator()(std::size_t i, const std::vector<Ln2>& x) const {
    const Node& node = network_.node(i);
    const std::vector<Part>& weights = weights_.at(i);
    const std::vector<Part> in = parts_of({x});
    // Coefficients of the sums, by neuron.
    std::vector<std::vector<Rational>> sums(node.width, std::vector<Rational>(weights.size() + in.size()));
    std::vector<std::int64_t> entries;
    for (std::size_t p = 0; p < node.patches->count(); ++p) {
      node.patches->expand(p, entries);
      for (std::size_t t = 0; t < node.filters; ++t) {
        if (entries.size() > 64 || t % 64 == 0) poll();
        for (std::size_t e = 0; e < weights.size(); ++e) {
          for (std::size_t f = 0; f < in.size(); ++f) {
            if (weights[e].rows.empty() || in[f].rows.empty()) continue;
            const auto& w = weights[e].rows[node.patches->bank(p) * node.filters + t];
            Integer sum = 0;
            for (std::size_t r = 0; r < entries.size(); ++r) {
              if (entries[r] == kPadding || w[r] == 0) continue;
              mpz_addmul(sum.backend().data(), w[r].backend().data(),
                         in[f].rows[0][static_cast<std::size_t>(entries[r])].backend().data());
            }
            if (sum != 0) sums[p * node.filters + t][e + f] += Rational(sum, weights[e].divisor * in[f].divisor);
          }
        }
      }
    }
    const std::vector<Ln2>& bias = theta_.at(i).bias;
    std::vector<Ln2> y;
    for (std::size_t h = 0; h < node.width; ++h) {
      y.emplace_back(std::move(sums[h]));
      if (!bias.empty()) y.back() += bias[network_.bias_index(i, h)];
    }
    return y;
  }

 private:
  const Architecture& network_;
  const Parameters<Ln2>& theta_;
  std::map<std::size_t, std::vector<Part>> weights_;
};

}  // namespace

Ln2Rows ln2_values(const Architecture& network, const Dataset& data, const PointSpec& point, std::size_t node,
                   const std::function<void(std::size_t)>& tick) {
  if (rational_valued(network, node) && !has_ln2(point)) return rational_values(network, data, point, node, tick);
  const Parameters<Ln2> theta = ln2_parameters(network, point, node);
  const Linear linear(network, theta);
  Ln2Rows values(data.size());
  std::atomic<std::size_t> done{0};
  std::mutex guard;
  parallel_for(data.size(), [&](std::size_t i) {
    std::vector<Ln2> x;
    for (const Rational& v : data.sample(i)) x.emplace_back(v);
    values[i] = std::move(forward_with(network, x, node, linear)[node]);
    const std::size_t now = ++done;
    if (now % 64 != 0) return;
    const std::lock_guard lock(guard);
    tick(now);
  });
  return values;
}

}  // namespace widecert
