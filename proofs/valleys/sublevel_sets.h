// Theorem U (README.md): for every convex phi the sublevel sets of Phi = phi(F_L) are connected, every point leads
// down, no valley is bad, level sets are unbounded; and for points that are given, that they are joined, that one leads
// down.
#pragma once

#include "proofs/prover.h"

namespace widecert {

// The prover of no-bad-valley alone, for claims that follow from it. Asks for "output", "wide", "parameters", "rank".
Prover read_no_bad_valley(const Entry& entry);

namespace theorems {
Theorem sublevel_sets();
Theorem joined();
}  // namespace theorems
}  // namespace widecert
