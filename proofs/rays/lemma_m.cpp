#include "proofs/rays/lemma_m.h"
#include <widecert/number/error.h>

#include <algorithm>

namespace widecert {
namespace {

using K = ActivationKind;

constexpr long kBits = 128;
constexpr int kDigits = 16;  // significant bits of a short alpha_0

Ball ball(const Rational& x) { return Ball::enclosing(x); }
Ball times(std::size_t n, const Ball& x) { return Ball(static_cast<std::int64_t>(n)) * x; }

// ln((n-1)/2) to a sixteenth, at least 0.
Rational near_best_beta(std::size_t n) {
  if (n <= 3) return 0;
  return round_down(log(ball(Rational(static_cast<long>(n - 1), 2))).lower_bound(), 4);
}

}  // namespace

Centre centre_for(K kind) {
  const bool vanishing = kind == K::softplus || kind == K::silu || kind == K::gelu || kind == K::mish;
  return vanishing ? Centre::mid_gap : Centre::at_minimum;
}

int orientation(K kind) { return kind == K::one_minus_sigmoid ? -1 : 1; }

RayRule rule_for(K kind) { return kind == K::relu || kind == K::hard_swish ? RayRule::triangular : RayRule::h_matrix; }

const char* ray_formula(K kind, RayRule rule) {
  if (rule == RayRule::row_difference) {
    return "m (alpha_0 delta - beta) >= n ln(1 + 1/s), s = min(S(m beta), corner) - e^(-m (alpha_0 delta - beta))";
  }
  switch (kind) {
    case K::relu:
      return "alpha_0 = beta / delta (exactly triangular)";
    case K::hard_swish:
      return "alpha_0 = (beta + 3) / delta (exactly triangular)";
    case K::sigmoid:
    case K::one_minus_sigmoid:
      return "alpha_0 = (beta + ln((2 + e^-beta)^N - 1)) / delta";
    case K::softplus:
      return "alpha_0 = (N ln(1 + Delta/d) - ln ln 2) / (a delta)";
    case K::gelu:
      return "alpha_0 delta = max(1, sqrt(2 N ln(1 + 2 Delta/d)))";
    case K::gaussian:
      return "alpha_0^2 (delta^2 - N r^2) = N ln 2";
    case K::silu:
    case K::mish:
      return "alpha_0 delta = max(1, N ln(1 + 2 Delta/d))";
    default:
      throw InternalError("no ray threshold for this activation");
  }
}

bool has_ray_threshold(K kind) {
  switch (kind) {
    case K::relu:
    case K::hard_swish:
    case K::sigmoid:
    case K::one_minus_sigmoid:
    case K::softplus:
    case K::silu:
    case K::gelu:
    case K::mish:
    case K::gaussian:
      return true;
    default:
      return false;
  }
}

bool has_row_difference(K kind) { return kind == K::sigmoid || kind == K::tanh; }

RayThreshold ray_threshold(const Activation& f, const Separation& gaps, std::size_t n) {
  const PrecisionScope precision(kBits);
  const Ball one(1);
  const Ball delta = ball(gaps.delta);
  RayThreshold result;
  switch (f.kind) {
    case K::relu:
      result.beta = 1;
      result.alpha_0 = 1 / gaps.delta;
      return result;
    case K::hard_swish:
      result.beta = 1;
      result.alpha_0 = 4 / gaps.delta;
      return result;
    case K::sigmoid:
    case K::one_minus_sigmoid: {
      result.beta = near_best_beta(n);
      const Ball beta = ball(result.beta);
      // ln((2+e^-beta)^n - 1) = L + ln(1 - e^-L) with L = n ln(2+e^-beta): no overflow.
      const Ball l = times(n, log(Ball(2) + exp(-beta)));
      result.alpha_0 = short_upper_bound(((beta + l + log1p(-exp(-l))) / delta).upper_bound(), kDigits);
      return result;
    }
    case K::softplus: {
      const Ball l = times(n, log(one + ball(gaps.upper) / ball(gaps.diagonal_low)));
      const Ball alpha = (l - log(log(Ball(2)))) / (ball(f.parameter) * delta);
      result.alpha_0 = short_upper_bound(alpha.upper_bound(), kDigits);
      return result;
    }
    case K::silu:
    case K::mish:
    case K::gelu: {
      const Ball l = times(n, log(one + Ball(2) * ball(gaps.upper) / ball(gaps.diagonal_low)));
      const Ball reach = f.kind == K::gelu ? sqrt(Ball(2) * l) : l;
      result.alpha_0 = short_upper_bound((max(one, reach) / delta).upper_bound(), kDigits);
      return result;
    }
    case K::gaussian: {
      const Rational radius = std::max(Rational(abs(gaps.diagonal_low)), Rational(abs(gaps.diagonal_high)));
      const Rational room = gaps.delta * gaps.delta - Rational(static_cast<long>(n)) * radius * radius;
      check(room > 0, "the centres are finer than delta / sqrt(n)");
      const Ball alpha = sqrt(times(n, log(Ball(2))) / ball(room));
      result.alpha_0 = short_upper_bound(alpha.upper_bound(), kDigits);
      return result;
    }
    default:
      throw InternalError("no ray threshold for this activation");
  }
}

RayThreshold row_difference_threshold(const Activation& f, const Separation& gaps, std::size_t n, bool saturated) {
  check(has_row_difference(f.kind), "row differences need a bounded increasing activation");
  const PrecisionScope precision(kBits);
  const bool is_tanh = f.kind == K::tanh;
  const int m = is_tanh ? 2 : 1;
  RayThreshold result;
  // A saturated tanh neuron has corner 1/2 = S(0), so a larger beta gains nothing there.
  result.beta = is_tanh && saturated ? Rational(0) : Rational(near_best_beta(n) / m);
  const Ball beta = ball(result.beta), factor(m), one(1);
  Ball least = one / (one + exp(-factor * beta));
  if (is_tanh && saturated) least = one / Ball(2);
  // e <= 2^-30 leaves s >= least - 2^-30.
  const Ball s = least - ball(power_of_two(-30));
  const Ball exponent = max(times(n, log(one + one / s)), Ball(30) * log(Ball(2)));
  const Ball alpha = (beta + exponent / factor) / ball(gaps.delta);
  result.alpha_0 = short_upper_bound(alpha.upper_bound(), kDigits);
  return result;
}

}  // namespace widecert
