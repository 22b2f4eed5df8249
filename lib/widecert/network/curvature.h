// How the values of neurons bend over the samples for all parameters of a box around a point: affine, convex or concave
// in the sense of weights with exact barycentres (proofs/minima/README.md), by intervals of pre-activations and
// weights.
#pragma once

#include <widecert/network/ln2_values.h>

namespace widecert {

// What holds on the whole box; each implies the next two.
struct BendLabel {
  bool constant = false, affine = false, convex = false, concave = false;
  std::string lost = {};  // which neuron is not, and why
};

class Curvature {
 public:
  // Over {theta : |theta_e - centre_e| <= radius for every free entry}. Intervals are balls of 128 bits.
  Curvature(const Architecture& network, const Dataset& data, const Parameters<Ln2>& centre, const Rational& radius,
            std::size_t target);

  const std::vector<BendLabel>& outputs() const { return labels_.at(target_); }
  // Of the sum of u_j F_j over the outputs; weights of a linear output are taken together.
  BendLabel of(const std::vector<Rational>& u) const;

 private:
  struct Ends {
    Rational low, high;
  };
  void label(std::size_t node);
  static BendLabel sum(const std::vector<std::pair<BendLabel, Ends>>& terms, const std::string& name);

  const Architecture& network_;
  std::size_t target_;
  std::map<std::size_t, std::vector<std::vector<Ends>>> weights_;  // by filter
  std::map<std::size_t, std::vector<Ends>> hull_;                  // of the inputs of activations
  std::map<std::size_t, std::vector<BendLabel>> labels_;
};

}  // namespace widecert
