// In which order a file keeps the entries of images. Ours is height, width, channels (length, channels), the channels
// running fastest. Where another order is possible, a claim says which one is meant: else it is malformed.
#pragma once

#include <string>
#include <vector>

#include "kernel/input.h"

namespace widecheck {

using Extents = std::vector<std::size_t>;

struct Layout {
  Extents axes;  // axis k of ours is axis axes[k] of the file; empty: as they are
  bool flattened = false, channels_first = false;
};
Layout read_layout(const Value& json);  // "axes" and "flatten", both optional
std::string in_words(const Layout& layout);

// The strides of a file's axes in elements, and its extents, in the order of ours. Throws Malformed("shape") unless the
// axes permute those of the file.
struct Axes {
  Extents extents, strides;
};
Axes permuted_axes(const Extents& shape, bool fortran, const Layout& layout, const std::string& name);

// Entry j of an image is entry order[j] of a row of the file, the axes permuted; empty: of the same place. `image` is
// empty or has one extent where the row is none. Throws Malformed("shape") if the extents do not fit, or two orders do
// and none is said.
Extents row_order(const Extents& row, const Layout& layout, const Extents& image, const std::string& name);

// Where the samples of an array of them are: entry j of sample i is element i * step + first[j].
struct SamplePlaces {
  std::size_t samples = 0, step = 0;
  Extents first;
};
SamplePlaces sample_places(const Extents& shape, bool fortran, const Layout& layout, const Extents& image,
                           const std::string& name);

}  // namespace widecheck
