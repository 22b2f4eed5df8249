#include "proofs/paths/fit.h"

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace widecert {
namespace {
using Mat = Eigen::MatrixXd;
using Factored = Eigen::ColPivHouseholderQR<Mat>;
Eigen::Index at(std::size_t k) { return static_cast<Eigen::Index>(k); }
}  // namespace

Units all_units(std::size_t width) {
  Units all(width);
  std::iota(all.begin(), all.end(), std::size_t{0});
  return all;
}

Units other_units(const Units& units, std::size_t width) {
  Units others;
  for (std::size_t j = 0; j < width; ++j)
    if (std::find(units.begin(), units.end(), j) == units.end()) others.push_back(j);
  return others;
}

Units basis(const Mat& f, const Units& allowed, std::size_t most) {
  Mat part(f.rows(), at(allowed.size()));
  for (std::size_t k = 0; k < allowed.size(); ++k) part.col(at(k)) = f.col(at(allowed[k]));
  const Eigen::RowVectorXd mean = part.colwise().mean();
  part.rowwise() -= mean;
  const Factored qr(part);
  Units chosen;
  for (std::size_t k = 0; k < std::min({most, static_cast<std::size_t>(qr.rank()), allowed.size()}); ++k)
    chosen.push_back(allowed[static_cast<std::size_t>(qr.colsPermutation().indices()(at(k)))]);
  return chosen;
}

Fit::Fit(const Mat& f, const Units& units, bool with_bias) : units_(units), with_bias_(with_bias) {
  a_.resize(f.rows(), at(units.size() + (with_bias ? 1 : 0)));
  for (std::size_t k = 0; k < units.size(); ++k) a_.col(at(k)) = f.col(at(units[k]));
  if (with_bias) a_.col(at(units.size())).setOnes();
  factored_ = std::make_shared<Factored>(a_);
}

Mat Fit::solve(const Mat& values) const { return static_cast<const Factored*>(factored_.get())->solve(values); }

DenseTensors Fit::tensors(const Mat& weights, std::size_t width) const {
  DenseTensors out;
  for (Eigen::Index t = 0; t < weights.cols(); ++t) {
    auto& row = out.weights.emplace_back(width, Rational(0));
    for (std::size_t k = 0; k < units_.size(); ++k) row[units_[k]] = exactly(weights(at(k), t));
    if (with_bias_) out.bias.push_back(exactly(weights(at(units_.size()), t)));
  }
  return out;
}

Mat rounded(const Mat& w, int bits) {
  const double unit = std::ldexp(1.0, bits);
  return (w * unit).array().round() / unit;
}

std::optional<Top> fit_below(const Mat& f, const Units& units, bool with_bias, const ConvexLoss& loss, double level,
                             double& best) {
  const Fit fit(f, units, with_bias);
  best = std::numeric_limits<double>::infinity();
  // (A loss of 0, as the hinge loss has it, may be the level.)
  const auto below = [&](double phi) { return level > 0 ? phi < level * (1 - 1e-9) : phi == 0; };
  for (const Mat& aim : loss.aims()) {
    const Mat w = fit.solve(aim);
    const double exact = loss.phi(fit.values(w));
    best = std::min(best, exact);
    if (!below(exact)) continue;
    for (int bits = 2; bits <= 48; bits += 2) {
      const Mat short_ones = rounded(w, bits);
      const double phi = loss.phi(fit.values(short_ones));
      if (below(phi)) return Top{fit.tensors(short_ones, static_cast<std::size_t>(f.cols())), phi, bits};
    }
  }
  return std::nullopt;
}

}  // namespace widecert
