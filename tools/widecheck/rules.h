// One function per rule of FORMAT.md. Each either returns the sentence that has been proved or
// throws Rejected (or Malformed). There is no rule that trusts anything.
#pragma once

#include <string>

#include "data.h"
#include "network.h"

namespace widecheck {

struct Context {
  const Network& network;
  const Data& data;
};

// Checks one entry of "claims" against the entry of "proofs" at the same place. Returns what was
// proved, in words; `rule` receives the rule's name.
std::string check_claim(const Context& context, Value claim, Value proof, std::string& rule);

// The side conditions of the ray rules that involve alpha_0, apart for tests: `n` is the size of
// the matrix, d the lower and `radius` the largest absolute bound of the diagonal.
struct Gaps {
  mpq_class delta, diagonal_low, diagonal_high, upper;
};
void require_threshold(const std::string& rule, const Activation& f, const Gaps& gaps,
                       const mpq_class& beta, const mpq_class& alpha_0, std::size_t n,
                       bool saturated);

// Rank of integer rows modulo a prime below 2^31, by elimination; stops once it reaches `enough`.
class Echelon {
 public:
  Echelon(std::size_t width, std::uint64_t prime) : prime_(prime), pivot_row_(width, -1) {}
  // Reduces the row and keeps it if it is independent of those before. Throws
  // Malformed("too-large") after 2^38 steps in all.

  void insert(std::vector<std::uint64_t> row);
  std::size_t rank() const { return rows_.size(); }

 private:
  std::uint64_t prime_, work_ = 0;
  std::vector<std::vector<std::uint32_t>> rows_;  // each with leading entry 1
  std::vector<long> pivot_row_;
};

}  // namespace widecheck
