#include <cblas.h>
#include <widecert/linalg/accurate_product.h>
#include <widecert/number/clones.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace widecert {
namespace {

using Mat = Matrix<double>;

// Products are summed by panels of this depth, whose sums are added up apart: an entry is rounded as often as a
// panel is deep and once for each further panel, not k times. Short panels cost time, and are for products of
// which every digit counts.
constexpr Eigen::Index kLongPanel = 2048;
Eigen::Index short_panel(Eigen::Index depth) { return depth <= 1024 ? 512 : 256; }

// Slices have at most this many bits and one more: sums of so many of their products at most 53.
int slice_bits(Eigen::Index depth) {
  return (53 - static_cast<int>(std::ceil(std::log2(static_cast<double>(depth) + 1)))) / 2;
}

void gemm(const double* x, const double* b, double* c, Eigen::Index rows, Eigen::Index cols, Eigen::Index depth,
          Eigen::Index stride_x, Eigen::Index stride_b, Eigen::Index stride_c) {
  // Large ones in bands of rows, so that the work can end between them.
  constexpr double kMostProducts = 2e10;
  const double of_row = static_cast<double>(cols) * static_cast<double>(depth);
  const Eigen::Index band = std::max<Eigen::Index>(256, static_cast<Eigen::Index>(kMostProducts / of_row));
  for (Eigen::Index from = 0; from < rows; from += band) {
    poll();
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(std::min(band, rows - from)),
                static_cast<int>(cols), static_cast<int>(depth), 1.0, x + from * stride_x, static_cast<int>(stride_x),
                b, static_cast<int>(stride_b), 0.0, c + from * stride_c, static_cast<int>(stride_c));
  }
}

constexpr std::size_t kPiece = std::size_t{1} << 16;
// Calls work(begin, end) on pieces of 0..size, which depend on the size alone.
template <class Work>
void in_pieces(std::size_t size, const Work& work) {
  parallel_for((size + kPiece - 1) / kPiece,
               [&](std::size_t piece) { work(piece * kPiece, std::min(size, (piece + 1) * kPiece)); });
}

void add_to(double* to, const double* from, std::size_t size) {
  in_pieces(size, [&](std::size_t begin, std::size_t end) {
    for (std::size_t k = begin; k < end; ++k) to[k] += from[k];
  });
}

// The rounded product.
Mat multiply(const Mat& x, MatrixShape shape, const Mat& b, Eigen::Index panel_depth) {
  const Eigen::Index m = x.rows(), k = x.cols(), n = b.cols();
  const bool triangular = shape == MatrixShape::lower_triangular;
  Mat c(m, n), panel;
  if (triangular)
    in_pieces(static_cast<std::size_t>(b.size()), [&](std::size_t begin, std::size_t end) {
      std::copy(b.data() + begin, b.data() + end, c.data() + begin);
    });
  // Panel by panel of the columns of X: the triangle on the diagonal, if it is one, and the rows below it.
  for (Eigen::Index last = k; last > 0;) {
    const Eigen::Index from = (last - 1) / panel_depth * panel_depth, depth = last - from, top = triangular ? last : 0;
    if (top < m) {
      // The last panel of a full product comes first and is no sum yet.
      const bool first = !triangular && last == k;
      if (!first) panel.resize(m, n);
      double* const out = first ? c.data() : panel.data();
      gemm(x.data() + top * k + from, b.data() + from * n, out, m - top, n, depth, k, n, n);
      if (!first) add_to(c.data() + top * n, out, static_cast<std::size_t>((m - top) * n));
    }
    if (triangular) {
      cblas_dtrmm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, static_cast<int>(depth),
                  static_cast<int>(n), 1.0, x.data() + from * k + from, static_cast<int>(k), c.data() + from * n,
                  static_cast<int>(n));
    }
    last = from;
  }
  return c;
}

// At least the norm of the error of such a product whose factors have these norms.
double product_error(const Mat& x, const Mat& b, Eigen::Index panel_depth, double norm_x, double norm_b) {
  const auto depth = static_cast<double>(std::min(x.cols(), panel_depth) + (x.cols() + panel_depth - 1) / panel_depth);
  const double entries = sqrt_up(static_cast<double>(x.rows()) * static_cast<double>(b.cols()));
  return add_up(mul_up(gamma_up(depth), mul_up(norm_x, norm_b)),
                mul_up(mul_up(static_cast<double>(x.cols()), entries), 2 * kUnderflow));
}

// Takes leading bits away: a = slice + rest exactly, the entries of the slice in row (column) k being multiples of
// 2^(exponent[k] - bits), at most 2^exponent[k]. `rest` may be `a`.
WIDECERT_CLONES void slice_row(const double* a, double* slice, double* rest, std::size_t count, const double* tau,
                               std::size_t step) {
  for (std::size_t j = 0; j < count; ++j) {
    const double t = tau[j * step], sum = a[j] + t, part = sum - t;
    slice[j] = part;
    rest[j] = a[j] - part;
  }
}

