// Lemma 4.3 (2018) with its constants: a product of singular values and slopes.
#include <fmt/format.h>
#include <widecert/network/feature_source.h>

#include <cmath>

#include "proofs/gradients/gradients.h"

namespace widecert {
namespace {

constexpr double kLeastSlope = 1e-12;  // a smaller one makes the lower bound worthless

}  // namespace

Outcome gradient_bounds(const GradientSetting& s) {
  const Architecture& network = s.instance.network;
  const Node& layer = s.layer(s.node);
  const std::size_t n = s.samples();
  if (layer.width < n) {
    return not_applicable("width", fmt::format("layer {} has {} < N = {} neurons", layer.name, layer.width, n));
  }
  const ShownBounds features = s.bounds_of(feature_source(network, s.point, s.node, s.instance.data, false));
  const Range of_features{features.smallest.low, features.largest.high};
  double low = of_features.low.convert_to<double>(), high = of_features.high.convert_to<double>();
  long bits = features.proof.bits;
  std::string zero = low == 0 ? "full rank of F is not certified" : "";  // why the lower bound is 0
  std::vector<Range> weights;
  std::vector<std::pair<std::string, std::string>> ingredients;
  for (std::size_t k = 0; k < s.above.activation.size(); ++k) {
    const Mat size = s.numbers.slopes[k].cwiseAbs();
    const double least = size.minCoeff(), most = size.maxCoeff();
    const std::size_t index = s.above.linear[k + 1];
    const Node& map = network.node(index);
    const std::size_t inputs = map.patches->inputs();
    const ShownBounds u = s.bounds_of(weight_source(network, index, s.point.at(index).weights));
    if (u.too_large) return undecided("too-large", "U of layer " + map.name + " is too large for the checker");
    const Range of_u{u.smallest.low, u.largest.high};
    weights.push_back(of_u);
    high *= most;
    high *= of_u.high.convert_to<double>();
    if (least > kLeastSlope) {
      // The checker has to see the slope apart from 0.
      bits = std::max(bits, static_cast<long>(16 - std::log2(least)));
      low *= least;
    } else {
      low = 0;
      zero = fmt::format("some |s'| of layer {} is below 10^-12", network.node(s.above.activation[k]).name);
    }
    if (inputs < map.width) {
      low = 0;
      zero = fmt::format("layer {} is wider than the one below", map.name);
    } else {
      low *= of_u.low.convert_to<double>();
      if (of_u.low == 0) zero = fmt::format("full rank of U of layer {} is not certified", map.name);
    }
    bits = std::max(bits, u.proof.bits);
    ingredients.emplace_back("U of " + map.name,
                             fmt::format("sigma in {}, |s'| about {:.4g} to {:.4g}", shown(of_u), least, most));
  }
  if (features.too_large) return undecided("too-large", "F is too large for the checker");
  ingredients.emplace_back("F(" + layer.name + ")", "sigma in " + shown(of_features));
  const Rational lower = below_of(low), upper = above_of(high);
  Outcome outcome = proved(
      fmt::format("Lemma 4.3 with its constants: {} ||F_L - Y|| <= ||gradient for U of layer {}|| <= {} ||F_L - Y||{}",
                  decimal_below(lower, 5), s.first().name, decimal_above(upper, 5), s.about),
      {{s.claim("gradient-bounds", {{"lower", lower}, {"upper", upper}}),
        s.proof(bits, {{"features", of_features}, {"weights", weights}})}});
  if (lower == 0) outcome.explanation += "; the lower bound is 0: " + zero;
  outcome.numbers = {{"lower", lower}, {"upper", upper}};
  outcome.ingredients = std::move(ingredients);
  return outcome;
}

}  // namespace widecert
