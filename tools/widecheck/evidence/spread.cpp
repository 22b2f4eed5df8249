#include "evidence/spread.h"

#include <algorithm>
#include "evidence/singular.h"

#include "kernel/integers.h"

namespace widecheck {
namespace {

// Fraction-free elimination: the pivots are the leading principal minors (Sylvester).
bool positive_definite(std::vector<std::vector<mpz_class>> a, Budget& budget) {
  const std::size_t n = a.size();
  mpz_class before = 1;
  for (std::size_t k = 0; k < n; ++k) {
    if (a[k][k] <= 0) return false;
    Products words = 0;
    for (std::size_t i = k; i < n; ++i) words = std::max(words, Products::words(largest(a[i])));
    budget.spend((200 + 6 * words * words) * (n - k) * (n - k));
    for (std::size_t i = k + 1; i < n; ++i) {
      for (std::size_t j = k + 1; j < n; ++j) {
        const mpz_class v = a[k][k] * a[i][j] - a[i][k] * a[k][j];
        mpz_divexact(a[i][j].get_mpz_t(), v.get_mpz_t(), before.get_mpz_t());
      }
    }
    before = a[k][k];
  }
  return true;
}

bool equal(const mpz_class& a, const Tensor& of_a, const mpz_class& b, const Tensor& of_b, Budget& budget) {
  budget.spend(50 + Products::words(a) * Products::words(of_b.divisor) +
               Products::words(b) * Products::words(of_a.divisor));
  return a * of_b.divisor == b * of_a.divisor;
}

}  // namespace

bool rows_spread(const Tensor& y, const mpq_class& t, bool centred, Budget& budget) {
  const std::size_t n = y.rows.size(), size = centred ? n - 1 : n, m = n == 0 ? 0 : y.rows[0].size();
  require_size(size, size);
  // On e_i - e_N, which span the vectors orthogonal to the ones.
  const auto entry = [&](std::size_t i, std::size_t j) {
    return centred ? mpz_class(y.rows[i][j] - y.rows[n - 1][j]) : y.rows[i][j];
  };
  const mpz_class off = t.get_num() * y.divisor * y.divisor;
  std::vector<std::vector<mpz_class>> gram(size, std::vector<mpz_class>(size));
  for (std::size_t i = 0; i < size; ++i) {
    const Products words = Products::words(largest(y.rows[i])) + Products::words(t.get_den()) + 2;
    budget.spend((200 + 4 * words * words) * m * size);
    for (std::size_t k = 0; k < size; ++k) {
      mpz_class sum = 0;
      for (std::size_t j = 0; j < m; ++j) sum += entry(i, j) * entry(k, j);
      gram[i][k] = sum * t.get_den() - off * ((centred ? 1 : 0) + (i == k ? 1 : 0));
    }
  }
  return positive_definite(std::move(gram), budget);
}

bool rows_equal(const Tensor& a, std::size_t j, const Tensor& b, std::size_t k, Budget& budget) {
  if (a.rows[j].size() != b.rows[k].size()) return false;
  for (std::size_t r = 0; r < a.rows[j].size(); ++r)
    if (!equal(a.rows[j][r], a, b.rows[k][r], b, budget)) return false;
  return true;
}

bool entries_equal(const Tensor& a, std::size_t j, const Tensor& b, std::size_t k, Budget& budget) {
  return equal(a.rows[0][j], a, b.rows[0][k], b, budget);
}

bool rows_renamed(const Tensor& a, const Tensor& b, const std::vector<std::size_t>& p, Budget& budget) {
  if (a.rows.size() != p.size() || b.rows.size() != p.size()) return false;
  for (std::size_t j = 0; j < p.size(); ++j)
    if (!rows_equal(b, j, a, p[j], budget)) return false;
  return true;
}

bool columns_renamed(const Tensor& a, const Tensor& b, const std::vector<std::size_t>& p, Budget& budget) {
  if (a.rows.size() != b.rows.size()) return false;
  for (std::size_t t = 0; t < a.rows.size(); ++t) {
    if (a.rows[t].size() != p.size() || b.rows[t].size() != p.size()) return false;
    for (std::size_t j = 0; j < p.size(); ++j)
      if (!equal(b.rows[t][j], b, a.rows[t][p[j]], a, budget)) return false;
  }
  return true;
}

mpq_class cone_bound(const std::vector<mpz_class>& x, const std::vector<mpq_class>& y, int sign_1, int sign_2,
                     const std::vector<mpq_class>& l, Budget& budget) {
  const std::size_t n = x.size();
  std::vector<mpq_class> combined(n, 0);  // A^T l
  const auto add = [&](std::size_t i, const mpq_class& v) {
    combined[i] += v;
    const Products words = Products::words(combined[i].get_num()) + Products::words(combined[i].get_den());
    budget.spend(2000 + 20 * words * words);
  };
  for (std::size_t k = 0; k < l.size(); ++k) {
    if (k < n - 1) {
      const mpq_class step = l[k] * sign_1;
      add(k, -step);
      add(k + 1, step);
    } else {
      const std::size_t i = k - (n - 1);
      const mpq_class left = l[k] * sign_2 / mpq_class(x[i + 1] - x[i]),
                      right = l[k] * sign_2 / mpq_class(x[i + 2] - x[i + 1]);
      add(i, left);
      add(i + 1, -left - right);
      add(i + 2, right);
    }
  }
  mpq_class bound = 0;
  for (std::size_t i = 0; i < n; ++i) {
    bound -= combined[i] * y[i] + combined[i] * combined[i] / 2;
    const Products words = Products::words(bound.get_num()) + Products::words(bound.get_den());
    budget.spend(2000 + 20 * words * words);
  }
  return bound;
}

}  // namespace widecheck
