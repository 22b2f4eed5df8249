// That a region has no point on a facet, by intervals over boxes of it that may be infinite; smooth functions, too.
#pragma once

#include "evaluate/moat.h"
#include "evaluate/units.h"

namespace widecheck {

// On the facet the pivot is an affine form of the other inputs, its coordinates; units of a layer that read the same
// forms of these have one value. `tree` lists nodes: {"coordinate", "at"} before the part of a box where this input is
// below and the part where it is above; a leaf is a class k with F_j - F_k <= 0 all over the box, or {"outside": row},
// a row of the polyhedron, counted from 0, that is violated all over it. Functions are continuous and strictly
// monotone, or relu; their limits at infinity count. Throws Rejected("unsupported", "not-below", "not-outside"). Pays
// for itself.
void check_ranges(const Units& network, std::size_t j, const Polyhedron& p, std::size_t facet, const Value& tree,
                  unsigned bits, Budget& budget);

}  // namespace widecheck
