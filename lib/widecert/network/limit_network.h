// Limits of a network along theta(alpha), alpha -> infinity: another network, with
// rational values, whose value at a point is the limit of the scaled features of the given one.
//
// Every value is alpha^d times a limit, d in {0, 1}; the input has degree 0.
//   relu:  softplus, silu, gelu and mish stay within a constant of relu. W -> alpha W on values of
//          degree 0, W unchanged on degree 1, b -> alpha b: every layer has degree 1.
//   step:  sigmoid -> half-step (1/2 at 0), tanh -> sign (0 at 0), with exponential tails. W -> alpha
//          W, b -> alpha b at every layer; an activation has degree 0.
// A sum keeps its highest degree (relu) or must not mix degrees (step); the shift of a batch norm
// and a frozen bias drop out at degree 1 (relu) or must be 0 (step). What is scaled must be free.
#pragma once

#include <widecert/network/architecture.h>

namespace widecert {

enum class LimitKind { relu, step };

struct LimitNetwork {
  std::optional<Architecture> network;  // same node names up to the target; absent if refused
  std::string refused;                  // why
};

LimitNetwork limit_network(const Architecture& network, std::size_t target, LimitKind kind);

}  // namespace widecert
