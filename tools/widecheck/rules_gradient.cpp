// Rules about Phi = 1/2 ||F_L - Y||_F^2 above a wide layer k, by Lemma H.1: with U_1, ..., U_q the
// weight matrices and G_1, ..., G_q = F_L the pre-activations above it, D_q = F_L - Y, D_j =
// (D_{j+1} U_{j+1}^T) o s'(G_j), the gradient for U_1 as a free matrix is F_k^T D_1, that for one
// bias per neuron D_1^T 1.
//
// Vectors are integers over 2^bits with one radius.
#include <algorithm>

#include "rules.h"
#include "scaled.h"
#include "verdict.h"

namespace widecheck {
namespace {

// The layers above `node` up to `output`: linear and activation by turns, the last one linear.
struct Above {
  std::vector<std::size_t> linear, activation;  // the j-th activation follows the j-th linear node
};

Above layers_above(const Context& c, std::size_t node, std::size_t output) {
  Above above;
  std::vector<std::size_t> chain{output};
  while (chain.back() != node) {
    const Node& at = c.network.node(chain.back());
    require((at.op == Op::linear || at.op == Op::activation) && at.inputs[0] >= node, "not-a-chain",
            "layer " + at.name + " is not a linear layer or activation above the claimed one");
    chain.push_back(at.inputs[0]);
  }
  std::reverse(chain.begin(), chain.end());
  for (std::size_t k = 1; k < chain.size(); ++k) {
    const Node& at = c.network.node(chain[k]);
    const bool linear = k % 2 == 1;
    require((at.op == Op::linear) == linear, "not-a-chain",
            "above the claimed layer, linear layers and activations must take turns");
    (linear ? above.linear : above.activation).push_back(chain[k]);
  }
  require(above.linear.size() == above.activation.size() + 1, "not-a-chain",
          "the output is not a linear layer above the claimed one");
  return above;
}

struct Approximate {
  std::vector<mpz_class> v;
  mpz_class radius;
};

mpz_class largest(const std::vector<mpz_class>& v) {
  mpz_class most = 0;
  for (const mpz_class& x : v)
    if (mpz_cmpabs(x.get_mpz_t(), most.get_mpz_t()) > 0) most = abs(x);
  return most;
}

double words(const mpz_class& v) { return 1 + static_cast<double>(mpz_sizeinbase(v.get_mpz_t(), 2)) / 64; }

// What is asked of one sample: its features, its output, and s'(G_j) for each activation above.
struct Sample {
  Values features, output;
  std::vector<Approximate> slopes;
};

class Backward {
 public:
  Backward(const Context& c, std::size_t node, std::size_t output, Value parameters, unsigned precision, unsigned bits)
      : c_(c),
        node_(node),
        output_(output),
        above_(layers_above(c, node, output)),
        bits_(bits),
        theta_(read_point(c.network, output, parameters)),
        forward_(make_forward(c, c.network, output, theta_, precision)) {
    for (std::size_t k = 0; k < above_.linear.size(); ++k) {
      const Node& linear = c.network.node(above_.linear[k]);
      mpz_class weight = 0;                                                // the largest
      std::vector<mpz_class> row(c.network.node(linear.inputs[0]).width);  // sums of |U|
      const Tensor& w = theta_.at(above_.linear[k]).weights;
      double products = 0;
      for (const auto& filter : w.rows) weight = std::max(weight, largest(filter));
      for (std::size_t p = 0; p < linear.patches.count(); ++p) {
        const auto& entries = linear.patches.entries()[p];
        products += static_cast<double>(entries.size() * linear.filters);
        for (std::size_t r = 0; r < entries.size(); ++r) {
          if (entries[r] == kPad) continue;
          for (std::size_t t = 0; t < linear.filters; ++t)
            row[static_cast<std::size_t>(entries[r])] += abs(w.rows[linear.patches.bank(p) * linear.filters + t][r]);
        }
      }
      growth_.push_back(largest(row));
      products_.push_back(products);
      weight_words_.push_back(words(weight));
    }
    double series = 0;
    for (std::size_t k : above_.activation) {
      const Node& node = c.network.node(k);
      series += 2 * series_cost(node.activation, bits + 8) * static_cast<double>(node.width);
    }
    spend(c, series * static_cast<double>(c.data.size()));
  }

  const Above& above() const { return above_; }
  const std::map<std::size_t, Parameters>& theta() const { return theta_; }
  std::size_t outputs() const { return c_.network.node(output_).width; }
  std::size_t first_width() const { return c_.network.node(above_.linear[0]).width; }

