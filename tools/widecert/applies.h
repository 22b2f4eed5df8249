// Which theorems apply to the layers of a network, as far as their cheap tests show: for inspect and report.
#pragma once

#include <string>
#include <vector>

#include "proofs/catalogue.h"

namespace widecert::tool {

struct Applies {
  const Theorem* theorem;
  const Node* node;
  std::optional<Outcome> obstacle;  // why it does not
};

// Layer by layer; the theorems that need no data first, since their layers stand below the activations.
std::vector<Applies> which_apply(const Instance& instance);
std::string in_words(const Applies& one);

}  // namespace widecert::tool
