// The values of a node over a box of parameters, as intervals of integers over one divisor for each node.
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
  // frozen tensors are fixed.
  BoxForward(const Context& c, std::size_t target, const Value& centre, const mpq_class& radius);

  // Encloses the values of the target over the box, times a positive integer, at a sample with these numerators.
  // Pays for itself. Throws Rejected("unsupported") for an operation that is not offered (all but linear, relu,
  // leaky-relu, identity, pooling), Malformed("too-large") where an end takes more than 65,536 bits.
  std::vector<Ends> operator()(const std::vector<mpz_class>& x) const;

 private:
  // The tensor over its divisor, each entry known up to the radius over the same divisor.
  struct Around {
    Tensor centre;
    mpz_class radius, largest;
  };
  Around around(Tensor tensor, bool free, const mpq_class& radius) const;
  std::vector<Ends> linear(std::size_t i, const std::vector<Ends>& x, mpz_class& divisor) const;

  const Context& c_;
  std::size_t target_;
  std::map<std::size_t, std::pair<Around, Around>> theta_;  // weights and bias
};

}  // namespace widecheck
