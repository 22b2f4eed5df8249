#include <widecert/linalg/binary_elimination.h>
#include <widecert/linalg/double_residues.h>
#include <widecert/linalg/left_kernel.h>
#include <widecert/linalg/prime_elimination.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>

#include <cmath>
#include <limits>

#include "../../catch.h"
#include "../../random.h"

using namespace widecert;

namespace {

const auto kQuiet = [](std::size_t, std::size_t) {};

// Random of rank at most `rank`, with a random right-hand side.
BinaryMatrix random_binary(test::Random& random, std::size_t rows, std::size_t cols, std::size_t rank,
                           std::size_t extra) {
  BinaryMatrix a(rows, cols, extra);
  std::vector<std::vector<bool>> basis(rank, std::vector<bool>(cols));
  for (auto& row : basis)
    for (std::size_t j = 0; j < cols; ++j) row[j] = random.integer(0, 1) == 1;
  for (std::size_t i = 0; i < rows; ++i) {
    std::vector<bool> row(cols, false);
    for (std::size_t b = 0; b < rank; ++b) {
      const bool take = rank == rows ? b == i : random.integer(0, 1) == 1;
      for (std::size_t j = 0; take && j < cols; ++j) row[j] = row[j] != basis[b][j];
    }
    for (std::size_t j = 0; j < cols; ++j) a.set(i, j, row[j]);
    for (std::size_t j = 0; j < extra; ++j) a.set(i, a.rhs() + j, random.integer(0, 1) == 1);
  }
  return a;
}

void check_solution(const BinaryMatrix& a, const std::vector<std::uint64_t>& w) {
  const std::size_t words = (a.extra() + 63) / 64;
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < a.extra(); ++j) {
      bool sum = false;
      for (std::size_t h = 0; h < a.cols(); ++h) {
        sum = sum != (a.get(i, h) && (w[h * words + j / 64] >> j % 64 & 1));
      }
      REQUIRE(sum == a.get(i, a.rhs() + j));
    }
  }
}

}  // namespace

TEST_CASE("an 8 x 8 bit matrix is transposed") {
  test::Random random(60);
  for (int round = 0; round < 20; ++round) {
    const auto m = static_cast<std::uint64_t>(random.integer(0, INT64_MAX));
    const std::uint64_t t = transpose_8x8(m);
    for (int r = 0; r < 8; ++r)
      for (int c = 0; c < 8; ++c) CHECK((m >> (8 * r + c) & 1) == (t >> (8 * c + r) & 1));
  }
}

TEST_CASE("rank and solutions over GF(2): the kernel, M4RI and the product agree") {
  test::Random random(61);
  for (int round = 0; round < test::rounds(40); ++round) {
    const auto rows = static_cast<std::size_t>(random.integer(1, 300));
    const auto cols = static_cast<std::size_t>(random.integer(1, 300));
    const auto full = static_cast<long>(std::min(rows, cols));
    const auto rank = static_cast<std::size_t>(round % 2 ? random.integer(0, full) : full);
    const BinaryMatrix a = random_binary(random, rows, cols, rank, 1 + rank % 130);
    INFO("seed 61, round " << round << ": " << rows << " x " << cols << ", rank <= " << rank);
    BinaryMatrix one = a;
    const BinarySolution m4ri = solve_in_place(one, kQuiet, BinaryEngine::m4ri);
    CHECK(m4ri.rank <= rank);
    if (m4ri.rank == rows) REQUIRE(m4ri.solution);
    if (m4ri.solution) check_solution(a, *m4ri.solution);
    if (!binary_kernel_available()) {
      WARN("no AVX-512 with GFNI here: the kernel is not tested");
      break;
    }
    for (std::size_t count : {std::size_t{1}, std::size_t{3}}) {
      set_threads(count);
      BinaryMatrix two = a;
      const BinarySolution kernel = solve_in_place(two, kQuiet, BinaryEngine::kernel);
      CHECK(kernel.rank == m4ri.rank);
      CHECK(kernel.solution.has_value() == m4ri.solution.has_value());
      if (kernel.solution) check_solution(a, *kernel.solution);
    }
    set_threads(0);
  }
}

