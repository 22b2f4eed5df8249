// Theorem 4.5 of the 2018 paper: points of zero loss above a wide layer. "zero-loss-exists" needs no numbers, only rank
// F_k = N (Theorem Z of the page; or through the classes of Y, where layers between are convolutions); "zero-loss-at"
// is such a point with exact numbers.
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem zero_loss();
}
