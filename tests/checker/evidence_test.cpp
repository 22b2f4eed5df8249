// The verifier of random-solve evidence as a function: a matrix of rank N - 1 is accepted with
// frequency p^-k, which is why widecheck asks for k log2 p >= 192.
#include <widecert/linalg/modular_matrix.h>
#include <widecert/linalg/rank_evidence.h>
#include <widecert/number/sha256.h>
#include <widecheck/evidence/rank.h>
#include <widecheck/kernel/verdict.h>

#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../random.h"

using namespace widecert;

namespace {

std::string bytes(const Digest& digest) { return {digest.begin(), digest.end()}; }

// A W with M W = B where there is one (M = A, N <= n), by plain elimination over GF(2).
std::optional<std::vector<std::uint32_t>> solve(std::vector<std::vector<std::uint32_t>> a,
                                                std::vector<std::vector<std::uint32_t>> b) {
  const std::size_t rows = a.size(), cols = a.front().size(), k = b.front().size();
  std::vector<std::size_t> pivot;
  std::size_t rank = 0;
  for (std::size_t c = 0; c < cols && rank < rows; ++c) {
    std::size_t r = rank;
    while (r < rows && a[r][c] == 0) ++r;
    if (r == rows) continue;
    std::swap(a[r], a[rank]);
    std::swap(b[r], b[rank]);
    for (std::size_t o = 0; o < rows; ++o) {
      if (o == rank || a[o][c] == 0) continue;
      for (std::size_t j = 0; j < cols; ++j) a[o][j] ^= a[rank][j];
      for (std::size_t j = 0; j < k; ++j) b[o][j] ^= b[rank][j];
    }
    pivot.push_back(c);
    ++rank;
  }
  for (std::size_t r = rank; r < rows; ++r)
    for (std::uint32_t v : b[r])
      if (v != 0) return std::nullopt;
  std::vector<std::uint32_t> w(cols * k, 0);
  for (std::size_t r = 0; r < rank; ++r)
    for (std::size_t j = 0; j < k; ++j) w[pivot[r] * k + j] = b[r][j];
  return w;
}

}  // namespace

TEST_CASE("over GF(2) a matrix of rank N - 1 is accepted with frequency 2^-k") {
  test::Random random(71);
  constexpr std::size_t kRows = 6, kCols = 9;
  for (std::size_t k : {std::size_t{1}, std::size_t{2}}) {
    const int tries = test::rounds(4000);
    int accepted = 0;
    for (int round = 0; round < tries; ++round) {
      // The last row is the sum of two others.
      std::vector<std::vector<std::uint32_t>> a(kRows, std::vector<std::uint32_t>(kCols));
      for (std::size_t i = 0; i + 1 < kRows; ++i) {
        for (std::size_t j = 0; j < kCols; ++j) {
          a[i][j] = static_cast<std::uint32_t>(j == i || (j > 4 && random.integer(0, 1)));
        }
      }
      for (std::size_t j = 0; j < kCols; ++j) a[kRows - 1][j] = a[0][j] ^ a[3][j];
      // The best forger: B is what it is, and W solves A W = B if anything does.
      const Digest claim = sha256("claim " + std::to_string(round));
      Sha256 hash;
      for (const auto& row : a) {
        std::uint8_t packed[2] = {};
        for (std::size_t j = 0; j < kCols; ++j) {
          packed[j / 8] = static_cast<std::uint8_t>(packed[j / 8] | row[j] << j % 8);
        }
        hash.update(packed);
      }
      const RandomRightSide right(claim, 2, kRows, kCols, k, hash.finish());
      std::vector<std::vector<std::uint32_t>> b(kRows, std::vector<std::uint32_t>(k));
      for (std::size_t i = 0; i < kRows; ++i) right.row(i, b[i]);
      const auto w = solve(a, b);
      widecheck::RandomSolve verifier(kRows, kCols, 2, k, bytes(claim),
                                      w.value_or(std::vector<std::uint32_t>(kCols * k, 0)));
      for (const auto& row : a) verifier.row(row);
      const bool yes = verifier.solves();
      CHECK(yes == w.has_value());
      accepted += yes ? 1 : 0;
    }
    // Six standard deviations: a wrong constant is seen, chance is not.
    const double p = std::pow(0.5, static_cast<double>(k));
    const double deviation = std::sqrt(tries * p * (1 - p));
    INFO("seed 71, k = " << k << ": " << accepted << " of " << tries);
    CHECK(std::abs(accepted - tries * p) < 6 * deviation);
  }
}

