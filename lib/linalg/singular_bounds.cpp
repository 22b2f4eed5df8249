#include <cblas.h>
#include <widecert/linalg/singular_bounds.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dtrtri_(const char* uplo, const char* diag, const int* n, double* a, const int* lda, int* info);
void dgetrf_(const int* m, const int* n, double* a, const int* lda, int* pivots, int* info);
}

namespace widecert {
namespace {

using Mat = Matrix<double>;
using Vector = Eigen::VectorXd;

// A symmetric matrix, of which the lower half is stored, known up to an error in the spectral norm.
struct Symmetric {
  Mat value;
  double error = 0;
};

// A A^T by panels of 1,024 columns, so that no sum is longer.
Symmetric gram(const Mat& a) {
  constexpr Eigen::Index kPanel = 1024;
  const Eigen::Index m = a.rows(), n = a.cols();
  Symmetric g{Mat(m, m), 0};
  Mat panel;
  for (Eigen::Index from = 0; from < n; from += kPanel) {
    const Eigen::Index count = std::min(kPanel, n - from);
    Mat& out = from == 0 ? g.value : panel;
    if (from != 0) out.resize(m, m);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, static_cast<int>(m), static_cast<int>(count),
                1.0, a.data() + from, static_cast<int>(n), 0.0, out.data(), static_cast<int>(m));
    if (from == 0) continue;
    parallel_for(static_cast<std::size_t>(m), [&](std::size_t i) {
      const auto row = static_cast<Eigen::Index>(i);
      g.value.row(row).head(row + 1) += panel.row(row).head(row + 1);
    });
  }
  const double norm = frobenius_up(a), panels = std::ceil(static_cast<double>(n) / kPanel);
  const double depth = std::min<double>(static_cast<double>(n), kPanel) + panels;
  g.error = add_up(mul_up(gamma_up(depth), mul_up(norm, norm)),
                   mul_up(static_cast<double>(m) * 2.0 * static_cast<double>(n), kUnderflow));
  return g;
}

// The lower factor L of G + shift I, row by row, if floating point finds one.
struct Factor {
  Mat l;
  double error;  // G + shift I >= -error I, G being the exact matrix
};
std::optional<Factor> cholesky(const Symmetric& g, double shift) {
  const Eigen::Index m = g.value.rows();
  Factor f{Mat(m, m), g.error};
  parallel_for(static_cast<std::size_t>(m), [&](std::size_t i) {
    const auto row = static_cast<Eigen::Index>(i);
    f.l.row(row).head(row + 1) = g.value.row(row).head(row + 1);
  });
  double rounding = 0;
  for (Eigen::Index i = 0; i < m; ++i) {
    double& d = f.l(i, i);
    const double before = d;
    d += shift;
    if (!(d > 0) || !(d < 0x1p1000)) return std::nullopt;
    // The diagonal entry itself, and the sums of at most i + 1 products of the factorization.
    rounding = std::max(rounding, kUnitRoundoff * std::max(std::abs(before), d));
    const double gamma = gamma_up(static_cast<double>(i + 5));
    f.error = add_up(f.error, mul_up(div_up(gamma, sub_down(1, gamma)), d));
  }
  const auto size = static_cast<double>(m);
  f.error = add_up(add_up(f.error, 2 * rounding),
                   mul_up(4 * size * size * (size + 8) * (1 + f.l.diagonal().maxCoeff()), kUnderflow));
  const int n = static_cast<int>(m);
  int info = 0;
  dpotrf_("U", &n, f.l.data(), &n, &info);  // our rows are its columns
  if (info != 0 || !(f.error < kInfinity)) return std::nullopt;
  for (Eigen::Index i = 0; i < m; ++i) {
    if (!(f.l(i, i) > 0) || !(f.l(i, i) < kInfinity)) return std::nullopt;
  }
  return f;
}

double length_up(const Vector& v) {
  return sqrt_up(sum_up(v.squaredNorm(), static_cast<std::size_t>(v.size())));
}
double length_down(const Vector& v) {
  return sqrt_down(sum_down(v.squaredNorm(), static_cast<std::size_t>(v.size())));
}

Mat transposed_rows(const Vector& v) {
  Mat row(1, v.size());
  row.row(0) = v.transpose();
  return row;
}

class Analysis {
 public:
  Analysis(const MatrixEnclosure& a, const SingularOptions& options) : options_(options) {
    require_ieee();
    openblas_set_num_threads(static_cast<int>(threads()));
    scale(a);
  }

