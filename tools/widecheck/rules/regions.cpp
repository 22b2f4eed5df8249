// Rules about decision regions C_j = {x : F_j(x) > F_k(x) for all k != j} of a network at given parameters: all of them
// connected, a path inside one, how many components one has.
#include <algorithm>

#include "evaluate/activation.h"
#include "evaluate/backward.h"
#include "evaluate/cells.h"
#include "evaluate/features.h"
#include "evaluate/walker.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/verdict.h"
#include "rules/premise.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

std::size_t output_of(const Question& q) {
  const std::size_t output = q.c.network.find(q.claim.at("output").text());
  require(q.c.network.node(output).width >= 2, "width", "one output has no regions");
  return output;
}

// The last layer above open boxes is affine, its sets {F_j > F_k for all k} convex; below it every layer is a
// homeomorphism behind an affine map onto all of the next space, under whose preimages connected sets stay connected.
Verdict pyramid(const Question& q) {
  const Context& c = q.c;
  const std::size_t output = output_of(q);
  const Above above = layers_above(c, 0, output);
  const std::size_t layers = above.linear.size();
  const auto theta = read_point(c.network, output, q.claim.at("parameters"), c.budget);
  const auto ranks = q.proof.at("ranks").list();
  if (ranks.size() + 1 != layers) q.proof.at("ranks").bad("one for each layer below the output");
  std::size_t below = c.network.node(0).width;
  std::vector<unsigned> bits;
  for (std::size_t l = 0; l + 1 < layers; ++l) {
    const Node& node = c.network.node(above.linear[l]);
    const Activation& f = c.network.node(above.activation[l]).activation;
    require(!node.frozen_weights, "frozen", "the filters of layer " + node.name + " are frozen");
    require(node.width <= below, "not-decreasing", "layer " + node.name + " is wider than the one below it");
    below = node.width;
    require(l + 2 == layers ? strictly_monotone(f) : homeomorphism(f), "activation",
            f.name + (l + 2 == layers ? " is not continuous and strictly monotone" : " is not a homeomorphism of R"));
    const Value claim = ranks[l].at("claim");
    require(claim.at("kind").text() == "weights-full-rank-at", "wrong-rule", "expected a claim weights-full-rank-at");
    require(claim.at("node").text() == node.name, "other-layers", "the claim about rank speaks of another layer");
    require(claim.at("weights").compact() == q.claim.at("parameters").at(node.name).at("weights").compact(),
            "other-point", "the claim about rank speaks of other filters of layer " + node.name);
    bits.push_back(topics::answer_inner(q, c, claim, ranks[l].at("proof")).error_bits);
  }
  return {"at " + point_in_words(c.network, output, q.claim.at("parameters")) +
              " every region {x : F_j > F_k for all " + "k != j}, F = F(" + c.network.node(output).name +
              "), and every set of inputs with softmax_j > c or >= c is " + "connected (or empty)",
          topics::combined_bits(bits)};
}

// Exactly, along a polyline: differences of outputs are affine between breakpoints.
Verdict path_in_region(const Question& q) {
  const Context& c = q.c;
  const std::size_t output = output_of(q), outputs = c.network.node(output).width;
  const std::uint64_t mine = q.claim.at("class").number(outputs - 1);
  const auto theta = read_point(c.network, output, q.claim.at("parameters"), c.budget);
  const std::size_t width = c.network.node(0).width;
  std::vector<Values> points;
  for (const Value& row : q.claim.at("points").list()) {
    const Tensor point = read_tensor(row, {{width}, c.network.node(0).shape}, c.budget);
    points.push_back({point.rows[0], point.divisor, 0});
  }
  if (points.size() < 2) q.claim.at("points").bad("two points or more");
  // sum_k e^-(F_j - F_k) over the others, convex between breakpoints, is at most this.
  const bool confident = q.claim.has("confidence");
  mpq_class most = 0;
  if (confident) {
    const mpq_class confidence = q.claim.at("confidence").rational();
    if (confidence <= 0 || confidence >= 1) q.claim.at("confidence").bad("a number between 0 and 1");
    most = 1 / confidence - 1;
  }
  const unsigned bits = confident ? read_precision(q.proof) : 0;
  std::size_t breakpoints = 0;
  for (std::size_t s = 0; s + 1 < points.size(); ++s) {
    for (const Values& f : walk(c.network, output, theta, points[s], points[s + 1], c.budget)) {
      ++breakpoints;
      mpq_class sum = 0;
      for (std::size_t k = 0; k < outputs; ++k) {
        if (k == mine) continue;
        require(f.v[mine] > f.v[k], "margin",
                "on segment " + number(s + 1) + " class " + number(k) + " is not below class " + number(mine));
        if (confident) sum += margin_power(f, mine, k, bits, c.budget);
      }
      require(!confident || sum <= most, "confidence", "on segment " + number(s + 1) + " the softmax is smaller");
    }
  }
  return "at " + point_in_words(c.network, output, q.claim.at("parameters")) + " the polyline through the claim's " +
         number(points.size()) + " points (" + number(breakpoints) + " breakpoints) lies in the region of class " +
         number(mine) + ": F_j > F_k for all k != j, F = F(" + c.network.node(output).name + ")" +
         (confident ? ", and softmax_j >= " + show_below(1 / (1 + most)) + " all along it" : "");
}

// The plane is cut into cells here; the certificate is empty.
Verdict component_count(const Question& q) {
  const Context& c = q.c;
  const std::size_t output = output_of(q);
  const std::uint64_t mine = q.claim.at("class").number(c.network.node(output).width - 1),
                      count = q.claim.at("count").number(std::uint64_t{1} << 40);
  const auto theta = read_point(c.network, output, q.claim.at("parameters"), c.budget);
  const RegionCount found = count_components(c, output, theta, mine);
  require(found.components == count, "count",
          "the region has " + number(found.components) + " components, not " + number(count));
  return "at " + point_in_words(c.network, output, q.claim.at("parameters")) +
         " the region {x : F_j > F_k for all k != j}" + " of class " + number(mine) + ", F = F(" +
         c.network.node(output).name + "), has exactly " + number(count) + " connected components (" +
         number(found.cells) + " cells of the whole plane, " + number(found.pieces) + " with points of it)";
}

constexpr Rule kRules[] = {{"component-count", "cells", component_count},
                           {"regions-connected", "pyramid", pyramid},
                           {"path-in-region", "walker", path_in_region}};

}  // namespace

constinit const Topic topics::regions{"regions", kRules, false};

}  // namespace widecheck
