// Derivatives of the outputs for the pre-activations of a layer, one sample at a time, and how fast they change.
#pragma once

#include "evaluate/backward.h"
#include "evidence/singular.h"

namespace widecheck {

// D_i = d f_L / d g_{k+1}(x_i), m x n_{k+1} with m <= n_{k+1}, as integers over 2^bits with the distance from them.
ScaledMatrix jacobian_of(const Backward& backward, const Sample& sample, unsigned bits);

// What is above layer k+1, for all samples: an entry for each activation s_j and the weight matrix A_j above it.
struct Tower {
  struct Floor {
    mpq_class norm;   // at least ||A_j||, the Frobenius norm
    mpq_class slope;  // at least |s_j'|
    mpq_class bend;   // a Lipschitz constant of s_j': of relu and leaky-relu 0, on one side of the kink
    bool kink;
  };
  std::vector<Floor> floors;
};
// Pays for itself. Throws Rejected("not-differentiable"), of a step, and Rejected("unsupported").
Tower tower_above(const Context& c, const Backward& backward);

// A Lipschitz constant of g_{k+1} -> D_i where no pre-activation passes a kink:
// (prod a_j s_j) sum_j (t_j / s_j) prod_{i<j} a_i s_i.
mpq_class jacobian_lipschitz(const Tower& tower);
// Whether no pre-activation of the sample passes a kink while g_{k+1} moves by at most r: G_j moves by at most
// r prod_{i<j} a_i s_i.
bool off_kinks(const Tower& tower, const Sample& sample, const mpq_class& r);
// At least what D_i moves by, in the spectral norm, while the weights and biases of layer k+1 and above move by at most
// tau (a short number), all together. `bits` as those of the sample. Pays for itself.
mpq_class jacobian_drift(const Tower& tower, const Sample& sample, const mpq_class& tau, unsigned bits, Budget& budget);

}  // namespace widecheck
