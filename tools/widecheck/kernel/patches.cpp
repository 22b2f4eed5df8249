#include "kernel/patches.h"

#include <algorithm>
#include <cstdint>

#include "kernel/verdict.h"

namespace widecheck {
namespace {

void read_pair(const Value& node, const char* key, int dimensions, std::size_t out[2]) {
  constexpr std::uint64_t kMost = 1'000'000;
  const Value json = node.at(key);
  if (dimensions == 1) {
    out[0] = 1;
    out[1] = json.number(kMost);
  } else {
    const auto list = json.list();
    if (list.size() != 2) json.bad("[height, width]");
    out[0] = list[0].number(kMost);
    out[1] = list[1].number(kMost);
  }
  if (out[0] == 0 || out[1] == 0) json.bad("positive numbers");
}

}  // namespace

Window read_window(const Value& node, int dimensions, const std::vector<std::size_t>& shape, bool stride_is_size) {
  if (shape.size() != static_cast<std::size_t>(dimensions) + 1)
    throw Malformed("shape", node.place() + ": the window does not fit the shape of its input");
  Window w{};
  w.extent[0] = dimensions == 1 ? 1 : shape[0];
  w.extent[1] = shape[shape.size() - 2];
  w.channels = shape.back();
  read_pair(node, "size", dimensions, w.size);
  for (int d = 0; d < 2; ++d) {
    w.stride[d] = stride_is_size ? w.size[d] : 1;
    w.dilation[d] = 1;
  }
  if (node.has("stride")) read_pair(node, "stride", dimensions, w.stride);
  if (node.has("dilation")) read_pair(node, "dilation", dimensions, w.dilation);
  if (node.has("padding")) {
    const Value padding = node.at("padding");
    if (padding.is_list()) {
      const auto list = padding.list();
      if (list.size() != static_cast<std::size_t>(2 * dimensions)) padding.bad("2 numbers a dimension");
      for (std::size_t k = 0; k < list.size(); ++k) {
        const std::size_t amount = list[k].number(1'000'000);
        const std::size_t d = dimensions == 1 ? 1 : k % 2;
        (k < list.size() / 2 ? w.before : w.after)[d] = amount;
      }
    } else if (padding.text() == "same") {
      for (int d = 0; d < 2; ++d) {
        const std::size_t outputs = (w.extent[d] + w.stride[d] - 1) / w.stride[d];
        const std::size_t reach = (outputs - 1) * w.stride[d] + (w.size[d] - 1) * w.dilation[d] + 1;
        const std::size_t total = reach > w.extent[d] ? reach - w.extent[d] : 0;
        w.before[d] = total / 2;
        w.after[d] = total - total / 2;
      }
    } else if (padding.text() != "valid") {
      padding.bad("\"valid\", \"same\" or a list");
    }
  }
  for (int d = 0; d < 2; ++d) {
    const std::size_t reach = (w.size[d] - 1) * w.dilation[d] + 1;
    const std::size_t padded = w.extent[d] + w.before[d] + w.after[d];
    if (padded < reach) throw Malformed("shape", node.place() + ": the window does not fit");
    w.count[d] = (padded - reach) / w.stride[d] + 1;
  }
  return w;
}

std::size_t checked_product(const std::vector<std::size_t>& factors, const std::string& place) {
  std::size_t product = 1;
  for (std::size_t f : factors) {
    if (f == 0 || f > kMaxEntries / product)
      throw Malformed("shape", place + ": an extent of 0, or more than 2^27 numbers");
    product *= f;
  }
  return product;
}

bool sees_padding_only(const Window& w) {
  // A window sees the image if one of its rows and one of its columns lie in it.
  for (int d = 0; d < 2; ++d) {
    for (std::size_t place = 0; place < w.count[d]; ++place) {
      const std::size_t start = place * w.stride[d];  // in the padded image
      const std::size_t first =                       // the first step that is not in the padding before
          start >= w.before[d] ? 0 : (w.before[d] - start + w.dilation[d] - 1) / w.dilation[d];
      if (first >= w.size[d] || start + first * w.dilation[d] >= w.before[d] + w.extent[d]) return true;
    }
  }
  return false;
}

Patches::Patches(std::vector<std::vector<long>> entries, std::vector<std::size_t> bank, std::size_t banks)
    : count_(entries.size()), length_(banks), bank_(std::make_shared<const std::vector<std::size_t>>(std::move(bank))) {
  for (std::size_t p = 0; p < count_; ++p) length_[(*bank_)[p]] = entries[p].size();
  entries_ = std::make_shared<const std::vector<std::vector<long>>>(std::move(entries));
}

Patches::Patches(const Window& w, std::size_t groups, const std::string& place, std::shared_ptr<std::size_t> numbers)
    : groups_(groups), place_(place), numbers_(std::move(numbers)) {
  if (groups == 0 || w.channels % groups != 0)
    throw Malformed("shape", place + ": the groups do not divide the channels");
  const std::size_t length = checked_product({w.size[0], w.size[1], w.channels / groups}, place);
  count_ = checked_product({w.count[0], w.count[1], groups}, place);
  length_.assign(groups, length);
  window_ = std::make_shared<const Window>(w);
}

void Patches::expand(std::size_t p, std::vector<long>& entries) const {
  if (!window_) {
    entries = (*entries_)[p];
    return;
  }
  const Window& w = *window_;
  const std::size_t per_group = w.channels / groups_, group = p % groups_, position = p / groups_;
  const std::size_t y = position / w.count[1], x = position % w.count[1];
  entries.clear();
  for (std::size_t dy = 0; dy < w.size[0]; ++dy) {
    for (std::size_t dx = 0; dx < w.size[1]; ++dx) {
      const long row = static_cast<long>(y * w.stride[0] + dy * w.dilation[0]) - static_cast<long>(w.before[0]);
      const long column = static_cast<long>(x * w.stride[1] + dx * w.dilation[1]) - static_cast<long>(w.before[1]);
      const bool inside =
          row >= 0 && row < static_cast<long>(w.extent[0]) && column >= 0 && column < static_cast<long>(w.extent[1]);
      const long first = !inside ? 0
                                 : (row * static_cast<long>(w.extent[1]) + column) * static_cast<long>(w.channels) +
                                       static_cast<long>(group * per_group);
      for (std::size_t c = 0; c < per_group; ++c) entries.push_back(inside ? first + static_cast<long>(c) : kPad);
    }
  }
}

const std::vector<std::vector<long>>& Patches::entries() const {
  static const std::vector<std::vector<long>> none;
  if (count_ == 0) return none;
  if (!entries_) {
    *numbers_ += checked_product({count_, length_[0]}, place_);
    if (*numbers_ > kMaxEntries)
      throw Malformed("too-large", place_ + ": a network of more than 2^27 neurons and patch entries");
    auto all = std::make_shared<std::vector<std::vector<long>>>(count_);
    for (std::size_t p = 0; p < count_; ++p) expand(p, (*all)[p]);
    entries_ = std::move(all);
  }
  return *entries_;
}

std::vector<mpz_class> Patches::content(std::size_t p, const std::vector<mpz_class>& x) const {
  std::vector<mpz_class> content(entries()[p].size());
  for_each_seen(p, [&](std::size_t r, std::size_t input) { content[r] = x[input]; });
  return content;
}

}  // namespace widecheck
