#include <fmt/format.h>
#include <widecert/network/feature_source.h>
#include <widecert/network/forward.h>
#include <widecert/number/error.h>
#include "proofs/gradients/gradients.h"
#include <widecert/network/random_point.h>
#include "proofs/singular/singular_values.h"

#include <Eigen/SVD>

#include <algorithm>
#include <cmath>

namespace widecert {
namespace {

using Mat = Matrix<double>;

// Linear layers and activations by turns, from the claimed node to the output.
struct Above {
  std::vector<std::size_t> linear, activation;
};

std::optional<Above> layers_above(const Architecture& network, std::size_t node, std::size_t output,
                                  std::string& why) {
  if (output <= node) {
    why = "there is no linear layer above layer " + network.node(node).name;
    return std::nullopt;
  }
  std::vector<std::size_t> chain{output};
  while (chain.back() != node) {
    const Node& at = network.node(chain.back());
    const bool linear = std::holds_alternative<LinearSpec>(at.spec),
               activation = std::holds_alternative<ActivationSpec>(at.spec);
    if ((!linear && !activation) || at.inputs[0] < node) {
      why = "layer " + at.name + " is not a linear layer or activation above layer " + network.node(node).name;
      return std::nullopt;
    }
    chain.push_back(at.inputs[0]);
  }
  std::reverse(chain.begin(), chain.end());
  Above above;
  for (std::size_t k = 1; k < chain.size(); ++k) {
    const bool linear = std::holds_alternative<LinearSpec>(network.node(chain[k]).spec);
    if (linear != (k % 2 == 1)) {
      why = "above layer " + network.node(node).name + ", linear layers and activations must take turns";
      return std::nullopt;
    }
    (linear ? above.linear : above.activation).push_back(chain[k]);
  }
  if (above.linear.size() != above.activation.size() + 1) {
    why = "the output is not a linear layer above layer " + network.node(node).name;
    return std::nullopt;
  }
  return above;
}

// The linear layer that the request names, or the last one.
std::size_t output_of(const Architecture& network, const Request& request) {
  if (!request.output.empty()) return network.index_of(request.output);
  std::size_t output = 0;
  for (std::size_t i = 0; i < network.nodes().size(); ++i) {
    if (std::holds_alternative<LinearSpec>(network.node(i).spec)) output = i;
  }
  return output;
}

// Values, slopes and weight matrices in double: what the claims' numbers are chosen from. The checker
// verifies them by other means.
struct Numbers {
  Mat features, output;
  std::vector<Mat> slopes;  // s' of each activation above, a sample a row
  std::vector<Mat> u;       // weight matrices above
};

Numbers numbers(const Instance& instance, const IntegerPoint& point, std::size_t node, std::size_t output,
                const Above& above, const Options& options) {
  const Architecture& network = instance.network;
  const PrecisionScope precision(128);
  const Parameters<Ball> theta = ball_parameters(point);
  const auto n = static_cast<Eigen::Index>(instance.data.size());
  const auto width = [&](std::size_t i) { return static_cast<Eigen::Index>(network.node(i).width); };
  Numbers out;
  out.features.resize(n, width(node));
  out.output.resize(n, width(output));
  for (std::size_t k : above.activation) out.slopes.emplace_back(n, width(k));
  for (Eigen::Index i = 0; i < n; ++i) {
    options.progress("forward and backward", static_cast<std::size_t>(i), instance.data.size());
    std::vector<Ball> x;
    for (const Rational& v : instance.data.sample(static_cast<std::size_t>(i))) x.push_back(Ball::enclosing(v));
    const auto values = forward(network, theta, x, output);
    for (Eigen::Index h = 0; h < out.features.cols(); ++h) out.features(i, h) = near_double(values[node][static_cast<std::size_t>(h)]);
    for (Eigen::Index h = 0; h < out.output.cols(); ++h) out.output(i, h) = near_double(values[output][static_cast<std::size_t>(h)]);
    for (std::size_t k = 0; k < above.activation.size(); ++k) {
      const auto& f = std::get<ActivationSpec>(network.node(above.activation[k]).spec).function;
      for (Eigen::Index h = 0; h < out.slopes[k].cols(); ++h) {
        out.slopes[k](i, h) = near_double(derivative(f, values[above.linear[k]][static_cast<std::size_t>(h)]));
      }
    }
  }
  for (std::size_t k : above.linear) {
    out.u.push_back(weight_source(network, k, point.at(k).weights).enclosure(false).middle.high);
  }
  return out;
}

// Rows D_{k+1} from rows on the outputs, all with the slopes of one sample (or row by row of all samples).
Mat down(Mat d, const Numbers& numbers, std::optional<Eigen::Index> sample) {
  for (std::size_t k = numbers.slopes.size(); k-- > 0;) {
    d = Mat(d * numbers.u[k + 1].transpose());
    for (Eigen::Index i = 0; i < d.rows(); ++i) {
      d.row(i).array() *= numbers.slopes[k].row(sample ? *sample : i).array();
    }
  }
  return d;
}

Rational above_of(double x) { return short_upper_bound(exactly(x) * Rational(33, 32), 10); }
Rational below_of(double x) { return x > 0 ? short_lower_bound(exactly(x) * Rational(31, 32), 10) : Rational(0); }

// [low, high] around a norm that was computed with an error that is small compared with `scale`.
Range around(double norm, double scale) {
  return {norm > 1e-6 * scale ? below_of(norm) : Rational(0), above_of(norm + 1e-9 * scale)};
}

bool differentiable(const Activation& f) {
  return f.kind != ActivationKind::step && f.kind != ActivationKind::half_step && f.kind != ActivationKind::sign;
}

}  // namespace

Outcome prove_gradients(const Instance& instance, const Request& request, const Options& options) {
  const Architecture& network = instance.network;
  const std::size_t node = network.index_of(request.node), output = output_of(network, request);
  std::string why;
  const auto above = layers_above(network, node, output, why);
  if (!above) return not_applicable("not-a-chain", why);
  for (std::size_t k : above->activation) {
    const auto& f = std::get<ActivationSpec>(network.node(k).spec).function;
    if (!differentiable(f)) {
      return not_applicable("not-differentiable", "layer " + network.node(k).name + ": " + describe(f) + " is not differentiable");
    }
  }
  const std::string kind = request.claim.empty() ? "gradient-bounds" : request.claim;
  if (request.targets && kind != "gradient-enclosure") {
    throw InputError("\"targets\" belong to the claim gradient-enclosure; " + kind + " holds for every Y");
  }
  const PointSpec spec = request.parameters ? *request.parameters : random_point(network, output, options.seed);
  const IntegerPoint point = integer_point(network, spec, output);
  const Numbers found = numbers(instance, point, node, output, *above, options);
  const std::string& name = network.node(node).name;
  const std::string& last = network.node(output).name;
  const Node& first = network.node(above->linear[0]);
  const std::size_t n = instance.data.size(), m = network.node(output).width;
  Outcome outcome;
  outcome.verdict = Verdict::proved;
  const std::vector<std::int64_t> patch = first.patches->entries(0);
  const bool whole = first.patches->count() == 1 && patch.size() == first.patches->inputs() &&
                     std::find(patch.begin(), patch.end(), kPadding) == patch.end();
  const bool shared = !whole || std::get<LinearSpec>(first.spec).frozen_weights.has_value();
  const std::string about =
      shared ? fmt::format("; layer {} shares filters, sees patches or is frozen: this is not the gradient of its filters, of which nothing is claimed", first.name)
             : "";
  BackpropagationProof proof;
  const auto finish = [&](long bits) {
    proof.bits = std::min<long>(4096, std::max<long>(40, bits) + 8);
    proof.precision = precision_for(network, point, output, proof.bits);
  };
  const auto bounds_of = [&](const MatrixSource& source, std::size_t rows, std::size_t cols) {
    return show_bounds(climb(source, ladder_options(options)).bounds, rows, cols);
  };

  if (kind == "gradient-enclosure") {
    if (!request.targets) throw InputError("gradient-enclosure needs \"targets\": Y, one row for each sample");
    const Tensor y = expand(*request.targets, TensorShape(n, m), "the targets");
    Mat residual = found.output;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t h = 0; h < m; ++h)
        residual(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(h)) -= y[i][h].convert_to<double>();
    const Mat delta = down(residual, found, std::nullopt);
    const Mat gradient = found.features.transpose() * delta;
    const GradientEnclosure property{name, last, around(residual.norm(), 1 + found.output.norm()),
                                     around(gradient.norm(), 1 + found.features.norm() * delta.norm()),
                                     *request.targets, spec};
    finish(48);
    outcome.explanation = fmt::format("about: ||F_L - Y|| {:.6g}, Phi {:.6g}, ||gradient for U of layer {}|| {:.6g}{}",
                                      residual.norm(), residual.squaredNorm() / 2, first.name, gradient.norm(), about);
    outcome.findings = {{property, proof}};
    return outcome;
  }

