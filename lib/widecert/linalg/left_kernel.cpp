#include <flint/fmpq_mat.h>
#include <flint/fmpz_mat.h>
#include <flint/nmod_mat.h>
#include <widecert/linalg/left_kernel.h>

namespace widecert {
namespace {

struct Nmod {
  nmod_mat_t m;
  Nmod(std::size_t rows, std::size_t cols, std::uint64_t p) {
    nmod_mat_init(m, static_cast<slong>(rows), static_cast<slong>(cols), p);
  }
  ~Nmod() { nmod_mat_clear(m); }
  Nmod(const Nmod&) = delete;
  Nmod& operator=(const Nmod&) = delete;
};

struct Fmpz {
  fmpz_mat_t m;
  Fmpz(std::size_t rows, std::size_t cols) {
    fmpz_mat_init(m, static_cast<slong>(rows), static_cast<slong>(cols));
  }
  ~Fmpz() { fmpz_mat_clear(m); }
  Fmpz(const Fmpz&) = delete;
  Fmpz& operator=(const Fmpz&) = delete;
};

struct Fmpq {
  fmpq_mat_t m;
  Fmpq(std::size_t rows, std::size_t cols) {
    fmpq_mat_init(m, static_cast<slong>(rows), static_cast<slong>(cols));
  }
  ~Fmpq() { fmpq_mat_clear(m); }
  Fmpq(const Fmpq&) = delete;
  Fmpq& operator=(const Fmpq&) = delete;
};

// Pivot columns of a matrix in reduced row echelon form, in order.
std::vector<std::size_t> pivots(const nmod_mat_t m, slong rank) {
  std::vector<std::size_t> columns;
  slong c = 0;
  for (slong r = 0; r < rank; ++r) {
    while (nmod_mat_entry(m, r, c) == 0) ++c;
    columns.push_back(static_cast<std::size_t>(c));
  }
  return columns;
}

bool annihilates(const std::vector<Integer>& v, const std::vector<std::vector<Integer>>& a) {
  for (std::size_t j = 0; j < a.front().size(); ++j) {
    Integer sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
      if (v[i] != 0) sum += v[i] * a[i][j];
    if (sum != 0) return false;
  }
  return true;
}

}  // namespace

std::optional<std::vector<Integer>> left_kernel_vector(const std::vector<std::vector<Integer>>& a) {
  const std::size_t rows = a.size(), cols = a.empty() ? 0 : a.front().size();
  if (rows == 0) return std::nullopt;
  const auto put = [](fmpz_t to, const Integer& v) { fmpz_set_mpz(to, v.backend().data()); };
  for (const std::uint64_t p : {std::uint64_t{2305843009213693951}, std::uint64_t{2147483647}}) {
    // The echelon form of A^T shows which rows of A are independent modulo p, that of these rows
    // which columns make them a nonsingular block.
    Nmod transposed(cols, rows, p);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < cols; ++j) {
        nmod_mat_entry(transposed.m, static_cast<slong>(j), static_cast<slong>(i)) =
            mpz_fdiv_ui(a[i][j].backend().data(), p);
      }
    }
    const slong rank = nmod_mat_rref(transposed.m);
    if (static_cast<std::size_t>(rank) == rows) return std::nullopt;
    const auto basis = pivots(transposed.m, rank);
    std::size_t dependent = 0;
    while (dependent < basis.size() && basis[dependent] == dependent) ++dependent;
    std::vector<Integer> v(rows, 0);
    if (rank == 0) {
      v[dependent] = 1;
    } else {
      Nmod block(basis.size(), cols, p);
      for (std::size_t r = 0; r < basis.size(); ++r) {
        for (std::size_t j = 0; j < cols; ++j) {
          nmod_mat_entry(block.m, static_cast<slong>(r), static_cast<slong>(j)) =
              mpz_fdiv_ui(a[basis[r]][j].backend().data(), p);
        }
      }
      nmod_mat_rref(block.m);
      const auto columns = pivots(block.m, rank);
      // x A[basis, columns] = A[dependent, columns].
      Fmpz left(basis.size(), basis.size()), right(basis.size(), 1);
      for (std::size_t c = 0; c < columns.size(); ++c) {
        for (std::size_t r = 0; r < basis.size(); ++r) {
          put(fmpz_mat_entry(left.m, static_cast<slong>(c), static_cast<slong>(r)),
              a[basis[r]][columns[c]]);
        }
        put(fmpz_mat_entry(right.m, static_cast<slong>(c), 0), a[dependent][columns[c]]);
      }
      Fmpq x(basis.size(), 1);
      if (fmpq_mat_solve_fmpz_mat(x.m, left.m, right.m) == 0) continue;
      std::vector<Rational> solution(basis.size());
      Integer common = 1;
      for (std::size_t r = 0; r < basis.size(); ++r) {
        fmpq_get_mpq(solution[r].backend().data(), fmpq_mat_entry(x.m, static_cast<slong>(r), 0));
        common = lcm(common, Integer(denominator(solution[r])));
      }
      for (std::size_t r = 0; r < basis.size(); ++r) {
        v[basis[r]] = numerator(Rational(solution[r] * common));
      }
      v[dependent] = -common;
    }
    if (annihilates(v, a)) return v;
  }
  return std::nullopt;
}

}  // namespace widecert
