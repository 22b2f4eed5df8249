#include <widecert/linalg/double_rank.h>
#include <widecert/linalg/double_residues.h>
#include <widecert/linalg/prime_elimination.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>

#include <algorithm>

namespace widecert {

DoubleRank rank_of_doubles(std::span<const double> values, std::size_t rows, std::size_t cols,
                           const std::function<void(std::size_t, std::size_t)>& tick) {
  if (values.size() != rows * cols) throw ShapeError("a matrix with another number of entries");
  DoubleRank result;
  const std::size_t full = std::min(rows, cols);
  for (const std::uint32_t prime : {127u, 8388593u}) {
    PrimeSystem system(rows, cols, 0, prime);
    const DoubleResidues residues(prime);
    constexpr std::size_t kRows = 64;
    parallel_for((rows + kRows - 1) / kRows, [&](std::size_t block) {
      std::vector<std::uint32_t> out(cols);
      for (std::size_t i = block * kRows; i < std::min(rows, (block + 1) * kRows); ++i) {
        residues(values.subspan(i * cols, cols), out);
        system.set(i, 0, out);
      }
    });
    result.rank = std::max(result.rank, system.solve(tick).rank);
    result.exact = result.rank == full;
    if (result.exact) break;
  }
  return result;
}

}  // namespace widecert
