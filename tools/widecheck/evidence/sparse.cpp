#include "evidence/sparse.h"

#include <algorithm>

#include "evidence/rank.h"

namespace widecheck {
namespace {

// For each line the entries on it, as a range of `sorted`.
struct Incidence {
  std::vector<std::size_t> begin;
  std::vector<std::uint32_t> sorted;
  Incidence(std::size_t lines, const std::vector<std::uint32_t>& line_of)
      : begin(lines + 1, 0), sorted(line_of.size()) {
    for (std::uint32_t line : line_of) ++begin[line + 1];
    for (std::size_t l = 0; l < lines; ++l) begin[l + 1] += begin[l];
    std::vector<std::size_t> fill(begin);
    for (std::size_t e = 0; e < line_of.size(); ++e) sorted[fill[line_of[e]]++] = static_cast<std::uint32_t>(e);
  }
};

}  // namespace

std::size_t sparse_rank(const SparseMatrix& a, std::uint64_t prime, Budget& budget) {
  budget.spend(Products(60) * (a.row.size() + a.rows + a.cols));
  const Incidence by_row(a.rows, a.row), by_col(a.cols, a.col);
  std::vector<char> done(a.rows, 0);
  std::vector<std::uint32_t> open(a.cols, 0);  // rows of the column that are not done
  for (std::uint32_t c : a.col) ++open[c];
  std::vector<std::uint32_t> queue;
  for (std::size_t c = 0; c < a.cols; ++c)
    if (open[c] == 1) queue.push_back(static_cast<std::uint32_t>(c));
  std::size_t rank = 0;
  for (std::size_t head = 0; head < queue.size(); ++head) {
    const std::uint32_t c = queue[head];
    if (open[c] != 1) continue;
    for (std::size_t k = by_col.begin[c]; k < by_col.begin[c + 1]; ++k) {
      const std::uint32_t r = a.row[by_col.sorted[k]];
      if (done[r]) continue;
      done[r] = 1;
      ++rank;
      for (std::size_t m = by_row.begin[r]; m < by_row.begin[r + 1]; ++m) {
        const std::uint32_t other = a.col[by_row.sorted[m]];
        if (--open[other] == 1) queue.push_back(other);
      }
      break;
    }
  }
  // What is left, component by component: a row is `done` once it belongs to one.
  std::vector<std::uint32_t> place(a.rows, 0);
  std::vector<char> taken(a.cols, 0);
  for (std::size_t start = 0; start < a.rows; ++start) {
    if (done[start]) continue;
    std::vector<std::uint32_t> rows{static_cast<std::uint32_t>(start)}, cols;
    done[start] = 1;
    for (std::size_t next = 0; next < rows.size(); ++next) {
      place[rows[next]] = static_cast<std::uint32_t>(next);
      for (std::size_t m = by_row.begin[rows[next]]; m < by_row.begin[rows[next] + 1]; ++m) {
        const std::uint32_t c = a.col[by_row.sorted[m]];
        if (taken[c] || open[c] == 0) continue;
        taken[c] = 1;
        cols.push_back(c);
        for (std::size_t k = by_col.begin[c]; k < by_col.begin[c + 1]; ++k) {
          const std::uint32_t r = a.row[by_col.sorted[k]];
          if (done[r]) continue;
          done[r] = 1;
          rows.push_back(r);
        }
      }
    }
    // A peeled row has no place here: rows[place] is another row.
    budget.spend(kStepCost * Products(rows.size()) * rows.size() * cols.size());
    Echelon echelon(rows.size(), prime);
    for (std::uint32_t c : cols) {
      if (echelon.rank() == rows.size()) break;
      std::vector<std::uint64_t> column(rows.size(), 0);
      for (std::size_t k = by_col.begin[c]; k < by_col.begin[c + 1]; ++k) {
        const std::uint32_t e = by_col.sorted[k], r = a.row[e];
        if (place[r] < rows.size() && rows[place[r]] == r) column[place[r]] = a.value[e];
      }
      echelon.insert(std::move(column));
    }
    rank += echelon.rank();
  }
  return rank;
}

}  // namespace widecheck
