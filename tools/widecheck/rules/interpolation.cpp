// Rules about F_L = Y: from full row rank for every Y (Corollary 3.6 and Theorem 4.5 of the 2018 paper, with their
// repairs), exactly at given parameters, near them, and never.
#include <algorithm>
#include <functional>

#include "evaluate/activation.h"
#include "evaluate/backward.h"
#include "evaluate/features.h"
#include "evaluate/ln2_forward.h"
#include "evidence/jacobian.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/targets.h"
#include "kernel/verdict.h"
#include "rules/premise.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

using topics::FullRowRank, topics::full_row_rank;

std::size_t read_output(const Question& q) { return q.c.network.find(q.claim.at("output").text()); }
std::string name_of(const Context& c, std::size_t node) { return c.network.node(node).name; }
std::string values_of(const Context& c, std::size_t node) { return "F(" + name_of(c, node) + ")"; }
std::string matrices(std::size_t rows, std::size_t cols) {
  return "every Y of " + number(rows) + " x " + number(cols) + " numbers";
}

// A layer on features of full row rank takes any values: its weights, and biases if they are free, solve a system.
const Node& require_solvable(const Context& c, std::size_t layer, const FullRowRank& rank) {
  const Node& node = dense_node(c, layer);
  require(!rank.with_ones || node.free_bias(), "free-biases",
          "rank [F, 1] = N is enough only with free biases of layer " + node.name);
  return node;
}
// The dimension of the solutions, for each neuron: n + 1 with a free bias, less N.
std::size_t freedom(const Context& c, const Node& layer) {
  return c.network.node(layer.inputs[0]).width + (layer.free_bias() ? 1 : 0) - c.data.size();
}

Verdict interpolates_every_target(const Question& q) {
  const Context& c = q.c;
  const std::size_t node = q.node(), output = read_output(q);
  const FullRowRank rank = full_row_rank(q);
  const Node& layer = require_solvable(c, output, rank);
  require(layer.inputs[0] == node, "layer-kind", "layer " + layer.name + " does not read the claimed layer");
  return {rank.sentence + "; there, for " + matrices(c.data.size(), layer.width) + ", the " +
              (layer.free_bias() ? "weights and biases" : "weights") + " of " + layer.name + " with " +
              values_of(c, output) + " = Y form an affine space of dimension " +
              number(freedom(c, layer) * layer.width) + frozen_in_words(c.network, output),
          rank.error_bits};
}

// ---- exactly, at a point ----

// F(output) = Y on every sample. Returns how a sentence names the point.
std::string require_zero_loss(const Question& q, std::size_t output) {
  const Context& c = q.c;
  const Value parameters = q.claim.at("parameters");
  const Ln2Forward forward(c, output, parameters);
  const Tensor targets = read_targets(q.claim.at("targets"), c, c.network.node(output).width);
  forward.for_each([&](std::size_t i, const Ln2Forward::Values& values) {
    Ln2Vector residual = Ln2Vector(targets.rows[i], targets.divisor).negative(c.budget);
    residual.add(values.at(output), c.budget);
    require(residual.zero(), "rows-differ",
            values_of(c, output) + " is not Y: sample " + number(i + 1) + " has another output");
  });
  return point_in_words(c.network, output, parameters);
}

Verdict zero_loss_at(const Question& q) {
  const std::size_t output = read_output(q);
  return values_of(q.c, output) + " = Y exactly on all " + number(q.c.data.size()) + " samples (zero loss), at " +
         require_zero_loss(q, output);
}

Verdict interpolates(const Question& q) {
  const std::size_t node = q.node(), output = read_output(q);
  const Node& layer = dense_node(q.c, output);
  require(layer.inputs[0] == node, "layer-kind", "layer " + layer.name + " does not read the claimed layer");
  return "the weights of " + layer.name + " solve " + values_of(q.c, node) + " W" +
         (layer.bias == Bias::none ? "" : " + 1 b^T") + " = Y exactly, for " + number(q.c.data.size()) +
         " samples, at " + require_zero_loss(q, output);
}

