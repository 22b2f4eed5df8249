#include "evidence/definite.h"

#include <algorithm>
#include <stdexcept>

#include "kernel/integers.h"

namespace widecheck {
namespace {

// Of exact integers of any size, and of 64-bit ones whose sums stay within 128 bits.
struct Large {
  using Entry = mpz_class;
  using Sum = mpz_class;
  static Entry entry(const mpz_class& v) { return v; }
  static Sum sum(const mpz_class& v) { return v; }
  static void add(Sum& s, const Entry& a, const Entry& b) { mpz_addmul(s.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t()); }
  static Sum floor_root(const Sum& s) { return sqrt(s); }
  static Sum floor_quotient(const Sum& a, const Entry& b) { return floor_div(a, b); }
  static bool fits(const Sum&) { return true; }
  static Entry narrow(const Sum& s) { return s; }
};

struct Small {
  using Entry = std::int64_t;
  using Sum = __int128;
  static Entry entry(const mpz_class& v) { return v.get_si(); }
  static Sum sum(const mpz_class& v) {
    const mpz_class high = v >> 62, low = v - (high << 62);
    return static_cast<Sum>(high.get_si()) * (Sum{1} << 62) + low.get_si();
  }
  static void add(Sum& s, Entry a, Entry b) { s += static_cast<Sum>(a) * b; }
  static Sum floor_root(Sum s) {
    mpz_class v = static_cast<unsigned long>(s >> 62);
    v = (v << 62) + static_cast<unsigned long>(s & ((Sum{1} << 62) - 1));
    return static_cast<Sum>(mpz_class(sqrt(v)).get_ui());
  }
  static Sum floor_quotient(Sum a, Entry b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
  static bool fits(Sum s) { return s < (Sum{1} << 62) && s > -(Sum{1} << 62); }
  static Entry narrow(Sum s) { return static_cast<Entry>(s); }
};

// M - shift I = L L^T + E as above; the lower half of M row by row. False if it does not run to its
// end.
template <class A>
bool factor(std::vector<typename A::Sum> m, std::size_t n, const typename A::Sum& shift) {
  using Entry = typename A::Entry;
  using Sum = typename A::Sum;
  std::vector<Entry> l(n * (n + 1) / 2);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t row = i * (i + 1) / 2;
    // What is left of the diagonal entry: the squares of the row never exceed it, so that all
    // products of rows are at most the largest diagonal entry.
    Sum left = m[row + i] - shift;
    for (std::size_t j = 0; j < i; ++j) {
      const std::size_t other = j * (j + 1) / 2;
      Sum products = 0;
      for (std::size_t k = 0; k < j; ++k) A::add(products, l[row + k], l[other + k]);
      const Sum quotient = A::floor_quotient(m[row + j] - products, l[other + j]);
      if (!A::fits(quotient)) return false;
      l[row + j] = A::narrow(quotient);
      Sum square = 0;
      A::add(square, l[row + j], l[row + j]);
      if (square > left) return false;
      left -= square;
    }
    if (left <= 0) return false;
    const Sum root = A::floor_root(left);
    if (!A::fits(root) || root <= 0) return false;
    l[row + i] = A::narrow(root);
  }
  return true;
}

template <class A>
bool proved_by(const std::vector<std::vector<mpz_class>>& rows, const mpz_class& t, bool at_least) {
  using Entry = typename A::Entry;
  using Sum = typename A::Sum;
  const std::size_t n = rows.size(), cols = rows[0].size();
  std::vector<Entry> a;
  a.reserve(n * cols);
  for (const auto& row : rows)
    for (const mpz_class& v : row) a.push_back(A::entry(v));
  std::vector<Sum> m;
  m.reserve(n * (n + 1) / 2);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      Sum sum = 0;
      for (std::size_t k = 0; k < cols; ++k) A::add(sum, a[i * cols + k], a[j * cols + k]);
      m.push_back(at_least ? sum : Sum(-sum));
    }
  }
  const Sum wide_t = A::sum(t);
  Sum most = 0;
  for (std::size_t i = 0; i < n; ++i) {
    Sum& d = m[i * (i + 1) / 2 + i];
    if (!at_least) d += wide_t;  // t I - A A^T >= 0
    if (d <= 0) return false;
    if (d > most) most = d;
  }
  Sum shift = A::floor_root(most) + 1;
  shift *= static_cast<long>(n + 1);
  if (at_least) shift += wide_t;
  return factor<A>(std::move(m), n, shift);
}

}  // namespace

void IntegerRows::add(std::vector<mpz_class> row) {
  if (row.size() != cols_) throw std::logic_error("a row of another length");
  for (const mpz_class& v : row)
    if (mpz_cmpabs(v.get_mpz_t(), largest_.get_mpz_t()) > 0) largest_ = abs(v);
  rows_.push_back(std::move(row));
}

void IntegerRows::transpose_if_tall() {
  if (rows_.size() <= cols_) return;
  std::vector<std::vector<mpz_class>> out(cols_);
  for (auto& row : rows_)
    for (std::size_t j = 0; j < cols_; ++j) out[j].push_back(std::move(row[j]));
  cols_ = rows_.size();
  rows_ = std::move(out);
}

std::vector<mpz_class> IntegerRows::combine(const std::vector<mpz_class>& v, Budget& budget) const {
  budget.spend(Products(rows()) * cols_ * (10 + Products::words(largest_) * Products::words(largest(v))));
  std::vector<mpz_class> w(cols_);
  for (std::size_t i = 0; i < rows_.size(); ++i)
    for (std::size_t j = 0; j < cols_; ++j) mpz_addmul(w[j].get_mpz_t(), v[i].get_mpz_t(), rows_[i][j].get_mpz_t());
  return w;
}

bool IntegerRows::small(const mpz_class& t) const {
  // Diagonal entries of A A^T, and t, stay below 2^120; then every factor is below 2^61.
  const mpz_class most = largest_ * largest_ * mpz_class(static_cast<unsigned long>(cols_));
  return mpz_sizeinbase(most.get_mpz_t(), 2) <= 118 && mpz_sizeinbase(largest_.get_mpz_t(), 2) <= 61 &&
         mpz_sizeinbase(t.get_mpz_t(), 2) <= 118 && rows_.size() < (std::size_t{1} << 30);
}

Products IntegerRows::work(const mpz_class& t) const {
  const Products n = rows();
  const Products factors = std::max(Products::words(largest_) + 1, Products::words(t) / 2 + 1);
  return n * n * (cols_ + n / 3) * (small(t) ? Products(1) : 8 + factors * factors);
}

bool IntegerRows::proved(const mpz_class& t, bool at_least, Budget& budget) const {
  budget.spend(work(t));
  if (rows_.empty() || rows_.size() > cols_ || t < 0) throw std::logic_error("no such matrix");
  return small(t) ? proved_by<Small>(rows_, t, at_least) : proved_by<Large>(rows_, t, at_least);
}

bool IntegerRows::gram_at_least(const mpz_class& t, Budget& budget) const { return proved(t, true, budget); }
bool IntegerRows::gram_at_most(const mpz_class& t, Budget& budget) const { return proved(t, false, budget); }

}  // namespace widecheck
