// The forward pass in doubles with rigorous error bounds, for any activation and any weights, at the speed
// of the plain one: what certified bounds in bulk start from.
//
// Values come as midpoint and radius, one of each per neuron and sample. A linear layer takes one product of
// matrices for the midpoints; its radii need no second one: with |w - w~| <= 6u|w|, |x - x~| <= e entry by
// entry, K terms in any order and with or without fused products,
//   |y - y~| <= ||w|| (||e|| + (K + 16) u ||x~||) + (K + 16) u |b|, times 1 + 2^-30, plus 2^-1000 (1 + ||x~|| + ||e||),
// a product of a number for the patch and one for the filter (Cauchy-Schwarz; for weights of either sign it
// is larger than sum |w||x| by a small factor only). Activations: double_activation.h.
#pragma once

#include <widecert/data/dataset.h>
#include <widecert/linalg/matrix.h>
#include <widecert/network/exact_forward.h>

#include <memory>

namespace widecert {

// The values of some node on some samples, one sample a row: each within `radius` of `middle`. A radius that
// is not finite means that nothing is known.
struct EnclosedValues {
  Matrix<double> middle, radius;
};

class EnclosedForward {
 public:
  // Throws ShapeError if a linear node below `target` has no parameters. Keeps a reference to `data`.
  EnclosedForward(const Architecture& network, const IntegerPoint& point, std::size_t target, const Dataset& data);
  ~EnclosedForward();

  // The values of `target` on the samples first .. first + count - 1, computed by threads() threads. Cost: one
  // product of doubles per weight of every neuron, by BLAS.
  EnclosedValues operator()(std::size_t first, std::size_t count) const;

  struct Plan;  // of one node

 private:
  EnclosedValues run(const Plan& plan, const std::vector<const EnclosedValues*>& in, std::size_t first,
                     std::size_t count) const;

  Architecture network_;
  const Dataset& data_;
  std::vector<Plan> plans_;
};

}  // namespace widecert