  SingularBounds bounds() {
    SingularBounds result;
    result.undecided = undecided_;
    if (!undecided_.empty()) return result;
    certify();
    result.level = level_;
    result.slices = slices_;
    result.undecided = undecided_;
    result.full_rank = undecided_.empty();
    if (result.full_rank) {
      // sigma_min(P A) >= sigma_min(B) - error.
      double low = sub_down(least_, error());
      for (const Mat& x : x_) low = div_down(low, frobenius_up(x));
      result.smallest_low = std::ldexp(std::max(0.0, low), smallest_scale_);
    }
    if (options_.effort == Effort::sharp) sharpen(result);
    // Powers of two are exact unless they leave the range, where bounds are moved to the safe side.
    if (result.smallest_low < 0x1p-1000) result.smallest_low = 0;
    return result;
  }

  int sign() {
    if (!undecided_.empty()) return 0;
    certify();
    if (!undecided_.empty()) return 0;
    // The triangular X have positive diagonals. B and P A lie in one component of the nonsingular
    // matrices, for sigma_min(B) > ||B - P A||; so do B and a matrix L U close to it.
    for (const Mat& x : x_) {
      for (Eigen::Index i = 0; i < x.rows(); ++i) {
        if (!(x(i, i) > 0)) return 0;
      }
    }
    Mat lu = b().high;
    const int m = static_cast<int>(lu.rows());
    std::vector<int> pivots(lu.rows());
    int info = 0;
    dgetrf_(&m, &m, lu.data(), &m, pivots.data(), &info);  // of the transpose
    if (info != 0) return 0;
    // Column-major L (unit) and U of B^T: U^T is lower triangular by rows, L^T unit upper.
    Mat left = Mat::Zero(m, m), right = Mat::Identity(m, m);
    bool positive = true;
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
    const Mat difference = product.value.high - b().high;
    // The subtraction is rounded too.
    const double distance =
        add_up(product.error, mul_up(frobenius_up(difference), 1 + 4 * kUnitRoundoff));
    return distance < least_ ? (positive ? 1 : -1) : 0;
  }

 private:
  // A' = D A with D a diagonal of powers of two: rows of about one size, entries at most 1.
  void scale(const MatrixEnclosure& a) {
    const Mat& high = a.middle.high;
    const Eigen::Index m = high.rows(), n = high.cols();
    if (m == 0 || n == 0) throw ShapeError("singular values of an empty matrix");
    if (m > n) throw InternalError("a matrix with more rows than columns");
    const bool split = a.middle.low.size() != 0;
    std::vector<int> exponents(static_cast<std::size_t>(m));
    std::vector<char> bad(static_cast<std::size_t>(m), 0);
    parallel_for(static_cast<std::size_t>(m), [&](std::size_t i) {
      const auto row = static_cast<Eigen::Index>(i);
      const double most = high.row(row).cwiseAbs().maxCoeff();
      const bool finite = high.row(row).allFinite() && (!split || a.middle.low.row(row).allFinite());
      bad[i] = !finite ? 1 : most == 0 ? 2 : 0;
      if (bad[i] == 0) std::frexp(most, &exponents[i]);
    });
    for (std::size_t i = 0; i < bad.size(); ++i) {
      if (bad[i] == 0) continue;
      undecided_ = bad[i] == 1 ? "an entry is not finite"
                               : "row " + std::to_string(i + 1) + " is 0, or not known apart from 0";
      return;
    }
    const auto [low, top] = std::minmax_element(exponents.begin(), exponents.end());
    constexpr int kTolerated = 10;  // rows that differ by a factor of 2^10 are left as they are
    smallest_scale_ = *low;
    largest_scale_ = *top;
    one_scale_ = *top - *low <= kTolerated;
    if (one_scale_) {
      std::fill(exponents.begin(), exponents.end(), *top);
      smallest_scale_ = largest_scale_;
    }
    if (one_scale_ && std::abs(*top) <= 100) {
      // Far from overflow and underflow as it is.
      a_ = &a.middle;
      std::fill(exponents.begin(), exponents.end(), 0);
      smallest_scale_ = largest_scale_ = 0;
    } else {
      scaled_.high.resize(m, n);
      if (split) scaled_.low.resize(m, n);
      a_ = &scaled_;
    }
    if (a_ == &scaled_) parallel_for(static_cast<std::size_t>(m), [&](std::size_t i) {
      const auto row = static_cast<Eigen::Index>(i);
      // In two steps, as 2^-e may be out of range. Entries may be lost below the smallest double.
      const int e = exponents[i];
      const double one = std::ldexp(1.0, -e / 2), two = std::ldexp(1.0, -e - (-e / 2));
      scaled_.high.row(row) = (high.row(row) * one) * two;
      if (split) scaled_.low.row(row) = (a.middle.low.row(row) * one) * two;
    });
    double radius = 0;
    for (std::size_t i = 0; i < exponents.size(); ++i) {
      double size = mul_up(4 * static_cast<double>(n), kUnderflow);
      if (!a.row_radius.empty()) {
        const double given = a.row_radius[i];
        if (!(given >= 0) || !(given < kInfinity)) undecided_ = "a radius is not finite";
        size = add_up(size, next_up(std::ldexp(given, -exponents[i])));
      }
      radius = add_up(radius, mul_up(size, size));
      // D relative to the largest row, for vectors that belong to A itself.
      relative_.push_back(std::ldexp(1.0, largest_scale_ - exponents[i]));
    }
    radius_ = sqrt_up(radius);
    if (!(radius_ < kInfinity)) undecided_ = "a radius is not finite";
  }

