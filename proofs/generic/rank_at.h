// The rank of the features at given parameters, decided exactly: full by evidence modulo a prime,
// deficient by a left kernel vector or a structural reason. For networks with rational values at any
// depth (relu, leaky relu, identity, steps, pooling, sums, concatenations, batch norm).
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem rank_at();
}
