#include "evidence/definite.h"

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "kernel/clones.h"
#include "kernel/int128.h"
#include "kernel/integers.h"
#include "kernel/parallel.h"

namespace widecheck {
namespace {

// Where no sum of any of these products leaves 64 bits.
WIDECHECK_CLONES std::int64_t dot(const std::int32_t* a, const std::int32_t* b, std::size_t n) {
  std::int64_t sum = 0;
  for (std::size_t k = 0; k < n; ++k) sum += std::int64_t{a[k]} * b[k];
  return sum;
}

// Rows of integers as balanced digits to the base 2^26, digit after digit: their products are sums of those of 32-bit
// numbers.
class Digits {
 public:
  explicit Digits(const std::vector<std::vector<mpz_class>>& rows) : cols_(rows[0].size()) {
    mpz_class most = 0;
    for (const auto& row : rows) most = std::max(most, largest(row));
    digits_.assign((mpz_sizeinbase(most.get_mpz_t(), 2) + 1) / kBits + 1,
                   std::vector<std::int32_t>(rows.size() * cols_));
    const mpz_class half = mpz_class(1) << (kBits - 1);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t k = 0; k < cols_; ++k) {
        mpz_class rest = rows[i][k] + half;
        for (auto& digit : digits_) {
          const unsigned long low = mpz_fdiv_ui(rest.get_mpz_t(), 1UL << kBits);
          digit[i * cols_ + k] = static_cast<std::int32_t>(static_cast<long>(low) - half.get_si());
          rest = (rest >> kBits) + half;
        }
        if (rest != half) throw std::logic_error("a number of more digits");
      }
    }
  }
  // <row i, row j>, from the highest digits down.
  template <class Sum>
  Sum product(std::size_t i, std::size_t j) const {
    constexpr std::size_t kChunk = 4096;  // of products of at most 2^50
    Sum sum = 0;
    for (std::size_t s = 2 * digits_.size() - 1; s-- > 0;) {
      Int128 part = 0;
      for (std::size_t p = s < digits_.size() ? 0 : s - digits_.size() + 1; p <= std::min(s, digits_.size() - 1); ++p) {
        for (std::size_t k = 0; k < cols_; k += kChunk)
          part += dot(&digits_[p][i * cols_ + k], &digits_[s - p][j * cols_ + k], std::min(kChunk, cols_ - k));
      }
      sum *= long{1} << kBits;
      add_to(sum, part);
    }
    return sum;
  }

 private:
  static void add_to(Int128& sum, Int128 part) { sum += part; }
  static void add_to(mpz_class& sum, Int128 part) { sum += to_big(part); }
  static constexpr unsigned kBits = 26;
  std::size_t cols_;
  std::vector<std::vector<std::int32_t>> digits_;  // by digit: rows one after the other
};

// Of exact integers of any size; of 64-bit ones whose sums stay within 128 bits; of 32-bit ones whose sums stay
// within 64.
struct Large {
  using Entry = mpz_class;
  using Sum = mpz_class;
  static Sum sum(const mpz_class& v) { return v; }
  static Sum dot(const Entry* a, const Entry* b, std::size_t n) {
    Sum s = 0;
    for (std::size_t k = 0; k < n; ++k) mpz_addmul(s.get_mpz_t(), a[k].get_mpz_t(), b[k].get_mpz_t());
    return s;
  }
  static Sum floor_root(const Sum& s) { return sqrt(s); }
  static Sum floor_quotient(const Sum& a, const Entry& b) { return floor_div(a, b); }
  static bool fits(const Sum&) { return true; }
  static Entry narrow(const Sum& s) { return s; }
};

