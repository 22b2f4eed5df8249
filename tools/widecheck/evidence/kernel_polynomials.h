// A bound of the rank of U = M(W) for every W, from polynomial vectors in its kernels (rules/weights.md,
// "kernel-polynomials").
#pragma once

#include "kernel/rule.h"

namespace widecheck {

// What the rank is at most for every W, by the vectors in "inputs" and "outputs" of the proof. Throws
// Rejected.
std::size_t kernel_bound(const Context& c, const Node& node, const Value& proof);

}  // namespace widecheck
