#include <fmt/format.h>
#include <widecert/network/patch_cover.h>

#include <algorithm>

#include "proofs/weights/rank_bounds.h"

namespace widecert {
namespace {

RankBound as_bound(const Node& node, const PatchCover& cover) {
  std::string why = cover.patches.empty()
                        ? fmt::format("patches see {} of {} inputs", cover.inputs, node.patches->inputs())
                        : fmt::format(
                              "{} patches with {} filter(s) each and the {} inputs that the others see cover "
                              "all entries",
                              cover.patches.size(), node.filters, cover.inputs);
  return {cover.lines, Proof("cover", {{"patches", cover.patches}}),
          cover.patches.empty() ? "uncovered-inputs" : "cover", std::move(why)};
}

// One filter more than channels: each group loses (P - C d)(P' - C d') columns.
std::optional<std::size_t> commuting_bound(const Node& node) {
  const auto room = commuting_room(*node.patches);
  if (!room) return std::nullopt;
  const WindowGeometry g = *node.patches->geometry();
  if (node.filters != g.channels / g.groups + 1) return std::nullopt;
  return node.width - g.groups * (*room)[0] * (*room)[1];
}

}  // namespace

std::optional<std::array<std::size_t, 2>> commuting_room(const PatchLayout& layout) {
  const auto g = layout.geometry();
  if (!g || g->stride != std::array<std::size_t, 2>{1, 1} || g->padding != std::array<std::size_t, 4>{0, 0, 0, 0}) {
    return std::nullopt;
  }
  std::array<std::size_t, 2> room{g->output_height(), g->output_width()};
  for (int d = 0; d < 2; ++d) {
    const std::size_t lost = g->channels / g->groups * (g->size[d] - 1) * g->dilation[d];
    if (room[d] <= lost) return std::nullopt;
    room[d] -= lost;
  }
  return room;
}

RankBound structural_bound(const Architecture& network, std::size_t linear_node) {
  const Node& node = network.node(linear_node);
  RankBound bound = as_bound(node, patch_cover(node, false));
  if (const auto commuting = commuting_bound(node); commuting && *commuting < bound.rank) {
    bound = {*commuting, Proof("commuting-filters"), "commuting-filters",
             fmt::format("{} filters on {} channel(s) commute: the rank is at most {}", node.filters, node.filters - 1,
                         *commuting)};
  }
  return bound;
}

RankBound least_cover_bound(const Architecture& network, std::size_t linear_node) {
  const Node& node = network.node(linear_node);
  return as_bound(node, patch_cover(node, true));
}

}  // namespace widecert
