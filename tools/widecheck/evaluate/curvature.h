// How the values of neurons bend over the samples, for all parameters of a box around a point: labels by intervals of
// pre-activations and weights. Nothing is differentiated.
//
// Let kappa be weights with sum_s kappa_st (x_s - x_t) = 0 for every t. A function f on the samples is J-convex if
// sum_s kappa_st (f(x_s) - f(x_t)) >= 0 for every t, J-concave if -f is. Affine functions are both; s(f) is J-convex if
// s is convex on an interval with all f(x_i), and f is affine, or J-convex and s nondecreasing there, or J-concave and
// s nonincreasing (Jensen).
#pragma once

#include <map>

#include "evaluate/ln2_forward.h"

namespace widecheck {

// What holds at every point of the box; each implies the next two.
struct BendLabel {
  bool constant = false;  // over the samples
  bool affine = false;    // in x, on the samples
  bool convex = false, concave = false;
  const char* lost = "";  // why it is not convex or not concave: "kink", "curvature", "sign"
  const char* bent = "";  // why it is not affine: "kink", "curvature"
};

class Curvature {
 public:
  // Over {theta : |theta_e - centre_e| <= radius for every free entry}. Values are enclosed on a grid of 2^-bits. Pays
  // for itself.
  Curvature(const Ln2Forward& centre, const mpq_class& radius, unsigned bits);

  const std::vector<BendLabel>& outputs() const { return labels_.at(centre_.target()); }
  // Of the sum of u_j F_j over the outputs F_j: its weights on what a linear output reads are taken together.
  BendLabel of(const std::vector<mpq_class>& u) const;

 private:
  struct Ends {
    mpz_class low, high;  // over 2^bits
  };
  using Row = std::vector<Ends>;
  struct Box {
    std::vector<Row> weights;  // by filter
    Row bias;
    Products words = 1;  // of the longest weight
  };
  Row enclose(const Ln2Tensor& tensor, std::size_t row, bool free, const mpq_class& radius) const;
  static void widen(Products& words, const Row& row);  // to those of its longest end
  Ends product(const Ends& a, const Ends& b) const;
  Ends apply(const Activation& f, const Ends& x) const;
  Row values(std::size_t node, const std::map<std::size_t, Row>& below) const;
  void label(std::size_t node);
  // Of a sum of these neurons with weights in these intervals.
  BendLabel sum(const std::vector<std::pair<BendLabel, Ends>>& terms) const;
  BendLabel bent(const Activation& f, const Ends& range, const BendLabel& x) const;

  const Ln2Forward& centre_;
  const Network& network_;
  Budget& budget_;
  unsigned bits_;
  std::map<std::size_t, Box> box_;
  std::map<std::size_t, Row> hull_;  // of the inputs of activations, over the samples
  std::map<std::size_t, std::vector<BendLabel>> labels_;
};

}  // namespace widecheck
