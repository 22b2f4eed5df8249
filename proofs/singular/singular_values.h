// Singular values of feature and weight matrices at given parameters, for any activation: rigorous bounds in
// double (or whatever rung of the ladder decides), turned into claims that the checker verifies by Cholesky in
// integers. Where the matrix is too large for that, the outcome is "recomputed", which is not proved.
#pragma once

#include <widecert/linalg/rank_ladder.h>
#include "proofs/prover.h"

namespace widecert {

// "independent-at", whatever the activation: sigma_min > 0. Random parameters from the seed if none are given.
Outcome independent_by_bounds(const Instance& instance, std::size_t node, const std::optional<PointSpec>& parameters,
                              const Options& options);

// "singular-value-bounds" of [F, 1] at these parameters.
Outcome bounds_with_ones(const Instance& instance, std::size_t node, const PointSpec& parameters,
                         const Options& options);

// ---- what other claims about singular values use too ----

// "integer-cholesky" and "recomputed": matrices are integers over 2^bits, activations enclosed on the grid of
// 2^-precision. `lower`, for independent-at: a lower bound of sigma_min. `smallest`, `largest`, for bounds: vectors on
// the shorter side.
struct CholeskyProof {
  long bits = 0, precision = 0;
  Rational lower = 0;
  std::vector<Integer> smallest, largest;
};
Proof as_proof(const CholeskyProof& proof);

// Limits and progress of the ladder.
LadderOptions ladder_options(const Options& options);

// A range in a few digits, rounded outward.
std::string shown(const Range& range, int digits = 6);

// A claim's numbers a little outside of what is known, short; and how many bits the checker needs for them.
struct ShownBounds {
  Range smallest, largest;
  CholeskyProof proof;     // without the precision
  long accuracy = 0;       // to 2^-accuracy the checker has to know the entries
  bool too_large = false;  // for the checker
};
// Of a matrix with full rank (smallest_low > 0) or without. Rounding adds a few per cent to the width of each range;
// with `width` > 0 less than a third of it.
ShownBounds show_bounds(const SingularBounds& bounds, std::size_t rows, std::size_t cols, double width = 0);

// The grid on which the checker has to enclose activations, so that the values of `target` are known to 2^-accuracy;
// 0 if they are rational.
long precision_for(const Architecture& network, const IntegerPoint& point, std::size_t target, long accuracy);

namespace theorems {
Theorem singular_values();
}

}  // namespace widecert
