#include <widecert/linalg/accurate_product.h>
#include <widecert/linalg/preconditioner.h>
#include <widecert/linalg/verified_cholesky.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>

#include <utility>

extern "C" void dtrtri_(const char* uplo, const char* diag, const int* n, double* a, const int* lda, int* info);

namespace widecert {

std::optional<Preconditioner> inverse_of_lower(Matrix<double> l) {
  const int m = static_cast<int>(l.rows());
  int info = 0;
  dtrtri_("U", "N", &m, l.data(), &m, &info);  // our rows are its columns
  parallel_for(static_cast<std::size_t>(m), [&](std::size_t k) {
    const auto i = static_cast<Eigen::Index>(k);
    l.row(i).tail(m - 1 - i).setZero();
  });
  const double norm = frobenius_up(l);
  if (info != 0 || !(norm < kInfinity)) return std::nullopt;
  return Preconditioner{std::move(l), norm};
}

std::optional<Preconditioner> preconditioner_from_gram(const SymmetricEnclosure& g) {
  std::optional<CholeskyFactor> factor =
      shifted_cholesky(g, kUnitRoundoff * (trace_up(g) / 16 + 4 * g.value.diagonal().maxCoeff()));
  if (!factor) return std::nullopt;
  return inverse_of_lower(std::move(factor->l));
}

std::vector<Preconditioner> joined(std::vector<Preconditioner> list, Preconditioner x) {
  if (list.empty() || !(x.norm * list.back().norm < 0x1p54)) {
    list.push_back(std::move(x));
    return list;
  }
  // Any X will do, so the rounding of this product is of no concern.
  Preconditioner& last = list.back();
  last.x = accurate_product(x.x, MatrixShape::lower_triangular, {last.x, {}}, 1).value.high;
  last.norm = frobenius_up(last.x);
  return list;
}

}  // namespace widecert