struct Small {
  using Entry = std::int64_t;
  using Sum = Int128;
  static Sum sum(const mpz_class& v) { return to_128(v); }
  static Sum dot(const Entry* a, const Entry* b, std::size_t n) {
    Sum s = 0;
    for (std::size_t k = 0; k < n; ++k) s += static_cast<Sum>(a[k]) * b[k];
    return s;
  }
  static Sum floor_root(Sum s) { return static_cast<Sum>(mpz_class(sqrt(to_big(s))).get_ui()); }
  static Sum floor_quotient(Sum a, Entry b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
  static bool fits(Sum s) { return s < (Sum{1} << 62) && s > -(Sum{1} << 62); }
  static Entry narrow(Sum s) { return static_cast<Entry>(s); }
};

struct Tiny {
  using Entry = std::int32_t;
  using Sum = std::int64_t;
  static Sum dot(const Entry* a, const Entry* b, std::size_t n) { return widecheck::dot(a, b, n); }
  static Sum floor_root(Sum s) { return mpz_class(sqrt(mpz_class(static_cast<long>(s)))).get_si(); }
  static Sum floor_quotient(Sum a, Entry b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
  static bool fits(Sum s) { return s < (Sum{1} << 31) && s > -(Sum{1} << 31); }
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
      const Sum products = A::dot(&l[row], &l[other], j);
      const Sum quotient = A::floor_quotient(m[row + j] - products, l[other + j]);
      if (!A::fits(quotient)) return false;
      l[row + j] = A::narrow(quotient);
      const Sum square = A::dot(&l[row + j], &l[row + j], 1);
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

// The lower half of A A^T, row by row, from product(i, j); t may be added to what is on the diagonal.
template <class Sum, class Product>
std::vector<Sum> gram(std::size_t n, const Product& product) {
  std::vector<Sum> m(n * (n + 1) / 2);
  in_parallel(n, [&]() -> Task {
    return [&](std::size_t task) {
      const std::size_t i = n - 1 - task;  // long rows first
      for (std::size_t j = 0; j <= i; ++j) m[i * (i + 1) / 2 + j] = product(i, j);
    };
  });
  return m;
}

// M >= t I (M - t I >= 0), or M <= t I, of M = A A^T.
template <class A>
bool proved_by(std::vector<typename A::Sum> m, std::size_t n, const typename A::Sum& t, bool at_least) {
  using Sum = typename A::Sum;
  if (!at_least)
    for (Sum& v : m) v = -v;
  Sum most = 0;
  for (std::size_t i = 0; i < n; ++i) {
    Sum& d = m[i * (i + 1) / 2 + i];
    if (!at_least) d += t;  // t I - A A^T >= 0
    if (d <= 0) return false;
    if (d > most) most = d;
  }
  Sum shift = A::floor_root(most) + 1;
  shift *= static_cast<long>(n + 1);
  if (at_least) shift += t;
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
  const Digits digits(rows_);
  const auto by = [&]<class A>(A) {
    using Sum = typename A::Sum;
    const auto product = [&](std::size_t i, std::size_t j) { return digits.product<Sum>(i, j); };
    return proved_by<A>(gram<Sum>(rows_.size(), product), rows_.size(), A::sum(t), at_least);
  };
  return small(t) ? by(Small()) : by(Large());
}

// A = 2^s B + R with 0 <= R < 2^s: ||A|| <= 2^s (||B|| + sqrt(rows cols)). B is so coarse that t / 4^s has 60 bits.
bool IntegerRows::coarse_at_most(const mpz_class& t, Budget& budget) const {
  const std::size_t n = rows(), bits = mpz_sizeinbase(t.get_mpz_t(), 2);
  const std::size_t s = bits > 60 ? (bits - 59) / 2 : 0;
  const mpz_class entries = mpz_class(static_cast<unsigned long>(n)) * static_cast<unsigned long>(cols_);
  const mpz_class most = floor_div(sqrt(t), mpz_class(1) << s) - sqrt(entries) - 1;
  if (n == 0 || most <= 0 || largest_ >> s > most) return false;
  budget.spend(Products(n) * n * (cols_ + Products(n) / 3) / 4 + Products(60) * n * cols_);
  const std::int64_t bound = mpz_class(most * most).get_si();
  std::vector<std::int32_t> b;
  for (const auto& row : rows_) {
    Int128 squares = 0;  // no sum of products of rows is larger than the largest of these
    for (const mpz_class& v : row) {
      b.push_back(static_cast<std::int32_t>(floor_div(v, mpz_class(1) << s).get_si()));
      squares += std::int64_t{b.back()} * b.back();
    }
    if (squares > bound) return false;
  }
  const auto product = [&](std::size_t i, std::size_t j) { return dot(&b[i * cols_], &b[j * cols_], cols_); };
  return proved_by<Tiny>(gram<std::int64_t>(n, product), n, bound, false);
}

bool IntegerRows::gram_at_least(const mpz_class& t, Budget& budget) const { return proved(t, true, budget); }
bool IntegerRows::gram_at_most(const mpz_class& t, Budget& budget) const {
  return coarse_at_most(t, budget) || proved(t, false, budget);
}

}  // namespace widecheck
