// The checker's own arithmetic against two independent oracles: MPFR with directed rounding, and
// the library's Arb balls. This file is the only place where code of both sides meets.
#include <mpfr.h>
#include <widecert/certificate/json.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/network/activation.h>
#include <widecert/number/stream.h>
#include <widecheck/evaluate/activation.h>
#include <widecheck/evaluate/fixed_point.h>
#include <widecheck/evidence/rank.h>
#include <widecheck/kernel/seeded.h>
#include <widecheck/kernel/verdict.h>

#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../random.h"

using widecert::Ball;
using widecert::Integer;
using widecert::PrecisionScope;
using widecert::Rational;
using widecert::test::Random;
using widecert::test::rounds;

namespace {

mpq_class to_gmp(const Rational& x) { return mpq_class(x.backend().data()); }
Rational from_gmp(const mpq_class& x) {
  Rational r;
  mpq_set(r.backend().data(), x.get_mpq_t());
  return r;
}

using MpfrFunction = int (*)(mpfr_t, const mpfr_t, mpfr_rnd_t);

// The interval must meet the oracle's enclosure of f(x), and be narrow.
void compare(const char* name, const widecheck::Interval& ours, MpfrFunction f, const mpq_class& x, unsigned bits) {
  mpfr_t argument, low, high;
  mpfr_inits2(2000, argument, low, high, static_cast<mpfr_ptr>(nullptr));
  mpfr_set_q(argument, x.get_mpq_t(), MPFR_RNDN);
  REQUIRE(mpfr_cmp_q(argument, x.get_mpq_t()) == 0);  // x is a short dyadic
  f(low, argument, MPFR_RNDD);
  f(high, argument, MPFR_RNDU);
  INFO(name << " at " << x << ", " << bits << " bits");
  CHECK(ours.low <= ours.high);
  CHECK(mpfr_cmp_q(high, ours.low.get_mpq_t()) >= 0);
  CHECK(mpfr_cmp_q(low, ours.high.get_mpq_t()) <= 0);
  CHECK((ours.high - ours.low) * (mpz_class(1) << bits) <= 1);
  mpfr_clears(argument, low, high, static_cast<mpfr_ptr>(nullptr));
}

widecheck::Activation checker_activation(const widecert::Activation& f) {
  nlohmann::json json{{"function", std::string(widecert::facts(f.kind).name)}};
  if (f.kind == widecert::ActivationKind::leaky_relu) json["slope"] = widecert::to_json(f.parameter);
  if (f.kind == widecert::ActivationKind::softplus) json["sharpness"] = widecert::to_json(f.parameter);
  widecheck::Value value(json, "test", nullptr);
  return widecheck::read_activation(value);
}

}  // namespace