TEST_CASE("panels larger than one: 2,500 rows, rank 2,300") {
  if (!binary_kernel_available()) {
    WARN("no AVX-512 with GFNI here: skipped");
    return;
  }
  test::Random random(62);
  BinaryMatrix a = random_binary(random, 2500, 2600, 2300, 0), b = a;
  const std::size_t rank = solve_in_place(a, kQuiet, BinaryEngine::m4ri).rank;
  CHECK(rank <= 2300);
  CHECK(solve_in_place(b, kQuiet, BinaryEngine::kernel).rank == rank);
}

TEST_CASE("solutions modulo odd primes multiply back, for floats, doubles and FLINT") {
  test::Random random(63);
  for (std::uint64_t p : {3ull, 127ull, 509ull, 521ull, 8388593ull, 4294967291ull}) {
    for (int round = 0; round < test::rounds(4); ++round) {
      const auto rows = static_cast<std::size_t>(random.integer(1, 330));
      const std::size_t cols = rows + static_cast<std::size_t>(random.integer(0, 20)), k = 5;
      PrimeSystem system(rows, cols, k, p);
      std::vector<std::vector<std::uint32_t>> a(rows, std::vector<std::uint32_t>(cols)), b(rows);
      for (std::size_t i = 0; i < rows; ++i) {
        for (auto& v : a[i]) v = static_cast<std::uint32_t>(random.integer(0, static_cast<long>(p) - 1));
        if (round == 3 && i + 1 == rows && rows > 1) a[i] = a[0];
        b[i].resize(k);
        for (auto& v : b[i]) v = static_cast<std::uint32_t>(random.integer(0, static_cast<long>(p) - 1));
        system.set(i, 0, a[i]);
        system.set_rhs(i, b[i]);
      }
      const auto solved = system.solve(kQuiet);
      INFO("seed 63, p = " << p << ", " << rows << " rows, round " << round);
      if (round == 3 && rows > 1) CHECK(solved.rank < rows);
      if (solved.rank == rows) REQUIRE(solved.solution);
      if (!solved.solution) continue;
      bool equal = true;
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < k; ++j) {
          unsigned __int128 sum = 0;
          for (std::size_t h = 0; h < cols; ++h) {
            sum += std::uint64_t{a[i][h]} * (*solved.solution)[h * k + j];
          }
          equal = equal && static_cast<std::uint64_t>(sum % p) == b[i][j];
        }
      }
      CHECK(equal);
    }
  }
  CHECK_THROWS_AS(PrimeSystem(2, 2, 0, 15), InputError);
  CHECK_THROWS_AS(PrimeSystem(2, 2, 0, 2), InputError);
}

TEST_CASE("a left kernel vector annihilates the matrix, and there is none at full rank") {
  test::Random random(64);
  for (int round = 0; round < test::rounds(30); ++round) {
    const auto rows = static_cast<std::size_t>(random.integer(2, 12));
    const auto cols = static_cast<std::size_t>(random.integer(1, 14));
    std::vector<std::vector<Integer>> a(rows, std::vector<Integer>(cols));
    for (auto& row : a)
      for (auto& v : row) v = random.integer(-5, 5);
    if (round % 2 == 0) {
      for (std::size_t j = 0; j < cols; ++j) a[rows - 1][j] = 3 * a[0][j];
    }
    const auto v = left_kernel_vector(a);
    INFO("seed 64, round " << round);
    if (round % 2 == 0 || rows > cols) REQUIRE(v);
    if (!v) continue;
    bool zero = true;
    for (std::size_t j = 0; j < cols; ++j) {
      Integer sum = 0;
      for (std::size_t i = 0; i < rows; ++i) sum += (*v)[i] * a[i][j];
      CHECK(sum == 0);
    }
    for (const Integer& e : *v) zero = zero && e == 0;
    CHECK_FALSE(zero);
  }
}

