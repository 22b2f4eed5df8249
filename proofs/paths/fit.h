// Weights on a part of the units that fit values on all samples, in doubles; and their rounding.
#pragma once

#include "proofs/paths/walk.h"

namespace widecert {

using Units = std::vector<std::size_t>;
Units all_units(std::size_t width);
// Those of 0..width-1 that are not in `units`.
Units other_units(const Units& units, std::size_t width);

// The columns of F that a basis of so many consists of, by pivoted QR of what is left after the mean.
Units basis(const Eigen::MatrixXd& f, const Units& allowed, std::size_t most);

// Least squares: [F restricted to the units, 1 if there are biases] times a matrix, near given values.
class Fit {
 public:
  Fit(const Eigen::MatrixXd& f, const Units& units, bool with_bias);
  // A row for each of the units, then one for the biases.
  Eigen::MatrixXd solve(const Eigen::MatrixXd& values) const;
  Eigen::MatrixXd values(const Eigen::MatrixXd& weights) const { return a_ * weights; }
  // As tensors of a layer that reads `width` units: numbers in doubles are taken exactly, 0 at all other units.
  DenseTensors tensors(const Eigen::MatrixXd& weights, std::size_t width) const;

 private:
  Units units_;
  bool with_bias_;
  Eigen::MatrixXd a_;
  std::shared_ptr<const void> factored_;
};

Eigen::MatrixXd rounded(const Eigen::MatrixXd& w, int bits);

// Output tensors on these units whose loss is below the level, with the smallest rounding 2^-k that will do; `best` is
// what the loss comes down to without.
struct Top {
  DenseTensors tensors;
  double phi = 0;
  int bits = 0;
};
std::optional<Top> fit_below(const Eigen::MatrixXd& f, const Units& units, bool with_bias, const ConvexLoss& loss,
                             double level, double& best);

}  // namespace widecert
