// The filtered modular forward pass: exact values modulo a prime for piecewise-linear
// networks with float or rational weights, whose exact values would have hundreds of bits.
//
// Two passes run side by side. One carries the values modulo p, in doubles that hold integers below
// 2^53 exactly. The other carries approximations in double with an error bound for each value, and
// decides the signs and maxima that steer the first. Where it cannot decide (a value within its error
// of 0, or an overflow) the sample is computed again in integers (ExactForward). The result is exact.
//
// The bound. For y = sum_r w_r x_r + b of K terms, approximations w~, x~, b~ with |w - w~| <= 6u|w|,
// |x - x~| <= e, |b - b~| <= 6u|b|, u = 2^-53, summed in any order, with or without fused products:
//   |y - y~| <= sum |w~| e + (K + 16) u (sum |w~ x~| + |b~|), times 1 + 2^-30, plus (K + 16) 2^-1070
//   (1 + max |x~|) for underflow (Higham, Accuracy and Stability of Numerical Algorithms, 3.1, for K <
//   2^20; longer sums are never decided).
#pragma once

#include <widecert/data/dataset.h>
#include <widecert/network/exact_forward.h>

#include <atomic>
#include <memory>
#include <span>

namespace widecert {

class FilteredForward {
 public:
  // Throws InputError unless the prime is odd and below 2^23.
  FilteredForward(std::shared_ptr<const ExactForward> exact, const Dataset& data, std::uint64_t prime);
  ~FilteredForward();

  // The numerators of the target's values modulo the prime, for the samples first, first + 1, ..., as
  // many as `out` holds. Threads may call it at once. Cost: two products of doubles per weight of
  // every neuron, by BLAS.
  void operator()(std::size_t first, std::span<std::uint32_t> out) const;

  // How many samples had to be computed exactly so far.
  std::size_t undecided() const { return undecided_; }

  struct Values;  // of one node on a block of samples
  struct Plan;    // of one node

 private:
  Values run(const Plan& plan, const std::vector<const Values*>& in, std::vector<char>& failed) const;
  Values linear(const Plan& plan, const Values& in, std::vector<char>& failed) const;
  Values input(const Plan& plan, std::size_t first, std::size_t count) const;

  std::shared_ptr<const ExactForward> exact_;
  const Dataset& data_;
  std::uint64_t prime_;
  std::vector<Plan> plans_;
  mutable std::atomic<std::size_t> undecided_{0};
};

}  // namespace widecert
