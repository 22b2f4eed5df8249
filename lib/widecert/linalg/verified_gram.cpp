#include <cblas.h>
#include <widecert/linalg/accurate_product.h>
#include <widecert/linalg/verified_gram.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <cmath>

namespace widecert {

double gram_error_up(double depth, double norm, Eigen::Index m, Eigen::Index n) {
  return add_up(mul_up(gamma_up(depth), mul_up(norm, norm)),
                mul_up(static_cast<double>(m) * 2.0 * static_cast<double>(n), kUnderflow));
}

void add_gram(Matrix<double>& g, bool first, const double* a, Eigen::Index cols, Eigen::Index stride) {
  const Eigen::Index m = g.rows();
  Matrix<double> panel;
  for (Eigen::Index from = 0; from < cols; from += kGramPanel, first = false) {
    poll();
    Matrix<double>& out = first ? g : panel;
    out.resize(m, m);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, static_cast<int>(m),
                static_cast<int>(std::min(kGramPanel, cols - from)), 1.0, a + from, static_cast<int>(stride), 0.0,
                out.data(), static_cast<int>(m));
    if (first) continue;
    parallel_for(static_cast<std::size_t>(m), [&](std::size_t i) {
      const auto row = static_cast<Eigen::Index>(i);
      g.row(row).head(row + 1) += panel.row(row).head(row + 1);
    });
  }
}

SymmetricEnclosure gram(const Matrix<double>& a) {
  const Eigen::Index m = a.rows(), n = a.cols();
  SymmetricEnclosure g{Matrix<double>(m, m), 0};
  add_gram(g.value, true, a.data(), n, n);
  const double panels = std::ceil(static_cast<double>(n) / kGramPanel);
  g.error = gram_error_up(std::min<double>(static_cast<double>(n), kGramPanel) + panels, frobenius_up(a), m, n);
  return g;
}

double trace_up(const SymmetricEnclosure& g) {
  return sum_up(g.value.diagonal().sum(), static_cast<std::size_t>(g.value.rows()));
}

}  // namespace widecert
