#include "proofs/weights/sparse_filters.h"

#include <algorithm>
#include <array>

namespace widecert {
namespace {

// One axis of a window: tap r of position y sees the place y * stride + r * dilation - before.
struct Axis {
  std::int64_t extent, size, stride, dilation, before, outputs;
  std::int64_t first(std::int64_t tap) const { return tap * dilation - before; }
  std::int64_t last(std::int64_t tap) const { return first(tap) + (outputs - 1) * stride; }
};

// For each residue class of places modulo the stride, few taps that together see all of it: those
// that reach furthest, from the first place on. Without an entry: a class that is not seen whole.
std::vector<std::vector<std::int64_t>> covering_taps(const Axis& a) {
  std::vector<std::vector<std::int64_t>> classes;
  for (std::int64_t residue = 0; residue < std::min(a.stride, a.extent); ++residue) {
    std::vector<std::int64_t> taps;
    for (std::int64_t place = residue; place < a.extent;) {
      std::int64_t best = -1;
      for (std::int64_t tap = 0; tap < a.size; ++tap) {
        const bool sees = a.first(tap) <= place && a.last(tap) >= place && (place - a.first(tap)) % a.stride == 0;
        if (sees && (best < 0 || a.last(tap) > a.last(best))) best = tap;
      }
      if (best < 0) break;
      taps.push_back(best);
      place = a.last(best) + a.stride;
    }
    if (!taps.empty()) classes.push_back(std::move(taps));
  }
  return classes;
}

// Taps that see no padding and no place twice.
std::vector<std::int64_t> disjoint_taps(const Axis& a) {
  std::vector<std::int64_t> taps;
  for (std::int64_t tap = 0; tap < a.size; ++tap) {
    if (a.first(tap) < 0 || a.last(tap) >= a.extent) continue;
    const bool meets = std::any_of(taps.begin(), taps.end(), [&](std::int64_t other) {
      const std::int64_t shift = a.first(tap) - a.first(other);
      return shift % a.stride == 0 && shift / a.stride < a.outputs;
    });
    if (!meets) taps.push_back(tap);
  }
  return taps;
}

using Filter = std::vector<std::size_t>;  // positions of the ones

struct Channel {                         // the places of one channel in one residue class of rows and of columns
  std::vector<std::int64_t> rows, cols;  // taps
  std::size_t channel;
};

class WindowFilters {
 public:
  WindowFilters(const WindowGeometry& g, std::size_t filters)
      : g_(g), channels_(g.channels / g.groups), filters_(filters) {
    for (int d = 0; d < 2; ++d) {
      const auto at = [](std::size_t n) { return static_cast<std::int64_t>(n); };
      axis_[d] = {at(d == 0 ? g.height : g.width),
                  at(g.size[d]),
                  at(g.stride[d]),
                  at(g.dilation[d]),
                  at(g.padding[d]),
                  at(d == 0 ? g.output_height() : g.output_width())};
    }
  }

  // Every input is to be seen.
  std::vector<Filter> covering() const {
    std::vector<Channel> all;
    for (const auto& rows : covering_taps(axis_[0]))
      for (const auto& cols : covering_taps(axis_[1]))
        for (std::size_t c = 0; c < channels_; ++c) all.push_back({rows, cols, c});
    std::size_t taps = 0;
    for (const Channel& c : all) taps += c.rows.size() * c.cols.size();
    return taps <= filters_ ? one_tap_each(all) : banded(all);
  }

  // No input is to be seen twice.
  std::vector<Filter> distinct() const {
    std::vector<Filter> filters;
    for (std::size_t c = 0; c < channels_; ++c) {
      for (std::int64_t row : disjoint_taps(axis_[0])) {
        for (std::int64_t col : disjoint_taps(axis_[1])) {
          if (filters.size() < filters_) filters.push_back({position(row, col, c)});
        }
      }
    }
    return filters;
  }

 private:
  std::size_t position(std::int64_t row, std::int64_t col, std::size_t channel) const {
    return (static_cast<std::size_t>(row) * g_.size[1] + static_cast<std::size_t>(col)) * channels_ + channel;
  }

  std::vector<Filter> one_tap_each(const std::vector<Channel>& all) const {
    std::vector<Filter> filters;
    for (const Channel& c : all)
      for (std::int64_t row : c.rows)
        for (std::int64_t col : c.cols) filters.push_back({position(row, col, c.channel)});
    return filters;
  }

