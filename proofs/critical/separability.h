// Whether hyperplanes separate the classes in the features of a layer ("separable-at"), or a mean of one class is a
// mean of the others ("not-separable-at"): one of the two holds, and an exact linear program finds it.
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem separability();
}
