#include <flint/fmpq_mat.h>
#include <widecert/linalg/fmpz.h>
#include <widecert/linalg/left_kernel.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/linalg/nmod.h>
#include <widecert/number/stop.h>

namespace widecert {
namespace {

struct Fmpq {
  fmpq_mat_t m;
  Fmpq(std::size_t rows, std::size_t cols) { fmpq_mat_init(m, static_cast<slong>(rows), static_cast<slong>(cols)); }
  ~Fmpq() { fmpq_mat_clear(m); }
  Fmpq(const Fmpq&) = delete;
  Fmpq& operator=(const Fmpq&) = delete;
};

bool annihilates(const std::vector<Integer>& v, const IntegerRows& a) {
  for (std::size_t j = 0; j < a.front().size(); ++j) {
    poll();
    Integer sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (v[i] != 0) sum += v[i] * a[i][j];
    if (sum != 0) return false;
  }
  return true;
}

// Which rows of A are independent modulo p (from the echelon form of A^T), and which columns make them a nonsingular
// block (from that of these rows).
LeftKernel block_modulo(const IntegerRows& a, std::uint64_t p) {
  const std::size_t rows = a.size(), cols = a.front().size();
  LeftKernel found;
  found.prime = p;
  const auto residue = [&](std::size_t i, std::size_t j) { return mpz_fdiv_ui(a[i][j].backend().data(), p); };
  Nmod transposed(cols, rows, p);
  for (std::size_t i = 0; i < rows; ++i) {
    poll();
    for (std::size_t j = 0; j < cols; ++j) {
      transposed.at(j, i) = residue(i, j);
    }
  }
  found.rows = transposed.reduce();
  poll();
  Nmod block(found.rows.size(), cols, p);
  for (std::size_t r = 0; r < found.rows.size(); ++r) {
    for (std::size_t j = 0; j < cols; ++j) {
      block.at(r, j) = residue(found.rows[r], j);
    }
  }
  found.columns = block.reduce();
  return found;
}

// For each of these rows the combination of the block's rows that it is, as a vector v with v A = 0. False if some is
// none.
bool lift(const IntegerRows& a, const std::vector<std::size_t>& dependent, LeftKernel& found) {
  const std::size_t rank = found.rows.size();
  // x A[rows, columns] = A[dependent, columns].
  Fmpz left(rank, rank), right(rank, dependent.size());
  Fmpq x(rank, dependent.size());
  for (std::size_t c = 0; c < rank; ++c) {
    for (std::size_t r = 0; r < rank; ++r) {
      left.set(c, r, a[found.rows[r]][found.columns[c]]);
    }
    for (std::size_t k = 0; k < dependent.size(); ++k) {
      right.set(c, k, a[dependent[k]][found.columns[c]]);
    }
  }
  if (rank != 0 && fmpq_mat_solve_fmpz_mat(x.m, left.m, right.m) == 0) return false;
  for (std::size_t k = 0; k < dependent.size(); ++k) {
    poll();
    std::vector<Rational> solution(rank);
    Integer common = 1;
    for (std::size_t r = 0; r < rank; ++r) {
      fmpq_get_mpq(solution[r].backend().data(), fmpq_mat_entry(x.m, static_cast<slong>(r), static_cast<slong>(k)));
      common = lcm(common, Integer(denominator(solution[r])));
    }
    std::vector<Integer> v(a.size(), 0);
    for (std::size_t r = 0; r < rank; ++r) v[found.rows[r]] = numerator(Rational(solution[r] * common));
    v[dependent[k]] = rank == 0 ? Integer(1) : Integer(-common);
    if (!annihilates(v, a)) return false;
    found.basis.push_back(std::move(v));
  }
  return true;
}

std::vector<std::size_t> others(std::size_t rows, const std::vector<std::size_t>& chosen) {
  std::vector<std::size_t> rest;
  auto next = chosen.begin();
  for (std::size_t i = 0; i < rows; ++i) {
    if (next != chosen.end() && *next == i) {
      ++next;
    } else {
      rest.push_back(i);
    }
  }
  return rest;
}

constexpr std::uint64_t kLargePrime = 2305843009213693951;

}  // namespace

std::optional<LeftKernel> left_kernel(const IntegerRows& a, std::size_t most) {
  if (a.empty()) return LeftKernel{};
  // The small one first: the checker's own elimination takes it.
  for (const std::uint64_t p : {kRankPrime, kLargePrime}) {
    LeftKernel found = block_modulo(a, p);
    const auto dependent = others(a.size(), found.rows);
    if (dependent.size() > most || lift(a, dependent, found)) return found;
  }
  return std::nullopt;
}

std::optional<std::vector<Integer>> left_kernel_vector(const IntegerRows& a) {
  if (a.empty()) return std::nullopt;
  for (const std::uint64_t p : {kLargePrime, kRankPrime}) {
    LeftKernel found = block_modulo(a, p);
    const auto dependent = others(a.size(), found.rows);
    if (dependent.empty()) return std::nullopt;
    if (lift(a, {dependent.front()}, found)) return std::move(found.basis.front());
  }
  return std::nullopt;
}

}  // namespace widecert
