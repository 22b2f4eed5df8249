// ||F_L - Y|| and the norm of the gradient, for given targets.
#include <fmt/format.h>

#include "proofs/gradients/gradients.h"

namespace widecert {
namespace {

// [low, high] around a norm that was computed with an error that is small compared with `scale`.
Range around(double norm, double scale) {
  return {norm > 1e-6 * scale ? below_of(norm) : Rational(0), above_of(norm + 1e-9 * scale)};
}

}  // namespace

Outcome gradient_enclosure(const GradientSetting& s, const TargetsSpec& targets) {
  const std::size_t n = s.samples(), m = s.layer(s.output).width;
  const BackwardNumbers& found = s.numbers;
  const Tensor y = expand_targets(targets, n, m);
  Mat residual = found.output;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t h = 0; h < m; ++h)
      residual(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(h)) -= y[i][h].convert_to<double>();
  const Mat delta = backward(residual, found, std::nullopt);
  const Mat gradient = found.features.transpose() * delta;
  const Range of_residual = around(residual.norm(), 1 + found.output.norm()),
              of_gradient = around(gradient.norm(), 1 + found.features.norm() * delta.norm());
  Outcome outcome = proved(
      fmt::format("about: ||F_L - Y|| {:.6g}, Phi {:.6g}, ||gradient for U of layer {}|| {:.6g}{}", residual.norm(),
                  residual.squaredNorm() / 2, s.first().name, gradient.norm(), s.about),
      {{s.claim("gradient-enclosure", {{"residual", of_residual}, {"gradient", of_gradient}, {"targets", targets}}),
        s.proof(48)}});
  outcome.numbers = {{"residual_low", of_residual.low},
                     {"residual_high", of_residual.high},
                     {"gradient_low", of_gradient.low},
                     {"gradient_high", of_gradient.high}};
  return outcome;
}

}  // namespace widecert
