// Upper bounds for rank U = rank M(W) that hold for every W, and what the checker is told of them
// (README.md beside).
#pragma once

#include <widecert/linalg/polynomial.h>

#include "proofs/prover.h"

namespace widecert {

// How far, in rows and columns, the maximal minors of the filters of a convolution can be moved without
// leaving its positions; nothing if they do not fit, or with a stride or padding.
std::optional<std::array<std::size_t, 2>> commuting_room(const PatchLayout& layout);

// rank U is at most `rank` for every W, by the checker's rule "cover", "commuting-filters" or "kernel-polynomials".
struct RankBound {
  std::size_t rank;
  Proof proof;
  std::string reason;  // the rule, or "uncovered-inputs": a cover without patches
  std::string why;     // for people
};

// The least of the bounds that cost one pass over the patches: lines that cover U, block by block
// (patch_cover.h); convolutions with one filter more than channels.
RankBound structural_bound(const Architecture& network, std::size_t linear_node);

// Fewest lines that cover U: meant for layers with up to some million entries.
RankBound least_cover_bound(const Architecture& network, std::size_t linear_node);

// Polynomial kernel vectors that show rank U <= rank for every W, block by block and on either side
// of each, multiplied out here. Looked for among the minors of the filters of a convolution (they
// commute), and by linear algebra on the monomials of each low degree. Nothing if none were found,
// which proves nothing. Meant for layers of a few hundred neurons.
std::optional<RankBound> kernel_polynomials(const Architecture& network, std::size_t linear_node, std::size_t rank,
                                            const Options& options);

}  // namespace widecert
