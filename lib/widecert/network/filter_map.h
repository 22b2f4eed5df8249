// The linear map M_k from filters W_k to the full weight matrix U_k = M_k(W_k), both ways
// (Section 2 of Nguyen & Hein 2018): G_k = F_{k-1} U_k + 1 b_k^T.
#pragma once

#include <widecert/linalg/matrix.h>
#include <widecert/linalg/rank_evidence.h>
#include <widecert/linalg/sparse_rank.h>
#include <widecert/network/architecture.h>

namespace widecert {

// Where entry (input neuron, output neuron) of U_k comes from.
struct FilterEntry {
  std::size_t filter, position;  // row and column of W_k
};

// Calls visit(input neuron, output neuron, FilterEntry) for every structurally non-zero entry of
// U_k, by patches: output neurons in order, entries of the patch in order. Cost: their number.
template <class Visit>
void visit_filter_map(const Architecture& network, std::size_t linear_node, Visit visit) {
  const Node& node = network.node(linear_node);
  std::vector<std::int64_t> entries;
  for (std::size_t p = 0; p < node.patches->count(); ++p) {
    node.patches->expand(p, entries);
    const std::size_t bank = node.patches->bank(p);
    for (std::size_t t = 0; t < node.filters; ++t) {
      for (std::size_t r = 0; r < entries.size(); ++r) {
        if (entries[r] == kPadding) continue;
        visit(static_cast<std::size_t>(entries[r]), p * node.filters + t, FilterEntry{bank * node.filters + t, r});
      }
    }
  }
}

// U_k, n_{k-1} x n_k, for small layers. Shapes: weights as Architecture::weights_shape.
template <class S>
Matrix<S> full_weight_matrix(const Architecture& network, std::size_t linear_node,
                             const std::vector<std::vector<S>>& weights) {
  const Node& node = network.node(linear_node);
  Matrix<S> u(static_cast<Eigen::Index>(node.patches->inputs()), static_cast<Eigen::Index>(node.width));
  u.setConstant(S(0));
  visit_filter_map(network, linear_node, [&](std::size_t in, std::size_t out, FilterEntry e) {
    u(static_cast<Eigen::Index>(in), static_cast<Eigen::Index>(out)) = weights[e.filter][e.position];
  });
  return u;
}

// The blocks of U_k: sets of inputs and patches that share nothing with the others. Rows of inputs
// that no patch sees are blocks without patches; patches that see padding only belong to none.
struct WeightBlocks {
  static constexpr std::uint32_t kNone = static_cast<std::uint32_t>(-1);
  std::vector<std::uint32_t> of_input, of_patch;
  std::vector<std::size_t> inputs, outputs;  // sizes of each block
};
// Cost: one pass over the patches.
WeightBlocks weight_blocks(const Node& linear_node);

// U_k modulo a prime, its entries that are not 0. Throws InputError if a denominator is divisible
// by the prime, ShapeError if W does not fit or U has 2^32 entries or more. Sparse filters
// (SparseTensor) cost what their entries make, and one pass over the patches.
SparseMatrix sparse_weight_matrix(const Architecture& network, std::size_t linear_node, const TensorSpec& weights,
                                  std::uint64_t prime);

// The transpose of U_k modulo a prime, row h being column h of U_k: what evidence for the rank of
// U_k speaks of. Keeps W (as residues) and makes a row in the length of a patch.
ResidueRows weight_columns(const Architecture& network, std::size_t linear_node, const TensorSpec& weights,
                           std::uint64_t prime);

}  // namespace widecert
