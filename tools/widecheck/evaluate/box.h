// The values of a node over a box of parameters, as rational intervals.
#pragma once

#include <map>

#include "evaluate/bounds.h"
#include "kernel/parameters.h"
#include "kernel/rule.h"

namespace widecheck {

class BoxForward {
 public:
  // Pays for all samples; then reads the centre, a point of Theta up to `target`. Every entry of a free
  // tensor lies within `radius` of it, frozen tensors are fixed.
  BoxForward(const Context& c, std::size_t target, const Value& centre, const mpq_class& radius);

  // Encloses the values of the target over the box, at a sample with these numerators. Throws
  // Rejected("unsupported") for an operation that is not offered (all but linear, relu, leaky-relu,
  // identity, pooling), Malformed("too-large") where an end takes more than 2,048 bits.
  std::vector<Interval> operator()(const std::vector<mpz_class>& x) const;

 private:
  Interval around(const Tensor& tensor, std::size_t row, std::size_t column, bool frozen) const;
  Interval neuron(std::size_t i, std::size_t h, const std::vector<Interval>& x) const;

  const Context& c_;
  std::size_t target_;
  std::map<std::size_t, Parameters> centre_;
  mpq_class radius_;
};

}  // namespace widecheck
