#include <cblas.h>
#include <widecert/linalg/singular_bounds.h>
#include <widecert/number/clones.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

extern "C" {
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
void dtrtri_(const char* uplo, const char* diag, const int* n, double* a, const int* lda, int* info);
void dlauum_(const char* uplo, const int* n, double* a, const int* lda, int* info);
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

double gram_error(double depth, double norm, Eigen::Index m, Eigen::Index n) {
  return add_up(mul_up(gamma_up(depth), mul_up(norm, norm)),
                mul_up(static_cast<double>(m) * 2.0 * static_cast<double>(n), kUnderflow));
}

constexpr Eigen::Index kPanel = 1024;
// g <- g + A A^T, or A A^T, A given by its first column: by panels of columns, so that no sum is longer.
void add_gram(Mat& g, bool first, const double* a, Eigen::Index cols, Eigen::Index stride) {
  const Eigen::Index m = g.rows();
  Mat panel;
  for (Eigen::Index from = 0; from < cols; from += kPanel, first = false) {
    Mat& out = first ? g : panel;
    out.resize(m, m);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, static_cast<int>(m),
                static_cast<int>(std::min(kPanel, cols - from)), 1.0, a + from, static_cast<int>(stride), 0.0,
                out.data(), static_cast<int>(m));
    if (first) continue;
    parallel_for(static_cast<std::size_t>(m), [&](std::size_t i) {
      const auto row = static_cast<Eigen::Index>(i);
      g.row(row).head(row + 1) += panel.row(row).head(row + 1);
    });
  }
}

Symmetric gram(const Mat& a) {
  const Eigen::Index m = a.rows(), n = a.cols();
  Symmetric g{Mat(m, m), 0};
  add_gram(g.value, true, a.data(), n, n);
  const double panels = std::ceil(static_cast<double>(n) / kPanel);
  g.error = gram_error(std::min<double>(static_cast<double>(n), kPanel) + panels, frobenius_up(a), m, n);
  return g;
}

// The lower Cholesky factor in place; returns the number of rows for which there is one. A band of rows after the
// other, so that little has been done where it ends.
Eigen::Index factor_in_place(Mat& l) {
  const int m = static_cast<int>(l.rows()), band = std::max(128, (m + 5) / 6);
  for (int from = 0; from < m; from += band) {
    const int rows = std::min(band, m - from);
    double* const left = l.data() + static_cast<Eigen::Index>(from) * m;
    double* const corner = left + from;
    if (from > 0) {
      cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, rows, from, 1.0, l.data(), m, left, m);
      cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, rows, from, -1.0, left, m, 1.0, corner, m);
    }
    int info = 0;
    dpotrf_("U", &rows, corner, &m, &info);  // our rows are its columns
    if (info != 0) return from + std::abs(info) - 1;
  }
  return m;
}

// The lower factor L of G + shift I, row by row, if floating point finds one.
struct Factor {
  Mat l;
  double error;  // G + shift I >= -error I, G being the exact matrix
};
// Else `stopped` becomes the first row for which there is no factor.
std::optional<Factor> cholesky(const Symmetric& g, double shift, Eigen::Index* stopped = nullptr) {
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
    if (!(d > 0) || !(d < 0x1p1000)) {
      if (stopped != nullptr) *stopped = i;
      return std::nullopt;
    }
    // The diagonal entry itself, and the sums of at most i + 1 products of the factorization.
    rounding = std::max(rounding, kUnitRoundoff * std::max(std::abs(before), d));
    const double gamma = gamma_up(static_cast<double>(i + 5));
    f.error = add_up(f.error, mul_up(div_up(gamma, sub_down(1, gamma)), d));
  }
  const auto size = static_cast<double>(m);
  f.error = add_up(add_up(f.error, 2 * rounding),
                   mul_up(4 * size * size * (size + 8) * (1 + f.l.diagonal().maxCoeff()), kUnderflow));
  const Eigen::Index reached = factor_in_place(f.l);
  if (stopped != nullptr) *stopped = reached;
  if (reached < m || !(f.error < kInfinity)) return std::nullopt;
  for (Eigen::Index i = 0; i < m; ++i) {
    if (!(f.l(i, i) > 0) || !(f.l(i, i) < kInfinity)) return std::nullopt;
  }
  return f;
}

