// Phi on a straight segment of parameters, in doubles: what the checker's bound by chords (evaluate/segment.h there)
// comes to, up to rounding. It finds how many cells are enough and proves nothing.
#pragma once

#include "proofs/paths/convex_loss.h"

namespace widecert {

class Chords {
 public:
  // From one point to another one; keeps references. Cost: two tensors in doubles for each linear layer.
  Chords(const Architecture& network, std::size_t output, const PointSpec& from, const PointSpec& to,
         const Dataset& data);
  ~Chords();
  // Why no bound is known: a node without one. Empty else.
  const std::string& obstacle() const { return obstacle_; }

  struct Bound {
    double bound = 0, sampled = 0;  // of Phi on the segment; the largest at points of the grid
    std::vector<double> profile;    // at these points
    double largest = 0;             // absolute value or radius on the way
  };
  // With so many cells. Cost: about two forward passes for each, three where a layer and what lies below it both move.
  Bound operator()(const ConvexLoss& loss, std::size_t cells) const;

  // The bits of the checker's grid: 40, or fewer so that numbers of this size stay in range.
  static unsigned bits(double largest);
  struct Layer;

 private:
  struct Sample;
  const Architecture& network_;
  const Dataset& data_;
  std::size_t output_;
  std::vector<Layer> layers_;
  std::string obstacle_;
};

// {"cells", "bits"} of a piece on which Phi stays below the level, with the fewest cells: a power of 2, at most `most`.
// Nothing if that many do not suffice.
struct Piece {
  std::size_t cells;
  unsigned bits;
  Chords::Bound bound;
};
std::optional<Piece> fewest_cells(const Chords& chords, const ConvexLoss& loss, double level, std::size_t most);

}  // namespace widecert