TEST_CASE("a left kernel basis has a vector for each row beside a nonsingular block") {
  test::Random random(66);
  for (int round = 0; round < test::rounds(30); ++round) {
    const auto rows = static_cast<std::size_t>(random.integer(1, 9)),
               cols = static_cast<std::size_t>(random.integer(1, 9)),
               rank = static_cast<std::size_t>(random.integer(0, 5));
    std::vector<std::vector<Integer>> a(rows, std::vector<Integer>(cols, 0));
    for (std::size_t k = 0; k < rank; ++k) {  // a sum of products of vectors
      std::vector<Integer> u, v;
      for (std::size_t i = 0; i < rows; ++i) u.emplace_back(random.integer(-4, 4));
      for (std::size_t j = 0; j < cols; ++j) v.emplace_back(random.integer(-4, 4));
      for (std::size_t i = 0; i < rows; ++i)
        for (std::size_t j = 0; j < cols; ++j) a[i][j] += u[i] * v[j];
    }
    INFO("seed 66, round " << round);
    const auto found = left_kernel(a, rows);
    REQUIRE(found);
    CHECK(found->rows.size() <= rank);
    CHECK(found->columns.size() == found->rows.size());
    REQUIRE(found->basis.size() == rows - found->rows.size());
    std::vector<std::size_t> own(rows, 0);  // vectors that are not 0 there
    for (const auto& v : found->basis) {
      for (std::size_t j = 0; j < cols; ++j) {
        Integer sum = 0;
        for (std::size_t i = 0; i < rows; ++i) sum += v[i] * a[i][j];
        CHECK(sum == 0);
      }
      for (std::size_t i = 0; i < rows; ++i) own[i] += v[i] != 0 ? 1 : 0;
    }
    for (std::size_t i = 0; i < rows; ++i) {
      const bool chosen = std::find(found->rows.begin(), found->rows.end(), i) != found->rows.end();
      if (!chosen) CHECK(own[i] == 1);
    }
    if (!found->basis.empty()) CHECK(left_kernel(a, found->basis.size() - 1)->basis.empty());
  }
}

TEST_CASE("doubles have the residues of the rationals they are") {
  test::Random random(65);
  for (std::uint32_t p : {3u, 127u, 509u, 8388593u, 2147483647u}) {
    const DoubleResidues residues(p);
    std::vector<double> values{0.0,
                               -0.0,
                               1.0,
                               -1.0,
                               0.1,
                               1e-320,
                               -5e-324,
                               2.2250738585072014e-308,
                               1.7976931348623157e308,
                               -1e300,
                               4503599627370497.0};
    for (int k = 0; k < test::rounds(200); ++k) {
      values.push_back(std::ldexp(static_cast<double>(random.integer(-1'000'000'007, 1'000'000'007)),
                                  static_cast<int>(random.integer(-1000, 900))));
    }
    std::vector<std::uint32_t> out(values.size());
    residues(values, out);
    for (std::size_t k = 0; k < values.size(); ++k) {
      // numerator = r * denominator modulo p.
      const Rational exact = exactly(values[k]);
      const Integer left = numerator(exact) - Integer(out[k]) * denominator(exact);
      INFO("seed 65, p = " << p << ", value " << values[k]);
      CHECK(left % p == 0);
      CHECK(out[k] < p);
    }
  }
  for (std::uint32_t p : {3u, 127u}) {
    const std::vector<double> bad{1.0, std::numeric_limits<double>::quiet_NaN()};
    std::vector<std::uint32_t> out(2);
    CHECK_THROWS_AS(DoubleResidues(p)(bad, out), InputError);
  }
  const std::vector<double> bad{1.0, std::numeric_limits<double>::infinity()};
  std::vector<std::uint32_t> out(2);
  CHECK_THROWS_AS(DoubleResidues(3)(bad, out), InputError);
}
