// Rules about the weight matrix U = M(W) of a layer, n_{k-1} x n_k: its rank at given filters, for
// almost every W (the largest at any W: a minor that is not 0 somewhere is 0 on a null set only),
// and bounds for every W.
#include "evidence/kernel_polynomials.h"

#include <cstdint>
#include "evaluate/features.h"
#include "evidence/rank.h"
#include "evidence/singular.h"
#include "evidence/weight_matrix.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/verdict.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

std::string matrix_in_words(const Context& c, const Node& node) {
  const Sizes size = sizes(c, node);
  return "the weight matrix U (" + number(size.inputs) + " x " + number(size.outputs) + ") of layer " + node.name;
}

void require_rank(std::size_t rank, std::size_t wanted, std::uint64_t prime) {
  require(rank >= wanted, "rank",
          "the rank modulo " + number(prime) + " is " + number(rank) + ", not " + number(wanted));
}

// ---- bounds for every W ----

// The columns of some patches and the rows of the inputs that the other patches see contain all of
// U.
std::size_t cover_bound(const Context& c, const Node& node, const Value& proof) {
  std::vector<char> in_cover(node.patches.count(), 0), seen(sizes(c, node).inputs, 0);
  std::size_t lines = 0;
  for (const Value& json : proof.at("patches").list()) {
    char& mark = in_cover[json.number(node.patches.count() - 1)];
    if (!mark) lines += node.filters;
    mark = 1;
  }
  for_each_patch(c, node, [&](std::size_t p, const std::vector<long>& patch) {
    if (in_cover[p]) return;
    for (long e : patch) {
      if (e == kPad) continue;
      char& mark = seen[static_cast<std::size_t>(e)];
      if (!mark) ++lines;
      mark = 1;
    }
  });
  return lines;
}

// C + 1 filters on C channels, without stride and padding: U z = 0 for z = the maximal minors of
// the filters as polynomials in two shifts, moved to (P - C d)(P' - C d') places.
std::size_t commuting_bound(const Node& node) {
  const Window* w = node.patches.window();
  require(w != nullptr, "geometry", "the layer is not a convolution");
  const std::size_t groups = node.patches.banks(), channels = w->channels / groups;
  require(node.filters == channels + 1, "geometry", "the filters are not one more than the channels that they see");
  std::size_t places = 1;
  for (int d = 0; d < 2; ++d) {
    require(w->stride[d] == 1 && w->before[d] == 0 && w->after[d] == 0, "geometry",
            "the convolution has a stride or padding");
    const std::size_t lost = channels * (w->size[d] - 1) * w->dilation[d];
    require(w->count[d] > lost, "geometry", "the image is too small for the filters to commute");
    places *= w->count[d] - lost;
  }
  return node.width - groups * places;
}

// What rank U is at most for every W, by the rule that the proof, or the part of one, names.
std::size_t bound_of_rank(const Context& c, const Node& node, const Value& proof) {
  const std::string rule = proof.at("rule").text();
  if (rule == "cover") return cover_bound(c, node, proof);
  if (rule == "commuting-filters") return commuting_bound(node);
  require(rule == "kernel-polynomials", "wrong-rule", "rule " + rule + " bounds no rank");
  return kernel_bound(c, node, proof);
}

void require_free(const Node& node) {
  require(!node.frozen_weights, "frozen", "the filters of layer " + node.name + " are frozen");
}

// ---- full rank, at the "weights" of the claim or, for almost every W, of the proof ----

// U has full rank at these filters.
void require_full_by_elimination(const Question& q, const Node& node, const Value& weights) {
  const std::uint64_t prime = read_prime(q.proof.at("prime"), q.c.budget);
  require_rank(rank_modulo(q.c, node, weights, prime), sizes(q.c, node).full, prime);
}
// The same; returns the bits of the error bound, 0 if unconditional.
unsigned require_full_by_evidence(const Question& q, const Node& node, const Value& weights) {
  const Sizes size = sizes(q.c, node);
  const auto evidence = read_evidence(q.proof.at("evidence"), size.outputs, size.inputs, q.text(), q.c.budget);
  give_outputs(q.c, node, weights, *evidence);
  return evidence->finish();
}

std::string full_rank(const Question& q, const Node& node) {
  return matrix_in_words(q.c, node) + " has full rank " + number(sizes(q.c, node).full);
}

