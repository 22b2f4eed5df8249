// The order gamma for filters that share a direction: a^t = K d + r^t in each bank, d and K the same for all its
// filters, r^t small. With s_p(i) = <d, f^p(x_i)>, patch p takes the samples whose s_p is smallest among those not used
// yet, in increasing order, one for each of its filters. If consecutive ones, and the next that is left, differ by at
// least g, and |<r^t, f^p(x_i)>| <= R, then s_j of a later sample is at least K g - 2 R above that of the neuron's own:
// N P l products order the samples, not N^2 l. (THEORY: README.md, "A shared direction".) Patches that cannot tell
// their samples apart, such as patches of padding, are skipped.
#pragma once

#include "proofs/rays/separation.h"

namespace widecert {

// What enters a layer, as integers over one divisor, each exact up to `radius`; samples are read or made one by one, by
// several threads at once.
struct LayerInput {
  std::size_t samples = 0, width = 0;
  Integer divisor = 1, radius = 0;
  Integer most = 0;  // no absolute value is larger
  // The values first..last-1 of a sample.
  std::function<void(std::size_t sample, std::size_t first, std::size_t last, std::int64_t* out)> read;
  bool made = false;  // reading costs more than it takes to keep what was read
};
LayerInput layer_input(const Dataset& data);  // requires 64-bit numerators
LayerInput layer_input(const ScaledFeatures& features);

// Where values are enclosed, on multiples of 2^-kSharedBits say, the checker's grid is finer by so many bits: as fine
// as 64 bits leave room for.
inline constexpr int kSharedBits = 44, kSharedGuardBits = 4;

struct SharedDirection {
  Separation gaps;                                    // for the neurons of the patches that are not skipped
  Integer factor;                                     // K, in all banks
  std::vector<std::vector<std::int64_t>> directions;  // d, by bank
  std::vector<std::vector<Integer>> filters;          // v^t = -a^t
  std::vector<std::size_t> skipped;                   // patches, increasing
};

// As separate(), for filters that are chosen here from a seed: d of at most `range`, or less as 64 bits ask (32, if
// `narrow`: faster, and more patches are skipped). Nothing if too few patches tell the samples apart, or
// the numbers do not fit into 64 bits. Cost: N l for each patch that is used, N l / 2 where samples are made; memory: 4
// to 8 bytes for each sample and patch of a group, the samples themselves if they are kept.
std::optional<SharedDirection> separate_along(const Architecture& network, std::size_t linear_node,
                                              const LayerInput& input, std::size_t neurons, Centre centre,
                                              bool saturated, std::uint64_t seed, bool narrow, std::int64_t range,
                                              const Progress& progress);

}  // namespace widecert
