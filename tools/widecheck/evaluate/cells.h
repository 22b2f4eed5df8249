// A piecewise linear network on a plane through its inputs, exactly: it is affine on finitely many convex cells.
//
// The plane is {z = 1}; a cell is a cone in z >= 0 over it, a cyclic list of primitive integer rays, so that unbounded
// cells need no special case (z = 0 are directions). The four quadrants are cut by the forms that units read, layer by
// layer; a form that is 0 on a cell does not cut it. Closed cells with interior cover the plane, and the network is
// affine on each. The region of a class on a cell is convex; pieces of it are joined where they share an edge, not at
// infinity, on which the class is strictly the largest: the groups are the components.
#pragma once

#include <array>
#include <vector>

#include "evaluate/units.h"
#include "kernel/rule.h"

namespace widecheck {

using Ray = std::array<mpz_class, 3>;  // (s, t, z); also a linear form on these

// The inputs as forms on (s, t, z), all over one positive divisor, and closed half planes, {form >= 0}, whose meet is
// looked at. A line or a point is a plane whose forms do not depend on t, or on s and t.
struct Plane {
  std::vector<Ray> inputs;
  mpz_class divisor = 1;
  std::vector<Ray> limits;
};
// All inputs, of which there are one or two; the line has t as well, on which nothing depends.
Plane plane_of_inputs(std::size_t inputs);
// Inputs origin + s u + t v.
Plane plane_through(const Tensor& origin, const Tensor& u, const Tensor& v);

struct RegionCount {
  std::size_t components, cells, pieces;
};
// Of {p in the plane and in its limits : F_j > F_k for all k != j}; connected components in the sense of these p. Pays
// for itself. Throws Rejected("unsupported") for functions that are not piecewise linear and continuous,
// Malformed("too-large") beyond a million cells.
RegionCount count_components(const Units& network, std::size_t j, const Plane& plane, Budget& budget);

}  // namespace widecheck
