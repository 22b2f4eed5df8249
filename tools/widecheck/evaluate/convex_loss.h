// Losses that are convex in F_L: from above, on values that are exact or enclosed.
#pragma once

#include <cstdint>
#include <map>

#include "evaluate/forward.h"
#include "kernel/parameters.h"
#include "kernel/rule.h"

namespace widecheck {

// "square" with targets Y: ||F_L - Y||^2 / 2; {"cross-entropy": CLASSES}: sum_i (ln sum_k e^(f_ik) - f_i,c(i));
// {"hinge": CLASSES}: sum_i sum_{k != c(i)} max(0, 1 - (f_i,c(i) - f_ik)), for the class c(i) of sample i.
class ConvexLoss {
 public:
  // Of the claim's keys "loss", and "targets" for the square loss.
  ConvexLoss(const Question& q, std::size_t output);
  // At least Phi at a point: exact where values are rational and the loss is not cross-entropy; else a little more, by
  // series of so many bits. Pays for itself.
  mpq_class above(const std::map<std::size_t, Parameters>& theta, unsigned bits) const {
    return bound(theta, bits, Side::above);
  }
  // At most Phi there, likewise.
  mpq_class below(const std::map<std::size_t, Parameters>& theta, unsigned bits) const {
    return bound(theta, bits, Side::below);
  }
  // At least the slope of Phi at the end of the straight line between outputs at two points: of the left side, there.
  mpq_class slope_above(const std::map<std::size_t, Parameters>& from, const std::map<std::size_t, Parameters>& to,
                        unsigned bits) const;
  // At most the least Phi where all samples have one output: exact for the square loss, and up to series of so many
  // bits for cross-entropy, sum_c N_c ln(N / N_c); for the hinge loss the sum of 2 min(N_a, N_b) over pairs of classes.
  mpq_class least_of_constants(unsigned bits) const;
  // Y; of the square loss, else Rejected("loss").
  const Tensor& targets() const;
  const std::string& in_words() const { return words_; }

 private:
  enum class Kind { square, cross_entropy, hinge } kind_ = Kind::square;
  enum class Side { below, above };
  mpq_class bound(const std::map<std::size_t, Parameters>& theta, unsigned bits, Side side) const;
  mpq_class of_sample(const Values& f, std::size_t sample, unsigned bits, Side side) const;
  friend class LossOnGrid;
  mpq_class slope_of_sample(const Values& f, const Values& g, std::size_t sample, unsigned bits) const;
  const Context& c_;
  std::size_t output_;
  Tensor targets_;
  std::vector<std::size_t> classes_;
  std::string words_;
};

// The loss of one sample, from above, where outputs are integers in units of 2^-bits, each within a radius; so is the
// loss. For 8 to 48 bits and outputs of less than 2^60 units.
class LossOnGrid {
 public:
  LossOnGrid(const ConvexLoss& loss, unsigned bits);
  mpz_class operator()(const std::vector<std::int64_t>& f, std::int64_t radius, std::size_t sample) const;

 private:
  const ConvexLoss& loss_;
  unsigned bits_;
  std::vector<std::vector<std::int64_t>> targets_;  // to the nearest
};

}  // namespace widecheck
