// That a region has no point on a facet, by a tree of units and vectors of Farkas; in any dimension.
#pragma once

#include "evaluate/moat.h"
#include "evaluate/units.h"

namespace widecheck {

// `tree` lists nodes: a unit, by its number, before the part of the facet where it reads >= 0 and the part where it
// reads <= 0, each a tree of its own; a leaf {"class", "rows", "signs", "equation"} has multipliers: of F_j - F_k, k !=
// j; of r - a x >= 0 of the other rows; of what the units on the way say to be >= 0; of the facet's equation, r - a x =
// 0. All but the last are >= 0. Their sum is a constant: below 0, or 0 while one of a class is positive. So F_j > F_k
// for all k nowhere on the facet. A unit on the way, or one that F_j - F_k depends on, reads units on the way only.
// relu and leaky-relu. Throws Rejected("unsupported", "undecided-unit", "multiplier", "not-constant",
// "no-contradiction"). Pays for itself.
void check_branches(const Units& network, std::size_t j, const Polyhedron& p, std::size_t facet, const Value& tree,
                    Budget& budget);

}  // namespace widecheck