  const SplitMatrix& b() const { return x_.empty() ? *a_ : b_.back(); }
  // ||B - P A'|| for every A' of the enclosure, B standing for b().high alone.
  double error() const {
    const Errors& e = x_.empty() ? Errors{radius_, 0} : errors_.back();
    return add_up(add_up(e.radius, e.product), low_norm(b()));
  }

  // Computes B = X_k ... X_1 A' and its errors, from the k-th product on.
  void precondition(std::size_t from) {
    b_.resize(x_.size());
    errors_.resize(x_.size());
    for (std::size_t k = from; k < x_.size(); ++k) {
      const Errors before = k == 0 ? Errors{radius_, 0} : errors_[k - 1];
      AccurateProduct product =
          accurate_product(x_[k], MatrixShape::lower_triangular, k == 0 ? *a_ : b_[k - 1], slices_);
      const double norm = frobenius_up(x_[k]);
      b_[k] = std::move(product.value);
      errors_[k] = {mul_up(norm, before.radius), add_up(mul_up(norm, before.product), product.error)};
    }
  }

  // Finds X, B and `least_` with sigma_min(B) >= least_ > error(), or says why not.
  void certify() {
    const char* const kCondition = "the condition number is too large for this precision";
    for (int level = 0;;) {
      const double e = error();
      if (!(e < 0x1p400)) {
        undecided_ = "overflow";
        return;
      }
      gram_ = gram(b().high);
      // What a factorization with a small shift will lose.
      const auto m = static_cast<std::size_t>(gram_.value.rows());
      const double trace = sum_up(gram_.value.diagonal().sum(), m);
      const double loss =
          add_up(gram_.error, mul_up(0.6 * gamma_up(static_cast<double>(m + 16)), trace));
      const double shift = 1.5 * add_up(loss, mul_up(e, e));
      factor_ = cholesky(gram_, -shift);
      if (factor_) {
        const double square = sub_down(shift, factor_->error);
        least_ = square > 0 ? sqrt_down(square) : 0;
        if (least_ > e) {
          level_ = level;
          return;
        }
      }
      const bool unsure = mul_up(e, e) > loss;  // B is not known well enough
      if (unsure && (x_.empty() ? radius_ : errors_.back().radius) > 0.5 * e) {
        undecided_ = "the entries are not known well enough for the condition of the matrix";
        return;
      }
      // After a first level without slices the next comes with them.
      const bool deeper = !unsure || (level == 1 && slices_ == 1);
      if (unsure) ++slices_;
      if (slices_ > options_.most_slices || (deeper && level >= options_.most_levels)) {
        undecided_ = kCondition;
        return;
      }
      std::size_t from = 0;
      if (deeper) {
        const auto changed = add_preconditioner(trace);
        if (!changed) {
          undecided_ = "no preconditioner was found";
          return;
        }
        if (!unsure) from = *changed;
        ++level;
        const int before = slices_;
        slices_ = std::max(slices_, std::min(level, options_.most_slices));
        if (slices_ != before) from = 0;
      }
      precondition(from);
    }
  }

