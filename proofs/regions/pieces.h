// The region of a class on a plane, as convex pieces; its components as groups of them; curves around these.
#pragma once

#include <optional>

#include "proofs/regions/cells.h"

namespace widecert {

class Region {
 public:
  explicit Region(std::size_t mine) : mine_(mine) {}
  // The part on a cell, of which for_each_cell tells.
  void add(const Polygon& cell, const std::vector<Ray>& outputs);

  struct Piece {
    Polygon corners;
    std::vector<Ray> margins;  // F_j - F_k, up to positive factors
  };
  const std::vector<Piece>& pieces() const { return pieces_; }
  // The component of each piece, numbered from 0 on in the order of pieces; and how many there are.
  std::vector<std::size_t> components(std::size_t& count) const;
  // The piece that contains a point of the region. Throws std::logic_error where there is none.
  std::size_t piece_at(const Ray& point) const;

 private:
  std::size_t mine_;
  std::vector<Piece> pieces_;
};

// All of it on a plane.
Region region_on(const Units& network, const CellPlane& plane, std::size_t mine);

// Vertices in order; closed, or between a ray that comes in from infinity and one that goes out.
struct PlaneCurve {
  std::vector<std::array<Rational, 2>> vertices;
  std::optional<std::array<Integer, 2>> from, to;  // directions, both or none
};
// The boundary of the union of some pieces, without edges that two of them share.
std::vector<PlaneCurve> boundary(const std::vector<const Polygon*>& pieces);
// Signed crossings of the segment from a to b: not 0 if the curve separates them.
int crossings(const PlaneCurve& curve, const std::array<Rational, 2>& a, const std::array<Rational, 2>& b);

}  // namespace widecert
