// In which order a file keeps the entries of images. Ours is height, width, channels (length, channels), the channels
// running fastest. A file with another order gives another network or other data, and nothing in the numbers shows it:
// so the order is said by the user, or it fits in one way only and is said aloud.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace widecert {

using Extents = std::vector<std::size_t>;

// How an image became one row of numbers.
enum class Flattening { channels_last, channels_first };
const char* flattening_name(Flattening flattening);  // "channels-last", "channels-first"
std::optional<Flattening> flattening_by_name(const std::string& name);

// Whose order a file has, said in one word. torch: channels before places, filters first. keras: channels last, and
// filters, too.
enum class Convention { torch, keras };

// What is said about a file.
struct Layout {
  std::vector<std::size_t> axes;  // axis k of ours is axis axes[k] of the file; empty: not said
  std::optional<Flattening> flatten;
  std::optional<Convention> convention = {};  // alone
};

// The same with axes and flatten instead of a convention, for an array of such extents: of samples, the first axis
// counts them, and images of one channel may have no axis for it; of the weights of a layer. Claims have no
// conventions.
Layout settled_for_samples(const Layout& said, const Extents& file, const Extents& image);
Layout settled_for_weights(const Layout& said, const Extents& file);

// How many entries that are; 1 of none.
std::size_t product(const Extents& extents);

// Whether the two flattenings of an image differ: several channels and several places.
bool has_two_orders(const Extents& image);

// Entry j of ours is entry order[j] of a row in the file; empty: the same order. `row`: the extents of a row in the
// file, the axes permuted as said; `image`: of ours, empty or one extent if it is none. Throws ShapeError, after
// `what`, if the extents do not fit or two orders do and none is said.
std::vector<std::size_t> row_order(const Extents& row, const Layout& said, const Extents& image,
                                   const std::string& what);

// The axes of a file of samples where nothing is said: empty if no two orders are possible, and if both fit or none
// does (row_order() then says what is wrong).
std::vector<std::size_t> only_axes(const Extents& file, const Extents& image);

// "28 x 28 x 1"
std::string describe(const Extents& extents);

}  // namespace widecert