  // Bands for channels of one kind: seen by one tap or by two in each direction.
  std::vector<Filter> banded(const std::vector<Channel>& all) const {
    std::array<std::vector<Channel>, 4> kinds;
    for (const Channel& c : all) {
      if (c.rows.size() > 2 || c.cols.size() > 2) return {};
      kinds[(c.rows.size() - 1) * 2 + c.cols.size() - 1].push_back(c);
    }
    // Channels of a kind are cut into bands; each takes so many filters more than channels.
    constexpr std::array<std::size_t, 4> kExtra{0, 1, 1, 2};
    std::array<std::size_t, 4> bands{};
    std::size_t used = all.size();
    for (std::size_t kind = 1; kind < 4; ++kind) {
      if (kinds[kind].empty()) continue;
      bands[kind] = 1;
      used += kExtra[kind];
    }
    for (bool more = true; more;) {
      more = false;
      for (std::size_t kind = 3; kind >= 1; --kind) {
        if (bands[kind] == 0 || bands[kind] == kinds[kind].size()) continue;
        if (used + kExtra[kind] > filters_) continue;
        ++bands[kind];
        used += kExtra[kind];
        more = true;
      }
    }
    if (used > filters_) return {};
    std::vector<Filter> filters = one_tap_each(kinds[0]);
    for (std::size_t kind = 1; kind < 4; ++kind) {
      for (std::size_t b = 0; b < bands[kind]; ++b) {
        const std::size_t count = kinds[kind].size();
        const std::size_t begin = count * b / bands[kind], end = count * (b + 1) / bands[kind];
        add_band({&kinds[kind][begin], end - begin}, filters);
      }
    }
    return filters;
  }

  // (x + z)(y + z): the last tap in each direction belongs to the first filter.
  void add_band(std::span<const Channel> channels, std::vector<Filter>& filters) const {
    const std::size_t first = filters.size();
    const std::size_t extra = channels[0].rows.size() + channels[0].cols.size() - 2;
    filters.resize(first + channels.size() + extra);
    for (std::size_t j = 0; j < channels.size(); ++j) {
      const Channel& c = channels[j];
      for (std::size_t r = 0; r < c.rows.size(); ++r) {
        for (std::size_t s = 0; s < c.cols.size(); ++s) {
          const std::size_t later = c.rows.size() - 1 - r + c.cols.size() - 1 - s;
          filters[first + j + later].push_back(position(c.rows[r], c.cols[s], c.channel));
        }
      }
    }
  }

  WindowGeometry g_;
  std::size_t channels_, filters_;
  std::array<Axis, 2> axis_;
};

// Taps for patches without a geometry: in turn for each filter the position that sees most inputs
// not seen before.
std::vector<std::vector<Filter>> greedy_taps(const PatchLayout& layout, std::size_t filters) {
  std::vector<bool> seen(layout.inputs(), false);
  std::vector<std::vector<Filter>> banks(layout.banks());
  const PatchLayout::Flat flat = layout.flat();
  for (std::size_t bank = 0; bank < layout.banks(); ++bank) {
    const auto visit = [&](std::size_t position, auto&& each) {
      for (std::size_t p = 0; p < layout.count(); ++p) {
        const std::int64_t e = flat.entries[flat.begin[p] + position];
        if (layout.bank(p) == bank && e != kPadding) each(static_cast<std::size_t>(e));
      }
    };
    for (std::size_t t = 0; t < filters; ++t) {
      std::size_t best = 0, most = 0;
      for (std::size_t position = 0; position < layout.length(bank); ++position) {
        std::size_t fresh = 0;
        visit(position, [&](std::size_t e) { fresh += seen[e] ? 0 : 1; });
        if (fresh > most) {
          most = fresh;
          best = position;
        }
      }
      if (most == 0) break;
      visit(best, [&](std::size_t e) { seen[e] = true; });
      banks[bank].push_back({best});
    }
  }
  return banks;
}

}  // namespace

SparseTensor sparse_filters(const Architecture& network, std::size_t linear_node) {
  const Node& node = network.node(linear_node);
  const PatchLayout& layout = *node.patches;
  std::vector<std::vector<Filter>> banks;
  if (const auto geometry = layout.geometry()) {
    const WindowFilters window(*geometry, node.filters);
    banks.assign(layout.banks(), layout.inputs() <= node.width ? window.covering() : window.distinct());
  } else {
    banks = greedy_taps(layout, node.filters);
  }
  SparseTensor tensor;
  for (std::vector<Filter>& filters : banks) {
    filters.resize(node.filters);
    for (Filter& filter : filters) {
      std::sort(filter.begin(), filter.end());
      auto& row = tensor.rows.emplace_back();
      for (std::size_t position : filter) row.emplace_back(position, 1);
    }
  }
  return tensor;
}

}  // namespace widecert
