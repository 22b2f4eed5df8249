// Theorem 3.5 (Nguyen & Hein 2018) and beyond: rank F_k = min(N, n_k) for Lebesgue-almost every
// parameter of Theta. Every feature is real analytic in the parameters, Theta is connected, so one
// parameter of full rank suffices (README.md beside), or one limit of
// parameters: the paper's alpha -> infinity without its triangular shape. This needs neither
// Assumption 3.1 nor one bias per neuron, and allows padding, strides, average pooling, sums,
// concatenations and batch norm.
//
// Refuted where rank F_k < N for every parameter, or on an open set of them.
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem theorem_3_5();
}
