// The ladder of precisions, and many small matrices at once.
#include "../../catch.h"
#include "../../random.h"

#include <widecert/linalg/rank_ladder.h>
#include <widecert/linalg/small_batch.h>
#include <widecert/number/error.h>

#include <cmath>

using namespace widecert;
using widecert::test::Random;
using widecert::test::rounds;

namespace {

using Mat = Matrix<double>;

// A unimodular integer matrix with entries below 2^50 as they come: condition numbers of any size.
Mat unimodular(Random& random, Eigen::Index m, long steps) {
  Mat a = Mat::Identity(m, m);
  for (long k = 0; k < steps; ++k) {
    const auto i = static_cast<Eigen::Index>(random.integer(0, m - 1));
    const auto j = static_cast<Eigen::Index>(random.integer(0, m - 1));
    if (i == j) continue;
    const Mat row = a.row(i) + static_cast<double>(random.integer(-3, 3)) * a.row(j);
    if (row.cwiseAbs().maxCoeff() < 0x1p50) a.row(i) = row;
  }
  return a;
}

}  // namespace

TEST_CASE("the ladder decides unimodular matrices of any condition on the cheapest rung") {
  Random random(11);
  std::map<std::string, int> rungs;
  for (const long steps : {20L, 200L, 800L, 3000L, 12000L}) {
    for (const Eigen::Index m : {6, 12, 20}) {
      const Mat a = unimodular(random, m, steps);
      CAPTURE(steps, m, a);
      const LadderResult sharp = climb(exactly(a));
      REQUIRE(sharp.bounds.full_rank);
      // sigma_min >= |det| / sigma_max^(m-1), and |det| = 1.
      CHECK(sharp.bounds.smallest_low > 0);
      CHECK(sharp.bounds.smallest_low <= sharp.bounds.smallest_high);
      const LadderResult rank = climb(exactly(a), {.effort = Effort::rank});
      CHECK(rank.bounds.full_rank);
      CHECK((rank.rung == Rung::doubles || rank.rung == Rung::residues));
      const LadderResult balls = climb(exactly(a), {.first = Rung::balls});
      CHECK(balls.rung == Rung::balls);
      CHECK(balls.bounds.smallest_low <= sharp.bounds.smallest_high);
      ++rungs[to_string(sharp.rung)];
    }
  }
  for (const auto& [rung, count] : rungs) WARN("decided by " << rung << ": " << count);
  CHECK(rungs["doubles"] > 0);
  CHECK(rungs.size() > 1);
}

TEST_CASE("singular matrices stay undecided on every rung, and the ladder says how far it went") {
  Mat a(3, 3);
  a << 1, 2, 3, 4, 5, 6, 7, 8, 9;
  const LadderResult exact = climb(exactly(a));
  CHECK_FALSE(exact.bounds.full_rank);
  CHECK(exact.undecided == "the rank seems to be 2 (modulo a prime)");
  MatrixSource source = exactly(a);
  source.exact = false;
  CHECK(climb(source).undecided == "undecided at 4096 bits");
  CHECK(climb(source, {.most_bits = 256}).undecided == "undecided at 256 bits");
  CHECK(climb(source, {.most_ball_products = 300}).undecided ==
        "undecided at 128 bits; more would take longer than allowed");
  CHECK(climb(source, {.most_bytes = 10}).undecided == "more memory than allowed");
  CHECK(climb(source, {.last = Rung::doubles, .most_seconds = 0}).undecided == "more time than allowed");
  CHECK(climb(source, {.first = Rung::balls, .most_seconds = 0}).undecided ==
        "undecided at 128 bits; more would take longer than allowed");
  CHECK(climb(source, {.first = Rung::residues, .last = Rung::residues}).undecided ==
        "no rung that could decide was allowed");
  a(1, 1) = std::nan("");
  CHECK(climb(exactly(a)).undecided == "an entry is not finite");
}

TEST_CASE("balls bound the smallest singular value from both sides") {
  for (const Eigen::Index n : {16, 24}) {  // square; and more columns than rows
    Mat h(16, n);
    for (Eigen::Index i = 0; i < 16; ++i)
      for (Eigen::Index j = 0; j < n; ++j) h(i, j) = 1.0 / static_cast<double>(i + j + 1);
    const LadderResult found = climb(exactly(h), {.first = Rung::balls});
    CHECK(found.rung == Rung::balls);
    CHECK(found.bounds.smallest_low > 0);
    CHECK(found.bounds.smallest_low <= found.bounds.smallest_high);
    CHECK(found.bounds.smallest_high < 8 * found.bounds.smallest_low);
    CHECK(found.bounds.smallest_integers.size() == 16);
    CHECK(found.bounds.largest_high >= h.norm());
    CHECK(found.bounds.largest_high < 1.001 * h.norm());
    const LadderResult doubles = climb(exactly(h), {.last = Rung::split});
    CHECK(doubles.bounds.smallest_low <= found.bounds.smallest_high);
    CHECK(found.bounds.smallest_low <= doubles.bounds.smallest_high);
  }
}

TEST_CASE("small matrices in bulk are certified as one by one") {
  Random random(5);
  for (int round = 0; round < rounds(40); ++round) {
    const auto m = static_cast<Eigen::Index>(random.integer(1, 18));
    const auto n = m + static_cast<Eigen::Index>(random.integer(0, 5));
    const auto count = static_cast<std::size_t>(random.integer(1, 40));
    std::vector<double> values;
    for (std::size_t k = 0; k < count; ++k) {
      const int kind = static_cast<int>(random.integer(0, 6));
      Mat a(m, n);
      for (Eigen::Index i = 0; i < a.size(); ++i) {
        a.data()[i] = static_cast<double>(random.integer(-1000, 1000));
      }
      if (kind == 1) a *= 0x1p-600;
      if (kind == 2) a(0, 0) = std::nan("");
      if (kind == 3) a(0, 0) = std::numeric_limits<double>::infinity();
      if (kind == 4) a.row(m - 1) = a.row(0);
      if (kind == 5) a *= 0x1p700;
      if (kind == 6) a.row(m - 1) = a.row(0) + 0x1p-20 * a.row(m - 1);
      values.insert(values.end(), a.data(), a.data() + a.size());
    }
    std::vector<double> low(count);
    small_batch(values, static_cast<std::size_t>(m), static_cast<std::size_t>(n), low);
    for (std::size_t k = 0; k < count; ++k) {
      Mat a(m, n);
      std::copy_n(values.begin() + static_cast<long>(k) * a.size(), a.size(), a.data());
      CAPTURE(round, m, n, k, a);
      const SingularBounds bounds = singular_bounds({{a, {}}, {}});
      CHECK(low[k] <= bounds.smallest_high);
      if (low[k] > 0) CHECK(bounds.full_rank);
      if (bounds.full_rank && bounds.smallest_low > 1e-5 * bounds.largest_high && bounds.largest_high < 0x1p150 &&
          bounds.largest_low > 0x1p-150) {
        CHECK(low[k] > 0);
      }
    }
  }
  std::vector<double> values(6), low(2);
  CHECK_THROWS_AS(small_batch(values, 3, 1, low), ShapeError);
  CHECK_THROWS_AS(small_batch(values, 2, 2, low), ShapeError);
}
