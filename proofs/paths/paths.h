// Paths of parameters that are written down (README.md).
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem path_below();  // between two networks
Theorem descent();     // from one down
Theorem level_ray();   // from one to infinity
Theorem polygon();     // a given one, of layers of any widths
}  // namespace widecert::theorems
