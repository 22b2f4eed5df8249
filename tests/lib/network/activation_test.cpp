#include <widecert/network/activation.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <cmath>

#include "../../catch.h"

using namespace widecert;
using K = ActivationKind;

namespace {

// Every function of the table with the parameters tests use.
std::vector<Activation> all() {
  std::vector<Activation> functions;
  for (K kind : all_activation_kinds()) functions.push_back({kind, 1});
  functions.push_back({K::leaky_relu, Rational(1, 100)});
  functions.push_back({K::leaky_relu, Rational(-3)});
  functions.push_back({K::softplus, Rational(7, 2)});
  functions.push_back({K::softplus, Rational(1, 3)});
  return functions;
}

Ball at(const Activation& f, const Rational& t) { return evaluate(f, Ball::enclosing(t)); }

}  // namespace

TEST_CASE("the table is complete and names are unique") {
  CHECK(all_activation_kinds().size() == 18);
  for (K kind : all_activation_kinds()) {
    CHECK(activation_by_name(facts(kind).name) == kind);
    CHECK_FALSE(facts(kind).justification.empty());
    CHECK_FALSE(facts(kind).assumption_3_2.empty());
  }
  CHECK_FALSE(activation_by_name("relu6").has_value());
}

TEST_CASE("Assumption 3.2 holds with its constants, or is violated, on a grid") {
  const PrecisionScope precision(128);
  for (const Activation& f : all()) {
    const Assumption32 fact = assumption_3_2(f);
    for (int k = -160; k <= 160; ++k) {
      const Rational t(k, 4);
      INFO(describe(f) << " at t = " << t);
      const Ball x = Ball::enclosing(t), y = at(f, t);
      Ball size;
      arb_abs(size.data(), y.data());
      if (const auto* growth = std::get_if<GrowthBounds>(&fact)) {
        const Ball bound = t < 0 ? growth->rho1 * exp(growth->rho2 * x) : growth->rho3 * x + growth->rho4;
        CHECK_FALSE(certainly_less(bound, size));
        CHECK(certainly_positive(growth->rho1));
        CHECK(certainly_positive(growth->rho2));
        CHECK(certainly_positive(growth->rho3));
        CHECK(certainly_positive(growth->rho4));
      } else if (const auto* tail = std::get_if<LeftTailAwayFromZero>(&fact)) {
        CHECK(tail->least > 0);
        if (t <= tail->from) CHECK_FALSE(certainly_less(size, Ball::enclosing(tail->least)));
      } else if (const auto* limits = std::get_if<FiniteLimits>(&fact)) {
        CHECK(limits->at_minus_infinity * limits->at_plus_infinity == 0);
      }
    }
  }
}

TEST_CASE("claimed limits are approached") {
  const PrecisionScope precision(256);
  for (const Activation& f : all()) {
    const Assumption32 fact = assumption_3_2(f);
    if (const auto* limits = std::get_if<FiniteLimits>(&fact)) {
      for (const auto& [t, limit] :
           {std::pair{Rational(-80), limits->at_minus_infinity}, std::pair{Rational(80), limits->at_plus_infinity}}) {
        INFO(describe(f) << " at " << t);
        const Ball distance = at(f, t) - Ball::enclosing(limit);
        CHECK(distance.upper_bound() < power_of_two(-100));
        CHECK(distance.lower_bound() > -power_of_two(-100));
      }
    }
  }
}

TEST_CASE("each failure of Assumption 3.2 has an explicit violating t for rho = (1, 1, 1, 1)") {
  const PrecisionScope precision(128);
  for (const Activation& f : all()) {
    if (satisfies_assumption_3_2(f)) continue;
    if (std::holds_alternative<Discontinuous>(assumption_3_2(f))) {
      // The jump at 0 is seen exactly.
      CHECK(evaluate(f, Rational(1, 1'000'000)) - evaluate(f, Rational(-1, 1'000'000)) == (f.kind == K::sign ? 2 : 1));
      continue;
    }
    const Rational t = violating_point(f).value();
    Ball size;
    arb_abs(size.data(), at(f, t).data());
    INFO(describe(f) << " at " << t);
    CHECK(certainly_less(exp(Ball::enclosing(t)), size));
  }
}

TEST_CASE("left tails stay below their explicit bound, which decreases to 0") {
  const PrecisionScope precision(200);
  for (const Activation& f : all()) {
    const auto tail = left_tail(f);
    if (!tail) continue;
    Rational previous = -1;
    for (int k = 0; k <= 120; ++k) {
      const Rational t = tail->from - Rational(k, 4);
      INFO(describe(f) << " at t = " << t);
      const Ball bound = tail->bound(f, Ball::enclosing(t));
      Ball distance = at(f, t) - Ball::enclosing(tail->limit);
      arb_abs(distance.data(), distance.data());
      CHECK_FALSE(certainly_less(bound, distance));
      const Rational upper = bound.upper_bound();
      if (previous >= 0) CHECK(upper <= previous + power_of_two(-150));
      previous = upper;
    }
    CHECK(previous < power_of_two(f.kind == K::softsign ? -4 : -10));  // 1/(1 - t) falls slowly
  }
}

