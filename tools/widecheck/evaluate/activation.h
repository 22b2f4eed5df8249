// The checker's own table of activations: values with error bounds, Lipschitz constants, and
// whether Assumption 3.2 fails. Nothing about an activation is ever taken from a certificate.
#pragma once

#include <gmpxx.h>

#include <optional>
#include <string>

#include "evaluate/bounds.h"
#include "kernel/budget.h"
#include "kernel/function.h"

namespace widecheck {

// Facts about functions on R, each a switch without default: a function that is new has none until one is proved.
bool analytic(Function f);  // real analytic on R
// Differentiable on R, and the derivative has no zero.
bool slopes_nonzero(Function f);
bool positive(Function f);  // s(t) > 0 for every t
// Analytic, strictly increasing, and bounded or with |s(t)| <= rho_1 e^(rho_2 t) for t < 0 and at most linear growth
// (Assumption 3.2 of the 2017 paper).
bool assumption_3_2_of_2017(Function f);
// The functions b -> s(s_i + b) are linearly independent for distinct s_i.
bool translate_independent(const Activation& f);
bool strictly_monotone(const Activation& f);  // and continuous
bool homeomorphism(const Activation& f);      // of R onto R (thesis, Assumption 3.4.1)
// An open interval; a missing end is infinite.
struct Image {
  std::optional<mpq_class> low, high;
  bool contains(const mpq_class& v) const { return (!low || v > *low) && (!high || v < *high); }
};
// The image of an open interval on which s is continuous and strictly monotone, if there is one of those listed: R
// where s is strictly monotone on R, (0, inf) for relu, silu, gelu, mish and gaussian.
std::optional<Image> monotone_image(const Activation& f);
// How a function bends on an interval: s''  >= 0 or <= 0 in the sense of convexity; both where it is linear there.
struct Bend {
  bool convex = false, concave = false;
};
// On [low, high]; what is not proved is false.
Bend bend(const Activation& f, const mpq_class& low, const mpq_class& high);
// Whether s is nondecreasing, nonincreasing on [low, high]; both where it is constant there.
struct Trend {
  bool up = false, down = false;
};
Trend trend(const Activation& f, const mpq_class& low, const mpq_class& high);

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
