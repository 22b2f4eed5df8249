#include <cblas.h>
#include <widecert/linalg/accurate_product.h>
#include <widecert/number/clones.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace widecert {
namespace {

using Mat = Matrix<double>;

// Products are summed by panels of this depth, whose sums are added up apart: an entry is rounded kPanel times
// and once for each further panel, not k times.
constexpr Eigen::Index kPanel = 256;

void gemm(const double* x, const double* b, double* c, Eigen::Index rows, Eigen::Index cols, Eigen::Index depth,
          Eigen::Index stride_x, Eigen::Index stride_b, Eigen::Index stride_c) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(rows), static_cast<int>(cols),
              static_cast<int>(depth), 1.0, x, static_cast<int>(stride_x), b, static_cast<int>(stride_b), 0.0, c,
              static_cast<int>(stride_c));
}

// The rounded product.
Mat multiply(const Mat& x, MatrixShape shape, const Mat& b) {
  const Eigen::Index m = x.rows(), k = x.cols(), n = b.cols();
  Mat c(m, n), panel;
  if (shape == MatrixShape::full) {
    for (Eigen::Index from = 0; from < k; from += kPanel) {
      const Eigen::Index depth = std::min(kPanel, k - from);
      if (from == 0) {
        gemm(x.data(), b.data(), c.data(), m, n, depth, k, n, n);
      } else {
        panel.resize(m, n);
        gemm(x.data() + from, b.data() + from * n, panel.data(), m, n, depth, k, n, n);
        c += panel;
      }
    }
    return c;
  }
  // Rows of X panel by panel: the triangle on the diagonal, and what is left of it.
  c = b;
  for (Eigen::Index from = 0; from < k; from += kPanel) {
    const Eigen::Index depth = std::min(kPanel, k - from);
    cblas_dtrmm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, static_cast<int>(depth),
                static_cast<int>(n), 1.0, x.data() + from * k + from, static_cast<int>(k), c.data() + from * n,
                static_cast<int>(n));
    if (from > 0) {
      panel.resize(depth, n);
      for (Eigen::Index left = 0; left < from; left += kPanel) {
        gemm(x.data() + from * k + left, b.data() + left * n, panel.data(), depth, n, kPanel, k, n, n);
        parallel_for(static_cast<std::size_t>(depth), [&](std::size_t i) {
          c.row(from + static_cast<Eigen::Index>(i)) += panel.row(static_cast<Eigen::Index>(i));
        });
      }
    }
  }
  return c;
}

// At least the norm of the error of such a product whose factors have these norms.
double product_error(const Mat& x, const Mat& b, double norm_x, double norm_b) {
  const auto depth = static_cast<double>(std::min(x.cols(), kPanel) + (x.cols() + kPanel - 1) / kPanel);
  const double entries = sqrt_up(static_cast<double>(x.rows()) * static_cast<double>(b.cols()));
  return add_up(mul_up(gamma_up(depth), mul_up(norm_x, norm_b)),
                mul_up(mul_up(static_cast<double>(x.cols()), entries), 2 * kUnderflow));
}

constexpr std::size_t kPiece = std::size_t{1} << 16;
// Calls work(begin, end) on pieces of 0..size, which depend on the size alone.
template <class Work>
void in_pieces(std::size_t size, const Work& work) {
  parallel_for((size + kPiece - 1) / kPiece, [&](std::size_t piece) {
    work(piece * kPiece, std::min(size, (piece + 1) * kPiece));
  });
}

// Takes from `rest` its leading bits: returns T with `rest` = T + (what is left in rest) exactly, the
// entries of T in row (column) k being multiples of 2^(exponent[k] - bits), at most 2^exponent[k].
// Exponents are lowered by `bits` for the next slice.
WIDECERT_CLONES void slice_row(double* rest, double* slice, std::size_t count, const double* tau,
                               std::size_t step) {
  for (std::size_t j = 0; j < count; ++j) {
    const double t = tau[j * step], sum = rest[j] + t;
    slice[j] = sum - t;
    rest[j] -= slice[j];
  }
}

