// The output that entries about gradients name.
#pragma once

#include <widecert/network/layers_above.h>

#include "proofs/prover.h"

namespace widecert {

// The layer whose values are F_L: the entry's "output", or the last linear one.
inline std::size_t read_output(const Entry& entry) {
  const auto given = entry.json.find("output");
  return given ? entry.network.index_of(given->text(), given->place()) : last_linear(entry.network);
}
inline const std::pair<std::string, std::string> kOutputKey{
    "output", "the linear layer whose values are F_L; the last linear one if absent"};

}  // namespace widecert
