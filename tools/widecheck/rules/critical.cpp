// Rules about critical points: where a gradient of 0 means zero loss (2017, Theorem 3.4 and Lemma 3.5, Theorem 5.3 as
// far as it is true; 2018, Theorem 4.4 and the first part of 4.5), critical points that are given, exactly, and
// hypotheses that no parameter satisfies.
#include <algorithm>
#include <set>

#include "evaluate/activation.h"
#include "evaluate/backward.h"
#include "evaluate/features.h"
#include "evaluate/ln2_forward.h"
#include "evaluate/loss.h"
#include "evidence/distinct.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/targets.h"
#include "kernel/verdict.h"
#include "rules/premise.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

std::string name_of(const Context& c, std::size_t node) { return c.network.node(node).name; }

// The layers above a node up to an output, which is linear or an activation on a linear layer.
struct Tower {
  Above above;
  std::vector<std::size_t> activations;  // that of the output included
  const Node& first(const Context& c) const { return c.network.node(above.linear[0]); }
};
Tower read_tower(const Question& q) {
  const Context& c = q.c;
  const std::size_t output = c.network.find(q.claim.at("output").text());
  const bool active = c.network.node(output).op == Op::activation;
  Tower tower;
  tower.above = layers_above(c, q.node(), active ? c.network.node(output).inputs[0] : output);
  tower.activations = tower.above.activation;
  if (active) tower.activations.push_back(output);
  return tower;
}
void require_slopes(const Context& c, const std::vector<std::size_t>& activations) {
  for (std::size_t i : activations) {
    const Node& node = c.network.node(i);
    require(slopes_nonzero(node.activation.function), "activation",
            "layer " + node.name + ": " + node.activation.name + " has derivatives that are 0, or none somewhere");
  }
}
// The derivatives that a claim speaks of.
std::string derivatives_for(const Context& c, const Tower& tower) {
  const Node& first = tower.first(c);
  const bool own = c.network.dense(tower.above.linear[0]) && !first.frozen_weights;
  return std::string("the derivatives of Phi for the ") + (own ? "weights" : "weight matrix U, as a free matrix,") +
         (first.free_bias() ? (own ? " and biases" : " and one bias for each neuron") : "") + " of layer " + first.name;
}

Verdict critical_points_global(const Question& q) {
  const Context& c = q.c;
  const std::size_t node = q.node(), n = c.data.size();
  const Tower tower = read_tower(q);
  require_slopes(c, tower.activations);
  const std::vector<std::size_t>& linear = tower.above.linear;
  for (std::size_t k = 1; k < linear.size(); ++k) {
    require(c.network.node(linear[k - 1]).width >= c.network.node(linear[k]).width, "width",
            "layer " + name_of(c, linear[k]) + " is wider than the linear layer before it: no U of full column rank");
  }
  const Node& first = tower.first(c);
  const bool ones = first.free_bias(), null = q.claim.at("exceptional-set-null").boolean();
  const std::string matrix = ones ? "[F(" + name_of(c, node) + "), 1]" : "F(" + name_of(c, node) + ")";
  std::string given;
  std::vector<unsigned> bits;
  if (node == 0 || null) {
    const auto rank = topics::full_row_rank(q);
    require(!rank.with_ones || ones, "free-biases", "rank [F, 1] is enough only with free biases of " + first.name);
    require(!null || node == 0 || q.claim.at("rank").at("kind").text() == "independent-almost-everywhere", "rank",
            "a null set needs the rank for almost every parameter");
    given = rank.sentence + "; ";
    bits.push_back(rank.error_bits);
  }
  if (null) {
    const auto claims = q.claim.at("weights").list(), proofs = q.proof.at("weights").list();
    if (claims.size() + 1 != linear.size() || proofs.size() != claims.size())
      q.claim.at("weights").bad(number(linear.size() - 1) + " claims, one for each linear layer from layer k+2 on");
    for (std::size_t k = 0; k < claims.size(); ++k) {
      require(claims[k].at("kind").text() == "weights-full-rank", "wrong-rule", "expected weights-full-rank");
      require(c.network.find(claims[k].at("node").text()) == linear[k + 1], "other-layers",
              "a claim about weights speaks of another layer");
      const Verdict full = topics::answer_inner(q, c, claims[k], proofs[k]);
      given += full.sentence + "; ";
      bits.push_back(full.error_bits);
    }
  }
  std::string where;
  if (node != 0) where = " with rank " + matrix + " = " + number(n);
  for (std::size_t k = 1; k < linear.size(); ++k)
    where += (k > 1 ? ", " : where.empty() ? " with " : " and ") + std::string("U of ") + name_of(c, linear[k]);
  if (linear.size() > 1) where += " of full column rank";
  return {given + "for every Y and Phi " + five_losses() + ": at every parameter" + where +
              (null ? ", that is at almost every one," : "") + " where " + derivatives_for(c, tower) + " vanish, F(" +
              q.claim.at("output").text() + ") = Y, a global minimum" + frozen_in_words(c.network, linear.back()),
          topics::combined_bits(bits)};
}

