// Connected components of a decision region in the plane, exactly: the network is affine on finitely many convex cells.
//
// The plane is {z = 1}; a cell is a cone in z >= 0 over it, a cyclic list of primitive integer rays, so that unbounded
// cells need no special case (z = 0 are directions). The four quadrants are cut by the forms that activations read,
// layer by layer; a form that is 0 on a cell does not cut it. Closed cells with interior cover the plane, and the
// network is affine on each. The region on a cell is convex; pieces of it are joined where they share an edge, not at
// infinity, on which the class is strictly the largest: the groups are the components.
#pragma once

#include <map>

#include "kernel/parameters.h"
#include "kernel/rule.h"

namespace widecheck {

struct RegionCount {
  std::size_t components, cells, pieces;
};
// Of {x in R^d : F_j(x) > F_k(x) for all k != j}, d = 1 or 2. Pays for itself. Throws Rejected("unsupported") for max
// pooling and functions that are not piecewise linear and continuous, ("dimension") for d > 2, Malformed("too-large")
// beyond a million cells.
RegionCount count_components(const Context& c, std::size_t output, const std::map<std::size_t, Parameters>& theta,
                             std::size_t j);

}  // namespace widecheck