TEST_CASE("derivatives enclose difference quotients, and monotone means a derivative of one sign") {
  const PrecisionScope precision(256);
  for (const Activation& f : all()) {
    if (f.kind == K::step || f.kind == K::half_step || f.kind == K::sign) {
      CHECK_THROWS_AS(derivative(f, Ball(1)), InputError);
      continue;
    }
    for (int k = -48; k <= 48; ++k) {
      // By the mean value theorem the quotient over [t, t+h] lies in the derivative's range there.
      const Rational t(2 * k + 1, 8), h = power_of_two(-30);
      const Ball quotient = (at(f, t + h) - at(f, t)) / Ball::enclosing(h);
      Ball interval = Ball::enclosing(t);
      arb_add_error_2exp_si(interval.data(), -29);
      const Ball slope = derivative(f, interval);
      INFO(describe(f) << " at " << t);
      CHECK_FALSE(certainly_less(quotient, slope));
      CHECK_FALSE(certainly_less(slope, quotient));
      if (facts(f.kind).derivative_nonzero) CHECK_FALSE(derivative(f, Ball::enclosing(t)).contains_zero());
    }
  }
}

TEST_CASE("strictly monotone functions are, and so are all but the steps on the interval of Lemma D.1") {
  const PrecisionScope precision(256);
  for (const Activation& f : all()) {
    const auto monotone = [&](const Rational& from, const Rational& to) {
      int up = 0, down = 0, steps = 0;
      for (int k = 0; k < 64; ++k, ++steps) {
        const Ball a = at(f, from + (to - from) * k / 64), b = at(f, from + (to - from) * (k + 1) / 64);
        up += certainly_less(a, b);
        down += certainly_less(b, a);
      }
      return up == steps || down == steps;
    };
    INFO(describe(f));
    const int far = f.kind == K::cubic_sigmoid ? 4 : 20;  // beyond, its values are 0 and 1 up to the precision
    if (facts(f.kind).strictly_monotone) CHECK(monotone(-far, far));
    CHECK(monotone(Rational(1, 4), Rational(5, 4)) == facts(f.kind).injective_on_d1_interval);
  }
}

TEST_CASE("homeomorphisms of R go far both ways and are strictly monotone, no other function does and is") {
  for (const Activation& f : all()) {
    INFO(describe(f));
    const Rational far = Integer(1) << 20;
    bool monotone = true;
    for (int t = -64; t < 64; ++t) {
      const double step = evaluate(f, (t + 1) / 4.0) - evaluate(f, t / 4.0);
      monotone = monotone && step > 0;
    }
    const double left = evaluate(f, -far.convert_to<double>()), right = evaluate(f, far.convert_to<double>());
    const bool both_ways = left < -1000 && right > 1000;
    CHECK(homeomorphism(f) == (monotone && both_ways));
  }
  CHECK(homeomorphism({ActivationKind::leaky_relu, Rational(1, 100)}));
  CHECK(!homeomorphism({ActivationKind::leaky_relu, Rational(-1, 100)}));
}

TEST_CASE("a Lipschitz constant of the slope is there exactly where the slope has one") {
  for (const Activation& f : all()) {
    INFO(describe(f));
    if (has_lipschitz_slope(f)) {
      CHECK(slope_lipschitz(f) >= 0);
    } else {
      CHECK_THROWS_AS(slope_lipschitz(f), InputError);
    }
  }
}

