// Suboptimal local minima, exactly: points where Phi = ||F_L - Y||^2 / 2 has no smaller value within an explicit radius
// ("local-minimum"), and a better point ("local-minimum-not-global"): against the conjecture of the 2018 paper.
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem local_minimum();
}
