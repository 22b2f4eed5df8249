#include <fmt/format.h>
#include <widecert/network/filter_map.h>
#include <widecert/proofs/rank_bounds.h>

#include <algorithm>

namespace widecert {
namespace {

StructuralBound block_bound(const Node& node) {
  const WeightBlocks blocks = weight_blocks(node);
  std::size_t rank = 0, seen = 0;
  for (std::size_t b = 0; b < blocks.inputs.size(); ++b) {
    rank += std::min(blocks.inputs[b], blocks.outputs[b]);
    if (blocks.outputs[b] != 0) seen += blocks.inputs[b];
  }
  const auto blank = static_cast<std::size_t>(
      std::count(blocks.of_patch.begin(), blocks.of_patch.end(), WeightBlocks::kNone));
  std::string why = seen == node.patches->inputs()
                        ? fmt::format("U falls into {} blocks, of rank at most {} together",
                                      blocks.inputs.size(), rank)
                        : fmt::format("patches see {} of {} inputs, in blocks of rank at most {} together",
                                      seen, node.patches->inputs(), rank);
  if (blank != 0) why += fmt::format("; {} of {} patches see nothing", blank, node.patches->count());
  return {rank, BlocksProof{}, std::move(why)};
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
  StructuralBound bound = block_bound(node);
  if (const auto commuting = commuting_bound(node); commuting && *commuting < bound.rank) {
    bound = {*commuting, CommutingProof{},
             fmt::format("{} filters on {} channel(s) commute: the rank is at most {}", node.filters,
                         node.filters - 1, *commuting)};
  }
  return bound;
}

}  // namespace widecert