  template <class Visit>
  void for_each(Visit visit) const {
    c_.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
      Sample sample;
      sample.slopes.resize(above_.activation.size());
      sample.output = forward_(
          x,
          [&](std::size_t at, const std::vector<mpz_class>& v, const mpz_class& divisor, const mpz_class& radius) {
            if (at == node_) sample.features = {v, divisor, radius};
            for (std::size_t k = 0; k < above_.activation.size(); ++k) {
              if (at != above_.linear[k]) continue;
              sample.slopes[k] = slopes(c_.network.node(above_.activation[k]).activation, {v, divisor, radius});
            }
          });
      visit(i, sample);
    });
  }

  // (d U_q^T) o s'(G_{q-1}) ... down to D_1, for a vector d on the outputs.
  Approximate down(Approximate d, const Sample& sample) const {
    for (std::size_t k = above_.activation.size(); k-- > 0;) {
      d = through(k + 1, d);
      const Approximate& s = sample.slopes[k];
      const mpz_class most_d = largest(d.v), most_s = largest(s.v);
      mpz_class radius = most_d * s.radius + most_s * d.radius + d.radius * s.radius;
      mpz_cdiv_q_2exp(radius.get_mpz_t(), radius.get_mpz_t(), bits_);
      d.radius = radius + 1;
      for (std::size_t h = 0; h < d.v.size(); ++h) {
        d.v[h] *= s.v[h];
        mpz_fdiv_q_2exp(d.v[h].get_mpz_t(), d.v[h].get_mpz_t(), bits_);
      }
    }
    return d;
  }

 private:
  Approximate slopes(const Activation& f, const Values& g) const {
    Approximate s;
    if (f.function == Function::relu || f.function == Function::leaky_relu) {
      for (const mpz_class& v : g.v) {
        require(mpz_cmpabs(v.get_mpz_t(), g.radius.get_mpz_t()) > 0, "not-differentiable",
                "a pre-activation may be 0, where " + f.name + " has a kink");
        const mpq_class value = v > 0 ? mpq_class(1) : f.function == Function::relu ? mpq_class(0) : f.parameter;
        s.v.push_back(value.get_num() << bits_);
        mpz_fdiv_q(s.v.back().get_mpz_t(), s.v.back().get_mpz_t(), value.get_den_mpz_t());
      }
      s.radius = 1;
      return s;
    }
    const double argument = words(largest(g.v)) + words(g.divisor);
    spend(c_, 16 * argument * argument * static_cast<double>(g.v.size()));
    const mpq_class carried = slope_lipschitz(f) * g.radius * (mpz_class(1) << bits_) / g.divisor;
    mpz_cdiv_q(s.radius.get_mpz_t(), carried.get_num_mpz_t(), carried.get_den_mpz_t());
    s.radius += 3;  // an enclosure of width 2 at most, its lower end rounded down
    for (const mpz_class& v : g.v) {
      mpq_class argument(v, g.divisor);
      argument.canonicalize();
      const Interval enclosure = slope(f, argument, bits_);
      require((enclosure.high - enclosure.low) * (mpz_class(1) << bits_) <= 2, "precision", "an enclosure is too wide");
      const mpq_class low = enclosure.low * (mpz_class(1) << bits_);
      mpz_class& out = s.v.emplace_back();
      mpz_fdiv_q(out.get_mpz_t(), low.get_num_mpz_t(), low.get_den_mpz_t());
    }
    return s;
  }

  // d U^T for the k-th linear node: back to its inputs.
  Approximate through(std::size_t k, const Approximate& d) const {
    const Node& linear = c_.network.node(above_.linear[k]);
    const Tensor& w = theta_.at(above_.linear[k]).weights;
    spend(c_, products_[k] * (8 + weight_words_[k] * words(largest(d.v))));
    Approximate out{std::vector<mpz_class>(c_.network.node(linear.inputs[0]).width), d.radius * growth_[k]};
    for (std::size_t p = 0; p < linear.patches.count(); ++p) {
      const auto& entries = linear.patches.entries()[p];
      for (std::size_t t = 0; t < linear.filters; ++t) {
        const auto& filter = w.rows[linear.patches.bank(p) * linear.filters + t];
        const mpz_class& v = d.v[p * linear.filters + t];
        for (std::size_t r = 0; r < entries.size(); ++r) {
          if (entries[r] == kPad) continue;
          mpz_addmul(out.v[static_cast<std::size_t>(entries[r])].get_mpz_t(), v.get_mpz_t(), filter[r].get_mpz_t());
        }
      }
    }
    for (mpz_class& v : out.v) mpz_fdiv_q(v.get_mpz_t(), v.get_mpz_t(), w.divisor.get_mpz_t());
    mpz_cdiv_q(out.radius.get_mpz_t(), out.radius.get_mpz_t(), w.divisor.get_mpz_t());
    out.radius += 1;
    return out;
  }

