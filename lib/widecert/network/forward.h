// The forward pass, once for every scalar: Rational and Ln2 (exact), Ball (enclosing), double (fast, not a
// bound) and Residue<p> (linear parts modulo p).
//
// Values follow Definition 2.1 of Nguyen & Hein 2018: neuron h = p T + t (0-based) of a linear node
// is <w^t, f^p(x)> + b_h. The value at a linear node is a row of G_k, at its activation a row of
// F_k.
#pragma once

#include <widecert/network/architecture.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>
#include <widecert/number/stop.h>

#include <map>
#include <type_traits>
#include <vector>

namespace widecert {

template <class S>
struct LinearParameters {
  std::vector<std::vector<S>> weights;  // one row per filter
  std::vector<S> bias;                  // by Architecture::bias_index; empty without bias
};
template <class S>
using Parameters = std::map<std::size_t, LinearParameters<S>>;  // by node

template <class S>
S from_rational(const Rational& x) {
  if constexpr (std::is_same_v<S, Rational>) {
    return x;
  } else if constexpr (std::is_same_v<S, Ball>) {
    return Ball::enclosing(x);
  } else if constexpr (std::is_same_v<S, double>) {
    return x.convert_to<double>();
  } else {
    return S::from_rational(x);
  }
}

namespace detail {

template <class S>
concept HasOrder =
    std::is_same_v<S, Rational> || std::is_same_v<S, Ln2> || std::is_same_v<S, Ball> || std::is_same_v<S, double>;

template <class S>
S larger(const S& a, const S& b) {
  if constexpr (std::is_same_v<S, Ball>) {
    return max(a, b);
  } else if constexpr (HasOrder<S>) {
    return a < b ? b : a;
  } else {
    throw InputError("max pooling is not defined on residues: there is no order on GF(p)");
  }
}

template <class S>
std::vector<S> pool(const Node& node, PoolSpec::Kind kind, const std::vector<S>& x) {
  std::vector<S> y;
  y.reserve(node.width);
  std::vector<std::int64_t> entries;
  for (std::size_t p = 0; p < node.patches->count(); ++p) {
    node.patches->expand(p, entries);
    bool first = true;
    S value(0);
    for (std::int64_t e : entries) {
      if (e == kPadding) continue;
      if (first || kind == PoolSpec::Kind::average) {
        value = first ? x[e] : S(value + x[e]);
      } else {
        value = larger(value, x[e]);
      }
      first = false;
    }
    if (kind == PoolSpec::Kind::average) {
      value *= from_rational<S>(Rational(1, static_cast<unsigned long>(entries.size())));
    }
    y.push_back(value);
  }
  return y;
}

template <class S>
std::vector<S> linear(const Architecture& network, std::size_t index, const LinearParameters<S>& theta,
                      const std::vector<S>& x) {
  const Node& node = network.node(index);
  std::vector<S> y;
  y.reserve(node.width);
  std::vector<std::int64_t> entries;
  for (std::size_t p = 0; p < node.patches->count(); ++p) {
    node.patches->expand(p, entries);
    const std::size_t bank = node.patches->bank(p);
    for (std::size_t t = 0; t < node.filters; ++t) {
      if (entries.size() > 64 || t % 64 == 0) poll();
      const std::vector<S>& w = theta.weights[bank * node.filters + t];
      S sum = theta.bias.empty() ? S(0) : theta.bias[network.bias_index(index, y.size())];
      for (std::size_t r = 0; r < entries.size(); ++r)
        if (entries[r] != kPadding) sum += w[r] * x[entries[r]];
      y.push_back(std::move(sum));
    }
  }
  return y;
}

}  // namespace detail

// Exact or enclosing parameters from rational tensors.
template <class S>
LinearParameters<S> convert_parameters(const Tensor& weights, const Tensor& bias) {
  LinearParameters<S> theta;
  for (const auto& row : weights) {
    auto& out = theta.weights.emplace_back();
    for (const Rational& w : row) out.push_back(from_rational<S>(w));
  }
  if (!bias.empty())
    for (const Rational& b : bias.front()) theta.bias.push_back(from_rational<S>(b));
  return theta;
}

// The values of node `target` and all it depends on, by node index (others stay empty); those of a linear node from
// linear(its index, what it reads). Throws ShapeError if x has the wrong length.
template <class S, class Linear>
std::vector<std::vector<S>> forward_with(const Architecture& network, const std::vector<S>& x, std::size_t target,
                                         const Linear& linear) {
  if (x.size() != network.input_width()) {
    throw ShapeError("a sample of " + std::to_string(x.size()) + " features for a network with " +
                     std::to_string(network.input_width()) + " inputs");
  }
  std::vector<std::vector<S>> value(target + 1);
  for (std::size_t i : network.ancestors(target)) {
    const Node& node = network.node(i);
    const auto& in = [&]() -> const std::vector<S>& { return value[node.inputs.at(0)]; };
    std::visit(
        overloaded{[&](const InputSpec&) { value[i] = x; }, [&](const LinearSpec&) { value[i] = linear(i, in()); },
                   [&](const ActivationSpec& activation) {
                     for (const S& t : in()) value[i].push_back(evaluate(activation.function, t));
                   },
                   [&](const PoolSpec& pool) { value[i] = detail::pool(node, pool.kind, in()); },
                   [&](const SumSpec&) {
                     value[i] = in();
                     for (std::size_t k = 1; k < node.inputs.size(); ++k)
                       for (std::size_t j = 0; j < node.width; ++j) value[i][j] += value[node.inputs[k]][j];
                   },
                   [&](const ConcatSpec&) {
                     const std::size_t positions = node.width / node.shape.back();
                     for (std::size_t position = 0; position < positions; ++position) {
                       for (std::size_t input : node.inputs) {
                         const std::size_t channels = network.node(input).shape.back();
                         const auto from = value[input].begin() + static_cast<std::ptrdiff_t>(position * channels);
                         value[i].insert(value[i].end(), from, from + static_cast<std::ptrdiff_t>(channels));
                       }
                     }
                   },
                   [&](const SelectSpec&) {
                     value[i].assign(node.width, S(0));
                     for (std::size_t k = 0; k < node.inputs.size(); ++k) {
                       const std::vector<S>& from = value[node.inputs[k]];
                       for (std::size_t h = 0; h < from.size(); ++h)
                         if (const std::size_t to = node.place(k, h); to != Node::kNowhere) value[i][to] = from[h];
                     }
                   },
                   [&](const BatchNormSpec& norm) {
                     const TensorShape shape = network.norm_shape(i);
                     const Tensor scale = expand(norm.scale, shape, "scale"),
                                  shift = expand(norm.shift, shape, "shift");
                     for (std::size_t j = 0; j < node.width; ++j) {
                       const std::size_t c = j % shape[0];
                       value[i].push_back(in()[j] * from_rational<S>(scale[0][c]) + from_rational<S>(shift[0][c]));
                     }
                   }},
        node.spec);
  }
  return value;
}

// The same at parameters. Throws ShapeError also if a linear node has none.
template <class S>
std::vector<std::vector<S>> forward(const Architecture& network, const Parameters<S>& theta, const std::vector<S>& x,
                                    std::size_t target) {
  return forward_with(network, x, target, [&](std::size_t i, const std::vector<S>& in) {
    const auto found = theta.find(i);
    if (found == theta.end()) throw ShapeError("no parameters for layer \"" + network.node(i).name + "\"");
    return detail::linear(network, i, found->second, in);
  });
}

// The value of `target` alone: a row of F_k (activation) or G_k (linear node).
template <class S>
std::vector<S> node_value(const Architecture& network, const Parameters<S>& theta, const std::vector<S>& x,
                          std::size_t target) {
  return std::move(forward(network, theta, x, target)[target]);
}

}  // namespace widecert
