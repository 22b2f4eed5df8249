// Gradient flow from given parameters ("gradient-flow-converges"): all layers above a wide layer move, and the loss
// tends to 0 exponentially, inside a ball.
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem gradient_flow();
}
