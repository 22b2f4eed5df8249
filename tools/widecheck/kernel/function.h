// The activations of version 1 by their names, and what the meaning of a network needs of them. Facts
// about them (values, slopes, hypotheses) are in evaluate/activation.h.
#pragma once

#include <gmpxx.h>

#include <string>

#include "kernel/input.h"

namespace widecheck {

enum class Function {
  relu,
  leaky_relu,
  elu,
  sigmoid,
  tanh,
  softplus,
  silu,
  gelu,
  mish,
  identity,
  gaussian,
  one_minus_sigmoid,
  step,
  half_step,
  sign,
  cubic_sigmoid,
  softsign,
  hard_swish
};

struct Activation {
  Function function;
  mpq_class parameter = 1;  // slope of leaky-relu, sharpness of softplus
  std::string name;
};

// Reads the keys "function", "slope", "sharpness" of a node.
Activation read_activation(const Value& node);

bool piecewise_linear(Function f);  // relu, leaky-relu, identity: rational, continuous
bool has_kink(Function f);          // relu, leaky-relu: linear on each side of 0
bool is_step(Function f);

}  // namespace widecheck
