// How many dimensions the columns of a node's values span at most, together with the constants, whatever the
// parameters.
#pragma once

#include "kernel/rule.h"

namespace widecheck {

// Whatever the data: linear maps, average pools, batch norms and identities add none to what they read.
std::size_t affine_dimension(const Network& network, std::size_t node);

// By `fields`, lists of entries of the input. A neuron that depends on the entries of a field alone, through patches,
// whatever operations are between, is a function of the content of the field: k such neurons and the constants span at
// most as many dimensions as it has contents on the data. A neuron counts for the first field that it depends on alone.
// Contents are compared exactly. Pays for itself.
std::size_t field_dimension(const Context& c, std::size_t node, const Value& fields);

}  // namespace widecheck
