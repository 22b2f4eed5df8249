// A piecewise linear network on a plane through its inputs, exactly: it is affine on finitely many convex cells, which
// are cones over the plane {z = 1} (the checker's twin: tools/widecheck/evaluate/cells.h).
#pragma once

#include <array>
#include <functional>

#include "proofs/regions/units.h"

namespace widecert {

using Ray = std::array<Integer, 3>;  // (s, t, z), primitive; also a linear form on these
using Polygon = std::vector<Ray>;    // its corners, in cyclic order; z = 0 are directions

// Inputs as forms on (s, t, z), and closed half planes {form >= 0} whose meet is looked at.
struct CellPlane {
  std::vector<std::array<Rational, 3>> inputs, limits;
};
// All inputs, of which there are one or two.
CellPlane plane_of_inputs(std::size_t inputs);
// Inputs origin + s u + t v.
CellPlane plane_through(const std::vector<Rational>& origin, const std::vector<Rational>& u,
                        const std::vector<Rational>& v);

inline constexpr std::size_t kMostCells = 1'000'000;

// Told of each cell: its corners, and forms that are the outputs up to one positive factor.
using CellVisit = std::function<void(const Polygon& cell, const std::vector<Ray>& outputs)>;
// Functions are relu, leaky-relu or identity. Returns how many cells there are; throws an undecided Outcome for more
// than kMostCells. Integers, with a filter in double precision in front of their signs. Polls.
std::size_t for_each_cell(const Units& network, const CellPlane& plane, const CellVisit& visit);
// The same algorithm without integers, for comparison: what is counted is not certain.
std::size_t count_cells_in_double(const Units& network, const CellPlane& plane);

// The part where a form is >= 0; empty if it has no interior.
Polygon clip(const Polygon& cell, const Ray& form);
Integer dot(const Ray& a, const Ray& b);
Ray cross(const Ray& a, const Ray& b);
Ray primitive(Ray r);  // divided by its content
Ray difference(const Ray& a, const Ray& b);
Ray integral(const std::array<Rational, 3>& v);  // times the least positive integer that makes it so

}  // namespace widecert
