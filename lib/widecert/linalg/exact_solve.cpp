#include <cblas.h>
#include <flint/fmpq.h>
#include <flint/ulong_extras.h>
#include <widecert/linalg/exact_solve.h>
#include <widecert/linalg/fmpz.h>
#include <widecert/linalg/nmod.h>
#include <widecert/linalg/prime_elimination.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>

#include <algorithm>
#include <cmath>

namespace widecert {
namespace {

constexpr std::uint64_t kLargePrime = 2305843009213693951;
constexpr int kEntryBits = 28, kHalfBits = 14;
constexpr std::size_t kLeastRows = 64, kMostRows = 8192;  // for lifting by BLAS

using Tick = std::function<void(std::size_t, std::size_t)>;

// N independent columns, or fewer where there are not so many.
std::vector<std::size_t> independent_columns(const IntegerRows& a) {
  Nmod residues(a.size(), a.front().size(), kLargePrime);
  for (std::size_t i = 0; i < a.size(); ++i) {
    poll();
    for (std::size_t j = 0; j < a[i].size(); ++j)
      residues.at(i, j) = mpz_fdiv_ui(a[i][j].backend().data(), kLargePrime);
  }
  return residues.reduce();
}

bool below_bits(const IntegerRows& rows, int bits) {
  const Integer limit = Integer(1) << bits;
  for (const auto& row : rows)
    for (const Integer& v : row)
      if (abs(v) >= limit) return false;
  return true;
}

// ---- by FLINT ----

struct FmpzNumber {
  fmpz_t v;
  FmpzNumber() { fmpz_init(v); }
  ~FmpzNumber() { fmpz_clear(v); }
  FmpzNumber(const FmpzNumber&) = delete;
  FmpzNumber& operator=(const FmpzNumber&) = delete;
};

Integer to_integer(const fmpz_t v) {
  Integer out;
  fmpz_get_mpz(out.backend().data(), v);
  return out;
}

std::optional<ExactSolution> by_flint(const IntegerRows& a, const IntegerRows& b,
                                      const std::vector<std::size_t>& columns) {
  const std::size_t n = a.size(), m = b.front().size();
  Fmpz left(n, n), right(n, m), x(n, m);
  FmpzNumber divisor;
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) left.set(i, j, a[i][columns[j]]);
    for (std::size_t j = 0; j < m; ++j) right.set(i, j, b[i][j]);
  }
  poll();
  if (fmpz_mat_solve(x.m, divisor.v, left.m, right.m) == 0) return std::nullopt;
  ExactSolution solution{IntegerRows(a.front().size(), std::vector<Integer>(m)), to_integer(divisor.v)};
  Integer common = solution.divisor;
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t k = 0; k < m; ++k) {
      solution.numerators[columns[j]][k] = to_integer(x.at(j, k));
      common = gcd(common, solution.numerators[columns[j]][k]);
    }
  }
  if (solution.divisor < 0) common = -abs(common);
  solution.divisor /= common;
  for (auto& row : solution.numerators)
    for (Integer& v : row) v /= common;
  return solution;
}

// ---- by BLAS ----

// The representative of v modulo p of the least size.
double centred(std::int64_t v, std::int64_t p) {
  std::int64_t r = v % p;
  if (r > p / 2) r -= p;
  if (r < -(p / 2)) r += p;
  return static_cast<double>(r);
}

class Lifting {
 public:
  // The columns make A nonsingular modulo the large prime; entries are below 2^kEntryBits, of B below 2^60.
  Lifting(const IntegerRows& a, const IntegerRows& b, const std::vector<std::size_t>& columns)
      : n_(a.size()), m_(b.front().size()), high_(n_ * n_), low_(n_ * n_), rest_(n_ * m_) {
    for (std::size_t i = 0; i < n_; ++i) {
      double square = 0;
      for (std::size_t j = 0; j < n_; ++j) {
        const auto v = a[i][columns[j]].convert_to<std::int64_t>();
        const std::int64_t low = v & ((1 << kHalfBits) - 1);
        low_[i * n_ + j] = static_cast<double>(low);
        high_[i * n_ + j] = static_cast<double>((v - low) >> kHalfBits);
        square += static_cast<double>(v) * static_cast<double>(v);
      }
      bits_ += std::log2(square + 1) / 2;
      for (std::size_t k = 0; k < m_; ++k) rest_[i * m_ + k] = b[i][k].convert_to<std::int64_t>();
    }
  }

