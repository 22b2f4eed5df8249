#include <widecert/linalg/ball_determinant.h>
#include <widecert/number/error.h>

namespace widecert {

Ball determinant(const Matrix<Ball>& a) {
  if (a.rows() != a.cols()) throw ShapeError("the determinant of a matrix that is not square");
  arb_mat_t m;
  arb_mat_init(m, a.rows(), a.cols());
  for (Eigen::Index i = 0; i < a.rows(); ++i)
    for (Eigen::Index j = 0; j < a.cols(); ++j) arb_set(arb_mat_entry(m, i, j), a(i, j).data());
  Ball result;
  arb_mat_det(result.data(), m, PrecisionScope::current());
  arb_mat_clear(m);
  return result;
}

}  // namespace widecert
