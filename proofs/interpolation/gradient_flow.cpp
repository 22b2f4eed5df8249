#include "proofs/interpolation/gradient_flow.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <cmath>

#include "proofs/interpolation/full_row_rank.h"
#include "proofs/interpolation/tower.h"

namespace widecert {
namespace {

struct Asked {
  std::size_t node, output;
  PointSpec parameters;
  TargetsSpec targets;
};

Outcome prove(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  std::string why;
  const auto above = layers_above(network, asked.node, asked.output, why);
  if (!above) return not_applicable("not-a-chain", why);
  for (std::size_t k : above->linear)
    if (auto obstacle = not_solvable(network, k)) return *obstacle;
  for (std::size_t k : above->activation) {
    const Activation& f = std::get<ActivationSpec>(network.node(k).spec).function;
    if (facts(f.kind).continuous && !has_lipschitz_slope(f)) {
      return not_applicable(
          "not-differentiable",
          fmt::format("layer {}: {} has a kink, which weights that move may pass", network.node(k).name, describe(f)));
    }
  }
  const bool bias = std::get<LinearSpec>(network.node(above->linear[0]).spec).free_bias();
  Outcome failed;
  const auto tower =
      tower_above(instance, {asked.node, asked.output, asked.parameters, asked.targets, bias}, options, failed);
  if (!tower) return failed;
  const Rational c = below_of(tower->jacobian), s = tower->features.smallest.low;
  const double least = c.convert_to<double>(), smallest = s.convert_to<double>(), residual = tower->residual.norm();
  // The smallest ball that the path is shown not to leave: tau = ||R|| / (s (c - drift(tau))), from below.
  double tau = residual / (smallest * least) * (1 + 1e-3) + std::ldexp(1.0, -200), speed = 0;
  bool stays = false;
  for (int round = 0; round < 200 && !stays && std::isfinite(tau); ++round) {
    speed = smallest * (least - tower->drift(tau) * (1 + 1e-6));
    if (!(speed > 0)) break;
    stays = residual * (1 + 1e-6) < speed * tau;
    if (!stays) tau = residual / speed * (1 + 1e-3);
  }
  if (!stays) {
    return undecided("radius",
                     fmt::format("the loss is too large for its curvature: ||R|| = {:.4g}, sigma_min {:.4g}, Jacobians "
                                 ">= {:.4g}; within {:.4g} of the parameters they may have moved by {:.4g}",
                                 residual, smallest, least, tau, tower->drift(tau)));
  }
  const Rational distance = above_of(residual / speed), rate = below_of(2 * speed * speed);
  Keys proof = tower_keys(instance, *tower, asked.output, c);
  proof.emplace_back("radius", above_of(tau));
  Outcome outcome =
      proved(fmt::format(
                 "gradient flow stays within {:.6g}, ends at zero loss, and Phi falls as e^(-{:.4g} t) at least: ||R|| "
                 "= {:.4g}, sigma_min >= {:.4g}, Jacobians >= {:.4g}",
                 distance.convert_to<double>(), rate.convert_to<double>(), residual, smallest, least),
             {{Claim("gradient-flow-converges", {{"node", network.node(asked.node).name},
                                                 {"output", network.node(asked.output).name},
                                                 {"parameters", asked.parameters},
                                                 {"targets", asked.targets},
                                                 {"distance", distance},
                                                 {"rate", rate}}),
               Proof("flow-ball", proof)}});
  outcome.numbers = {{"distance", distance}, {"rate", rate}, {"sigma_min_low", s}};
  return outcome;
}

}  // namespace

Theorem theorems::gradient_flow() {
  return {
      .id = "gradient-flow",
      .title = "Gradient flow from given parameters ends at zero loss",
      .source = "here; from the lower bound of Nguyen & Hein, ICML 2018, Lemma 4.3",
      .statement =
          "Let all layers above a wide layer k move along the negative gradient of Phi = 1/2 ||F_L - Y||^2, those "
          "below being fixed. If sigma_min([F_k, 1]) >= s, all N rows (F_k if b_{k+1} is not free), sigma_min(D_i) "
          ">= c for D_i = d f_L / d g_{k+1}(x_i), delta bounds how far D_i moves while the parameters move by tau, "
          "and ||R|| < s (c - delta) tau, then the path stays within ||R|| / (s (c - delta)), Phi(t) <= Phi(0) "
          "e^{-2 s^2 (c - delta)^2 t}, and it converges to a point with F_L = Y.",
      .hypotheses = {"layers above k: dense, free weights, and activations with a Lipschitz derivative, by turns",
                     "n_k >= N (N - 1 with free biases), n_{k+1} >= m"},
      .claims = {"gradient-flow-converges"},
      .rules = {"flow-ball"},
      .reasons = {"not-a-chain", "layer-kind", "frozen", "width", "not-differentiable", "not-certified", "too-large",
                  "radius"},
      .keys = {kOutputKey,
               {"parameters", "where the flow begins: tensors of the linear nodes up to the output"},
               kTargetsKey},
      .numbers = {{"distance", Side::above}, {"rate", Side::below}, {"sigma_min_low", Side::below}},
      .read = [](const Entry& entry) -> Prover {
        const auto parameters = read_parameters(entry);
        const auto targets = entry.json.find("targets");
        if (!parameters || !targets) {
          throw InputError(entry.json.place() + ": gradient-flow needs \"parameters\" (from where?) and \"targets\"");
        }
        const Asked asked{entry.node, read_output(entry), *parameters, read_targets(*targets)};
        return [asked](const Instance& instance, const Options& options) { return prove(instance, asked, options); };
      }};
}

}  // namespace widecert
