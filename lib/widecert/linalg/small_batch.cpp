#include <widecert/linalg/small_batch.h>
#include <widecert/number/clones.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace widecert {
namespace {

constexpr std::size_t kLanes = 8, kTile = 4;
typedef double Lane __attribute__((vector_size(8 * kLanes), aligned(64)));
typedef long Mask __attribute__((vector_size(8 * kLanes), aligned(64)));

// Eight matrices, interleaved: a[i * cols + k] has entry (i, k) of each. Rows are padded with zeros to a
// multiple of the tile; l has room for padded x padded lanes. Writes 1 for the lanes whose A A^T - diag
// (shift) was factored with positive pivots.
WIDECERT_CLONES void factor(const Lane* a, std::size_t rows, std::size_t padded, std::size_t cols, const Lane* shift,
                            Lane* l, Lane* inverse, long* positive) {
  Mask good = {};
  good = ~good;
  for (std::size_t i = 0; i < padded; i += kTile) {
    for (std::size_t j = 0; j <= i; j += kTile) {
      Lane sum[kTile][kTile] = {};
      for (std::size_t k = 0; k < cols; ++k) {
        for (std::size_t r = 0; r < kTile; ++r)
          for (std::size_t c = 0; c < kTile; ++c) sum[r][c] += a[(i + r) * cols + k] * a[(j + c) * cols + k];
      }
      for (std::size_t k = 0; k < j; ++k) {
        for (std::size_t r = 0; r < kTile; ++r)
          for (std::size_t c = 0; c < kTile; ++c) sum[r][c] -= l[(i + r) * padded + k] * l[(j + c) * padded + k];
      }
      if (i != j) {
        for (std::size_t c = 0; c < kTile; ++c) {
          for (std::size_t r = 0; r < kTile; ++r) {
            Lane s = sum[r][c];
            for (std::size_t k = 0; k < c; ++k) s -= l[(i + r) * padded + j + k] * l[(j + c) * padded + j + k];
            l[(i + r) * padded + j + c] = s * inverse[j + c];
          }
        }
        continue;
      }
      for (std::size_t c = 0; c < kTile; ++c) {
        Lane d = sum[c][c] - *shift;
        for (std::size_t k = 0; k < c; ++k) d -= l[(i + c) * padded + j + k] * l[(i + c) * padded + j + k];
        if (i + c >= rows) d = d * 0 + 1;  // padding
        good &= d > 0;
        Lane root = {};
        for (std::size_t lane = 0; lane < kLanes; ++lane) root[lane] = __builtin_sqrt(d[lane] > 0 ? d[lane] : 1.0);
        inverse[i + c] = 1 / root;
        l[(i + c) * padded + j + c] = root;
        for (std::size_t r = c + 1; r < kTile; ++r) {
          Lane s = sum[r][c];
          for (std::size_t k = 0; k < c; ++k) s -= l[(i + r) * padded + j + k] * l[(i + c) * padded + j + k];
          l[(i + r) * padded + j + c] = s * inverse[i + c];
        }
      }
    }
  }
  for (std::size_t lane = 0; lane < kLanes; ++lane) positive[lane] = good[lane] != 0;
}

struct Aligned {
  explicit Aligned(std::size_t lanes) : raw(lanes * kLanes + kLanes) {}
  Lane* data() {
    const auto address = reinterpret_cast<std::uintptr_t>(raw.data());
    return reinterpret_cast<Lane*>((address + 63) / 64 * 64);
  }
  std::vector<double> raw;
};

}  // namespace

void small_batch(std::span<const double> values, std::size_t rows, std::size_t cols, std::span<double> smallest_low) {
  const std::size_t size = rows * cols, count = smallest_low.size();
  if (rows == 0 || rows > cols || values.size() != size * count) {
    throw ShapeError("matrices of another size, or with more rows than columns");
  }
  require_ieee();
  const std::size_t padded = (rows + kTile - 1) / kTile * kTile;
  const double gamma = gamma_up(static_cast<double>(cols + rows + 12)) * (1 + 0x1p-40);
  constexpr std::size_t kGroups = 32;  // of a task
  const std::size_t groups = (count + kLanes - 1) / kLanes;
  parallel_for((groups + kGroups - 1) / kGroups, [&](std::size_t task) {
    Aligned a(padded * cols), l(padded * padded), inverse(padded);
    std::fill(a.raw.begin(), a.raw.end(), 0.0);
    for (std::size_t g = task * kGroups; g < std::min(groups, (task + 1) * kGroups); ++g) {
      const std::size_t first = g * kLanes, here = std::min(kLanes, count - first);
      auto* out = reinterpret_cast<double*>(a.data());
      alignas(64) double trace[kLanes] = {}, error[kLanes] = {};
      for (std::size_t lane = 0; lane < here; ++lane) {
        const double* in = &values[(first + lane) * size];
        double sum[4] = {};
        for (std::size_t k = 0; k < size; ++k) {
          out[k * kLanes + lane] = in[k];
          sum[k % 4] += in[k] * in[k];
        }
        trace[lane] = sum_up((sum[0] + sum[1]) + (sum[2] + sum[3]), size);
        error[lane] = 2 * mul_up(gamma, trace[lane]);  // the shift: twice the bound
      }
      Lane shift;
      std::memcpy(&shift, error, sizeof shift);
      long positive[kLanes];
      factor(a.data(), rows, padded, cols, &shift, l.data(), inverse.data(), positive);
      for (std::size_t lane = 0; lane < here; ++lane) {
        const bool moderate = trace[lane] > 0x1p-400 && trace[lane] < 0x1p400;
        smallest_low[first + lane] = moderate && positive[lane] != 0 ? sqrt_down(error[lane] / 2) : 0;
      }
    }
  });
}

}  // namespace widecert