// v with v^T [F, 1] = 0, or v^T F = 0 without bias, and v^T Y != 0: no weights reach Y.
Verdict not_interpolable(const Question& q) {
  const Context& c = q.c;
  const std::size_t node = q.node(), output = read_output(q), n = c.data.size();
  const Node& layer = dense_node(c, output);
  require(layer.inputs[0] == node, "layer-kind", "layer " + layer.name + " does not read the claimed layer");
  const std::vector<mpz_class> v = read_integers(q.proof.at("vector"), n);
  const Ln2Forward forward(c, node, q.claim.at("parameters"));
  const Tensor targets = read_targets(q.claim.at("targets"), c, layer.width);
  Ln2Vector features(c.network.node(node).width), reached(layer.width);
  mpz_class ones = 0;
  forward.for_each([&](std::size_t i, const Ln2Forward::Values& values) {
    if (v[i] == 0) return;
    ones += v[i];
    features.add(values.at(node).times(v[i], c.budget), c.budget);
    reached.add(Ln2Vector(targets.rows[i], targets.divisor).times(v[i], c.budget), c.budget);
  });
  require(features.zero(), "not-a-kernel-vector", "v^T F is not 0");
  require(layer.bias == Bias::none || ones == 0, "not-a-kernel-vector", "v^T 1 is not 0, and the layer has a bias");
  require(!reached.zero(), "rows-differ", "v^T Y is 0: nothing follows");
  return "no weights" + std::string(layer.bias == Bias::none ? "" : " and biases") + " of " + layer.name + " give " +
         values_of(c, output) + " = Y, at " + point_in_words(c.network, node, q.claim.at("parameters")) +
         " below: a combination of samples is 0 in F and is not in Y";
}

// ---- for every Y, or Y by classes: Theorem 4.5 and what it rests on ----

// Layers and activations by turns above a node, dense and free from the second linear layer on.
Above require_carriers(const Question& q, std::size_t node, std::size_t output, const FullRowRank& rank) {
  const Context& c = q.c;
  const Above above = layers_above(c, node, output);
  require_solvable(c, above.linear[0], rank);
  const std::size_t m = c.network.node(output).width;
  for (std::size_t k = 1; k < above.linear.size(); ++k) {
    const Node &layer = dense_node(c, above.linear[k]), &below = c.network.node(layer.inputs[0]);
    require(below.width >= m, "width", "layer " + below.name + " has fewer neurons than the output");
    const auto image = monotone_image(below.activation);
    require(image.has_value(), "activation",
            "layer " + below.name + ": " + below.activation.name + " is strictly monotone on no interval");
    require(layer.free_bias() || image->contains(0), layer.bias == Bias::none ? "free-biases" : "frozen",
            "layer " + layer.name + " has no free biases, and 0 is no value of " + below.activation.name +
                " inside its range");
  }
  return above;
}

Verdict carried_targets(const Question& q) {
  const Context& c = q.c;
  const std::size_t node = q.node(), output = read_output(q);
  const bool in_s_k = q.claim.at("in-s-k").boolean();
  const FullRowRank rank = full_row_rank(q);
  const Above above = require_carriers(q, node, output, rank);
  const Node& first = c.network.node(above.linear[0]);
  std::string text = rank.sentence + "; there, for " + matrices(c.data.size(), c.network.node(output).width) +
                     ", the layers above " + name_of(c, node) + " have parameters with " + values_of(c, output) +
                     " = Y, " + (freedom(c, first) > 0 ? "infinitely many" : "one at least");
  if (in_s_k) {
    require(!rank.with_ones, "rank", "S_k asks for rank F = N; [F, 1] has it");
    for (std::size_t k = 1; k < above.linear.size(); ++k)
      require(c.network.node(above.linear[k - 1]).width >= c.network.node(above.linear[k]).width, "width",
              "layer " + name_of(c, above.linear[k]) + " is wider than the linear layer before it");
    text += ", in S_k: their weight matrices from the second layer on have full column rank";
  }
  return {text + frozen_in_words(c.network, output), rank.error_bits};
}

