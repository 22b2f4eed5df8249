// Forward and backward pass over Q[ln 2], exactly. Tensors have entries a + b ln 2; sigmoid and tanh are rational at
// multiples of ln 2 and ln 2 / 2: 1/(1 + 2^-z) at z ln 2, (2^z - 1)/(2^z + 1) at z ln 2 / 2. What is irrational
// otherwise is refused.
#pragma once

#include <functional>
#include <map>

#include "evaluate/ln2.h"
#include "kernel/parameters.h"
#include "kernel/rule.h"

namespace widecheck {

struct Ln2Tensor {
  Tensor rational, times_ln2;  // no rows: 0
  Products words = 0;          // of the longest number
};
struct Ln2Parameters {
  Ln2Tensor weights, bias;
};

class Ln2Forward {
 public:
  // Reads a point of Theta up to `target`; a tensor may be {"ln2": TENSOR, "plus": TENSOR}, where "plus" may be absent.
  Ln2Forward(const Context& c, std::size_t target, const Value& point);

  using Values = std::map<std::size_t, Ln2Vector>;  // of the target and all nodes below it
  // The values at a sample. Pays for itself. Throws Rejected("irrational"), Rejected("unsupported"),
  // Rejected("sign") and Malformed("too-large").
  Values operator()(const std::vector<mpz_class>& x) const;
  void for_each(const std::function<void(std::size_t, const Values&)>& visit) const;  // sample

  const Context& context() const { return c_; }
  std::size_t target() const { return target_; }
  const std::map<std::size_t, Ln2Parameters>& theta() const { return theta_; }

 private:
  Ln2Vector linear(std::size_t i, const Ln2Vector& x) const;
  Ln2Vector activate(const Node& node, const Ln2Vector& x) const;
  Ln2Vector pool(const Node& node, const Ln2Vector& x) const;

  const Context& c_;
  std::size_t target_;
  std::map<std::size_t, Ln2Parameters> theta_;
};

// The gradient for the tensors of the linear nodes of sums over samples of <d, F(target)>: for shared filters and tied
// biases the sum over all their uses (backpropagation, Lemma H.1).
class Ln2Gradient {
 public:
  explicit Ln2Gradient(const Ln2Forward& forward);
  // Throws Rejected("not-differentiable") at a kink, a step or where a maximum is taken twice.
  void add(const Ln2Forward::Values& values, const Ln2Vector& d);
  struct Tensors {
    std::vector<Ln2Vector> weights;  // by filter
    Ln2Vector bias{0};
  };
  const std::map<std::size_t, Tensors>& sum() const { return sum_; }

 private:
  Ln2Vector through(std::size_t i, const Ln2Vector& d, std::size_t input) const;  // a linear node, to what it reads
  void collect(std::size_t i, const Ln2Vector& d, const Ln2Vector& x);            // of its tensors
  Ln2Vector slopes(const Node& node, const Ln2Vector& x, const Ln2Vector& y) const;
  Ln2Vector unpool(const Node& node, const Ln2Vector& d, const Ln2Vector& x) const;

  const Ln2Forward& forward_;
  Budget& budget_;
  std::map<std::size_t, Tensors> sum_;
};

}  // namespace widecheck