// For the pair of one-sided losses: (a) the output layer on features that are separable, (b) one layer below, m = 1.
Verdict critical_points_zero(const Question& q) {
  const Context& c = q.c;
  const Tower tower = read_tower(q);
  require_slopes(c, tower.activations);
  const std::vector<std::size_t>& linear = tower.above.linear;
  require(linear.size() <= 2, "not-a-chain",
          "with two linear layers or more above layer k+1 separable features have no consequence");
  const Node &first = dense_node(c, linear[0]), &last = c.network.node(linear.back());
  require(first.free_bias(), "free-biases", "layer " + first.name + " has no free biases");
  require(c.network.dense(linear.back()), "layer-kind", "layer " + last.name + " is not dense");
  require(linear.size() == 1 || last.width == 1, "width",
          "layer k+1 below the output layer: only with one output does it follow that the loss is 0");
  const std::string features = "F(" + name_of(c, q.node()) + ")";
  return "for every Y and every choice of classes: at every parameter where " + features +
         " separates each class from the others by a hyperplane" +
         (linear.size() == 2 ? " and the weights of " + last.name + " are not all 0" : "") + ", if " +
         derivatives_for(c, tower) +
         " vanish, then Phi = 0, Phi being the sum of min(F_ij - Y_ij, 0)^2 for the class j of "
         "sample i and max(F_ij - Y_ij, 0)^2 for the others" +
         frozen_in_words(c.network, linear.back());
}

// ---- separable features, at a point ----

Verdict separable_at(const Question& q) {
  const Context& c = q.c;
  const std::size_t node = q.node(), width = c.network.node(node).width;
  const std::vector<std::size_t> classes = read_classes(q.claim.at("classes"), c);
  const std::size_t m = *std::max_element(classes.begin(), classes.end()) + 1;
  const auto list = q.proof.at("normals").list();
  if (list.size() != m) q.proof.at("normals").bad(number(m) + " vectors, one for each class");
  std::vector<std::vector<mpz_class>> normals;
  for (const Value& h : list) normals.push_back(read_integers(h, width + 1));
  const auto require_side = [&](std::size_t i, std::size_t j, int side) {
    require(side == (classes[i] == j ? 1 : -1), "not-separated",
            "sample " + number(i + 1) + " is not shown to lie on its side for class " + number(j + 1));
  };
  if (q.proof.has("precision")) {
    const unsigned precision = read_precision(q.proof);
    const Features f(c, node, precision);
    const Forward forward = make_forward(c, c.network, node, f.read_point(q.claim.at("parameters")), precision);
    const Hyperplanes hyperplanes(c, forward, normals);
    c.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
      const Values values = forward(x);
      for (std::size_t j = 0; j < m; ++j) require_side(i, j, hyperplanes.side(values, j));
    });
  } else {
    const Ln2Forward forward(c, node, q.claim.at("parameters"));
    forward.for_each([&](std::size_t i, const Ln2Forward::Values& values) {
      for (std::size_t j = 0; j < m; ++j)
        require_side(i, j, values.at(node).affine(normals[j], c.budget).sign(c.budget));
    });
  }
  return "F(" + name_of(c, node) + ") separates each of " + number(m) +
         " classes from the others by a hyperplane, at " + point_in_words(c.network, node, q.claim.at("parameters"));
}

// Gordan: weights q >= 0, not all 0, with sum q_i e_i [f_i, 1] = 0, e_i = 1 in the class and -1 else.
Verdict not_separable_at(const Question& q) {
  const Context& c = q.c;
  const std::size_t node = q.node();
  const std::vector<std::size_t> classes = read_classes(q.claim.at("classes"), c);
  const std::size_t j = q.claim.at("class").number(kMaxEntries);
  const std::vector<mpz_class> weights = read_integers(q.proof.at("weights"), c.data.size());
  for (const mpz_class& w : weights) require(w >= 0, "sign", "a weight is negative");
  require(!zero(weights), "zero-vector", "all weights are 0");
  const Ln2Forward forward(c, node, q.claim.at("parameters"));
  Ln2Vector sum(c.network.node(node).width);
  mpz_class ones = 0;
  forward.for_each([&](std::size_t i, const Ln2Forward::Values& values) {
    if (weights[i] == 0) return;
    const mpz_class w = classes[i] == j ? weights[i] : mpz_class(-weights[i]);
    ones += w;
    sum.add(values.at(node).times(w, c.budget), c.budget);
  });
  require(ones == 0 && sum.zero(), "not-a-kernel-vector", "the weighted samples of the two sides do not meet");
  return "no hyperplane separates class " + number(j + 1) + " from the others in F(" + name_of(c, node) + "), at " +
         point_in_words(c.network, node, q.claim.at("parameters")) + ": a mean of the one is a mean of the others";
}

