// Rules about sublevel sets of Phi = phi(F_L) for every convex phi: connected, without bad valleys, unbounded; and two
// points joined, one point led down, by ranks at them. Nothing here evaluates a loss.
#include <algorithm>

#include "evaluate/activation.h"
#include "evaluate/backward.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/verdict.h"
#include "rules/premise.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

// s is continuous and distinct translates of it are independent.
bool has_independent_translates(const Activation& f) { return !is_step(f.function) && translate_independent(f); }

// F_0, the values of the claim's node, and above them layers 1, ..., L, all dense: layer l is linear, and for l < L an
// activation behind it.
class Tower {
 public:
  explicit Tower(const Question& q)
      : c(q.c),
        base(q.node()),
        output(c.network.find(q.claim.at("output").text())),
        above_(layers_above(c, base, output)) {
    for (std::size_t i : above_.linear) dense_node(c, i);
  }

  std::size_t layers() const { return above_.linear.size(); }
  std::size_t samples() const { return c.data.size(); }
  const Node& linear(std::size_t l) const { return c.network.node(above_.linear[l - 1]); }
  std::size_t values(std::size_t l) const { return l == 0 ? base : l == layers() ? output : above_.activation[l - 1]; }
  const Activation& function(std::size_t l) const { return c.network.node(values(l)).activation; }
  std::size_t width(std::size_t l) const { return c.network.node(values(l)).width; }
  // n_l + e_{l+1}: the columns of [F_l, 1] if layer l+1 has free biases, else of F_l.
  std::size_t columns(std::size_t l) const { return width(l) + (linear(l + 1).free_bias() ? 1 : 0); }
  std::string name(std::size_t l) const { return c.network.node(values(l)).name; }

  // Layers from this one on have free weights, and free biases or none.
  void require_free(std::size_t first) const {
    for (std::size_t l = first; l <= layers(); ++l)
      require(!linear(l).frozen(), "frozen", "layer " + linear(l).name + " has frozen tensors");
  }
  void require_columns(std::size_t l, std::size_t least) const {
    require(columns(l) >= least, "width",
            "layer " + name(l) + " has " + number(width(l)) + " neurons" +
                (columns(l) > width(l) ? ", and 1 for the biases above" : "") + ": fewer than " + number(least));
  }
  // Free biases, and an activation whose translates are independent.
  void require_translates(std::size_t l) const {
    require(linear(l).free_bias(), "free-biases", "layer " + linear(l).name + " has no free biases");
    require(has_independent_translates(function(l)), "activation",
            function(l).name + " is not continuous with independent translates");
  }
  // Above F_k: the output alone, or layers k+1, ..., L that become narrower and are homeomorphisms below the output.
  void require_narrowing(std::size_t k) const {
    if (k + 1 == layers()) return;
    for (std::size_t l = k + 1; l <= layers(); ++l) {
      require(l == k + 1 || width(l) < width(l - 1), "not-decreasing",
              "layer " + name(l) + " is not narrower than layer " + name(l - 1));
      require(l == layers() || homeomorphism(function(l)), "not-onto",
              l == layers() ? "" : function(l).name + " is not a homeomorphism of R");
    }
  }
  std::size_t read_wide(const Question& q) const { return q.proof.at("wide").number(layers() - 1); }

  const Context& c;
  const std::size_t base, output;

 private:
  Above above_;
};

// What is not moved: the layers up to the claim's node, at "parameters" of the claim, or with nothing free in them.
std::string require_lower_layers(const Question& q, const Tower& t) {
  const Context& c = q.c;
  if (q.claim.has("parameters")) {
    read_point(c.network, t.base, q.claim.at("parameters"), c.budget);
    return ", the layers up to " + c.network.node(t.base).name + " at " +
           point_in_words(c.network, t.base, q.claim.at("parameters"));
  }
  for (std::size_t i : linear_nodes(c.network, t.base)) {
    const Node& node = c.network.node(i);
    require(node.frozen_weights && (node.bias == Bias::none || node.frozen_bias), "frozen",
            "layer " + node.name + " below the claimed one is free, and the claim gives no parameters of it");
  }
  return frozen_in_words(c.network, t.base);
}

