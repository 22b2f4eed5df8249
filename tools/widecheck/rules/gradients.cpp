// Rules about Phi = 1/2 ||F_L - Y||_F^2 above a wide layer k, by Lemma H.1: with U_1, ..., U_q the
// weight matrices and G_1, ..., G_q = F_L the pre-activations above it, D_q = F_L - Y, D_j =
// (D_{j+1} U_{j+1}^T) o s'(G_j), the gradient for U_1 as a free matrix is F_k^T D_1, that for one
// bias per neuron D_1^T 1.
//
// Vectors are integers over 2^bits with one radius.
#include <algorithm>

#include "evaluate/backward.h"
#include "evaluate/features.h"
#include "evidence/jacobian.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/targets.h"
#include "kernel/verdict.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

// F_L, by the name of the claim's output.
std::string output_in_words(const Context& c, std::size_t output) { return "F(" + c.network.node(output).name + ")"; }
// What a reader may not expect of an output.
std::string about_output(const Context& c, std::size_t output) {
  return output + 1 == c.network.size() ? "" : "; layer " + c.network.node(output).name + " is not the network's last";
}

std::string about_gradient(const Context& c, const Above& above) {
  const Node& first = c.network.node(above.linear[0]);
  std::string text = "the gradient of Phi = ||" + output_in_words(c, above.linear.back()) +
                     " - Y||^2 / 2 for U of layer " + first.name;
  // Where every entry of U is an entry of W of its own and free, U is W.
  if (!c.network.dense(above.linear[0]) || first.frozen_weights) {
    text += " as a free matrix (layer " + first.name +
            " shares filters, sees patches or is frozen: not the gradient of its filters, of "
            "which nothing is claimed)";
  }
  return text;
}

struct Setting {
  std::size_t node, output;
  unsigned precision, bits;
  Above above;
};
// The values of the output are paid for.
Setting read_setting(const Question& q) {
  Setting s{q.node(), q.c.network.find(q.claim.at("output").text()), read_precision(q.proof), read_bits(q.proof), {}};
  require(s.output > s.node, "not-a-chain", "the output is not above the claimed layer");
  const Features outputs(q.c, s.output, s.precision);
  s.above = layers_above(q.c, s.node, s.output);
  return s;
}

Verdict gradient_enclosure(const Question& q) {
  const Context& c = q.c;
  const Setting s = read_setting(q);
  const std::size_t node = s.node;
  const auto residual = read_range(q.claim.at("residual")), gradient = read_range(q.claim.at("gradient"));
  const Backward backward(c, node, s.output, read_point(c.network, s.output, q.claim.at("parameters"), c.budget),
                          s.precision, s.bits);
  const std::size_t n = c.data.size(), m = backward.outputs(), width = c.network.node(node).width,
                    first = backward.first_width();
  require_size(n, m);
  require_size(width, first);
  const Tensor targets = read_targets(q.claim.at("targets"), c, m);
  const mpz_class scale = mpz_class(1) << s.bits;
  // C = sum of f_i^T d_i over samples; squares of the norms; the largest radii.
  OuterProducts product(c.budget, width, first);
  mpz_class features_square = 0, deltas_square = 0, residual_square = 0;
  mpq_class residual_slack = 0, deltas_slack = 0,
            features_slack = 0;  // first of entries, then of norms
  backward.for_each([&](std::size_t i, const Sample& sample) {
    // D_q over 2^bits: F_L - Y, each rounded down.
    Approximate d{scaled(sample.output.v, sample.output.divisor, s.bits, c.budget), 0};
    d.radius = ceil_div(sample.output.radius << s.bits, sample.output.divisor) + 2;
    const std::vector<mpz_class> y = scaled(targets.rows[i], targets.divisor, s.bits, c.budget);
    for (std::size_t h = 0; h < m; ++h) d.v[h] -= y[h];
    residual_square += squares(d.v);
    residual_slack = std::max(residual_slack, mpq_class(mpq_class(d.radius) / scale));
    const Approximate delta = backward.down(std::move(d), sample);
    deltas_square += squares(delta.v);
    deltas_slack = std::max(deltas_slack, mpq_class(mpq_class(delta.radius) / scale));
    features_slack = mpq_class(sample.features.radius) / sample.features.divisor + mpq_class(1) / scale;
    const std::vector<mpz_class> f = scaled(sample.features.v, sample.features.divisor, s.bits, c.budget);
    features_square += squares(f);
    product.add(f, delta.v);
  });
  const auto root = [](std::size_t a, std::size_t b) -> mpq_class { return mpq_class(root_up(a, b)); };
  residual_slack *= root(n, m);
  deltas_slack *= root(n, first);
  features_slack *= root(n, width);
  const auto norm_up = [&](const mpz_class& squares) -> mpq_class { return mpq_class(sqrt(squares) + 1) / scale; };
  // ||F^T D - f^T d|| <= ||F - f|| ||d|| + ||f|| ||D - d|| + ||F - f|| ||D - d||.
  const mpq_class slack =
      features_slack * norm_up(deltas_square) + norm_up(features_square) * deltas_slack + features_slack * deltas_slack;
  const mpz_class gradient_square = squares(product.sum());
  const auto require_norm = [&](const char* what, const mpz_class& squares, const mpq_class& unit, const mpq_class& off,
                                const Interval& range) {
    const mpq_class exact = mpq_class(squares) / (unit * unit);
    const mpq_class low = range.low == 0 ? mpq_class(0) : mpq_class(range.low + off), high = range.high - off;
    require(low * low <= exact && high >= 0 && exact <= high * high, what,
            std::string("the norm is not shown to lie in ") + show(range));
  };
  require_norm("residual", residual_square, scale, residual_slack, residual);
  require_norm("gradient", gradient_square, mpq_class(scale * scale), slack, gradient);
  return "||" + output_in_words(c, s.output) + " - Y|| in " + show(residual) + " and the norm of " +
         about_gradient(c, s.above) + " in " + show(gradient) + " at " +
         point_in_words(c.network, s.output, q.claim.at("parameters")) + about_output(c, s.output);
}

