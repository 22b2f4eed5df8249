// Losses Phi = sum over samples i and outputs j of l(F_L - Y), over Q[ln 2].
#pragma once

#include "evaluate/ln2_forward.h"
#include "kernel/rule.h"

namespace widecheck {

// l'(a) = a g(a) with g > 0 for the first five, so that l'(a) = 0 exactly if a = 0; the last one is the pair of the
// 2017 paper, section 5: min(a, 0)^2 for the output of the sample's class, max(a, 0)^2 for the others.
enum class LossKind { square, pseudo_huber, blake_zisserman, corrupted_gaussian, cauchy, one_sided };

class Loss {
 public:
  // "square", {"pseudo-huber": delta}, {"blake-zisserman": delta}, {"corrupted-gaussian": [alpha, w]}, {"cauchy":
  // delta} with their parameters in range, or {"one-sided": CLASSES}.
  Loss(const Value& json, const Context& c, std::size_t outputs);

  LossKind kind() const { return kind_; }
  const std::string& in_words() const { return words_; }
  // Of a sample's residual F_L - Y: its part of Phi, and the derivative. Throw Rejected("loss") unless they are
  // polynomial: for square and one-sided, the derivatives of the others where the residual is 0.
  Ln2 value(std::size_t sample, const Ln2Vector& residual, Budget& budget) const;
  Ln2Vector derivative(std::size_t sample, const Ln2Vector& residual, Budget& budget) const;
  // Whether this sample's part of Phi has its least possible value: F_L = Y, or the inequalities of the pair.
  bool least(std::size_t sample, const Ln2Vector& residual, Budget& budget) const;

 private:
  // For the pair: which entries count, those of the wrong sign.
  std::vector<bool> counted(std::size_t sample, const Ln2Vector& residual, Budget& budget) const;
  LossKind kind_ = LossKind::square;
  std::vector<std::size_t> classes_;
  std::string words_ = "Phi = ||F_L - Y||^2 / 2";
};

// Phi of an output, as a claim says by "output", "loss" and "targets".
class Objective {
 public:
  explicit Objective(const Question& q);
  // F_L - Y of a sample.
  Ln2Vector residual(std::size_t sample, const Ln2Forward::Values& values) const;
  // At a point of Theta. Throws Rejected("loss").
  Ln2 value(const Value& parameters) const;
  std::string output_in_words() const { return "F(" + c.network.node(output).name + ")"; }

  const Context& c;
  const std::size_t output;
  const Loss loss;

 private:
  Tensor targets_;
};
std::string in_words(const Ln2& phi);

// What sentences call the losses that a claim for all of them holds for.
std::string five_losses();

}  // namespace widecheck
