// Convex losses in doubles: what is found with them is verified by the checker.
#pragma once

#include <widecert/network/targets.h>

#include <Eigen/Core>

#include "proofs/prover.h"

namespace widecert {

// "square" with targets, "cross-entropy" or "hinge" with a class for each sample.
struct ConvexLossSpec {
  std::string kind = "square";
  std::optional<TargetsSpec> targets;
  std::optional<Classes> classes;
};
// The keys "loss" and "targets" of an entry.
ConvexLossSpec read_convex_loss(const Entry& entry);
inline const std::pair<std::string, std::string> kConvexLossKey{
    "loss", "\"square\" (default), {\"cross-entropy\": classes} or {\"hinge\": classes}"};
// "loss" of a claim; "targets" of the square loss stand beside it.
Value loss_key(const ConvexLossSpec& loss);

// Sums over N samples; the square loss is half a sum of squares. Outputs are N x m.
class ConvexLoss {
 public:
  ConvexLoss(const ConvexLossSpec& spec, std::size_t samples, std::size_t outputs);
  double phi(const Eigen::MatrixXd& f) const;
  // At least Phi of all outputs that are within a radius of these, sample by sample.
  double phi(const Eigen::MatrixXd& f, const Eigen::VectorXd& radius) const;
  // At most the least Phi where all samples have one output, as the checker bounds it.
  double least_of_constants() const;
  // Outputs to aim at, the closest ones first: scaled one-hot rows push the losses of classes down.
  std::vector<Eigen::MatrixXd> aims() const;

 private:
  std::string kind_;
  Eigen::MatrixXd y_;  // targets, or one-hot rows
  std::vector<std::size_t> classes_;
};

// The values of the output at a point.
Eigen::MatrixXd outputs_at(const Instance& instance, const PointSpec& point, std::size_t output);

}  // namespace widecert
