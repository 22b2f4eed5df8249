#include "proofs/interpolation/nearby.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/enclosed_forward.h>
#include <widecert/network/feature_source.h>
#include <widecert/network/scaled_features.h>
#include <widecert/number/error.h>

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "proofs/interpolation/full_row_rank.h"
#include "proofs/interpolation/tower.h"

namespace widecert {
namespace {

struct Asked {
  std::size_t node, output, layer;  // which moves
  PointSpec parameters;
  TargetsSpec targets;
  std::optional<bool> bias;
};

Claim nearby(const Instance& instance, const Asked& asked, bool bias, const Rational& distance) {
  const Architecture& network = instance.network;
  return Claim("zero-loss-nearby", {{"node", network.node(asked.node).name},
                                    {"output", network.node(asked.output).name},
                                    {"layer", network.node(asked.layer).name},
                                    {"parameters", asked.parameters},
                                    {"targets", asked.targets},
                                    {"bias", bias},
                                    {"distance", distance}});
}

// Whether biases move, too; or why the layer cannot.
std::optional<Outcome> not_movable(const Instance& instance, const Asked& asked, bool& bias) {
  const Architecture& network = instance.network;
  const Node& layer = network.node(asked.layer);
  if (auto obstacle = not_solvable(network, asked.layer)) return obstacle;
  const auto& spec = std::get<LinearSpec>(layer.spec);
  bias = asked.bias.value_or(spec.free_bias());
  if (bias && !spec.free_bias())
    return not_applicable("frozen", fmt::format("layer {} has no free biases to be moved", layer.name));
  const std::size_t width = network.node(asked.node).width + (bias ? 1 : 0);
  if (width < instance.data.size()) {
    return not_applicable("width", fmt::format("layer {} has {} neurons{}, fewer than N = {}",
                                               network.node(asked.node).name, network.node(asked.node).width,
                                               bias ? " (and 1 for the bias)" : "", instance.data.size()));
  }
  return std::nullopt;
}

// ||F_L - Y|| at the point is at most `above`; so much of that is for what is not known of F_L.
struct ResidualBound {
  double above, unknown;
};
ResidualBound residual_bound(const EnclosedValues& f, const Mat& targets) {
  const auto spread = f.radius + 0x1p-50 * (f.middle.cwiseAbs() + targets.cwiseAbs());  // targets are rounded
  const double more = 1 + 1e-9;
  return {((f.middle - targets).cwiseAbs() + spread).norm() * more, spread.norm() * more};
}

// The same on a grid of so many bits.
Rational residual_above(const Instance& instance, const PointSpec& point, std::size_t output, const Tensor& targets,
                        int bits, const Options& options) {
  const ScaledFeatures f = scaled_features(instance.network, point, instance.data, output, bits, [&](std::size_t done) {
    options.progress("the loss after the step", done, instance.data.size());
  });
  Rational square = 0;
  for (std::size_t i = 0; i < f.samples; ++i) {
    for (std::size_t h = 0; h < f.width; ++h) {
      const std::size_t at = i * f.width + h;
      const Integer v = f.is_small() ? Integer(f.small[at]) : f.large[at];
      const Rational off = abs(Rational(v, f.divisor) - targets[i][h]) + Rational(f.radius, f.divisor);
      square += round_up(Rational(off * off), 2 * bits + 64);
    }
  }
  return exactly(std::sqrt(near_double(Ball::enclosing(square))) * (1 + 1e-9) + 1e-300);
}

// The matrix in multiples of 2^-40, a row for each of its columns.
ExplicitTensor rounded(const Mat& d) {
  ExplicitTensor tensor;
  for (Eigen::Index t = 0; t < d.cols(); ++t) {
    auto& row = tensor.rows.emplace_back();
    for (Eigen::Index j = 0; j < d.rows(); ++j) row.push_back(round_down(exactly(d(j, t)), 40));
  }
  return tensor;
}

ExplicitTensor sum(const Tensor& a, const ExplicitTensor& b) {
  ExplicitTensor out{a};
  for (std::size_t r = 0; r < a.size(); ++r)
    for (std::size_t c = 0; c < a[r].size(); ++c) out.rows[r][c] += b.rows[r][c];
  return out;
}

Rational squares(const ExplicitTensor& tensor) {
  Rational sum = 0;
  for (const auto& row : tensor.rows)
    for (const Rational& v : row) sum += v * v;
  return sum;
}

Rational root_above(const Rational& square) {
  return short_upper_bound(exactly(std::sqrt(square.convert_to<double>()) * (1 + 1e-12)) + power_of_two(-200), 40);
}

// A step of the layer that moves, in multiples of 2^-40, and the parameters after it.
struct Step {
  ExplicitTensor weights, bias;  // bias: only if biases move
  PointSpec after;