Verdict through_classes(const Question& q) {
  const Context& c = q.c;
  const std::size_t node = q.node(), output = read_output(q);
  const FullRowRank rank = full_row_rank(q);
  const std::size_t gate = c.network.find(q.proof.at("gate").text());
  const Node &top = dense_node(c, output), &activation = c.network.node(gate);
  require(activation.op == Op::activation, "layer-kind", "layer " + activation.name + " is not an activation");
  const Node& layer = require_solvable(c, activation.inputs[0], rank);
  require(layer.inputs[0] == node, "not-a-chain", "layer " + layer.name + " does not read the claimed layer");
  const auto image = monotone_image(activation.activation);
  require(image.has_value(), "activation", activation.activation.name + " is strictly monotone on no interval");
  // One value of that activation for each class.
  const Tensor targets = read_targets(q.claim.at("targets"), c, top.width);
  const std::size_t classes = count_different(targets, c.budget);
  const Network rest = c.network.part(gate, top.inputs[0]);
  Data points(q.proof.at("points"), activation.shape, c.budget);
  points.verify();
  require(points.size() == classes, "targets",
          "there are " + number(points.size()) + " points for " + number(classes) + " different rows of Y");
  points.for_each([&](std::size_t, const std::vector<mpz_class>& row) {
    for (const mpz_class& v : row) {
      mpq_class value(v, points.divisor());
      value.canonicalize();
      require(image->contains(value), "range", "a point is no value of " + activation.activation.name);
    }
  });
  const Context inner{rest, points, c.budget, c.used};
  const Value proof = q.proof.at("classes");
  const FullRowRank apart = full_row_rank(q, inner, rest.size() - 1, proof.at("claim"), proof.at("proof"));
  require(!apart.with_ones || top.free_bias(), "free-biases",
          "rank [F, 1] is enough only with free biases of layer " + top.name);
  return {rank.sentence + "; there, the layers above " + name_of(c, node) + " have parameters with " +
              values_of(c, output) + " = Y, which has " + number(classes) + " different rows" +
              frozen_in_words(c.network, output),
          topics::combined_bits({rank.error_bits, apart.error_bits})};
}

// ---- near a point ----

// ||D - D'|| for what two layers with one input differ by, moved up; and the parameters after it.
mpq_class apply_step(const Question& q, const Node& layer, bool bias, Parameters& theta) {
  if (!q.proof.has("step")) return 0;
  const Value step = q.proof.at("step");
  mpq_class square = 0;
  const auto add = [&](Tensor& to, const char* key, const TensorShape& shape) {
    const Tensor d = read_tensor(step.at(key), shape, q.c.budget);
    square += sum_of_squares(d, q.c.budget);
    to = sum_of(to, d, q.c.budget);
  };
  add(theta.weights, "weights", weights_shape(layer));
  if (bias) add(theta.bias, "bias", bias_shape(layer));
  return root_above(square);
}

struct Nearby {
  bool bias;
  mpq_class distance, smallest;
};
// What both rules ask of the layer that moves.
Nearby read_nearby(const Question& q, const Node& layer, std::size_t samples) {
  require(q.claim.at("layer").text() == layer.name, "other-layers", "the rule moves layer " + layer.name);
  const Nearby near{q.claim.at("bias").boolean(), q.claim.at("distance").rational(), q.proof.at("smallest").rational()};
  require(!near.bias || layer.free_bias(), "frozen", "layer " + layer.name + " has no free biases to be moved");
  require(q.c.network.node(layer.inputs[0]).width + (near.bias ? 1 : 0) >= samples, "width",
          "the layer has fewer than N neurons");
  require_positive(near.smallest);
  return near;
}
std::string nearby_in_words(const Question& q, std::size_t output, const Nearby& near) {
  return "within a distance (Frobenius) of " + show_above(near.distance) + " of the " +
         (near.bias ? "weights and biases" : "weights") + " of " + q.claim.at("layer").text() +
         " there are others with " + values_of(q.c, output) + " = Y exactly, everything else as in " +
         point_in_words(q.c.network, output, q.claim.at("parameters"));
}

