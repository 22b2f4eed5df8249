// The rank of a sparse matrix modulo a prime, by peeling and then by elimination of what is left.
//
// Peeling: let v A = 0. A column with a single entry whose row is not known to have v = 0 shows
// that v is 0 there too, and so on. The rows found this way form, with their columns, a permuted
// triangular block with units on its diagonal; rank A = their number + rank of the other rows. The
// other rows and the columns that touch them, the core, fall into connected components, which are
// eliminated densely one by one.
#pragma once

#include <cstdint>
#include <vector>

namespace widecert {

// Entry k is value[k] at (row[k], col[k]); no place occurs twice; values are 1..prime-1.
struct SparseMatrix {
  std::size_t rows = 0, cols = 0;
  std::uint64_t prime = 2;
  std::vector<std::uint32_t> row, col, value;

  void add(std::size_t r, std::size_t c, std::uint32_t v);
  SparseMatrix transposed() &&;
};

// Rows are those of the smaller side: of the transpose, if there are more rows than columns.
struct SparseRank {
  std::size_t peeled = 0;  // rows known to be independent without elimination
  std::size_t core = 0;    // rows that were left
  std::size_t rank = 0;    // of the matrix modulo the prime, if decided
  bool decided = true;     // false if eliminating the core takes more than `steps` products
};

// Works along the smaller side, so that full rank means that nothing is left over. Cost: linear in the
// entries, and rows * cols * min(rows, cols) products for each component.
SparseRank sparse_rank(SparseMatrix a, double steps);

}  // namespace widecert
