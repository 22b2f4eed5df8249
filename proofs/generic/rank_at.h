// The rank of the features at given parameters, decided exactly: full by evidence modulo a prime,
// deficient by a left kernel vector or a structural reason. For networks with rational values at any
// depth (relu, leaky relu, identity, steps, pooling, sums, concatenations, batch norm).
#pragma once

#include "proofs/prover.h"

namespace widecert {

// Claims "independent-at" (default) and "dependent-at"; what is true of the two is proved, the other
// refuted by it. Parameters of the request, or chosen from the seed.
Outcome prove_rank_at(const Instance& instance, const Request& request, const Options& options);

}  // namespace widecert
