// Above a wide layer k: S_k, gradients by Lemma H.1 (backpropagation), Lemma 4.3 and its sharper form, at given
// parameters. Phi = 1/2 ||F_L - Y||_F^2 (2018, equation 6). The gradient is that for U_{k+1} as a free matrix: for
// a layer that shares filters it is not the gradient for W_{k+1}, and its bounds are none for that one.
#pragma once

#include "proofs/prover.h"

namespace widecert {

// Claims, the request's node being the output of layer k (or the input):
//   "gradient-bounds" (default)  lower ||F_L - Y|| <= ||gradient|| <= upper ||F_L - Y|| for every Y, from the
//                                singular values of F_k and of the weight matrices above, and the slopes of the
//                                activations (Lemma 4.3)
//   "gradient-dominance"         Phi <= ||gradient||^2 / (2 mu) for every Y, mu = lambda_min(F_k F_k^T) min_i
//                                lambda_min(D_i D_i^T), D_i = d f_L / d g_{k+1}(x_i); with the biases of layer k+1
//                                where it has one for each neuron, and F_k F_k^T + 1 1^T then
//   "gradient-enclosure"         ||F_L - Y|| and ||gradient|| themselves, for the request's targets Y
Outcome prove_gradients(const Instance& instance, const Request& request, const Options& options);

// Claim "in-s-k": the point lies in S_k of the 2018 paper (before Theorem 4.5), where Lemma 4.3 has a positive lower
// bound: F_k has rank N and the weight matrices U_{k+2}, ..., U_L full rank, each with its margin. With the claim
// "weights-singular-value-bounds" the singular values of these U are enclosed, one claim for each.
Outcome prove_in_s_k(const Instance& instance, const Request& request, const Options& options);

}  // namespace widecert
