// The exact forward pass in integers, for every network whose values are rational: linear layers,
// relu, leaky relu, identity, steps, poolings, sums, concatenations, batch norm, at any depth.
//
// The values of a node on a sample are integers over one divisor that depends on the node alone, by
// the rules of FORMAT.md, "Values and enclosures" (so prover and checker speak of the same integer
// matrix). Bounds on all values are computed first, in big integers: where they stay below 2^62 the
// pass runs on 64-bit integers (32-bit products where those suffice), vectorised; elsewhere on
// Integer.
#pragma once

#include <widecert/network/architecture.h>
#include <widecert/network/integer_tensor.h>

#include <span>

namespace widecert {

struct IntegerParameters {
  IntegerTensor weights, bias;  // the bias is one row; empty without bias
};
using IntegerPoint = std::map<std::size_t, IntegerParameters>;  // by node

// True if the values of `node` are rational at rational parameters and inputs.
bool rational_valued(const Architecture& network, std::size_t node);

class ExactForward {
 public:
  // For samples whose numerators over `divisor` are at most `largest` in absolute value. Throws
  // ShapeError if a linear node below `target` has no parameters, InputError if the values are not
  // rational.
  ExactForward(const Architecture& network, const IntegerPoint& point, std::size_t target, const Integer& divisor,
               const Integer& largest);

  // Of the values of the target.
  const Integer& divisor() const { return steps_.back().divisor; }
  const Integer& bound() const { return steps_.back().bound; }
  std::size_t width() const { return network_.node(steps_.back().node).width; }
  // Every value of every node below 2^62.
  bool is_small() const { return small_; }

  // The numerators of the target's values. Threads may call it at once. Cost: one product per
  // weight of every neuron.
  std::vector<std::int64_t> small(std::vector<std::int64_t> x) const;  // requires is_small()
  std::vector<Integer> large(std::vector<Integer> x) const;

  // What is done, node by node; for passes that follow it in other arithmetic (filtered_forward.h).
  struct Step {
    std::size_t node;
    Integer divisor, bound;
    // Linear: y = W x * factor + b * bias_factor, the factors multiplied into the tensors. The
    // weights of a bank are stored by position, then filter; the bias by neuron.
    std::vector<Integer> weights, bias;
    std::vector<std::int64_t> small_weights, small_bias;
    std::vector<std::int32_t> tiny_weights;  // where every partial sum is below 2^31
    std::vector<std::size_t> bank_begin;
    PatchLayout::Flat patches;
    // Sum and concatenation: what brings each input to the common divisor. Batch norm: scale and
    // shift per channel.
    std::vector<Integer> factors, shifts;
    std::vector<std::size_t> last_uses;  // values that no later node needs
  };
  const std::vector<Step>& steps() const { return steps_; }
  const Architecture& network() const { return network_; }

 private:
  template <class T>
  std::vector<T> run(std::vector<T> x) const;
  template <class T>
  std::vector<T> linear(const Step& step, const std::vector<T>& x) const;
  void prepare_linear(Step& step, const IntegerParameters& theta, const Step& in);

  Architecture network_;
  std::vector<Step> steps_;
  bool small_ = true;
};

}  // namespace widecert
