#include "enclosed_loss.h"

#include <widecert/network/double_activation.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <cmath>

namespace widecert::tool {
namespace {

// A sum of two doubles, or a product, is off by at most kUnit times its size; kTiny is for underflow.
constexpr double kUnit = 0x1p-53, kTiny = 0x1p-1000;

// Each sum of `middle`, `radius` with its error.
struct Sum {
  double value = 0, error = 0;
  void add(double v, double e) {
    value += v;
    error += e + kUnit * std::abs(value) + kTiny;
  }
};

}  // namespace

EnclosedLoss::EnclosedLoss(const ConvexLossSpec& spec, std::size_t samples, std::size_t outputs) : kind_(spec.kind) {
  if (kind_ != "square") {
    classes_ = expand_classes(*spec.classes, samples);
    return;
  }
  for (const auto& row : expand_targets(*spec.targets, samples, outputs)) {
    for (const Rational& v : row) {
      y_.push_back(v.convert_to<double>());
      if (exactly(y_.back()) != v) throw InputError("a target is no double: expected numbers such as 0 and 1");
    }
  }
}

Enclosure EnclosedLoss::operator()(const EnclosedValues& f) const {
  const auto rows = static_cast<std::size_t>(f.middle.rows()), cols = static_cast<std::size_t>(f.middle.cols());
  const auto value = [&](std::size_t i, std::size_t k) {
    return f.middle(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k));
  };
  const auto radius = [&](std::size_t i, std::size_t k) {
    return f.radius(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(k));
  };
  Sum phi;
  if (kind_ == "cross-entropy") {
    // ln(e^a + e^b) = a + softplus(b - a), class by class; all samples at once. Outputs move the loss by at most twice
    // what they move themselves.
    std::vector<double> sum(rows), error(rows, 0), step(rows), step_error(rows);
    for (std::size_t i = 0; i < rows; ++i) sum[i] = value(i, 0);
    for (std::size_t k = 1; k < cols; ++k) {
      for (std::size_t i = 0; i < rows; ++i) {
        step[i] = value(i, k) - sum[i];
        step_error[i] = (error[i] + kUnit * std::abs(step[i])) * (1 + 0x1p-40) + kTiny;
      }
      enclose_activation({ActivationKind::softplus, 1}, step, step_error);
      for (std::size_t i = 0; i < rows; ++i) {
        sum[i] += step[i];
        error[i] = (error[i] + step_error[i] + kUnit * std::abs(sum[i])) * (1 + 0x1p-40) + kTiny;
      }
    }
    for (std::size_t i = 0; i < rows; ++i) {
      double widest = 0;
      for (std::size_t k = 0; k < cols; ++k) widest = std::max(widest, radius(i, k));
      const double loss = sum[i] - value(i, classes_[i]);
      phi.add(loss, error[i] + kUnit * std::abs(loss) + 2 * widest);
    }
  } else {
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t k = 0; k < cols; ++k) {
        if (kind_ == "square") {
          const double d = value(i, k) - y_[i * cols + k], e = radius(i, k) + kUnit * std::abs(d);
          phi.add(d * d / 2, std::abs(d) * e + e * e + kUnit * d * d);
        } else if (k != classes_[i]) {
          const double gap = value(i, classes_[i]) - value(i, k), term = std::max(0.0, 1 - gap);
          phi.add(term, radius(i, k) + radius(i, classes_[i]) + 2 * kUnit * (1 + std::abs(gap)));
        }
      }
    }
  }
  // The errors themselves were rounded, each operation by a factor of at most 1 + kUnit.
  const double error = phi.error * (1 + 0x1p-20) + kTiny;
  if (!std::isfinite(phi.value) || !std::isfinite(error))
    return {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  return {std::nextafter(phi.value - error, -std::numeric_limits<double>::infinity()),
          std::nextafter(phi.value + error, std::numeric_limits<double>::infinity())};
}

}  // namespace widecert::tool
