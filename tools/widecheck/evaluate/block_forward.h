// Exact values of a block of samples at once in machine integers, for networks whose filters have few weights other
// than 0, and of those neurons alone that the target depends on. What bounds made beforehand do not exclude is seen on
// the way: where a number of a block may get beyond 2^62 the block has no values here.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "evaluate/forward.h"

namespace widecheck {

class BlockForward {
 public:
  static constexpr std::size_t kSamples = 16;

  // `exact` has exact values and outlives this. What it takes to build is about `exact.work()`.
  BlockForward(const Network& network, const Forward& exact);
  // Whether weights, biases and factors are below 2^62 at all, and a block takes little memory.
  bool possible() const { return possible_; }
  // Whether it does much less than values sample by sample, which multiply with zeros and make all neurons.
  bool worthwhile() const { return possible_ && products_ * 4 < dense_products_; }
  // What a block takes.
  Products work() const;
  // kSamples numerators by neuron; the values of the target likewise, or nothing.
  std::optional<std::vector<std::int64_t>> operator()(const std::vector<std::int64_t>& x) const;

  struct Tap {
    std::uint32_t position;  // in a patch
    std::int64_t weight;
  };

 private:
  struct Plan {
    std::vector<std::vector<Tap>> taps;  // linear: by bank and filter, the weights other than 0
    std::vector<std::int64_t> bias, factors, shifts;
    mpz_class norm = 1;                 // what values are multiplied by at most, a sum of |weights|
    mpz_class most_shift = 0;           // of biases or shifts
    std::vector<std::uint32_t> needed;  // neurons
  };

  void plan_taps(Plan& plan, const Forward::Step& step);
  void find_needed();
  template <class Int>
  std::optional<std::vector<std::int64_t>> run(const std::vector<std::int64_t>& x) const;
  template <class Int>
  void evaluate(std::size_t k, const std::vector<std::vector<Int>>& values, std::vector<Int>& y) const;

  const Network& network_;
  const Forward& exact_;
  std::vector<Plan> plans_;                // by step of `exact`
  std::map<std::size_t, std::size_t> at_;  // by node
  std::vector<std::size_t> last_use_;      // by step
  bool possible_ = true, narrow_ = true;   // narrow: all numbers are below 2^31
  std::size_t values_ = 0, joined_ = 0;    // of all nodes; of the inputs of sums, concatenations and selections
  Products products_ = 0, dense_products_ = 0;
};

}  // namespace widecheck
