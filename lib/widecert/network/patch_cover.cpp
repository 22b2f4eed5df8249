#include <widecert/network/filter_map.h>
#include <widecert/network/patch_cover.h>

#include <algorithm>

namespace widecert {
namespace {

PatchCover block_cover(const Node& node) {
  const WeightBlocks blocks = weight_blocks(node);
  PatchCover cover;
  std::vector<bool> by_patches(blocks.inputs.size());
  for (std::size_t b = 0; b < blocks.inputs.size(); ++b) {
    by_patches[b] = blocks.outputs[b] < blocks.inputs[b];
    if (!by_patches[b]) cover.inputs += blocks.inputs[b];
  }
  for (std::size_t p = 0; p < blocks.of_patch.size(); ++p) {
    const std::uint32_t of = blocks.of_patch[p];
    if (of != WeightBlocks::kNone && by_patches[of]) cover.patches.push_back(p);
  }
  cover.lines = cover.inputs + cover.patches.size() * node.filters;
  return cover;
}

// Inputs are matched to patches that see them, each patch to as many as it has filters, by
// augmenting paths found breadth first. What a failed search has reached stays out of all later
// ones. In the end the patches reached from unmatched inputs and the inputs not reached are a least
// cover (Koenig).
class Matching {
 public:
  explicit Matching(const Node& node)
      : filters_(node.filters),
        patch_of_(node.patches->inputs(), kNone),
        seen_by_(node.patches->inputs()),
        inputs_of_(node.patches->count()),
        reached_(node.patches->count(), false),
        from_(node.patches->count()) {
    std::vector<std::int64_t> entries;
    for (std::size_t p = 0; p < inputs_of_.size(); ++p) {
      node.patches->expand(p, entries);
      for (std::int64_t e : entries)
        if (e != kPadding) seen_by_[static_cast<std::size_t>(e)].push_back(p);
    }
  }

  PatchCover cover() {
    std::vector<bool> input_reached(patch_of_.size(), false);
    for (std::size_t i = 0; i < patch_of_.size(); ++i) {
      if (!augment(i)) input_reached[i] = true;
    }
    PatchCover cover;
    for (std::size_t p = 0; p < reached_.size(); ++p) {
      if (!reached_[p]) continue;
      cover.patches.push_back(p);
      for (std::size_t i : inputs_of_[p]) input_reached[i] = true;
    }
    cover.inputs = static_cast<std::size_t>(std::count(input_reached.begin(), input_reached.end(), false));
    cover.lines = cover.inputs + cover.patches.size() * filters_;
    return cover;
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  bool augment(std::size_t start) {
    std::vector<std::size_t> queue{start}, visited;
    for (std::size_t next = 0; next < queue.size(); ++next) {
      for (std::size_t p : seen_by_[queue[next]]) {
        if (reached_[p]) continue;
        reached_[p] = true;
        visited.push_back(p);
        from_[p] = queue[next];
        if (inputs_of_[p].size() < filters_) {
          shift(p, start);
          for (std::size_t q : visited) reached_[q] = false;
          return true;
        }
        queue.insert(queue.end(), inputs_of_[p].begin(), inputs_of_[p].end());
      }
    }
    return false;
  }

  // Each input on the path to patch p moves on to the next patch.
  void shift(std::size_t p, std::size_t start) {
    for (;;) {
      const std::size_t input = from_[p], before = patch_of_[input];
      inputs_of_[p].push_back(input);
      patch_of_[input] = p;
      if (input == start) return;
      std::erase(inputs_of_[before], input);
      p = before;
    }
  }

  std::size_t filters_;
  std::vector<std::size_t> patch_of_;                          // of matched inputs
  std::vector<std::vector<std::size_t>> seen_by_, inputs_of_;  // inputs_of_: matched to the patch
  std::vector<bool> reached_;
  std::vector<std::size_t> from_;  // the input from which a patch was reached
};

}  // namespace

PatchCover patch_cover(const Node& linear_node, bool least) {
  return least ? Matching(linear_node).cover() : block_cover(linear_node);
}

}  // namespace widecert
