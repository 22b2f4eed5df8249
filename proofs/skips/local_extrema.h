// No strict local minimum above p*, from valleys; no local maximum, from the output layer alone: Theorem 4.3.4 (3) and
// (4) of the thesis, repaired.
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem local_extrema();
}
