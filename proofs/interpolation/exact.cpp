#include "proofs/interpolation/exact.h"

#include <fmt/format.h>
#include <widecert/linalg/exact_solve.h>
#include <widecert/number/error.h>

#include <algorithm>

namespace widecert {
namespace {

// A multiple of ln 2, or a rational number, times a tensor.
TensorSpec times(const Ln2& factor, std::vector<std::vector<Rational>> rows) {
  const Rational by = factor.is_rational() ? factor.constant() : factor.coefficients()[1];
  for (auto& row : rows)
    for (Rational& v : row) v *= by;
  if (factor.is_rational()) return ExplicitTensor{std::move(rows)};
  return Ln2Tensor{ExplicitTensor{std::move(rows)}, {}};
}

// An activation at `pre` T, T being 0 or 1 (of piecewise linear ones any T >= 0), is alpha + beta T.
struct Carrier {
  Ln2 pre;
  Rational alpha, beta;
  bool any;  // not 0 and 1 only
};
std::optional<Carrier> carrier(const Activation& f) {
  const auto ln2 = [](const Rational& factor) { return Ln2(std::vector<Rational>{0, factor}); };
  switch (f.kind) {
    case ActivationKind::sigmoid:  // 1/2 and 2/3
      return Carrier{ln2(1), Rational(1, 2), Rational(1, 6), false};
    case ActivationKind::one_minus_sigmoid:
      return Carrier{ln2(1), Rational(1, 2), Rational(-1, 6), false};
    case ActivationKind::tanh:  // 0 and 1/3
      return Carrier{ln2(Rational(1, 2)), 0, Rational(1, 3), false};
    case ActivationKind::relu:
    case ActivationKind::leaky_relu:
    case ActivationKind::identity:
      return Carrier{Ln2(1), 0, 1, true};
    case ActivationKind::cubic_sigmoid:
    case ActivationKind::elu:
    case ActivationKind::softplus:
    case ActivationKind::silu:
    case ActivationKind::gelu:
    case ActivationKind::mish:
    case ActivationKind::gaussian:
    case ActivationKind::softsign:
    case ActivationKind::hard_swish:
    case ActivationKind::step:
    case ActivationKind::half_step:
    case ActivationKind::sign:
      return std::nullopt;
  }
  throw InternalError("an activation missing from the table");
}

}  // namespace

bool speaks_of(const PointSpec& point, const Architecture& network, std::size_t layer) {
  return point.contains(network.node(layer).name);
}

std::optional<Ln2Rows> exact_values(const Instance& instance, const PointSpec& point, std::size_t node,
                                    const Options& options, std::string& why) {
  try {
    return ln2_values(instance.network, instance.data, point, node,
                      [&](std::size_t done) { options.progress("exact values", done, instance.data.size()); });
  } catch (const InputError& error) {
    why = fmt::format("the values of layer {} are not in Q[ln 2]: {}", instance.network.node(node).name, error.what());
    return std::nullopt;
  }
}

std::optional<Outcome> not_zero_loss(const Instance& instance, const PointSpec& point, std::size_t output,
                                     const Tensor& targets, const Options& options) {
  std::string why;
  const auto values = exact_values(instance, point, output, options, why);
  if (!values) return not_applicable("irrational", why);
  for (std::size_t i = 0; i < values->size(); ++i) {
    for (std::size_t h = 0; h < (*values)[i].size(); ++h) {
      if ((*values)[i][h] == Ln2(targets[i][h])) continue;
      return undecided("rows-differ",
                       fmt::format("F_L is not Y at these parameters: sample {} has another output", i + 1));
    }
  }
  return std::nullopt;
}

bool all_rational(const Ln2Rows& values) {
  return std::all_of(values.begin(), values.end(), [](const auto& row) {
    return std::all_of(row.begin(), row.end(), [](const Ln2& v) { return v.is_rational(); });
  });
}

std::optional<NodeTensors> solve_layer(const Architecture& network, std::size_t layer, const Ln2Rows& features,
                                       const Tensor& targets, const Ln2& factor, const Options& options) {
  const auto& spec = std::get<LinearSpec>(network.node(layer).spec);
  const std::size_t n = features.size(), width = features.front().size(), m = targets.front().size();
  IntegerRows a, b;
  for (std::size_t i = 0; i < n; ++i) {
    Integer common = 1;
    for (const Ln2& v : features[i]) common = lcm(common, Integer(denominator(v.constant())));
    for (const Rational& v : targets[i]) common = lcm(common, Integer(denominator(v)));
    const auto scaled = [&](const Rational& v) { return Integer(numerator(v) * Integer(common / denominator(v))); };
    auto& row = a.emplace_back();
    for (const Ln2& v : features[i]) row.push_back(scaled(v.constant()));
    if (spec.free_bias()) row.push_back(common);
    auto& right = b.emplace_back();
    for (const Rational& v : targets[i]) right.push_back(scaled(v));
  }
  if (a.front().size() < n) return std::nullopt;
  const auto solution = solve_exactly(a, b, [&](std::size_t done, std::size_t total) {
    options.progress("exact solution", std::min(done, total), total);
  });
  if (!solution) return std::nullopt;
  const auto entry = [&](std::size_t j, std::size_t t) {
    return t < m ? Rational(solution->numerators[j][t], solution->divisor) : Rational(0);
  };
  const std::size_t neurons = network.node(layer).width;
  std::vector<std::vector<Rational>> weights(neurons), bias(1);
  for (std::size_t t = 0; t < neurons; ++t) {
    for (std::size_t j = 0; j < width; ++j) weights[t].push_back(entry(j, t));
    if (spec.free_bias()) bias[0].push_back(entry(width, t));
  }
  NodeTensors tensors{times(factor, std::move(weights)), {}};
  if (spec.free_bias()) tensors.bias = times(factor, std::move(bias));
  return tensors;
}

std::optional<PointSpec> carry(const Architecture& network, const LayersAbove& above, const Ln2Rows& features,
                               const Tensor& targets, const Options& options, std::string& why) {
  const std::size_t m = targets.front().size();
  const auto fail = [&](std::string text) {
    why = std::move(text);
    return std::nullopt;
  };
  // Y = shift + scale T with T >= 0; without layers between T is Y.
  Rational low = targets[0][0], high = low;
  bool two = true;
  for (const auto& row : targets) {
    for (const Rational& v : row) {
      low = std::min(low, v);
      high = std::max(high, v);
    }
  }
  for (const auto& row : targets)
    for (const Rational& v : row) two = two && (v == low || v == high);
  std::vector<Carrier> carriers;
  bool any = true;
  for (std::size_t k : above.activation) {
    const Activation& f = std::get<ActivationSpec>(network.node(k).spec).function;
    const auto found = carrier(f);
    if (!found) {
      return fail(fmt::format("layer {}: {} takes no rational values to carry targets in (zero-loss-exists needs none)",
                              network.node(k).name, describe(f)));
    }
    carriers.push_back(*found);
    any = any && found->any;
  }
  if (!any && !two) return fail("sigmoid and tanh carry targets exactly that take two values, as classes do");
  const bool direct = carriers.empty();
  const Rational shift = direct ? Rational(0) : low, scale = direct || high == low || any ? Rational(1) : high - low;
  Tensor t = targets;
  for (auto& row : t)
    for (Rational& v : row) v = (v - shift) / scale;
  PointSpec point;
  const auto first = solve_layer(network, above.linear[0], features, t, direct ? Ln2(1) : carriers[0].pre, options);
  if (!first) return fail(fmt::format("layer {} has no solution: rank F < N", network.node(above.linear[0]).name));
  point[network.node(above.linear[0]).name] = *first;
  for (std::size_t l = 1; l < above.linear.size(); ++l) {
    const std::size_t index = above.linear[l];
    const Node& node = network.node(index);
    const bool last = l + 1 == above.linear.size();
    const Carrier& below = carriers[l - 1];
    const Ln2 factor = (last ? Ln2(scale) : carriers[l].pre) * Ln2(Rational(1 / below.beta));
    const std::size_t inputs = network.node(node.inputs[0]).width;
    if (inputs < m || node.width < m) return fail(fmt::format("layer {} has fewer neurons than the output", node.name));
    std::vector<std::vector<Rational>> weights(node.width, std::vector<Rational>(inputs)), bias(1);
    for (std::size_t h = 0; h < m; ++h) weights[h][h] = 1;
    bias[0].assign(node.width, 0);
    for (std::size_t h = 0; h < m; ++h) bias[0][h] = -below.alpha;
    const bool needs_bias = below.alpha != 0 || (last && shift != 0);
    const auto& spec = std::get<LinearSpec>(node.spec);
    if (needs_bias && !spec.free_bias())
      return fail(fmt::format("layer {} has no free biases to move the carried values by", node.name));
    NodeTensors tensors{times(factor, weights), {}};
    if (spec.free_bias()) {
      TensorSpec b = times(factor, bias);
      if (last) {
        auto& rows = std::get<ExplicitTensor>(b).rows;  // the factor is rational
        for (Rational& v : rows[0]) v += shift;
      }
      tensors.bias = std::move(b);
    }
    point[node.name] = std::move(tensors);
  }
  return point;
}

}  // namespace widecert