  const Context& c_;
  std::size_t node_, output_;
  Above above_;
  unsigned bits_;
  std::map<std::size_t, Parameters> theta_;
  Forward forward_;
  // Of each linear node: the largest row sum of |U|, which a radius grows by; entries of U, words of a weight.
  std::vector<mpz_class> growth_;
  std::vector<double> products_, weight_words_;
};

std::string about_gradient(const Context& c, const Above& above) {
  const Node& first = c.network.node(above.linear[0]);
  std::string text = "the gradient for U of layer " + first.name;
  // Where every entry of U is an entry of W of its own and free, U is W.
  const Patches& patches = first.patches;
  std::vector<long> entries;
  if (patches.count() == 1) patches.expand(0, entries);
  const bool whole = entries.size() == c.network.node(first.inputs[0]).width &&
                     std::find(entries.begin(), entries.end(), kPad) == entries.end();
  if (!whole || first.frozen_weights) {
    text += " as a free matrix (layer " + first.name +
            " shares filters, sees patches or is frozen: not the gradient of its filters, of "
            "which nothing is claimed)";
  }
  return text;
}

struct Setting {
  std::size_t output;
  unsigned precision, bits;
};
Setting read_setting(const Context& c, std::size_t node, Value& claim, Value& proof) {
  const Setting s{c.network.find(claim.at("output").text()), read_precision(proof), read_bits(proof)};
  require(s.output > node, "not-a-chain", "the output is not above the claimed layer");
  require_feasible(c, s.output, s.precision);
  return s;
}

}  // namespace

std::string gradient_enclosure(const Context& c, std::size_t node, Value& claim, Value& proof) {
  const Setting s = read_setting(c, node, claim, proof);
  const auto residual = read_range(claim.at("residual")), gradient = read_range(claim.at("gradient"));
  const Backward backward(c, node, s.output, claim.at("parameters"), s.precision, s.bits);
  const std::size_t n = c.data.size(), m = backward.outputs(), width = c.network.node(node).width,
                    first = backward.first_width();
  require_size(n, m);
  require_size(width, first);
  const Tensor targets = read_tensor(claim.at("targets"), std::vector<std::size_t>(n, m));
  const mpz_class scale = mpz_class(1) << s.bits;
  // C = sum of f_i^T d_i over samples; squares of the norms; the largest radii.
  std::vector<mpz_class> product(width * first);
  mpz_class features_square = 0, deltas_square = 0, residual_square = 0;
  mpq_class residual_slack = 0, deltas_slack = 0,
            features_slack = 0;  // first of entries, then of norms
  backward.for_each([&](std::size_t i, const Sample& sample) {
    // D_q over 2^bits: F_L - Y, each rounded down.
    Approximate d{scaled(sample.output.v, sample.output.divisor, s.bits), 0};
    mpz_class radius = sample.output.radius << s.bits;
    mpz_cdiv_q(radius.get_mpz_t(), radius.get_mpz_t(), sample.output.divisor.get_mpz_t());
    d.radius = radius + 2;
    const std::vector<mpz_class> y = scaled(targets.rows[i], targets.divisor, s.bits);
    for (std::size_t h = 0; h < m; ++h) d.v[h] -= y[h];
    for (const mpz_class& v : d.v) residual_square += v * v;
    residual_slack = std::max(residual_slack, mpq_class(mpq_class(d.radius) / scale));
    const Approximate delta = backward.down(std::move(d), sample);
    for (const mpz_class& v : delta.v) deltas_square += v * v;
    deltas_slack = std::max(deltas_slack, mpq_class(mpq_class(delta.radius) / scale));
    features_slack = mpq_class(sample.features.radius) / sample.features.divisor + mpq_class(1) / scale;
    const std::vector<mpz_class> f = scaled(sample.features.v, sample.features.divisor, s.bits);
    spend(c,
          static_cast<double>(width) * static_cast<double>(first) * (8 + words(largest(f)) * words(largest(delta.v))));
    for (std::size_t h = 0; h < width; ++h) {
      features_square += f[h] * f[h];
      for (std::size_t j = 0; j < first; ++j)
        mpz_addmul(product[h * first + j].get_mpz_t(), f[h].get_mpz_t(), delta.v[j].get_mpz_t());
    }
  });
  const auto root = [](std::size_t a, std::size_t b) -> mpq_class { return mpq_class(root_up(a, b)); };
  residual_slack *= root(n, m);
  deltas_slack *= root(n, first);
  features_slack *= root(n, width);
  const auto norm_up = [&](const mpz_class& squares) -> mpq_class { return mpq_class(sqrt(squares) + 1) / scale; };
  // ||F^T D - f^T d|| <= ||F - f|| ||d|| + ||f|| ||D - d|| + ||F - f|| ||D - d||.
  const mpq_class slack =
      features_slack * norm_up(deltas_square) + norm_up(features_square) * deltas_slack + features_slack * deltas_slack;
  mpz_class gradient_square = 0;
  for (const mpz_class& v : product) gradient_square += v * v;
  const auto require_norm = [&](const char* what, const mpz_class& squares, const mpq_class& unit, const mpq_class& off,
                                const Range& range) {
    const mpq_class exact = mpq_class(squares) / (unit * unit);
    const mpq_class low = range.low == 0 ? mpq_class(0) : mpq_class(range.low + off), high = range.high - off;
    require(low * low <= exact && high >= 0 && exact <= high * high, what,
            std::string("the norm is not shown to lie in ") + show(range));
  };
  require_norm("residual", residual_square, scale, residual_slack, residual);
  require_norm("gradient", gradient_square, mpq_class(scale * scale), slack, gradient);
  return "||F_L - Y|| in " + show(residual) + " and the norm of " + about_gradient(c, backward.above()) + " in " +
         show(gradient) + " at the given parameters";
}