  if (network.node(node).width + (kind == "gradient-dominance" ? 1 : 0) < n) {
    return not_applicable("width", fmt::format("layer {} has {} < N = {} neurons", name, network.node(node).width, n));
  }
  if (kind == "gradient-bounds") {
    const ShownBounds features = bounds_of(feature_source(network, point, node, instance.data, false), n, network.node(node).width);
    double low = features.smallest.low.convert_to<double>(), high = features.largest.high.convert_to<double>();
    proof.features = Range{features.smallest.low, features.largest.high};
    long bits = features.proof.bits;
    std::string zero = features.smallest.low == 0 ? "full rank of F is not certified" : "";  // why the lower bound is 0
    for (std::size_t k = 0; k < above->activation.size(); ++k) {
      const Mat size = found.slopes[k].cwiseAbs();
      // The checker has to see a slope apart from 0; one that is tiny makes the lower bound worthless.
      const double least_slope = size.minCoeff();
      if (least_slope > 1e-12) bits = std::max(bits, static_cast<long>(16 - std::log2(least_slope)));
      low *= least_slope > 1e-12 ? least_slope : 0;
      if (!(least_slope > 1e-12)) zero = fmt::format("some |s'| of layer {} is below 10^-12", network.node(above->activation[k]).name);
      high *= size.maxCoeff();
      const std::size_t index = above->linear[k + 1];
      const Node& map = network.node(index);
      const std::size_t inputs = map.patches->inputs();
      const ShownBounds u = bounds_of(weight_source(network, index, point.at(index).weights), inputs, map.width);
      if (u.too_large) return {Verdict::undecided, "too-large", "U of layer " + map.name + " is too large for the checker", {}, {}};
      proof.weights.push_back({u.smallest.low, u.largest.high});
      low *= inputs < map.width ? 0 : u.smallest.low.convert_to<double>();
      if (inputs < map.width) {
        zero = fmt::format("layer {} is wider than the one below", map.name);
      } else if (u.smallest.low == 0) {
        zero = fmt::format("full rank of U of layer {} is not certified", map.name);
      }
      high *= u.largest.high.convert_to<double>();
      bits = std::max(bits, u.proof.bits);
      outcome.ingredients.emplace_back("U of " + map.name, fmt::format("sigma in {}, |s'| about {:.4g} to {:.4g}", shown({u.smallest.low, u.largest.high}),
                                                                       size.minCoeff(), size.maxCoeff()));
    }
    if (features.too_large) return {Verdict::undecided, "too-large", "F is too large for the checker", {}, {}};
    finish(bits);
    outcome.ingredients.emplace_back("F(" + name + ")", "sigma in " + shown({features.smallest.low, features.largest.high}));
    const GradientBounds property{name, last, below_of(low), above_of(high), spec};
    outcome.explanation = fmt::format("Lemma 4.3 with its constants: {} ||F_L - Y|| <= ||gradient for U of layer {}|| <= {} ||F_L - Y||{}",
                                      decimal_below(property.lower, 5), first.name, decimal_above(property.upper, 5), about);
    if (property.lower == 0) outcome.explanation += "; the lower bound is 0: " + zero;
    outcome.findings = {{property, proof}};
    return outcome;
  }