// (high, low) += term without error but for the additions to `low`.
WIDECERT_CLONES void accumulate(double* high, double* low, const double* term, std::size_t count) {
  for (std::size_t k = 0; k < count; ++k) {
    const double s = high[k] + term[k], v = s - high[k];
    low[k] += (high[k] - (s - v)) + (term[k] - v);
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

constexpr int kFewestExponent = -400;  // products of kMostSlices slices stay above underflow

struct Slicer {
  Mat rest;
  bool by_rows;
  int bits;
  std::vector<int> exponent;

  Slicer(Mat a, bool rows, int slice_bits) : rest(std::move(a)), by_rows(rows), bits(slice_bits) {
    Eigen::VectorXd most = by_rows ? Eigen::VectorXd(rest.cwiseAbs().rowwise().maxCoeff())
                                   : Eigen::VectorXd(rest.cwiseAbs().colwise().maxCoeff().transpose());
    for (Eigen::Index k = 0; k < most.size(); ++k) {
      int e = 0;
      std::frexp(most[k], &e);
      exponent.push_back(most[k] == 0 ? kFewestExponent : std::max(e, kFewestExponent));
    }
  }

  Mat next() {
    // Adding and subtracting tau rounds to a multiple of its last place, 2^(e - bits); both steps and
    // the difference to `rest` are exact (|rest| <= 2^e, and a nearest multiple is no further than half
    // of its spacing).
    std::vector<double> tau;
    for (int& e : exponent) {
      tau.push_back(0x1.8p52 * std::ldexp(1.0, e - bits));
      e -= bits;
    }
    Mat slice(rest.rows(), rest.cols());
    const auto cols = static_cast<std::size_t>(rest.cols());
    parallel_for(static_cast<std::size_t>(rest.rows()), [&](std::size_t i) {
      slice_row(rest.data() + i * cols, slice.data() + i * cols, cols, by_rows ? &tau[i] : tau.data(),
                by_rows ? 0 : 1);
    });
    return slice;
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

AccurateProduct accurate_product(const Matrix<double>& x, MatrixShape shape, const SplitMatrix& b,
                                 int slices) {
  if (x.cols() != b.high.rows()) throw ShapeError("a product of matrices that do not fit");
  openblas_set_num_threads(static_cast<int>(threads()));
  const double norm_x = frobenius_up(x), norm_b = frobenius_up(b.high),
               norm_low = b.low.size() == 0 ? 0 : frobenius_up(b.low);
  AccurateProduct result;
  check(slices >= 1 && slices <= kMostSlices, "a number of slices");
  if (slices == 1) {
    result.value.high = multiply(x, shape, b.high);
    result.error = add_up(product_error(x, b.high, norm_x, norm_b), mul_up(norm_x, norm_low));
    if (!(result.error < kInfinity) || !result.value.high.allFinite()) result.error = kInfinity;
    return result;
  }
  // Slices have at most `bits` + 1 bits: sums of depth x.cols() of their products at most 53.
  const int bits = (53 - static_cast<int>(std::ceil(std::log2(static_cast<double>(x.cols()) + 1)))) / 2;
  Slicer left(x, true, bits), right(b.high, false, bits);
  std::vector<Mat> of_b;   // the slices of B.high
  std::vector<Mat> rests;  // rests[q]: B without its first q slices, rounded
  const auto add_rest = [&] {
    rests.push_back(b.low.size() == 0 ? right.rest : Mat(right.rest + b.low));
  };
  add_rest();
  for (int q = 1; q < slices; ++q) {
    of_b.push_back(right.next());
    add_rest();
  }
  double error = 0, total = 0;  // total: of bounds for the norms of all terms
  bool first = true;
  const auto add = [&](const Mat& term, double norm) {
    total = add_up(total, norm);
    if (first) {
      result.value.high = term;
      result.value.low = Mat::Zero(term.rows(), term.cols());
      first = false;
      return;
    }
    in_pieces(static_cast<std::size_t>(term.size()), [&](std::size_t begin, std::size_t end) {
      accumulate(result.value.high.data() + begin, result.value.low.data() + begin,
                 term.data() + begin, end - begin);
    });
  };
  Mat rounded;  // the sum of the terms that are rounded
  double rounded_norm = 0;
  for (int p = 1; p <= slices; ++p) {
    const Mat slice = p < slices ? left.next() : left.rest;
    const double norm = frobenius_up(slice);
    for (int q = 0; q + p < slices; ++q) {
      const Mat& other = of_b[static_cast<std::size_t>(q)];
      add(multiply(slice, shape, other), mul_up(norm, frobenius_up(other)));
    }
    const Mat& rest = rests[static_cast<std::size_t>(slices - p)];
    const double rest_norm = frobenius_up(rest), bound = mul_up(norm, rest_norm);
    error = add_up(error, product_error(slice, rest, norm, rest_norm));
    if (b.low.size() != 0) error = add_up(error, mul_up(2 * kUnitRoundoff, bound));
    rounded_norm = add_up(rounded_norm, mul_up(bound, 1.5));
    if (p == 1) {
      rounded = multiply(slice, shape, rest);
    } else {
      rounded += multiply(slice, shape, rest);
    }
  }
  add(rounded, rounded_norm);
  // The sum of the rounded terms; and the additions to `low`, k - 1 of them, of numbers of at most u
  // times what `high` has seen.
  const double k = slices * (slices - 1) / 2 + 1;
  error = add_up(error, mul_up(2 * slices * kUnitRoundoff, rounded_norm));
  error = add_up(error, mul_up(mul_up(1.5 * k * k, kUnitRoundoff * kUnitRoundoff), total));
  result.error = error < kInfinity && result.value.high.allFinite() && result.value.low.allFinite()
                     ? error
                     : kInfinity;
  return result;
}

}  // namespace widecert
