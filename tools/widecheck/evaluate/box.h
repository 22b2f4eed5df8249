// The values of a node over a box of parameters, as intervals of integers over one divisor for each node: all divisors
// and bounds are known before the first sample.
#pragma once

#include <map>

#include "kernel/parameters.h"
#include "kernel/rule.h"

namespace widecheck {

class BoxForward {
 public:
  struct Ends {
    mpz_class low, high;
  };

  // Reads the centre, a point of Theta up to `target`. Every entry of a free tensor lies within `radius` of it,
  // frozen tensors are fixed. Pays for all samples. Throws Rejected("unsupported") for an operation that is not
  // offered (all but linear, relu, leaky-relu, identity, pooling), Malformed("too-large") where an end may take more
  // than 65,536 bits.
  BoxForward(const Context& c, std::size_t target, const Value& centre, const mpq_class& radius);

  // Encloses the values of the target over the box, times a positive integer, at a sample with these numerators.
  std::vector<Ends> operator()(const std::vector<mpz_class>& x) const;

 private:
  // Of a linear node the centre and the radii over what brings a sum to the divisor.
  struct Step {
    std::size_t node;
    mpz_class divisor = 1, bound = 0;
    Tensor weights, bias;
    mpz_class weights_radius = 0, bias_radius = 0;
  };
  Products plan_linear(Step& step, Parameters centre, const mpq_class& radius) const;
  Ends neuron(const Step& step, std::size_t h, const std::vector<Ends>& x) const;

  const Context& c_;
  std::vector<Step> steps_;
};

}  // namespace widecheck
