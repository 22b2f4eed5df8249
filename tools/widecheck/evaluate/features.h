// F: the values of a node on all samples, and what evaluating them costs.
#pragma once

#include <map>

#include "evaluate/forward.h"
#include "kernel/budget.h"
#include "kernel/parameters.h"
#include "kernel/rule.h"

namespace widecheck {

// "precision" of a proof, 1 to 4096 bits; 64 if it is absent.
unsigned read_precision(const Value& proof);

// Making one pays for the values of the node on all samples, as far as the layers tell: before a
// tensor is expanded or a sample is read.
class Features {
 public:
  // `bits` of each series, 0 where none is evaluated.
  Features(const Context& c, std::size_t node, unsigned bits);

  std::size_t samples() const { return c_.data.size(); }
  std::size_t width() const { return node().width; }
  const Node& node() const { return c_.network.node(node_); }
  // The claim's "rank", which has to be min(samples, width).
  std::size_t read_rank(const Value& claim) const;
  std::map<std::size_t, Parameters> read_point(const Value& json) const;

 private:
  const Context& c_;
  std::size_t node_;
};

// The forward pass, paid for all samples with what its numbers really take.
Forward make_forward(const Context& c, const Network& network, std::size_t target,
                     const std::map<std::size_t, Parameters>& theta, unsigned bits);

// What one value (or slope) of an activation takes; 0 without a series (bits = 0).
Products series_cost(const Activation& f, unsigned bits);
// Pays for the values of `target` on all samples as far as the layers tell, an entry costing `cost`.
void pay_for_layers(const Context& c, std::size_t target, unsigned bits, Products cost = 1);

}  // namespace widecheck
