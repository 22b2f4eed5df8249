// Determinant of a ball matrix, by Arb. Encloses det(M) for every M in the matrix of balls. Meant
// for small instances (ball elimination loses about n bits at size n): callers raise the precision
// until the enclosure excludes zero, and accept that it may never do so.
#pragma once

#include <widecert/linalg/matrix.h>

namespace widecert {

// Throws ShapeError unless square. Cost O(n^3) ball operations.
Ball determinant(const Matrix<Ball>& a);

}  // namespace widecert
