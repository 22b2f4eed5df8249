// The checker's forward pass. What does not depend on the sample - divisors, error radii, bounds on
// the numbers - is computed once; then a sample is evaluated in big integers, or in 64-bit integers
// where the bounds exclude overflow.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "evaluate/fixed_point.h"
#include "kernel/budget.h"
#include "kernel/network.h"

namespace widecheck {

// The numbers v_h / divisor, each exact up to radius / divisor.
struct Values {
  std::vector<mpz_class> v;
  mpz_class divisor = 1;
  mpz_class radius = 0;
};

class Forward {
 public:
  // For samples with numerators of at most `largest` over `divisor`. `bits` is the grid where
  // values are irrational. Throws Rejected or Malformed where the network cannot be evaluated.
  Forward(const Network& network, std::size_t target, const std::map<std::size_t, Parameters>& theta,
          const mpz_class& divisor, const mpz_class& largest, unsigned bits);

  const mpz_class& divisor() const { return steps_.back().divisor; }
  const mpz_class& radius() const { return steps_.back().radius; }
  // For costs: values are about so large at most, over the divisor.
  const mpz_class& bound() const { return steps_.back().bound; }
  // What one sample costs: with big integers; in 64 bits, where small().
  Products work() const { return work_; }
  Products small_work() const { return small_work_; }
  bool exact() const { return exact_; }  // no irrational activation
  bool small() const { return small_; }  // every number is below 2^62, irrational ones by FixedPoint

  // How a node is evaluated.
  struct Step {
    std::size_t node;
    mpz_class divisor = 1, radius = 0, bound = 0;
    // Linear: by bank, position in the patch, filter; the bias by neuron. Multiplied by what brings
    // them to the divisor.
    std::vector<std::vector<mpz_class>> weights;
    std::vector<mpz_class> bias;
    bool wide = false;  // weights and what they meet are below 2^62, sums below 2^125
    std::vector<std::vector<std::int64_t>> small_weights;
    std::vector<std::vector<std::int32_t>> tiny_weights;  // where all sums are below 2^31
    std::vector<std::int64_t> small_bias;
    std::vector<mpz_class> factors, shifts;  // of joins by input, of batch norm by channel
    // Of an irrational activation; its arguments are brought to multiples of 2^-grid first, where there is one.
    std::optional<FixedPoint> fixed;
    std::optional<unsigned> grid;
  };
  const std::vector<Step>& steps() const { return steps_; }  // by node, in order

  Values operator()(const std::vector<mpz_class>& x) const;
  // The same, and shows the values of every node on the way.
  using Observer = std::function<void(std::size_t node, const std::vector<mpz_class>& v, const mpz_class& divisor,
                                      const mpz_class& radius)>;
  Values operator()(const std::vector<mpz_class>& x, const Observer& observe) const;
  // Requires small().
  std::vector<std::int64_t> operator()(const std::vector<std::int64_t>& x) const;

 private:
  void plan_linear(Step& step, const Parameters& theta, const Step& in);
  void plan_activation(Step& step, const Activation& f, const Step& in);
  template <class T, class Seen>
  std::vector<T> run(const std::vector<T>& x, Seen seen) const;
  template <class T>
  std::vector<T> linear(const Step& step, const std::vector<T>& x) const;
  template <class T>
  void activate(const Step& step, std::vector<T>& y) const;

  const Network& network_;
  unsigned bits_;
  std::vector<Step> steps_;
  std::map<std::size_t, std::size_t> step_of_, last_use_;  // by node
  Products work_ = 0, small_work_ = 0;
  bool exact_ = true, small_ = true;
};

}  // namespace widecheck
