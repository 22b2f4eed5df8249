// Rows of about one size, so that neither overflow nor graded rows matter: A' = D A with a diagonal D of powers of
// two, which is exact but for what is lost below the smallest double. What is found for A' holds for A up to D:
// sigma_min(A) >= sigma_min(A') 2^smallest_exponent, and D^-1 2^-largest_exponent, whose entries are at most 1,
// leads from A' to A 2^-largest_exponent, the matrix whose sharp bounds are looked for (sharp_bounds.h).
//
// Internal to singular_bounds.h.
#pragma once

#include <widecert/linalg/singular_bounds.h>
#include <widecert/number/rounding.h>

#include <cmath>
#include <limits>
#include <string>
#include <variant>
#include <vector>

namespace widecert {

// Why nothing is certified.
struct Undecided {
  std::string reason;
};

// A' = D A for every A of an enclosure. Rows that differ by at most 2^10 get one factor, which is 1 if the largest
// entry is from 2^-101 to 2^100; else each row gets its own, and its largest entry comes to lie in [1/2, 1).
// Nothing is copied where D = I: the enclosure has to outlive this.
struct ScaledRows {
  const SplitMatrix* given = nullptr;
  SplitMatrix scaled;  // empty if D = I
  const SplitMatrix& middle() const { return scaled.high.size() != 0 ? scaled : *given; }

  double radius = 0;    // at least ||A' - middle()|| (Frobenius) for every A of the enclosure, with what was lost
  double low_norm = 0;  // at least the Frobenius norm of middle().low
  // D times 2^largest_exponent: at least 1, infinite beyond the range of doubles.
  std::vector<double> relative;
  // D^-1 has entries from 2^smallest_exponent to 2^largest_exponent, both of which occur.
  int smallest_exponent = 0, largest_exponent = 0;
  bool one_scale = true;  // D is a multiple of the identity
  std::string zero_row;   // that a row of middle() is 0, in words; it is scaled like the largest
};

// Undecided if an entry or a radius is not finite. Throws ShapeError for an empty matrix,
// InternalError for one with more rows than columns. Reads the matrix once, and writes it once if D is not I.
std::variant<ScaledRows, Undecided> scale_rows(const MatrixEnclosure& a);

// Lower and upper bounds of x 2^e for x >= 0. Powers of two are exact unless they leave the range, where bounds are
// moved to the safe side.
inline double ldexp_down(double x, int e) {
  const double y = std::ldexp(x, e);
  return !(y >= 0x1p-1000) ? 0 : y < kInfinity ? y : std::numeric_limits<double>::max();
}
inline double ldexp_up(double x, int e) { return next_up(std::ldexp(x, e)); }

}  // namespace widecert