Verdict gradient_bounds(const Question& q) {
  const Context& c = q.c;
  const Setting s = read_setting(q);
  const std::size_t node = s.node;
  const mpq_class lower = q.claim.at("lower").rational(), upper = q.claim.at("upper").rational();
  if (lower < 0 || upper < lower) q.claim.at("lower").bad("0 <= lower <= upper");
  const Backward backward(c, node, s.output, read_point(c.network, s.output, q.claim.at("parameters"), c.budget),
                          s.precision, s.bits);
  const mpz_class scale = mpz_class(1) << s.bits;
  const Above& above = s.above;
  // |s'| over all samples and neurons, and the features on the way.
  FeatureScaler features(c, c.data.size(), c.network.node(node).width, s.bits, false);
  struct Range {
    mpz_class low = -1, high = 0;
  };
  std::vector<Range> slopes(above.activation.size());  // times the scale
  backward.for_each([&](std::size_t, const Sample& sample) {
    features.add(sample.features);
    for (std::size_t k = 0; k < slopes.size(); ++k) {
      const Approximate& a = sample.slopes[k];
      for (const mpz_class& v : a.v) {
        const mpz_class size = abs(v), least = size > a.radius ? mpz_class(size - a.radius) : mpz_class(0);
        if (slopes[k].low < 0 || least < slopes[k].low) slopes[k].low = least;
        if (size + a.radius > slopes[k].high) slopes[k].high = size + a.radius;
      }
    }
  });
  mpq_class low = 1, high = 1;
  for (const Range& slope : slopes) {
    low = short_below(low * mpq_class(slope.low) / scale);
    high = short_above(high * mpq_class(slope.high) / scale);
  }
  const auto take = [&](const ScaledMatrix& matrix, const Interval& range, bool injective) {
    // A factor of the lower bound only where the map cannot lose a direction.
    if (lower > 0) {
      require(injective, "width", "a layer that is wider than the one below makes the lower bound 0");
      require_smallest(c, matrix, range.low);
    }
    require_largest(c, matrix, range.high);
    low = short_below(low * range.low);
    high = short_above(high * range.high);
  };
  take(features.take(), read_range(q.proof.at("features")), c.network.node(node).width >= c.data.size());
  const auto ranges = q.proof.at("weights").list();
  if (ranges.size() + 1 != above.linear.size()) q.proof.at("weights").bad(number(above.linear.size() - 1) + " ranges");
  for (std::size_t k = 1; k < above.linear.size(); ++k) {
    const Node& linear = c.network.node(above.linear[k]);
    take(weight_matrix(c, linear, backward.theta().at(above.linear[k]).weights, s.bits), read_range(ranges[k - 1]),
         c.network.node(linear.inputs[0]).width >= linear.width);
  }
  require(lower <= low, "lower", "what is shown gives " + show_above(low) + " only");
  require(upper >= high, "upper", "what is shown gives " + show_below(high) + " only");
  const std::string residual = " ||" + output_in_words(c, s.output) + " - Y||";
  return "for every Y, " + show_below(lower) + residual + " <= the norm of " + about_gradient(c, above) +
         " <= " + show_above(upper) + residual + " at " +
         point_in_words(c.network, s.output, q.claim.at("parameters")) + about_output(c, s.output);
}

