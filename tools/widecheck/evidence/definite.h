// Singular values of integer matrices, by Cholesky in integers: the floors of its divisions and
// roots leave remainders whose size is known beforehand, so that the factorization is its own
// proof.
//
// Let M be a symmetric integer matrix of size N, c the floor of the root of its largest diagonal
// entry, plus
// 1. If M - (t + (N + 1) c) I = L L^T + E runs to its end, every l_jj > 0, with l_ij = floor(s /
// l_jj) and l_jj = floor(sqrt(s)) of what is left, then 0 <= E_ij < l_jj <= c below the diagonal
// and 0 <= E_jj <= 2c on it: the row sums of |E| are at most (N + 1) c, and M >= t I.
#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <vector>

#include "kernel/budget.h"

namespace widecheck {

// Rows of integers, no more rows than columns.
class IntegerRows {
 public:
  explicit IntegerRows(std::size_t cols) : cols_(cols) {}
  void add(std::vector<mpz_class> row);
  void transpose_if_tall();
  std::size_t rows() const { return rows_.size(); }
  std::size_t cols() const { return cols_; }
  // Each of these pays before it begins.
  // sum_i v_i (row i).
  std::vector<mpz_class> combine(const std::vector<mpz_class>& v, Budget& budget) const;
  // Proved: A A^T >= t I, A A^T <= t I. False says nothing. t >= 0.
  bool gram_at_least(const mpz_class& t, Budget& budget) const;
  bool gram_at_most(const mpz_class& t, Budget& budget) const;

 private:
  Products work(const mpz_class& t) const;
  bool small(const mpz_class& t) const;  // 128 bits hold everything
  bool proved(const mpz_class& t, bool at_least, Budget& budget) const;
  bool coarse_at_most(const mpz_class& t, Budget& budget) const;  // in 32 bits
  std::size_t cols_;
  std::vector<std::vector<mpz_class>> rows_;
  mpz_class largest_ = 0;
};

}  // namespace widecheck
