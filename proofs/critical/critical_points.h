// Where derivatives of 0 mean zero loss: 2017, Theorem 3.4 and Lemma 3.5, 2018, Theorem 4.4 and the first part of 4.5
// ("critical-points-global"), as an inclusion of sets, with the exceptional set shown to be null where that is asked
// for; 2017, Theorem 5.3, as far as it is true ("critical-points-zero"); and hypotheses that no parameter satisfies:
// singular Hessian blocks, Theorem 3.8 of 2017.
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem critical_points();
Theorem vacuous_hypotheses();
}  // namespace widecert::theorems
