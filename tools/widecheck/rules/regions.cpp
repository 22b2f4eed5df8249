// Rules about decision regions C_j = {x : F_j(x) > F_k(x) for all k != j} of a network at given parameters: all of them
// connected, a path inside one, how many components one has.
#include <algorithm>

#include "evaluate/activation.h"
#include "evaluate/backward.h"
#include "evaluate/branches.h"
#include "evaluate/cells.h"
#include "evaluate/features.h"
#include "evaluate/moat.h"
#include "evaluate/ranges.h"
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

Units units_of(const Question& q, std::size_t output) {
  const auto theta = read_point(q.c.network, output, q.claim.at("parameters"), q.c.budget);
  return widecheck::units_of(q.c.network, output, theta, q.c.budget);
}
Tensor read_rows(const Value& list, std::size_t count, std::size_t length, Budget& budget) {
  return read_tensor_rows(list, {std::vector<std::size_t>(count, length)}, budget);
}
std::string cells_in_words(const RegionCount& found) {
  return " (" + number(found.cells) + " cells, " + number(found.pieces) + " with points of it)";
}
RegionCount count_as_claimed(const Question& q, const Units& network, const Plane& plane) {
  const std::uint64_t mine = q.claim.at("class").number(network.layers.back().rows.size() - 1),
                      count = q.claim.at("count").number(std::uint64_t{1} << 40);
  const RegionCount found = count_components(network, mine, plane, q.c.budget);
  require(found.components == count, "count",
          "the region has " + number(found.components) + " components, not " + number(count));
  return found;
}

// The plane is cut into cells here; in more than two dimensions the certificate says on which two forms all depends.
Verdict component_count(const Question& q) {
  const Context& c = q.c;
  const std::size_t output = output_of(q), d = c.network.node(0).width;
  const Units network = units_of(q, output);
  Plane plane;
  std::string inputs = "the whole plane";
  if (d <= 2) {
    plane = plane_of_inputs(d);
  } else {
    require(q.proof.has("directions"), "dimension", "components are counted for functions of one or two forms");
    const std::size_t r = q.proof.at("directions").list().size();
    require(r <= 2, "dimension", "components are counted for functions of one or two forms");
    const Tensor directions = read_rows(q.proof.at("directions"), r, d, c.budget),
                 forms = read_rows(q.proof.at("forms"), r, d, c.budget);
    require_factor(network, directions, forms, c.budget);
    Tensor axes = constant_tensor({d, d, d}, 0);
    axes.divisor = directions.divisor;
    for (std::size_t k = 0; k < r; ++k) axes.rows[k] = directions.rows[k];
    const auto row = [&](std::size_t k) { return Tensor{{axes.rows[k]}, axes.divisor}; };
    plane = plane_through(row(2), row(0), row(1));
    inputs = number(d) + " inputs, of which F depends by " + number(r) + " forms";
  }
  const RegionCount found = count_as_claimed(q, network, plane);
  return "at " + point_in_words(c.network, output, q.claim.at("parameters")) +
         " the region {x : F_j > F_k for all k != j} of class " + q.claim.at("class").integer().get_str() + ", F = F(" +
         c.network.node(output).name + "), has exactly " + number(found.components) + " connected components in " +
         inputs + cells_in_words(found);
}

// The same on a plane through the inputs: nothing is said about what lies off it.
Verdict slice_component_count(const Question& q) {
  const Context& c = q.c;
  const std::size_t output = output_of(q);
  const Node& input = c.network.node(0);
  const auto row = [&](const char* key) {
    return read_tensor(q.claim.at("plane").at(key), {{input.width}, input.shape}, c.budget);
  };
  Plane plane = plane_through(row("origin"), row("u"), row("v"));
  std::string part = "all (s, t)";
  if (q.claim.has("low") || q.claim.has("high")) {
    const Tensor low = read_rows(q.claim.at("low"), 1, 2, c.budget),
                 high = read_rows(q.claim.at("high"), 1, 2, c.budget);
    for (std::size_t k = 0; k < 2; ++k) {
      Ray from{0, 0, -low.rows[0][k]}, to{0, 0, high.rows[0][k]};
      from[k] = low.divisor;
      to[k] = -high.divisor;
      plane.limits.push_back(from);
      plane.limits.push_back(to);
    }
    const mpz_class by_low = high.divisor, by_high = low.divisor;
    require(low.rows[0][0] * by_low < high.rows[0][0] * by_high && low.rows[0][1] * by_low < high.rows[0][1] * by_high,
            "empty", "low is not below high");
    part = "the (s, t) between low and high";
  }
  const RegionCount found = count_as_claimed(q, units_of(q, output), plane);
  return "at " + point_in_words(c.network, output, q.claim.at("parameters")) + " the set of " + part +
         " with F_j > F_k for all k != j, j = " + q.claim.at("class").integer().get_str() + ", F = F(" +
         c.network.node(output).name + "), at origin + s u + t v, has exactly " + number(found.components) +
         " connected components" + cells_in_words(found) + "; off this plane nothing is claimed";
}