// rank [F_l, 1] = N where layer l+1 has biases, or rank F_l = N, at a point: a claim in the proof, with its proof. The
// point: tensors of `of` for layers of the tower, else of the claim's "parameters".
topics::FullRowRank rank_at_point(const Question& q, const Tower& t, std::size_t l, const Value* of,
                                  const Value& evidence) {
  const Context& c = q.c;
  t.require_columns(l, t.samples());
  const Value claim = evidence.at("claim");
  const std::string kind = claim.at("kind").text();
  require(kind == "independent-at" || kind == "singular-value-bounds", "wrong-rule",
          "a claim of kind " + kind + " does not speak of a point");
  const topics::FullRowRank rank = topics::full_row_rank(q, c, t.values(l), claim, evidence.at("proof"));
  require(!rank.with_ones || t.linear(l + 1).free_bias(), "free-biases",
          "rank [F, 1] = N is enough only with free biases of layer " + t.linear(l + 1).name);
  const Value parameters = claim.at("parameters");
  for (std::size_t i : linear_nodes(c.network, t.values(l))) {
    const Node& node = c.network.node(i);
    if (node.frozen_weights && (node.bias == Bias::none || node.frozen_bias)) continue;
    const bool lower = i <= t.base;
    require(lower ? q.claim.has("parameters") : of != nullptr, "other-point",
            "a rank at a point that the claim does not name");
    const Value mine = lower ? q.claim.at("parameters").at(node.name) : of->at(node.name);
    require(mine.compact() == parameters.at(node.name).compact(), "other-point",
            "the rank is that at another point: layer " + node.name);
  }
  return rank;
}

// "convex phi", and what it is a function of.
std::string every_phi(const Tower& t) {
  return "for every convex phi, of Phi = phi(F(" + t.c.network.node(t.output).name + "))";
}
std::string moved(const Tower& t) {
  std::string text;
  for (std::size_t l = 1; l <= t.layers(); ++l) text += (l == 1 ? "" : ", ") + t.linear(l).name;
  return "over the weights and biases of " + text;
}
std::string infimum(const Tower& t) {
  return "the infimum of phi over all outputs that are equal for samples equal at " + t.c.network.node(t.base).name;
}

// Theorem U: layers 1..k wide with independent translates, layers above as narrowing homeomorphisms, or k = 0 and rank
// N of the claim's node. `more`: how many columns beyond N. Returns the sentence of a premise and its error.
Verdict require_wide_layers(const Question& q, const Tower& t, std::size_t more) {
  const std::size_t k = t.read_wide(q);
  t.require_free(1);
  t.require_narrowing(k);
  if (k == 0) {
    const topics::FullRowRank rank = rank_at_point(q, t, 0, nullptr, q.proof.at("rank"));
    return {"; " + rank.sentence, rank.error_bits};
  }
  for (std::size_t l = 1; l <= k; ++l) {
    t.require_translates(l);
    t.require_columns(l, t.samples() + more);
  }
  return Verdict("");
}

Verdict connected(const Question& q) {
  const Tower t(q);
  const Verdict premise = require_wide_layers(q, t, 1);
  return {every_phi(t) + " " + moved(t) + ", all sets {Phi <= a} and {Phi < a} are path-connected" +
              require_lower_layers(q, t) + premise.sentence,
          premise.error_bits};
}

Verdict descends_everywhere(const Question& q) {
  const Tower t(q);
  const Verdict premise = require_wide_layers(q, t, 0);
  return {every_phi(t) + " " + moved(t) +
              ", from every point and for every value above p* there is a path on which Phi never increases and that "
              "comes below it; p* is " +
              infimum(t) + require_lower_layers(q, t) + premise.sentence,
          premise.error_bits};
}

std::string no_bad_valley_in_words(const Tower& t) {
  return ", on every component of every set {Phi < a} with a above p* the infimum of Phi is p*, " + infimum(t);
}

