// Zero loss near given parameters ("zero-loss-nearby"): real weights of the last layer, within a distance of those that
// are given, with F_L = Y exactly. The correction that a residual R needs is at most ||R|| / sigma_min(F); a step that
// is made first takes away nearly all of R, whatever sigma_min is.
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem zero_loss_nearby();
}
