// The layers above a layer k, where they are linear layers and activations by turns.
#pragma once

#include <widecert/network/architecture.h>

#include <optional>
#include <string>
#include <vector>

namespace widecert {

// From the layer after `node` to the linear layer `output`.
struct LayersAbove {
  std::vector<std::size_t> linear, activation;
};
// Nothing where there are others; `why` says which.
std::optional<LayersAbove> layers_above(const Architecture& network, std::size_t node, std::size_t output,
                                        std::string& why);

// The last linear layer; the input if there is none.
std::size_t last_linear(const Architecture& network);

}  // namespace widecert