// (high, low) += term without error but for the additions to `low`, which is 0 at first.
WIDECERT_CLONES void accumulate(double* high, double* low, const double* term, std::size_t count, bool first) {
  for (std::size_t k = 0; k < count; ++k) {
    const double s = high[k] + term[k], v = s - high[k], error = (high[k] - (s - v)) + (term[k] - v);
    low[k] = first ? error : low[k] + error;
    high[k] = s;
  }
}

WIDECERT_CLONES double squares(const double* a, std::size_t count) {
  constexpr std::size_t kLanes = 32;
  double sum[kLanes] = {};
  std::size_t k = 0;
  for (; k + kLanes <= count; k += kLanes)
    for (std::size_t l = 0; l < kLanes; ++l) sum[l] += a[k + l] * a[k + l];
  for (; k < count; ++k) sum[0] += a[k] * a[k];
  double total = 0;
  for (double s : sum) total += s;
  return total;
}

Mat sum(Mat a, const Mat& b) {
  add_to(a.data(), b.data(), static_cast<std::size_t>(a.size()));
  return a;
}

constexpr int kFewestExponent = -400;  // products of kMostSlices slices stay above underflow

Eigen::VectorXd row_maxima(const Mat& a) {
  Eigen::VectorXd most(a.rows());
  parallel_for(static_cast<std::size_t>(a.rows()), [&](std::size_t i) {
    const auto row = static_cast<Eigen::Index>(i);
    most[row] = a.row(row).cwiseAbs().maxCoeff();
  });
  return most;
}
Eigen::VectorXd column_maxima(const Mat& a) {
  constexpr Eigen::Index kRows = 64;
  const auto bands = static_cast<std::size_t>((a.rows() + kRows - 1) / kRows);
  Mat of_band = Mat::Zero(static_cast<Eigen::Index>(bands), a.cols());
  parallel_for(bands, [&](std::size_t k) {
    const auto band = static_cast<Eigen::Index>(k);
    const Eigen::Index end = std::min(a.rows(), (band + 1) * kRows);
    for (Eigen::Index i = band * kRows; i < end; ++i) {
      of_band.row(band) = of_band.row(band).cwiseMax(a.row(i).cwiseAbs());
    }
  });
  return of_band.colwise().maxCoeff().transpose();
}

// A matrix taken apart from its leading bits on.
struct Slicer {
  const Mat* from;  // what is left
  bool by_rows;
  int bits;
  std::vector<int> exponent;
  Mat rest;

  Slicer(const Mat& a, bool rows, int slice_bits) : from(&a), by_rows(rows), bits(slice_bits) {
    const Eigen::VectorXd most = by_rows ? row_maxima(a) : column_maxima(a);
    for (Eigen::Index k = 0; k < most.size(); ++k) {
      int e = 0;
      std::frexp(most[k], &e);
      exponent.push_back(most[k] == 0 ? kFewestExponent : std::max(e, kFewestExponent));
    }
  }
  Slicer(const Slicer&) = delete;
  Slicer& operator=(const Slicer&) = delete;

  Mat next() {
    // Adding and subtracting tau rounds to a multiple of its last place, 2^(e - bits); both steps and
    // the difference to what is left are exact (it is at most 2^e, and a nearest multiple is no further than half
    // of its spacing).
    std::vector<double> tau;
    for (int& e : exponent) {
      tau.push_back(0x1.8p52 * std::ldexp(1.0, e - bits));
      e -= bits;
    }
    Mat slice(from->rows(), from->cols());
    rest.resize(from->rows(), from->cols());
    const auto cols = static_cast<std::size_t>(rest.cols());
    parallel_for(static_cast<std::size_t>(rest.rows()), [&](std::size_t i) {
      slice_row(from->data() + i * cols, slice.data() + i * cols, rest.data() + i * cols, cols,
                by_rows ? &tau[i] : tau.data(), by_rows ? 0 : 1);
    });
    from = &rest;
    return slice;
  }

  // At least the Frobenius norm of what is left after next(): entries are at most half of a last place.
  double rest_norm() const {
    const auto across = static_cast<double>(by_rows ? rest.cols() : rest.rows());
    double sum = 0;
    for (int e : exponent) sum = add_up(sum, mul_up(across, std::ldexp(1.0, 2 * e - 2)));
    return sqrt_up(sum);
  }
};

}  // namespace

double frobenius_up(const Matrix<double>& a) {
  const auto size = static_cast<std::size_t>(a.size());
  std::vector<double> of_piece(size / kPiece + 1, 0);
  in_pieces(size, [&](std::size_t begin, std::size_t end) {
    of_piece[begin / kPiece] = squares(a.data() + begin, end - begin);
  });
  double sum = 0;
  for (double s : of_piece) sum += s;
  return sqrt_up(sum_up(sum, size));
}

double distance_up(const Matrix<double>& a, const Matrix<double>& b) {
  Mat difference(a.rows(), a.cols());
  parallel_for(static_cast<std::size_t>(a.rows()), [&](std::size_t i) {
    const auto row = static_cast<Eigen::Index>(i);
    difference.row(row) = a.row(row) - b.row(row);
  });
  return mul_up(frobenius_up(difference), 1 + 4 * kUnitRoundoff);
}

