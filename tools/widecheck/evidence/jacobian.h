// Derivatives of the outputs for the pre-activations of a layer, one sample at a time, and how fast they change.
#pragma once

#include "evaluate/backward.h"
#include "evidence/singular.h"

namespace widecheck {

// D_i = d f_L / d g_{k+1}(x_i), m x n_{k+1} with m <= n_{k+1}, as integers over 2^bits with the distance from them.
ScaledMatrix jacobian_of(const Backward& backward, const Sample& sample, unsigned bits);
// A Lipschitz constant, on all of space, of g_{k+1} -> D_i: with a_j the Frobenius norms of the weight matrices above
// layer k+1, s_j = sup |s_j'| and t_j a Lipschitz constant of s_j', (prod a_j s_j) sum_j (t_j / s_j) prod_{i<j} a_i
// s_i. Pays for itself. Throws Rejected("not-differentiable").
mpq_class jacobian_lipschitz(const Context& c, const Backward& backward);

}  // namespace widecheck