TEST_CASE("exp and log of the checker enclose MPFR's values") {
  Random random(81);
  for (int round = 0; round < rounds(300); ++round) {
    const unsigned bits = static_cast<unsigned>(random.integer(8, 300));
    const mpq_class x(random.integer(1, 1 << 20), 1 << random.integer(0, 30));
    mpq_class q = x;
    q.canonicalize();
    compare("log", widecheck::log(q, bits), mpfr_log, q, bits);
    const mpq_class minus = -q;
    const auto e = widecheck::exp_minus(q, bits);
    compare("exp", e, mpfr_exp, minus, bits);
  }
  CHECK(widecheck::exp_minus(0, 64).high >= 1);
  CHECK(widecheck::exp_minus(0, 64).low <= 1);
  CHECK(widecheck::log(1, 64).low <= 0);
  CHECK(widecheck::log(1, 64).high >= 0);
  const mpq_class huge(mpz_class(1) << 30'000);
  CHECK(widecheck::exp_minus(huge, 64).high > 0);
  compare("log of 2^30000", widecheck::log(huge, 64), mpfr_log, huge, 64);
}

TEST_CASE("pi is 3.14159265358979323846...") {
  const auto pi = widecheck::pi(200);
  const mpq_class low(mpz_class("314159265358979323846264338327950288419716939937510"),
                      mpz_class("100000000000000000000000000000000000000000000000000"));
  CHECK(pi.low <= low + mpq_class(1, mpz_class("100000000000000000000000000000000000000000000000000")));
  CHECK(pi.high >= low);
  CHECK((pi.high - pi.low) * (mpz_class(1) << 195) <= 1);
}

TEST_CASE("the normal tail encloses Arb's value") {
  Random random(82);
  const PrecisionScope precision(600);
  for (int round = 0; round < rounds(200); ++round) {
    const Rational t = Rational(random.integer(0, 20 * 1024)) / 1024;
    const unsigned bits = static_cast<unsigned>(random.integer(8, 200));
    const Ball exact = widecert::erfc(Ball::enclosing(t) / widecert::sqrt(Ball(2))) / Ball(2);
    const auto ours = widecheck::normal_tail(to_gmp(t), bits);
    INFO("seed 82, t = " << t << ", bits = " << bits);
    CHECK(from_gmp(ours.low) <= exact.upper_bound());
    CHECK(from_gmp(ours.high) >= exact.lower_bound());
    CHECK((ours.high - ours.low) * (mpz_class(1) << bits) <= 1);
  }
}

TEST_CASE("every activation: the checker's enclosure meets the library's ball") {
  Random random(83);
  const PrecisionScope precision(400);
  for (const auto kind : widecert::all_activation_kinds()) {
    for (const Rational& parameter : {Rational(1), Rational(5, 2)}) {
      const widecert::Activation f{kind, parameter};
      const widecheck::Activation g = checker_activation(f);
      if (widecheck::piecewise_linear(g.function) || widecheck::is_step(g.function)) continue;
      for (int round = 0; round < rounds(60); ++round) {
        const Rational t = Rational(random.integer(-40'000, 40'000)) / (1 << random.integer(0, 14));
        const unsigned bits = static_cast<unsigned>(random.integer(16, 160));
        const auto ours = widecheck::value(g, to_gmp(t), bits);
        const Ball exact = widecert::evaluate(f, Ball::enclosing(t));
        INFO("seed 83, " << widecert::describe(f) << " at " << t << ", bits = " << bits);
        // Far out Arb needs many bits for a tiny value: widen by its own radius only.
        CHECK(from_gmp(ours.low) <= exact.upper_bound());
        CHECK(from_gmp(ours.high) >= exact.lower_bound());
        CHECK((ours.high - ours.low) * (mpz_class(1) << bits) <= 2);
      }
    }
  }
}

TEST_CASE("activations in machine integers are within 2 of the value on their grid") {
  Random random(84);
  const PrecisionScope precision(300);
  std::size_t kinds = 0, compared = 0;
  for (const auto kind : widecert::all_activation_kinds()) {
    bool any = false;
    const Integer large = Integer(1) << 50;
    for (const Rational& parameter :
         {Rational(1), Rational(5, 2), Rational(1, 3), Rational(1000), Rational(large), Rational(large + 1, large)}) {
      const widecert::Activation f{kind, parameter};
      if (parameter != 1 && kind != widecert::ActivationKind::softplus) continue;
      for (int round = 0; round < rounds(400); ++round) {
        // Divisors at and beside powers of two, arguments of all sizes, 0, and around 8 and 64, where tails end.
        const auto power = std::int64_t{1} << random.integer(0, 46);
        const std::int64_t divisor = std::max<std::int64_t>(1, power + random.integer(-1, 1));
        const unsigned bits = static_cast<unsigned>(random.integer(1, 58));
        const std::int64_t size = std::int64_t{1} << random.integer(0, 6);
        std::int64_t v = random.integer(-1, 1) * divisor * (random.integer(0, 1) == 0 ? 8 : 64) + random.integer(-2, 2);
        if (random.integer(0, 2) != 0)
          v = static_cast<std::int64_t>(Integer(random.integer(-1'000'000'000, 1'000'000'000)) * divisor * size /
                                        1'000'000'000);
        const mpz_class bound(std::abs(v) + 5);
        const auto fixed = widecheck::FixedPoint::of(checker_activation(f), divisor, bound, bits);
        if (!fixed) continue;
        any = true;
        ++compared;
        const Ball exact = widecert::evaluate(f, Ball::enclosing(Rational(v, divisor)));
        const Rational scale = widecert::power_of_two(static_cast<int>(bits));
        const std::int64_t ours = (*fixed)(v);
        INFO("seed 84, " << widecert::describe(f) << " at " << v << "/" << divisor << ", bits = " << bits);
        CHECK(ours - 2 <= exact.upper_bound() * scale);
        CHECK(ours + 2 >= exact.lower_bound() * scale);
      }
    }
    kinds += any ? 1 : 0;
  }
  CHECK(kinds == 8);
  CHECK(compared > 1000);
}

TEST_CASE("the checker's Lipschitz constants bound the derivative on a grid") {
  const PrecisionScope precision(200);
  for (const auto kind : widecert::all_activation_kinds()) {
    for (const Rational& parameter : {Rational(1), Rational(5, 2), Rational(-2)}) {
      if (parameter < 0 && kind != widecert::ActivationKind::leaky_relu) continue;
      const widecert::Activation f{kind, parameter};
      const widecheck::Activation g = checker_activation(f);
      if (widecheck::is_step(g.function)) continue;
      const Rational bound = from_gmp(widecheck::lipschitz(g));
      for (int k = -400; k <= 400; ++k) {
        const Ball slope = widecert::derivative(f, Ball::enclosing(Rational(k, 16)));
        INFO(widecert::describe(f) << " at " << k << "/16");
        // At a kink the ball around [0, 1] is rounded outward by a few units in 2^-30.
        CHECK(slope.upper_bound() - widecert::power_of_two(-25) <= bound);
        CHECK(slope.lower_bound() + widecert::power_of_two(-25) >= -bound);
      }
    }
  }
}

TEST_CASE("prover and checker agree on which activations violate Assumption 3.2") {
  for (const auto kind : widecert::all_activation_kinds()) {
    const widecert::Activation f{kind, 1};
    INFO(widecert::describe(f));
    CHECK(widecheck::violation_of_3_2(checker_activation(f)).empty() == widecert::satisfies_assumption_3_2(f));
  }
}

TEST_CASE("prover and checker expand the same seeded integers") {
  Random random(84);
  for (int round = 0; round < rounds(200); ++round) {
    const std::int64_t low = random.integer(-1'000'000, 0), high = low + random.integer(0, 5'000'000'000);
    const auto seed = static_cast<std::uint64_t>(random.integer(0, 1'000'000));
    const auto row = static_cast<std::uint64_t>(random.integer(0, 70'000)),
               column = static_cast<std::uint64_t>(random.integer(0, 900));
    INFO("seed 84: " << low << ".." << high << ", seed " << seed << " at " << row << ", " << column);
    CHECK(widecert::SeededIntegers("tensor", seed, "conv1", low, high).at(row, column) ==
          widecheck::Seeded("tensor", seed, "conv1", low, high).at(row, column));
  }
}

TEST_CASE("the checker's elimination and FLINT agree on the rank") {
  Random random(85);
  for (int round = 0; round < rounds(60); ++round) {
    const auto rows = static_cast<std::size_t>(random.integer(1, 14)),
               cols = static_cast<std::size_t>(random.integer(1, 14));
    const std::uint64_t prime =
        std::vector<std::uint64_t>{2, 3, 7, 65537, 2147483647}[static_cast<std::size_t>(random.integer(0, 4))];
    widecert::ModularMatrix m(rows, cols, prime);
    widecheck::Echelon echelon(cols, prime);
    for (std::size_t i = 0; i < rows; ++i) {
      std::vector<std::uint64_t> row;
      for (std::size_t j = 0; j < cols; ++j) {
        const long v = random.integer(0, 2) == 0 ? random.integer(0, static_cast<long>(prime) - 1) : 0;
        row.push_back(static_cast<std::uint64_t>(v));
        m.set(i, j, static_cast<std::uint64_t>(v));
      }
      echelon.insert(std::move(row));
    }
    INFO("seed 85, round " << round << ", prime " << prime);
    CHECK(echelon.rank() == m.rank());
  }
}
