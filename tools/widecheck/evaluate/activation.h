// The checker's own table of activations: values with error bounds, Lipschitz constants, and
// whether Assumption 3.2 fails. Nothing about an activation is ever taken from a certificate.
#pragma once

#include <gmpxx.h>

#include <string>

#include "evaluate/bounds.h"
#include "kernel/budget.h"
#include "kernel/function.h"

namespace widecheck {

bool analytic(Function f);  // real analytic on R

// Encloses s(x) for a transcendental function at a rational point, width about 2^-bits.
Interval value(const Activation& f, const mpq_class& x, unsigned bits);

// What one value takes; a slope takes at most twice as much. 0 where there is no series.
Products series_cost(const Activation& f, unsigned bits);

// |s(x) - s(y)| <= lipschitz |x - y| for all x, y (not for the steps).
mpq_class lipschitz(const Activation& f);

// Encloses s'(x) for a function that is differentiable everywhere, at a rational point, width about
// 2^-bits; and |s'(x) - s'(y)| <= slope_lipschitz |x - y|. Throw Rejected("not-differentiable").
Interval slope(const Activation& f, const mpq_class& x, unsigned bits);
mpq_class slope_lipschitz(const Activation& f);

// Why Assumption 3.2 fails; empty if it holds.
std::string violation_of_3_2(const Activation& f);

}  // namespace widecheck