  // False if no prime was found modulo which the matrix is nonsingular.
  bool invert(const Tick& tick) {
    std::uint64_t p = std::uint64_t{1} << 20;
    for (int attempt = 0; attempt < 4; ++attempt) {
      do --p;
      while (n_is_prime(p) == 0);
      PrimeSystem system(n_, n_, n_, p);
      std::vector<std::uint32_t> row(n_), unit(n_);
      for (std::size_t i = 0; i < n_; ++i) {
        for (std::size_t j = 0; j < n_; ++j) {
          const auto v = static_cast<std::int64_t>(high_[i * n_ + j]) * (1 << kHalfBits) +
                         static_cast<std::int64_t>(low_[i * n_ + j]);
          const std::int64_t r = v % static_cast<std::int64_t>(p);
          row[j] = static_cast<std::uint32_t>(r < 0 ? r + static_cast<std::int64_t>(p) : r);
        }
        system.set(i, 0, row);
        unit[i] = 1;
        system.set_rhs(i, unit);
        unit[i] = 0;
      }
      const auto found = system.solve([&](std::size_t, std::size_t) { tick(0, estimate()); });
      if (!found.solution) continue;
      prime_ = static_cast<std::int64_t>(p);
      inverse_.resize(n_ * n_);
      for (std::size_t k = 0; k < inverse_.size(); ++k) inverse_[k] = centred((*found.solution)[k], prime_);
      return true;
    }
    return false;
  }

  // One digit more of the p-adic expansion of all solutions.
  void lift() {
    std::vector<double> c(n_ * m_), x(n_ * m_), high(n_ * m_), low(n_ * m_);
    for (std::size_t k = 0; k < c.size(); ++k) c[k] = centred(rest_[k], prime_);
    multiply(inverse_, c, x);
    auto& digits = digits_.emplace_back(n_ * m_);
    for (std::size_t k = 0; k < x.size(); ++k) {
      x[k] = centred(static_cast<std::int64_t>(x[k]), prime_);
      digits[k] = static_cast<std::int32_t>(x[k]);
    }
    multiply(high_, x, high);
    multiply(low_, x, low);
    for (std::size_t k = 0; k < x.size(); ++k) {
      const std::int64_t product =
          static_cast<std::int64_t>(high[k]) * (1 << kHalfBits) + static_cast<std::int64_t>(low[k]);
      rest_[k] = (rest_[k] - product) / prime_;  // without remainder
    }
  }

  std::size_t digits() const { return digits_.size(); }
  // By Hadamard's bound, for numerator and denominator.
  std::size_t estimate() const { return static_cast<std::size_t>(2 * bits_ / 19.9) + 4; }

  // The solution modulo p^digits, entry (j, k), between 0 and that.
  Integer value(std::size_t j, std::size_t k) const {
    Integer v = sum(0, digits_.size(), j * m_ + k);
    return v < 0 ? Integer(v + powers_.at(digits_.size())) : v;
  }
  const Integer& modulus() { return power(digits_.size()); }
  // Makes the powers that value() needs.
  void prepare() { prepare(0, digits_.size()); }

 private:
  void multiply(const std::vector<double>& a, const std::vector<double>& x, std::vector<double>& y) const {
    // Bands of rows for the threads: the products are bound by memory.
    const std::size_t bands = std::min<std::size_t>(threads(), n_);
    parallel_for(bands, [&](std::size_t band) {
      const std::size_t from = n_ * band / bands, rows = n_ * (band + 1) / bands - from;
      cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(rows), static_cast<int>(m_),
                  static_cast<int>(n_), 1.0, &a[from * n_], static_cast<int>(n_), x.data(), static_cast<int>(m_), 0.0,
                  &y[from * m_], static_cast<int>(m_));
    });
  }
  const Integer& power(std::size_t e) {
    const auto found = powers_.find(e);
    if (found != powers_.end()) return found->second;
    Integer v = 1;
    if (e == 1) v = prime_;
    if (e > 1) v = power(e / 2) * power(e - e / 2);
    return powers_.emplace(e, std::move(v)).first->second;
  }
  static std::size_t half(std::size_t from, std::size_t to) { return (to - from) / 2; }
  void prepare(std::size_t from, std::size_t to) {
    power(to - from);
    if (to - from <= 1) return;
    power(half(from, to));
    prepare(from, from + half(from, to));
    prepare(from + half(from, to), to);
  }
  Integer sum(std::size_t from, std::size_t to, std::size_t entry) const {
    if (to - from == 1) return digits_[from][entry];
    const std::size_t middle = from + half(from, to);
    return sum(from, middle, entry) + powers_.at(middle - from) * sum(middle, to, entry);
  }

  std::size_t n_, m_;
  std::vector<double> high_, low_, inverse_;  // A = 2^kHalfBits high + low
  std::vector<std::int64_t> rest_;            // of B, over the power of p that is lifted
  std::int64_t prime_ = 0;
  double bits_ = 0;  // of the determinant, by Hadamard
  std::vector<std::vector<std::int32_t>> digits_;
  std::map<std::size_t, Integer> powers_;
};

