#include "proofs/interpolation/tower.h"

#include <fmt/format.h>
#include <widecert/network/feature_source.h>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

namespace widecert {

namespace {

Mat jacobian_of(const BackwardNumbers& numbers, Eigen::Index outputs, Eigen::Index sample) {
  return backward(Mat::Identity(outputs, outputs), numbers, sample);
}

}  // namespace

double Tower::lipschitz() const {
  double all = 1, below = 1, sum = 0;
  for (const Floor& f : floors) {
    sum += f.bend / f.slope * below;
    all *= f.norm * f.slope;
    below *= f.norm * f.slope;
  }
  return all * sum;
}

double Tower::drift(double tau) const {
  double most = 0;
  for (Eigen::Index i = 0; i < residual.rows(); ++i) {
    const auto with_one = [&](const Mat& rows) { return std::sqrt(1 + rows.row(i).squaredNorm()); };
    double before = 1, moved = 0, gamma = tau * with_one(numbers.features);
    const auto factor = [&](double x, double e) {
      moved = moved * (x + e) + before * e;
      before *= x;
    };
    for (std::size_t j = 0; j < floors.size(); ++j) {
      const Floor& f = floors[j];
      factor(numbers.slopes[j].row(i).cwiseAbs().maxCoeff(), f.bend * gamma);
      factor(f.norm, tau);
      gamma = (f.norm + tau) * f.slope * gamma + tau * with_one(numbers.after[j]);
    }
    most = std::max(most, moved);
  }
  return most;
}

std::optional<std::size_t> Tower::at_kink() const {
  for (Eigen::Index i = 0; i < residual.rows(); ++i) {
    double reach = 2 * residual.row(i).norm() / jacobian * (1 + 1e-6);
    for (std::size_t j = 0; j < floors.size(); ++j) {
      if (floors[j].kink && reach >= numbers.before[j].row(i).cwiseAbs().minCoeff()) return static_cast<std::size_t>(i);
      reach *= floors[j].norm * floors[j].slope;
    }
  }
  return std::nullopt;
}

std::optional<Tower> tower_above(const Instance& instance, const TowerQuestion& asked, const Options& options,
                                 Outcome& failed) {
  const Architecture& network = instance.network;
  const std::size_t n = instance.data.size(), width = network.node(asked.node).width + (asked.ones ? 1 : 0),
                    m = network.node(asked.output).width;
  const auto no = [&](Outcome outcome) {
    failed = std::move(outcome);
    return std::nullopt;
  };
  std::string why;
  const auto above = layers_above(network, asked.node, asked.output, why);
  if (!above) return no(not_applicable("not-a-chain", why));
  const Node& first = network.node(above->linear[0]);
  if (first.width < m)
    return no(not_applicable("width", fmt::format("layer {} has fewer neurons than the output", first.name)));
  if (width < n) {
    return no(not_applicable(
        "width", fmt::format("layer {} has {} neurons{}, fewer than N = {}", network.node(asked.node).name,
                             network.node(asked.node).width, asked.ones ? " (and 1 for the bias)" : "", n)));
  }
  for (std::size_t k : above->activation) {
    const Activation& f = std::get<ActivationSpec>(network.node(k).spec).function;
    const bool one_kink = f.kind == ActivationKind::relu || f.kind == ActivationKind::leaky_relu;  // at 0
    if (!one_kink && !has_lipschitz_slope(f)) {
      return no(not_applicable("not-differentiable", fmt::format("layer {}: {} jumps, or its derivative does",
                                                                 network.node(k).name, describe(f))));
    }
  }
  Tower tower;
  tower.above = *above;
  tower.ones = asked.ones;
  tower.features = show_bounds(climb(feature_source(network, integer_point(network, asked.parameters, asked.output),
                                                    asked.node, instance.data, asked.ones),
                                     ladder_options(options))
                                   .bounds,
                               n, width);
  if (!(tower.features.smallest.low > 0)) {
    return no(
        undecided("not-certified", fmt::format("full rank of F({}) is not certified", network.node(asked.node).name)));
  }
  if (tower.features.too_large) return no(undecided("too-large", "the features are too large for the checker"));
  tower.move_to(instance, asked, options);
  return tower;
}

void Tower::move_to(const Instance& instance, const TowerQuestion& asked, const Options& options) {
  const Architecture& network = instance.network;
  const std::size_t n = instance.data.size(), m = network.node(asked.output).width;
  point = integer_point(network, asked.parameters, asked.output);
  numbers = backward_numbers(network, instance.data, point, asked.node, asked.output, above,
                             [&](std::size_t i) { options.progress("forward and backward", i, n); });
  residual = numbers.output - near_doubles(expand_targets(asked.targets, n, m));
  jacobian = std::numeric_limits<double>::infinity();
  for (Eigen::Index i = 0; i < residual.rows(); ++i) {
    const Mat d = jacobian_of(numbers, residual.cols(), i), gram = d * d.transpose();
    const Eigen::SelfAdjointEigenSolver<Mat> solver(gram, Eigen::EigenvaluesOnly);
    jacobian = std::min(jacobian, std::sqrt(std::max(0.0, solver.eigenvalues()(0))));
  }
  floors.clear();
  for (std::size_t j = 0; j < above.activation.size(); ++j) {
    const Activation& f = std::get<ActivationSpec>(network.node(above.activation[j]).spec).function;
    const bool kink = !has_lipschitz_slope(f);
    floors.push_back({numbers.u[j + 1].norm(), lipschitz_constant(f).convert_to<double>(),
                      kink ? 0 : slope_lipschitz(f).convert_to<double>(), kink});
  }
}

Mat Tower::step() const {
  Mat moved(residual.rows(), numbers.u[0].cols()), e(residual.rows(), numbers.features.cols() + (ones ? 1 : 0));
  e.leftCols(numbers.features.cols()) = numbers.features;
  if (ones) e.col(e.cols() - 1).setOnes();
  for (Eigen::Index i = 0; i < residual.rows(); ++i) {
    const Mat d = jacobian_of(numbers, residual.cols(), i), gram = d * d.transpose();
    moved.row(i) = -(d.transpose() * gram.ldlt().solve(residual.row(i).transpose())).transpose();
  }
  const Mat gram = e * e.transpose();
  return e.transpose() * gram.llt().solve(moved);
}

Keys tower_keys(const Instance& instance, const Tower& tower, std::size_t output, const Rational& c) {
  const long bits = std::max<long>(tower.features.proof.bits, 60) + 8,
             precision = precision_for(instance.network, tower.point, output, bits + 20);
  Keys keys{{"bits", bits}, {"smallest", tower.features.smallest.low}, {"jacobians", c}};
  if (precision != 0) keys.emplace_back("precision", precision);
  return keys;
}

}  // namespace widecert
