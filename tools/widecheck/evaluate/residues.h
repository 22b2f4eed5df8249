// Exact values modulo a prime where they have hundreds of bits, as in networks with float weights.
//
// Beside the residues runs a pass in fixed point: integers with an error radius, which decide signs and maxima. They
// have 30 bits (Near = std::int32_t, sums of 64) or, slower, 60 (std::int64_t, sums of 128). What stays open then is
// left to the forward pass in big integers.
#pragma once

#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "evaluate/forward.h"
#include "kernel/int128.h"

namespace widecheck {

template <class Near>
class ResidueForward {
 public:
  using Wide = std::conditional_t<sizeof(Near) == 4, std::int64_t, Int128>;
  // Values of a node on one sample: residues of the numerators, and value * 2^scale within `radius` of `near`, with the
  // scale of the node.
  struct Shadow {
    std::vector<std::uint32_t> residue;
    std::vector<Near> near;
    std::int64_t radius = 0;
  };

  // `exact` has exact values and outlives this. The examples show how large values are; others may be larger, which
  // costs time only.
  ResidueForward(const Network& network, const Forward& exact, std::uint64_t prime,
                 const std::vector<std::vector<mpz_class>>& examples);
  // What a sample takes.
  Products work() const { return work_; }
  Shadow enter(const std::vector<mpz_class>& x) const;
  // The residues of the target's numerators; nothing where a sign or a maximum is open.
  std::optional<std::vector<std::uint32_t>> operator()(Shadow x) const;

 private:
  struct Plan {
    int scale = 0;                    // of `near`
    Wide terms = 0;                   // of a sum of products
    Wide norm = 0;                    // of weights in them
    int weight_scale = 0, shift = 0;  // from products to `near`
    // By bank, position in the patch, filter; bias by neuron. Of batch norm by channel, one bank of weights.
    std::vector<std::vector<Near>> near_weights;
    std::vector<std::vector<std::uint32_t>> weights;
    std::vector<Wide> near_bias;
    std::vector<std::uint32_t> bias;
    std::vector<std::uint32_t> factors;  // of joins by input, of batch norm by channel, of leaky-relu
  };

  void plan_products(Plan& plan, const Forward::Step& step, const Plan& in, const mpz_class& unit,
                     const mpz_class& largest_sum, const mpz_class& largest_weight,
                     const std::vector<mpz_class>& bias) const;
  void plan_linear(Plan& plan, const Forward::Step& step, const Plan& in, const mpz_class& unit) const;
  void settle(const Plan& plan, const std::vector<Wide>& sums, const Shadow& x, Shadow& y) const;
  Shadow linear(const Plan& plan, const Node& node, const Shadow& x) const;
  void activate(const Plan& plan, const Node& node, Shadow& y) const;
  Shadow max_pool(const Node& node, const Shadow& x) const;
  Shadow average_pool(const Node& node, const Shadow& x) const;
  Shadow join(std::size_t node, const Plan& plan, const std::vector<const Shadow*>& in) const;
  Shadow batch_norm(const Plan& plan, const Node& node, const Shadow& x) const;
  std::uint32_t residue(const mpz_class& v) const;

  const Network& network_;
  const Forward& exact_;
  std::uint64_t prime_;
  std::vector<Plan> plans_;                // by step of `exact`
  std::map<std::size_t, std::size_t> at_;  // by node
  Products work_ = 0;
};

extern template class ResidueForward<std::int32_t>;
extern template class ResidueForward<std::int64_t>;

}  // namespace widecheck
