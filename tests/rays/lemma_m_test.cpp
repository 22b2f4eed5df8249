#include <widecert/number/error.h>

#include "../catch.h"
#include "../random.h"
#include "proofs/rays/lemma_m.h"

using namespace widecert;

namespace {

// Exact determinant by fraction-free elimination, for small matrices.
Rational determinant_of(std::vector<std::vector<Rational>> a) {
  Rational det = 1;
  for (std::size_t c = 0; c < a.size(); ++c) {
    std::size_t pivot = c;
    while (pivot < a.size() && a[pivot][c] == 0) ++pivot;
    if (pivot == a.size()) return 0;
    if (pivot != c) {
      std::swap(a[pivot], a[c]);
      det = -det;
    }
    det *= a[c][c];
    for (std::size_t r = c + 1; r < a.size(); ++r) {
      const Rational factor = a[r][c] / a[c][c];
      for (std::size_t k = c; k < a.size(); ++k) a[r][k] -= factor * a[c][k];
    }
  }
  return det;
}

Rational power(const Rational& x, std::size_t n) {
  Rational result = 1;
  for (std::size_t k = 0; k < n; ++k) result *= x;
  return result;
}

}  // namespace

TEST_CASE("the leading minors of Lemma M's comparison matrix have the stated closed form") {
  test::Random random(61);
  for (int round = 0; round < test::rounds(60); ++round) {
    const auto n = static_cast<std::size_t>(random.integer(1, 7));
    const Rational s(random.integer(1, 20), 7), eps(random.integer(1, 20), 100),
        u = eps + Rational(random.integer(1, 30), 9);
    std::vector<std::vector<Rational>> m(n, std::vector<Rational>(n));
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) m[i][j] = i == j ? s : i < j ? Rational(-u) : Rational(-eps);
    INFO("seed 61, n = " << n << ", s = " << s << ", eps = " << eps << ", U = " << u);
    CHECK(determinant_of(m) == (u * power(s + eps, n) - eps * power(s + u, n)) / (u - eps));
  }
}

TEST_CASE("Lemma M: every matrix within the bounds is nonsingular when the condition holds") {
  test::Random random(62);
  int tried = 0;
  for (int round = 0; round < test::rounds(400); ++round) {
    const auto n = static_cast<std::size_t>(random.integer(2, 6));
    const Rational s(random.integer(1, 9), 3), u(random.integer(1, 30), 6);
    // The largest eps on a fine grid that satisfies the condition.
    Rational eps = 0;
    for (int k = 1; k < 400; ++k) {
      const Rational candidate(k, 400);
      if (candidate < u && candidate * power(s + u, n) < u * power(s + candidate, n)) eps = candidate;
    }
    if (eps == 0) continue;
    ++tried;
    std::vector<std::vector<Rational>> a(n, std::vector<Rational>(n));
    const auto sign = [&] { return random.integer(0, 1) == 0 ? 1 : -1; };
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) a[i][j] = sign() * (i == j ? s : i < j ? u : eps);
    INFO("seed 62, round " << round << ", n = " << n);
    CHECK(determinant_of(a) != 0);
  }
  CHECK(tried > 100);
}

TEST_CASE("Lemma M is sharp: beyond the condition a singular matrix exists") {
  // n = 2: s^2 = U eps makes [[s, U], [eps, s]] singular, and the condition fails there.
  const Rational s = 1, u = 4, eps(1, 4);
  CHECK(determinant_of({{s, u}, {eps, s}}) == 0);
  CHECK_FALSE(eps * power(s + u, 2) < u * power(s + eps, 2));
}

TEST_CASE("The sigmoid threshold in numbers:, N = 8, beta = 0, delta = 1 gives alpha_0 = 8.79") {
  const PrecisionScope precision(128);
  const Ball alpha = log(Ball(6561) - Ball(1));  // ln((2 + e^0)^8 - 1)
  CHECK(alpha.lower_bound() > Rational(8785, 1000));
  CHECK(alpha.upper_bound() < Rational(8795, 1000));
}

TEST_CASE("thresholds are at least their formula and within a part in ten thousand of it") {
  Separation gaps;
  gaps.delta = Rational(3, 10);
  gaps.upper = 40;
  gaps.diagonal_low = Rational(3, 10);
  gaps.diagonal_high = Rational(4, 10);
  const PrecisionScope precision(200);
  const auto close = [](const Rational& alpha, const Ball& formula) {
    CHECK(alpha >= formula.lower_bound());
    CHECK(alpha <= formula.upper_bound() * Rational(10001, 10000));
  };
  const Ball delta = Ball::enclosing(gaps.delta), n(100);
  const auto sigmoid = ray_threshold({ActivationKind::sigmoid, 1}, gaps, 100);
  const Ball beta = Ball::enclosing(sigmoid.beta);
  Ball power_n = Ball(1);
  for (int k = 0; k < 100; ++k) power_n *= Ball(2) + exp(-beta);
  close(sigmoid.alpha_0, (beta + log(power_n - Ball(1))) / delta);
  close(ray_threshold({ActivationKind::softplus, 2}, gaps, 100).alpha_0,
        (n * log(Ball(1) + Ball::enclosing(gaps.upper / gaps.diagonal_low)) - log(log(Ball(2)))) / (Ball(2) * delta));
  CHECK(ray_threshold({ActivationKind::relu, 1}, gaps, 100).alpha_0 == Rational(10, 3));
  CHECK_THROWS_AS(ray_threshold({ActivationKind::tanh, 1}, gaps, 100), InternalError);
}

TEST_CASE("every activation that satisfies Assumption 3.2 has a threshold but cubic-sigmoid, and no other") {
  for (ActivationKind kind : all_activation_kinds()) {
    INFO(facts(kind).name);
    if (kind == ActivationKind::cubic_sigmoid) {
      CHECK_FALSE(has_ray_threshold(kind));
      continue;
    }
    CHECK(has_ray_threshold(kind) == satisfies_assumption_3_2({kind, 1}));
  }
}
