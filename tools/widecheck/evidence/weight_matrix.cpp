#include "evidence/weight_matrix.h"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "evidence/sparse.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

// Of each filter the entries that are not 0 modulo the prime, times the common divisor of all,
// which is a unit and does not change the rank.
using Filters = std::vector<std::vector<std::pair<std::size_t, std::uint32_t>>>;

Filters residues(const SparseTensor& weights, std::uint64_t prime) {
  require(weights.divisor % prime != 0, "denominator", "a denominator is divisible by the prime");
  Filters filters;
  for (const auto& row : weights.rows) {
    auto& filter = filters.emplace_back();
    for (const auto& [position, v] : row) {
      const auto residue = static_cast<std::uint32_t>(mpz_fdiv_ui(v.get_mpz_t(), prime));
      if (residue != 0) filter.emplace_back(position, residue);
    }
  }
  return filters;
}

// How many entries of U the filters make, padding included.
template <class Rows>
Products entries_of(const Node& node, const Rows& filters) {
  std::vector<std::size_t> of_bank(node.patches.banks(), 0);  // entries of all its filters
  for (std::size_t f = 0; f < filters.size(); ++f) of_bank[f / node.filters] += filters[f].size();
  Products entries = 0;
  for (std::size_t p = 0; p < node.patches.count(); ++p) entries += of_bank[node.patches.bank(p)];
  return entries;
}

}  // namespace

Sizes sizes(const Context& c, const Node& node) {
  const std::size_t inputs = c.network.node(node.inputs[0]).width;
  return {inputs, node.width, std::min(inputs, node.width)};
}

void for_each_patch(const Context& c, const Node& node,
                    const std::function<void(std::size_t, const std::vector<long>&)>& visit) {
  // One step for each entry, input and output.
  const Sizes size = sizes(c, node);
  c.budget.spend(Products(8) * node.patches.longest() * node.patches.count() +
                 Products(10) * (size.inputs + size.outputs));
  std::vector<long> patch;
  for (std::size_t p = 0; p < node.patches.count(); ++p) {
    node.patches.expand(p, patch);
    visit(p, patch);
  }
}

SparseTensor read_filters(const Context& c, const Node& node, const Value& json) {
  return read_sparse_tensor(json, weights_shape(node), c.budget);
}

std::size_t rank_modulo(const Context& c, const Node& node, const Value& weights, std::uint64_t prime) {
  const Filters filters = residues(read_filters(c, node, weights), prime);
  const Sizes size = sizes(c, node);
  SparseMatrix u{size.inputs, size.outputs, {}, {}, {}};
  c.budget.spend(20 * entries_of(node, filters));
  for_each_patch(c, node, [&](std::size_t p, const std::vector<long>& patch) {
    for (std::size_t t = 0; t < node.filters; ++t) {
      for (const auto& [position, residue] : filters[node.patches.bank(p) * node.filters + t]) {
        if (patch[position] == kPad) continue;
        u.row.push_back(static_cast<std::uint32_t>(patch[position]));
        u.col.push_back(static_cast<std::uint32_t>(p * node.filters + t));
        u.value.push_back(residue);
      }
    }
    if (u.row.size() > kMaxEntries)
      throw Malformed("too-large", "U has more than 2^27 entries at these filters; refused");
  });
  if (u.rows > u.cols) {
    std::swap(u.rows, u.cols);
    std::swap(u.row, u.col);
  }
  return sparse_rank(u, prime, c.budget);
}

void give_outputs(const Context& c, const Node& node, const Value& weights, RankEvidence& evidence) {
  const Sizes size = sizes(c, node);
  const Filters filters = residues(read_filters(c, node, weights), evidence.prime());
  c.budget.spend(Products(size.inputs) * size.outputs + 5 * entries_of(node, filters));
  for_each_patch(c, node, [&](std::size_t p, const std::vector<long>& patch) {
    for (std::size_t t = 0; t < node.filters; ++t) {
      std::vector<std::uint32_t> row(size.inputs, 0);
      for (const auto& [position, residue] : filters[node.patches.bank(p) * node.filters + t])
        if (patch[position] != kPad) row[static_cast<std::size_t>(patch[position])] = residue;
      evidence.row(p * node.filters + t, row);
    }
  });
}

bool in_kernel(const Context& c, const Node& node, const SparseTensor& weights, const std::vector<mpz_class>& v) {
  const Sizes size = sizes(c, node);
  const bool inputs = size.inputs <= size.outputs;
  if (v.size() != size.full) throw std::logic_error("a vector of another length");
  // Products of numbers with many digits.
  std::size_t v_words = 1, w_words = 1;
  for (const mpz_class& x : v) v_words = std::max(v_words, mpz_size(x.get_mpz_t()));
  for (const auto& row : weights.rows)
    for (const auto& [position, w] : row) w_words = std::max(w_words, mpz_size(w.get_mpz_t()));
  c.budget.spend(entries_of(node, weights.rows) * (100 + 2 * Products(v_words) * w_words));
  bool vanishes = true;
  std::vector<mpz_class> sums(inputs ? 0 : size.inputs, 0);
  for_each_patch(c, node, [&](std::size_t p, const std::vector<long>& patch) {
    for (std::size_t t = 0; vanishes && t < node.filters; ++t) {
      mpz_class sum = 0;
      for (const auto& [position, w] : weights.rows[node.patches.bank(p) * node.filters + t]) {
        if (patch[position] == kPad) continue;
        const auto input = static_cast<std::size_t>(patch[position]);
        if (inputs)
          sum += w * v[input];
        else
          sums[input] += w * v[p * node.filters + t];
      }
      vanishes = sum == 0;
    }
  });
  return vanishes && zero(sums);
}

}  // namespace widecheck
