// Phi <= ||gradient||^2 / (2 mu) for every Y, sharper than Lemma 4.3: neither F nor the Jacobians depend on Y.
#include <fmt/format.h>
#include <widecert/network/feature_source.h>

#include <Eigen/SVD>

#include <algorithm>
#include <cmath>

#include "proofs/gradients/gradients.h"

namespace widecert {

Outcome gradient_dominance(const GradientSetting& s) {
  const Node &layer = s.layer(s.node), &first = s.first();
  const std::size_t n = s.samples(), m = s.layer(s.output).width;
  if (layer.width + 1 < n) {
    return not_applicable("width", fmt::format("layer {} has {} < N = {} neurons", layer.name, layer.width, n));
  }
  if (m > first.width) {
    return not_applicable(
        "width", fmt::format("layer {} has {} neurons, fewer than the {} outputs", first.name, first.width, m));
  }
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < n; ++i) {
    const Mat unit = Mat::Identity(static_cast<Eigen::Index>(m), static_cast<Eigen::Index>(m));
    const Mat d = backward(unit, s.numbers, static_cast<Eigen::Index>(i));
    least = std::min(least, Eigen::JacobiSVD<Eigen::MatrixXd>(d).singularValues().minCoeff());
  }
  const bool bias = std::get<LinearSpec>(first.spec).untied_bias();
  const ShownBounds features = s.bounds_of(feature_source(s.instance.network, s.point, s.node, s.instance.data, bias));
  if (features.too_large) return undecided("too-large", "F is too large for the checker");
  if (features.smallest.low == 0) return undecided("not-certified", "full rank of F is not certified");
  if (!(least > 1e-12)) {
    return undecided("not-certified", "some d f_L / d g_{k+1}(x_i) has not certainly full rank");
  }
  const Rational smallest = features.smallest.low, jacobians = below_of(least), root = smallest * jacobians;
  const Rational mu = short_lower_bound(root * root, 12);
  const long bits = std::max(features.proof.bits, static_cast<long>(16 - 2 * std::log2(least)));
  Outcome outcome =
      proved(fmt::format("Phi <= ||g||^2/(2 mu) for every Y, mu = {}, g the gradient for U{} of layer {}{}",
                         decimal_below(mu, 5), bias ? " and the biases" : "", first.name, s.about),
             {{s.claim("gradient-dominance", {{"mu", mu}, {"bias", bias}}),
               s.proof(bits, {{"smallest", smallest}, {"jacobians", jacobians}})}});
  outcome.numbers = {{"mu", mu}};
  outcome.ingredients = {
      {"sigma_min", fmt::format("of {} at least {}, of every d f_L/d g(x_i) at least {}", bias ? "[F, 1]" : "F",
                                decimal_below(smallest, 5), decimal_below(jacobians, 5))}};
  return outcome;
}

}  // namespace widecert