  // gradient-dominance
  const bool bias = std::get<LinearSpec>(first.spec).untied_bias();
  if (m > first.width) {
    return not_applicable("width", fmt::format("layer {} has {} neurons, fewer than the {} outputs", first.name, first.width, m));
  }
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < n; ++i) {
    const Mat unit = Mat::Identity(static_cast<Eigen::Index>(m), static_cast<Eigen::Index>(m));
    const Mat d = down(unit, found, static_cast<Eigen::Index>(i));
    least = std::min(least, Eigen::JacobiSVD<Eigen::MatrixXd>(d).singularValues().minCoeff());
  }
  const MatrixSource source = feature_source(network, point, node, instance.data, bias);
  const ShownBounds features = bounds_of(source, source.rows, source.cols);
  if (features.too_large) return {Verdict::undecided, "too-large", "F is too large for the checker", {}, {}};
  if (features.smallest.low == 0) {
    return {Verdict::undecided, "not-certified", "full rank of F is not certified", {}, {}};
  }
  if (!(least > 1e-12)) {
    return {Verdict::undecided, "not-certified", "some d f_L / d g_{k+1}(x_i) has not certainly full rank", {}, {}};
  }
  proof.smallest = features.smallest.low;
  proof.jacobians = below_of(least);
  finish(std::max(features.proof.bits, static_cast<long>(16 - 2 * std::log2(least))));
  const Rational root = *proof.smallest * *proof.jacobians;
  const GradientDominance property{name, last, short_lower_bound(root * root, 12), bias, spec};
  outcome.ingredients.emplace_back("sigma_min", fmt::format("of {} at least {}, of every d f_L/d g(x_i) at least {}", bias ? "[F, 1]" : "F",
                                                            decimal_below(*proof.smallest, 5), decimal_below(*proof.jacobians, 5)));
  outcome.explanation = fmt::format("Phi <= ||g||^2/(2 mu) for every Y, mu = {}, g the gradient for U{} of layer {}{}",
                                    decimal_below(property.mu, 5), bias ? " and the biases" : "", first.name, about);
  outcome.findings = {{property, proof}};
  return outcome;
}

