// The checker's Cholesky in integers against exact elimination, and its slopes against Arb.
#include <widecert/network/activation.h>
#include <widecheck/evaluate/activation.h>
#include <widecheck/evaluate/bounds.h>
#include <widecheck/evidence/definite.h>
#include <widecheck/kernel/verdict.h>

#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../random.h"

using widecert::Ball;
using widecert::PrecisionScope;
using widecert::Rational;
using widecert::test::Random;
using widecert::test::rounds;

namespace {

using Rows = std::vector<std::vector<mpz_class>>;

widecheck::Budget budget;  // of all tests of this file

widecheck::IntegerRows integer_rows(const Rows& rows) {
  widecheck::IntegerRows out(rows[0].size());
  for (const auto& row : rows) out.add(row);
  return out;
}

// s (A A^T - t I) >= 0, exactly.
bool semidefinite(const Rows& a, const mpz_class& t, int s) {
  const std::size_t m = a.size();
  std::vector<std::vector<mpq_class>> g(m, std::vector<mpq_class>(m));
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < m; ++j) {
      mpz_class sum = i == j ? mpz_class(-t) : mpz_class(0);
      for (std::size_t k = 0; k < a[0].size(); ++k) sum += a[i][k] * a[j][k];
      g[i][j] = s * sum;
    }
  for (std::size_t k = 0; k < m; ++k) {
    if (g[k][k] < 0) return false;
    if (g[k][k] == 0) {
      for (std::size_t j = k; j < m; ++j)
        if (g[k][j] != 0) return false;
      continue;
    }
    for (std::size_t i = k + 1; i < m; ++i) {
      const mpq_class factor = g[i][k] / g[k][k];
      for (std::size_t j = k; j < m; ++j) g[i][j] -= factor * g[k][j];
    }
  }
  return true;
}

mpz_class random_integer(Random& random, unsigned bits) {
  mpz_class v = 0;
  for (unsigned b = 0; b < bits; b += 30) v = (v << 30) + mpz_class(random.integer(0, (1 << 30) - 1));
  v >>= (bits + 29) / 30 * 30 - bits;
  return random.integer(0, 1) == 0 ? v : mpz_class(-v);
}

}  // namespace

TEST_CASE("Cholesky in integers proves nothing false, in 128 bits and beyond, and decides closely") {
  Random random(1);
  int decided = 0, all = 0;
  for (int round = 0; round < rounds(400); ++round) {
    const auto m = static_cast<std::size_t>(random.integer(1, 6)),
               n = m + static_cast<std::size_t>(random.integer(0, 3));
    // Just below, at and above the size where 64-bit entries end.
    const auto bits = static_cast<unsigned>(random.integer(1, 3) == 1 ? random.integer(1, 8) : random.integer(20, 70));
    Rows a(m, std::vector<mpz_class>(n));
    for (auto& row : a)
      for (auto& v : row) {
        v = random_integer(random, bits);
        if (random.integer(0, 3) == 0) v = sgn(v) * ((mpz_class(1) << bits) - 1);  // what digits can just hold, or not
      }
    if (m > 1 && random.integer(0, 4) == 0) a[m - 1] = a[0];  // singular
    const widecheck::IntegerRows rows = integer_rows(a);
    // A bisection for sigma_min^2 and sigma_max^2 among integers.
    const auto threshold = [&](int s) {
      mpz_class low = 0, high = (mpz_class(1) << (2 * bits)) * static_cast<unsigned long>(m * n + 1);
      while (high - low > 1) {
        const mpz_class middle = (low + high) / 2;
        ((s > 0) == semidefinite(a, middle, s) ? low : high) = middle;
      }
      return s > 0 ? low : high;
    };
    const mpz_class least = threshold(1), most = threshold(-1);
    INFO(m << " x " << n << ", " << bits << " bits, sigma_min^2 about " << least << ", sigma_max^2 about " << most);
    CHECK_FALSE(rows.gram_at_least(least + 1, budget));
    if (most > 0) CHECK_FALSE(rows.gram_at_most(most - 1, budget));
    // It loses (m + 1) times the root of the largest diagonal entry.
    mpz_class loss = sqrt(most) + 2;
    loss *= static_cast<unsigned long>(2 * (m + 1));
    if (least > loss) {
      ++all;
      decided += rows.gram_at_least(least - loss, budget);
    }
    mpz_class wide = sqrt(mpz_class(2 * most)) + 2;
    wide *= static_cast<unsigned long>(2 * (m + 1));
    CHECK(rows.gram_at_most(most + wide, budget));
  }
  CHECK(decided == all);
  CHECK(all > 50);
}

