#include <cblas.h>
#include <widecert/linalg/power_method.h>
#include <widecert/linalg/sharp_bounds.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

namespace widecert {
namespace {

using Mat = Matrix<double>;
using Vector = Eigen::VectorXd;

double length_up(const Vector& v) { return sqrt_up(sum_up(v.squaredNorm(), static_cast<std::size_t>(v.size()))); }
double length_down(const Vector& v) { return sqrt_down(sum_down(v.squaredNorm(), static_cast<std::size_t>(v.size()))); }

// v <- L^-1 v or L^-T v, and L v or L^T v, rounded.
void solve_lower(const Mat& l, Vector& v, bool transposed) {
  cblas_dtrsv(CblasRowMajor, CblasLower, transposed ? CblasTrans : CblasNoTrans, CblasNonUnit,
              static_cast<int>(l.rows()), l.data(), static_cast<int>(l.cols()), v.data(), 1);
}
void multiply_lower(const Mat& l, Vector& v, bool transposed) {
  cblas_dtrmv(CblasRowMajor, CblasLower, transposed ? CblasTrans : CblasNoTrans, CblasNonUnit,
              static_cast<int>(l.rows()), l.data(), static_cast<int>(l.cols()), v.data(), 1);
}
void multiply(const std::vector<double>& diagonal, Vector& v) {
  for (Eigen::Index i = 0; i < v.size(); ++i) v[i] *= diagonal[static_cast<std::size_t>(i)];
}
void divide(const std::vector<double>& diagonal, Vector& v) {
  for (Eigen::Index i = 0; i < v.size(); ++i) v[i] /= diagonal[static_cast<std::size_t>(i)];
}

// v <- A A^T v up to rounding, A over 2^largest_exponent.
void apply_gram(const ScaledRows& a, Vector& v) {
  const Mat& high = a.middle().high;
  divide(a.relative, v);
  Vector inner(high.cols());
  const int rows = static_cast<int>(high.rows()), cols = static_cast<int>(high.cols());
  cblas_dgemv(CblasRowMajor, CblasTrans, rows, cols, 1.0, high.data(), cols, v.data(), 1, 0.0, inner.data(), 1);
  cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, cols, 1.0, high.data(), cols, inner.data(), 1, 0.0, v.data(), 1);
  divide(a.relative, v);
}

// v <- (A A^T)^-1 v up to rounding, A over 2^largest_exponent; L is about the factor of B B^T.
void apply_inverse(const ScaledRows& a, const PreconditionedMatrix& b, const Mat& l, Vector& v) {
  multiply(a.relative, v);
  for (const Preconditioner& p : b.preconditioners()) multiply_lower(p.x, v, false);
  solve_lower(l, v, false);
  solve_lower(l, v, true);
  for (auto p = b.preconditioners().rbegin(); p != b.preconditioners().rend(); ++p) multiply_lower(p->x, v, true);
  multiply(a.relative, v);
}

struct Quotient {
  double low = 0, high = kInfinity;
};
// At least and at most ||A^T v|| / ||v|| for every matrix of the enclosure, over 2^largest_exponent.
Quotient quotient(const ScaledRows& a, Vector v, int level) {
  // A = D^-1 A' / relative; v^T A = (v / relative)^T A'.
  divide(a.relative, v);
  // Powers of two: exact, or lost below the smallest double; then v is another vector, as good as any.
  Vector back = v;
  multiply(a.relative, back);
  const double most = length_up(back), least = length_down(back);
  if (!(least > 0) || !(most < kInfinity)) return {};
  Mat row(1, v.size());
  row.row(0) = v.transpose();
  const AccurateProduct w =
      accurate_product(row, MatrixShape::full, a.middle(), level == 0 ? 1 : std::min<int>(kMostSlices, level + 2));
  const Vector high = w.value.high.row(0).transpose();
  const double low_norm = w.value.low.size() == 0 ? 0 : frobenius_up(w.value.low);
  const double slack = add_up(add_up(w.error, low_norm), mul_up(length_up(v), a.radius));
  return {std::max(0.0, div_down(sub_down(length_down(high), slack), most)),
          div_up(add_up(length_up(high), slack), least)};
}

std::vector<double> to_list(const Vector& v) { return {v.data(), v.data() + v.size()}; }

// Steps of the power method, which end when they add little; the factors of squares that are tried, in order.
constexpr int kMostSteps = 200;
double least_growth(double width) { return width / 500; }
std::vector<double> shifts_below(double width) {
  if (width > 0) return {1 - width / 4, 0.96, 0.8, 0.5};
  return {0.96, 0.8, 0.5};
}
std::vector<double> shifts_above(double width) {
  if (width > 0) return {1 + width / 4, 1.05, 1.3};
  return {1.05, 1.3};
}

// The largest singular value.
SingularBounds with_largest(SingularBounds bounds, const ScaledRows& a, const SearchState& last, double width) {
  const Mat& middle = a.middle().high;
  Vector v(middle.rows());
  for (Eigen::Index i = 0; i < v.size(); ++i) v[i] = 1 + 0.5 * static_cast<double>((i * 7919) % 101) / 101;
  const bool known = a.one_scale && last.test && last.b.preconditioners().empty();
  Vector image(v.size());
  const auto by_gram = [&](Vector& w) {  // of A' A'^T, as it is known
    const Mat& g = last.test->gram.value;
    const int m = static_cast<int>(g.rows());
    cblas_dsymv(CblasRowMajor, CblasLower, m, 1.0, g.data(), m, w.data(), 1, 0.0, image.data(), 1);
    w.swap(image);
  };
  const auto by_rows = [&](Vector& w) { apply_gram(a, w); };
  if (width > 0 && known) power_method(v, kMostSteps, by_gram, least_growth(width));
  if (width > 0 && !known) power_method(v, kMostSteps, by_rows, least_growth(width));
  const double estimate = power_method(v, width > 0 ? 3 : 8, by_rows);
  if (v.norm() > 0) {
    v /= v.norm();
    bounds.largest_low = ldexp_down(quotient(a, v, last.level).low, a.largest_exponent);
    bounds.largest_vector = to_list(v);
  }
  Mat rescaled;  // A over 2^largest_exponent, but for underflow
  if (!a.one_scale) {
    rescaled = middle;
    for (Eigen::Index i = 0; i < v.size(); ++i) rescaled.row(i) /= a.relative[static_cast<std::size_t>(i)];
  }
  const Mat& own = a.one_scale ? middle : rescaled;
  const double unseen = add_up(add_up(a.radius, a.low_norm), mul_up(static_cast<double>(own.size()), kUnderflow));
  bounds.largest_high = ldexp_up(add_up(frobenius_up(own), unseen), a.largest_exponent);
  if (!(estimate > 0)) return bounds;
  const bool tested = a.one_scale && last.b.preconditioners().empty();  // then its Gram matrix is that of A'
  SymmetricEnclosure negative = tested ? last.test->gram : gram(own);
  negative.value = -negative.value;
  for (const double factor : shifts_above(width)) {
    const auto f = cholesky(negative, factor * estimate);
    if (!f) continue;
    // t I - G >= -error.
    const double square = add_up(factor * estimate, f->error);
    const double high = add_up(sqrt_up(square), unseen);
    bounds.largest_high = std::min(bounds.largest_high, ldexp_up(high, a.largest_exponent));
    break;
  }
  return bounds;
}

// A better bound of sigma_min(B) than the one that was enough: the closer it is, the less the error of B counts.
double raised(double least, const GramTest& test) {
  Vector v = generic_vector(test.gram.value.rows());
  const double growth = power_method(v, 5, [&](Vector& y) {
    solve_lower(test.factor->l, y, false);
    solve_lower(test.factor->l, y, true);
  });
  if (!(growth > 0) || !(growth < kInfinity)) return least;
  for (const double factor : {0.9, 0.5, 0.1}) {
    const double shift = factor / growth;
    if (const auto f = cholesky(test.gram, -shift)) return std::max(least, sigma_min_low(*f, shift));
  }
  return least;
}

// sigma_min(A) over 2^largest_exponent is at least this, B being A over 2^largest_exponent: one scale and no
// preconditioners. `square` estimates its square, from above.
double smallest_low_directly(const SearchState& last, double square, double width) {
  for (const double factor : shifts_below(width)) {
    const double shift = factor * square;
    const auto f = cholesky(last.test->gram, -shift);
    if (f) return std::max(0.0, sub_down(sigma_min_low(*f, shift), last.b.error()));
  }
  return 0;
}

// The same of any B with sigma_min(B) >= b > ||B - P A'|| (sharp_bounds.h).
double smallest_low(const ScaledRows& a, const SearchState& last, double b, double square, double width) {
  const Eigen::Index m = a.middle().high.rows();
  // P, row-scaled: y = P^T z runs over all vectors.
  SplitMatrix p{Mat::Identity(m, m), {}};
  double p_error = 0;
  for (Eigen::Index i = 0; i < m; ++i) p.high(i, i) = a.relative[static_cast<std::size_t>(i)];
  for (const auto& [x, norm] : last.b.preconditioners()) {
    AccurateProduct product = accurate_product(x, MatrixShape::lower_triangular, p, 1);
    p_error = add_up(mul_up(norm, p_error), product.error);
    p = std::move(product.value);
  }
  if (!p.high.allFinite() || !(p_error < kInfinity)) return 0;
  const SymmetricEnclosure pp = gram(p.high), &bb = last.test->gram;
  for (const double factor : shifts_below(width)) {
    const double s = factor * square;
    SymmetricEnclosure c{Mat(m, m), 0};
    c.value.triangularView<Eigen::Lower>() = bb.value - s * pp.value;
    const double size = add_up(frobenius_up(bb.value.triangularView<Eigen::Lower>()),
                               mul_up(s, frobenius_up(pp.value.triangularView<Eigen::Lower>())));
    c.error = add_up(add_up(bb.error, mul_up(s, pp.error)), mul_up(8 * kUnitRoundoff, size));
    const auto f = cholesky(c, 0);
    if (!f) continue;
    // ||B^T z||^2 - s ||P^T z||^2 >= -f.error for unit z, and ||B^T z|| >= b.
    const double inflate = sqrt_up(add_up(1, div_up(f->error, mul_down(b, b))));
    const double denominator = add_up(div_up(inflate, sqrt_down(s)), div_up(p_error, b));
    const double numerator = sub_down(1, div_up(last.b.error(), b));
    return numerator > 0 ? div_down(numerator, denominator) : 0;
  }
  return 0;
}

}  // namespace

