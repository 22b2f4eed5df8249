// The rank of a sparse matrix modulo a prime: peeling, then elimination of what it leaves.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/budget.h"

namespace widecheck {

// Entries of a matrix with `rows` x `cols` residues, each place at most once, none of them 0.
struct SparseMatrix {
  std::size_t rows = 0, cols = 0;
  std::vector<std::uint32_t> row, col, value;
};

// A combination of rows that vanishes must have coefficient 0 at a row that is alone, among rows
// whose coefficient may differ from 0, in some column. Rows found so one after the other are
// independent of everything; the rank of the matrix is their number plus that of the other rows,
// which are eliminated in connected components. Pays for both.
std::size_t sparse_rank(const SparseMatrix& a, std::uint64_t prime, Budget& budget);

}  // namespace widecheck
