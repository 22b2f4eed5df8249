// The checker's own table of activations: values with error bounds, Lipschitz constants, and
// whether Assumption 3.2 fails. Nothing about an activation is ever taken from a certificate.
#pragma once

#include <gmpxx.h>

#include <string>

#include "bounds.h"
#include "input.h"

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
  sign
};

struct Activation {
  Function function;
  mpq_class parameter = 1;  // slope of leaky-relu, sharpness of softplus
  std::string name;
};

// Reads the keys "function", "slope", "sharpness" of a node.
Activation read_activation(Value& node);

bool piecewise_linear(Function f);  // relu, leaky-relu, identity: rational, continuous
bool is_step(Function f);
bool analytic(Function f);                    // real analytic on R
bool strictly_monotone(const Activation& f);  // on R; false where the table proves nothing
// The functions b -> s(s_i + b) are linearly independent for distinct s_i: all but linear ones.
bool translate_independent(const Activation& f);

// Encloses s(x) for a transcendental function at a rational point, width about 2^-bits.
Interval value(const Activation& f, const mpq_class& x, unsigned bits);

// |s(x) - s(y)| <= lipschitz |x - y| for all x, y (not for the steps).
mpq_class lipschitz(const Activation& f);

// Encloses s'(x) for a function that is differentiable everywhere, at a rational point, width about
// 2^-bits; and |s'(x) - s'(y)| <= slope_lipschitz |x - y|. Throw Rejected("not-differentiable").
Interval slope(const Activation& f, const mpq_class& x, unsigned bits);
mpq_class slope_lipschitz(const Activation& f);

// Why Assumption 3.2 fails; empty if it holds.
std::string violation_of_3_2(const Activation& f);

}  // namespace widecheck
