#include <widecert/linalg/ball_singular_bounds.h>
#include <widecert/number/error.h>

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

}  // namespace

BallBound ball_singular_bound(const Matrix<Ball>& a) {
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
    arb_mat_mul(square.get(), given.get(), other.get(), bits);
  }
  BallBound result;
  if (arb_mat_approx_inv(inverse.get(), square.get(), bits) == 0) return result;
  arb_mat_get_mid(inverse.get(), inverse.get());
  arb_mat_mul(residual.get(), inverse.get(), square.get(), bits);
  for (Eigen::Index i = 0; i < m; ++i) {
    arb_ptr d = arb_mat_entry(residual.get(), i, i);
    arb_sub_ui(d, d, 1, bits);
  }
  const Ball left = Ball(1) - residual.norm();
  if (!left.finite() || !certainly_positive(left)) return result;
  Ball bound = left / inverse.norm();
  if (m != n) bound = sqrt(bound);
  if (!bound.finite() || !certainly_positive(bound)) return result;
  result.full_rank = true;
  result.smallest_low = std::move(bound);
  return result;
}

}  // namespace widecert
