// Patches of the data that tell samples apart.
#pragma once

#include <vector>

#include "kernel/rule.h"

namespace widecheck {

// The node, if it reads the data itself and has patches.
const Node& first_patches(const Context& c, std::size_t node);
// No patch of such a node is shared by two samples; or none at one place.
void require_distinct_patches(const Context& c, std::size_t node, bool at_one_place);
// How many different contents each patch takes over all samples, counted up to `most` of them.
std::vector<std::size_t> count_contents(const Context& c, std::size_t node, std::size_t most);
// Into how many classes the patches fall, those of a class being of one bank and equal on every sample.
std::size_t count_classes(const Context& c, std::size_t node);

}  // namespace widecheck
