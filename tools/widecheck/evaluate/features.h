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
unsigned read_bits(const Value& proof, const char* key = "bits");  // 1 to 4096

// The claim's "rank", which has to be min(N, n) of the node.
std::size_t read_full_rank(const Context& c, std::size_t node, const Value& claim);

// Making one pays for the values of the node on all samples, as far as the layers tell: before a
// tensor is expanded or a sample is read.
class Features {
 public:
  // `bits` of each series, 0 where none is evaluated.
  Features(const Context& c, std::size_t node, unsigned bits);

  std::size_t samples() const { return c_.data.size(); }
  std::size_t width() const { return node().width; }
  const Node& node() const { return c_.network.node(node_); }
  // As read_full_rank().
  std::size_t read_rank(const Value& claim) const;
  std::map<std::size_t, Parameters> read_point(const Value& json) const;

 private:
  const Context& c_;
  std::size_t node_;
};

// "rank F(relu1) = 10", and that this is full column rank where there are fewer columns than samples.
std::string rank_in_words(const Context& c, std::size_t node, std::size_t rank);

// Products of the patches of what enters a linear node with vectors, for all samples: <v, f^p> for the patch p of a
// neuron. Making one pays for them all, `vectors` for each patch, in 64 bits where all fit and `narrow` says so.
class PatchProducts {
 public:
  PatchProducts(const Context& c, const Node& node, Products vectors, const mpz_class& most_of_vectors,
                const Forward& below, bool narrow);
  template <class T, class F>
  T operator()(std::size_t p, const std::vector<T>& v, const std::vector<F>& f) const {
    T sum = 0;
    node_.patches.for_each_seen(p, [&](std::size_t r, std::size_t input) { sum += v[r] * f[input]; });
    return sum;
  }

 protected:
  explicit PatchProducts(const Node& node) : node_(node) {}

 private:
  const Node& node_;
};

// The same with one patch for each sample, and weights of any length.
class OnePatchEach : public PatchProducts {
 public:
  OnePatchEach(const Context& c, const Node& node, const mpz_class& most_of_vectors);
};

// On which sides of hyperplanes <h, [f, 1]> = 0 enclosed values lie.
class Hyperplanes {
 public:
  // Pays for all samples. A normal has one entry more than values have.
  Hyperplanes(const Context& c, const Forward& forward, const std::vector<std::vector<mpz_class>>& normals);
  // 1 or -1, or 0 where the enclosure does not tell.
  int side(const Values& values, std::size_t normal) const;

 private:
  const std::vector<std::vector<mpz_class>>& normals_;
  std::vector<mpz_class> norms_;  // sums of absolute values, without the last entry
};

// The forward pass, paid for all samples with what its numbers really take: big integers, or 64 bits
// where all fits and `narrow` says that the caller will ask for them.
Forward make_forward(const Context& c, const Network& network, std::size_t target,
                     const std::map<std::size_t, Parameters>& theta, unsigned bits, bool narrow = false);

// At least ||f - y||^2 of enclosed values and targets over a divisor.
mpq_class residual_square_above(const Values& f, const std::vector<mpz_class>& y, const mpz_class& divisor,
                                Budget& budget);

// Pays for the values of `target` on all samples as far as the layers tell, an entry costing `cost`.
void pay_for_layers(const Context& c, std::size_t target, unsigned bits, Products cost = 1);

}  // namespace widecheck