// Two points of a region, and a closed set between them without points of it.
struct Parted {
  std::size_t output, mine;
  std::map<std::size_t, Parameters> theta;
  Units network;
  Values a, b;
  std::string sentence(const Question& q, const std::string& moat) const {
    return "at " + point_in_words(q.c.network, output, q.claim.at("parameters")) +
           " the claim's two points lie in different connected components of the region {x : F_j > F_k for all k != "
           "j} of class " +
           number(mine) + ", F = F(" + q.c.network.node(output).name + "): " + moat +
           " without points of it is between";
  }
};
Parted read_parted(const Question& q) {
  const Context& c = q.c;
  const std::size_t output = output_of(q);
  const Node& input = c.network.node(0);
  Parted p;
  p.output = output;
  p.mine = q.claim.at("class").number(c.network.node(output).width - 1);
  p.theta = read_point(c.network, output, q.claim.at("parameters"), c.budget);
  const auto points = q.claim.at("points").list();
  if (points.size() != 2) q.claim.at("points").bad("two points");
  const unsigned bits = read_precision(q.proof);
  for (Values* x : {&p.a, &p.b}) {
    const Tensor row = read_tensor(points[x == &p.a ? 0 : 1], {{input.width}, input.shape}, c.budget);
    *x = {row.rows[0], row.divisor, 0};
    require_inside(c, output, p.theta, p.mine, *x, bits);
  }
  p.network = widecheck::units_of(c.network, output, p.theta, c.budget);
  return p;
}

std::string facets_in_words(std::size_t rows) {
  return rows == 1 ? "a hyperplane" : "the boundary of a polyhedron of " + number(rows) + " half spaces";
}

// In the plane a curve or the boundary of a polyhedron, in space the latter: cut into cells here.
Verdict moat_cells(const Question& q) {
  const Parted p = read_parted(q);
  const Value moat = q.proof.at("moat");
  const bool curve = moat.has("curve");
  const std::vector<Plane> pieces =
      curve ? read_curve(moat, p.a, p.b, q.c.budget) : facets(read_polyhedron(moat, p.a, p.b, q.c.budget), q.c.budget);
  std::size_t cells = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const RegionCount found = count_components(p.network, p.mine, pieces[i], q.c.budget);
    require(found.pieces == 0, "on-the-moat", "piece " + number(i + 1) + " of the moat has points of the region");
    cells += found.cells;
  }
  return p.sentence(q, (curve ? "a curve of " + number(pieces.size()) + " pieces" : facets_in_words(pieces.size())) +
                           ", " + number(cells) + " cells,");
}

// Evidence for every facet of a polyhedron, given in the certificate.
template <class Evidence>
Verdict moat_of_facets(const Question& q, const Evidence& check) {
  const Parted p = read_parted(q);
  const Polyhedron moat = read_polyhedron(q.proof.at("moat"), p.a, p.b, q.c.budget);
  const auto trees = q.proof.at("trees").list();
  if (trees.size() != moat.rows.size()) q.proof.at("trees").bad("one for each half space");
  for (std::size_t i = 0; i < trees.size(); ++i) check(p, moat, i, trees[i]);
  return p.sentence(q, facets_in_words(trees.size()));
}
Verdict moat_branches(const Question& q) {
  return moat_of_facets(q, [&](const Parted& p, const Polyhedron& moat, std::size_t i, const Value& tree) {
    check_branches(p.network, p.mine, moat, i, tree, q.c.budget);
  });
}
Verdict moat_ranges(const Question& q) {
  const unsigned bits = read_precision(q.proof);
  return moat_of_facets(q, [&](const Parted& p, const Polyhedron& moat, std::size_t i, const Value& tree) {
    check_ranges(p.network, p.mine, moat, i, tree, bits, q.c.budget);
  });
}

constexpr Rule kRules[] = {{"component-count", "cells", component_count},
                           {"disconnected", "moat-branches", moat_branches},
                           {"disconnected", "moat-cells", moat_cells},
                           {"disconnected", "moat-ranges", moat_ranges},
                           {"regions-connected", "pyramid", pyramid},
                           {"path-in-region", "walker", path_in_region},
                           {"slice-component-count", "cells", slice_component_count}};

}  // namespace

constinit const Topic topics::regions{"regions", kRules, false};

}  // namespace widecheck
