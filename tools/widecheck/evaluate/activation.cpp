#include "evaluate/activation.h"

#include <stdexcept>

#include "kernel/verdict.h"

namespace widecheck {
namespace {

// S(x) = 1/(1+e^-x); with e = e^-|x| it is 1/(1+e) for x >= 0 and e/(1+e) below. Both are monotone
// in e.
Interval logistic(const mpq_class& x, unsigned bits) {
  const Interval e = exp_minus(abs(x), bits);
  if (x >= 0) return {1 / (1 + e.high), 1 / (1 + e.low)};
  return {e.low / (1 + e.low), e.high / (1 + e.high)};
}

Interval times(const Interval& a, const mpq_class& x) {
  if (x >= 0) return {a.low * x, a.high * x};
  return {a.high * x, a.low * x};
}

// S(x) (1 - S(x)) = e/(1 + e)^2 with e = e^-|x| <= 1, where it is increasing in e.
Interval logistic_slope(const mpq_class& x, unsigned bits) {
  const Interval e = exp_minus(abs(x), bits);
  const auto at = [](const mpq_class& v) -> mpq_class {
    const mpq_class w = v < 1 ? v : mpq_class(1);
    return w / ((1 + w) * (1 + w));
  };
  return {at(e.low), at(e.high)};
}

Interval sum(const Interval& a, const Interval& b) { return {a.low + b.low, a.high + b.high}; }

// The product of numbers that are not negative.
Interval product(const Interval& a, const Interval& b) { return {a.low * b.low, a.high * b.high}; }

// Extra bits so that a factor |x| keeps the width.
unsigned bits_of(const mpq_class& x) {
  const mpz_class q = abs(x.get_num()) / x.get_den() + 1;
  return static_cast<unsigned>(mpz_sizeinbase(q.get_mpz_t(), 2));
}

// tanh(ln(1+e^x)) = ((1+e^x)^2 - 1)/((1+e^x)^2 + 1) = r/(r+2) with r = e^2x + 2 e^x; for x > 0, with u =
// e^-x, it is (1+2u)/(1+2u+2u^2). Both are monotone in the exponential.
Interval tanh_of_softplus(const mpq_class& x, unsigned bits) {
  const Interval e = exp_minus(abs(x), bits);
  const auto below = [](const mpq_class& w) -> mpq_class { return (w * w + 2 * w) / (w * w + 2 * w + 2); };
  const auto above = [](const mpq_class& u) -> mpq_class { return (1 + 2 * u) / (1 + 2 * u + 2 * u * u); };
  return x <= 0 ? Interval{below(e.low), below(e.high)} : Interval{above(e.high), above(e.low)};
}

}  // namespace

bool analytic(Function f) {
  switch (f) {
    case Function::sigmoid:
    case Function::one_minus_sigmoid:
    case Function::tanh:
    case Function::softplus:
    case Function::silu:
    case Function::gelu:
    case Function::mish:
    case Function::gaussian:
    case Function::identity:
    case Function::cubic_sigmoid:
      return true;  // compositions, sums, products and quotients of entire functions without poles on R
    case Function::relu:
    case Function::leaky_relu:
    case Function::elu:
    case Function::softsign:    // s'' jumps at 0
    case Function::hard_swish:  // s' jumps at -3 and 3
    case Function::step:
    case Function::half_step:
    case Function::sign:
      return false;
  }
  throw std::logic_error("an activation without facts");
}

bool slopes_nonzero(Function f) {
  switch (f) {
    case Function::sigmoid:            // S (1 - S)
    case Function::one_minus_sigmoid:  // -S (1 - S)
    case Function::tanh:               // 1 - tanh^2
    case Function::softplus:           // S(a t)
    case Function::elu:                // e^t below 0, 1 from there on
    case Function::softsign:           // (1 + |t|)^-2
    case Function::identity:
      return true;
    case Function::silu:  // a zero near -1.278
    case Function::gelu:  // near -0.752
    case Function::mish:  // near -1.192
    case Function::gaussian:
    case Function::cubic_sigmoid:  // at 0
    case Function::hard_swish:     // 0 below -3
    case Function::relu:
    case Function::leaky_relu:  // a kink
    case Function::step:
    case Function::half_step:
    case Function::sign:
      return false;
  }
  throw std::logic_error("an activation without facts");
}

bool positive(Function f) {
  switch (f) {
    case Function::sigmoid:            // 1 / (1 + e^-t)
    case Function::one_minus_sigmoid:  // 1 / (1 + e^t)
    case Function::cubic_sigmoid:      // 1 / (1 + e^(-t^3))
    case Function::softplus:           // ln(1 + e^(a t)) / a
    case Function::gaussian:           // e^(-t^2)
      return true;
    case Function::relu:  // 0 for t <= 0
    case Function::step:
    case Function::half_step:
    case Function::hard_swish:
    case Function::leaky_relu:
    case Function::elu:
    case Function::tanh:
    case Function::silu:
    case Function::gelu:
    case Function::mish:
    case Function::identity:
    case Function::sign:
    case Function::softsign:
      return false;
  }
  throw std::logic_error("an activation without facts");
}

bool assumption_3_2_of_2017(Function f) {
  switch (f) {
    case Function::sigmoid:
    case Function::tanh:      // bounded
    case Function::softplus:  // ln(1 + x) <= x, and at most t + ln 2 in size for t >= 0 (sharpness 1; else likewise)
    case Function::cubic_sigmoid:  // S(t^3): increasing and bounded
      return true;
    case Function::one_minus_sigmoid:  // decreases
    case Function::identity:           // grows as t -> -inf
    case Function::silu:
    case Function::gelu:
    case Function::mish:
    case Function::gaussian:
    case Function::relu:
    case Function::leaky_relu:
    case Function::elu:
    case Function::softsign:  // not analytic
    case Function::hard_swish:
    case Function::step:
    case Function::half_step:
    case Function::sign:
      return false;
  }
  throw std::logic_error("an activation without facts");
}

bool strictly_monotone(const Activation& f) {
  return homeomorphism(f) || slopes_nonzero(f.function) || f.function == Function::cubic_sigmoid;
}

bool homeomorphism(const Activation& f) {
  switch (f.function) {
    case Function::identity:
      return true;
    case Function::leaky_relu:
      return f.parameter > 0;
    case Function::relu:
    case Function::elu:
    case Function::softplus:
    case Function::silu:
    case Function::gelu:
    case Function::mish:
    case Function::hard_swish:  // bounded below
    case Function::sigmoid:
    case Function::one_minus_sigmoid:
    case Function::tanh:
    case Function::softsign:
    case Function::gaussian:
    case Function::cubic_sigmoid:
    case Function::step:
    case Function::half_step:
    case Function::sign:  // bounded
      return false;
  }
  throw std::logic_error("an activation without facts");
}

bool translate_independent(const Activation& f) {
  switch (f.function) {
    case Function::identity:
    case Function::cubic_sigmoid:  // not examined
      return false;
    case Function::leaky_relu:
      return f.parameter != 1;
    case Function::relu:
    case Function::elu:
    case Function::sigmoid:
    case Function::one_minus_sigmoid:
    case Function::tanh:
    case Function::softplus:
    case Function::silu:
    case Function::gelu:
    case Function::mish:
    case Function::gaussian:
    case Function::softsign:
    case Function::hard_swish:
    case Function::step:
    case Function::half_step:
    case Function::sign:
      return true;  // proofs/generic/README.md, "Untied biases"
  }
  throw std::logic_error("an activation without facts");
}

std::optional<Image> monotone_image(const Activation& f) {
  switch (f.function) {
    case Function::sigmoid:
    case Function::one_minus_sigmoid:
    case Function::cubic_sigmoid:
      return Image{0, 1};
    case Function::softsign:
    case Function::tanh:
      return Image{-1, 1};
    case Function::softplus:
      return Image{0, {}};
    case Function::elu:
      return Image{-1, {}};
    case Function::identity:
      return Image{};
    case Function::leaky_relu:
      if (f.parameter > 0) return Image{};
      return Image{0, {}};  // on t > 0, as for relu
    // On t > 0: t; t S, t Phi, t tanh(softplus), t min(t + 3, 6), where both factors increase or are constant.
    case Function::relu:
    case Function::hard_swish:
    case Function::silu:
    case Function::gelu:
    case Function::mish:
      return Image{0, {}};
    case Function::gaussian:  // decreases on t > 0 from 1 to 0
      return Image{0, 1};
    case Function::step:
    case Function::half_step:
    case Function::sign:
      return std::nullopt;
  }
  throw std::logic_error("an activation without facts");
}

Bend bend(const Activation& f, const mpq_class& low, const mpq_class& high) {
  const auto within = [&](const mpq_class& limit) { return -limit <= low && high <= limit; };
  switch (f.function) {
    case Function::identity:
      return {true, true};
    case Function::relu:
      return {true, low >= 0 || high <= 0};
    case Function::leaky_relu:  // slope 1 on t > 0
      return {f.parameter <= 1 || low >= 0 || high <= 0, f.parameter >= 1 || low >= 0 || high <= 0};
    case Function::elu:  // e^t - 1 below 0, with slope 1 there
    case Function::softplus:
      return {true, false};
    case Function::softsign:  // s'' = 2 (1 - t)^-3 below 0, -2 (1 + t)^-3 above
    case Function::sigmoid:   // S'' = S' (1 - 2 S)
    case Function::tanh:      // 2 S(2t) - 1
      return {high <= 0, low >= 0};
    case Function::one_minus_sigmoid:
      return {low >= 0, high <= 0};
    case Function::silu:  // s'' = S' (2 - t tanh(t/2)), and 2 tanh 1 < 2
      return {within(2), false};
    case Function::gelu:  // s'' = (2 - t^2) phi
      return {within(mpq_class(7, 5)), false};
    case Function::gaussian:  // s'' = (4 t^2 - 2) s
      return {false, within(mpq_class(7, 10))};
    case Function::hard_swish:  // 0 up to -3, t (t + 3) / 6 up to 3, then t
      return {within(3) || high <= -3 || low >= 3, high <= -3 || low >= 3};
    case Function::mish:
    case Function::cubic_sigmoid:
    case Function::step:
    case Function::half_step:
    case Function::sign:
      return {};
  }
  throw std::logic_error("an activation without facts");
}

Trend trend(const Activation& f, const mpq_class& low, const mpq_class& high) {
  switch (f.function) {
    case Function::relu:
      return {true, high <= 0};
    case Function::leaky_relu:
      return {f.parameter > 0 || low >= 0, f.parameter < 0 && high <= 0};
    case Function::sigmoid:
    case Function::softsign:
    case Function::tanh:
    case Function::softplus:
    case Function::elu:
    case Function::identity:
      return {true, false};
    case Function::one_minus_sigmoid:
      return {false, true};
    case Function::silu:
    case Function::gelu:
      return {low >= 0, false};
    case Function::hard_swish:  // least at -3/2
      return {low >= mpq_class(-3, 2) || high <= -3, high <= mpq_class(-3, 2)};
    case Function::gaussian:
      return {high <= 0, low >= 0};
    case Function::mish:
    case Function::cubic_sigmoid:
    case Function::step:
    case Function::half_step:
    case Function::sign:
      return {};
  }
  throw std::logic_error("an activation without facts");
}

Interval value(const Activation& f, const mpq_class& x, unsigned bits) {
  switch (f.function) {
    case Function::sigmoid:
      return logistic(x, bits);
    case Function::one_minus_sigmoid:
      return logistic(-x, bits);
    case Function::cubic_sigmoid:
      return logistic(x * x * x, bits);
    case Function::tanh: {  // 2 S(2x) - 1
      const Interval s = logistic(2 * x, bits + 1);
      return {2 * s.low - 1, 2 * s.high - 1};
    }
    case Function::softsign: {
      const mpq_class v = x / (1 + abs(x));
      return {v, v};
    }
    case Function::hard_swish: {
      if (x <= -3) return {0, 0};
      const mpq_class v = x >= 3 ? x : mpq_class(x * (x + 3) / 6);
      return {v, v};
    }
    case Function::elu: {
      if (x >= 0) return {x, x};
      const Interval e = exp_minus(-x, bits);
      return {e.low - 1, e.high - 1};
    }
    case Function::gaussian:
      return exp_minus(x * x, bits);
    case Function::softplus: {  // (max(y, 0) + ln(1 + e^-|y|))/a with y = a x
      const unsigned more = bits + bits_of(1 / f.parameter);
      const mpq_class y = f.parameter * x;
      const Interval e = exp_minus(abs(y), more);
      const mpq_class base = y > 0 ? y : mpq_class(0);
      return {(base + log(1 + e.low, more).low) / f.parameter, (base + log(1 + e.high, more).high) / f.parameter};
    }
    case Function::silu:
      return times(logistic(x, bits + bits_of(x)), x);
    case Function::gelu: {
      const Interval tail = normal_tail(abs(x), bits + bits_of(x));
      return times(x >= 0 ? Interval{1 - tail.high, 1 - tail.low} : tail, x);
    }
    case Function::mish:
      return times(tanh_of_softplus(x, bits + bits_of(x) + 2), x);
    default:
      throw Rejected("unsupported", f.name + " is not evaluated by series");
  }
}

Products series_cost(const Activation& f, unsigned bits) {
  const Products words = 1 + Products(bits) / 64, square = words * words;
  if (piecewise_linear(f.function) || is_step(f.function)) return 0;
  if (f.function == Function::softplus) return 40'000 + 4'000 * square;
  // The normal distribution takes about 4 bits terms of up to 5 times the precision.
  if (f.function == Function::gelu) return 60'000 + 300 * bits * square;
  return 12'000 + 800 * square;
}

mpq_class lipschitz(const Activation& f) {
  switch (f.function) {
    case Function::leaky_relu: {
      const mpq_class slope = abs(f.parameter);
      return slope > 1 ? slope : mpq_class(1);
    }
    case Function::sigmoid:
    case Function::one_minus_sigmoid:
      return mpq_class(1, 4);  // S(1-S) <= 1/4
    case Function::relu:
    case Function::identity:
    case Function::elu:
    case Function::softsign:
    case Function::tanh:
    case Function::softplus:
      return 1;  // derivatives in [0, 1]
    case Function::gaussian:
      return 1;  // |2t e^{-t^2}| <= sqrt(2/e) < 1
    case Function::hard_swish:
      return mpq_class(3, 2);  // (2t + 3) / 6 between the kinks
    case Function::cubic_sigmoid:
      return 2;  // 3 t^2 S'(t^3) <= 3 t^2 e^{-|t|^3} <= 3 (2/3)^{2/3} e^{-2/3} < 6/5
    case Function::silu:
      return 2;  // |S + t S(1-S)| <= 1 + |t| e^{-|t|} <= 1 + 1/e
    case Function::gelu:
      return 2;  // |Phi + t phi(t)| <= 1 + e^{-1/2}/sqrt(2 pi)
    case Function::mish:
      return 3;  // |tanh| + |t| S sech^2 <= 1 + 4 |t| S (1-S)^2 <= 1 + 4/e
    default:
      throw Rejected("unsupported", f.name + " is not Lipschitz");
  }
}

Interval slope(const Activation& f, const mpq_class& x, unsigned bits) {
  const unsigned more = bits + bits_of(x) + 2;
  switch (f.function) {
    case Function::identity:
      return {1, 1};
    case Function::sigmoid:
      return logistic_slope(x, bits);
    case Function::one_minus_sigmoid:
      return times(logistic_slope(x, bits), -1);
    case Function::cubic_sigmoid:
      return times(logistic_slope(x * x * x, bits + 2 * bits_of(x) + 2), 3 * x * x);
    case Function::tanh:  // 4 S'(2x)
      return times(logistic_slope(2 * x, bits + 2), 4);
    case Function::softsign: {
      const mpq_class one_more = 1 + abs(x), v = 1 / (one_more * one_more);
      return {v, v};
    }
    case Function::softplus:
      return logistic(f.parameter * x, bits);
    case Function::elu:
      return x >= 0 ? Interval{1, 1} : exp_minus(-x, bits);
    case Function::gaussian:
      return times(exp_minus(x * x, more), -2 * x);
    case Function::silu:  // S + x S'
      return sum(logistic(x, bits), times(logistic_slope(x, more), x));
    case Function::gelu: {  // Phi + x phi
      const Interval tail = normal_tail(abs(x), bits), phi = x >= 0 ? Interval{1 - tail.high, 1 - tail.low} : tail;
      return sum(phi, times(normal_density(x, more), x));
    }
    case Function::mish: {  // w + x S (1 - w^2)
      const Interval w = tanh_of_softplus(x, more), rest{1 - w.high * w.high, 1 - w.low * w.low};
      return sum(w, times(product(logistic(x, more), rest), x));
    }
    default:
      throw Rejected("not-differentiable", f.name + " is not differentiable everywhere");
  }
}

mpq_class slope_lipschitz(const Activation& f) {
  switch (f.function) {
    case Function::identity:
      return 0;
    case Function::sigmoid:
    case Function::one_minus_sigmoid:
      return mpq_class(1, 10);  // |S (1-S) (1-2S)| <= 1/(6 sqrt 3)
    case Function::tanh:
      return mpq_class(4, 5);  // |2 t (1-t^2)| <= 4/(3 sqrt 3)
    case Function::cubic_sigmoid:
      return 7;  // |6 t S'(t^3) + 9 t^4 S''(t^3)| <= (6 |t| + 9 t^4) e^{-|t|^3} <= 3 + 7/2, as |S''| <= S' <= e^-|u|
    case Function::softplus:
      return f.parameter / 4;
    case Function::elu:
    case Function::silu:  // |S' (2 + x (1-2S))| <= 1/2 + |x| e^-|x|
    case Function::gelu:  // phi(x) |2 - x^2| <= 2 phi(0) < 1
      return 1;
    case Function::softsign:  // |s''| = 2 (1 + |t|)^-3
    case Function::gaussian:
      return 2;  // |4x^2 - 2| e^{-x^2} <= 2
    case Function::mish:
      // |2w' + x w''|, w' = S (1-w^2), w'' = (1-w^2)(S' - 2 w S^2), 1-w^2 <= min(1, 4 (1-S)^2):
      // 2w' <= 8 * 4/27; |x w''| <= 9 x (1-S)^2 < 5/4 for x > 0, |x| (e^x + 2 e^2x) < 3/4 below.
      return 3;
    default:
      throw Rejected("not-differentiable", f.name + " is not differentiable everywhere");
  }
}

std::string violation_of_3_2(const Activation& f) {
  // 3.2 asks for a continuous function with finite limits of product 0, or for |s(t)| <= rho1
  // e^{rho2 t} on t < 0 (which tends to 0) and linear growth. A left tail away from 0, with no pair
  // of finite limits of product 0, excludes both.
  switch (f.function) {
    case Function::identity:
      return "|s(t)| = |t| >= 1 for t <= -1, and it is unbounded";
    case Function::leaky_relu:
      return "|s(t)| = |slope| |t| >= |slope| > 0 for t <= -1, and it is unbounded";
    case Function::elu:
      return "|s(t)| >= 1 - 1/e > 3/5 for t <= -1, and s(t) = t is unbounded for t >= 0";
    case Function::tanh:
      return "|s(t)| >= tanh(1) > 3/4 for t <= -1, and the limits are -1 and 1";
    case Function::softsign:
      return "|s(t)| >= 1/2 for t <= -1, and the limits are -1 and 1";
    case Function::step:
    case Function::half_step:
    case Function::sign:
      return "not continuous at 0";
    default:
      return "";
  }
}

}  // namespace widecheck
