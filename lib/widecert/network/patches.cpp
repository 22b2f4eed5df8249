#include <widecert/network/patches.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <numeric>
#include <string>

namespace widecert {
namespace {

std::size_t positions(std::size_t extent, std::size_t before, std::size_t after, std::size_t size, std::size_t stride,
                      std::size_t dilation) {
  const std::size_t padded = extent + before + after;
  const std::size_t reach = (size - 1) * dilation + 1;
  return padded < reach ? 0 : (padded - reach) / stride + 1;
}

}  // namespace

std::size_t WindowGeometry::output_height() const {
  return positions(height, padding[0], padding[2], size[0], stride[0], dilation[0]);
}
std::size_t WindowGeometry::output_width() const {
  return positions(width, padding[1], padding[3], size[1], stride[1], dilation[1]);
}

void WindowGeometry::pad_same() {
  const std::array<std::size_t, 2> extent{height, width};
  for (int d = 0; d < 2; ++d) {
    const std::size_t outputs = (extent[d] + stride[d] - 1) / stride[d];
    const std::size_t needed = (outputs - 1) * stride[d] + (size[d] - 1) * dilation[d] + 1;
    const std::size_t total = needed > extent[d] ? needed - extent[d] : 0;
    padding[d] = total / 2;
    padding[d + 2] = total - total / 2;
  }
}

PatchLayout PatchLayout::full(std::size_t inputs) {
  PatchLayout layout;
  layout.inputs_ = inputs;
  layout.count_ = 1;
  layout.lengths_ = {inputs};
  return layout;
}

PatchLayout PatchLayout::from_list(std::size_t inputs, std::vector<Patch> patches) {
  if (patches.empty()) throw ShapeError("a layer without patches; expected at least one");
  PatchLayout layout;
  layout.inputs_ = inputs;
  layout.count_ = patches.size();
  for (std::size_t p = 0; p < patches.size(); ++p) {
    const Patch& patch = patches[p];
    const std::string where = "patch " + std::to_string(p + 1);
    std::vector<std::int64_t> seen;
    for (std::int64_t e : patch.entries) {
      if (e == kPadding) continue;
      if (e < 0 || static_cast<std::size_t>(e) >= inputs) {
        throw ShapeError(where + " names input neuron " + std::to_string(e) + "; expected 0 to " +
                         std::to_string(inputs - 1) + ", or null for zero padding");
      }
      seen.push_back(e);
    }
    if (seen.empty()) throw ShapeError(where + " sees no neuron");
    std::sort(seen.begin(), seen.end());
    if (std::adjacent_find(seen.begin(), seen.end()) != seen.end()) {
      throw ShapeError(where + " names an input neuron twice");
    }
    if (patch.bank > patches.size()) throw ShapeError(where + " has a bank number out of range");
    if (layout.lengths_.size() <= patch.bank) layout.lengths_.resize(patch.bank + 1, 0);
    std::size_t& length = layout.lengths_[patch.bank];
    if (length != 0 && length != patch.entries.size()) {
      throw ShapeError(where + " has " + std::to_string(patch.entries.size()) + " entries, others of bank " +
                       std::to_string(patch.bank) + " have " + std::to_string(length));
    }
    length = patch.entries.size();
  }
  if (std::find(layout.lengths_.begin(), layout.lengths_.end(), 0u) != layout.lengths_.end()) {
    throw ShapeError("banks must be numbered 0, 1, 2, ... without a gap");
  }
  layout.form_ = std::move(patches);
  return layout;
}

PatchLayout PatchLayout::window(const WindowGeometry& g) {
  if (g.size[0] == 0 || g.size[1] == 0 || g.stride[0] == 0 || g.stride[1] == 0 || g.dilation[0] == 0 ||
      g.dilation[1] == 0) {
    throw ShapeError("size, stride and dilation must be positive");
  }
  if (g.groups == 0 || g.channels % g.groups != 0) {
    throw ShapeError(std::to_string(g.groups) + " groups do not divide " + std::to_string(g.channels) + " channels");
  }
  if (g.output_height() == 0 || g.output_width() == 0) {
    throw ShapeError("a window of " + std::to_string(g.size[0]) + " x " + std::to_string(g.size[1]) +
                     " does not fit into " + std::to_string(g.height) + " x " + std::to_string(g.width));
  }
  PatchLayout layout;
  layout.inputs_ = g.height * g.width * g.channels;
  layout.count_ = g.output_height() * g.output_width() * g.groups;
  layout.lengths_.assign(g.groups, g.size[0] * g.size[1] * (g.channels / g.groups));
  layout.form_ = g;
  return layout;
}

std::size_t PatchLayout::bank(std::size_t patch) const {
  if (const auto* list = std::get_if<std::vector<Patch>>(&form_)) return (*list)[patch].bank;
  if (const auto* g = std::get_if<WindowGeometry>(&form_)) return patch % g->groups;
  return 0;
}

void PatchLayout::expand(std::size_t patch, std::vector<std::int64_t>& entries) const {
  check(patch < count_, "a patch number in range");
  if (const auto* list = std::get_if<std::vector<Patch>>(&form_)) {
    entries = (*list)[patch].entries;
    return;
  }
  entries.clear();
  if (std::holds_alternative<Full>(form_)) {
    entries.resize(inputs_);
    std::iota(entries.begin(), entries.end(), std::int64_t{0});
    return;
  }
  const auto& g = std::get<WindowGeometry>(form_);
  const std::size_t group = patch % g.groups, position = patch / g.groups;
  const std::size_t y = position / g.output_width(), x = position % g.output_width();
  const std::size_t per_group = g.channels / g.groups;
  for (std::size_t dy = 0; dy < g.size[0]; ++dy) {
    for (std::size_t dx = 0; dx < g.size[1]; ++dx) {
      // Unsigned wrap-around makes positions before the image large: one comparison serves both.
      const std::size_t row = y * g.stride[0] + dy * g.dilation[0] - g.padding[0];
      const std::size_t column = x * g.stride[1] + dx * g.dilation[1] - g.padding[1];
      const bool inside = row < g.height && column < g.width;
      for (std::size_t c = 0; c < per_group; ++c) {
        entries.push_back(inside
                              ? static_cast<std::int64_t>((row * g.width + column) * g.channels + group * per_group + c)
                              : kPadding);
      }
    }
  }
}

std::vector<std::int64_t> PatchLayout::entries(std::size_t patch) const {
  std::vector<std::int64_t> result;
  expand(patch, result);
  return result;
}

std::optional<WindowGeometry> PatchLayout::geometry() const {
  if (const auto* g = std::get_if<WindowGeometry>(&form_)) return *g;
  if (!std::holds_alternative<Full>(form_)) return std::nullopt;
  WindowGeometry one;
  one.channels = inputs_;
  return one;
}

PatchLayout::Flat PatchLayout::flat() const {
  Flat flat;
  std::vector<std::int64_t> patch;
  for (std::size_t p = 0; p < count_; ++p) {
    expand(p, patch);
    flat.begin.push_back(flat.entries.size());
    flat.entries.insert(flat.entries.end(), patch.begin(), patch.end());
  }
  flat.begin.push_back(flat.entries.size());
  return flat;
}

}  // namespace widecert
