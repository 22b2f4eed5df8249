// The weight matrix U = M(W) of a linear node, n_{k-1} x n_k, patch by patch and modulo a prime. Every
// function pays for what it walks over.
#pragma once

#include <cstdint>
#include <functional>

#include "evidence/rank.h"
#include "kernel/rule.h"

namespace widecheck {

struct Sizes {
  std::size_t inputs, outputs, full;  // full: the smaller of the two
};
Sizes sizes(const Context& c, const Node& node);

// Calls visit(patch, its entries) for every patch; the patches are not all held at once.
void for_each_patch(const Context& c, const Node& node,
                    const std::function<void(std::size_t, const std::vector<long>&)>& visit);

// Filters from a claim or certificate.
SparseTensor read_filters(const Context& c, const Node& node, const Value& json);

// The rank of U modulo the prime at the filters `weights`; at most its rank there. Throws
// Rejected("denominator").
std::size_t rank_modulo(const Context& c, const Node& node, const Value& weights, std::uint64_t prime);
// Gives the evidence the rows of the transpose of U at the filters `weights`, modulo its prime.
void give_outputs(const Context& c, const Node& node, const Value& weights, RankEvidence& evidence);
// Whether v^T U = 0 (where U has no more rows than columns) or U v = 0, exactly. v has one entry for each
// line of the smaller side.
bool in_kernel(const Context& c, const Node& node, const SparseTensor& weights, const std::vector<mpz_class>& v);

}  // namespace widecheck
