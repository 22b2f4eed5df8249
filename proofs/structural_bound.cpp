#include <fmt/format.h>
#include <widecert/network/patch_cover.h>
#include <widecert/proofs/rank_bounds.h>

#include <algorithm>

namespace widecert {
namespace {

StructuralBound as_bound(const Node& node, PatchCover cover) {
  std::string why =
      cover.patches.empty()
          ? fmt::format("patches see {} of {} inputs", cover.inputs, node.patches->inputs())
          : fmt::format(
                "{} patches with {} filter(s) each and the {} inputs that the others see cover "
                "all entries",
                cover.patches.size(), node.filters, cover.inputs);
  return {cover.lines, CoverProof{std::move(cover.patches)}, std::move(why)};
}

// One filter more than channels: each group loses (P - C d)(P' - C d') columns.
std::optional<std::size_t> commuting_bound(const Node& node) {
  const auto g = node.patches->geometry();
  if (!g || g->stride != std::array<std::size_t, 2>{1, 1} ||
      g->padding != std::array<std::size_t, 4>{0, 0, 0, 0}) {
    return std::nullopt;
  }
  const std::size_t channels = g->channels / g->groups;
  if (node.filters != channels + 1) return std::nullopt;
  const std::size_t rows = g->output_height(), cols = g->output_width();
  const std::size_t lost_rows = channels * (g->size[0] - 1) * g->dilation[0],
                    lost_cols = channels * (g->size[1] - 1) * g->dilation[1];
  if (rows <= lost_rows || cols <= lost_cols) return std::nullopt;
  return g->groups * (node.filters * rows * cols - (rows - lost_rows) * (cols - lost_cols));
}

}  // namespace

StructuralBound structural_bound(const Architecture& network, std::size_t linear_node) {
  const Node& node = network.node(linear_node);
  StructuralBound bound = as_bound(node, patch_cover(node, false));
  if (const auto commuting = commuting_bound(node); commuting && *commuting < bound.rank) {
    bound = {*commuting, CommutingProof{},
             fmt::format("{} filters on {} channel(s) commute: the rank is at most {}",
                         node.filters, node.filters - 1, *commuting)};
  }
  return bound;
}

StructuralBound least_cover_bound(const Architecture& network, std::size_t linear_node) {
  const Node& node = network.node(linear_node);
  return as_bound(node, patch_cover(node, true));
}

}  // namespace widecert
