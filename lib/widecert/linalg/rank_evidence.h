// Evidence that a huge matrix A over GF(p) has full rank: rank A = min(N, n).
//
// Let M be A if N <= n, else its transpose, so that M (r x c, r <= c) is to have independent rows.
// Random solve: B (r x k) is drawn after M is fixed; if rank M < r, a W with M W = B
// exists with probability at most p^-k. B is derived by SHA-256 from A itself, row by row
// (FORMAT.md, "Evidence for rank"), and the checker verifies M W = B in one pass over the rows.
// Minor: where c is much larger than r, r of the columns of M, which the checker eliminates.
// Elimination: the prime alone; the checker eliminates by itself, and the verdict is unconditional.
#pragma once

#include <widecert/number/sha256.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace widecert {

// A matrix over GF(p) whose rows are made on demand.
struct ResidueRows {
  std::size_t rows = 0, cols = 0;
  std::uint64_t prime = 2;  // 2, or an odd prime below 2^32
  // Writes the rows first, first + 1, ..., as many as `out` holds, `cols` residues below the prime
  // each. Several threads may call it at once.
  std::function<void(std::size_t first, std::span<std::uint32_t> out)> write;
};

// Rows made one at a time by row(i, span of cols residues).
template <class Row>
std::function<void(std::size_t, std::span<std::uint32_t>)> one_by_one(std::size_t cols, Row row) {
  return [cols, row](std::size_t first, std::span<std::uint32_t> out) {
    for (std::size_t k = 0; k * cols < out.size(); ++k) row(first + k, out.subspan(k * cols, cols));
  };
}

struct RandomSolve {
  std::uint64_t prime = 2;
  std::size_t k = 0;
  Digest matrix{};               // of A, row by row in canonical encoding
  std::vector<std::uint32_t> w;  // max(N, n) x k residues, row by row
};
struct Elimination {
  std::uint64_t prime = 2;
};
// Minor: min(N, n) rows (columns) of a tall (wide) matrix that are independent; unconditional too.
struct Minor {
  std::uint64_t prime = 2;
  bool of_rows = true;
  std::vector<std::size_t> lines;
};
using RankEvidence = std::variant<Elimination, Minor, RandomSolve>;

struct RankResult {
  std::size_t rank = 0;  // of A modulo the prime, as the engine found it
  // Present if the rank is full.
  std::optional<RandomSolve> random_solve;
};

using RankTick = std::function<void(const std::string& stage, std::size_t done, std::size_t total)>;

// The number of columns of B that the checker asks for: the least k with k log2 p >= 192.
std::size_t columns_of_b(std::uint64_t prime);
// Bytes that find_rank takes for an N x n matrix.
std::size_t rank_memory(std::size_t rows, std::size_t cols, std::uint64_t prime);

// Makes the rows once, hashes them, finds the rank and, if `with_solution` and the rank is full, the
// evidence. `claim` is the digest of the claim that the evidence is for.
RankResult find_rank(const ResidueRows& a, const Digest& claim, bool with_solution, const RankTick& tick);

// min(N, n) independent lines of the longer side, if they are found with so many products at most. Makes some of the
// rows if N > n, else all.
std::optional<Minor> find_minor(const ResidueRows& a, double most_products, const RankTick& tick);

// The residue (i, j) of B.
class RandomRightSide {
 public:
  RandomRightSide(const Digest& claim, std::uint64_t prime, std::size_t rows, std::size_t cols, std::size_t k,
                  const Digest& matrix);
  void row(std::size_t i, std::span<std::uint32_t> out) const;

 private:
  std::string name_;
  std::uint64_t prime_;
};

}  // namespace widecert
