// rank F < N at given parameters, for networks with rational values.
#pragma once

#include "proofs/prover.h"

namespace widecert {

// "dependent-at" by the simplest reason that holds, told in `why`: the width, an affine map through few neurons, units
// on one side of their kink, two equal rows, an integer vector v with v F = 0. Nothing where none was found, or where
// looking would take too long, which `why` says then.
std::optional<Finding> find_dependence(const Instance& instance, std::size_t node, const PointSpec& point,
                                       std::string& why, const Options& options);

}  // namespace widecert
