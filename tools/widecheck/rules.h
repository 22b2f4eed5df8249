// One function per rule of FORMAT.md, in files by family. Each returns the sentence that has been
// proved or throws Rejected (or Malformed). There is no rule that trusts anything.
#pragma once

#include <array>
#include <string>

#include "data.h"
#include "forward.h"
#include "network.h"

namespace widecheck {

struct Context {
  const Network& network;
  const Data& data;
  mutable double work = 0;  // products that the claims checked so far have been granted
};

struct Verdict {
  std::string sentence;
  // 0: unconditional. Else proved up to an error of at most 2^-error_bits, in the random-oracle
  // model.
  unsigned error_bits = 0;
  bool recomputed = false;  // nothing was proved: a computation was repeated in part
};

// Checks one entry of "claims" against the entry of "proofs" at the same place. `rule` receives the
// rule's name before anything can be rejected.
Verdict check_claim(const Context& context, Value claim, Value proof, std::string& rule);

// ---- the families (rules_*.cpp) ----

std::string patches_distinct(const Context& c, std::size_t node);
std::string patches_collide(const Context& c, std::size_t node, Value& claim);
std::string features_distinct(const Context& c, std::size_t node, Value& claim, Value& proof);
Verdict weights_full_rank_at(const Context& c, std::size_t node, Value& claim, Value& proof, const std::string& rule);
std::string weights_deficient_at(const Context& c, std::size_t node, Value& claim, Value& proof);
Verdict weights_full_rank(const Context& c, std::size_t node, Value& claim, Value& proof, const std::string& rule);
std::string weights_never_full_rank(const Context& c, std::size_t node, Value& proof, const std::string& rule);
std::string weights_generic_rank(const Context& c, std::size_t node, Value& claim, Value& proof);
std::string activation_violates(const Context& c, std::size_t node, Value& claim, Value& proof);
std::string never_independent(const Context& c, std::size_t node, Value& proof, const std::string& rule);
std::string dependent_at(const Context& c, std::size_t node, Value& claim, Value& proof, const std::string& rule);
std::string dependent_on_open_set(const Context& c, std::size_t node, Value& claim);
Verdict independent_at(const Context& c, std::size_t node, Value& claim, Value& proof, const std::string& rule);
// "rank" of a claim, which has to be min(N, n).
std::size_t read_rank(const Context& c, std::size_t node, Value& claim);
// The same by singular values, for features that need not be rational.
std::string independent_at_by_cholesky(const Context& c, std::size_t node, std::size_t rank, Value& claim,
                                       Value& proof);
std::string singular_value_bounds(const Context& c, std::size_t node, Value& claim, Value& proof);
Verdict recomputed_bounds(const Context& c, std::size_t node, const std::string& kind, Value& claim, Value& proof);
std::string weights_singular_value_bounds(const Context& c, std::size_t node, Value& claim, Value& proof);
std::string gradient_enclosure(const Context& c, std::size_t node, Value& claim, Value& proof);
std::string gradient_bounds(const Context& c, std::size_t node, Value& claim, Value& proof);
std::string in_s_k(const Context& c, std::size_t node, Value& claim, Value& proof);
std::string gradient_dominance(const Context& c, std::size_t node, Value& claim, Value& proof);
Verdict almost_everywhere(const Context& c, std::size_t node, Value& claim, Value proof);
// The side conditions of "translates", for almost every parameter or for some.
void check_translates(const Context& c, std::size_t node, bool almost_every);
void check_ray(const Context& c, std::size_t node, Value family, Value proof, const mpq_class& alpha_0, bool affine);

// The side conditions of the ray rules that involve alpha_0, apart for tests: `n` is the size of
// the matrix, d the lower and `radius` the largest absolute bound of the diagonal.
struct Gaps {
  mpq_class delta, diagonal_low, diagonal_high, upper;
};
void require_threshold(const std::string& rule, const Activation& f, const Gaps& gaps, const mpq_class& beta,
                       const mpq_class& alpha_0, std::size_t n, bool saturated);

// ---- small pieces that several families use (rules_common.cpp) ----

constexpr unsigned kBits = 128;  // of the enclosures in threshold conditions

std::string number(std::size_t n);
std::string show(const mpq_class& q);
const mpz_class& entry(const std::vector<mpz_class>& x, long e);  // 0 for padding

// No patch of the node, which reads the data, is shared by two samples; or none at one place.
void require_distinct_patches(const Context& c, std::size_t node, bool at_one_place);
// The node, if it is linear.
const Node& linear_node(const Context& c, std::size_t i);
// The linear nodes that `target` depends on.
std::vector<std::size_t> linear_nodes(const Network& network, std::size_t target);
// The same, each free of frozen tensors.
std::vector<std::size_t> free_linear_nodes(const Context& c, std::size_t target);
// Each of exactly these nodes has an entry in the object.
void require_nodes(const Network& network, const std::vector<std::size_t>& nodes, const Value& json);
// Both tensors of a node; a bias is present exactly if the architecture has one.
Parameters read_parameters(const Network& network, std::size_t node, Value json);
// A point of Theta: exactly the free tensors of the linear nodes below the target. Frozen ones are
// filled in.
std::map<std::size_t, Parameters> read_point(const Network& network, std::size_t target, Value json);
unsigned read_precision(Value& proof);
// The two different samples [i, j] that a proof names. Throws Rejected("same-sample").
std::array<std::size_t, 2> read_samples(const Context& c, Value& proof);
// Claims from a stranger may be small and ask for years of work: that is refused before it is begun.
// All claims of a file together get 10^12 products of 64-bit numbers.
void spend(const Context& c, double products);
// What one value (or slope) of an activation takes, in products of 64-bit numbers; 0 without a series (bits = 0: the
// rule evaluates none).
double series_cost(const Activation& f, unsigned bits);
// Spends what the values of `target` on all samples take as far as the layers tell, an entry costing
// `cost` products.
void require_feasible(const Context& c, std::size_t target, unsigned bits, double cost = 1);
// The forward pass, paid for with what its numbers really take.
Forward make_forward(const Context& c, const Network& network, std::size_t target,
                     const std::map<std::size_t, Parameters>& theta, unsigned bits);
// At most so many dimensions are spanned by the columns of a node's values and the constants,
// whatever data and parameters: linear maps, average pools, batch norms and identities add none.
std::size_t affine_dimension(const Network& network, std::size_t node);

}  // namespace widecheck
