#include <cblas.h>
#include <widecert/linalg/power_method.h>
#include <widecert/linalg/transposed_lu.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

extern "C" {
void dgetrf_(const int* m, const int* n, double* a, const int* lda, int* pivots, int* info);
void dlauum_(const char* uplo, const int* n, double* a, const int* lda, int* info);
}

namespace widecert {

using Mat = Matrix<double>;

TransposedLu::TransposedLu(const Mat& a) : lu_(a), place_(static_cast<std::size_t>(a.cols())) {
  const int rows = static_cast<int>(a.rows()), cols = static_cast<int>(a.cols());
  std::vector<int> pivots(static_cast<std::size_t>(rows));
  int info = 0;
  dgetrf_(&cols, &rows, lu_.data(), &cols, pivots.data(), &info);  // our rows are its columns
  std::iota(place_.begin(), place_.end(), Eigen::Index{0});
  for (std::size_t k = 0; k < pivots.size(); ++k) {
    std::swap(place_[k], place_[static_cast<std::size_t>(pivots[k] - 1)]);
  }
}

std::optional<Preconditioner> TransposedLu::preconditioner() const {
  const Eigen::Index m = lu_.rows();
  Mat x(m, m);
  // Below this a pivot is noise; any X will do.
  const double floor = kUnitRoundoff * lu_.diagonal().cwiseAbs().maxCoeff();
  parallel_for(static_cast<std::size_t>(m), [&](std::size_t k) {
    const auto i = static_cast<Eigen::Index>(k);
    x.row(i).head(i + 1) = lu_.row(i).head(i + 1);
    if (std::abs(x(i, i)) < floor) x(i, i) = std::copysign(floor, x(i, i));
  });
  return inverse_of_lower(std::move(x));
}

double TransposedLu::estimated_sigma_min() const {
  const int m = static_cast<int>(lu_.rows()), n = static_cast<int>(lu_.cols());
  Eigen::VectorXd v = generic_vector(m);
  const double growth = power_method(v, 5, [&](Eigen::VectorXd& y) {
    cblas_dtrsv(CblasColMajor, CblasLower, CblasTrans, CblasUnit, m, lu_.data(), n, y.data(), 1);
    cblas_dtrsv(CblasColMajor, CblasLower, CblasNoTrans, CblasUnit, m, lu_.data(), n, y.data(), 1);
  });
  return growth > 0 && growth < kInfinity ? std::sqrt(1 / growth) : 0;
}

Mat TransposedLu::w() const {
  Mat w(lu_.rows(), lu_.cols());
  parallel_for(static_cast<std::size_t>(w.rows()), [&](std::size_t k) {
    const auto i = static_cast<Eigen::Index>(k);
    w.row(i).setZero();
    w(i, place_[k]) = 1;
    for (auto j = k + 1; j < place_.size(); ++j) w(i, place_[j]) = lu_(i, static_cast<Eigen::Index>(j));
  });
  return w;
}

// Of the first m rows of L and of the others.
SymmetricEnclosure TransposedLu::gram() const {
  const Eigen::Index m = lu_.rows(), n = lu_.cols();
  SymmetricEnclosure g{Mat(m, m), 0};
  constexpr Eigen::Index kTile = 32;
  parallel_for(static_cast<std::size_t>((m + kTile - 1) / kTile), [&](std::size_t band) {
    const Eigen::Index from = static_cast<Eigen::Index>(band) * kTile, end = std::min(m, from + kTile);
    for (Eigen::Index left = 0; left < end; left += kTile) {
      for (Eigen::Index j = from; j < end; ++j) {
        for (Eigen::Index i = left; i < std::min(j, left + kTile); ++i) g.value(j, i) = lu_(i, j);
      }
    }
    for (Eigen::Index j = from; j < end; ++j) g.value(j, j) = 1;
  });
  double square = 0;
  for (Eigen::Index i = 0; i < m; ++i) {
    const Eigen::Index count = n - 1 - i;
    square = add_up(square, 1 + sum_up(lu_.row(i).tail(count).squaredNorm(), static_cast<std::size_t>(count)));
  }
  const int rows = static_cast<int>(m);
  int info = 0;
  dlauum_("U", &rows, g.value.data(), &rows, &info);
  add_gram(g.value, false, lu_.data() + m, n - m, n);
  const double depth = static_cast<double>(std::max(m, std::min(n - m, kGramPanel))) +
                       std::ceil(static_cast<double>(n - m) / kGramPanel) + 1;
  g.error = gram_error_up(depth, next_up(sqrt_up(square)), m, n);
  return g;
}

}  // namespace widecert
