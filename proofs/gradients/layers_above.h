// The layers above a wide layer k, as the theorems on gradients see them.
#pragma once

#include "proofs/prover.h"

namespace widecert {

// Linear layers and activations by turns, from the layer after `node` to the linear layer `output`.
struct LayersAbove {
  std::vector<std::size_t> linear, activation;
};
// Nothing where there are others; `why` says which.
std::optional<LayersAbove> layers_above(const Architecture& network, std::size_t node, std::size_t output,
                                        std::string& why);

// The layer whose values are F_L: the entry's "output", or the last linear one.
std::size_t read_output(const Entry& entry);
inline const std::pair<std::string, std::string> kOutputKey{
    "output", "the linear layer whose values are F_L; the last linear one if absent"};

}  // namespace widecert