std::string gradient_bounds(const Context& c, std::size_t node, Value& claim, Value& proof) {
  const Setting s = read_setting(c, node, claim, proof);
  const mpq_class lower = claim.at("lower").rational(), upper = claim.at("upper").rational();
  if (lower < 0 || upper < lower) claim.at("lower").bad("0 <= lower <= upper");
  const Backward backward(c, node, s.output, claim.at("parameters"), s.precision, s.bits);
  const mpz_class scale = mpz_class(1) << s.bits;
  const Above& above = backward.above();
  // |s'| over all samples and neurons, and the features on the way.
  FeatureScaler features(c.data.size(), c.network.node(node).width, s.bits, false);
  std::vector<Range> slopes(above.activation.size(), Range{-1, 0});
  backward.for_each([&](std::size_t, const Sample& sample) {
    features.add(sample.features);
    for (std::size_t k = 0; k < slopes.size(); ++k) {
      const Approximate& a = sample.slopes[k];
      for (const mpz_class& v : a.v) {
        const mpq_class size = mpq_class(abs(v)) / scale, radius = mpq_class(a.radius) / scale;
        const mpq_class least = size > radius ? mpq_class(size - radius) : mpq_class(0);
        if (slopes[k].low < 0 || least < slopes[k].low) slopes[k].low = least;
        if (size + radius > slopes[k].high) slopes[k].high = size + radius;
      }
    }
  });
  mpq_class low = 1, high = 1;
  for (const Range& slope : slopes) {
    low *= slope.low;
    high *= slope.high;
  }
  const auto take = [&](const ScaledMatrix& matrix, const Range& range, bool injective) {
    // A factor of the lower bound only where the map cannot lose a direction.
    if (lower > 0) {
      require(injective, "width", "a layer that is wider than the one below makes the lower bound 0");
      require_smallest(c, matrix, range.low);
    }
    require_largest(c, matrix, range.high);
    low *= range.low;
    high *= range.high;
  };
  take(features.take(), read_range(proof.at("features")), c.network.node(node).width >= c.data.size());
  const auto ranges = proof.at("weights").list();
  if (ranges.size() + 1 != above.linear.size()) proof.at("weights").bad(number(above.linear.size() - 1) + " ranges");
  for (std::size_t k = 1; k < above.linear.size(); ++k) {
    const Node& linear = c.network.node(above.linear[k]);
    take(weight_matrix(c, linear, backward.theta().at(above.linear[k]).weights, s.bits), read_range(ranges[k - 1]),
         c.network.node(linear.inputs[0]).width >= linear.width);
  }
  require(lower <= low, "lower", "what is shown gives " + show(low) + " only");
  require(upper >= high, "upper", "what is shown gives " + show(high) + " only");
  return "for every Y, " + show(lower) + " ||F_L - Y|| <= the norm of " + about_gradient(c, above) +
         " <= " + show(upper) + " ||F_L - Y|| at the given parameters";
}

