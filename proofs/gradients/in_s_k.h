// S_k of the 2018 paper (before Theorem 4.5), where Lemma 4.3 has a positive lower bound: F_k has rank N and the weight
// matrices U_{k+2}, ..., U_L full rank, each with its margin ("in-s-k", one claim, so that no layer can be left out).
// Or, as "weights-singular-value-bounds", the singular values of these U, one claim for each.
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem in_s_k();
}
