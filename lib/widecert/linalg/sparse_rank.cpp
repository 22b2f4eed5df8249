#include <widecert/linalg/modular_matrix.h>
#include <widecert/linalg/sparse_rank.h>
#include <widecert/number/error.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace widecert {
namespace {

// The entries of each line (row or column) one after the other.
struct Lines {
  std::vector<std::size_t> begin;    // of each line, and the end
  std::vector<std::uint32_t> entry;  // numbers of entries
};

Lines by_line(std::size_t lines, const std::vector<std::uint32_t>& line_of) {
  Lines sorted;
  sorted.begin.assign(lines + 1, 0);
  for (std::uint32_t line : line_of) ++sorted.begin[line + 1];
  std::partial_sum(sorted.begin.begin(), sorted.begin.end(), sorted.begin.begin());
  sorted.entry.resize(line_of.size());
  std::vector<std::size_t> next(sorted.begin.begin(), sorted.begin.end() - 1);
  poll();
  for (std::size_t k = 0; k < line_of.size(); ++k) {
    sorted.entry[next[line_of[k]]++] = static_cast<std::uint32_t>(k);
  }
  return sorted;
}

// Marks the rows that peeling resolves. Of each column the number of unresolved rows and the xor of
// their numbers are kept: when one is left, the xor is its number.
std::vector<bool> peel(const SparseMatrix& a, const Lines& rows) {
  std::vector<std::uint32_t> left(a.cols, 0), sum(a.cols, 0), ready;
  poll();
  for (std::size_t k = 0; k < a.row.size(); ++k) {
    ++left[a.col[k]];
    sum[a.col[k]] ^= a.row[k];
  }
  std::vector<bool> resolved(a.rows, false);
  for (std::size_t c = 0; c < a.cols; ++c)
    if (left[c] == 1) ready.push_back(static_cast<std::uint32_t>(c));
  while (!ready.empty()) {
    const std::uint32_t c = ready.back();
    if (ready.size() % 4096 == 0) poll();
    ready.pop_back();
    if (left[c] != 1) continue;  // its last row was resolved by another column
    const std::uint32_t r = sum[c];
    resolved[r] = true;
    for (std::size_t e = rows.begin[r]; e < rows.begin[r + 1]; ++e) {
      const std::uint32_t other = a.col[rows.entry[e]];
      sum[other] ^= r;
      if (--left[other] == 1) ready.push_back(other);
    }
  }
  return resolved;
}

// One component of the core: its rows, and the columns that touch them.
struct Component {
  std::vector<std::uint32_t> rows, cols;
};

}  // namespace

void SparseMatrix::add(std::size_t r, std::size_t c, std::uint32_t v) {
  row.push_back(static_cast<std::uint32_t>(r));
  col.push_back(static_cast<std::uint32_t>(c));
  value.push_back(v);
}

SparseMatrix SparseMatrix::transposed() && {
  std::swap(rows, cols);
  std::swap(row, col);
  return std::move(*this);
}

SparseRank sparse_rank(SparseMatrix a, double steps) {
  if (a.rows > a.cols) a = std::move(a).transposed();
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
  check(a.rows < kMost && a.cols < kMost && a.row.size() < kMost, "32-bit indices");
  const Lines rows = by_line(a.rows, a.row);
  const std::vector<bool> resolved = peel(a, rows);
  SparseRank result;
  result.peeled = static_cast<std::size_t>(std::count(resolved.begin(), resolved.end(), true));
  result.core = a.rows - result.peeled;
  result.rank = result.peeled;
  if (result.core == 0) return result;

  const Lines cols = by_line(a.cols, a.col);
  constexpr std::uint32_t kNone = kMost;
  std::vector<std::uint32_t> row_place(a.rows, kNone), col_place(a.cols, kNone);
  double spent = 0;
  for (std::size_t start = 0; start < a.rows; ++start) {
    if (resolved[start] || row_place[start] != kNone) continue;
    Component part{{static_cast<std::uint32_t>(start)}, {}};
    row_place[start] = 0;
    for (std::size_t next = 0; next < part.rows.size(); ++next) {
      poll();
      const std::uint32_t r = part.rows[next];
      for (std::size_t e = rows.begin[r]; e < rows.begin[r + 1]; ++e) {
        const std::uint32_t c = a.col[rows.entry[e]];
        if (col_place[c] != kNone) continue;
        col_place[c] = static_cast<std::uint32_t>(part.cols.size());
        part.cols.push_back(c);
        for (std::size_t f = cols.begin[c]; f < cols.begin[c + 1]; ++f) {
          const std::uint32_t other = a.row[cols.entry[f]];
          if (resolved[other] || row_place[other] != kNone) continue;
          row_place[other] = static_cast<std::uint32_t>(part.rows.size());
          part.rows.push_back(other);
        }
      }
    }
    if (part.cols.empty()) continue;
    const double m = static_cast<double>(part.rows.size()), n = static_cast<double>(part.cols.size());
    spent += m * n * std::min(m, n);
    if (spent > steps) {
      result.decided = false;
      return result;
    }
    ModularMatrix dense(part.rows.size(), part.cols.size(), a.prime);
    for (std::uint32_t r : part.rows) {
      poll();
      for (std::size_t e = rows.begin[r]; e < rows.begin[r + 1]; ++e) {
        const std::uint32_t k = rows.entry[e];
        dense.set(row_place[r], col_place[a.col[k]], a.value[k]);
      }
    }
    result.rank += dense.rank();
  }
  return result;
}

}  // namespace widecert
