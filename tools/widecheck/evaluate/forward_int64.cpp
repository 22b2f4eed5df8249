#include "evaluate/forward_int64.h"

#include <algorithm>

#include "kernel/clones.h"
#include "kernel/patches.h"

namespace widecheck::int64 {
namespace {

// sum[t] += x * w[t] for all t. S may be narrower than 64 bits where bounds allow it.
template <class S>
inline void add_row(S* sum, S x, const S* w, std::size_t count) {
  for (std::size_t t = 0; t < count; ++t) sum[t] += x * w[t];
}

}  // namespace

WIDECHECK_CLONES void add_patch(std::int64_t* sums, const std::int64_t* x, const std::vector<long>& patch,
                                const std::int64_t* weights, std::size_t filters) {
  for (std::size_t r = 0; r < patch.size(); ++r)
    if (patch[r] != kPad) add_row(sums, x[patch[r]], weights + r * filters, filters);
}

void add_patch(Int128* sums, const std::int64_t* x, const std::vector<long>& patch, const std::int64_t* weights,
               std::size_t filters) {
  for (std::size_t r = 0; r < patch.size(); ++r) {
    if (patch[r] == kPad) continue;
    const Int128 v = x[patch[r]];
    const std::int64_t* w = weights + r * filters;
    for (std::size_t t = 0; t < filters; ++t) sums[t] += v * w[t];
  }
}

WIDECHECK_CLONES void add_patch(std::int64_t* sums, const std::int64_t* x, const std::vector<long>& patch,
                                const std::int32_t* weights, std::size_t filters) {
  constexpr std::size_t kChunk = 128;
  for (std::size_t begin = 0; begin < filters; begin += kChunk) {
    const std::size_t size = std::min(kChunk, filters - begin);
    std::int32_t part[kChunk] = {};
    for (std::size_t r = 0; r < patch.size(); ++r) {
      if (patch[r] == kPad) continue;
      add_row(part, static_cast<std::int32_t>(x[patch[r]]), weights + r * filters + begin, size);
    }
    for (std::size_t t = 0; t < size; ++t) sums[begin + t] += part[t];
  }
}

WIDECHECK_CLONES void add_patch(std::int64_t* sums, const std::int32_t* x, const std::vector<long>& patch,
                                const std::int32_t* weights, std::size_t filters) {
  for (std::size_t r = 0; r < patch.size(); ++r) {
    const std::int64_t v = patch[r] == kPad ? 0 : x[patch[r]];
    if (v == 0) continue;
    const std::int32_t* w = weights + r * filters;
    for (std::size_t t = 0; t < filters; ++t) sums[t] += v * w[t];
  }
}

WIDECHECK_CLONES void add_patch_of_difference(std::int64_t* sums, const std::int32_t* x, const std::vector<long>& patch,
                                              const std::int32_t* before, const std::int32_t* after,
                                              std::size_t filters) {
  for (std::size_t r = 0; r < patch.size(); ++r) {
    const std::int64_t v = patch[r] == kPad ? 0 : x[patch[r]];
    if (v == 0) continue;
    for (std::size_t t = r * filters, k = 0; k < filters; ++k) sums[k] += v * (after[t + k] - before[t + k]);
  }
}

WIDECHECK_CLONES void add(std::vector<std::int64_t>& y, const std::vector<std::int64_t>& bias) {
  std::int64_t* sums = y.data();
  const std::int64_t* more = bias.data();
  const std::size_t count = y.size();
  for (std::size_t h = 0; h < count; ++h) sums[h] += more[h];
}

WIDECHECK_CLONES void relu(std::vector<std::int64_t>& y) {
  std::int64_t* values = y.data();
  const std::size_t count = y.size();
  for (std::size_t h = 0; h < count; ++h) values[h] = std::max<std::int64_t>(values[h], 0);
}

WIDECHECK_CLONES void step(Function f, std::vector<std::int64_t>& y) {
  std::int64_t* values = y.data();
  const std::size_t count = y.size();
  const int raised = f == Function::half_step ? 1 : 0, kept = f == Function::step ? 0 : 1;
  for (std::size_t h = 0; h < count; ++h)
    values[h] = static_cast<int>(values[h] > 0) - kept * static_cast<int>(values[h] < 0) + raised;
}

}  // namespace widecheck::int64
