// Moats: closed sets M in the space of inputs such that two points lie in different components of what is left.
#pragma once

#include <vector>

#include "evaluate/cells.h"
#include "evaluate/forward.h"
#include "kernel/rule.h"

namespace widecheck {

// The polyhedron {x : a x <= r for all rows (a, r)}; its boundary consists of its facets.
struct Polyhedron {
  std::vector<std::vector<mpz_class>> rows;  // a, then r, up to positive factors
  // The coordinate that facet i is solved for: the first that its row has. x_pivot = (r - sum of the others) / a_pivot.
  std::size_t pivot(std::size_t i) const;
};
// "halfspaces", a list of rows. Throws Rejected("same-side") unless one point is strictly inside, the other strictly
// outside, so that the boundary separates them. Pays for itself.
Polyhedron read_polyhedron(const Value& moat, const Values& a, const Values& b, Budget& budget);
// The facets of a polyhedron in at most three dimensions as planes, with the other rows as limits.
std::vector<Plane> facets(const Polyhedron& p, Budget& budget);

// "curve" in the plane: "vertices", and "from" and "to", directions of a first ray that comes in from infinity and of a
// last one that goes out; without them it is closed. Its signed crossings of the segment from one point to the other
// do not add up to 0, or Rejected("same-side"); then it separates them, if neither lies on it: the segment closed by a
// path off the curve would be a loop, which it crosses 0 times. It may cross itself. Pays for itself.
std::vector<Plane> read_curve(const Value& moat, const Values& one, const Values& other, Budget& budget);

// That class j is strictly the largest at the point, of functions of any kind, by series of so many bits; Rejected(
// "margin") else. Pays for itself.
void require_inside(const Context& c, std::size_t output, const std::map<std::size_t, Parameters>& theta, std::size_t j,
                    const Values& x, unsigned bits);

}  // namespace widecheck