// Layers below the wide one may be strictly monotone instead, of any width.
Verdict no_bad_valley(const Question& q) {
  const Tower t(q);
  const std::size_t k = t.read_wide(q);
  t.require_free(1);
  t.require_narrowing(k);
  Verdict premise("");
  if (k == 0) {
    const topics::FullRowRank rank = rank_at_point(q, t, 0, nullptr, q.proof.at("rank"));
    premise = {"; " + rank.sentence, rank.error_bits};
  } else {
    for (std::size_t l = 1; l < k; ++l) {
      if (strictly_monotone(t.function(l))) continue;
      t.require_translates(l);
      t.require_columns(l, t.samples());
    }
    t.require_translates(k);
    t.require_columns(k, t.samples());
  }
  return {every_phi(t) + " " + moved(t) + no_bad_valley_in_words(t) + require_lower_layers(q, t) + premise.sentence,
          premise.error_bits};
}

// Almost every lower parameter gives rank N, and an open set is no null set.
Verdict generic_valleys(const Question& q) {
  const Context& c = q.c;
  const Tower t(q);
  const Value rank_claim = q.proof.at("rank").at("claim");
  require(!q.claim.has("parameters"), "other-point", "rule generic-valleys is about all parameters");
  require(rank_claim.at("kind").text() == "independent-almost-everywhere", "wrong-rule",
          "a rank for almost every parameter is expected");
  t.require_free(1);
  t.require_narrowing(0);
  for (std::size_t i : c.network.below(t.output)) {
    const Node& node = c.network.node(i);
    require(node.op != Op::activation || !is_step(node.activation.function), "activation",
            "layer " + node.name + " is not continuous");
  }
  const topics::FullRowRank rank = topics::full_row_rank(q, c, t.base, rank_claim, q.proof.at("rank").at("proof"));
  return {every_phi(t) + " over " + theta_in_words(c.network, t.output) +
              ", on every component of every set {Phi < a} with a above p* the infimum of Phi is p*, that of phi" +
              frozen_in_words(c.network, t.output) + "; " + rank.sentence,
          rank.error_bits};
}

// ---- unbounded level sets ----

// [F, 1] or F has more columns than rows: a direction of the layer that reads it changes nothing.
Verdict kernel_line(const Question& q) {
  const Context& c = q.c;
  const Node& layer = dense_node(c, c.network.find(q.claim.at("layer").text()));
  const std::size_t output = c.network.find(q.claim.at("output").text());
  const auto needed = c.network.below(output);
  require(std::find(needed.begin(), needed.end(), c.network.find(layer.name)) != needed.end(), "other-layers",
          "the output does not depend on layer " + layer.name);
  const std::size_t columns = c.network.node(layer.inputs[0]).width + (layer.free_bias() ? 1 : 0);
  require(columns > c.data.size(), "width",
          "layer " + layer.name + " reads " + number(columns) + " columns, no more than N = " + number(c.data.size()));
  return "through every point of " + theta_in_words(c.network, output) + " leads a line, in the tensors of " +
         layer.name + ", on which F(" + c.network.node(output).name +
         ") is constant: no level set of a function of it has a bounded component" + frozen_in_words(c.network, output);
}

// Unit times c, what reads it over c.
Verdict scaling(const Question& q) {
  const Context& c = q.c;
  const std::size_t upper = c.network.find(q.claim.at("layer").text()),
                    output = c.network.find(q.claim.at("output").text());
  const Node& reader = dense_node(c, upper);
  const std::size_t between = reader.inputs[0];
  const Node& middle = c.network.node(between);
  require(middle.op == Op::activation && piecewise_linear(middle.activation.function), "activation",
          "layer " + middle.name + " is not relu, leaky-relu or identity");
  const Node& layer = dense_node(c, middle.inputs[0]);
  require(!layer.frozen(), "frozen", "layer " + layer.name + " has frozen tensors");
  const auto needed = c.network.below(output);
  require(std::find(needed.begin(), needed.end(), upper) != needed.end(), "other-layers",
          "the output does not depend on layer " + reader.name);
  for (std::size_t i : needed) {
    const auto& inputs = c.network.node(i).inputs;
    const bool reads = std::find(inputs.begin(), inputs.end(), between) != inputs.end() ||
                       std::find(inputs.begin(), inputs.end(), middle.inputs[0]) != inputs.end();
    require(!reads || i == upper || i == between, "not-a-chain",
            "layer " + c.network.node(i).name + " reads these units, too");
  }
  return "through every point of " + theta_in_words(c.network, output) + " leads an unbounded curve, units of " +
         middle.name + " made larger and what reads them smaller, on which F(" + c.network.node(output).name +
         ") is constant: no level set of a function of it has a bounded component" + frozen_in_words(c.network, output);
}

