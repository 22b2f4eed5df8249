#include <widecert/linalg/disjoint_sets.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/network/filter_map.h>
#include <widecert/number/error.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace widecert {
namespace {

// Of each filter the positions whose residue is not 0, with the residue.
using Filters = std::vector<std::vector<std::pair<std::size_t, std::uint32_t>>>;

Filters residues(const Architecture& network, std::size_t node, const TensorSpec& weights, std::uint64_t prime) {
  const TensorShape shape = network.weights_shape(node);
  const std::string& name = network.node(node).name;
  Filters filters(shape.size());
  const auto put = [&](std::size_t f, std::size_t position, const Rational& value) {
    const auto residue = static_cast<std::uint32_t>(residue_of(value, prime));
    if (residue != 0) filters[f].emplace_back(position, residue);
  };
  if (const auto* sparse = std::get_if<SparseTensor>(&weights)) {
    check_tensor(weights, shape, name);
    for (std::size_t f = 0; f < shape.size(); ++f)
      for (const auto& [position, value] : sparse->rows[f]) put(f, position, value);
    return filters;
  }
  const Tensor w = expand(weights, shape, name);
  for (std::size_t f = 0; f < shape.size(); ++f)
    for (std::size_t r = 0; r < shape[f]; ++r) put(f, r, w[f][r]);
  return filters;
}

}  // namespace

WeightBlocks weight_blocks(const Node& node) {
  const PatchLayout& layout = *node.patches;
  DisjointSets sets(layout.inputs());
  WeightBlocks blocks;
  std::vector<std::int64_t> patch;
  for (std::size_t p = 0; p < layout.count(); ++p) {
    layout.expand(p, patch);
    std::uint32_t first = WeightBlocks::kNone;
    for (std::int64_t e : patch) {
      if (e == kPadding) continue;
      if (first == WeightBlocks::kNone) first = static_cast<std::uint32_t>(e);
      sets.join(first, static_cast<std::size_t>(e));
    }
    blocks.of_patch.push_back(first);
  }
  // Blocks are numbered by their first inputs.
  std::vector<std::uint32_t> number(layout.inputs(), WeightBlocks::kNone);
  for (std::uint32_t i = 0; i < layout.inputs(); ++i) {
    std::uint32_t& block = number[sets.least(i)];
    if (block == WeightBlocks::kNone) {
      block = static_cast<std::uint32_t>(blocks.inputs.size());
      blocks.inputs.push_back(0);
      blocks.outputs.push_back(0);
    }
    ++blocks.inputs[block];
    blocks.of_input.push_back(block);
  }
  for (std::uint32_t& of : blocks.of_patch) {
    if (of == WeightBlocks::kNone) continue;
    of = number[sets.least(of)];
    blocks.outputs[of] += node.filters;
  }
  return blocks;
}

SparseMatrix sparse_weight_matrix(const Architecture& network, std::size_t linear_node, const TensorSpec& weights,
                                  std::uint64_t prime) {
  const Node& node = network.node(linear_node);
  const Filters filters = residues(network, linear_node, weights, prime);
  SparseMatrix u;
  u.rows = node.patches->inputs();
  u.cols = node.width;
  u.prime = prime;
  double entries = 0;
  for (std::size_t f = 0; f < filters.size(); ++f) {
    entries +=
        static_cast<double>(filters[f].size()) * static_cast<double>(node.patches->count() / node.patches->banks());
  }
  constexpr double kMost = std::numeric_limits<std::uint32_t>::max();
  if (entries >= kMost || static_cast<double>(std::max(u.rows, u.cols)) >= kMost) {
    throw ShapeError("layer \"" + node.name + "\": U has 2^32 entries or neurons, or more");
  }
  for (auto* list : {&u.row, &u.col, &u.value}) list->reserve(static_cast<std::size_t>(entries));
  std::vector<std::int64_t> patch;
  for (std::size_t p = 0; p < node.patches->count(); ++p) {
    poll();
    node.patches->expand(p, patch);
    const std::size_t first = node.patches->bank(p) * node.filters;
    for (std::size_t t = 0; t < node.filters; ++t) {
      for (const auto& [position, residue] : filters[first + t]) {
        const std::int64_t input = patch[position];
        if (input == kPadding) continue;
        u.add(static_cast<std::size_t>(input), p * node.filters + t, residue);
      }
    }
  }
  return u;
}

ResidueRows weight_columns(const Architecture& network, std::size_t linear_node, const TensorSpec& weights,
                           std::uint64_t prime) {
  const Node& node = network.node(linear_node);
  const auto filters = std::make_shared<const Filters>(residues(network, linear_node, weights, prime));
  ResidueRows a;
  a.rows = node.width;
  a.cols = node.patches->inputs();
  a.prime = prime;
  const PatchLayout layout = *node.patches;
  const std::size_t per_bank = node.filters;
  a.write = one_by_one(a.cols, [=](std::size_t h, std::span<std::uint32_t> out) {
    std::fill(out.begin(), out.end(), 0);
    const std::size_t p = h / per_bank;
    const std::vector<std::int64_t> patch = layout.entries(p);
    for (const auto& [position, residue] : (*filters)[layout.bank(p) * per_bank + h % per_bank]) {
      if (patch[position] != kPadding) out[static_cast<std::size_t>(patch[position])] = residue;
    }
  });
  return a;
}

}  // namespace widecert
