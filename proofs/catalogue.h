// The catalogue of theorems: data that `widecert explain`, the documentation and the tests read.
// Adding a theorem is one file in proofs/, one entry here, and a checker rule if none serves.
#pragma once

#include "proofs/prover.h"

#include <string>
#include <vector>

namespace widecert {

struct TheoremEntry {
  std::string id;
  std::string title;
  std::string source;     // in the papers
  std::string statement;  // in words
  std::vector<std::string> hypotheses;
  std::vector<std::string> claims;   // kinds it can prove or refute with; the first is the default
  std::vector<std::string> rules;    // the checker's rules behind them
  std::vector<std::string> reasons;  // the fixed words of other outcomes
  // The failed hypothesis, cheaply; null where proving is as cheap.
  std::optional<Outcome> (*obstacle)(const Instance&, const Request&);
  Outcome (*prove)(const Instance&, const Request&, const Options&);
  bool needs_data = true;
  // What an entry of a case may say beside theorem, node, claim and expect.
  std::vector<std::string> keys = {};
};

const std::vector<TheoremEntry>& catalogue();
// Throws InputError listing the known ids.
const TheoremEntry& theorem(const std::string& id);
// Runs the prover of the request. Throws InputError if the theorem cannot prove that kind of claim.
Outcome prove(const Instance& instance, const Request& request, const Options& options);

}  // namespace widecert