// All matrices of the set S_k, in one claim, so that none is left out.
std::string in_s_k(const Context& c, std::size_t node, Value& claim, Value& proof) {
  const Setting s = read_setting(c, node, claim, proof);
  const Above above = layers_above(c, node, s.output);
  const mpq_class low = claim.at("features").rational();
  const auto margins = claim.at("weights").list();
  if (margins.size() + 1 != above.linear.size())
    claim.at("weights").bad(number(above.linear.size() - 1) + " bounds, one for each linear layer from layer k+2 on");
  require_positive(low);
  require(c.network.node(node).width >= c.data.size(), "width", "the layer has fewer than N neurons");
  const auto theta = read_point(c.network, s.output, claim.at("parameters"));
  require_smallest(c, feature_matrix(c, node, theta, s.precision, s.bits, false), low);
  std::string text = "the given parameters lie in S_k for layer " + c.network.node(node).name + ", up to layer " +
                     c.network.node(s.output).name + ": rank F = " + number(c.data.size()) +
                     " with sigma_min >= " + show(low);
  for (std::size_t k = 1; k < above.linear.size(); ++k) {
    const Node& linear = c.network.node(above.linear[k]);
    const mpq_class margin = margins[k - 1].rational();
    require_positive(margin);
    require_smallest(c, weight_matrix(c, linear, theta.at(above.linear[k]).weights, s.bits), margin);
    text += ", U of " + linear.name + " of full rank with sigma_min >= " + show(margin);
  }
  return text;
}

std::string gradient_dominance(const Context& c, std::size_t node, Value& claim, Value& proof) {
  const Setting s = read_setting(c, node, claim, proof);
  const mpq_class mu = claim.at("mu").rational();
  if (mu <= 0) claim.at("mu").bad("a positive number");
  const bool bias = claim.at("bias").boolean();
  const mpq_class low = proof.at("smallest").rational(), least = proof.at("jacobians").rational();
  require_positive(low);
  require_positive(least);
  require(mu <= low * low * least * least, "mu", "mu is larger than the product of the bounds");
  const Backward backward(c, node, s.output, claim.at("parameters"), s.precision, s.bits);
  const std::size_t m = backward.outputs(), first = backward.first_width();
  require(m <= first, "width", "layer k+1 has fewer neurons than the output");
  require_size(m, first);
  const Node& layer = c.network.node(backward.above().linear[0]);
  const bool one_each = layer.bias == Bias::neuron || (layer.bias == Bias::channel && layer.patches.count() == 1);
  require(!bias || (one_each && !layer.frozen_bias), "free-biases",
          "layer " + layer.name + " has not one free bias for each neuron");
  FeatureScaler features(c.data.size(), c.network.node(node).width, s.bits, bias);
  const mpz_class scale = mpz_class(1) << s.bits;
  const mpq_class root = root_up(m, first);
  backward.for_each([&](std::size_t, const Sample& sample) {
    features.add(sample.features);
    // D_i = d f_L / d g_{k+1}(x_i), row by row.
    ScaledMatrix jacobian{IntegerRows(first), scale, 0};
    mpz_class radius = 0;
    for (std::size_t h = 0; h < m; ++h) {
      Approximate unit{std::vector<mpz_class>(m), 0};
      unit.v[h] = scale;
      Approximate row = backward.down(std::move(unit), sample);
      radius = std::max(radius, row.radius);
      jacobian.rows.add(std::move(row.v));
    }
    jacobian.slack = mpq_class(radius) / scale * root;
    require_smallest(c, jacobian, least);
  });
  require(c.network.node(node).width + (bias ? 1 : 0) >= c.data.size(), "width",
          "the layer has fewer than N neurons: F F^T is singular");
  require_smallest(c, features.take(), low);
  return "for every Y, Phi = ||F_L - Y||^2 / 2 <= ||g||^2 / (2 mu) with mu = " + show(mu) + ", g " +
         about_gradient(c, backward.above()) + (bias ? " and its biases, one a neuron," : "") +
         " at the given parameters";
}

}  // namespace widecheck
