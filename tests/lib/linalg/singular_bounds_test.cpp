// The double verdict against exact arithmetic, on random and adversarial matrices.
#include "../../catch.h"
#include "../../random.h"

#include <flint/fmpz_mat.h>
#include <widecert/linalg/singular_bounds.h>
#include <widecert/number/error.h>

#include <cmath>
#include <map>

using namespace widecert;
using widecert::test::Random;
using widecert::test::rounds;

namespace {

using Mat = Matrix<double>;

Matrix<Rational> rational(const Mat& a) {
  Matrix<Rational> r(a.rows(), a.cols());
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    for (Eigen::Index j = 0; j < a.cols(); ++j) r(i, j) = exactly(a(i, j));
  return r;
}

// Is A A^T - s I (or its negative) positive semidefinite, exactly? By elimination over the rationals.
bool semidefinite(const Matrix<Rational>& a, const Rational& s, bool negative) {
  const Eigen::Index m = a.rows();
  Matrix<Rational> g(m, m);
  for (Eigen::Index i = 0; i < m; ++i) {
    for (Eigen::Index j = 0; j < m; ++j) {
      Rational sum = i == j ? Rational(-s) : Rational(0);
      for (Eigen::Index k = 0; k < a.cols(); ++k) sum += a(i, k) * a(j, k);
      g(i, j) = negative ? Rational(-sum) : sum;
    }
  }
  for (Eigen::Index k = 0; k < m; ++k) {
    if (g(k, k) < 0) return false;
    if (g(k, k) == 0) {
      for (Eigen::Index j = k; j < m; ++j)
        if (g(k, j) != 0) return false;
      continue;
    }
    for (Eigen::Index i = k + 1; i < m; ++i) {
      const Rational factor = g(i, k) / g(k, k);
      for (Eigen::Index j = k; j < m; ++j) g(i, j) -= factor * g(k, j);
    }
  }
  return true;
}

struct Exact {
  std::size_t rank;
  int sign;  // of the determinant of square matrices
};
Exact exact(const Mat& a) {
  std::vector<double> values(a.data(), a.data() + a.size());
  const unsigned scale = dyadic_scale(values);
  fmpz_mat_t m;
  fmpz_mat_init(m, a.rows(), a.cols());
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    for (Eigen::Index j = 0; j < a.cols(); ++j)
      fmpz_set_mpz(fmpz_mat_entry(m, i, j), times_power_of_two(a(i, j), scale).backend().data());
  Exact result{static_cast<std::size_t>(fmpz_mat_rank(m)), 0};
  if (a.rows() == a.cols()) {
    fmpz_t det;
    fmpz_init(det);
    fmpz_mat_det(det, m);
    result.sign = fmpz_sgn(det);
    fmpz_clear(det);
  }
  fmpz_mat_clear(m);
  return result;
}

struct Family {
  const char* name;
  Mat (*make)(Random&, Eigen::Index, Eigen::Index);
};

double unit(Random& random) { return std::ldexp(static_cast<double>(random.integer(-(1L << 52), 1L << 52)), -52); }
Mat dense(Random& random, Eigen::Index m, Eigen::Index n) {
  Mat a(m, n);
  for (Eigen::Index k = 0; k < a.size(); ++k) a.data()[k] = unit(random);
  return a;
}
const Family kFamilies[] = {
    {"random", dense},
    {"small integers",
     [](Random& r, Eigen::Index m, Eigen::Index n) {
       Mat a(m, n);
       for (Eigen::Index k = 0; k < a.size(); ++k) a.data()[k] = static_cast<double>(r.integer(-1, 1));
       return a;
     }},
    {"graded rows",
     [](Random& r, Eigen::Index m, Eigen::Index n) {
       Mat a = dense(r, m, n);
       for (Eigen::Index i = 0; i < m; ++i) a.row(i) *= std::ldexp(1.0, static_cast<int>(r.integer(-400, 400)));
       return a;
     }},
    {"graded columns",
     [](Random& r, Eigen::Index m, Eigen::Index n) {
       Mat a = dense(r, m, n);
       for (Eigen::Index j = 0; j < n; ++j) a.col(j) *= std::ldexp(1.0, static_cast<int>(r.integer(-20, 20)));
       return a;
     }},
    {"nearly singular",
     [](Random& r, Eigen::Index m, Eigen::Index n) {
       Mat a = dense(r, m, n);
       if (m > 1) {
         a.row(m - 1) = a.row(0);
         a(m - 1, 0) = a(m - 1, 0) * (1 + std::ldexp(1.0, static_cast<int>(r.integer(-52, -10))));
       }
       return a;
     }},
    {"exactly singular",
     [](Random& r, Eigen::Index m, Eigen::Index n) {
       Mat a = dense(r, m, n);
       if (m > 1) a.row(m - 1) = 0.5 * a.row(0);
       if (m > 2) {  // row 2 is a sum of multiples of 2^-26 that is exact
         for (Eigen::Index j = 0; j < n; ++j) {
           a(0, j) = static_cast<double>(r.integer(-(1 << 20), 1 << 20));
           a(1, j) = static_cast<double>(r.integer(-(1 << 20), 1 << 20));
         }
         a.row(m - 1) = 3 * a.row(0) - 7 * a.row(1);
       }
       return a;
     }},
    {"Hilbert",
     [](Random&, Eigen::Index m, Eigen::Index n) {
       Mat a(m, n);
       for (Eigen::Index i = 0; i < m; ++i)
         for (Eigen::Index j = 0; j < n; ++j) a(i, j) = 1 / static_cast<double>(i + j + 1);
       return a;
     }},
    {"Vandermonde",
     [](Random& r, Eigen::Index m, Eigen::Index n) {
       Mat a(m, n);
       for (Eigen::Index i = 0; i < m; ++i) {
         const double x = unit(r);
         double power = 1;
         for (Eigen::Index j = 0; j < n; ++j, power *= x) a(i, j) = power;
       }
       return a;
     }},
    {"huge", [](Random& r, Eigen::Index m, Eigen::Index n) { return Mat(dense(r, m, n) * 0x1p1020); }},
    {"tiny", [](Random& r, Eigen::Index m, Eigen::Index n) { return Mat(dense(r, m, n) * 0x1p-1015); }},
    {"denormal",
     [](Random& r, Eigen::Index m, Eigen::Index n) {
       Mat a(m, n);
       for (Eigen::Index k = 0; k < a.size(); ++k) a.data()[k] = static_cast<double>(r.integer(-9, 9)) * 0x1p-1074;
       return a;
     }},
    {"all scales",
     [](Random& r, Eigen::Index m, Eigen::Index n) {
       Mat a = dense(r, m, n);
       for (Eigen::Index k = 0; k < a.size(); ++k)
         a.data()[k] *= std::ldexp(1.0, static_cast<int>(r.integer(-1000, 1000)));
       return a;
     }},
};

}  // namespace