// v = numerator / denominator modulo M with both far below the root of M, or nothing.
std::optional<Integer> denominator_of(const Integer& v, const Integer& modulus) {
  FmpzNumber residue, m;
  fmpz_set_mpz(residue.v, v.backend().data());
  fmpz_set_mpz(m.v, modulus.backend().data());
  fmpq_t q;
  fmpq_init(q);
  const bool found = fmpq_reconstruct_fmpz(q, residue.v, m.v) != 0;
  const bool sure = found && fmpz_bits(fmpq_numref(q)) + fmpz_bits(fmpq_denref(q)) + 64 < fmpz_bits(m.v);
  const Integer denominator = to_integer(fmpq_denref(q));
  fmpq_clear(q);
  return sure ? std::optional(denominator) : std::nullopt;
}

// All entries over one divisor, from what is lifted; nothing if there are too few digits.
std::optional<ExactSolution> reconstruct(Lifting& lifting, std::size_t n, std::size_t m) {
  const Integer modulus = lifting.modulus();
  lifting.prepare();
  const auto first = denominator_of(lifting.value(0, 0), modulus);
  if (!first) return std::nullopt;
  // The divisor of the first entry is, as a rule, that of all.
  ExactSolution solution{IntegerRows(n, std::vector<Integer>(m)), *first};
  std::mutex guard;
  bool enough = true;
  for (bool again = true; again && enough;) {
    again = false;
    const Integer divisor = solution.divisor, limit = modulus / (abs(divisor) << 64);
    parallel_for(n * m, [&](std::size_t entry) {
      const Integer v = lifting.value(entry / m, entry % m);
      Integer u = divisor * v % modulus;
      if (2 * u > modulus) u -= modulus;
      solution.numerators[entry / m][entry % m] = u;
      if (abs(u) < limit) return;
      const std::lock_guard lock(guard);
      if (again || !enough) return;
      const auto own = denominator_of(u < 0 ? Integer(u + modulus) : u, modulus);
      if (!own) {
        enough = false;
      } else if (*own != 1) {
        solution.divisor *= *own;
        again = true;
      }
    });
  }
  return enough ? std::optional(std::move(solution)) : std::nullopt;
}

std::optional<ExactSolution> by_lifting(const IntegerRows& a, const IntegerRows& b,
                                        const std::vector<std::size_t>& columns, const Tick& tick) {
  Lifting lifting(a, b, columns);
  if (!lifting.invert(tick)) return std::nullopt;
  const std::size_t n = a.size(), m = b.front().size(), most = lifting.estimate() + lifting.estimate() / 4 + 16;
  for (std::size_t next = 8; lifting.digits() < most;) {
    lifting.lift();
    if (lifting.digits() % 16 == 0) tick(lifting.digits(), lifting.estimate());
    if (lifting.digits() < next) continue;
    // Short solutions are found early, long ones at most a fortieth late.
    next = std::max(next + next / 40, std::min(2 * next, lifting.estimate() / 2));
    auto found = reconstruct(lifting, n, m);
    if (!found) continue;
    IntegerRows rows(a.front().size(), std::vector<Integer>(m));
    for (std::size_t j = 0; j < n; ++j) rows[columns[j]] = std::move(found->numerators[j]);
    return ExactSolution{std::move(rows), std::move(found->divisor)};
  }
  return std::nullopt;
}

bool solves(const IntegerRows& a, const IntegerRows& b, const ExactSolution& solution) {
  std::atomic<bool> right{true};
  parallel_for(a.size(), [&](std::size_t i) {
    for (std::size_t k = 0; right && k < b[i].size(); ++k) {
      Integer sum = 0;
      for (std::size_t j = 0; j < a[i].size(); ++j) {
        if (solution.numerators[j][k] != 0 && a[i][j] != 0)
          mpz_addmul(sum.backend().data(), a[i][j].backend().data(), solution.numerators[j][k].backend().data());
      }
      if (sum != solution.divisor * b[i][k]) right = false;
    }
  });
  return right;
}

}  // namespace

std::optional<ExactSolution> solve_exactly(const IntegerRows& a, const IntegerRows& b, const Tick& tick) {
  if (a.empty() || a.size() != b.size() || b.front().empty()) throw ShapeError("a system without equations");
  const std::vector<std::size_t> columns = independent_columns(a);
  if (columns.size() < a.size()) return std::nullopt;
  const bool lift = a.size() >= kLeastRows && a.size() <= kMostRows && below_bits(a, kEntryBits) && below_bits(b, 60);
  auto solution = lift ? by_lifting(a, b, columns, tick) : std::nullopt;
  if (!solution) solution = by_flint(a, b, columns);
  if (!solution || !solves(a, b, *solution)) return std::nullopt;
  return solution;
}

}  // namespace widecert
