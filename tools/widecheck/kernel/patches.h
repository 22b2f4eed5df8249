// Which input neurons each patch of a layer sees: a list, or the geometry of a sliding window.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "kernel/input.h"

namespace widecheck {

constexpr long kPad = -1;

// What a claim may ask the checker to hold in memory at once.
constexpr std::size_t kMaxEntries = std::size_t{1} << 27;

// The product, if no factor is 0 and it is at most 2^27. Throws Malformed("shape").
std::size_t checked_product(const std::vector<std::size_t>& factors, const std::string& place);

// A window over images height x width x channels (height 1 in one dimension).
struct Window {
  std::size_t size[2], stride[2], dilation[2], before[2], after[2], extent[2], count[2];
  std::size_t channels;
};
// Reads the keys of a convolution or pool. Throws Malformed.
Window read_window(const Value& node, int dimensions, const std::vector<std::size_t>& shape, bool stride_is_size);

// Whether some window lies in the padding altogether.
bool sees_padding_only(const Window& window);

// Patches run (y, x, group); entries run (dy, dx, channel of the group): input neurons or kPad.
// Patches of one bank share their filters.
class Patches {
 public:
  Patches() = default;
  // `numbers` counts what the network holds, for the limit on it.
  Patches(std::vector<std::vector<long>> entries, std::vector<std::size_t> bank, std::size_t banks);
  Patches(const Window& window, std::size_t groups, const std::string& place, std::shared_ptr<std::size_t> numbers);

  std::size_t count() const { return count_; }
  std::size_t banks() const { return length_.size(); }
  std::size_t length(std::size_t bank) const { return length_[bank]; }
  std::size_t longest() const { return length_.empty() ? 1 : *std::max_element(length_.begin(), length_.end()); }
  std::size_t bank(std::size_t p) const { return window_ ? p % groups_ : (*bank_)[p]; }
  // The entries of one patch.
  void expand(std::size_t p, std::vector<long>& entries) const;
  // All patches; those of a window are expanded when first asked for. Throws Malformed("too-large")
  // if the network then holds more than 2^27 numbers.
  const std::vector<std::vector<long>>& entries() const;
  // Calls visit(position in the patch, input neuron) for the entries of patch p that are not padding.
  template <class Visit>
  void for_each_seen(std::size_t p, Visit visit) const {
    const std::vector<long>& patch = entries()[p];
    for (std::size_t r = 0; r < patch.size(); ++r)
      if (patch[r] != kPad) visit(r, static_cast<std::size_t>(patch[r]));
  }
  // What patch p sees of x, 0 for padding.
  std::vector<mpz_class> content(std::size_t p, const std::vector<mpz_class>& x) const;
  // The window, or null.
  const Window* window() const { return window_.get(); }

 private:
  std::size_t count_ = 0, groups_ = 1;
  std::vector<std::size_t> length_;
  std::shared_ptr<const std::vector<std::size_t>> bank_;  // of lists only
  std::shared_ptr<const Window> window_;
  mutable std::shared_ptr<const std::vector<std::vector<long>>> entries_;
  std::string place_;
  std::shared_ptr<std::size_t> numbers_;
};

}  // namespace widecheck