TEST_CASE("the double verdict never contradicts the exact one") {
  const unsigned seed = GENERATE(1u, 2u, 3u);
  Random random(seed);
  std::map<std::string, std::pair<int, int>> certified;  // of those with full rank
  for (const Family& family : kFamilies) {
    for (int round = 0; round < rounds(60); ++round) {
      const auto m = static_cast<Eigen::Index>(random.integer(1, 9));
      const auto n = m + static_cast<Eigen::Index>(random.integer(0, 2));
      const Mat a = family.make(random, m, n);
      CAPTURE(seed, family.name, round, m, n, a);
      const Exact truth = exact(a);
      const SingularBounds bounds = singular_bounds({{a, {}}, {}});
      const SingularBounds quick = singular_bounds({{a, {}}, {}}, {.effort = Effort::rank});
      const bool full = truth.rank == static_cast<std::size_t>(m);
      if (bounds.full_rank || quick.full_rank) REQUIRE(full);
      CHECK(bounds.full_rank == quick.full_rank);
      if (full) {
        auto& [count, all] = certified[family.name];
        count += bounds.full_rank;
        ++all;
      }
      REQUIRE(bounds.smallest_low <= bounds.smallest_high);
      REQUIRE(bounds.largest_low <= bounds.largest_high);
      if (round % 4 == 0) {  // exact elimination is slow
        const Matrix<Rational> r = rational(a);
        const auto square = [](double x) { return Rational(exactly(x) * exactly(x)); };
        if (bounds.smallest_low > 0) CHECK(semidefinite(r, square(bounds.smallest_low), false));
        if (quick.smallest_low > 0) CHECK(semidefinite(r, square(quick.smallest_low), false));
        if (std::isfinite(bounds.largest_high)) CHECK(semidefinite(r, square(bounds.largest_high), true));
        // An upper bound of the smallest: nothing above it is a lower bound.
        if (std::isfinite(bounds.smallest_high)) {
          const Rational above = square(bounds.smallest_high) * Rational(1'000'001, 1'000'000);
          if (above > 0) CHECK_FALSE(semidefinite(r, above, false));
        }
        if (bounds.largest_low > 0) {
          CHECK_FALSE(semidefinite(r, square(bounds.largest_low) * Rational(999'999, 1'000'000), true));
        }
      }
      if (m == n) {
        const int sign = determinant_sign({{a, {}}, {}});
        if (sign != 0) REQUIRE(sign == truth.sign);
        if (bounds.full_rank) CHECK(sign == truth.sign);
      }
    }
  }
  for (const auto& [name, counts] : certified) {
    WARN("seed " << seed << ", " << name << ": certified " << counts.first << " of " << counts.second
                 << " with full rank");
  }
  CHECK(certified["random"].first == certified["random"].second);
  CHECK(certified["graded rows"].first == certified["graded rows"].second);
  CHECK(certified["huge"].first == certified["huge"].second);
  CHECK(certified["tiny"].first == certified["tiny"].second);
}

TEST_CASE("radii count: what is certified holds for every matrix of the enclosure") {
  Random random(7);
  for (int round = 0; round < rounds(100); ++round) {
    const auto m = static_cast<Eigen::Index>(random.integer(2, 6));
    const Mat middle = dense(random, m, m + 1);
    const double size = std::ldexp(1.0, static_cast<int>(random.integer(-30, 1)));
    const Mat radius = size * dense(random, m, m + 1).cwiseAbs();
    CAPTURE(round, middle, radius);
    const SingularBounds bounds = singular_bounds(enclose(middle, radius));
    for (int corner = 0; corner < 4; ++corner) {
      Mat a = middle;
      for (Eigen::Index k = 0; k < a.size(); ++k) {
        const double s = random.integer(0, 1) == 0 ? -1 : 1;
        a.data()[k] += s * radius.data()[k] * (1 - 0x1p-40);
      }
      const Matrix<Rational> r = rational(a);
      const Rational low = exactly(bounds.smallest_low), high = exactly(bounds.largest_high);
      if (low > 0) CHECK(semidefinite(r, low * low, false));
      CHECK(semidefinite(r, high * high, true));
      if (bounds.full_rank) CHECK(exact(a).rank == static_cast<std::size_t>(m));
    }
  }
}

TEST_CASE("the bounds are good to a few per cent up to condition 10^16") {
  // diag(1, ..., 1/k) between two reflections: the singular values are known up to rounding.
  for (const double k : {1.0, 1e3, 1e6, 1e9, 1e12, 1e14, 1e15}) {
    const Eigen::Index m = 40;
    Random random(3);
    Eigen::VectorXd u = Eigen::VectorXd::Zero(m), v = u;
    for (Eigen::Index i = 0; i < m; ++i) u[i] = unit(random), v[i] = unit(random);
    const Eigen::MatrixXd left = Eigen::MatrixXd::Identity(m, m) - 2 * u * u.transpose() / u.squaredNorm();
    const Eigen::MatrixXd right = Eigen::MatrixXd::Identity(m, m) - 2 * v * v.transpose() / v.squaredNorm();
    Eigen::VectorXd s(m);
    for (Eigen::Index i = 0; i < m; ++i) s[i] = std::pow(k, -static_cast<double>(i) / (m - 1));
    const SingularBounds bounds = singular_bounds({{Mat(left * s.asDiagonal() * right), {}}, {}});
    CAPTURE(k, bounds.smallest_low, bounds.smallest_high, bounds.level, bounds.undecided);
    REQUIRE(bounds.full_rank);
    CHECK(bounds.smallest_low > 0.1 * bounds.smallest_high);
    CHECK(bounds.largest_low > 0.95 * bounds.largest_high / 1.1);
    CHECK(bounds.largest_high > 0.999);
  }
}

TEST_CASE("matrices without bounds are undecided for a reason") {
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  Mat a = Mat::Identity(3, 3);
  a(1, 1) = nan;
  CHECK(singular_bounds({{a, {}}, {}}).undecided == "an entry is not finite");
  a(1, 1) = inf;
  CHECK(singular_bounds({{a, {}}, {}}).undecided == "an entry is not finite");
  a(1, 1) = 0;
  CHECK(singular_bounds({{a, {}}, {}}).undecided == "row 2 is 0, or not known apart from 0");
  a(1, 1) = 1;
  CHECK(singular_bounds({{a, {}}, {}}).full_rank);
  CHECK(singular_bounds({{a, {}}, {0, 0.5, 0}}).full_rank);
  CHECK(singular_bounds({{a, {}}, {0, 1, 0}}).undecided ==
        "the entries are not known well enough for the condition of the matrix");
  CHECK(singular_bounds({{a, {}}, {0, nan, 0}}).undecided == "a radius is not finite");
  CHECK(singular_bounds({{a, {}}, {1e121, 1e121, 1e121}}).undecided == "overflow");
  CHECK(singular_bounds({{a, Mat::Constant(3, 3, 1e300)}, {}}).undecided == "overflow");
  CHECK(singular_bounds({{a, {}}, {}}, {.stop = [] { return true; }}).undecided == "more time than allowed");
  CHECK_THROWS_AS(singular_bounds({{Mat(0, 0), {}}, {}}), ShapeError);
  CHECK_THROWS_AS(singular_bounds({{a, {}}, {}}, {.most_slices = 6}), ShapeError);
  // Not without preconditioning; singular, with a vector that shows it.
  Mat h(12, 12);
  for (int i = 0; i < 12; ++i)
    for (int j = 0; j < 12; ++j) h(i, j) = 1.0 / (i + j + 1);
  CHECK_FALSE(singular_bounds({{h, {}}, {}}, {.most_levels = 0}).full_rank);
  CHECK(singular_bounds({{h, {}}, {}}).full_rank);
  h.row(7) = h.row(3);
  const SingularBounds singular = singular_bounds({{h, {}}, {}});
  CHECK_FALSE(singular.full_rank);
  CHECK(singular.smallest_high < 1e-15);
  CHECK(singular.smallest_vector.size() == 12);
}