// ---- at a point, exactly ----

// All derivatives for free tensors vanish. The sentence that says so.
std::string require_critical(const Question& q, const Objective& objective) {
  const Context& c = q.c;
  const Value parameters = q.claim.at("parameters");
  const Ln2Forward forward(c, objective.output, parameters);
  Ln2Gradient gradient(forward);
  forward.for_each([&](std::size_t i, const Ln2Forward::Values& values) {
    gradient.add(values, objective.loss.derivative(i, objective.residual(i, values), c.budget));
  });
  for (const auto& [i, tensors] : gradient.sum()) {
    const Node& node = c.network.node(i);
    const bool zero =
        std::all_of(tensors.weights.begin(), tensors.weights.end(), [](const Ln2Vector& row) { return row.zero(); });
    require(node.frozen_weights || zero, "gradient", "a derivative for the weights of " + node.name + " is not 0");
    require(!node.free_bias() || tensors.bias.zero(), "gradient",
            "a derivative for the biases of " + node.name + " is not 0");
  }
  return "all derivatives of " + objective.loss.in_words() + ", F_L = " + objective.output_in_words() + ", for " +
         theta_in_words(c.network, objective.output) + " vanish at " +
         point_in_words(c.network, objective.output, parameters);
}

Verdict critical_at(const Question& q) {
  const Objective objective(q);
  const std::string critical = require_critical(q, objective);
  const LossKind kind = objective.loss.kind();
  if (kind != LossKind::square && kind != LossKind::one_sided) return critical;  // no rational values
  return critical + ", where Phi = " + in_words(objective.value(q.claim.at("parameters")));
}

Verdict critical_not_global(const Question& q) {
  const Objective objective(q);
  const std::string critical = require_critical(q, objective);
  const Ln2 phi = objective.value(q.claim.at("parameters"));
  const Verdict better = topics::better_point(q, objective, phi);
  return {critical + ", where Phi = " + in_words(phi) + "; " + better.sentence, better.error_bits};
}

Verdict global_minimum_at(const Question& q) {
  const Context& c = q.c;
  const Objective objective(q);
  const Value parameters = q.claim.at("parameters");
  const Ln2Forward forward(c, objective.output, parameters);
  forward.for_each([&](std::size_t i, const Ln2Forward::Values& values) {
    require(objective.loss.least(i, objective.residual(i, values), c.budget), "rows-differ",
            "sample " + number(i + 1) + " has not the least loss");
  });
  return objective.loss.in_words() + ", F_L = " + objective.output_in_words() +
         ", has its least possible value on every sample, at " +
         point_in_words(c.network, objective.output, parameters);
}

// ---- hypotheses that nothing satisfies ----

Verdict hessian_block_singular(const Question& q) {
  const Context& c = q.c;
  const std::size_t output = c.network.find(q.claim.at("output").text());
  for (std::size_t i : c.network.below(output)) {
    const Node& node = c.network.node(i);
    require(node.op != Op::max_pool, "layer-kind", "layer " + node.name + ": max pooling is not differentiable twice");
    require(node.op != Op::activation || analytic(node.activation.function), "activation",
            "layer " + node.name + ": " + node.activation.name + " is not differentiable twice");
  }
  const std::vector<std::size_t> nodes = linear_nodes(c.network, output);
  std::set<std::pair<std::size_t, bool>> seen;
  std::size_t entries = 0;
  std::string names;
  for (const Value& entry : q.claim.at("tensors").list()) {
    const auto pair = entry.list();
    if (pair.size() != 2 || (pair[1].text() != "weights" && pair[1].text() != "bias"))
      entry.bad("[layer, \"weights\" or \"bias\"]");
    const std::size_t i = c.network.find(pair[0].text());
    const bool weights = pair[1].text() == "weights";
    require(std::find(nodes.begin(), nodes.end(), i) != nodes.end(), "other-layers",
            "layer " + pair[0].text() + " is not below the output");
    const Node& node = c.network.node(i);
    require(weights ? !node.frozen_weights : node.free_bias(), "frozen",
            "the " + pair[1].text() + " of " + node.name + " are not free");
    if (!seen.emplace(i, weights).second) entry.bad("each tensor once");
    const TensorShape shape = weights ? weights_shape(node) : bias_shape(node);
    for (std::size_t length : shape.lengths) entries += length;
    names += (names.empty() ? "" : ", ") + pair[1].text() + " of " + node.name;
  }
  const mpz_class residuals =
      mpz_class(static_cast<unsigned long>(c.data.size())) * static_cast<unsigned long>(c.network.node(output).width);
  require(static_cast<unsigned long>(entries) > residuals, "bound",
          "there are " + number(entries) + " entries, no more than N m = " + residuals.get_str());
  return "for every Y and Phi " + five_losses() + ": at every parameter with F(" + name_of(c, output) +
         ") = Y the Hessian of Phi for the " + number(entries) + " entries of " + names +
         " is singular: its rank is at most N m = " + residuals.get_str();
}