// ---- given points ----

// The tensors of the tower's layers.
void require_tower_point(const Question& q, const Tower& t, const Value& point) {
  std::vector<std::size_t> nodes;
  for (std::size_t l = 1; l <= t.layers(); ++l) {
    nodes.push_back(q.c.network.find(t.linear(l).name));
    read_parameters(q.c, nodes.back(), point.at(t.linear(l).name));
  }
  require_nodes(q.c.network, nodes, point);
}

std::string joined_in_words(const Tower& t) {
  return every_phi(t) + ", the claim's two points are joined by a path of the weights and biases of the layers above " +
         t.c.network.node(t.base).name + " on which Phi is at most the larger of its values at them";
}

Verdict joined_by_wide_layers(const Question& q) {
  const Tower t(q);
  for (const char* end : {"from", "to"}) require_tower_point(q, t, q.claim.at(end));
  const Verdict premise = require_wide_layers(q, t, 1);
  return {joined_in_words(t) + require_lower_layers(q, t) + premise.sentence, premise.error_bits};
}

Verdict joined_by_features(const Question& q) {
  const Tower t(q);
  const std::size_t k = t.read_wide(q);
  t.require_free(1);
  t.require_narrowing(k);
  std::vector<unsigned> errors;
  for (const char* end : {"from", "to"}) {
    const Value point = q.claim.at(end);
    require_tower_point(q, t, point);
    const auto ranks = q.proof.at(end).list();
    if (ranks.size() != k) q.proof.at(end).bad("evidence for each of the layers up to the wide one");
    for (std::size_t l = 1; l <= k; ++l) {
      t.require_columns(l, t.samples() + 1);
      require(!is_step(t.function(l).function), "activation", t.function(l).name + " is not continuous");
      errors.push_back(rank_at_point(q, t, l, &point, ranks[l - 1]).error_bits);
    }
  }
  require(k > 0, "width", "rule same-features speaks of layers above the claim's node");
  return {joined_in_words(t) + require_lower_layers(q, t) + "; rank N of " + number(k) + " layer(s) at both points",
          topics::combined_bits(errors)};
}

Verdict descends_by_features(const Question& q) {
  const Tower t(q);
  const std::size_t k = t.read_wide(q);
  t.require_free(1);
  t.require_narrowing(k);
  const Value from = q.claim.at("from");
  require_tower_point(q, t, from);
  const topics::FullRowRank rank = rank_at_point(q, t, k, &from, q.proof.at("rank"));
  return {every_phi(t) +
              ", from the claim's point and for every value above the infimum of phi there is a path of the "
              "weights and biases of the layers above " +
              t.name(k) + " on which Phi never increases and that comes below it" + require_lower_layers(q, t) + "; " +
              rank.sentence,
          rank.error_bits};
}

constexpr Rule kRules[] = {
    {"connected-sublevel-sets", "wide-layers", connected}, {"descends-everywhere", "wide-layers", descends_everywhere},
    {"no-bad-valley", "wide-layers", no_bad_valley},       {"no-bad-valley", "generic-valleys", generic_valleys},
    {"unbounded-level-sets", "kernel-line", kernel_line},  {"unbounded-level-sets", "scaling", scaling},
    {"joined", "wide-layers", joined_by_wide_layers},      {"joined", "same-features", joined_by_features},
    {"descends", "same-features", descends_by_features}};

}  // namespace

constinit const Topic topics::valleys{"valleys", kRules};

}  // namespace widecheck
