#include "proofs/gradients/gradients.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/random_point.h>
#include <widecert/number/error.h>

#include <algorithm>

namespace widecert {

Rational above_of(double x) { return short_upper_bound(exactly(x) * Rational(33, 32), 10); }
Rational below_of(double x) { return x > 0 ? short_lower_bound(exactly(x) * Rational(31, 32), 10) : Rational(0); }

ShownBounds GradientSetting::bounds_of(const MatrixSource& source) const {
  return show_bounds(climb(source, ladder_options(options)).bounds, source.rows, source.cols);
}

Claim GradientSetting::claim(const char* kind, const Keys& keys) const {
  Keys all{{"node", layer(node).name}, {"output", layer(output).name}, {"parameters", spec}};
  all.insert(all.end(), keys.begin(), keys.end());
  return Claim(kind, all);
}

Proof GradientSetting::proof(long bits, const Keys& keys) const {
  bits = std::min<long>(4096, std::max<long>(40, bits) + 8);
  Keys all{{"bits", bits}};
  const long precision = precision_for(instance.network, point, output, bits);
  if (precision != 0) all.emplace_back("precision", precision);
  all.insert(all.end(), keys.begin(), keys.end());
  return Proof("backpropagation", all);
}

namespace {

// Off a kink at 0, where the checker looks.
bool differentiable(const Activation& f) {
  return has_lipschitz_slope(f) || f.kind == ActivationKind::relu || f.kind == ActivationKind::leaky_relu;
}

struct Asked {
  std::size_t node, output;
  std::string claim;
  std::optional<PointSpec> parameters;
  std::optional<TargetsSpec> targets;
};

Outcome prove(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  std::string why;
  const auto above = layers_above(network, asked.node, asked.output, why);
  if (!above) return not_applicable("not-a-chain", why);
  for (std::size_t k : above->activation) {
    const auto& f = std::get<ActivationSpec>(network.node(k).spec).function;
    if (!differentiable(f)) {
      return not_applicable("not-differentiable",
                            "layer " + network.node(k).name + ": " + describe(f) + " is not differentiable");
    }
  }
  const PointSpec spec = asked.parameters ? *asked.parameters : random_point(network, asked.output, options.seed);
  const IntegerPoint point = integer_point(network, spec, asked.output);
  const auto tick = [&](std::size_t i) { options.progress("forward and backward", i, instance.data.size()); };
  GradientSetting s{instance,   options,
                    asked.node, asked.output,
                    *above,     spec,
                    point,      backward_numbers(network, instance.data, point, asked.node, asked.output, *above, tick),
                    ""};
  // Else the gradient for U, as a free matrix, is that for its weights.
  if (!network.is_dense(above->linear[0]) || std::get<LinearSpec>(s.first().spec).frozen_weights) {
    s.about = fmt::format(
        "; layer {} shares filters, sees patches or is frozen: this is not the gradient of its filters, of which "
        "nothing is claimed",
        s.first().name);
  }
  if (asked.claim == "gradient-enclosure") return gradient_enclosure(s, *asked.targets);
  return asked.claim == "gradient-dominance" ? gradient_dominance(s) : gradient_bounds(s);
}

Prover read(const Entry& entry) {
  Asked asked{entry.node, read_output(entry), entry.claim, read_parameters(entry), {}};
  const auto targets = entry.json.find("targets");
  if (targets) asked.targets = read_targets(*targets);
  if (targets && entry.claim != "gradient-enclosure") {
    throw InputError(targets->place() + ": \"targets\" belong to the claim gradient-enclosure; " + entry.claim +
                     " holds for every Y");
  }
  if (!targets && entry.claim == "gradient-enclosure") {
    throw InputError(entry.json.place() + ": gradient-enclosure needs \"targets\": Y, one row for each sample");
  }
  return [asked](const Instance& instance, const Options& options) { return prove(instance, asked, options); };
}

}  // namespace

Theorem theorems::gradients() {
  return {.id = "gradients",
          .title = "Gradients above a wide layer bound the loss",
          .source = "Nguyen & Hein, ICML 2018, Lemma H.1 and Lemma 4.3; a sharper constant",
          .statement =
              "With Phi = 1/2 ||F_L - Y||^2 and the gradient for U_{k+1} as a free matrix: constants lower, "
              "upper with lower ||F_L - Y|| <= ||gradient|| <= upper ||F_L - Y|| for every Y (Lemma 4.3); Phi "
              "<= ||gradient||^2 / (2 mu) with mu = lambda_min(F F^T) min_i lambda_min(D_i D_i^T); and both "
              "norms for a given Y. For a layer k+1 that shares filters this is not the gradient for its "
              "filters.",
          .hypotheses = {"linear layers and differentiable activations by turns above layer k, the last one linear",
                         "n_k >= N (or N - 1 with biases) for bounds from below"},
          .claims = {"gradient-bounds", "gradient-dominance", "gradient-enclosure"},
          .rules = {"backpropagation"},
          .reasons = {"not-a-chain", "not-differentiable", "width", "not-certified", "too-large"},
          .keys = {kParametersKey, kOutputKey, kTargetsKey},
          .numbers = {{"lower", Side::below},
                      {"upper", Side::above},
                      {"mu", Side::below},
                      {"residual_low", Side::below},
                      {"residual_high", Side::above},
                      {"gradient_low", Side::below},
                      {"gradient_high", Side::above}},
          .read = read};
}

}  // namespace widecert
