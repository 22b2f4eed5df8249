#include <fmt/format.h>
#include <widecert/proofs/rank_bounds.h>

#include <algorithm>

namespace widecert {
namespace {

StructuralBound uncovered_bound(const Node& node) {
  const PatchLayout& layout = *node.patches;
  std::vector<bool> seen(layout.inputs(), false);
  std::size_t patches = 0, inputs = 0;
  std::vector<std::int64_t> entries;
  for (std::size_t p = 0; p < layout.count(); ++p) {
    layout.expand(p, entries);
    bool blank = true;
    for (std::int64_t e : entries) {
      if (e == kPadding) continue;
      blank = false;
      const auto i = static_cast<std::size_t>(e);
      if (!seen[i]) ++inputs;
      seen[i] = true;
    }
    if (!blank) ++patches;
  }
  return {std::min(inputs, patches * node.filters), UncoveredProof{},
          fmt::format("patches see {} of {} inputs", inputs, layout.inputs()) +
              (patches == layout.count()
                   ? ""
                   : fmt::format(", and {} of {} patches see nothing", layout.count() - patches,
                                 layout.count()))};
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
  StructuralBound bound = uncovered_bound(node);
  if (const auto commuting = commuting_bound(node); commuting && *commuting < bound.rank) {
    bound = {*commuting, CommutingProof{},
             fmt::format("{} filters on {} channel(s) commute: the rank is at most {}", node.filters,
                         node.filters - 1, *commuting)};
  }
  return bound;
}

}  // namespace widecert
