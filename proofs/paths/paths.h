// Paths between two networks that are written down, for networks with one wide layer below the output (README.md).
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem path_below();
}