Verdict last_layer(const Question& q) {
  const Context& c = q.c;
  const std::size_t node = q.node(), output = read_output(q), n = c.data.size();
  const Node& layer = dense_node(c, output);
  require(layer.inputs[0] == node, "layer-kind", "layer " + layer.name + " does not read the claimed layer");
  const auto [bias, distance, smallest] = read_nearby(q, layer, n);
  const unsigned precision = read_precision(q.proof), bits = read_bits(q.proof);
  const Features features(c, output, precision);
  auto theta = features.read_point(q.claim.at("parameters"));
  const mpq_class step = apply_step(q, layer, bias, theta.at(output));
  const Tensor targets = read_targets(q.claim.at("targets"), c, layer.width);
  std::optional<Forward> forward = make_forward(c, c.network, output, theta, precision);
  theta.clear();  // which may be large
  FeatureScaler scaler(c, n, c.network.node(node).width, bits, bias);
  mpq_class square = 0;
  c.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
    const auto keep = [&](std::size_t at, const auto& v, const mpz_class& divisor, const mpz_class& radius) {
      if (at == node) scaler.add({v, divisor, radius});
    };
    const Values f = (*forward)(x, keep);
    square = short_above(square + residual_square_above(f, targets.rows[i], targets.divisor, c.budget));
  });
  const mpq_class residual = root_above(square);
  forward.reset();
  require(step + residual / smallest <= distance, "radius",
          "the correction is shown to be within " + show_above(short_above(step + residual / smallest)) + " only");
  require_smallest(c, scaler.take(), smallest);
  return nearby_in_words(q, output, {bias, distance, smallest});
}

// What both rules with Jacobians ask of the layers above the node.
struct Chain {
  std::size_t node, output, samples;
  unsigned precision, bits;
  Features outputs;  // pays for the values
  mpq_class least;   // of the singular values of all D_i

  explicit Chain(const Question& q)
      : node(q.node()),
        output(read_output(q)),
        samples(q.c.data.size()),
        precision(read_precision(q.proof)),
        bits(read_bits(q.proof)),
        outputs(q.c, output, precision),
        least(q.proof.at("jacobians").rational()) {
    require_positive(least);
  }
  // The layer that reads the node.
  const Node& first(const Question& q, const Above& above) const {
    const Node& layer = dense_node(q.c, above.linear[0]);
    const std::size_t m = q.c.network.node(output).width;
    require(m <= layer.width, "width", "layer k+1 has fewer neurons than the output");
    require_size(m, layer.width);
    return layer;
  }
  // Every D_i, and F or [F, 1]; `visit` is shown each sample with at least ||F_L - Y||^2 of its row.
  void for_each(const Question& q, const Backward& backward, bool bias, const mpq_class& smallest,
                const std::function<void(const Sample&, const mpq_class&)>& visit) const {
    const Tensor targets = read_targets(q.claim.at("targets"), q.c, backward.outputs());
    FeatureScaler features(q.c, samples, q.c.network.node(node).width, bits, bias);
    backward.for_each([&](std::size_t i, const Sample& sample) {
      features.add(sample.features);
      require_smallest(q.c, jacobian_of(backward, sample, bits), least);
      visit(sample, residual_square_above(sample.output, targets.rows[i], targets.divisor, q.c.budget));
    });
    require_smallest(q.c, features.take(), smallest);
  }
};

// Layer k+1 moves, those above it are fixed: a path of steepest corrections ends before D_i can lose its rank.
Verdict next_layer(const Question& q) {
  const Chain chain(q);
  const Above above = layers_above(q.c, chain.node, chain.output);
  const Node& layer = chain.first(q, above);
  const Nearby near = read_nearby(q, layer, chain.samples);
  auto theta = chain.outputs.read_point(q.claim.at("parameters"));
  const mpq_class step = apply_step(q, layer, near.bias, theta.at(above.linear[0]));
  const Backward backward(q.c, chain.node, chain.output, std::move(theta), chain.precision, chain.bits);
  const Tower tower = tower_above(q.c, backward);
  mpq_class most = 0, sum = 0;
  chain.for_each(q, backward, near.bias, near.smallest, [&](const Sample& sample, const mpq_class& square) {
    require(off_kinks(tower, sample, 2 * root_above(square) / chain.least), "not-differentiable",
            "a pre-activation may pass a kink on the way");
    most = std::max(most, square);
    sum = short_above(sum + square);
  });
  // For each sample rho <= c r - K r^2 / 2 and K r < c, with r = 2 rho / c.
  const mpq_class bound = short_above(2 * jacobian_lipschitz(tower) * root_above(most));
  require(bound < chain.least * chain.least, "radius",
          "2 K rho = " + show_above(bound) + " is not below the square of the smallest singular value of a Jacobian");
  const mpq_class distance = step + 2 * root_above(sum) / (chain.least * near.smallest);
  require(distance <= near.distance, "radius",
          "the correction is shown to be within " + show_above(short_above(distance)) + " only");
  return nearby_in_words(q, chain.output, near);
}

