// The catalogue of theorems: data that `widecert explain`, the documentation and the tests read. A theorem is a file in
// its topic's folder and a word in catalogue.cpp.
#pragma once

#include "proofs/prover.h"

namespace widecert {

const std::vector<Theorem>& catalogue();
// Throws InputError listing the known ids.
const Theorem& theorem(const std::string& id, const std::vector<Theorem>& known = catalogue());

// An entry of a case's "prove" list, read and ready.
struct Task {
  const Theorem* theorem;
  std::size_t node;
  std::string claim;
  Prover prove;  // throws InputError where the theorem speaks of samples and the instance has none
};
// Reads "theorem", "node", "claim" and the theorem's keys; the caller reads what else there may be, and calls done().
// Throws InputError naming the place.
// `known`: the theorems to choose from; an outside topic brings its own. `node`: of an entry inside another one, which
// does not say it again.
Task read_entry(JsonReader& entry, const Architecture& network, const std::vector<Theorem>& known = catalogue(),
                std::optional<std::size_t> node = std::nullopt);

// An entry that says nothing but these; `claim` empty: the theorem's first.
Outcome prove(const Instance& instance, const std::string& theorem, const std::string& node,
              const std::string& claim = "", const Options& options = {});
// An entry as it stands in a case file, for a library's user: {"theorem": ..., "node": ..., ...}. Paths in it start at
// the working directory.
Outcome prove_entry(const Instance& instance, const std::string& entry, const Options& options = {},
                    const std::vector<Theorem>& known = catalogue());

}  // namespace widecert