Outcome prove_in_s_k(const Instance& instance, const Request& request, const Options& options) {
  const Architecture& network = instance.network;
  const std::size_t node = network.index_of(request.node), output = output_of(network, request),
                    n = instance.data.size();
  std::string why;
  const auto above = layers_above(network, node, output, why);
  if (!above) return not_applicable("not-a-chain", why);
  if (network.node(node).width < n) {
    return not_applicable("width", fmt::format("layer {} has {} < N neurons: S_k asks for rank F_k = N", request.node,
                                               network.node(node).width));
  }
  const PointSpec spec = request.parameters ? *request.parameters : random_point(network, output, options.seed);
  const IntegerPoint point = integer_point(network, spec, output);
  const bool enclose = request.claim == "weights-singular-value-bounds";
  Outcome outcome;
  InSk membership{network.node(node).name, network.node(output).name, 0, {}, spec};
  CholeskyProof proof;
  // Bounds of one of the matrices; false if the outcome is decided by it.
  const auto add = [&](const std::string& name, const MatrixSource& source, Rational& low, ShownBounds& bounds) {
    const LadderResult found = climb(source, ladder_options(options));
    if (!found.bounds.full_rank || !(found.bounds.smallest_low > 0)) {
      outcome = {Verdict::undecided, "not-certified",
                 fmt::format("full rank of {} is not certified: {}", name, found.undecided), {}, {}};
      return false;
    }
    bounds = show_bounds(found.bounds, source.rows, source.cols);
    if (bounds.too_large) {
      outcome = {Verdict::undecided, "too-large", name + " is too large for the checker", {}, {}};
      return false;
    }
    low = bounds.smallest.low;
    proof.bits = std::max(proof.bits, bounds.proof.bits);
    outcome.ingredients.emplace_back(name, fmt::format("{} x {}, smallest singular value in {}, by {}", source.rows,
                                                       source.cols, shown(bounds.smallest), to_string(found.rung)));
    return true;
  };
  ShownBounds bounds;
  std::vector<Finding> enclosures;
  if (!add("F(" + membership.node + ")", feature_source(network, point, node, instance.data, false), membership.features, bounds)) {
    return outcome;
  }
  for (std::size_t k = 1; k < above->linear.size(); ++k) {  // U_{k+1} is free
    const std::size_t index = above->linear[k];
    const Node& map = network.node(index);
    const MatrixSource source = weight_source(network, index, point.at(index).weights);
    if (!add("U of " + map.name, source, membership.weights.emplace_back(), bounds)) return outcome;
    const auto& linear = std::get<LinearSpec>(map.spec);
    enclosures.push_back({WeightsSingularValueBounds{map.name, bounds.smallest, bounds.largest,
                                                     linear.frozen_weights ? *linear.frozen_weights
                                                                           : *spec.at(map.name).weights},
                          bounds.proof});
  }
  outcome.verdict = Verdict::proved;
  outcome.explanation = fmt::format("the {} parameters lie in S_k for layer {}: F_k and the weight matrices from layer k+2 on "
                                    "have full rank", request.parameters ? "given" : "seeded", membership.node);
  if (enclose) {
    outcome.findings = std::move(enclosures);
  } else {
    proof.precision = precision_for(network, point, node, proof.bits);
    outcome.findings = {{membership, proof}};
  }
  return outcome;
}

}  // namespace widecert