// All layers above the node move, along the gradient: J J^T >= c^2 in the ball of radius tau, which the path cannot
// leave.
Verdict flow_ball(const Question& q) {
  const Context& c = q.c;
  const Chain chain(q);
  const Above above = layers_above(c, chain.node, chain.output);
  const mpq_class distance = q.claim.at("distance").rational(), rate = q.claim.at("rate").rational(),
                  smallest = q.proof.at("smallest").rational(), tau = q.proof.at("radius").rational();
  require_positive(smallest);
  require(tau > 0, "radius", "a radius is positive");
  const Node& first = chain.first(q, above);
  std::string moving;
  for (std::size_t k : above.linear) {
    const Node& layer = dense_node(c, k);
    moving += (moving.empty() ? "" : ", ") + std::string(layer.free_bias() ? "weights and biases" : "weights") +
              " of " + layer.name;
  }
  const bool bias = first.free_bias();
  require(c.network.node(chain.node).width + (bias ? 1 : 0) >= chain.samples, "width",
          "the layer has fewer than N neurons");
  const Backward backward(c, chain.node, chain.output, chain.outputs.read_point(q.claim.at("parameters")),
                          chain.precision, chain.bits);
  const Tower tower = tower_above(c, backward);
  for (const Tower::Floor& f : tower.floors)
    require(!f.kink, "not-differentiable", "relu and leaky-relu have kinks, which weights that move may pass");
  mpq_class drift = 0, sum = 0;
  const mpq_class within = short_above(tau);
  chain.for_each(q, backward, bias, smallest, [&](const Sample& sample, const mpq_class& square) {
    drift = std::max(drift, jacobian_drift(tower, sample, within, chain.bits, c.budget));
    sum = short_above(sum + square);
  });
  const mpq_class speed = smallest * (chain.least - drift), residual = root_above(sum);
  require(speed > 0, "radius", "within that radius a Jacobian may lose its rank");
  require(residual < speed * tau, "radius", "the path may leave the ball");
  require(residual <= speed * distance, "radius",
          "the path is shown to stay within " + show_above(short_above(residual / speed)) + " only");
  require(rate > 0 && rate <= 2 * speed * speed, "rate",
          "the loss is shown to decay at the rate " + show_below(short_below(2 * speed * speed)) + " only");
  const std::string loss = "Phi = ||" + values_of(c, chain.output) + " - Y||^2 / 2";
  return "the gradient flow of " + loss + " in the " + moving +
         " stays within a distance (Frobenius, all together) of " + show_above(distance) +
         " of its beginning, ends at parameters with " + values_of(c, chain.output) +
         " = Y exactly, and Phi(t) <= Phi(0) e^(-" + show_below(rate) + " t); it begins at " +
         point_in_words(c.network, chain.output, q.claim.at("parameters")) + ", where everything else stays";
}

constexpr Rule kRules[] = {{"interpolates-every-target", "full-row-rank", interpolates_every_target},
                           {"interpolates", "exact-forward", interpolates},
                           {"not-interpolable", "kernel-of-features", not_interpolable},
                           {"zero-loss-at", "exact-forward", zero_loss_at},
                           {"zero-loss-exists", "carried-targets", carried_targets},
                           {"zero-loss-exists", "through-classes", through_classes},
                           {"zero-loss-nearby", "last-layer", last_layer},
                           {"zero-loss-nearby", "next-layer", next_layer},
                           {"gradient-flow-converges", "flow-ball", flow_ball}};

}  // namespace

constinit const Topic topics::interpolation{"interpolation", kRules};

}  // namespace widecheck
