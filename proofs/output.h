// The output that entries name, and its targets.
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

inline const std::pair<std::string, std::string> kTargetsKey{
    "targets",
    "Y: a tensor with one row for each sample; {\"labels\": classes from 0 on (a list, or data with one column), "
    "\"rows\": one for each class}; or {\"data\": a data set}"};

}  // namespace widecert
