// Search for layers that violate Assumption 2.4 although their patches cover the input and differ:
// over patch structures (exhaustive up to symmetry, or random) and over regular convolutions.
//
// Structures: P different l-tuples of n neurons that cover them all, with T <= l filters. Renaming
// the neurons and permuting the positions of all patches at once are symmetries; of each class the
// least representative is visited. Smallest first: by n, l, P, T.
#pragma once

#include <widecert/network/architecture.h>

#include <functional>
#include <map>

#include "hunt_slice.h"

namespace widecert {

// One layer, named "layer".
struct HuntCandidate {
  std::string name, title;
  Architecture network;
  std::map<std::string, std::size_t> parameters;  // "image", "size", ... for the map
};

struct HuntCallbacks {
  std::function<void(const HuntCandidate&)> visit;
  // Everything before `position` is done. Called often; may throw to stop the search.
  std::function<void(std::uint64_t position)> tick;
};

struct StructureBounds {
  std::size_t neurons = 4, length = 3, patches = 4, filters = 3;  // at most; neurons <= 9
};
// The number of raw candidates.
std::uint64_t count_structures(const StructureBounds& bounds);
void hunt_structures(const StructureBounds& bounds, const HuntSlice& slice, const HuntCallbacks& callbacks);
// `count` random ones, each with bounds drawn first.
void hunt_random_structures(const StructureBounds& bounds, std::uint64_t seed, std::uint64_t count,
                            const HuntSlice& slice, const HuntCallbacks& callbacks);

struct ConvolutionBounds {
  int dimensions = 2;
  std::size_t image = 6, size = 3, channels = 2, filters = 3, stride = 1;  // at most
  bool same_padding = false;
};
std::uint64_t count_convolutions(const ConvolutionBounds& bounds);
// Convolutions whose patches cover the image (see structural_bound()).
void hunt_convolutions(const ConvolutionBounds& bounds, const HuntSlice& slice, const HuntCallbacks& callbacks);

// The rank of U at seeded filters modulo a prime below 2^31: the rank for almost every W, but for a
// chance of about n / 2^31 that it is more. A hint: claims are proved.
std::size_t probable_rank(const HuntCandidate& candidate, std::uint64_t seed);

}  // namespace widecert