// All matrices of the set S_k, in one claim, so that none is left out.
Verdict in_s_k(const Question& q) {
  const Context& c = q.c;
  const Setting s = read_setting(q);
  const std::size_t node = s.node;
  const Above& above = s.above;
  const mpq_class low = q.claim.at("features").rational();
  const auto margins = q.claim.at("weights").list();
  if (margins.size() + 1 != above.linear.size())
    q.claim.at("weights").bad(number(above.linear.size() - 1) + " bounds, one for each linear layer from layer k+2 on");
  require_positive(low);
  require(c.network.node(node).width >= c.data.size(), "width", "the layer has fewer than N neurons");
  const auto theta = read_point(c.network, s.output, q.claim.at("parameters"), c.budget);
  require_smallest(c, feature_matrix(c, node, theta, s.precision, s.bits, false), low);
  std::string text = point_in_words(c.network, s.output, q.claim.at("parameters")) + " lie in S_k for layer " +
                     c.network.node(node).name + ", up to layer " + c.network.node(s.output).name +
                     ": rank F = " + number(c.data.size()) + " with sigma_min >= " + show_below(low);
  for (std::size_t k = 1; k < above.linear.size(); ++k) {
    const Node& linear = c.network.node(above.linear[k]);
    const mpq_class margin = margins[k - 1].rational();
    require_positive(margin);
    require_smallest(c, weight_matrix(c, linear, theta.at(above.linear[k]).weights, s.bits), margin);
    text += ", U of " + linear.name + " of full rank with sigma_min >= " + show_below(margin);
  }
  return text + about_output(c, s.output);
}

Verdict gradient_dominance(const Question& q) {
  const Context& c = q.c;
  const Setting s = read_setting(q);
  const std::size_t node = s.node;
  const mpq_class mu = q.claim.at("mu").rational();
  if (mu <= 0) q.claim.at("mu").bad("a positive number");
  const bool bias = q.claim.at("bias").boolean();
  const mpq_class low = q.proof.at("smallest").rational(), least = q.proof.at("jacobians").rational();
  require_positive(low);
  require_positive(least);
  require(mu <= low * low * least * least, "mu", "mu is larger than the product of the bounds");
  const Backward backward(c, node, s.output, read_point(c.network, s.output, q.claim.at("parameters"), c.budget),
                          s.precision, s.bits);
  const std::size_t m = backward.outputs(), first = backward.first_width();
  require(m <= first, "width", "layer k+1 has fewer neurons than the output");
  require_size(m, first);
  const Node& layer = c.network.node(s.above.linear[0]);
  const bool one_each = layer.bias == Bias::neuron || (layer.bias == Bias::channel && layer.patches.count() == 1);
  require(!bias || (one_each && !layer.frozen_bias), "free-biases",
          "layer " + layer.name + " has not one free bias for each neuron");
  require(c.network.node(node).width + (bias ? 1 : 0) >= c.data.size(), "width",
          "the layer has fewer than N neurons: F F^T is singular");
  const mpq_class enough = short_above(least);  // for every sample; of few digits
  FeatureScaler features(c, c.data.size(), c.network.node(node).width, s.bits, bias);
  backward.for_each([&](std::size_t, const Sample& sample) {
    features.add(sample.features);
    require_smallest(c, jacobian_of(backward, sample, s.bits), enough);
  });
  require_smallest(c, features.take(), low);
  return "for every Y, Phi <= ||g||^2 / (2 mu) with mu = " + show_below(mu) + ", g " + about_gradient(c, s.above) +
         (bias ? " and its biases, one a neuron," : "") + " at " +
         point_in_words(c.network, s.output, q.claim.at("parameters")) + about_output(c, s.output);
}

constexpr Rule kRules[] = {{"gradient-enclosure", "backpropagation", gradient_enclosure},
                           {"gradient-bounds", "backpropagation", gradient_bounds},
                           {"gradient-dominance", "backpropagation", gradient_dominance},
                           {"in-s-k", "integer-cholesky", in_s_k}};

}  // namespace

constinit const Topic topics::gradients{"gradients", kRules};

}  // namespace widecheck
