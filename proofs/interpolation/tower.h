// The layers above a wide layer k at given parameters, in doubles: what numbers of claims about moving weights are
// chosen from before they are verified by other means.
#pragma once

#include "proofs/gradients/gradients.h"

namespace widecert {

struct TowerQuestion {
  std::size_t node, output;
  PointSpec parameters;
  TargetsSpec targets;
  bool ones;  // [F_k, 1]
};
struct Tower {
  // An activation s_j and the weight matrix A_j above it: ||A_j||_F, sup |s_j'|, a Lipschitz constant of s_j' (0 on one
  // side of a kink).
  struct Floor {
    double norm, slope, bend;
    bool kink;
  };
  std::vector<Floor> floors;
  BackwardNumbers numbers;
  Mat residual;          // F_L - Y
  double jacobian;       // the least singular value of all D_i = d f_L / d g_{k+1}(x_i)
  ShownBounds features;  // of F_k, or [F_k, 1]
  bool ones;
  LayersAbove above;
  IntegerPoint point;

  double worst_residual() const { return residual.rowwise().norm().maxCoeff(); }
  // At other parameters of the layers above the node.
  void move_to(const Instance& instance, const TowerQuestion& asked, const Options& options);
  // The Gauss-Newton step for layer k+1 that takes the residual away to first order: (n_k or n_k + 1) x n_{k+1}.
  Mat step() const;
  // A Lipschitz constant of D_i where no pre-activation passes a kink.
  double lipschitz() const;
  // What D_i moves by at most, in the worst sample, while all layers above the node move by tau.
  double drift(double tau) const;
  // The first sample where a pre-activation may pass a kink while g_{k+1} moves by 2 rho_i / c.
  std::optional<std::size_t> at_kink() const;
};

// Nothing where a rule about Jacobians does not apply or rank F_k = N is not certified; `failed` says why.
std::optional<Tower> tower_above(const Instance& instance, const TowerQuestion& asked, const Options& options,
                                 Outcome& failed);
// "bits", "smallest", "jacobians" c and "precision" of the proof.
Keys tower_keys(const Instance& instance, const Tower& tower, std::size_t output, const Rational& c);

}  // namespace widecert