  Rational length() const { return root_above(squares(weights) + squares(bias)); }
};
Step make_step(const Instance& instance, const Asked& asked, bool bias, const Mat& d) {
  const Architecture& network = instance.network;
  const auto width = static_cast<Eigen::Index>(network.node(asked.node).width);
  const NodeTensors& given = asked.parameters.at(network.node(asked.layer).name);
  Step step{rounded(d.topRows(width)), {}, asked.parameters};
  NodeTensors& after = step.after[network.node(asked.layer).name];
  after.weights = sum(expand(*given.weights, network.weights_shape(asked.layer), "weights"), step.weights);
  if (bias) {
    const Mat last = d.bottomRows(1);
    step.bias = rounded(last.transpose());
    after.bias = sum(expand(*given.bias, network.bias_shape(asked.layer), "bias"), step.bias);
  }
  return step;
}
// The key "step" of the proof.
Value step_key(const Instance& instance, const Asked& asked, bool bias, const Step& step, const Options& options,
               std::vector<Attachment>& files) {
  Layout layout;
  if (instance.network.node(asked.node).shape.size() > 1) layout.flatten = Flattening::channels_last;
  Keys keys{{"weights", tensor_for_claim(step.weights, "step", layout, options, files)}};
  if (bias) keys.emplace_back("bias", TensorSpec(step.bias));
  return Value::object(keys);
}

Outcome move_last(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  const Node &layer = network.node(asked.node), &output = network.node(asked.output);
  bool bias = false;
  if (auto obstacle = not_movable(instance, asked, bias)) return *obstacle;
  const std::size_t n = instance.data.size(), m = output.width, width = layer.width + (bias ? 1 : 0);
  const Tensor targets = expand_targets(asked.targets, n, m);
  const IntegerPoint point = integer_point(network, asked.parameters, asked.output);
  const ShownBounds bounds = show_bounds(
      climb(feature_source(network, point, asked.node, instance.data, bias), ladder_options(options)).bounds, n, width);
  if (!(bounds.smallest.low > 0))
    return undecided("not-certified", fmt::format("full rank of F({}) is not certified", layer.name));
  if (bounds.too_large) return undecided("too-large", "the features are too large for the checker");
  const Rational s = bounds.smallest.low;
  // How far at most from the parameters after a step of this length, to where; and the grid that the checker needs.
  struct Reached {
    Rational distance;
    long precision;
  };
  const Mat y = near_doubles(targets);
  const auto values_at = [&](const IntegerPoint& at) {
    return EnclosedForward(network, at, asked.output, instance.data)(0, n);
  };
  const long for_features = precision_for(network, point, asked.node, bounds.accuracy);
  const auto reached = [&](const PointSpec& to, const IntegerPoint& at, const EnclosedValues& f,
                           const Rational& length) {
    // What is not known of an entry of F_L takes at most a 2^10th.
    const auto [above, unknown] = residual_bound(f, y);
    const double all = length.convert_to<double>() + above / s.convert_to<double>(), few = all * 0x1p-10;
    const double entries = std::sqrt(static_cast<double>(n * m)) / s.convert_to<double>();
    const double bits = std::log2(entries / few);
    const long accuracy = bits < 1000 ? std::max(8L, static_cast<long>(std::ceil(bits))) : 1000;
    const long precision = std::max(precision_for(network, at, asked.output, accuracy), for_features);
    if (unknown / s.convert_to<double>() <= few) return Reached{length + exactly(above + unknown) / s, precision};
    const int fine = static_cast<int>(std::max(96L, precision));
    return Reached{length + residual_above(instance, to, asked.output, targets, fine, options) / s,
                   precision == 0 ? 0 : fine};
  };
  // A step to where the residual nearly vanishes.
  options.progress("a step", 0, 1);
  Mat e(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(width));
  e.leftCols(static_cast<Eigen::Index>(layer.width)) =
      EnclosedForward(network, point, asked.node, instance.data)(0, n).middle;
  if (bias) e.col(e.cols() - 1).setOnes();
  const EnclosedValues given = values_at(point);
  const Mat residual = given.middle - y;
  const Eigen::LLT<Mat> gram(e * e.transpose());
  Mat d = Mat::Zero(e.cols(), residual.cols());
  for (int round = 0; round < 3; ++round) d -= e.transpose() * gram.solve(residual + e * d);
  Reached end = reached(asked.parameters, point, given, 0);
  const Rational plain = end.distance;
  std::optional<Step> step;
  if (gram.info() == Eigen::Success && d.allFinite() && d.norm() < 1e12) {
    step = make_step(instance, asked, bias, d);
    const IntegerPoint after = integer_point(network, step->after, asked.output);
    const Reached there = reached(step->after, after, values_at(after), step->length());
    if (2 * there.distance < plain)
      end = there;
    else
      step.reset();
  }
  const Rational distance = short_upper_bound(end.distance * Rational(1025, 1024) + power_of_two(-60), 20);
  Outcome outcome;
  Keys proof{{"bits", bounds.proof.bits}, {"smallest", s}};
  if (end.precision != 0) proof.emplace_back("precision", end.precision);
  if (step) proof.emplace_back("step", step_key(instance, asked, bias, *step, options, outcome.files));
  outcome.verdict = Verdict::proved;
  outcome.findings = {{nearby(instance, asked, bias, distance), Proof("last-layer", proof)}};
  outcome.explanation =
      fmt::format("exact zero loss within {:.6g} of the given {} of {}: ||R|| = {:.6g}, sigma_min >= {:.4g}; {}",
                  distance.convert_to<double>(), bias ? "weights and biases" : "weights", output.name, residual.norm(),
                  s.convert_to<double>(),
                  step ? fmt::format("with a step; without one {:.6g}", plain.convert_to<double>())
                       : std::string("without a step"));
  outcome.numbers = {{"distance", distance}, {"sigma_min_low", s}};
  return outcome;
}

// Layer k+1 moves, the layers above it do not.
Outcome move_next(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  const Node& layer = network.node(asked.layer);
  bool bias = false;
  if (auto obstacle = not_movable(instance, asked, bias)) return *obstacle;
  Outcome failed;
  const TowerQuestion question{asked.node, asked.output, asked.parameters, asked.targets, bias};
  auto tower = tower_above(instance, question, options, failed);
  if (!tower) return failed;
  const Rational s = tower->features.smallest.low;
  const double given = tower->residual.norm(), smallest = s.convert_to<double>();
  const auto room = [&](const Tower& at) {  // at least 0: the bound holds
    return below_of(at.jacobian).convert_to<double>() * below_of(at.jacobian).convert_to<double>() -
           2 * at.lipschitz() * at.worst_residual() * (1 + 1e-6);
  };
  const auto beyond = [&](const Tower& at) {
    return 2 * at.residual.norm() / (below_of(at.jacobian).convert_to<double>() * smallest);
  };
  // Gauss-Newton steps, as long as they take much of the residual away.
  std::optional<Step> step;
  Mat d = Mat::Zero(static_cast<Eigen::Index>(network.node(asked.node).width + (bias ? 1 : 0)),
                    static_cast<Eigen::Index>(layer.width));
  Tower best = *tower;
  for (int round = 0; round < 20; ++round) {
    options.progress("steps", static_cast<std::size_t>(round), 20);
    d += best.step();
    if (!d.allFinite() || d.norm() > 1e12) break;
    Step next = make_step(instance, asked, bias, d);
    Tower there = best;
    there.move_to(instance, {asked.node, asked.output, next.after, asked.targets, bias}, options);
    if (!(2 * there.residual.norm() < best.residual.norm())) break;
    best = std::move(there);
    step = std::move(next);
  }
  if (step && room(*tower) > 0 && !tower->at_kink() &&
      !(2 * (step->length().convert_to<double>() + beyond(best)) < beyond(*tower))) {
    step.reset();
  }
  if (step) tower = std::move(best);
  const Rational c = below_of(tower->jacobian);
  const double k = tower->lipschitz(), most = tower->worst_residual();
  if (!(c > 0) || !(room(*tower) > 0)) {
    return undecided(
        "radius",
        fmt::format("2 K rho = {:.4g} is not below c^2 = {:.4g}{}: the loss is too large for its curvature (||R|| = "
                    "{:.4g} at the given parameters; K {:.4g}, the largest rho {:.4g}, c {:.4g})",
                    2 * k * most, std::pow(c.convert_to<double>(), 2), step ? ", after a step" : "", given, k, most,
                    c.convert_to<double>()));
  }
  if (const auto i = tower->at_kink()) {
    return undecided("not-differentiable",
                     fmt::format("sample {}: a pre-activation may pass a kink on the way to zero loss", *i + 1));
  }
  const Rational distance = above_of((step ? step->length().convert_to<double>() : 0) * (1 + 1e-9) + beyond(*tower));
  Outcome outcome;
  Keys proof = tower_keys(instance, *tower, asked.output, c);
  if (step) proof.emplace_back("step", step_key(instance, asked, bias, *step, options, outcome.files));
  outcome.verdict = Verdict::proved;
  outcome.findings = {{nearby(instance, asked, bias, distance), Proof("next-layer", proof)}};
  outcome.explanation = fmt::format(
      "exact zero loss within {:.6g} of the given {} of {}, the layers above as they are: ||R|| = {:.4g}, sigma_min >= "
      "{:.4g}, {}Jacobians >= {:.4g}, K = {:.4g}",
      distance.convert_to<double>(), bias ? "weights and biases" : "weights", layer.name, given, smallest,
      step ? fmt::format("a step to ||R|| = {:.4g}, ", tower->residual.norm()) : "", c.convert_to<double>(), k);
  outcome.numbers = {{"distance", distance}, {"sigma_min_low", s}};
  return outcome;
}

Outcome prove(const Instance& instance, const Asked& asked, const Options& options) {
  const Node& layer = instance.network.node(asked.layer);
  if (!std::holds_alternative<LinearSpec>(layer.spec) || layer.inputs[0] != asked.node) {
    return not_applicable("layer-kind",
                          fmt::format("layer {} is no linear layer that reads layer {}; \"layer\" says which one moves "
                                      "(the output if it is absent), \"node\" is what it reads",
                                      layer.name, instance.network.node(asked.node).name));
  }
  return asked.layer == asked.output ? move_last(instance, asked, options) : move_next(instance, asked, options);
}

}  // namespace

Theorem theorems::zero_loss_nearby() {
  return {.id = "zero-loss-nearby",
          .title = "Exact zero loss near given parameters",
          .source = "here; the existence that Nguyen & Hein, ICML 2018, Corollary 3.6 has without a distance",
          .statement =
              "If all N rows of F_{L-1} (with a column of ones where biases are moved) have sigma_min >= s > 0, then "
              "within ||D|| + ||F_L(after D) - Y|| / s of the given weights of the dense output layer there are real "
              "ones with F_L = Y exactly, whatever step D is made first. Or of layer k+1, the layers above being "
              "fixed: with "
              "rho_i = ||f_L(x_i) - y_i||, c the least singular value of all D_i = d f_L / d g_{k+1}(x_i) and K a "
              "Lipschitz "
              "constant of D_i, within 2 ||rho|| / (c s) if 2 K rho_i < c^2 for every sample and no pre-activation of "
              "relu or "
              "leaky-relu passes its kink on the way.",
          .hypotheses = {"the layer that moves is dense, its weights are free, and it reads layer k",
                         "n_k >= N (N - 1 with biases)"},
          .claims = {"zero-loss-nearby"},
          .rules = {"last-layer", "next-layer"},
          .reasons = {"layer-kind", "frozen", "width", "not-certified", "too-large", "not-a-chain",
                      "not-differentiable", "radius"},
          .keys = {kOutputKey,
                   {"parameters", "tensors of the linear nodes up to the output"},
                   kTargetsKey,
                   {"layer", "which layer moves: the output (if absent), or the linear layer above the layer"},
                   {"bias", "whether its biases may move, too; true if absent and they are free"}},
          .numbers = {{"distance", Side::above}, {"sigma_min_low", Side::below}},
          .read = [](const Entry& entry) -> Prover {
            const auto parameters = read_parameters(entry);
            const auto targets = entry.json.find("targets"), bias = entry.json.find("bias"),
                       layer = entry.json.find("layer");
            const std::size_t output = read_output(entry);
            if (!parameters || !targets) {
              throw InputError(entry.json.place() +
                               ": zero-loss-nearby needs \"parameters\" (near which?) and \"targets\"");
            }
            Asked asked{entry.node, output, output, *parameters, read_targets(*targets), {}};
            if (layer) asked.layer = entry.network.index_of(layer->text(), layer->place());
            if (bias) asked.bias = bias->boolean();
            return
                [asked](const Instance& instance, const Options& options) { return prove(instance, asked, options); };
          }};
}

}  // namespace widecert
