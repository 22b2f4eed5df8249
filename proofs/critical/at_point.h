// Critical points that are given, exactly over Q[ln 2]: all derivatives 0 ("critical-at"), and a better point besides
// ("critical-not-global"); points of least loss ("global-minimum-at").
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem critical_point();
}