  // X, the inverse of the Cholesky factor of G + d I as floating point finds it, joins the list, or the
  // last of it as a product. Returns the place.
  std::optional<std::size_t> add_preconditioner(double trace) {
    std::optional<Factor> factor;
    double d = kUnitRoundoff * (trace / 16 + 4 * gram_.value.diagonal().maxCoeff());
    for (int attempt = 0; attempt < 6 && !factor; ++attempt, d *= 16) factor = cholesky(gram_, d);
    if (!factor) return std::nullopt;
    const int m = static_cast<int>(gram_.value.rows());
    int info = 0;
    dtrtri_("U", "N", &m, factor->l.data(), &m, &info);
    Mat x = std::move(factor->l);
    x.triangularView<Eigen::StrictlyUpper>().setZero();
    if (info != 0 || !x.allFinite()) return std::nullopt;
    if (!x_.empty() && frobenius_up(x) * frobenius_up(x_.back()) < 0x1p54) {
      // Any X will do, so the rounding of this product is of no concern.
      x_.back() = accurate_product(x, MatrixShape::lower_triangular, {x_.back(), {}}, 1).value.high;
    } else {
      x_.push_back(std::move(x));
    }
    return x_.size() - 1;
  }

  void solve_lower(const Mat& l, Vector& v, bool transposed) const {
    cblas_dtrsv(CblasRowMajor, CblasLower, transposed ? CblasTrans : CblasNoTrans, CblasNonUnit,
                static_cast<int>(l.rows()), l.data(), static_cast<int>(l.cols()), v.data(), 1);
  }
  void multiply_lower(const Mat& l, Vector& v, bool transposed) const {
    cblas_dtrmv(CblasRowMajor, CblasLower, transposed ? CblasTrans : CblasNoTrans, CblasNonUnit,
                static_cast<int>(l.rows()), l.data(), static_cast<int>(l.cols()), v.data(), 1);
  }

  // v <- (A A^T)^-1 v up to rounding, A with its own rows over 2^largest_scale_.
  void apply_inverse(Vector& v) const {
    for (Eigen::Index i = 0; i < v.size(); ++i) v[i] *= relative_[static_cast<std::size_t>(i)];
    for (const Mat& x : x_) multiply_lower(x, v, false);
    solve_lower(factor_->l, v, false);
    solve_lower(factor_->l, v, true);
    for (auto x = x_.rbegin(); x != x_.rend(); ++x) multiply_lower(*x, v, true);
    for (Eigen::Index i = 0; i < v.size(); ++i) v[i] *= relative_[static_cast<std::size_t>(i)];
  }

  // At least and at most || A^T v || / || v || for every matrix of the enclosure, over 2^largest_scale_.
  std::pair<double, double> quotient(Vector v) const {
    // A = D^-1 A' / relative; v^T A = (v / relative)^T A'.
    for (Eigen::Index i = 0; i < v.size(); ++i) v[i] /= relative_[static_cast<std::size_t>(i)];
    // Powers of two: exact, or lost below the smallest double; then v is another vector, as good as any.
    Vector back = v;
    for (Eigen::Index i = 0; i < v.size(); ++i) back[i] *= relative_[static_cast<std::size_t>(i)];
    const double most = length_up(back), least = length_down(back);
    if (!(least > 0) || !(most < kInfinity)) return {0, kInfinity};
    const AccurateProduct w = accurate_product(transposed_rows(v), MatrixShape::full, *a_,
                                               level_ == 0 ? 1 : std::min<int>(kMostSlices, level_ + 2));
    const Vector high = w.value.high.row(0).transpose();
    Vector low = Vector::Zero(high.size());
    if (w.value.low.size() != 0) low = w.value.low.row(0).transpose();
    const double slack = add_up(add_up(w.error, length_up(low)), mul_up(length_up(v), radius_));
    return {std::max(0.0, div_down(sub_down(length_down(high), slack), most)),
            div_up(add_up(length_up(high), slack), least)};
  }

