// rank F < N for every parameter of Theta, for a structural reason: fewer neurons than samples, equal
// samples, equal columns forced by ties, an affine map that passes through few neurons, or patches with
// few different contents on the data.
#pragma once

#include "proofs/prover.h"

namespace widecert {

// The outcome "refuted" (of independence) with reason "width", "equal-samples", "equal-columns",
// "affine-dimension" or "patch-contents" for the values of a node; nothing if none of them applies. Any architecture.
std::optional<Outcome> find_never_independent(const Instance& instance, std::size_t node);

// An upper bound on dim span{columns of F, 1} that holds for all data and parameters: linear maps,
// average pools, batch norms and identities act on what reaches them, everything else may span as
// much as it has neurons. By node.
std::vector<std::size_t> affine_dimensions(const Architecture& network, std::size_t node);

namespace theorems {
Theorem never_independent();
}

}  // namespace widecert
