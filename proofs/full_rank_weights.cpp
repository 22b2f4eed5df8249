#include <fmt/format.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/network/filter_map.h>
#include <widecert/number/error.h>
#include <widecert/proofs/full_rank_weights.h>

#include <algorithm>

namespace widecert {

Outcome weights_full_rank_at(const Architecture& network, const std::string& name,
                             const TensorSpec& spec) {
  const std::size_t index = network.index_of(name);
  const Node& node = network.node(index);
  if (!std::holds_alternative<LinearSpec>(node.spec)) {
    throw InputError("layer \"" + name + "\" has no weights: it is " + describe(node));
  }
  const std::size_t rows = node.patches->inputs(), cols = node.width;
  const std::size_t full = std::min(rows, cols);
  if (full > 4000 || rows * cols > (std::size_t{1} << 28)) {
    return {Verdict::undecided,
            "too-large",
            fmt::format("U of layer {} is {} x {}; elimination is offered up to 4,000 on the "
                        "smaller side and 2^28 entries",
                        name, rows, cols),
            {},
            {}};
  }
  const Tensor weights = expand(spec, network.weights_shape(index), name);
  ModularMatrix u(rows, cols, kRankPrime);
  visit_filter_map(network, index, [&](std::size_t in, std::size_t out, FilterEntry e) {
    u.set(in, out, weights[e.filter][e.position]);
  });
  const std::size_t rank = u.rank();
  if (rank < full) {
    return {Verdict::undecided,
            "rank-deficient",
            fmt::format("U of layer {} has rank {} of {} modulo {} at these filters", name, rank,
                        full, kRankPrime),
            {},
            {}};
  }
  return {Verdict::proved,
          "",
          fmt::format("U of layer {} has full rank {}", name, full),
          {{WeightsFullRankAt{name, spec}, ModularProof{kRankPrime}}},
          {}};
}

Outcome find_full_rank_weights(const Instance& instance, const Request& request,
                               const Options& options) {
  Outcome outcome;
  for (std::uint64_t attempt = 0; attempt < 4; ++attempt) {
    const SeededTensor filters{request.node, options.seed + attempt, -1000, 1000, 1, false};
    outcome = weights_full_rank_at(instance.network, request.node, filters);
    if (outcome.verdict == Verdict::proved || outcome.reason == "too-large") break;
  }
  return outcome;
}

}  // namespace widecert
