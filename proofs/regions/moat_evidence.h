// That a region has no point on the boundary of a polyhedron, with what convinces the checker.
#pragma once

#include <optional>

#include "proofs/prover.h"
#include "proofs/regions/cells.h"

namespace widecert {

// {x : a x <= r for all rows (a, r)}.
using Halfspaces = std::vector<std::vector<Rational>>;

// Each returns nothing if the boundary has points of the region of class j, or if that is not decided within its
// limits. In at most three dimensions, piecewise linear networks: the facets are cut into cells, the certificate is
// empty.
bool empty_by_cells(const Units& network, std::size_t j, const Halfspaces& p);
// In any dimension, relu and leaky-relu: trees of units, at their leaves vectors of Farkas by an exact linear program.
std::optional<std::vector<Value>> trees_of_branches(const Units& network, std::size_t j, const Halfspaces& p,
                                                    const Options& options);
// Monotone functions: trees of boxes, by intervals.
std::optional<std::vector<Value>> trees_of_ranges(const Units& network, std::size_t j, const Halfspaces& p);

}  // namespace widecert