void solve_lower(const Mat& l, Vector& v, bool transposed) {
  cblas_dtrsv(CblasRowMajor, CblasLower, transposed ? CblasTrans : CblasNoTrans, CblasNonUnit,
              static_cast<int>(l.rows()), l.data(), static_cast<int>(l.cols()), v.data(), 1);
}

// An estimate of the largest eigenvalue of the symmetric map `apply` by some steps of the power method, which
// leave the vector in v; from below, or not finite.
template <class Map>
double power_method(Vector& v, int steps, const Map& apply) {
  double growth = 0;
  for (int k = 0; k < steps; ++k) {
    const double length = v.norm();
    if (!(length > 0) || !(length < kInfinity)) break;
    v /= length;
    apply(v);
    growth = v.norm();
  }
  return growth;
}
// A start for it, with a part in every direction.
Vector start(Eigen::Index size) {
  Vector v(size);
  for (Eigen::Index i = 0; i < size; ++i) v[i] = 1 + static_cast<double>((i * 104729) % 97) / 97;
  return v;
}

// What dgetrf finds of A^T = P L U, A being m x n: X = U^-T, lower triangular, so that X A is about W = L^T P^T,
// whose entries are at most 1.
class Elimination {
 public:
  Mat x;  // not finite if there is none

  explicit Elimination(const Mat& a) : x(a.rows(), a.rows()), lu_(a), place_(static_cast<std::size_t>(a.cols())) {
    const Eigen::Index m = a.rows(), n = a.cols();
    const int rows = static_cast<int>(m), cols = static_cast<int>(n);
    std::vector<int> pivots(static_cast<std::size_t>(m));
    int info = 0;
    dgetrf_(&cols, &rows, lu_.data(), &cols, pivots.data(), &info);  // our rows are its columns
    std::iota(place_.begin(), place_.end(), Eigen::Index{0});
    for (std::size_t k = 0; k < pivots.size(); ++k) {
      std::swap(place_[k], place_[static_cast<std::size_t>(pivots[k] - 1)]);
    }
    // Below this a pivot is noise; any X will do.
    const double floor = kUnitRoundoff * lu_.diagonal().cwiseAbs().maxCoeff();
    parallel_for(static_cast<std::size_t>(m), [&](std::size_t k) {
      const auto i = static_cast<Eigen::Index>(k);
      x.row(i).head(i + 1) = lu_.row(i).head(i + 1);
      x.row(i).tail(m - 1 - i).setZero();
      if (std::abs(x(i, i)) < floor) x(i, i) = std::copysign(floor, x(i, i));
    });
    dtrtri_("U", "N", &rows, x.data(), &rows, &info);
    if (info != 0) x.setConstant(kInfinity);
  }

  // An estimate of sigma_min(W), not rigorous; 0 if there is none.
  double least() const {
    const int m = static_cast<int>(lu_.rows()), n = static_cast<int>(lu_.cols());
    Vector v = start(m);
    const double growth = power_method(v, 5, [&](Vector& y) {
      cblas_dtrsv(CblasColMajor, CblasLower, CblasTrans, CblasUnit, m, lu_.data(), n, y.data(), 1);
      cblas_dtrsv(CblasColMajor, CblasLower, CblasNoTrans, CblasUnit, m, lu_.data(), n, y.data(), 1);
    });
    return growth > 0 && growth < kInfinity ? std::sqrt(1 / growth) : 0;
  }

  Mat w() const {
    Mat w(lu_.rows(), lu_.cols());
    parallel_for(static_cast<std::size_t>(w.rows()), [&](std::size_t k) {
      const auto i = static_cast<Eigen::Index>(k);
      w.row(i).setZero();
      w(i, place_[k]) = 1;
      for (auto j = k + 1; j < place_.size(); ++j) w(i, place_[j]) = lu_(i, static_cast<Eigen::Index>(j));
    });
    return w;
  }

  // W W^T = L^T L, of the first m rows of L and of the others: half of the cost of the product.
  Symmetric gram() const {
    const Eigen::Index m = lu_.rows(), n = lu_.cols();
    Symmetric g{Mat(m, m), 0};
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
    const double depth = static_cast<double>(std::max(m, std::min(n - m, kPanel))) +
                         std::ceil(static_cast<double>(n - m) / kPanel) + 1;
    g.error = gram_error(depth, next_up(sqrt_up(square)), m, n);
    return g;
  }