SingularBounds sharpened(SingularBounds bounds, const ScaledRows& a, const FullRankSearch& search, double width) {
  const SearchState& last = search.last;
  const auto* const certified = std::get_if<Certified>(&search.verdict);
  bounds = with_largest(std::move(bounds), a, last, width);
  std::optional<CholeskyFactor> nearly;
  if (certified == nullptr) {
    // B B^T + d I is definite, as floating point finds it: for the vector of an upper bound.
    const SymmetricEnclosure bb = gram(last.b.high());
    nearly = shifted_cholesky(bb, kUnitRoundoff * bb.value.diagonal().sum());
    if (!nearly) return bounds;
  }
  const Mat& l = certified != nullptr ? last.test->factor->l : nearly->l;
  Vector v = generic_vector(a.middle().high.rows());
  const double growth = power_method(
      v, width > 0 ? kMostSteps : 6, [&](Vector& y) { apply_inverse(a, last.b, l, y); }, least_growth(width));
  if (!(growth > 0) || !(growth < kInfinity)) return bounds;
  v /= growth;
  bounds.smallest_high = ldexp_up(quotient(a, v, last.level).high, a.largest_exponent);
  bounds.smallest_vector = to_list(v);
  if (certified == nullptr) return bounds;
  const double square = 1 / growth;  // an estimate of sigma_min^2, from above
  const bool plain = last.b.preconditioners().empty();
  const double b = plain ? certified->least : raised(certified->least, *last.test);
  const double best =
      plain && a.one_scale ? smallest_low_directly(last, square, width) : smallest_low(a, last, b, square, width);
  bounds.smallest_low = std::max(bounds.smallest_low, ldexp_down(best, a.largest_exponent));
  return bounds;
}

}  // namespace widecert
