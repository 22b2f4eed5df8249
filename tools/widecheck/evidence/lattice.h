// Lattice points (rules/generic.md, "lattice-point"): sigmoid and tanh at integer multiples of ln 2, modulo
// a tower of primes.
#pragma once

#include <cstdint>

#include "kernel/network.h"
#include "kernel/rule.h"

namespace widecheck {

class Lattice {
 public:
  // Checks every side condition on network, tower and point; pays for all samples. Throws Rejected.
  Lattice(const Context& c, const Network& network, std::size_t target, const std::map<std::size_t, Parameters>& point,
          const std::vector<std::uint64_t>& tower);
  // The values of the target modulo the last prime, at a sample with these numerators.
  std::vector<std::uint32_t> operator()(const std::vector<mpz_class>& x) const;

 private:
  struct Step {
    std::size_t node;
    std::uint64_t modulus;                                    // of the values of this node
    std::vector<std::vector<std::uint32_t>> weights;          // linear: filter by filter
    std::vector<std::uint32_t> bias;                          // by Network::bias_of
    std::shared_ptr<const std::vector<std::uint32_t>> table;  // activation: the value at each z
    std::uint64_t inverse_length = 1;                         // average pool
  };
  std::uint32_t entry(const Step& step, std::size_t h,
                      const std::map<std::size_t, std::vector<std::uint32_t>>& known) const;

  const Network& network_;
  std::size_t target_;
  std::vector<Step> steps_;
};

}  // namespace widecheck
