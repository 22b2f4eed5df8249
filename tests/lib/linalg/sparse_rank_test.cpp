#include <widecert/linalg/modular_matrix.h>
#include <widecert/linalg/polynomial.h>
#include <widecert/linalg/sparse_rank.h>

#include "../../catch.h"
#include "../../random.h"

using namespace widecert;

TEST_CASE("peeling and elimination of the core give the dense rank") {
  test::Random random(31);
  std::size_t cores = 0, peeled = 0;
  for (int round = 0; round < test::rounds(500); ++round) {
    SparseMatrix a;
    a.rows = static_cast<std::size_t>(random.integer(1, 12));
    a.cols = static_cast<std::size_t>(random.integer(static_cast<long>(a.rows), 16));
    a.prime = std::vector<std::uint64_t>{2, 3, 65537, kRankPrime}[static_cast<std::size_t>(random.integer(0, 3))];
    const long density = random.integer(1, 6);
    ModularMatrix dense(a.rows, a.cols, a.prime);
    for (std::size_t r = 0; r < a.rows; ++r) {
      for (std::size_t c = 0; c < a.cols; ++c) {
        if (random.integer(0, 9) >= density) continue;
        const auto v = static_cast<std::uint32_t>(random.integer(1, static_cast<long>(a.prime) - 1));
        a.add(r, c, v);
        dense.set(r, c, v);
      }
    }
    const SparseRank found = sparse_rank(a, 1e9);
    INFO("seed 31, round " << round);
    REQUIRE(found.decided);
    CHECK(found.rank == dense.rank());
    CHECK(found.peeled + found.core == a.rows);
    CHECK(found.peeled <= found.rank);
    cores += found.core;
    peeled += found.peeled;
    CHECK(sparse_rank(std::move(a).transposed(), 1e9).rank == found.rank);
  }
  CHECK(cores > 100);
  CHECK(peeled > 100);
}

TEST_CASE("a core that is too large is left undecided") {
  SparseMatrix a;
  a.rows = a.cols = 4;
  a.prime = 7;
  for (std::size_t r = 0; r < 4; ++r)
    for (std::size_t c = 0; c < 4; ++c) a.add(r, c, 1);
  CHECK_FALSE(sparse_rank(a, 63).decided);
  CHECK(sparse_rank(a, 64).rank == 1);
}

TEST_CASE("polynomials multiply, cancel and evaluate") {
  const Polynomial a{{{0}, 1}, {{1}, 1}}, b{{{0}, 1}, {{1}, -1}};
  const Polynomial c = product(a, b);  // x0^2 - x1^2
  CHECK(c == Polynomial{{{0, 0}, 1}, {{1, 1}, -1}});
  Polynomial sum = c;
  add_multiple(sum, Polynomial{{{1}, 1}}, 1, 1);
  CHECK(sum == Polynomial{{{0, 0}, 1}});
  CHECK(evaluate(c, {5, 3}, 7) == 2);  // 25 - 9 = 16
}
