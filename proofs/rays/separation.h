// The permutation-ordered argument of Theorem 3.4 (Nguyen & Hein 2018): the order gamma and the
// gaps.
//
// Let s_j(i) = <a^t, f_{k-1}^p(x_i)> for neuron j = (p, t). For j = 1, 2, ... the sample gamma(j)
// is the argmin of s_j over the samples not used yet. With a centre c_j just above the minimum and
// z_ij = c_j - s_j(gamma(i)), the matrix (z_ij) has a diagonal in [0, small] and entries at most
// -delta below it: as alpha grows, sigma(alpha z_ij + beta) turns triangular.
#pragma once

#include <widecert/network/scaled_features.h>
#include "proofs/prover.h"

namespace widecert {

enum class Centre {
  at_minimum,  // c_j at (or, where values are enclosed, just above) s_j(gamma(j)): z_jj ~ 0
  mid_gap      // half of the smallest gap above it: z_jj ~ delta, and delta is halved
};

struct Separation {
  std::vector<std::size_t> order;  // gamma: the sample in row r
  std::vector<Rational> centres;   // c_j, one per neuron used
  Rational delta;                  // z_ij <= -delta for rows i > j
  Rational diagonal_low, diagonal_high;
  Rational upper;    // Delta >= delta: z_ij <= upper for rows i < j
  Rational raw_gap;  // the smallest gap of the argmin, before centring
};

// Runs the argument for neurons 0..neurons-1 of the linear node with v = -a: the rows of `filters`
// are v^t, so that z_ij = <v^t, f> + c_j. `features` are the values entering the node. With
// `saturated` one further neuron gets a centre that puts all its z above delta.
// Returns nothing if some gap is not certainly positive (a tie, or the enclosures are too wide).
std::optional<Separation> separate(const Architecture& network, std::size_t linear_node, const Tensor& filters,
                                   const ScaledFeatures& features, std::size_t neurons, Centre centre, bool saturated,
                                   const Progress& progress);

}  // namespace widecert
