#include <fmt/format.h>
#include <widecert/linalg/left_kernel.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/network/filter_map.h>
#include <widecert/network/integer_tensor.h>
#include <widecert/number/error.h>
#include "proofs/generic/feature_rank.h"
#include "proofs/weights/full_rank_weights.h"
#include "proofs/weights/rank_bounds.h"
#include "proofs/weights/sparse_filters.h"

#include <algorithm>

namespace widecert {
namespace {

// Products of a dense elimination that the checker is left to repeat, and entries of U that are
// held for it.
constexpr double kMostSteps = 3e10, kMostDense = 3e8;
// Products of a dense elimination that is done without being asked for, with a solution as
// evidence.
constexpr double kMostDenseSteps = 1e13;

std::size_t linear_node(const Architecture& network, const std::string& name) {
  const std::size_t index = network.index_of(name);
  if (!std::holds_alternative<LinearSpec>(network.node(index).spec)) {
    throw InputError("layer \"" + name + "\" has no weights: it is " +
                     describe(network.node(index)));
  }
  return index;
}

std::string size_of(const Node& node) {
  return fmt::format("{} x {}", node.patches->inputs(), node.width);
}

std::size_t full_rank(const Node& node) { return std::min(node.patches->inputs(), node.width); }

SparseRank rank_modulo(const Architecture& network, std::size_t node, const TensorSpec& weights) {
  return sparse_rank(sparse_weight_matrix(network, node, weights, kRankPrime), kMostSteps);
}

// The number of products that eliminating U as a dense matrix takes.
double dense_steps(const Node& node) {
  const double rows = static_cast<double>(node.patches->inputs()),
               cols = static_cast<double>(node.width);
  return rows * cols * std::min(rows, cols);
}

bool fits_elimination(const Node& node) {
  const double rows = static_cast<double>(node.patches->inputs()),
               cols = static_cast<double>(node.width);
  const double entries = static_cast<double>(node.patches->count()) *
                         static_cast<double>(node.filters * node.patches->longest());
  return dense_steps(node) <= kMostSteps && rows * cols <= kMostDense && entries <= kMostDense;
}

// Filters at which U has the largest rank found.
struct Lower {
  TensorSpec weights;
  SparseRank rank;
  std::string how;
};

Lower lower_bound(const Architecture& network, std::size_t index, const Options& options) {
  const Node& node = network.node(index);
  Lower best{sparse_filters(network, index), {}, ""};
  best.rank = rank_modulo(network, index, best.weights);
  best.how =
      fmt::format("at {} filters of ones and zeros, {}", node.filters * node.patches->banks(),
                  best.rank.core == 0 ? std::string("by peeling alone")
                                      : fmt::format("{} by peeling", best.rank.peeled));
  if (best.rank.rank == full_rank(node) || !fits_elimination(node)) return best;
  const SeededTensor seeded{node.name, options.seed, -1000, 1000, 1, false};
  const SparseRank at_seeded = rank_modulo(network, index, seeded);
  if (at_seeded.decided && at_seeded.rank > best.rank.rank) {
    best = {seeded, at_seeded, fmt::format("at seeded filters, modulo {}", kRankPrime)};
  }
  return best;
}

Finding never(const Node& node, const RankBound& bound) {
  return {WeightsNeverFullRank{node.name},
          std::visit([](const auto& proof) -> Proof { return proof; }, bound)};
}

// A bound that holds for every W, at most `rank`.
struct Upper {
  RankBound proof;
  std::string why;
};

std::optional<Upper> upper_bound(const Architecture& network, std::size_t index, std::size_t rank,
                                 const StructuralBound& structural, const Options& options) {
  if (structural.rank <= rank) return Upper{structural.proof, structural.why};
  constexpr std::size_t kMostToCover = 3'000'000, kMostForPolynomials = 100'000;
  const Node& node = network.node(index);
  if (node.patches->count() > kMostToCover / node.patches->longest()) return std::nullopt;
  const StructuralBound least = least_cover_bound(network, index);
  if (least.rank <= rank) return Upper{least.proof, least.why};
  if (node.patches->count() * node.filters > kMostForPolynomials / node.patches->longest()) {
    return std::nullopt;
  }
  auto polynomials = kernel_polynomials(network, index, rank, options);
  if (!polynomials) return std::nullopt;
  std::size_t terms = 0;
  for (const auto* side : {&polynomials->inputs, &polynomials->outputs})
    for (const PolynomialVector& v : *side)
      for (const auto& [at, polynomial] : v) terms += polynomial.size();
  const std::string why =
      fmt::format("{} polynomial kernel vector(s) on the inputs, {} on the outputs, {} terms",
                  polynomials->inputs.size(), polynomials->outputs.size(), terms);
  return Upper{std::move(*polynomials), why};
}

const char* reason_of(const RankBound& bound) {
  if (const auto* cover = std::get_if<CoverProof>(&bound)) {
    return cover->patches.empty() ? "uncovered-inputs" : "cover";
  }
  return std::holds_alternative<CommutingProof>(bound) ? "commuting-filters" : "kernel-polynomials";
}

// Proving "never" turns a refutation into the thing asked for, and the other way round.
Outcome inverted(Outcome outcome) {
  if (outcome.verdict == Verdict::refuted) {
    outcome.verdict = Verdict::proved;
    outcome.reason.clear();
  } else if (outcome.verdict == Verdict::proved) {
    outcome.verdict = Verdict::refuted;
    outcome.reason = "rank-is-full";
  }
  return outcome;
}

Outcome undecided(std::string reason, std::string explanation) {
  return {Verdict::undecided, std::move(reason), std::move(explanation), {}, {}};
}

// A prime that BLAS takes, smaller for large matrices.
std::uint64_t dense_prime(const Node& node) { return dense_steps(node) < 4e12 ? 8388593 : 509; }

// Evidence for full rank at these filters, of U as a dense matrix, for the property.
EvidenceOutcome dense_evidence(const Architecture& network, std::size_t index,
                               const TensorSpec& weights, const Property& property,
                               const Options& options) {
  const std::uint64_t prime = dense_prime(network.node(index));
  return find_evidence(weight_columns(network, index, weights, prime), property, options);
}

// Full rank at seeded filters by the solution of a random system; nothing if it was not found.
std::optional<Outcome> full_rank_by_solution(const Architecture& network, std::size_t index,
                                             Options options) {
  const Node& node = network.node(index);
  const std::size_t bytes = rank_memory(node.width, node.patches->inputs(), dense_prime(node));
  if (bytes > options.memory) return std::nullopt;
  options.evidence = EvidenceKind::random_solve;
  const SeededTensor weights{node.name, options.seed, -1000, 1000, 1, false};
  const WeightsFullRank property{node.name};
  EvidenceOutcome found = dense_evidence(network, index, weights, property, options);
  if (!found.evidence) return std::nullopt;
  return Outcome{
      Verdict::proved,
      "",
      fmt::format("U is {}: full rank {} for almost every W (at seeded filters, modulo {})",
                  size_of(node), full_rank(node), found.prime),
      {{property, ExactRankProof{std::move(*found.evidence), weights}}},
      {}};
}

Outcome decide_full_rank(const Architecture& network, std::size_t index, const Options& options) {
  const Node& node = network.node(index);
  const std::size_t full = full_rank(node);
  const StructuralBound bound = structural_bound(network, index);
  const auto refuted = [&](const Upper& upper) {
    return Outcome{Verdict::refuted,
                   reason_of(upper.proof),
                   fmt::format("U is {} and never has full rank: {}", size_of(node), upper.why),
                   {never(node, upper.proof)},
                   {}};
  };
  if (bound.rank < full) return refuted({bound.proof, bound.why});
  if (options.evidence == EvidenceKind::random_solve) {
    if (auto outcome = full_rank_by_solution(network, index, options)) return *outcome;
  }
  Lower lower = lower_bound(network, index, options);
  if (lower.rank.rank == full) {
    return {Verdict::proved,
            "",
            fmt::format("U is {}: full rank {} for almost every W ({})", size_of(node), full,
                        lower.how),
            {{WeightsFullRank{node.name}, ModularProof{kRankPrime, std::move(lower.weights)}}},
            {}};
  }
  if (const auto upper = upper_bound(network, index, full - 1, bound, options)) {
    return refuted(*upper);
  }
  const std::string found =
      fmt::format("U is {}; rank {} was found {}", size_of(node), lower.rank.rank, lower.how);
  if (!fits_elimination(node)) {
    if (dense_steps(node) <= kMostDenseSteps) {
      if (auto outcome = full_rank_by_solution(network, index, options)) return *outcome;
    }
    return undecided("too-large", found +
                                      "; elimination at other filters is too large (--evidence "
                                      "random-solve tries it at any size)");
  }
  return undecided("rank-deficient",
                   found + ", and no polynomial kernel vectors of low degree explain it");
}

Outcome generic_rank(const Architecture& network, std::size_t index, const Options& options) {
  const Node& node = network.node(index);
  const StructuralBound bound = structural_bound(network, index);
  Lower lower = lower_bound(network, index, options);
  const std::size_t rank = lower.rank.rank;
  GenericRankProof proof{lower.weights, kRankPrime, {}};
  std::string why = "the smaller side";
  if (rank < full_rank(node)) {
    auto upper = upper_bound(network, index, rank, bound, options);
    if (!upper) {
      return undecided(
          fits_elimination(node) ? "rank-deficient" : "too-large",
          fmt::format("U is {}; rank {} was found {}, and nothing shows that it is never "
                      "more",
                      size_of(node), rank, lower.how));
    }
    why = upper->why;
    proof.upper = std::move(upper->proof);
  }
  return {Verdict::proved,
          "",
          fmt::format("U is {}: rank {} for almost every W ({}), never more ({})", size_of(node),
                      rank, lower.how, why),
          {{WeightsGenericRank{node.name, rank}, std::move(proof)}},
          {}};
}

// A vector on the shorter side that U annihilates, or nothing.
std::optional<std::vector<Integer>> kernel_vector(const Architecture& network, std::size_t index,
                                                  const TensorSpec& weights) {
  const Node& node = network.node(index);
  const IntegerTensor w = expand_integers(weights, network.weights_shape(index), node.name);
  const bool inputs = node.patches->inputs() <= node.width;
  std::vector<std::vector<Integer>> rows(
      full_rank(node), std::vector<Integer>(std::max(node.patches->inputs(), node.width), 0));
  std::vector<std::size_t> first{0};
  for (std::size_t length : w.shape) first.push_back(first.back() + length);
  visit_filter_map(network, index, [&](std::size_t in, std::size_t out, FilterEntry e) {
    rows[inputs ? in : out][inputs ? out : in] = w.at(first[e.filter] + e.position);
  });
  return left_kernel_vector(rows);
}

}  // namespace

Outcome prove_full_rank_weights(const Instance& instance, const Request& request,
                                const Options& options) {
  const Architecture& network = instance.network;
  const std::size_t index = linear_node(network, request.node);
  if (std::get<LinearSpec>(network.node(index).spec).frozen_weights) {
    return not_applicable("frozen-parameters",
                          "the filters of layer \"" + request.node +
                              "\" are frozen: weights-rank-at decides the rank at them");
  }
  options.progress("full rank of U, layer " + request.node, 0, 1);
  if (request.claim == "weights-generic-rank") return generic_rank(network, index, options);
  Outcome outcome = decide_full_rank(network, index, options);
  return request.claim == "weights-never-full-rank" ? inverted(std::move(outcome)) : outcome;
}

Outcome weights_full_rank_at(const Architecture& network, const std::string& name,
                             const TensorSpec& weights) {
  const std::size_t index = linear_node(network, name);
  const Node& node = network.node(index);
  if (!fits_elimination(node) && !std::holds_alternative<SparseTensor>(weights)) {
    return undecided("too-large",
                     fmt::format("U of layer {} is {}: too large for the checker's own "
                                 "elimination",
                                 name, size_of(node)));
  }
  const SparseRank found = rank_modulo(network, index, weights);
  if (!found.decided || found.rank < full_rank(node)) {
    return undecided(
        found.decided ? "rank-deficient" : "too-large",
        fmt::format("U of layer {} has rank {} of {} modulo {} at these filters{}", name,
                    found.rank, full_rank(node), kRankPrime, found.decided ? "" : " so far"));
  }
  return {Verdict::proved,
          "",
          fmt::format("U of layer {} has full rank {}", name, full_rank(node)),
          {{WeightsFullRankAt{name, weights}, ModularProof{kRankPrime, {}}}},
          {}};
}

Outcome prove_weights_rank_at(const Instance& instance, const Request& request,
                              const Options& options) {
  const Architecture& network = instance.network;
  const std::size_t index = linear_node(network, request.node);
  const Node& node = network.node(index);
  const auto& frozen = std::get<LinearSpec>(node.spec).frozen_weights;
  TensorSpec weights = SeededTensor{node.name, options.seed, -1000, 1000, 1, false};
  if (frozen) weights = *frozen;
  if (request.parameters) {
    const auto given = request.parameters->find(node.name);
    if (given == request.parameters->end() || !given->second.weights) {
      throw InputError("the parameters name no weights of layer \"" + node.name + "\"");
    }
    if (frozen) throw InputError("the weights of layer \"" + node.name + "\" are frozen");
    weights = *given->second.weights;
  }
  check_tensor(weights, network.weights_shape(index), node.name);
  const bool wants_deficiency = request.claim == "weights-deficient-at";
  Outcome outcome;
  if (options.evidence != EvidenceKind::random_solve) {
    outcome = weights_full_rank_at(network, node.name, weights);
  }
  if (options.evidence == EvidenceKind::random_solve || outcome.reason == "too-large") {
    const WeightsFullRankAt property{node.name, weights};
    EvidenceOutcome found = dense_evidence(network, index, weights, property, options);
    if (found.evidence) {
      outcome = {Verdict::proved,
                 "",
                 fmt::format("U of layer {} has full rank {} modulo {}", node.name, full_rank(node),
                             found.prime),
                 {{property, ExactRankProof{std::move(*found.evidence)}}},
                 {}};
    } else {
      outcome =
          undecided(found.too_large ? "too-large" : "rank-deficient",
                    found.too_large ? found.obstacle
                                    : fmt::format("U of layer {} has rank {} of {} modulo a prime",
                                                  node.name, found.rank, full_rank(node)));
    }
  }
  constexpr double kMostKernelEntries = 4e6;
  const double entries =
      static_cast<double>(node.patches->inputs()) * static_cast<double>(node.width);
  if (outcome.reason == "rank-deficient" && entries <= kMostKernelEntries) {
    options.progress("kernel vector", 0, 1);
    if (auto v = kernel_vector(network, index, weights)) {
      outcome = {Verdict::refuted,
                 "rank-deficient",
                 fmt::format("U of layer {} has not full rank {}: a kernel vector is found",
                             node.name, full_rank(node)),
                 {{WeightsDeficientAt{node.name, weights}, KernelVectorProof{std::move(*v)}}},
                 {}};
    }
  }
  return wants_deficiency ? inverted(std::move(outcome)) : outcome;
}

}  // namespace widecert
