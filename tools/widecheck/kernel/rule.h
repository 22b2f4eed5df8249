// What a rule is: a row (kind of claim, name, function) in the table of its topic, rules/TOPIC.cpp. The
// driver (main.cpp) knows nothing of a rule but its row. There is no rule that trusts anything.
#pragma once

#include <set>
#include <span>
#include <string>

#include "kernel/budget.h"
#include "kernel/data.h"
#include "kernel/input.h"
#include "kernel/network.h"

namespace widecheck {

struct Topic;

// What all claims of a file speak of, and what checking them may cost.
struct Context {
  const Network& network;
  const Data& data;
  Budget& budget;
  std::set<const Topic*>* used = nullptr;  // receives the topics whose rules are asked
};

// What has been proved.
struct Verdict {
  // Unconditionally, or up to an error of at most 2^-error_bits in the random-oracle model.
  Verdict(std::string proved, unsigned bits = 0) : sentence(std::move(proved)), error_bits(bits) {}
  std::string sentence;
  unsigned error_bits;
  bool recomputed = false;  // nothing was proved: a computation was repeated in part
};

// One entry of "claims" with the entry of "proofs" at the same place; or a claim that stands in another one.
struct Question {
  const Context& c;
  std::string kind, rule;
  Value claim, proof;
  const Question* outer = nullptr;
  // The claim, as evidence is bound to it: the whole one that stands in the file.
  std::string text() const { return outer != nullptr ? outer->text() : claim.compact(); }
  // The node that the claim names; not every claim has one.
  std::size_t node() const { return c.network.find(claim.at("node").text()); }
};

// Returns what it has proved, or throws Rejected or Malformed.
using Check = Verdict (*)(const Question&);

struct Rule {
  const char* kind;
  const char* name;
  Check check;
};

struct Topic {
  const char* name;
  std::span<const Rule> rules;
  bool needs_data = true;  // its claims speak of samples
};

}  // namespace widecheck