double expected_error(double norm_x, double norm_b, Eigen::Index depth, int slices) {
  const auto rounded = static_cast<double>(std::min(depth, slices == 1 ? short_panel(depth) : kLongPanel));
  return rounded * kUnitRoundoff * norm_x * norm_b * std::pow(5.5 * std::ldexp(1.0, -slice_bits(depth)), slices - 1);
}

AccurateProduct accurate_product(const Matrix<double>& x, MatrixShape shape, const SplitMatrix& b, int slices) {
  if (x.cols() != b.high.rows()) throw ShapeError("a product of matrices that do not fit");
  check(slices >= 1 && slices <= kMostSlices, "a number of slices");
  openblas_set_num_threads(static_cast<int>(threads()));
  const bool split = b.low.size() != 0;
  const double norm_x = frobenius_up(x), norm_b = frobenius_up(b.high), norm_low = split ? frobenius_up(b.low) : 0;
  AccurateProduct result;
  const auto finish = [&](double error) {
    // Below these bounds no sum of products of entries, whatever its order, leaves the range.
    const double norm = add_up(norm_b, norm_low);
    const bool bounded = norm_x < 0x1p900 && norm < 0x1p900 && mul_up(norm_x, norm) < 0x1p900;
    result.error = bounded && error < kInfinity ? error : kInfinity;
    return std::move(result);
  };
  if (slices == 1) {
    const Eigen::Index panel = short_panel(x.cols());
    result.value.high = multiply(x, shape, b.high, panel);
    return finish(add_up(product_error(x, b.high, panel, norm_x, norm_b), mul_up(norm_x, norm_low)));
  }
  const int bits = slice_bits(x.cols());
  struct Part {
    Mat value;
    double norm;
  };
  Slicer left(x, true, bits), right(b.high, false, bits);
  std::vector<Part> of_b;   // the slices of B.high
  std::vector<Part> rests;  // rests[q - 1]: B without its first q slices, rounded
  double norm_before = norm_b;
  for (int q = 1; q < slices; ++q) {
    Mat slice = right.next();
    const double norm_rest = right.rest_norm();
    of_b.push_back({std::move(slice), add_up(norm_before, norm_rest)});
    Mat rest = q + 1 < slices ? right.rest : std::move(right.rest);
    rests.push_back({split ? sum(std::move(rest), b.low) : std::move(rest),
                     mul_up(add_up(norm_rest, norm_low), 1 + 2 * kUnitRoundoff)});
    norm_before = norm_rest;
  }
  Part whole{{}, norm_b};  // B itself, rounded
  if (split) whole = {sum(b.high, b.low), mul_up(add_up(norm_b, norm_low), 1 + 2 * kUnitRoundoff)};
  double error = 0, total = 0;  // total: of bounds for the norms of all terms
  int terms = 0;
  const auto add = [&](Mat term, double norm) {
    total = add_up(total, norm);
    if (++terms == 1) {
      result.value.high = std::move(term);
      return;
    }
    const bool first = terms == 2;
    if (first) result.value.low.resize(x.rows(), b.high.cols());
    in_pieces(static_cast<std::size_t>(term.size()), [&](std::size_t begin, std::size_t end) {
      accumulate(result.value.high.data() + begin, result.value.low.data() + begin, term.data() + begin, end - begin,
                 first);
    });
  };
  Mat rounded;  // the sum of the terms that are rounded
  double rounded_norm = 0;
  norm_before = norm_x;
  for (int p = 1; p <= slices; ++p) {
    Part slice{{}, norm_before};
    if (p < slices) {
      slice.value = left.next();
      norm_before = left.rest_norm();
      slice.norm = add_up(slice.norm, norm_before);
    } else {
      slice.value = std::move(left.rest);
    }
    for (int q = 0; q + p < slices; ++q) {
      const Part& other = of_b[static_cast<std::size_t>(q)];
      add(multiply(slice.value, shape, other.value, kLongPanel), mul_up(slice.norm, other.norm));
    }
    const Part& rest = p < slices ? rests[static_cast<std::size_t>(slices - p - 1)] : whole;
    const Mat& factor = rest.value.size() == 0 ? b.high : rest.value;
    const double bound = mul_up(slice.norm, rest.norm);
    error = add_up(error, product_error(slice.value, factor, kLongPanel, slice.norm, rest.norm));
    if (split) error = add_up(error, mul_up(2 * kUnitRoundoff, bound));
    rounded_norm = add_up(rounded_norm, mul_up(bound, 1.5));
    Mat product = multiply(slice.value, shape, factor, kLongPanel);
    rounded = p == 1 ? std::move(product) : sum(std::move(rounded), product);
  }
  add(std::move(rounded), rounded_norm);
  // The sum of the rounded terms; and the additions to `low`, k - 1 of them, of numbers of at most u
  // times what `high` has seen.
  const auto k = static_cast<double>(terms);
  error = add_up(error, mul_up(2 * slices * kUnitRoundoff, rounded_norm));
  return finish(add_up(error, mul_up(mul_up(1.5 * k * k, kUnitRoundoff * kUnitRoundoff), total)));
}

}  // namespace widecert
