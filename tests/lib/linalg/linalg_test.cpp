#include <widecert/linalg/ball_determinant.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/number/error.h>

#include "../../catch.h"
#include "../../random.h"

using namespace widecert;

TEST_CASE("the modular rank of a product through k dimensions is at most k, and generically k") {
  test::Random random(21);
  for (std::size_t k : {0u, 1u, 3u, 7u}) {
    const std::size_t n = 9;
    ModularMatrix m(n, n, kRankPrime);
    std::vector<std::vector<Rational>> left(n), right(k);
    for (auto& row : left)
      for (std::size_t c = 0; c < k; ++c) row.push_back(random.rational(50));
    for (auto& row : right)
      for (std::size_t c = 0; c < n; ++c) row.push_back(random.rational(50));
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        Rational sum = 0;
        for (std::size_t c = 0; c < k; ++c) sum += left[i][c] * right[c][j];
        m.set(i, j, residue_of(sum, kRankPrime));
      }
    }
    INFO("seed 21, k = " << k);
    CHECK(m.rank() == k);
  }
}

TEST_CASE("a denominator divisible by the prime and a composite modulus are errors") {
  CHECK_THROWS_AS(residue_of(Rational(1, 14), 7), InputError);
  CHECK(residue_of(Rational(14, 3), 7) == 0);
  CHECK(residue_of(Rational(-1, 3), 7) == 2);
  CHECK_THROWS_AS(ModularMatrix(1, 1, 9), InputError);
}

TEST_CASE("the determinant of the Hilbert matrix lies in its enclosure") {
  const PrecisionScope precision(200);
  Matrix<Ball> hilbert(4, 4);
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 4; ++j) hilbert(i, j) = Ball::enclosing(Rational(1, i + j + 1));
  CHECK(determinant(hilbert).contains(Rational(1, 6048000)));
  CHECK_FALSE(determinant(hilbert).contains_zero());
  CHECK_THROWS_AS(determinant(Matrix<Ball>(2, 3)), ShapeError);
}
