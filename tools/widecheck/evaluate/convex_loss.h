// Losses that are convex in F_L, from above: on values that are exact or enclosed.
#pragma once

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
  mpq_class above(const std::map<std::size_t, Parameters>& theta, unsigned bits) const;
  const std::string& in_words() const { return words_; }

 private:
  enum class Kind { square, cross_entropy, hinge } kind_ = Kind::square;
  mpq_class of_sample(const Values& f, std::size_t sample, unsigned bits) const;
  const Context& c_;
  std::size_t output_;
  Tensor targets_;
  std::vector<std::size_t> classes_;
  std::string words_;
};

}  // namespace widecheck
