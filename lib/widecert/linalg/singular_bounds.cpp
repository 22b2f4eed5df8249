#include <cblas.h>
#include <widecert/linalg/full_rank_search.h>
#include <widecert/linalg/row_scaling.h>
#include <widecert/linalg/sharp_bounds.h>
#include <widecert/linalg/singular_bounds.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

extern "C" void dgetrf_(const int* m, const int* n, double* a, const int* lda, int* pivots, int* info);

namespace widecert {
namespace {

using Mat = Matrix<double>;

void prepare(const SingularOptions& options) {
  require_ieee();
  if (options.most_slices < 1 || options.most_slices > kMostSlices) throw ShapeError("a number of slices from 1 to 5");
  openblas_set_num_threads(static_cast<int>(threads()));
}

MatrixEnclosure transposed(const MatrixEnclosure& a) {
  MatrixEnclosure result;
  result.middle.high = a.middle.high.transpose();
  if (a.middle.low.size() != 0) result.middle.low = a.middle.low.transpose();
  if (!a.row_radius.empty()) {
    double square = 0;
    for (double r : a.row_radius) square = add_up(square, mul_up(r, r));
    result.row_radius.assign(static_cast<std::size_t>(a.middle.high.cols()), sqrt_up(square));
  }
  return result;
}

// At most sigma_min(A) for every A of the enclosure: sigma_min(P A') >= sigma_min(B) - error.
double smallest_low(const ScaledRows& a, const PreconditionedMatrix& b, double least) {
  double low = sub_down(least, b.error());
  for (const Preconditioner& p : b.preconditioners()) low = div_down(low, p.norm);
  return ldexp_down(std::max(0.0, low), a.smallest_exponent);
}

// The sign of det(A') for every A' of the enclosure, or 0. B and P A' lie in one component of the nonsingular matrices,
// for sigma_min(B) >= least > ||B - P A'||; so do B and a matrix L U close to it.
int sign_of_determinant(const PreconditionedMatrix& b, double least) {
  bool positive = true;
  for (const auto& [x, norm] : b.preconditioners()) {
    for (Eigen::Index i = 0; i < x.rows(); ++i) {
      if (x(i, i) == 0) return 0;
      positive = positive == (x(i, i) > 0);
    }
  }
  Mat lu = b.high();
  const int m = static_cast<int>(lu.rows());
  std::vector<int> pivots(lu.rows());
  int info = 0;
  dgetrf_(&m, &m, lu.data(), &m, pivots.data(), &info);  // of the transpose
  if (info != 0) return 0;
  // Column-major L (unit) and U of B^T: U^T is lower triangular by rows, L^T unit upper.
  Mat left = Mat::Zero(m, m), right = Mat::Identity(m, m);
  for (Eigen::Index i = 0; i < m; ++i) {
    left.row(i).head(i + 1) = lu.row(i).head(i + 1);
    right.row(i).tail(m - 1 - i) = lu.row(i).tail(m - 1 - i);
    if (!(lu(i, i) != 0)) return 0;
    positive = positive == (lu(i, i) > 0);
  }
  AccurateProduct product = accurate_product(left, MatrixShape::lower_triangular, {right, {}}, 1);
  for (int k = m - 1; k >= 0; --k) {
    const int other = pivots[static_cast<std::size_t>(k)] - 1;
    if (other == k) continue;
    positive = !positive;
    product.value.high.col(k).swap(product.value.high.col(other));
  }
  const double distance = add_up(product.error, distance_up(product.value.high, b.high()));
  return distance < least ? (positive ? 1 : -1) : 0;
}

}  // namespace

MatrixEnclosure enclose(Matrix<double> middle, const Matrix<double>& radius) {
  if (middle.rows() != radius.rows() || middle.cols() != radius.cols()) {
    throw ShapeError("midpoints and radii of different shapes");
  }
  MatrixEnclosure result;
  for (Eigen::Index i = 0; i < radius.rows(); ++i) {
    result.row_radius.push_back(sqrt_up(sum_up(radius.row(i).squaredNorm(), static_cast<std::size_t>(radius.cols()))));
  }
  result.middle.high = std::move(middle);
  return result;
}

SingularBounds singular_bounds(const MatrixEnclosure& a, const SingularOptions& options) {
  if (a.middle.high.rows() > a.middle.high.cols()) return singular_bounds(transposed(a), options);
  prepare(options);
  const auto scaled = scale_rows(a);
  SingularBounds result;
  if (const auto* undecided = std::get_if<Undecided>(&scaled)) {
    result.undecided = undecided->reason;
    return result;
  }
  const auto& rows = std::get<ScaledRows>(scaled);
  const FullRankSearch search = search_full_rank(rows, options);
  result.level = search.last.level;
  result.slices = search.last.slices;
  if (const auto* certified = std::get_if<Certified>(&search.verdict)) {
    result.full_rank = true;
    result.smallest_low = smallest_low(rows, search.last.b, certified->least);
  } else {
    result.undecided = std::get<Undecided>(search.verdict).reason;
  }
  if (options.effort == Effort::rank || !search.last.begun()) return result;
  return sharpened(std::move(result), rows, search, options.width);
}

int determinant_sign(const MatrixEnclosure& a, const SingularOptions& options) {
  if (a.middle.high.rows() != a.middle.high.cols()) {
    throw ShapeError("the determinant of a matrix that is not square");
  }
  prepare(options);
  const auto scaled = scale_rows(a);
  const auto* const rows = std::get_if<ScaledRows>(&scaled);
  if (rows == nullptr) return 0;
  const FullRankSearch search = search_full_rank(*rows, options);
  const auto* const certified = std::get_if<Certified>(&search.verdict);
  return certified == nullptr ? 0 : sign_of_determinant(search.last.b, certified->least);
}

}  // namespace widecert
