// Rank and linear systems over GF(p) for dense matrices of thousands to tens of thousands of rows.
//
// Residues are kept as floats (p <= 509) or doubles (p < 2^23), so that nearly all of the work is
// matrix multiplication by BLAS: products of residues are integers far below 2^24 or 2^53, sums of
// them stay exact, and reductions are put off while they do. Larger primes go to FLINT. (FFLAS-FFPACK
// rests on the same idea, but Modular<int64_t> returned a wrong rank here, and it reaches a fifth of
// the rate of sgemm; see tools/bench/RESULTS.md.) What an engine returns is a hint: certificates
// multiply it back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace widecert {

// A dense matrix [A | B] over GF(p), filled row by row and then consumed.
class PrimeSystem {
 public:
  // Throws InputError unless `prime` is an odd prime below 2^32.
  PrimeSystem(std::size_t rows, std::size_t cols, std::size_t extra, std::uint64_t prime);
  ~PrimeSystem();
  PrimeSystem(PrimeSystem&&) noexcept;

  // Bytes that a system of this size takes.
  static std::size_t memory(std::size_t rows, std::size_t cols, std::size_t extra, std::uint64_t prime);

  // Entries of A from `first` on; values below the prime. Threads may fill different rows at once.
  void set(std::size_t row, std::size_t first, std::span<const std::uint32_t> values);
  // Column `col` of A.
  void set_column(std::size_t col, std::span<const std::uint32_t> values);
  // Row of B.
  void set_rhs(std::size_t row, std::span<const std::uint32_t> values);

  struct Solution {
    std::size_t rank = 0;
    // W with A W = B, cols x extra, row by row. Absent if there is none or B has no columns.
    std::optional<std::vector<std::uint32_t>> solution;
  };
  // Destroys the contents. `tick(done, total)` is called now and then and may throw.
  Solution solve(const std::function<void(std::size_t, std::size_t)>& tick);

  struct Engine;  // floats, doubles or FLINT

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace widecert
