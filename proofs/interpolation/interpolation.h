// Corollary 3.6 of the 2018 paper: where rank F = N, a dense output layer reaches every Y ("interpolates-every-target",
// for all Y at once and without a solution); the solution itself, exactly ("interpolates"); or a combination of samples
// that no weights can follow ("not-interpolable").
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem interpolation();
}
