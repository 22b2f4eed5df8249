// The checker's own peeling against a dense elimination by FLINT.
#include <widecert/linalg/modular_matrix.h>
#include <widecheck/evidence/sparse.h>

#include "../catch.h"
#include "../random.h"

using namespace widecert;

TEST_CASE("the checker's sparse rank is the dense rank") {
  test::Random random(32);
  widecheck::Budget budget;
  for (int round = 0; round < test::rounds(500); ++round) {
    const auto rows = static_cast<std::size_t>(random.integer(1, 14)),
               cols = static_cast<std::size_t>(random.integer(1, 14));
    const std::uint64_t prime =
        std::vector<std::uint64_t>{2, 3, 65537, kRankPrime}[static_cast<std::size_t>(random.integer(0, 3))];
    const long density = random.integer(1, 7);
    widecheck::SparseMatrix a{rows, cols, {}, {}, {}};
    ModularMatrix dense(rows, cols, prime);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < cols; ++c) {
        if (random.integer(0, 9) >= density) continue;
        const auto v = static_cast<std::uint32_t>(random.integer(1, static_cast<long>(prime) - 1));
        a.row.push_back(static_cast<std::uint32_t>(r));
        a.col.push_back(static_cast<std::uint32_t>(c));
        a.value.push_back(v);
        dense.set(r, c, v);
      }
    }
    INFO("seed 32, round " << round);
    CHECK(widecheck::sparse_rank(a, prime, budget) == dense.rank());
  }
}