  void sharpen(SingularBounds& result) {
    const Eigen::Index m = a_->high.rows();
    // ---- the largest singular value ----
    Vector v(m);
    for (Eigen::Index i = 0; i < m; ++i) v[i] = 1 + 0.5 * static_cast<double>((i * 7919) % 101) / 101;
    const auto own_rows = [&](Vector& w) {  // w <- A A^T w
      Vector scaled = w;
      for (Eigen::Index i = 0; i < m; ++i) scaled[i] /= relative_[static_cast<std::size_t>(i)];
      Vector inner(a_->high.cols());
      const int rows = static_cast<int>(m), cols = static_cast<int>(inner.size());
      cblas_dgemv(CblasRowMajor, CblasTrans, rows, cols, 1.0, a_->high.data(), cols, scaled.data(), 1, 0.0, inner.data(), 1);
      cblas_dgemv(CblasRowMajor, CblasNoTrans, rows, cols, 1.0, a_->high.data(), cols, inner.data(), 1, 0.0, w.data(), 1);
      for (Eigen::Index i = 0; i < m; ++i) w[i] /= relative_[static_cast<std::size_t>(i)];
    };
    double estimate = 0;
    for (int k = 0; k < 8; ++k) {
      const double before = v.norm();
      if (!(before > 0) || !(before < kInfinity)) break;
      v /= before;
      own_rows(v);
      estimate = v.norm();
    }
    if (v.norm() > 0) {
      v /= v.norm();
      result.largest_low = ldexp_down(quotient(v).first, largest_scale_);
      result.largest_vector.assign(v.data(), v.data() + m);
    }
    Mat rescaled;  // A over 2^largest_scale_, but for underflow
    if (!one_scale_) {
      rescaled = a_->high;
      for (Eigen::Index i = 0; i < m; ++i) rescaled.row(i) /= relative_[static_cast<std::size_t>(i)];
    }
    const Mat& own = one_scale_ ? a_->high : rescaled;
    const double unseen = add_up(add_up(radius_, low_norm(*a_)),
                                 mul_up(static_cast<double>(own.size()), kUnderflow));
    const double total = add_up(frobenius_up(own), unseen);
    result.largest_high = ldexp_up(total, largest_scale_);
    if (estimate > 0) {
      Symmetric g0 = one_scale_ && x_.empty() ? gram_ : gram(own);
      g0.value = -g0.value;
      for (const double factor : {1.05, 1.3}) {
        const auto f = cholesky(g0, factor * estimate);
        if (!f) continue;
        // t I - G >= -error.
        const double square = add_up(factor * estimate, f->error);
        const double high = add_up(sqrt_up(square), unseen);
        result.largest_high = std::min(result.largest_high, ldexp_up(high, largest_scale_));
        break;
      }
    }
    if (!result.full_rank) return;
    // ---- the smallest ----
    for (Eigen::Index i = 0; i < m; ++i) v[i] = 1 + static_cast<double>((i * 104729) % 97) / 97;
    double growth = 0;
    for (int k = 0; k < 6; ++k) {
      v /= v.norm();
      apply_inverse(v);
      growth = v.norm();
      if (!(growth > 0) || !(growth < kInfinity)) return;
    }
    v /= growth;
    result.smallest_high = ldexp_up(quotient(v).second, largest_scale_);
    result.smallest_vector.assign(v.data(), v.data() + m);
    const double square = 1 / growth;  // an estimate of sigma_min^2, from above
    if (!x_.empty()) raise_least();
    const double b = least_, e = error();
    double best = 0;
    if (x_.empty() && one_scale_) {  // B is A over 2^largest_scale_
      for (const double factor : {0.96, 0.8, 0.5}) {
        const auto f = cholesky(gram_, -factor * square);
        if (!f) continue;
        const double left = sub_down(factor * square, f->error);
        if (left > 0) best = std::max(0.0, sub_down(sqrt_down(left), e));
        break;
      }
      result.smallest_low = std::max(result.smallest_low, ldexp_down(best, largest_scale_));
      return;
    }
    // P, row-scaled: y = P^T z runs over all vectors.
    SplitMatrix p{Mat::Identity(m, m), {}};
    double p_error = 0;
    for (Eigen::Index i = 0; i < m; ++i) p.high(i, i) = relative_[static_cast<std::size_t>(i)];
    for (const Mat& x : x_) {
      AccurateProduct product = accurate_product(x, MatrixShape::lower_triangular, p, 1);
      p_error = add_up(mul_up(frobenius_up(x), p_error), product.error);
      p = std::move(product.value);
    }
    if (!p.high.allFinite() || !(p_error < kInfinity)) return;
    const Symmetric pp = gram(p.high);
    for (const double factor : {0.96, 0.8, 0.5}) {
      const double s = factor * square;
      Symmetric c{gram_.value, gram_.error};
      c.value.triangularView<Eigen::Lower>() = gram_.value - s * pp.value;
      const double size = add_up(frobenius_up(gram_.value.triangularView<Eigen::Lower>()),
                                 mul_up(s, frobenius_up(pp.value.triangularView<Eigen::Lower>())));
      c.error = add_up(add_up(c.error, mul_up(s, pp.error)), mul_up(8 * kUnitRoundoff, size));
      const auto f = cholesky(c, 0);
      if (!f) continue;
      // ||B^T z||^2 - s ||P^T z||^2 >= -f.error for unit z, and ||B^T z|| >= b (singular_bounds.h).
      const double inflate = sqrt_up(add_up(1, div_up(f->error, mul_down(b, b))));
      const double denominator =
          add_up(div_up(inflate, sqrt_down(s)), div_up(p_error, b));
      const double numerator = sub_down(1, div_up(e, b));
      if (numerator > 0) best = div_down(numerator, denominator);
      break;
    }
    result.smallest_low = std::max(result.smallest_low, ldexp_down(best, largest_scale_));
  }

