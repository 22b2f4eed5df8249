#include <cblas.h>
#include <widecert/linalg/verified_cholesky.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

extern "C" void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);

namespace widecert {
namespace {

using Mat = Matrix<double>;

// The lower Cholesky factor in place; returns the number of rows for which there is one. A band of rows after the
// other, so that little has been done where it ends.
Eigen::Index factor_in_place(Mat& l) {
  const int m = static_cast<int>(l.rows()), band = std::max(128, (m + 5) / 6);
  for (int from = 0; from < m; from += band) {
    poll();
    const int rows = std::min(band, m - from);
    double* const left = l.data() + static_cast<Eigen::Index>(from) * m;
    double* const corner = left + from;
    if (from > 0) {
      cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, rows, from, 1.0, l.data(), m, left,
                  m);
      cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, rows, from, -1.0, left, m, 1.0, corner, m);
    }
    int info = 0;
    dpotrf_("U", &rows, corner, &m, &info);  // our rows are its columns
    if (info != 0) return from + std::abs(info) - 1;
  }
  return m;
}

}  // namespace

CholeskyAttempt attempt_cholesky(const SymmetricEnclosure& g, double shift) {
  const Eigen::Index m = g.value.rows();
  CholeskyFactor f{Mat(m, m), g.error};
  parallel_for(static_cast<std::size_t>(m), [&](std::size_t i) {
    const auto row = static_cast<Eigen::Index>(i);
    f.l.row(row).head(row + 1) = g.value.row(row).head(row + 1);
  });
  double rounding = 0;
  for (Eigen::Index i = 0; i < m; ++i) {
    double& d = f.l(i, i);
    const double before = d;
    d += shift;
    if (!(d > 0) || !(d < 0x1p1000)) return {std::nullopt, i};
    // The diagonal entry itself, and the sums of at most i + 1 products of the factorization.
    rounding = std::max(rounding, kUnitRoundoff * std::max(std::abs(before), d));
    const double gamma = gamma_up(static_cast<double>(i + 5));
    f.error = add_up(f.error, mul_up(div_up(gamma, sub_down(1, gamma)), d));
  }
  const auto size = static_cast<double>(m);
  f.error = add_up(add_up(f.error, 2 * rounding),
                   mul_up(4 * size * size * (size + 8) * (1 + f.l.diagonal().maxCoeff()), kUnderflow));
  const Eigen::Index reached = factor_in_place(f.l);
  if (reached < m || !(f.error < kInfinity)) return {std::nullopt, reached};
  for (Eigen::Index i = 0; i < m; ++i) {
    if (!(f.l(i, i) > 0) || !(f.l(i, i) < kInfinity)) return {std::nullopt, reached};
  }
  return {std::move(f), reached};
}

std::optional<CholeskyFactor> shifted_cholesky(const SymmetricEnclosure& g, double shift) {
  std::optional<CholeskyFactor> factor;
  for (int attempt = 0; attempt < 6 && !factor; ++attempt, shift *= 16) factor = cholesky(g, shift);
  return factor;
}

double sigma_min_low(const CholeskyFactor& l, double shift) { return sqrt_down(sub_down(shift, l.error)); }

GramTest gram_test(const Mat& b, double error) {
  GramTest test{.gram = gram(b), .loss = 0, .least = 0, .factor = {}, .rows = 0};
  const auto m = static_cast<std::size_t>(test.gram.value.rows());
  // What a factorization with a small shift will lose.
  test.loss = add_up(test.gram.error, mul_up(0.6 * gamma_up(static_cast<double>(m + 16)), trace_up(test.gram)));
  const double shift = 1.5 * add_up(test.loss, mul_up(error, error));
  CholeskyAttempt attempt = attempt_cholesky(test.gram, -shift);
  test.rows = attempt.rows;
  if (!attempt.factor) return test;
  test.least = sigma_min_low(*attempt.factor, shift);
  if (test.least > error) test.factor = std::move(attempt.factor);
  return test;
}

}  // namespace widecert