Verdict full_at_by_elimination(const Question& q) {
  const Node& node = linear_node(q.c, q.node());
  require_full_by_elimination(q, node, q.claim.at("weights"));
  return full_rank(q, node) + " at " + filters_in_words(q.claim.at("weights"));
}
Verdict full_at_by_evidence(const Question& q) {
  const Node& node = linear_node(q.c, q.node());
  const unsigned bits = require_full_by_evidence(q, node, q.claim.at("weights"));
  return {full_rank(q, node) + " at " + filters_in_words(q.claim.at("weights")), bits};
}
Verdict full_by_elimination(const Question& q) {
  const Node& node = linear_node(q.c, q.node());
  require_free(node);
  require_full_by_elimination(q, node, q.proof.at("weights"));
  return full_rank(q, node) + " for almost every W (Assumption 2.4 holds)";
}
Verdict full_by_evidence(const Question& q) {
  const Node& node = linear_node(q.c, q.node());
  require_free(node);
  const unsigned bits = require_full_by_evidence(q, node, q.proof.at("weights"));
  return {full_rank(q, node) + " for almost every W (Assumption 2.4 holds)", bits};
}

// ---- less than full rank ----

Verdict deficient_at(const Question& q) {
  const Node& node = linear_node(q.c, q.node());
  const std::size_t full = sizes(q.c, node).full;
  const std::vector<mpz_class> v = read_integers(q.proof.at("v"), full);
  require(!zero(v), "zero-vector", "the vector is 0");
  require(in_kernel(q.c, node, read_filters(q.c, node, q.claim.at("weights")), v), "not-a-kernel-vector",
          "the vector is not in the kernel of U");
  return matrix_in_words(q.c, node) + " has rank less than " + number(full) + " at " +
         filters_in_words(q.claim.at("weights"));
}

Verdict never_full(const Question& q) {
  const Node& node = linear_node(q.c, q.node());
  const std::size_t full = sizes(q.c, node).full, bound = bound_of_rank(q.c, node, q.proof);
  require(bound < full, "bound",
          "the rank is shown to be at most " + number(bound) + ", which is no less than full rank " + number(full));
  return matrix_in_words(q.c, node) + " has rank at most " + number(bound) + ", less than " + number(full) +
         ", for every W (Assumption 2.4 fails)";
}

// ---- the rank of almost every W ----

Verdict generic_rank(const Question& q) {
  const Node& node = linear_node(q.c, q.node());
  require_free(node);
  const std::size_t full = sizes(q.c, node).full, rank = q.claim.at("rank").number(full);
  const std::uint64_t prime = read_prime(q.proof.at("prime"), q.c.budget);
  require_rank(rank_modulo(q.c, node, q.proof.at("weights"), prime), rank, prime);
  if (rank < full) {
    const std::size_t bound = bound_of_rank(q.c, node, q.proof.at("upper"));
    require(bound <= rank, "bound", "the rank is shown to be at most " + number(bound) + ", not " + number(rank));
  }
  return matrix_in_words(q.c, node) + " has rank " + number(rank) + " for almost every W, and more for none";
}

// ---- singular values ----

Verdict singular_value_bounds(const Question& q) {
  const Node& node = linear_node(q.c, q.node());
  const Interval smallest = read_range(q.claim.at("smallest")), largest = read_range(q.claim.at("largest"));
  const unsigned bits = read_bits(q.proof);
  const Tensor weights = read_tensor(q.claim.at("weights"), weights_shape(node), q.c.budget);
  require_bounds(q.c, weight_matrix(q.c, node, weights, bits), smallest, largest, q.proof);
  return "the singular values of the weight matrix U of layer " + node.name + " at " +
         filters_in_words(q.claim.at("weights")) + ": smallest in " + show(smallest) + ", largest in " + show(largest) +
         (smallest.low > 0 ? " (full rank)" : "");
}

constexpr Rule kRules[] = {{"weights-full-rank-at", "modular-elimination", full_at_by_elimination},
                           {"weights-full-rank-at", "exact-rank", full_at_by_evidence},
                           {"weights-full-rank", "modular-elimination", full_by_elimination},
                           {"weights-full-rank", "exact-rank", full_by_evidence},
                           {"weights-deficient-at", "kernel-vector", deficient_at},
                           {"weights-never-full-rank", "cover", never_full},
                           {"weights-never-full-rank", "commuting-filters", never_full},
                           {"weights-never-full-rank", "kernel-polynomials", never_full},
                           {"weights-generic-rank", "generic-rank", generic_rank},
                           {"weights-singular-value-bounds", "integer-cholesky", singular_value_bounds}};

}  // namespace

constinit const Topic topics::weights{"weights", kRules, false};

}  // namespace widecheck