Verdict no_point_as_in_3_8(const Question& q) {
  const Context& c = q.c;
  const std::size_t node = q.node(), n = c.data.size();
  const Tower tower = read_tower(q);
  const std::vector<std::size_t>& linear = tower.above.linear;
  // The whole network is the paper's chain, all of it free.
  const std::size_t top = linear.back();
  for (std::size_t i : c.network.below(top)) {
    if (i == 0) continue;
    const Node& layer = c.network.node(i);
    const Node& below = c.network.node(layer.inputs[0]);
    if (layer.op == Op::linear) {
      dense_node(c, i);
      require(layer.free_bias(), "free-biases", "layer " + layer.name + " has no free biases");
      require(below.op == Op::input || below.op == Op::activation, "not-a-chain", "layers do not take turns");
    } else {
      require(layer.op == Op::activation && below.op == Op::linear, "not-a-chain", "layers do not take turns");
    }
  }
  for (std::size_t i : c.network.below(c.network.find(q.claim.at("output").text())))
    require(c.network.node(i).op != Op::activation || assumption_3_2_of_2017(c.network.node(i).activation.function),
            "activation",
            "layer " + name_of(c, i) +
                ": outside the assumptions of the 2017 paper (analytic, strictly increasing, bounded "
                "or of exponential growth)");
  require(node != 0 && c.network.node(node).op == Op::activation, "layer-kind", "layer k is not a hidden layer");
  require(c.network.node(node).width + 1 >= n, "width", "layer k has fewer than N - 1 neurons");
  require_distinct_patches(c, linear_nodes(c.network, node)[0], true);  // dense: the samples
  std::set<std::size_t> layers;
  mpz_class entries = 0;
  for (const Value& name : q.claim.at("layers").list()) {
    const std::size_t i = c.network.find(name.text());
    if (std::find(linear.begin(), linear.end(), i) == linear.end() || !layers.insert(i).second)
      name.bad("linear layers above layer k, each once");
    const Node& layer = c.network.node(i);
    entries += mpz_class(static_cast<unsigned long>(layer.width)) *
               static_cast<unsigned long>(c.network.node(layer.inputs[0]).width + 1);
  }
  if (!layers.contains(linear[0])) q.claim.at("layers").bad("layer k+1 among them");
  const mpz_class residuals =
      mpz_class(static_cast<unsigned long>(n)) * static_cast<unsigned long>(c.network.node(top).width);
  require(entries > residuals, "bound",
          "the block has " + entries.get_str() + " entries, no more than N m = " + residuals.get_str());
  return "for every Y and Phi " + five_losses() +
         ": no parameter has derivatives of 0 and a nonsingular Hessian for the " + entries.get_str() +
         " entries of these layers, with U of the linear layers after " + tower.first(c).name +
         " of full column rank: Theorem 3.8 of the 2017 paper, with layer " + name_of(c, node) + ", speaks of no point";
}

constexpr Rule kRules[] = {{"critical-points-global", "non-zero-slopes", critical_points_global},
                           {"critical-points-zero", "separable-features", critical_points_zero},
                           {"separable-at", "separating-hyperplanes", separable_at},
                           {"not-separable-at", "gordan", not_separable_at},
                           {"critical-at", "exact-backpropagation", critical_at},
                           {"critical-not-global", "exact-backpropagation", critical_not_global},
                           {"global-minimum-at", "exact-forward", global_minimum_at},
                           {"hessian-block-singular", "more-entries-than-residuals", hessian_block_singular},
                           {"no-point-as-in-3.8", "more-entries-than-residuals", no_point_as_in_3_8}};

}  // namespace

constinit const Topic topics::critical{"critical", kRules};

}  // namespace widecheck