  // A better bound of sigma_min(B) than the one that was enough: the closer it is, the less the error of B counts.
  void raise_least() {
    Vector v(gram_.value.rows());
    for (Eigen::Index i = 0; i < v.size(); ++i) v[i] = 1 + static_cast<double>((i * 104729) % 97) / 97;
    double growth = 0;
    for (int k = 0; k < 5; ++k) {
      v /= v.norm();
      solve_lower(factor_->l, v, false);
      solve_lower(factor_->l, v, true);
      growth = v.norm();
      if (!(growth > 0) || !(growth < kInfinity)) return;
    }
    for (const double factor : {0.9, 0.5, 0.1}) {
      const double shift = factor / growth;
      const auto f = cholesky(gram_, -shift);
      if (!f) continue;
      const double square = sub_down(shift, f->error);
      if (square > 0) least_ = std::max(least_, sqrt_down(square));
      return;
    }
  }

  static double low_norm(const SplitMatrix& a) {
    return a.low.size() == 0 ? 0 : frobenius_up(a.low);
  }

  static double ldexp_down(double x, int e) {
    const double y = std::ldexp(x, e);
    return y < 0x1p-1000 ? 0 : y < kInfinity ? y : std::numeric_limits<double>::max();
  }
  static double ldexp_up(double x, int e) { return next_up(std::ldexp(x, e)); }

  SingularOptions options_;
  struct Errors {
    double radius = 0, product = 0;
  };
  const SplitMatrix* a_ = nullptr;  // A': as given, or scaled_
  SplitMatrix scaled_;
  double radius_ = 0;               // of A'
  std::vector<double> relative_;    // D times 2^largest_scale_
  int smallest_scale_ = 0, largest_scale_ = 0;
  bool one_scale_ = true;
  std::vector<Mat> x_;              // preconditioners, applied one after the other
  std::vector<SplitMatrix> b_;      // after each
  std::vector<Errors> errors_;      // of these
  int slices_ = 1, level_ = 0;
  Symmetric gram_;
  std::optional<Factor> factor_;  // of gram_ minus a small shift
  double least_ = 0;              // sigma_min(B) is at least this
  std::string undecided_;
};

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

}  // namespace

MatrixEnclosure enclose(Matrix<double> middle, const Matrix<double>& radius) {
  if (middle.rows() != radius.rows() || middle.cols() != radius.cols()) {
    throw ShapeError("midpoints and radii of different shapes");
  }
  MatrixEnclosure result;
  for (Eigen::Index i = 0; i < radius.rows(); ++i) {
    result.row_radius.push_back(
        sqrt_up(sum_up(radius.row(i).squaredNorm(), static_cast<std::size_t>(radius.cols()))));
  }
  result.middle.high = std::move(middle);
  return result;
}

SingularBounds singular_bounds(const MatrixEnclosure& a, const SingularOptions& options) {
  if (a.middle.high.rows() > a.middle.high.cols()) return singular_bounds(transposed(a), options);
  return Analysis(a, options).bounds();
}

int determinant_sign(const MatrixEnclosure& a, const SingularOptions& options) {
  if (a.middle.high.rows() != a.middle.high.cols()) {
    throw ShapeError("the determinant of a matrix that is not square");
  }
  return Analysis(a, options).sign();
}

}  // namespace widecert
