#include <widecert/linalg/row_scaling.h>
#include <widecert/number/clones.h>
#include <widecert/number/parallel.h>

#include <algorithm>
#include <optional>

namespace widecert {
namespace {

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

// e[i] with 2^(e[i] - 1) <= max_j |a_ij| < 2^e[i]; of rows that are 0 the largest of the others.
std::variant<std::vector<int>, Undecided> row_exponents(const SplitMatrix& a, std::string& zero_row) {
  const Eigen::Index m = a.high.rows(), n = a.high.cols();
  const bool split = a.low.size() != 0;
  std::vector<int> exponents(static_cast<std::size_t>(m));
  std::vector<char> bad(static_cast<std::size_t>(m), 0);
  parallel_for(static_cast<std::size_t>(m), [&](std::size_t i) {
    const auto row = static_cast<Eigen::Index>(i);
    const double most = largest(a.high.data() + row * n, n);
    const bool finite = most < kInfinity && (!split || largest(a.low.data() + row * n, n) < kInfinity);
    bad[i] = !finite ? 1 : most == 0 ? 2 : 0;
    if (bad[i] == 0) std::frexp(most, &exponents[i]);
  });
  std::optional<int> most;
  for (std::size_t i = 0; i < bad.size(); ++i) {
    if (bad[i] == 1) return Undecided{"an entry is not finite"};
    if (bad[i] == 0) most = std::max(most.value_or(exponents[i]), exponents[i]);
    if (bad[i] == 2 && zero_row.empty()) zero_row = "row " + std::to_string(i + 1) + " is 0, or not known apart from 0";
  }
  for (std::size_t i = 0; i < bad.size(); ++i)
    if (bad[i] == 2) exponents[i] = most.value_or(0);
  return exponents;
}

// Row i times 2^-exponents[i].
SplitMatrix times_powers_of_two(const SplitMatrix& a, const std::vector<int>& exponents) {
  const Eigen::Index m = a.high.rows(), n = a.high.cols();
  const bool split = a.low.size() != 0;
  SplitMatrix scaled;
  scaled.high.resize(m, n);
  if (split) scaled.low.resize(m, n);
  parallel_for(static_cast<std::size_t>(m), [&](std::size_t i) {
    const auto row = static_cast<Eigen::Index>(i);
    // In two steps, as 2^-e may be out of range. Entries may be lost below the smallest double.
    const int e = exponents[i];
    const double one = std::ldexp(1.0, -e / 2), two = std::ldexp(1.0, -e - (-e / 2));
    scaled.high.row(row) = (a.high.row(row) * one) * two;
    if (split) scaled.low.row(row) = (a.low.row(row) * one) * two;
  });
  return scaled;
}

}  // namespace

std::variant<ScaledRows, Undecided> scale_rows(const MatrixEnclosure& a) {
  const Eigen::Index m = a.middle.high.rows(), n = a.middle.high.cols();
  if (m == 0 || n == 0) throw ShapeError("singular values of an empty matrix");
  if (m > n) throw InternalError("a matrix with more rows than columns");
  ScaledRows result;
  auto found = row_exponents(a.middle, result.zero_row);
  if (const auto* undecided = std::get_if<Undecided>(&found)) return *undecided;
  auto& exponents = std::get<std::vector<int>>(found);
  const auto [low, top] = std::minmax_element(exponents.begin(), exponents.end());
  constexpr int kTolerated = 10;  // rows that differ by a factor of 2^10 are left as they are
  result.given = &a.middle;
  result.smallest_exponent = *low;
  result.largest_exponent = *top;
  result.one_scale = *top - *low <= kTolerated;
  if (result.one_scale) {
    std::fill(exponents.begin(), exponents.end(), *top);
    result.smallest_exponent = result.largest_exponent;
  }
  if (result.one_scale && std::abs(*top) <= 100) {
    // Far from overflow and underflow as it is.
    std::fill(exponents.begin(), exponents.end(), 0);
    result.smallest_exponent = result.largest_exponent = 0;
  } else {
    result.scaled = times_powers_of_two(a.middle, exponents);
  }
  double radius = 0;
  for (std::size_t i = 0; i < exponents.size(); ++i) {
    double size = mul_up(4 * static_cast<double>(n), kUnderflow);
    if (!a.row_radius.empty()) {
      const double given = a.row_radius[i];
      if (!(given >= 0) || !(given < kInfinity)) return Undecided{"a radius is not finite"};
      size = add_up(size, next_up(std::ldexp(given, -exponents[i])));
    }
    radius = add_up(radius, mul_up(size, size));
    result.relative.push_back(std::ldexp(1.0, result.largest_exponent - exponents[i]));
  }
  result.radius = sqrt_up(radius);
  if (!(result.radius < kInfinity)) return Undecided{"a radius is not finite"};
  result.low_norm = result.middle().low.size() == 0 ? 0 : frobenius_up(result.middle().low);
  return result;
}

}  // namespace widecert
