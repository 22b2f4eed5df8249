#include <widecert/linalg/ball_singular_bounds.h>
#include <widecert/number/error.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <cmath>

namespace widecert {
namespace {

class BallMatrix {
 public:
  BallMatrix(Eigen::Index rows, Eigen::Index cols) { arb_mat_init(m_, rows, cols); }
  ~BallMatrix() { arb_mat_clear(m_); }
  BallMatrix(const BallMatrix&) = delete;
  BallMatrix& operator=(const BallMatrix&) = delete;
  arb_mat_struct* get() { return m_; }

  // At least the Frobenius norm of every matrix of the balls.
  Ball norm() {
    mag_t bound;
    mag_init(bound);
    arb_mat_bound_frobenius_norm(bound, m_);
    Ball result;
    arf_set_mag(arb_midref(result.data()), bound);
    mag_clear(bound);
    return result;
  }

 private:
  arb_mat_t m_;
};

// c = a b, in bands of rows with poll() between them.
void multiply(arb_mat_struct* c, arb_mat_struct* a, arb_mat_struct* b, long bits) {
  constexpr double kMostProducts = 2e7;  // of 64-bit words
  const double words = static_cast<double>(bits) / 64 + 1;
  const double of_row = static_cast<double>(arb_mat_ncols(a)) * static_cast<double>(arb_mat_ncols(b)) * words * words;
  const slong band = std::max<slong>(16, static_cast<slong>(kMostProducts / of_row)), rows = arb_mat_nrows(a);
  for (slong from = 0; from < rows; from += band) {
    poll();
    const slong end = std::min(rows, from + band);
    arb_mat_t part_c, part_a;
    arb_mat_window_init(part_c, c, from, 0, end, arb_mat_ncols(c));
    arb_mat_window_init(part_a, a, from, 0, end, arb_mat_ncols(a));
    arb_mat_mul(part_c, part_a, b, bits);
    arb_mat_window_clear(part_c);
    arb_mat_window_clear(part_a);
  }
}

// About the inverse of a square matrix, of which nothing is claimed; false if none was found.
bool approximate_inverse(arb_mat_struct* inverse, arb_mat_struct* a, long bits) {
  const slong m = arb_mat_nrows(a);
  BallMatrix lu(m, m);
  std::vector<slong> places(static_cast<std::size_t>(m));
  if (arb_mat_approx_lu(places.data(), lu.get(), a, bits) == 0) return false;
  constexpr slong kBand = 32;
  for (slong from = 0; from < m; from += kBand) {
    poll();
    const slong end = std::min(m, from + kBand);
    BallMatrix right(m, end - from), solution(m, end - from);
    for (slong j = from; j < end; ++j) arb_one(arb_mat_entry(right.get(), j, j - from));
    arb_mat_approx_solve_lu_precomp(solution.get(), places.data(), lu.get(), right.get(), bits);
    for (slong i = 0; i < m; ++i)
      for (slong j = from; j < end; ++j)
        arb_swap(arb_mat_entry(inverse, i, j), arb_mat_entry(solution.get(), i, j - from));
  }
  return true;
}

// y = M x, or M^T x, of midpoints; nothing is claimed of it.
std::vector<Ball> apply(arb_mat_struct* m, const std::vector<Ball>& x, bool transposed) {
  const auto size = static_cast<slong>(x.size());
  std::vector<Ball> y(x.size());
  for (slong i = 0; i < size; ++i) {
    poll();
    for (slong j = 0; j < size; ++j) {
      const Ball& factor = x[static_cast<std::size_t>(j)];
      arb_addmul(y[static_cast<std::size_t>(i)].data(), transposed ? arb_mat_entry(m, j, i) : arb_mat_entry(m, i, j),
                 factor.data(), PrecisionScope::current());
    }
    arb_get_mid_arb(y[static_cast<std::size_t>(i)].data(), y[static_cast<std::size_t>(i)].data());
  }
  return y;
}

// A vector v for which |v^T A| is about as small as it can be, from an approximate inverse of A (square) or A A^T.
std::vector<Integer> small_vector(arb_mat_struct* inverse, bool square, Eigen::Index m) {
  std::vector<Ball> v(static_cast<std::size_t>(m), Ball(1));
  for (int step = 0; step < (m <= 200 ? 30 : 6); ++step) {
    if (square) v = apply(inverse, v, false);
    v = apply(inverse, v, square);
    // To about 1: a power of two.
    arf_t most;
    arf_init(most);
    fmpz_t exponent;
    fmpz_init(exponent);
    for (const Ball& x : v) {
      if (arf_cmpabs(arb_midref(x.data()), most) > 0) arf_set(most, arb_midref(x.data()));
    }
    arf_abs_bound_lt_2exp_fmpz(exponent, most);
    fmpz_neg(exponent, exponent);
    if (!arf_is_zero(most))
      for (Ball& x : v) arb_mul_2exp_fmpz(x.data(), x.data(), exponent);
    fmpz_clear(exponent);
    arf_clear(most);
  }
  std::vector<Integer> out;
  const long bits = std::min<long>(PrecisionScope::current(), 4000);
  fmpz_t entry;
  fmpz_init(entry);
  for (Ball& x : v) {
    arb_mul_2exp_si(x.data(), x.data(), bits);
    arf_get_fmpz(entry, arb_midref(x.data()), ARF_RND_NEAR);
    Integer& integer = out.emplace_back();
    fmpz_get_mpz(integer.backend().data(), entry);
  }
  fmpz_clear(entry);
  return out;
}

// A vector v for which |v^T A| is about as large as it can be, from A (square) or A A^T.
std::vector<double> large_vector(arb_mat_struct* matrix, bool square, Eigen::Index m) {
  std::vector<Ball> v(static_cast<std::size_t>(m), Ball(1));
  std::vector<double> out(v.size(), 1);
  for (int step = 0; step < 8; ++step) {
    if (square) v = apply(matrix, v, true);
    v = apply(matrix, v, false);
    double most = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      out[i] = arf_get_d(arb_midref(v[i].data()), ARF_RND_NEAR);
      most = std::max(most, std::abs(out[i]));
    }
    if (!(most > 0) || !std::isfinite(most)) return std::vector<double>(v.size(), 1);
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = Ball::exactly(out[i] /= most);
  }
  return out;
}

// |v^T A| / |v|.
Ball quotient(const Matrix<Ball>& a, const std::vector<Ball>& scaled) {
  Ball norm(0), square(0);
  for (const Ball& ball : scaled) norm += ball * ball;
  for (Eigen::Index j = 0; j < a.cols(); ++j) {
    poll();
    Ball sum(0);
    for (Eigen::Index i = 0; i < a.rows(); ++i) sum += scaled[static_cast<std::size_t>(i)] * a(i, j);
    square += sum * sum;
  }
  return sqrt(square / norm);
}

// At least ||R||: the Frobenius norm of S = R R^T squared j times is at most sqrt(m) ||S||^(2^j).
Ball norm_by_powers(arb_mat_struct* r, double width, long bits) {
  const slong m = arb_mat_nrows(r);
  BallMatrix power(m, m), other(m, m);
  arb_mat_transpose(other.get(), r);
  multiply(power.get(), r, other.get(), bits);
  int squarings = 0;
  while (std::ldexp(width, squarings) < std::log(static_cast<double>(m) + 1) && squarings < 30) {
    ++squarings;
    arb_mat_swap(power.get(), other.get());
    multiply(power.get(), other.get(), other.get(), bits);
  }
  Ball norm = power.norm();
  for (int k = 0; k <= squarings; ++k) norm = sqrt(norm);
  return norm;
}

}  // namespace

