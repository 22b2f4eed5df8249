// The one table of activation functions, with the proved facts that theorems ask for.
//
// A fact is a statement about the function on all of R, with its justification beside it in
// activation.cpp; tests confront each with ball evaluations. The checker keeps its own copy.
#pragma once

#include <widecert/number/ball.h>
#include <widecert/number/ln2.h>
#include <widecert/number/residue.h>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace widecert {

enum class ActivationKind {
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
  ActivationKind kind = ActivationKind::identity;
  // leaky-relu: the slope on t < 0 (non-zero); softplus: the sharpness a > 0; otherwise unused.
  Rational parameter = 1;
};

// Assumption 3.2 (Nguyen & Hein 2018) with its evidence.
struct FiniteLimits {  // lim at -inf and +inf exist and their product is 0
  Rational at_minus_infinity, at_plus_infinity;
};
struct GrowthBounds {  // |s(t)| <= rho1 e^{rho2 t} for t < 0 and |s(t)| <= rho3 t + rho4 for t >= 0
  Ball rho1, rho2, rho3, rho4;
};
struct LeftTailAwayFromZero {  // fails: |s(t)| >= least > 0 for all t <= from, and the limits do
                               // not
  Rational from, least;        // both exist with product 0
};
struct Discontinuous {  // fails: not continuous at this point
  Rational at;
};
using Assumption32 = std::variant<FiniteLimits, GrowthBounds, LeftTailAwayFromZero, Discontinuous>;

// |s(t) - limit| <= bound(t) for all t <= from; bound is non-decreasing there and tends to 0.
struct LeftTail {
  Rational from;
  Rational limit;
  Ball (*bound)(const Activation&, const Ball& t);
};

struct ActivationFacts {
  std::string_view name;     // as written in files
  std::string_view formula;  // for people
  bool continuous;
  bool analytic;  // real analytic on R
  bool strictly_monotone;
  bool derivative_nonzero;  // differentiable with s'(t) != 0 for every t
  bool piecewise_affine;    // finitely many pieces, affine on each: evaluated exactly at rational points
  // s is strictly monotone on [1/4, 5/4], the interval where Lemma D.1 places its biases.
  bool injective_on_d1_interval;
  std::string_view range;
  std::string_view assumption_3_2;  // the justification, in words
  std::string_view justification;   // of the other facts
};

const ActivationFacts& facts(ActivationKind kind);
Assumption32 assumption_3_2(const Activation& f);
bool satisfies_assumption_3_2(const Activation& f);
// Where the left tail stays away from 0: an integer t < 0 with |s(t)| > e^t, so that rho = (1, 1,
// 1, 1) fails there. (Larger constants fail further out.)
std::optional<Rational> violating_point(const Activation& f);
// For distinct s_1, ..., s_N the functions b -> s(s_i + b) are linearly independent (thesis,
// Assumption 3.4.2): every function of the table but the linear ones (the proofs/ of "untied biases").
bool translate_independent(const Activation& f);
// s(t) > 0 for every t.
bool positive(ActivationKind kind);
// Continuous, strictly monotone and onto R (thesis, Assumption 3.4.1): identity, leaky relu with a positive slope. All
// others of the table are bounded on one side, or steps, or not monotone.
bool homeomorphism(const Activation& f);
// An open interval; a missing end is infinite.
struct OpenInterval {
  std::optional<Rational> low, high;
  bool has_zero() const { return (!low || *low < 0) && (!high || *high > 0); }
};
// The image of an open interval on which s is continuous and strictly monotone: of R where it is that on R, else of (0,
// inf); nothing for steps.
std::optional<OpenInterval> monotone_image(const Activation& f);
// |s(x) - s(y)| <= c |x - y|; and |s'(x) - s'(y)| <= c |x - y| where s' is continuous (else throws InputError).
Rational lipschitz_constant(const Activation& f);
Rational slope_lipschitz(const Activation& f);
// s is differentiable with a Lipschitz derivative.
bool has_lipschitz_slope(const Activation& f);
// Whether s is convex, concave on [low, high]; nondecreasing, nonincreasing there. What is not proved is false.
struct Bend {
  bool convex = false, concave = false;
};
Bend bend(const Activation& f, const Rational& low, const Rational& high);
struct Trend {
  bool up = false, down = false;
};
Trend trend(const Activation& f, const Rational& low, const Rational& high);
// s(0) = 0.
bool zero_at_zero(ActivationKind kind);
// Strictly monotone on R.
bool injective(const Activation& f);
// Absent where the function does not tend to a finite limit at -infinity.
std::optional<LeftTail> left_tail(const Activation& f);

const std::vector<ActivationKind>& all_activation_kinds();
std::optional<ActivationKind> activation_by_name(std::string_view name);
// "leaky-relu(1/100)", "sigmoid".
std::string describe(const Activation& f);

// Exact value; throws InputError for functions that are not piecewise affine, which have balls.
Rational evaluate(const Activation& f, const Rational& t);
// The exact value in Q[ln 2]: sigmoid at multiples z ln 2, tanh at multiples z ln 2 / 2, |z| <= 65536; the piecewise
// linear functions and steps everywhere. Throws InputError elsewhere.
Ln2 evaluate(const Activation& f, const Ln2& t);
// The exact derivative there. Throws InputError where there is none in Q[ln 2], at kinks and for steps.
Ln2 derivative(const Activation& f, const Ln2& t);
// Encloses { s(t) : t in the ball }.
Ball evaluate(const Activation& f, const Ball& t);
// Encloses { s'(t) } and, at a kink inside the ball, the interval between the one-sided
// derivatives. For the step functions: throws InputError (they are not differentiable).
Ball derivative(const Activation& f, const Ball& t);
// Nearest double value as libm gives it: for pictures and searches, never inside a bound.
double evaluate(const Activation& f, double t);

template <std::uint32_t Prime>
Residue<Prime> evaluate(const Activation& f, Residue<Prime> t) {
  if (f.kind == ActivationKind::identity) return t;
  throw InputError(std::string(facts(f.kind).name) + " is not defined on residues: there is no order on GF(p)");
}

}  // namespace widecert
