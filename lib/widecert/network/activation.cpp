#include <widecert/network/activation.h>
#include <widecert/number/error.h>

#include <cmath>

namespace widecert {
namespace {

using K = ActivationKind;

// Notation: S(t) = 1/(1+e^-t), Phi the standard normal distribution function, u = |t|.
//
// Columns: name, formula, continuous, analytic, strictly monotone, derivative non-zero, piecewise
// affine, injective on [1/4, 5/4], range, Assumption 3.2, justification of the rest.
const ActivationFacts kTable[] = {
    {"relu", "max(t, 0)", true, false, false, false, true, true, "[0, inf)",
     "rho = (1,1,1,1): |s| = 0 for t < 0, |s| = t for t >= 0", "constant on t < 0, kink at 0; the identity on t >= 0"},
    {"leaky-relu", "t for t >= 0, slope * t for t < 0", true, false, false, false, true, true, "R for slope > 0",
     "fails: |s(t)| = |slope| |t| grows as t -> -inf, and no limit is finite",
     "kink at 0 unless slope = 1; monotonicity depends on the slope, so none is claimed"},
    {"elu", "t for t >= 0, e^t - 1 for t < 0", true, false, true, true, false, true, "(-1, inf)",
     "fails: s(t) <= e^-1 - 1 < -3/5 for t <= -1, and s is unbounded at +inf",
     "derivative e^t on t < 0 and 1 on t >= 0, continuous and positive; the second derivative "
     "jumps "
     "at 0"},
    {"sigmoid", "1/(1+e^-t)", true, true, true, true, false, true, "(0, 1)", "limits 0 and 1",
     "quotient of analytic functions; s' = s(1-s) > 0"},
    {"tanh", "(e^t-e^-t)/(e^t+e^-t)", true, true, true, true, false, true, "(-1, 1)",
     "fails: tanh(t) <= tanh(-1) < -3/4 for t <= -1, and the limits are -1 and 1",
     "tanh(t) = 2 S(2t) - 1; s' = 1 - s^2 > 0"},
    {"softplus", "ln(1+e^{a t})/a", true, true, true, true, false, true, "(0, inf)",
     "rho = (1/a, a, 1, ln2/a): ln(1+x) <= x, and ln(1+e^{at}) = at + ln(1+e^{-at}) <= at + ln 2", "s' = S(a t) > 0"},
    {"silu", "t/(1+e^-t)", true, true, false, false, false, true, "[-0.2785, inf)",
     "rho = (2/e, 1/2, 1, 1): for t < 0, u S(-u) <= u e^-u = 2 (u/2) e^{-u/2} e^{-u/2}, and "
     "x e^-x <= 1/e; for t >= 0, 0 <= s <= t",
     "s' = S(t)(1 + t(1-S(t))) > 0 for t >= 0 and has one zero near -1.278"},
    {"gelu", "t Phi(t)", true, true, false, false, false, true, "[-0.17, inf)",
     "rho = (3/2, 1, 1, 1): Phi(-u) <= e^{-u^2/2}/2, u e^{-u^2/4} <= sqrt(2/e) < 1 and "
     "e^{-u^2/4} <= e^{1-u} as (u/2-1)^2 >= 0, so |s| <= (e/2) e^{-u}; for t >= 0, 0 <= s <= t",
     "s' = Phi(t) + t phi(t) > 0 for t >= 0 and has one zero near -0.752"},
    {"mish", "t tanh(ln(1+e^t))", true, true, false, false, false, true, "[-0.309, inf)",
     "rho = (2/e, 1/2, 1, 1): for t < 0, u tanh(ln(1+e^t)) <= u e^{-u}, as for silu; for t >= 0, "
     "0 <= s <= t",
     "for t >= 0 both factors increase; there is one zero of s' near -1.192"},
    {"identity", "t", true, true, true, true, true, true, "R",
     "fails: |s(t)| = |t| grows as t -> -inf, and no limit is finite", "s' = 1"},
    {"gaussian", "e^{-t^2}", true, true, false, false, false, true, "(0, 1]", "limits 0 and 0",
     "s' = -2 t e^{-t^2} is zero at 0 and negative for t > 0"},
    {"one-minus-sigmoid", "1/(1+e^t)", true, true, true, true, false, true, "(0, 1)", "limits 1 and 0", "S(-t)"},
    {"step", "0 for t <= 0, 1 for t > 0", false, false, false, false, true, false, "{0, 1}",
     "fails: not continuous at 0", "constant on both sides of 0"},
    {"half-step", "0 for t < 0, 1/2 at 0, 1 for t > 0", false, false, false, false, true, false, "{0, 1/2, 1}",
     "fails: not continuous at 0", "constant on both sides of 0"},
    {"sign", "-1 for t < 0, 0 at 0, 1 for t > 0", false, false, false, false, true, false, "{-1, 0, 1}",
     "fails: not continuous at 0", "constant on both sides of 0"},
    {"cubic-sigmoid", "1/(1+e^{-t^3})", true, true, true, false, false, true, "(0, 1)", "limits 0 and 1",
     "S(t^3): strictly increasing with s' = 3 t^2 S'(t^3), which is 0 at 0"},
    {"softsign", "t/(1+|t|)", true, false, true, true, false, true, "(-1, 1)",
     "fails: |s(t)| >= 1/2 for t <= -1, and the limits are -1 and 1",
     "s' = (1+|t|)^-2 > 0; s'' jumps at 0, from 2 to -2"},
    {"hard-swish", "t min(max(t + 3, 0), 6) / 6", true, false, false, false, false, true, "[-3/8, inf)",
     "rho = (8,1,1,1): s = 0 for t <= -3, and 0 >= s >= -3/8 > -8 e^-3 >= -8 e^t for -3 <= t < 0; for t >= 0, "
     "0 <= s <= t",
     "0 on t <= -3, t (t + 3) / 6 between -3 and 3, t from there on, with kinks at -3 and 3; increasing on t >= 0"},
};

Ball hull(const Ball& a, const Ball& b) {
  Ball result;
  arb_union(result.data(), a.data(), b.data(), PrecisionScope::current());
  return result;
}

// A function given by `left` on t < 0 and `right` on t > 0, continuous or not at 0: encloses the
// values on both sides that the ball reaches. `at_zero` is added where the ball contains 0.
template <class Left, class Right>
Ball piecewise(const Ball& t, Left left, Right right, const Ball& at_zero) {
  if (certainly_positive(t)) return right(t);
  if (certainly_negative(t)) return left(t);
  const Ball zero(0);
  Ball minus, plus;  // the parts of the ball on either side
  arb_min(minus.data(), t.data(), zero.data(), PrecisionScope::current());
  arb_max(plus.data(), t.data(), zero.data(), PrecisionScope::current());
  Ball result = at_zero;
  if (!arb_is_zero(minus.data())) result = hull(result, left(minus));
  if (!arb_is_zero(plus.data())) result = hull(result, right(plus));
  return result;
}

Ball logistic(const Ball& t) { return Ball(1) / (Ball(1) + exp(-t)); }

// S(t^3). Far out it is 0 or 1 up to e^-10000: numbers much smaller would be long as rational ones.
Ball logistic_of_cube(const Ball& t) {
  const Ball u = t * t * t, far(10000);
  if (!certainly_less(far, u) && !certainly_less(u, -far)) return logistic(u);
  Ball y(certainly_positive(u) ? 1 : 0);
  const Ball least = exp(-far);
  arb_add_error(y.data(), least.data());
  return y;
}

Ball half() { return Ball(1) / Ball(2); }

Ball normal_distribution(const Ball& t) { return erfc(-t / sqrt(Ball(2))) * half(); }

Ball mish(const Ball& t) { return t * tanh(log1p(exp(t))); }

}  // namespace

const ActivationFacts& facts(ActivationKind kind) { return kTable[static_cast<int>(kind)]; }

const std::vector<ActivationKind>& all_activation_kinds() {
  static const std::vector<ActivationKind> kinds = [] {
    std::vector<ActivationKind> all;
    for (std::size_t k = 0; k < std::size(kTable); ++k) all.push_back(static_cast<K>(k));
    return all;
  }();
  return kinds;
}

std::optional<ActivationKind> activation_by_name(std::string_view name) {
  for (ActivationKind kind : all_activation_kinds())
    if (facts(kind).name == name) return kind;
  return std::nullopt;
}

std::string describe(const Activation& f) {
  std::string text(facts(f.kind).name);
  const bool shown = f.kind == K::leaky_relu || (f.kind == K::softplus && f.parameter != 1);
  return shown ? text + "(" + to_string(f.parameter) + ")" : text;
}

Assumption32 assumption_3_2(const Activation& f) {
  const Ball one(1), e = exp(one);
  switch (f.kind) {
    case K::relu:
      return GrowthBounds{one, one, one, one};
    case K::softplus: {
      const Ball a = Ball::enclosing(f.parameter);
      return GrowthBounds{one / a, a, one, log(Ball(2)) / a};
    }
    case K::silu:
    case K::mish:
      return GrowthBounds{Ball(2) / e, half(), one, one};
    case K::gelu:
      return GrowthBounds{Ball(3) / Ball(2), one, one, one};
    case K::hard_swish:
      return GrowthBounds{Ball(8), one, one, one};
    case K::sigmoid:
    case K::cubic_sigmoid:
      return FiniteLimits{0, 1};
    case K::gaussian:
      return FiniteLimits{0, 0};
    case K::one_minus_sigmoid:
      return FiniteLimits{1, 0};
    case K::leaky_relu:
      return LeftTailAwayFromZero{-1, abs(f.parameter)};
    case K::identity:
      return LeftTailAwayFromZero{-1, 1};
    case K::elu:
      return LeftTailAwayFromZero{-1, Rational(3, 5)};
    case K::tanh:
      return LeftTailAwayFromZero{-1, Rational(3, 4)};
    case K::softsign:
      return LeftTailAwayFromZero{-1, Rational(1, 2)};
    case K::step:
    case K::half_step:
    case K::sign:
      return Discontinuous{0};
  }
  throw InternalError("an activation missing from the table");
}

bool satisfies_assumption_3_2(const Activation& f) {
  const Assumption32 fact = assumption_3_2(f);
  return std::holds_alternative<FiniteLimits>(fact) || std::holds_alternative<GrowthBounds>(fact);
}

bool homeomorphism(const Activation& f) {
  switch (f.kind) {
    case K::identity:
      return true;
    case K::leaky_relu:
      return f.parameter > 0;  // a negative slope bends up, slope 0 is relu
    case K::relu:
    case K::elu:
    case K::softplus:
    case K::silu:
    case K::gelu:
    case K::mish:
    case K::hard_swish:  // bounded below
    case K::sigmoid:
    case K::one_minus_sigmoid:
    case K::tanh:
    case K::softsign:
    case K::gaussian:
    case K::cubic_sigmoid:
    case K::step:
    case K::half_step:
    case K::sign:  // bounded
      return false;
  }
  throw InternalError("an activation missing from the table");
}

bool positive(ActivationKind kind) {
  switch (kind) {
    case K::sigmoid:
    case K::one_minus_sigmoid:
    case K::cubic_sigmoid:
    case K::softplus:
    case K::gaussian:
      return true;
    case K::relu:
    case K::step:
    case K::half_step:
    case K::hard_swish:  // 0 for small t
    case K::leaky_relu:
    case K::elu:
    case K::tanh:
    case K::silu:
    case K::gelu:
    case K::mish:
    case K::identity:
    case K::sign:
    case K::softsign:  // negative somewhere
      return false;
  }
  throw std::logic_error("an activation without facts");
}

bool translate_independent(const Activation& f) {
  // (cubic-sigmoid was not examined.)
  return f.kind != K::identity && f.kind != K::cubic_sigmoid && !(f.kind == K::leaky_relu && f.parameter == 1);
}

std::optional<OpenInterval> monotone_image(const Activation& f) {
  switch (f.kind) {
    case K::sigmoid:
    case K::one_minus_sigmoid:
    case K::gaussian:
    case K::cubic_sigmoid:
      return OpenInterval{Rational(0), Rational(1)};
    case K::softsign:
    case K::tanh:
      return OpenInterval{Rational(-1), Rational(1)};
    case K::elu:
      return OpenInterval{Rational(-1), {}};
    case K::identity:
      return OpenInterval{};
    case K::leaky_relu:
      if (f.parameter > 0) return OpenInterval{};
      return OpenInterval{Rational(0), {}};
    case K::softplus:
    case K::relu:
    case K::silu:
    case K::gelu:
    case K::mish:
    case K::hard_swish:
      return OpenInterval{Rational(0), {}};
    case K::step:
    case K::half_step:
    case K::sign:
      return std::nullopt;
  }
  throw InternalError("an activation missing from the table");
}

Rational lipschitz_constant(const Activation& f) {
  switch (f.kind) {
    case K::leaky_relu:
      return std::max(Rational(1), Rational(abs(f.parameter)));
    case K::sigmoid:
    case K::one_minus_sigmoid:
      return Rational(1, 4);
    case K::relu:
    case K::identity:
    case K::elu:
    case K::softsign:
    case K::tanh:
    case K::softplus:
    case K::gaussian:
      return 1;
    case K::hard_swish:  // (2t + 3) / 6 between the kinks
      return Rational(3, 2);
    case K::silu:
    case K::gelu:
    case K::cubic_sigmoid:
      return 2;
    case K::mish:
      return 3;
    case K::step:
    case K::half_step:
    case K::sign:
      throw InputError(describe(f) + " is not Lipschitz");
  }
  throw InternalError("an activation missing from the table");
}

Rational slope_lipschitz(const Activation& f) {
  switch (f.kind) {
    case K::identity:
      return 0;
    case K::sigmoid:
    case K::one_minus_sigmoid:
      return Rational(1, 10);
    case K::tanh:
      return Rational(4, 5);
    case K::softplus:
      return f.parameter / 4;
    case K::elu:
    case K::silu:
    case K::gelu:
      return 1;
    case K::softsign:  // |s''| = 2 (1 + |t|)^-3
    case K::gaussian:
      return 2;
    case K::mish:
      return 3;
    case K::cubic_sigmoid:
      return 7;
    case K::relu:
    case K::leaky_relu:
    case K::hard_swish:
    case K::step:
    case K::half_step:
    case K::sign:
      throw InputError(describe(f) + " has a derivative that jumps");
  }
  throw InternalError("an activation missing from the table");
}

bool has_lipschitz_slope(const Activation& f) {
  switch (f.kind) {
    case K::identity:
    case K::sigmoid:
    case K::one_minus_sigmoid:
    case K::tanh:
    case K::softplus:
    case K::elu:
    case K::silu:
    case K::gelu:
    case K::softsign:
    case K::gaussian:
    case K::mish:
    case K::cubic_sigmoid:
      return true;
    case K::relu:
    case K::leaky_relu:
    case K::hard_swish:
    case K::step:
    case K::half_step:
    case K::sign:
      return false;
  }
  throw InternalError("an activation missing from the table");
}

Bend bend(const Activation& f, const Rational& low, const Rational& high) {
  const auto within = [&](const Rational& limit) { return -limit <= low && high <= limit; };
  const bool one_side = low >= 0 || high <= 0;
  switch (f.kind) {
    case K::identity:
      return {true, true};
    case K::relu:
      return {true, one_side};
    case K::leaky_relu:
      return {f.parameter <= 1 || one_side, f.parameter >= 1 || one_side};
    case K::elu:
    case K::softplus:
      return {true, false};
    case K::sigmoid:   // S'' = S' (1 - 2 S)
    case K::softsign:  // s'' = 2 (1 - t)^-3 below 0, -2 (1 + t)^-3 above
    case K::tanh:
      return {high <= 0, low >= 0};
    case K::one_minus_sigmoid:
      return {low >= 0, high <= 0};
    case K::silu:  // s'' = S' (2 - t tanh(t/2)), and 2 tanh 1 < 2
      return {within(2), false};
    case K::gelu:  // s'' = (2 - t^2) phi
      return {within(Rational(7, 5)), false};
    case K::gaussian:  // s'' = (4 t^2 - 2) s
      return {false, within(Rational(7, 10))};
    case K::hard_swish:  // linear beyond the kinks, s'' = 1/3 between them
      return {within(3) || high <= -3 || low >= 3, high <= -3 || low >= 3};
    case K::mish:
    case K::step:
    case K::half_step:
    case K::sign:
    case K::cubic_sigmoid:
      return {};
  }
  throw InternalError("an activation missing from the table");
}

Trend trend(const Activation& f, const Rational& low, const Rational& high) {
  switch (f.kind) {
    case K::relu:
      return {true, high <= 0};
    case K::leaky_relu:
      return {f.parameter > 0 || low >= 0, f.parameter < 0 && high <= 0};
    case K::sigmoid:
    case K::softsign:
    case K::tanh:
    case K::softplus:
    case K::elu:
    case K::identity:
      return {true, false};
    case K::one_minus_sigmoid:
      return {false, true};
    case K::silu:
    case K::gelu:
      return {low >= 0, false};
    case K::hard_swish:
      return {low >= Rational(-3, 2) || high <= -3, high <= Rational(-3, 2)};
    case K::gaussian:
      return {high <= 0, low >= 0};
    case K::mish:
    case K::step:
    case K::half_step:
    case K::sign:
    case K::cubic_sigmoid:
      return {};
  }
  throw InternalError("an activation missing from the table");
}

bool zero_at_zero(ActivationKind kind) {
  switch (kind) {
    case K::relu:
    case K::leaky_relu:
    case K::elu:
    case K::tanh:
    case K::softsign:
    case K::silu:
    case K::gelu:
    case K::mish:
    case K::hard_swish:
    case K::identity:
    case K::sign:
      return true;
    case K::sigmoid:
    case K::softplus:
    case K::gaussian:
    case K::one_minus_sigmoid:
    case K::step:
    case K::half_step:
    case K::cubic_sigmoid:
      return false;
  }
  throw InternalError("unknown activation");
}

bool injective(const Activation& f) {
  return f.kind == K::leaky_relu ? f.parameter > 0 : facts(f.kind).strictly_monotone;
}

std::optional<Rational> violating_point(const Activation& f) {
  const Assumption32 fact = assumption_3_2(f);
  const auto* tail = std::get_if<LeftTailAwayFromZero>(&fact);
  if (tail == nullptr) return std::nullopt;
  // |s(t)| >= least > e^t once t < ln(least).
  const Rational below(floor(log(Ball::enclosing(tail->least)).lower_bound()) - 1);
  return std::min(tail->from, below);
}

std::optional<LeftTail> left_tail(const Activation& f) {
  using A = const Activation&;
  using B = const Ball&;
  switch (f.kind) {
    case K::relu:
    case K::step:
      return LeftTail{0, 0, [](A, B) { return Ball(0); }};
    case K::half_step:
      return LeftTail{-1, 0, [](A, B) { return Ball(0); }};
    case K::hard_swish:
      return LeftTail{-3, 0, [](A, B) { return Ball(0); }};
    case K::sign:
      return LeftTail{-1, -1, [](A, B) { return Ball(0); }};
    // S(t) = e^t/(1+e^t) <= e^t, and 1 - S(-t) = S(t).
    case K::sigmoid:
      return LeftTail{0, 0, [](A, B t) { return exp(t); }};
    case K::one_minus_sigmoid:
      return LeftTail{0, 1, [](A, B t) { return exp(t); }};
    // tanh(t) + 1 = 2 S(2t).
    case K::tanh:
      return LeftTail{0, -1, [](A, B t) { return Ball(2) * exp(t + t); }};
    case K::softsign:  // s(t) + 1 = 1/(1-t)
      return LeftTail{0, -1, [](A, B t) { return Ball(1) / (Ball(1) - t); }};
    case K::elu:
      return LeftTail{0, -1, [](A, B t) { return exp(t); }};
    // ln(1+x) <= x.
    case K::softplus:
      return LeftTail{0, 0, [](A g, B t) {
                        const Ball a = Ball::enclosing(g.parameter);
                        return exp(a * t) / a;
                      }};
    // |t| S(t) <= |t| e^t, increasing on t <= -1; tanh(ln(1+e^t)) <= ln(1+e^t) <= e^t.
    case K::silu:
    case K::mish:
      return LeftTail{-1, 0, [](A, B t) { return -t * exp(t); }};
    // Phi(-u) <= e^{-u^2/2}/2 for u >= 0; u e^{-u^2/2} decreases for u >= 1.
    case K::gelu:
      return LeftTail{-1, 0, [](A, B t) { return -t * exp(-t * t * half()) * half(); }};
    case K::gaussian:
      return LeftTail{0, 0, [](A, B t) { return exp(-t * t); }};
    case K::cubic_sigmoid:  // S(u) <= e^u with u = t^3 <= t
      return LeftTail{-1, 0, [](A, B t) { return exp(t); }};
    case K::leaky_relu:
    case K::identity:
      return std::nullopt;
  }
  throw InternalError("an activation missing from the table");
}

Rational evaluate(const Activation& f, const Rational& t) {
  switch (f.kind) {
    case K::relu:
      return t > 0 ? t : Rational(0);
    case K::leaky_relu:
      return t >= 0 ? t : Rational(f.parameter * t);
    case K::identity:
      return t;
    case K::step:
      return t > 0 ? 1 : 0;
    case K::half_step:
      return t > 0 ? Rational(1) : t == 0 ? Rational(1, 2) : Rational(0);
    case K::sign:
      return t > 0 ? 1 : t < 0 ? -1 : 0;
    default:
      throw InputError(std::string(facts(f.kind).name) + " takes irrational values at rational points; use balls");
  }
}

namespace {

// 2^z/(2^z + 1) where t = (z / two) ln 2.
Rational logistic_of(const Activation& f, const Ln2& t, int two) {
  const auto& c = t.coefficients();
  const Rational z = c.size() > 1 ? Rational(c[1] * two) : Rational(0);
  if (c.size() > 2 || (!c.empty() && c[0] != 0) || denominator(z) != 1 || abs(z) > 65'536) {
    throw InputError(std::string(facts(f.kind).name) + " is rational at integer multiples of ln 2" +
                     (two == 2 ? " / 2" : "") + " only (up to 65536 of them)");
  }
  const Rational power = power_of_two(static_cast<int>(numerator(z).convert_to<long>()));
  return power / (power + 1);
}

}  // namespace

Ln2 evaluate(const Activation& f, const Ln2& t) {
  switch (f.kind) {
    case K::relu:
      return t.sign() > 0 ? t : Ln2();
    case K::leaky_relu:
      return t.sign() >= 0 ? t : t * Ln2(f.parameter);
    case K::identity:
      return t;
    case K::sigmoid:
      return Ln2(logistic_of(f, t, 1));
    case K::one_minus_sigmoid:
      return Ln2(Rational(1 - logistic_of(f, t, 1)));
    case K::tanh:
      return Ln2(Rational(2 * logistic_of(f, t, 2) - 1));
    case K::cubic_sigmoid:
      if (!t.is_zero()) throw InputError("cubic-sigmoid is evaluated exactly at 0 only");
      return Ln2(Rational(1, 2));
    case K::step:
    case K::half_step:
    case K::sign:
    case K::elu:
    case K::softplus:
    case K::silu:
    case K::gelu:
    case K::mish:
    case K::softsign:
    case K::hard_swish:
    case K::gaussian:
      break;
  }
  throw InputError(std::string(facts(f.kind).name) + " has no values in Q[ln 2] to compute with");
}

Ln2 derivative(const Activation& f, const Ln2& t) {
  const auto by_sign = [&](const Rational& below) {
    const int sign = t.sign();
    if (sign == 0) throw InputError(std::string(facts(f.kind).name) + " has a kink at 0");
    return Ln2(sign > 0 ? Rational(1) : below);
  };
  switch (f.kind) {
    case K::relu:
      return by_sign(0);
    case K::leaky_relu:
      return by_sign(f.parameter);
    case K::identity:
      return Ln2(1);
    case K::sigmoid:
    case K::one_minus_sigmoid: {
      const Rational s = logistic_of(f, t, 1), slope = s * (1 - s);
      return Ln2(f.kind == K::sigmoid ? slope : Rational(-slope));
    }
    case K::cubic_sigmoid:
      if (!t.is_zero()) throw InputError("cubic-sigmoid is evaluated exactly at 0 only");
      return Ln2();
    case K::tanh: {
      const Rational s = 2 * logistic_of(f, t, 2) - 1;
      return Ln2(Rational(1 - s * s));
    }
    case K::step:
    case K::half_step:
    case K::sign:
    case K::elu:
    case K::softplus:
    case K::silu:
    case K::gelu:
    case K::mish:
    case K::softsign:
    case K::hard_swish:
    case K::gaussian:
      break;
  }
  throw InputError(std::string(facts(f.kind).name) + " has no derivative in Q[ln 2]");
}

Ball evaluate(const Activation& f, const Ball& t) {
  const Ball zero(0), one(1);
  switch (f.kind) {
    case K::relu:
      return max(t, zero);
    case K::leaky_relu: {
      const Ball slope = Ball::enclosing(f.parameter);
      return piecewise(
          t, [&](const Ball& x) { return slope * x; }, [](const Ball& x) { return x; }, zero);
    }
    case K::elu: {
      const auto left = [](const Ball& x) {
        Ball result;
        arb_expm1(result.data(), x.data(), PrecisionScope::current());
        return result;
      };
      return piecewise(
          t, left, [](const Ball& x) { return x; }, zero);
    }
    case K::softsign:
      return piecewise(
          t, [&](const Ball& x) { return x / (one - x); }, [&](const Ball& x) { return x / (one + x); }, zero);
    case K::hard_swish:
      return t * max(zero, one - max(zero, one - (t + Ball(3)) / Ball(6)));
    case K::sigmoid:
      return logistic(t);
    case K::one_minus_sigmoid:
      return logistic(-t);
    case K::cubic_sigmoid:
      return logistic_of_cube(t);
    case K::tanh:
      return tanh(t);
    case K::softplus: {
      // ln(1+e^x) = x + ln(1+e^-x) avoids overflow for large x.
      const Ball a = Ball::enclosing(f.parameter), x = a * t;
      return (certainly_positive(x) ? x + log1p(exp(-x)) : log1p(exp(x))) / a;
    }
    case K::silu:
      return t * logistic(t);
    case K::gelu:
      return t * normal_distribution(t);
    case K::mish:
      return mish(t);
    case K::identity:
      return t;
    case K::gaussian:
      return exp(-t * t);
    case K::step:
      return piecewise(
          t, [&](const Ball&) { return zero; }, [&](const Ball&) { return one; }, zero);
    case K::half_step:
      return piecewise(
          t, [&](const Ball&) { return zero; }, [&](const Ball&) { return one; }, half());
    case K::sign:
      return piecewise(
          t, [&](const Ball&) { return -one; }, [&](const Ball&) { return one; }, zero);
  }
  throw InternalError("an activation missing from the table");
}

Ball derivative(const Activation& f, const Ball& t) {
  const Ball zero(0), one(1);
  const auto constant = [](const Ball& value) { return [value](const Ball&) { return value; }; };
  switch (f.kind) {
    case K::relu:
      return piecewise(t, constant(zero), constant(one), hull(zero, one));
    case K::leaky_relu: {
      const Ball slope = Ball::enclosing(f.parameter);
      return piecewise(t, constant(slope), constant(one), hull(slope, one));
    }
    case K::elu:
      return piecewise(
          t, [](const Ball& x) { return exp(x); }, constant(one), one);
    case K::softsign:
      return piecewise(
          t, [&](const Ball& x) { return one / ((one - x) * (one - x)); },
          [&](const Ball& x) { return one / ((one + x) * (one + x)); }, one);
    case K::hard_swish: {
      // By the kinks at -3 and 3, as of steps; (2t + 3) / 6 between them.
      const Ball three(3);
      return piecewise(
          t + three, constant(zero),
          [&](const Ball& u) {
            const auto middle = [&](const Ball& v) { return (v + v + Ball(9)) / Ball(6); };
            return piecewise(u - three - three, middle, constant(one), hull(one, middle(zero)));
          },
          hull(zero, -half()));
    }
    case K::sigmoid:
      return logistic(t) * logistic(-t);
    case K::one_minus_sigmoid:
      return -(logistic(t) * logistic(-t));
    case K::cubic_sigmoid: {
      return Ball(3) * t * t * logistic_of_cube(t) * logistic_of_cube(-t);
    }
    case K::tanh:
      return one - tanh(t) * tanh(t);
    case K::softplus:
      return logistic(Ball::enclosing(f.parameter) * t);
    case K::silu:
      return logistic(t) * (one + t * logistic(-t));
    case K::gelu:
      return normal_distribution(t) + t * exp(-t * t * half()) / sqrt(Ball(2) * Ball::pi());
    case K::mish: {
      const Ball w = tanh(log1p(exp(t)));
      return w + t * logistic(t) * (one - w * w);
    }
    case K::identity:
      return one;
    case K::gaussian:
      return Ball(-2) * t * exp(-t * t);
    case K::step:
    case K::half_step:
    case K::sign:
      throw InputError(std::string(facts(f.kind).name) + " is not differentiable at 0");
  }
  throw InternalError("an activation missing from the table");
}

double evaluate(const Activation& f, double t) {
  const auto logistic = [](double x) { return 1 / (1 + std::exp(-x)); };
  switch (f.kind) {
    case K::relu:
      return t > 0 ? t : 0;
    case K::leaky_relu:
      return t >= 0 ? t : f.parameter.convert_to<double>() * t;
    case K::elu:
      return t >= 0 ? t : std::expm1(t);
    case K::softsign:
      return t / (1 + std::abs(t));
    case K::hard_swish:
      return t * std::min(std::max(t + 3, 0.0), 6.0) / 6;
    case K::sigmoid:
      return logistic(t);
    case K::one_minus_sigmoid:
      return logistic(-t);
    case K::cubic_sigmoid:
      return logistic(t * t * t);
    case K::tanh:
      return std::tanh(t);
    case K::softplus: {
      const double a = f.parameter.convert_to<double>(), x = a * t;
      return (x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x))) / a;
    }
    case K::silu:
      return t < -700 ? 0 : t * logistic(t);
    case K::gelu:
      return t * std::erfc(-t / std::sqrt(2.0)) / 2;
    case K::mish:
      return t * std::tanh(t > 0 ? t + std::log1p(std::exp(-t)) : std::log1p(std::exp(t)));
    case K::identity:
      return t;
    case K::gaussian:
      return std::exp(-t * t);
    case K::step:
      return t > 0 ? 1 : 0;
    case K::half_step:
      return t > 0 ? 1 : t == 0 ? 0.5 : 0;
    case K::sign:
      return t > 0 ? 1 : t < 0 ? -1 : 0;
  }
  throw InternalError("an activation missing from the table");
}

}  // namespace widecert