BallBound ball_singular_bound(const Matrix<Ball>& a, double width, bool insist) {
  if (a.rows() == 0 || a.rows() > a.cols()) throw ShapeError("a matrix with more rows than columns");
  const Eigen::Index m = a.rows(), n = a.cols();
  const long bits = PrecisionScope::current();
  BallMatrix given(m, n), square(m, m), inverse(m, m), residual(m, m);
  for (Eigen::Index i = 0; i < m; ++i)
    for (Eigen::Index j = 0; j < n; ++j) arb_set(arb_mat_entry(given.get(), i, j), a(i, j).data());
  if (m == n) {
    arb_mat_set(square.get(), given.get());
  } else {
    BallMatrix other(n, m);
    arb_mat_transpose(other.get(), given.get());
    multiply(square.get(), given.get(), other.get(), bits);
  }
  BallBound result;
  result.largest_high = given.norm();
  result.largest_vector = large_vector(square.get(), m == n, m);
  std::vector<Ball> large;
  for (double x : result.largest_vector) large.push_back(Ball::exactly(x));
  result.largest_low = quotient(a, large);
  if (!approximate_inverse(inverse.get(), square.get(), bits)) return result;
  arb_mat_get_mid(inverse.get(), inverse.get());
  multiply(residual.get(), inverse.get(), square.get(), bits);
  for (Eigen::Index i = 0; i < m; ++i) {
    arb_ptr d = arb_mat_entry(residual.get(), i, i);
    arb_sub_ui(d, d, 1, bits);
  }
  const Ball left = Ball(1) - residual.norm();
  if (!left.finite() || !certainly_positive(left)) return result;
  const double size = static_cast<double>(m), words = static_cast<double>(bits) / 64;
  Ball norm = inverse.norm();
  if (width > 0 && (insist || size * size * size * words * words < 1e8)) {
    const Ball sharper = norm_by_powers(inverse.get(), width, bits);
    if (sharper.finite() && certainly_positive(norm - sharper)) norm = sharper;
  }
  Ball bound = left / norm;
  if (m != n) bound = sqrt(bound);
  if (!bound.finite() || !certainly_positive(bound)) return result;
  result.full_rank = true;
  result.smallest_low = std::move(bound);
  result.vector = small_vector(inverse.get(), m == n, m);
  std::vector<Ball> small;
  for (const Integer& x : result.vector) small.push_back(Ball::enclosing(Rational(x)));
  result.smallest_high = quotient(a, small);
  return result;
}

}  // namespace widecert
