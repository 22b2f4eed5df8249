// The inner loops of the forward pass in machine integers, where Forward has first computed bounds that
// exclude overflow: twins of what forward.cpp does with big integers. They are apart because they are
// written for speed and hold no meaning of their own.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel/function.h"
#include "kernel/int128.h"

namespace widecheck::int64 {

// sums[t] += sum over r of x[patch[r]] weights[r * filters + t], for t = 0..filters-1; padding counts as 0.
void add_patch(std::int64_t* sums, const std::int64_t* x, const std::vector<long>& patch, const std::int64_t* weights,
               std::size_t filters);
// The same where sums stay within 128 bits.
void add_patch(Int128* sums, const std::int64_t* x, const std::vector<long>& patch, const std::int64_t* weights,
               std::size_t filters);
// The same where every partial sum without `sums` fits into 32 bits, as do x and the weights.
void add_patch(std::int64_t* sums, const std::int64_t* x, const std::vector<long>& patch, const std::int32_t* weights,
               std::size_t filters);
// The same with numbers of 32 bits and sums of 64; with weights `after` - `before`.
void add_patch(std::int64_t* sums, const std::int32_t* x, const std::vector<long>& patch, const std::int32_t* weights,
               std::size_t filters);
void add_patch_of_difference(std::int64_t* sums, const std::int32_t* x, const std::vector<long>& patch,
                             const std::int32_t* before, const std::int32_t* after, std::size_t filters);
void add(std::vector<std::int64_t>& y, const std::vector<std::int64_t>& bias);
void relu(std::vector<std::int64_t>& y);
// Twice the value for half-step (0, 1, 2), the value for step (0, 0, 1) and sign (-1, 0, 1).
void step(Function f, std::vector<std::int64_t>& y);

}  // namespace widecheck::int64