TEST_CASE("engine and checker agree on full and deficient matrices, wide and tall") {
  test::Random random(72);
  for (std::uint64_t p : {2ull, 3ull, 127ull, 509ull, 65537ull, 8388593ull, 2147483647ull}) {
    for (int round = 0; round < test::rounds(6); ++round) {
      const auto rows = static_cast<std::size_t>(random.integer(1, 90));
      const auto cols = static_cast<std::size_t>(random.integer(1, 90));
      const std::size_t full = std::min(rows, cols);
      const bool deficient = round % 3 == 2 && full > 1;
      std::vector<std::vector<std::uint32_t>> a(rows, std::vector<std::uint32_t>(cols));
      for (auto& row : a) {
        for (auto& v : row) v = static_cast<std::uint32_t>(random.integer(0, static_cast<long>(p) - 1));
      }
      if (deficient && rows <= cols) a[0] = a[rows - 1];
      if (deficient && rows > cols)
        for (auto& row : a) row[0] = row[cols - 1];
      const auto row = [&](std::size_t i, std::span<std::uint32_t> out) {
        std::copy(a[i].begin(), a[i].end(), out.begin());
      };
      const ResidueRows source{rows, cols, p, one_by_one(cols, row)};
      const Digest claim = sha256("claim");
      const RankResult found = find_rank(source, claim, true, [](auto&&...) {});
      widecheck::Echelon odd(cols, p);
      widecheck::BinaryEchelon binary(cols);
      for (const auto& row : a) {
        odd.insert({row.begin(), row.end()});
        std::vector<std::uint64_t> packed(cols / 64 + 1, 0);
        for (std::size_t j = 0; j < cols; ++j) packed[j / 64] |= std::uint64_t{row[j] & 1} << j % 64;
        binary.insert(packed);
      }
      INFO("seed 72, p = " << p << ", " << rows << " x " << cols << ", round " << round);
      CHECK(found.rank == odd.rank());
      if (p == 2) CHECK(found.rank == binary.rank());
      REQUIRE(found.random_solve.has_value() == (found.rank == full));
      if (!found.random_solve) continue;
      CHECK(found.random_solve->k == columns_of_b(p));
      widecheck::RandomSolve verifier(rows, cols, p, found.random_solve->k, bytes(claim), found.random_solve->w);
      for (const auto& row : a) verifier.row(row);
      CHECK(verifier.matrix_digest() == bytes(found.random_solve->matrix));
      CHECK(verifier.solves());
    }
  }
}

TEST_CASE("k is the least with p^k >= 2^192") {
  CHECK(columns_of_b(2) == 192);
  CHECK(columns_of_b(3) == 122);
  CHECK(columns_of_b(127) == 28);
  CHECK(columns_of_b(2147483647) == 7);
}

namespace {

// The verdict on a matrix, one row at a time, those that are not asked for replaced by rubbish; "" if it is accepted.
std::string judged(const std::vector<std::vector<std::uint32_t>>& a, const nlohmann::json& evidence) {
  try {
    widecheck::Budget budget;
    const auto check =
        widecheck::read_evidence(widecheck::Value(evidence, "evidence", std::make_shared<const widecheck::Source>()),
                                 a.size(), a.front().size(), "{}", budget);
    for (std::size_t i = 0; i < a.size(); ++i)
      if (check->needs(i)) check->row(i, a[i]);
    return check->finish() == 0 ? "" : "conditional";
  } catch (const widecheck::Rejected& e) {
    return e.reason;
  } catch (const widecheck::Malformed& e) {
    return "malformed";
  }
}

}  // namespace

TEST_CASE("a minor is accepted exactly if it is not 0, of tall and of wide matrices") {
  test::Random random(72);
  int accepted = 0;
  for (int round = 0; round < test::rounds(300); ++round) {
    const std::uint64_t p = random.integer(0, 1) == 0 ? 7 : 2147483647;
    const auto length = static_cast<std::size_t>(random.integer(1, 4)),
               count = length + static_cast<std::size_t>(random.integer(1, 5));
    // Lines of the longer side.
    std::vector<std::vector<std::uint32_t>> lines(count, std::vector<std::uint32_t>(length));
    for (auto& line : lines)
      for (auto& v : line) v = static_cast<std::uint32_t>(random.integer(0, 2));
    const bool tall = random.integer(0, 1) == 0;
    std::vector<std::vector<std::uint32_t>> a(tall ? count : length, std::vector<std::uint32_t>(tall ? length : count));
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < length; ++j) (tall ? a[i][j] : a[j][i]) = lines[i][j];
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < count && chosen.size() < length; ++i)
      if (count - i <= length - chosen.size() || random.integer(0, 1) == 0) chosen.push_back(i);
    ModularMatrix minor(length, length, p);
    for (std::size_t i = 0; i < length; ++i)
      for (std::size_t j = 0; j < length; ++j) minor.set(i, j, lines[chosen[i]][j] % p);
    INFO("seed 72, round " << round);
    const nlohmann::json good{{"method", "minor"}, {"prime", p}, {tall ? "rows" : "columns", chosen}};
    const bool full = minor.rank() == length;
    accepted += full ? 1 : 0;
    CHECK(judged(a, good) == (full ? "" : "rank"));
    nlohmann::json bad = good;
    bad[tall ? "rows" : "columns"].erase(0);
    CHECK(judged(a, bad) == "minor");
    bad = good;
    bad[tall ? "rows" : "columns"][length - 1] = count;
    CHECK(judged(a, bad) == "malformed");
    bad = {{"method", "minor"}, {"prime", p}, {tall ? "columns" : "rows", chosen}};
    CHECK(judged(a, bad) == "malformed");
    // What the prover finds is accepted, and it finds something where there is something.
    ResidueRows rows{a.size(), a.front().size(), p,
                     one_by_one(a.front().size(), [&](std::size_t i, std::span<std::uint32_t> out) {
                       std::copy(a[i].begin(), a[i].end(), out.begin());
                     })};
    const auto found = find_minor(rows, 1e9, [](const std::string&, std::size_t, std::size_t) {});
    ModularMatrix whole(count, length, p);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = 0; j < length; ++j) whole.set(i, j, lines[i][j]);
    CHECK(found.has_value() == (whole.rank() == length));
    if (found) CHECK(judged(a, {{"method", "minor"}, {"prime", p}, {tall ? "rows" : "columns", found->lines}}).empty());
  }
  CHECK(accepted > 20);
}
