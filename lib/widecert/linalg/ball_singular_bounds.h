// Full rank and sigma_min of a matrix of balls, by Arb: the rung of the ladder where doubles end.
//
// An approximate inverse R of A (of A A^T, if A is not square) is found and multiplied back: if ||I - R
// A||_F <= e < 1 for every matrix of the balls, all are nonsingular and sigma_min >= (1 - e) / ||R||_F.
// (Ball elimination collapses at sizes in the hundreds; this does not.)
#pragma once

#include <widecert/linalg/matrix.h>

namespace widecert {

struct BallBound {
  bool full_rank = false;
  Ball largest_high;  // its upper end is at least sigma_max: the Frobenius norm
  // Its lower end is at most sigma_max, as this vector on the rows shows: sigma_max >= |v^T A| / |v|.
  Ball largest_low;
  std::vector<double> largest_vector;
  Ball smallest_low;  // its lower end is positive and at most sigma_min; 0 unless full_rank
  // Its upper end is at least sigma_min, as this vector on the rows shows: sigma_min <= |v^T A| / |v|. If full_rank.
  Ball smallest_high;
  std::vector<Integer> vector;
};

// At the working precision. rows <= cols, or throws ShapeError. Cost O(m^2 n) ball operations.
// With `width` > 0, where it is cheap or with `insist`, ||R|| is bounded by the Frobenius norm of a high power, sharper
// than by that of R: the lower bound is nearer to the best one than this part of it.
BallBound ball_singular_bound(const Matrix<Ball>& a, double width = 0, bool insist = false);

}  // namespace widecert
