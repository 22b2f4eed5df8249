// Points that no path joins below a level of the square loss, and valleys with a higher floor (README.md): where
// Theorem U's widths are missing.
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem not_joined();
Theorem bad_valley();
}  // namespace widecert::theorems
