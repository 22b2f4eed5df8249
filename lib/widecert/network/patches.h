// PatchLayout: which input neurons each patch of a layer sees (Definition 2.1, Nguyen & Hein 2018).
//
// A patch is an ordered list of input neurons; kPadding stands for the constant 0 of zero padding.
// Patches of the same bank share their filters (a grouped convolution has one bank per group).
// Layouts of convolutions and pools are kept as their geometry and expanded one patch at a time, so
// a 224 x 224 layer costs no memory. Conventions: images are H, W, C row-major; entries of a patch
// run (dy, dx, c); patches run (y, x, group).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace widecert {

inline constexpr std::int64_t kPadding = -1;

struct Patch {
  std::vector<std::int64_t> entries;
  std::size_t bank = 0;
};

// A sliding window over an H x W x C image. One-dimensional windows have height 1.
struct WindowGeometry {
  std::size_t height = 1, width = 1, channels = 1;
  std::size_t groups = 1;  // divides channels; each group of channels is a patch of its own
  std::array<std::size_t, 2> size{1, 1}, stride{1, 1}, dilation{1, 1};
  std::array<std::size_t, 4> padding{0, 0, 0, 0};  // top, left, bottom, right

  std::size_t output_height() const;
  std::size_t output_width() const;
  // "same" zero padding: ceil(extent / stride) outputs, the smaller half of the padding first.
  void pad_same();
};

class PatchLayout {
 public:
  // One patch: all neurons 0..inputs-1 in order (a dense layer).
  static PatchLayout full(std::size_t inputs);
  // Arbitrary patches. Throws ShapeError if an entry is out of range, an index occurs twice in one
  // patch, a patch has no neuron, or two patches of one bank differ in length.
  static PatchLayout from_list(std::size_t inputs, std::vector<Patch> patches);
  // Throws ShapeError if the window does not fit or groups do not divide the channels.
  static PatchLayout window(const WindowGeometry& geometry);

  std::size_t inputs() const { return inputs_; }
  std::size_t count() const { return count_; }
  std::size_t banks() const { return lengths_.size(); }
  std::size_t length(std::size_t bank) const { return lengths_[bank]; }
  std::size_t longest() const { return *std::max_element(lengths_.begin(), lengths_.end()); }
  std::size_t bank(std::size_t patch) const;
  // Writes the entries of patch number `patch` (0-based) to `entries`.
  void expand(std::size_t patch, std::vector<std::int64_t>& entries) const;
  std::vector<std::int64_t> entries(std::size_t patch) const;
  // The geometry, if this is a window. A dense layer is a window of size 1 on one position.
  std::optional<WindowGeometry> geometry() const;
  // All patches at once, for repeated evaluation.
  struct Flat {
    std::vector<std::int64_t> entries;  // patch after patch
    std::vector<std::size_t> begin;     // of each patch, and the end
  };
  Flat flat() const;

 private:
  struct Full {};
  std::size_t inputs_ = 0, count_ = 0;
  std::vector<std::size_t> lengths_;  // per bank
  std::variant<Full, std::vector<Patch>, WindowGeometry> form_;
};

}  // namespace widecert