TEST_CASE("a tall matrix is transposed and combinations of rows are exact") {
  widecheck::IntegerRows rows = integer_rows({{1, 2}, {3, 4}, {5, 7}});
  CHECK(rows.combine({1, -1, 2}, budget) == std::vector<mpz_class>{8, 12});
  rows.transpose_if_tall();
  CHECK(rows.rows() == 2);
  CHECK(rows.cols() == 3);
  CHECK(rows.combine({1, 1}, budget) == std::vector<mpz_class>{3, 7, 12});
}

TEST_CASE("the checker's slopes of every activation meet Arb's, and their Lipschitz constants hold") {
  Random random(2);
  const PrecisionScope precision(300);
  using K = widecert::ActivationKind;
  for (const widecert::Activation& f : {widecert::Activation{K::elu, 1},
                                        {K::sigmoid, 1},
                                        {K::tanh, 1},
                                        {K::softplus, 1},
                                        {K::softplus, Rational(5, 2)},
                                        {K::silu, 1},
                                        {K::gelu, 1},
                                        {K::mish, 1},
                                        {K::identity, 1},
                                        {K::gaussian, 1},
                                        {K::one_minus_sigmoid, 1}}) {
    nlohmann::json json{{"function", std::string(widecert::facts(f.kind).name)}};
    if (f.kind == K::softplus) json["sharpness"] = f.parameter == 1 ? nlohmann::json(1) : nlohmann::json("5/2");
    widecheck::Value value(json, "test", nullptr);
    const widecheck::Activation ours = widecheck::read_activation(value);
    const mpq_class constant = widecheck::slope_lipschitz(ours);
    std::optional<widecheck::Interval> before;
    mpq_class x_before;
    for (int k = -400; k <= 400; ++k) {
      // A fine grid, and large arguments.
      const mpq_class x = k % 40 == 7 ? mpq_class(random.integer(-3000, 3000), 16) : mpq_class(k, 32);
      Rational argument;
      mpq_set(argument.backend().data(), x.get_mpq_t());
      for (unsigned bits : {20u, 64u, 200u}) {
        const widecheck::Interval slope = widecheck::slope(ours, x, bits);
        INFO(widecert::describe(f) << " at " << x << ", " << bits << " bits");
        const Ball oracle = widecert::derivative(f, Ball::enclosing(argument));
        Rational low, high;
        mpq_set(low.backend().data(), slope.low.get_mpq_t());
        mpq_set(high.backend().data(), slope.high.get_mpq_t());
        CHECK(low <= oracle.upper_bound());
        CHECK(oracle.lower_bound() <= high);
        CHECK((slope.high - slope.low) * (mpz_class(1) << bits) <= 2);
        if (bits != 200) continue;
        if (before) {
          const mpq_class distance = x > x_before ? x - x_before : x_before - x;
          const mpq_class rise = std::max(mpq_class(slope.low - before->high), mpq_class(before->low - slope.high));
          CHECK(rise <= constant * distance);
        }
        before = slope;
        x_before = x;
      }
    }
  }
  nlohmann::json json{{"function", "relu"}};
  widecheck::Value value(json, "test", nullptr);
  CHECK_THROWS_AS(widecheck::slope(widecheck::read_activation(value), 1, 64), widecheck::Rejected);
}