 private:
  Mat lu_;
  std::vector<Eigen::Index> place_;  // where the rows of L come from
};

// At least the norm of the difference.
double distance_up(const Mat& a, const Mat& b) {
  Mat difference(a.rows(), a.cols());
  parallel_for(static_cast<std::size_t>(a.rows()), [&](std::size_t i) {
    const auto row = static_cast<Eigen::Index>(i);
    difference.row(row) = a.row(row) - b.row(row);
  });
  return mul_up(frobenius_up(difference), 1 + 4 * kUnitRoundoff);  // the subtraction is rounded too
}

double length_up(const Vector& v) {
  return sqrt_up(sum_up(v.squaredNorm(), static_cast<std::size_t>(v.size())));
}
double length_down(const Vector& v) {
  return sqrt_down(sum_down(v.squaredNorm(), static_cast<std::size_t>(v.size())));
}

// The largest magnitude; NaN if an entry is not finite.
WIDECERT_CLONES double largest(const double* a, Eigen::Index count) {
  constexpr Eigen::Index kLanes = 32;
  double most[kLanes] = {}, poison[kLanes] = {};
  Eigen::Index k = 0;
  const auto take = [&](Eigen::Index l, double x) {
    const double size = std::abs(x);
    most[l] = size > most[l] ? size : most[l];
    poison[l] += x - x;
  };
  for (; k + kLanes <= count; k += kLanes)
    for (Eigen::Index l = 0; l < kLanes; ++l) take(l, a[k + l]);
  for (; k < count; ++k) take(0, a[k]);
  double result = 0;
  for (Eigen::Index l = 0; l < kLanes; ++l) result = std::max(result, most[l]) + poison[l];
  return result;
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
    if (options.most_slices < 1 || options.most_slices > kMostSlices) throw ShapeError("a number of slices from 1 to 5");
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
      result.smallest_low = ldexp_down(std::max(0.0, low), smallest_scale_);
    }
    if (options_.effort == Effort::sharp && gram_.value.size() != 0) sharpen(result);
    return result;
  }

  int sign() {
    if (!undecided_.empty()) return 0;
    certify();
    if (!undecided_.empty()) return 0;
    // B and P A lie in one component of the nonsingular matrices, for sigma_min(B) > ||B - P A||; so do B and
    // a matrix L U close to it.
    bool positive = true;
    for (const Mat& x : x_) {
      for (Eigen::Index i = 0; i < x.rows(); ++i) {
        if (x(i, i) == 0) return 0;
        positive = positive == (x(i, i) > 0);
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
    const double distance = add_up(product.error, distance_up(product.value.high, b().high));
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
      const double most = largest(high.data() + row * n, n);
      const bool finite = most < kInfinity && (!split || largest(a.middle.low.data() + row * n, n) < kInfinity);
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
    given_ = {radius_, 0, low_norm(*a_)};
  }

  const SplitMatrix& b() const { return x_.empty() ? *a_ : b_.back(); }
  // ||B - P A'|| for every A' of the enclosure, B standing for b().high alone.
  double error() const {
    const Errors& e = x_.empty() ? given_ : errors_.back();
    return add_up(add_up(e.radius, e.product), e.low);
  }

  // Computes B = X_k ... X_1 A' and its errors, from the k-th product on.
  void precondition(std::size_t from) {
    b_.resize(x_.size());
    errors_.resize(x_.size());
    for (std::size_t k = from; k < x_.size(); ++k) {
      const Errors& before = k == 0 ? given_ : errors_[k - 1];
      AccurateProduct product =
          accurate_product(x_[k], MatrixShape::lower_triangular, k == 0 ? *a_ : b_[k - 1], slices_);
      const double norm = frobenius_up(x_[k]);
      b_[k] = std::move(product.value);
      errors_[k] = {mul_up(norm, before.radius), add_up(mul_up(norm, before.product), product.error), low_norm(b_[k])};
    }
  }

  // Finds X, B and `least_` with sigma_min(B) >= least_ > error(), or says why not.
  void certify() {
    if (!known() || decided_by_gram()) return;
    // How soon the factorization stops tells how fast the singular values fall. If they go on like that, the
    // plain product with X from a shifted Gram matrix is enough for the rank up to about 10^11 (the constants
    // are measured); beyond that its cost is saved.
    const auto m = static_cast<double>(gram_.value.rows());
    const bool slowly = options_.effort == Effort::rank &&
                        static_cast<double>(stopped_) > 0.42 * m * std::pow(m / 1000, -0.05);
    if (slowly && options_.most_levels > 0) {
      if (!from_gram()) return;
      precondition(0);
      if (!known() || decided_by_gram()) return;
      x_.clear();
    }
    if (!known() || decided_by_elimination()) return;
    while (undecided_.empty()) {
      const double e = error();
      if (!known() || decided_by_gram()) return;
      const bool unsure = mul_up(e, e) > loss_;  // B is not known well enough
      if (unsure && errors_.back().radius > 0.5 * e) {
        undecided_ = "the entries are not known well enough for the condition of the matrix";
        return;
      }
      const int before = slices_;
      if (unsure) ++slices_;
      if (slices_ > options_.most_slices || (!unsure && level_ >= options_.most_levels)) {
        undecided_ = "the condition number is too large for this precision";
        return;
      }
      std::size_t from = 0;
      if (!unsure) {
        const auto changed = from_gram();
        if (!changed) return;
        slices_ = std::max(slices_, std::min(level_, options_.most_slices));
        if (slices_ == before) from = *changed;
      }
      precondition(from);
    }
  }

  bool known() {
    if (!(error() < 0x1p400)) undecided_ = "overflow";
    if (options_.stop && options_.stop()) undecided_ = "more time than allowed";
    return undecided_.empty();
  }

  bool decided_by_gram() {
    gram_ = gram(b().high);
    // What a factorization with a small shift will lose.
    const auto m = static_cast<std::size_t>(gram_.value.rows());
    trace_ = sum_up(gram_.value.diagonal().sum(), m);
    loss_ = add_up(gram_.error, mul_up(0.6 * gamma_up(static_cast<double>(m + 16)), trace_));
    const double e = error(), shift = 1.5 * add_up(loss_, mul_up(e, e));
    factor_ = cholesky(gram_, -shift, &stopped_);
    if (!factor_) return false;
    const double square = sub_down(shift, factor_->error);
    least_ = square > 0 ? sqrt_down(square) : 0;
    return least_ > e;
  }

  // X, the inverse of the Cholesky factor of G + d I as floating point finds it, joins the list, or the
  // last of it as a product. Returns the place.
  std::optional<std::size_t> from_gram() {
    std::optional<Factor> factor;
    double d = kUnitRoundoff * (trace_ / 16 + 4 * gram_.value.diagonal().maxCoeff());
    for (int attempt = 0; attempt < 6 && !factor; ++attempt, d *= 16) factor = cholesky(gram_, d);
    return factor ? join(std::move(factor->l)) : nothing();
  }
  std::optional<std::size_t> nothing() {
    undecided_ = "no preconditioner was found";
    return std::nullopt;
  }
  // The inverse of a lower triangular matrix.
  std::optional<std::size_t> join(Mat x) {
    const int m = static_cast<int>(x.rows());
    int info = 0;
    dtrtri_("U", "N", &m, x.data(), &m, &info);
    x.triangularView<Eigen::StrictlyUpper>().setZero();
    const double norm = frobenius_up(x);
    if (info != 0 || !(norm < kInfinity)) return nothing();
    ++level_;
    if (!x_.empty() && norm * frobenius_up(x_.back()) < 0x1p54) {
      // Any X will do, so the rounding of this product is of no concern.
      x_.back() = accurate_product(x, MatrixShape::lower_triangular, {x_.back(), {}}, 1).value.high;
    } else {
      x_.push_back(std::move(x));
    }
    return x_.size() - 1;
  }

  // Takes X = U^-T of A'^T = P L U and B = X A', with as many slices as the size of X calls for. If B is as
  // close to W = L^T P^T as it should be, sigma_min(W) decides, whose Gram matrix costs less than that of B.
  bool decided_by_elimination() {
    if (options_.most_levels < 1) {
      undecided_ = "the condition number is too large without preconditioning";
      return false;
    }
    Elimination e(a_->high);
    const double part = options_.effort == Effort::sharp ? 0.02 : 0.25, estimate = e.least();
    double norm = frobenius_up(e.x), needed = part * estimate;
    if (!(norm < kInfinity)) return nothing().has_value();
    level_ = 1;
    x_.push_back(std::move(e.x));
    const double size = frobenius_up(a_->high);
    const bool vague = norm * radius_ > needed;
    // The rounding errors of dgetrf (measured) take B from W by about 3 u ||X|| ||A||.
    const bool near = options_.effort == Effort::rank && !vague && 3 * kUnitRoundoff * norm * size < 0.6 * estimate;
    double least = 0;  // sigma_min(W) is at least this
    if (near || vague) {
      const double shift = 0.45 * estimate * estimate;
      std::optional<Factor> factor = cholesky(e.gram(), -shift);
      if (factor) least = sqrt_down(sub_down(shift, factor->error));
      if (factor && vague) {
        // The smaller X, the less the radius counts: the rows of X A' are made orthogonal.
        if (!join(std::move(factor->l))) return false;
        norm = frobenius_up(x_.back());
        needed = part;
      }
    }
    slices_ = 1;
    while (slices_ < options_.most_slices && expected_error(norm, size, a_->high.rows(), slices_) > needed) ++slices_;
    precondition(0);
    if (!near) return false;
    least = sub_down(least, distance_up(b().high, e.w()));
    if (!(least > error())) return false;
    least_ = least;
    return true;
  }

  static void multiply_lower(const Mat& l, Vector& v, bool transposed) {
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
    const double slack = add_up(add_up(w.error, low_norm(w.value)), mul_up(length_up(v), radius_));
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
    const double estimate = power_method(v, 8, own_rows);
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
    // ---- the smallest ----
    if (!result.full_rank) {
      // B B^T + d I is definite, as floating point finds it: for the vector of an upper bound.
      if (b_.size() != x_.size()) x_.clear();
      const Symmetric nearly = gram(b().high);
      double d = kUnitRoundoff * nearly.value.diagonal().sum();
      factor_.reset();
      for (int attempt = 0; attempt < 6 && !factor_; ++attempt, d *= 16) factor_ = cholesky(nearly, d);
      if (!factor_) return;
    }
    v = start(m);
    const double growth = power_method(v, 6, [&](Vector& y) { apply_inverse(y); });
    if (!(growth > 0) || !(growth < kInfinity)) return;
    v /= growth;
    result.smallest_high = ldexp_up(quotient(v).second, largest_scale_);
    result.smallest_vector.assign(v.data(), v.data() + m);
    if (!result.full_rank) return;
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
    Vector v = start(gram_.value.rows());
    const double growth = power_method(v, 5, [&](Vector& y) {
      solve_lower(factor_->l, y, false);
      solve_lower(factor_->l, y, true);
    });
    if (!(growth > 0) || !(growth < kInfinity)) return;
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
    // Powers of two are exact unless they leave the range, where bounds are moved to the safe side.
    const double y = std::ldexp(x, e);
    return !(y >= 0x1p-1000) ? 0 : y < kInfinity ? y : std::numeric_limits<double>::max();
  }
  static double ldexp_up(double x, int e) { return next_up(std::ldexp(x, e)); }

  SingularOptions options_;
  // Of B: what comes from the radius and from the products; and the part of it that is not in b().high.
  struct Errors {
    double radius = 0, product = 0, low = 0;
  };
  const SplitMatrix* a_ = nullptr;  // A': as given, or scaled_
  SplitMatrix scaled_;
  double radius_ = 0;               // of A'
  Errors given_;                    // of B = A'
  std::vector<double> relative_;    // D times 2^largest_scale_
  int smallest_scale_ = 0, largest_scale_ = 0;
  bool one_scale_ = true;
  std::vector<Mat> x_;              // preconditioners, applied one after the other
  std::vector<SplitMatrix> b_;      // after each
  std::vector<Errors> errors_;      // of these
  int slices_ = 1, level_ = 0;
  Symmetric gram_;                // of B
  double trace_ = 0, loss_ = 0;   // of gram_; what its factorization may lose
  Eigen::Index stopped_ = 0;      // where that factorization stopped
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
