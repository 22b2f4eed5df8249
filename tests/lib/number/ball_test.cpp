#include <mpfr.h>
#include <widecert/number/ball.h>
#include <widecert/number/error.h>

#include <type_traits>

#include "../../catch.h"
#include "../../random.h"

using namespace widecert;

// Floating point enters by explicit name only: `Ball b = 0.1;` and `Ball(0.1)` do not compile.
static_assert(!std::is_convertible_v<double, Ball>);
static_assert(!std::is_constructible_v<Ball, double>);
static_assert(!std::is_constructible_v<Ball, float>);
static_assert(!std::is_convertible_v<int, Ball>);
static_assert(std::is_constructible_v<Ball, int>);

namespace {

// The same function by MPFR with directed rounding: an oracle independent of Arb.
using MpfrFunction = int (*)(mpfr_t, const mpfr_t, mpfr_rnd_t);

void compare(const char* name, Ball (*ours)(const Ball&), MpfrFunction oracle, long low, long high) {
  test::Random random(11);
  for (int round = 0; round < test::rounds(200); ++round) {
    // A short dyadic is exact in both systems.
    const Rational x = Rational(random.integer(low * 4096, high * 4096)) / 4096;
    INFO(name << ", seed 11, round " << round << ", x = " << x);
    const PrecisionScope precision(96);
    const Ball y = ours(Ball::enclosing(x));
    mpfr_t argument, down, up;
    mpfr_inits2(160, argument, down, up, static_cast<mpfr_ptr>(nullptr));
    mpfr_set_q(argument, x.backend().data(), MPFR_RNDN);
    oracle(down, argument, MPFR_RNDD);
    oracle(up, argument, MPFR_RNDU);
    const auto exact = [](mpfr_t v) {
      Rational q;
      mpfr_get_q(q.backend().data(), v);
      return q;
    };
    // The exact value lies in both enclosures, so they meet; and ours is tight.
    CHECK(y.lower_bound() <= exact(up));
    CHECK(y.upper_bound() >= exact(down));
    CHECK(y.upper_bound() - y.lower_bound() <= (abs(y.midpoint()) + 1) * power_of_two(-80));
    mpfr_clears(argument, down, up, static_cast<mpfr_ptr>(nullptr));
  }
}

}  // namespace

TEST_CASE("Arb and MPFR agree on the functions that balls offer") {
  compare("exp", exp, mpfr_exp, -20, 20);
  compare("log1p", log1p, mpfr_log1p, 0, 50);
  compare("tanh", tanh, mpfr_tanh, -20, 20);
  compare("erf", erf, mpfr_erf, -6, 6);
  compare("erfc", erfc, mpfr_erfc, -6, 6);
}

TEST_CASE("a ball contains the exact result of rational arithmetic") {
  test::Random random(12);
  const PrecisionScope precision(40);
  for (int round = 0; round < test::rounds(300); ++round) {
    const Rational x = random.rational(1000), y = random.rational(1000);
    INFO("seed 12, x = " << x << ", y = " << y);
    const Ball a = Ball::enclosing(x), b = Ball::enclosing(y);
    CHECK((a + b).contains(x + y));
    CHECK((a - b).contains(x - y));
    CHECK((a * b).contains(x * y));
    if (y != 0) CHECK((a / b).contains(x / y));
    CHECK(a.lower_bound() <= x);
    CHECK(a.upper_bound() >= x);
    CHECK(max(a, b).contains(std::max(x, y)));
  }
}

TEST_CASE("bounds of numbers that are nearly 0 are short") {
  const Ball tiny = exp(-Ball::enclosing(power_of_two(60)));
  for (const Ball& x : {tiny, -tiny}) {
    CHECK(x.lower_bound() <= 0);
    CHECK(x.upper_bound() >= 0);
    CHECK(x.lower_bound() < x.upper_bound());
    CHECK(abs(x.midpoint()) < power_of_two(-1000));
    CHECK(x.upper_bound() - x.lower_bound() < power_of_two(-1000));
  }
}

TEST_CASE("comparisons claim only what is certain") {
  const PrecisionScope precision(20);
  const Ball third = Ball::enclosing(Rational(1, 3));
  CHECK_FALSE(certainly_less(third, third));
  CHECK_FALSE(certainly_positive(third - third));
  CHECK((third - third).contains_zero());
  CHECK(certainly_less(third, Ball(1)));
  CHECK(Ball::exactly(0.5).contains(Rational(1, 2)));
  CHECK_FALSE(Ball::exactly(0.1).contains(Rational(1, 10)));
  CHECK_THROWS_AS((Ball(1) / Ball(0)).lower_bound(), InternalError);
}

TEST_CASE("the precision is that of the innermost scope") {
  const long outside = PrecisionScope::current();
  {
    const PrecisionScope outer(100);
    CHECK(PrecisionScope::current() == 100);
    const PrecisionScope inner(50);
    CHECK(PrecisionScope::current() == 50);
  }
  CHECK(PrecisionScope::current() == outside);
}