TEST_CASE("exact, enclosing and double evaluation agree") {
  const PrecisionScope precision(128);
  for (const Activation& f : all()) {
    for (int k = -40; k <= 40; ++k) {
      const Rational t(k, 3);
      const Ball y = at(f, t);
      INFO(describe(f) << " at " << t);
      if (facts(f.kind).piecewise_affine) {
        CHECK(y.contains(evaluate(f, t)));
      } else {
        CHECK_THROWS_AS(evaluate(f, t), InputError);
      }
      const double fast = evaluate(f, t.convert_to<double>());
      CHECK(abs(exactly(fast) - y.midpoint()) <= Rational(1, 1'000'000'000) * (1 + abs(y.midpoint())));
    }
  }
}

TEST_CASE("a wide ball covers both sides of a kink or jump") {
  Ball wide;
  arb_add_error_2exp_si(wide.data(), 1);  // [-2, 2]
  for (const Activation& f : all()) {
    INFO(describe(f));
    const Ball image = evaluate(f, wide);
    for (int k = -8; k <= 8; ++k) {
      const Ball value = at(f, Rational(k, 4));
      CHECK_FALSE(certainly_less(image, value));
      CHECK_FALSE(certainly_less(value, image));
    }
  }
}

TEST_CASE("step and sign are 0 at 0 and half-step is 1/2") {
  CHECK(evaluate(Activation{K::step, 1}, Rational(0)) == 0);
  CHECK(evaluate(Activation{K::half_step, 1}, Rational(0)) == Rational(1, 2));
  CHECK(evaluate(Activation{K::sign, 1}, Rational(0)) == 0);
  CHECK_THROWS_AS(evaluate(Activation{K::relu, 1}, Residue<7>(3)), InputError);
}

TEST_CASE("distinct translates are independent where the table says so: three of them at three biases") {
  const Rational points[] = {Rational(-3, 4), Rational(1, 5), Rational(2)};
  for (const Activation& f : all()) {
    INFO(describe(f));
    if (f.kind == K::cubic_sigmoid) continue;  // not examined
    bool found = false;
    for (int a = -8; a <= 8 && !found; ++a) {
      for (int b = a + 1; b <= 8 && !found; ++b) {
        for (int c = b + 1; c <= 8 && !found; ++c) {
          std::vector<std::vector<Ball>> m;
          for (const Rational& s : points) {
            auto& row = m.emplace_back();
            for (int bias : {a, b, c}) row.push_back(at(f, s + Rational(bias, 2)));
          }
          const auto minor = [&](int i, int j, int k) { return m[0][i] * (m[1][j] * m[2][k] - m[1][k] * m[2][j]); };
          const Ball determinant = minor(0, 1, 2) - minor(1, 0, 2) + minor(2, 0, 1);
          found = certainly_positive(determinant) || certainly_negative(determinant);
        }
      }
    }
    CHECK(found == translate_independent(f));
  }
}

TEST_CASE("what fails Assumption 3.4.2: the identity, powers, exp, sin, Snake, and a line with infinitely many kinks") {
  // sum_k c_k s(t - shift_k) = 0 for all t, with distinct shifts.
  const auto vanishes = [](const auto& s, const std::vector<std::pair<Rational, Rational>>& terms) {
    for (int t = -12; t <= 12; ++t) {
      Rational sum = 0;
      for (const auto& [c, shift] : terms) sum += c * s(Rational(Rational(t, 5) - shift));
      if (sum != 0) return false;
    }
    return true;
  };
  const std::vector<std::pair<Rational, Rational>> second{{1, 0}, {-2, 1}, {1, 2}};
  CHECK(vanishes([](const Rational& t) { return t; }, second));
  CHECK(!translate_independent({K::identity, 1}));
  CHECK(!translate_independent({K::leaky_relu, 1}));
  CHECK(vanishes([](const Rational& t) { return Rational(t * t); }, {{1, 0}, {-3, 1}, {3, 2}, {-1, 3}}));
  CHECK(vanishes([](const Rational& t) { return Rational(t * t * t); }, {{1, 0}, {-4, 1}, {6, 2}, {-4, 3}, {1, 4}}));
  // Piecewise linear with infinitely many pieces (Lemma 3.4.3 asks for finitely many): t and the distance to the
  // nearest integer. Strictly monotone on top.
  const auto kinks = [](const Rational& t) {
    const Rational off = t - Rational(floor(t));
    return Rational(t + std::min(off, Rational(1 - off)) / 2);
  };
  CHECK(vanishes(kinks, second));
  CHECK(!vanishes([](const Rational& t) { return std::max(t, Rational(0)); }, second));
  // e^t = 2 e^(t - ln 2); sin t = -sin(t - pi); Snake(t) = t + sin(t)^2 = 2 Snake(t - pi) - Snake(t - 2 pi).
  const double pi = std::acos(-1.0);
  const auto snake = [](double t) { return t + std::sin(t) * std::sin(t); };
  for (int t = -20; t <= 20; ++t) {
    const Ball x = Ball::enclosing(Rational(t, 7)), two(2), off = exp(x) - two * exp(x - log(two));
    CHECK(!certainly_positive(off));
    CHECK(!certainly_negative(off));
    CHECK(std::abs(std::sin(t / 7.0) + std::sin(t / 7.0 - pi)) < 1e-14);
    CHECK(std::abs(snake(t / 7.0) - 2 * snake(t / 7.0 - pi) + snake(t / 7.0 - 2 * pi)) < 1e-13);
  }
}
