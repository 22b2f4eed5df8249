#include "proofs/weights/full_rank_weights.h"

#include <fmt/format.h>
#include <widecert/linalg/left_kernel.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/network/filter_map.h>
#include <widecert/network/integer_tensor.h>
#include <widecert/number/error.h>

#include <algorithm>

#include "proofs/generic/feature_rank.h"
#include "proofs/weights/rank_bounds.h"
#include "proofs/weights/sparse_filters.h"

namespace widecert {
namespace {

// Products of a dense elimination that the checker is left to repeat, and entries of U that are
// held for it.
constexpr double kMostSteps = 3e10, kMostDense = 3e8;
// Products of a dense elimination that is done without being asked for, with a solution as
// evidence.
constexpr double kMostDenseSteps = 1e13;

// Throws InputError naming the place in the entry.
std::size_t linear_node(const Entry& entry) {
  const Node& node = entry.network.node(entry.node);
  if (!std::holds_alternative<LinearSpec>(node.spec)) {
    throw InputError(entry.json.place() + ": layer \"" + node.name + "\" has no weights: it is " + describe(node));
  }
  return entry.node;
}

std::string size_of(const Node& node) { return fmt::format("{} x {}", node.patches->inputs(), node.width); }

std::size_t full_rank(const Node& node) { return std::min(node.patches->inputs(), node.width); }

SparseRank rank_modulo(const Architecture& network, std::size_t node, const TensorSpec& weights) {
  return sparse_rank(sparse_weight_matrix(network, node, weights, kRankPrime), kMostSteps);
}

// The number of products that eliminating U as a dense matrix takes.
double dense_steps(const Node& node) {
  const double rows = static_cast<double>(node.patches->inputs()), cols = static_cast<double>(node.width);
  return rows * cols * std::min(rows, cols);
}

bool fits_elimination(const Node& node) {
  const double rows = static_cast<double>(node.patches->inputs()), cols = static_cast<double>(node.width);
  const double entries =
      static_cast<double>(node.patches->count()) * static_cast<double>(node.filters * node.patches->longest());
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
  best.how = fmt::format(
      "at {} filters of ones and zeros, {}", node.filters * node.patches->banks(),
      best.rank.core == 0 ? std::string("by peeling alone") : fmt::format("{} by peeling", best.rank.peeled));
  if (best.rank.rank == full_rank(node) || !fits_elimination(node)) return best;
  const SeededTensor seeded{node.name, options.seed, -1000, 1000, 1, false};
  const SparseRank at_seeded = rank_modulo(network, index, seeded);
  if (at_seeded.decided && at_seeded.rank > best.rank.rank) {
    best = {seeded, at_seeded, fmt::format("at seeded filters, modulo {}", kRankPrime)};
  }
  return best;
}

// A bound that holds for every W, at most `rank`.
std::optional<RankBound> upper_bound(const Architecture& network, std::size_t index, std::size_t rank,
                                     const RankBound& structural, const Options& options) {
  if (structural.rank <= rank) return structural;
  constexpr std::size_t kMostToCover = 3'000'000, kMostForPolynomials = 100'000;
  const Node& node = network.node(index);
  if (node.patches->count() > kMostToCover / node.patches->longest()) return std::nullopt;
  const RankBound least = least_cover_bound(network, index);
  if (least.rank <= rank) return least;
  if (node.patches->count() * node.filters > kMostForPolynomials / node.patches->longest()) return std::nullopt;
  return kernel_polynomials(network, index, rank, options);
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

// With the filters that it rests on.
Outcome with_filters(Outcome outcome, const Node& node, const TensorSpec& weights, const char* what) {
  outcome.witness = Witness{what, {{node.name, NodeTensors{weights, {}}}}, {}, {}};
  return outcome;
}

Proof modular_elimination(const std::optional<TensorSpec>& weights = {}) {
  Keys keys{{"prime", kRankPrime}};
  if (weights) keys.emplace_back("weights", *weights);
  return Proof("modular-elimination", keys);
}

Claim full_rank_at(const Node& node, const TensorSpec& weights) {
  return Claim("weights-full-rank-at", {{"node", node.name}, {"weights", weights}});
}

// A prime that BLAS takes, smaller for large matrices.
std::uint64_t dense_prime(const Node& node) { return dense_steps(node) < 4e12 ? 8388593 : 509; }

// Evidence for full rank at these filters, of U as a dense matrix, for the claim.
EvidenceOutcome dense_evidence(const Architecture& network, std::size_t index, const TensorSpec& weights,
                               const Claim& claim, const Options& options) {
  const std::uint64_t prime = dense_prime(network.node(index));
  return find_evidence(weight_columns(network, index, weights, prime), claim, options);
}

// Full rank at seeded filters by the solution of a random system; nothing if it was not found.
std::optional<Outcome> full_rank_by_solution(const Architecture& network, std::size_t index, Options options) {
  const Node& node = network.node(index);
  const std::size_t bytes = rank_memory(node.width, node.patches->inputs(), dense_prime(node));
  if (bytes > options.memory) return std::nullopt;
  options.evidence = EvidenceKind::random_solve;
  const SeededTensor weights{node.name, options.seed, -1000, 1000, 1, false};
  const Claim claim("weights-full-rank", {{"node", node.name}});
  EvidenceOutcome found = dense_evidence(network, index, weights, claim, options);
  if (!found.evidence) return std::nullopt;
  const Proof proof("exact-rank", {{"evidence", *found.evidence}, {"weights", TensorSpec(weights)}});
  return with_filters(proved(fmt::format("U is {}: full rank {} for almost every W (at seeded filters, modulo {})",
                                         size_of(node), full_rank(node), found.prime),
                             {{claim, proof}}),
                      node, weights, "filters of full rank");
}

Outcome decide_full_rank(const Architecture& network, std::size_t index, const Options& options) {
  const Node& node = network.node(index);
  const std::size_t full = full_rank(node);
  const RankBound bound = structural_bound(network, index);
  const auto never = [&](const RankBound& upper) {
    return refuted(upper.reason, fmt::format("U is {} and never has full rank: {}", size_of(node), upper.why),
                   {{Claim("weights-never-full-rank", {{"node", node.name}}), upper.proof}});
  };
  if (bound.rank < full) return never(bound);
  if (options.evidence == EvidenceKind::random_solve) {
    if (auto outcome = full_rank_by_solution(network, index, options)) return *outcome;
  }
  Lower lower = lower_bound(network, index, options);
  if (lower.rank.rank == full) {
    return with_filters(
        proved(fmt::format("U is {}: full rank {} for almost every W ({})", size_of(node), full, lower.how),
               {{Claim("weights-full-rank", {{"node", node.name}}), modular_elimination(lower.weights)}}),
        node, lower.weights, "filters of full rank");
  }
  if (const auto upper = upper_bound(network, index, full - 1, bound, options)) return never(*upper);
  const std::string found = fmt::format("U is {}; rank {} was found {}", size_of(node), lower.rank.rank, lower.how);
  if (!fits_elimination(node)) {
    if (dense_steps(node) <= kMostDenseSteps) {
      if (auto outcome = full_rank_by_solution(network, index, options)) return *outcome;
    }
    return undecided("too-large", found +
                                      "; elimination at other filters is too large (--evidence "
                                      "random-solve tries it at any size)");
  }
  return undecided("rank-deficient", found + ", and no polynomial kernel vectors of low degree explain it");
}

Outcome generic_rank(const Architecture& network, std::size_t index, const Options& options) {
  const Node& node = network.node(index);
  const RankBound bound = structural_bound(network, index);
  Lower lower = lower_bound(network, index, options);
  const std::size_t rank = lower.rank.rank;
  Keys proof{{"weights", lower.weights}, {"prime", kRankPrime}};
  std::string why = "the smaller side";
  if (rank < full_rank(node)) {
    const auto upper = upper_bound(network, index, rank, bound, options);
    if (!upper) {
      return undecided(fits_elimination(node) ? "rank-deficient" : "too-large",
                       fmt::format("U is {}; rank {} was found {}, and nothing shows that it is never "
                                   "more",
                                   size_of(node), rank, lower.how));
    }
    why = upper->why;
    proof.emplace_back("upper", upper->proof);
  }
  return with_filters(
      proved(
          fmt::format("U is {}: rank {} for almost every W ({}), never more ({})", size_of(node), rank, lower.how, why),
          {{Claim("weights-generic-rank", {{"node", node.name}, {"rank", rank}}), Proof("generic-rank", proof)}}),
      node, lower.weights, "filters of the largest rank");
}

// A vector on the shorter side that U annihilates, or nothing.
std::optional<std::vector<Integer>> kernel_vector(const Architecture& network, std::size_t index,
                                                  const TensorSpec& weights) {
  const Node& node = network.node(index);
  const IntegerTensor w = expand_integers(weights, network.weights_shape(index), node.name);
  const bool inputs = node.patches->inputs() <= node.width;
  std::vector<std::vector<Integer>> rows(full_rank(node),
                                         std::vector<Integer>(std::max(node.patches->inputs(), node.width), 0));
  std::vector<std::size_t> first{0};
  for (std::size_t length : w.shape) first.push_back(first.back() + length);
  visit_filter_map(network, index, [&](std::size_t in, std::size_t out, FilterEntry e) {
    rows[inputs ? in : out][inputs ? out : in] = w.at(first[e.filter] + e.position);
  });
  return left_kernel_vector(rows);
}

Outcome frozen_filters(const Node& node) {
  return not_applicable("frozen-parameters", "the filters of layer \"" + node.name +
                                                 "\" are frozen: weights-rank-at decides the rank at them");
}

Outcome prove_full_rank(const Architecture& network, std::size_t index, const std::string& claim,
                        const Options& options) {
  const Node& node = network.node(index);
  if (std::get<LinearSpec>(node.spec).frozen_weights) return frozen_filters(node);
  options.progress("full rank of U, layer " + node.name, 0, 1);
  if (claim == "weights-generic-rank") return generic_rank(network, index, options);
  Outcome outcome = decide_full_rank(network, index, options);
  return claim == "weights-never-full-rank" ? inverted(std::move(outcome)) : outcome;
}

// A bound below full rank that one pass over the patches finds; without one, proving decides.
std::optional<Outcome> obstacle(const Instance& instance, std::size_t index, const std::string&) {
  const Node& node = instance.network.node(index);
  if (std::get<LinearSpec>(node.spec).frozen_weights) return frozen_filters(node);
  const RankBound bound = structural_bound(instance.network, index);
  if (bound.rank >= full_rank(node)) return std::nullopt;
  return refuted(bound.reason, fmt::format("rank U <= {} < {} for every W: {}", bound.rank, full_rank(node), bound.why),
                 {});
}

// The filters of the entry's parameters, or frozen ones.
std::optional<TensorSpec> read_filters(const Entry& entry) {
  const Node& node = entry.network.node(entry.node);
  const auto& frozen = std::get<LinearSpec>(node.spec).frozen_weights;
  const auto parameters = read_parameters(entry);
  if (!parameters) return frozen;
  const auto given = parameters->find(node.name);
  if (given == parameters->end() || !given->second.weights) {
    throw InputError(entry.json.place() + ": the parameters name no weights of layer \"" + node.name + "\"");
  }
  if (frozen) throw InputError(entry.json.place() + ": the weights of layer \"" + node.name + "\" are frozen");
  return given->second.weights;
}

}  // namespace

Outcome prove_rank_at(const Architecture& network, std::size_t index, const std::string& claim,
                      const std::optional<TensorSpec>& given, const Options& options) {
  const Node& node = network.node(index);
  const TensorSpec weights = given ? *given : TensorSpec(SeededTensor{node.name, options.seed, -1000, 1000, 1, false});
  check_tensor(weights, network.weights_shape(index), node.name);
  Outcome outcome;
  if (options.evidence != EvidenceKind::random_solve) outcome = weights_full_rank_at(network, index, weights);
  if (options.evidence == EvidenceKind::random_solve || outcome.reason == "too-large") {
    const Claim full = full_rank_at(node, weights);
    EvidenceOutcome found = dense_evidence(network, index, weights, full, options);
    if (found.evidence) {
      outcome = with_filters(
          proved(fmt::format("U of layer {} has full rank {} modulo {}", node.name, full_rank(node), found.prime),
                 {{full, exact_rank(*found.evidence)}}),
          node, weights, "filters of full rank");
    } else if (found.too_large) {
      outcome = undecided("too-large", found.obstacle);
    } else {
      outcome = undecided("rank-deficient", fmt::format("U of layer {} has rank {} of {} modulo a prime", node.name,
                                                        found.rank, full_rank(node)));
    }
  }
  constexpr double kMostKernelEntries = 4e6;
  const double entries = static_cast<double>(node.patches->inputs()) * static_cast<double>(node.width);
  if (outcome.reason == "rank-deficient" && entries <= kMostKernelEntries) {
    options.progress("kernel vector", 0, 1);
    if (const auto v = kernel_vector(network, index, weights)) {
      outcome = with_filters(refuted("rank-deficient",
                                     fmt::format("U of layer {} has not full rank {}: a kernel vector is found",
                                                 node.name, full_rank(node)),
                                     {{Claim("weights-deficient-at", {{"node", node.name}, {"weights", weights}}),
                                       Proof("kernel-vector", {{"v", *v}})}}),
                             node, weights, "filters of deficient rank");
    }
  }
  return claim == "weights-deficient-at" ? inverted(std::move(outcome)) : outcome;
}

Outcome weights_full_rank_at(const Architecture& network, std::size_t index, const TensorSpec& weights) {
  const Node& node = network.node(index);
  if (!fits_elimination(node) && !std::holds_alternative<SparseTensor>(weights)) {
    return undecided("too-large", fmt::format("U of layer {} is {}: too large for the checker's own elimination",
                                              node.name, size_of(node)));
  }
  const SparseRank found = rank_modulo(network, index, weights);
  if (!found.decided || found.rank < full_rank(node)) {
    return undecided(found.decided ? "rank-deficient" : "too-large",
                     fmt::format("U of layer {} has rank {} of {} modulo {} at these filters{}", node.name, found.rank,
                                 full_rank(node), kRankPrime, found.decided ? "" : " so far"));
  }
  return with_filters(proved(fmt::format("U of layer {} has full rank {}", node.name, full_rank(node)),
                             {{full_rank_at(node, weights), modular_elimination()}}),
                      node, weights, "filters of full rank");
}

Theorem theorems::full_rank_weights() {
  return {.id = "full-rank-weights",
          .title = "The weight matrix U has full rank for almost every W",
          .source = "Nguyen & Hein, ICML 2018, Assumption 2.4 and Lemma 2.5",
          .statement =
              "Decides, for any patches, whether some filters W give U = M(W) full rank min(n_{k-1}, n_k), "
              "and hence almost every W: by explicit filters, or by a bound of the rank that holds for every "
              "W. The paper's remark that patches which cover the layer and differ suffice is false.",
          .hypotheses = {"a linear layer with free weights; no data"},
          .claims = {"weights-full-rank", "weights-never-full-rank", "weights-generic-rank"},
          .rules = {"modular-elimination", "exact-rank", "cover", "commuting-filters", "kernel-polynomials",
                    "generic-rank"},
          .reasons = {"uncovered-inputs", "cover", "commuting-filters", "kernel-polynomials", "rank-is-full",
                      "rank-deficient", "too-large", "frozen-parameters"},
          .needs_data = false,
          .read = [](const Entry& entry) -> Prover {
            return [node = linear_node(entry), claim = entry.claim](const Instance& instance, const Options& options) {
              return prove_full_rank(instance.network, node, claim, options);
            };
          },
          .obstacle = obstacle};
}

Theorem theorems::weights_rank_at() {
  return {.id = "weights-rank-at",
          .title = "The rank of the weight matrix U at given filters",
          .source = "Nguyen & Hein, ICML 2018, Lemma 2.5 at one W",
          .statement =
              "rank M(W) = min(n_{k-1}, n_k) or less, at the filters of the case (or at seeded ones), "
              "exactly, with a vector in the kernel where it is less.",
          .hypotheses = {"a linear layer; no data"},
          .claims = {"weights-full-rank-at", "weights-deficient-at"},
          .rules = {"modular-elimination", "exact-rank", "kernel-vector"},
          .reasons = {"rank-deficient", "rank-is-full", "too-large"},
          .keys = {{"parameters", "the filters of the layer; seeded ones if absent"}},
          .needs_data = false,
          .read = [](const Entry& entry) -> Prover {
            return [node = linear_node(entry), claim = entry.claim, filters = read_filters(entry)](
                       const Instance& instance, const Options& options) {
              return prove_rank_at(instance.network, node, claim, filters, options);
            };
          }};
}

}  // namespace widecert
