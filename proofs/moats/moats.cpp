#include "proofs/moats/moats.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/layers_above.h>
#include <widecert/number/error.h>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <numeric>

#include "proofs/interpolation/full_row_rank.h"
#include "proofs/output.h"
#include "proofs/paths/convex_loss.h"

namespace widecert {
namespace {

struct Asked {
  std::size_t output;
  PointSpec from, to;
  ConvexLossSpec loss;
  std::optional<Rational> level, floor;
};

ConvexLoss loss_of(const Instance& instance, const Asked& asked) {
  return {asked.loss, instance.data.size(), instance.network.node(asked.output).width};
}
// The keys of both kinds of claims: the output, the loss, the targets if it has any.
Keys objective(const Instance& instance, const Asked& asked) {
  Keys keys{{"output", instance.network.node(asked.output).name}, {"loss", loss_key(asked.loss)}};
  if (asked.loss.targets) keys.emplace_back("targets", *asked.loss.targets);
  return keys;
}

// As it is shown to people.
double decimal(const Rational& value) { return value.convert_to<double>(); }
// A little below, short.
Rational short_below(const Rational& bound) { return round_down(Rational(bound * Rational(1023, 1024)), 20); }

// A moat: the proof, and the levels below which it holds (all levels < bound).
struct Moat {
  Proof proof;
  Rational bound;
  std::string text;
};

// Whether everything below `layer` reaches the output through it.
bool is_bottleneck(const Architecture& network, std::size_t layer, std::size_t output) {
  for (std::size_t i : network.ancestors(output)) {
    if (i <= layer) continue;
    for (std::size_t input : network.node(i).inputs)
      if (input < layer) return false;
  }
  const auto below = network.ancestors(output);
  return std::binary_search(below.begin(), below.end(), layer);
}

std::optional<Moat> collision(const Instance& instance, const Asked& asked, const ConvexLoss& loss, std::string& why) {
  const Architecture& network = instance.network;
  for (std::size_t i : linear_nodes(network, asked.output)) {
    const Node& node = network.node(i);
    if (not_solvable(network, i) || node.width != 1 || network.node(node.inputs[0]).width != 1) continue;
    if (!is_bottleneck(network, i, asked.output)) continue;
    const auto weight = [&](const PointSpec& point) {
      return expand(*point.at(node.name).weights, network.weights_shape(i), node.name)[0][0];
    };
    if (weight(asked.from) * weight(asked.to) < 0) {
      return Moat{Proof("collision-moat", {{"layer", node.name}}), exactly(loss.least_of_constants() * (1 - 1e-9)),
                  fmt::format("the one weight of layer {} changes its sign", node.name)};
    }
    why = fmt::format("the one weight of layer {} has the same sign at both points", node.name);
  }
  return std::nullopt;
}

// The permutation of units of the layer below the output that makes `from` the other point.
std::optional<std::vector<std::size_t>> renaming(const Architecture& network, const Asked& asked, std::size_t lower,
                                                 std::string& why) {
  const Node &layer = network.node(lower), &last = network.node(asked.output);
  const auto tensor = [&](const PointSpec& point, std::size_t i, bool bias) -> Tensor {
    const auto& given = bias ? point.at(network.node(i).name).bias : point.at(network.node(i).name).weights;
    if (!given) return {};
    return expand(*given, bias ? network.bias_shape(i) : network.weights_shape(i), network.node(i).name);
  };
  const auto units = [&](const PointSpec& point) {
    std::vector<std::vector<Rational>> all = tensor(point, lower, false);
    const Tensor bias = tensor(point, lower, true), out = tensor(point, asked.output, false);
    for (std::size_t j = 0; j < all.size(); ++j) {
      if (!bias.empty()) all[j].push_back(bias[0][j]);
      for (std::size_t t = 0; t < last.width; ++t) all[j].push_back(out[t][j]);
    }
    return all;
  };
  const auto from = units(asked.from), to = units(asked.to);
  std::vector<std::size_t> p(from.size(), from.size());
  std::vector<bool> taken(from.size(), false);
  for (std::size_t j = 0; j < to.size(); ++j) {
    for (std::size_t k = 0; k < from.size() && p[j] == from.size(); ++k) {
      if (taken[k] || from[k] != to[j]) continue;
      p[j] = k;
      taken[k] = true;
    }
    if (p[j] == from.size()) {
      why = fmt::format("unit {} of layer {} at the second point is no unit of the first one", j + 1, layer.name);
      return std::nullopt;
    }
  }
  std::size_t cycles = 0;
  std::vector<bool> seen(p.size(), false);
  for (std::size_t j = 0; j < p.size(); ++j) {
    cycles += seen[j] ? 0 : 1;
    for (std::size_t k = j; !seen[k]; k = p[k]) seen[k] = true;
  }
  if ((p.size() - cycles) % 2 == 0) {
    why = "the units are renamed by an even permutation: determinants keep their sign";
    return std::nullopt;
  }
  return p;
}

std::optional<Moat> determinant(const Instance& instance, const Asked& asked, std::string& why) {
  const Architecture& network = instance.network;
  const Node& last = network.node(asked.output);
  const std::size_t features = last.inputs[0], n = instance.data.size();
  if (not_solvable(network, asked.output) || !std::holds_alternative<ActivationSpec>(network.node(features).spec))
    return std::nullopt;
  const std::size_t lower = network.node(features).inputs[0];
  if (not_solvable(network, lower)) return std::nullopt;
  const bool ones = std::get<LinearSpec>(last.spec).free_bias();
  if (network.node(features).width + (ones ? 1 : 0) != n) {
    if (why.empty())
      why = fmt::format("layer {} has {} neurons{}, not N = {}", network.node(features).name,
                        network.node(features).width, ones ? " and biases above" : "", n);
    return std::nullopt;
  }
  if (!asked.loss.targets) {
    if (why.empty()) why = "of the determinant below the output it is known for the square loss only";
    return std::nullopt;
  }
  const auto p = renaming(network, asked, lower, why);
  if (!p) return std::nullopt;
  // The least eigenvalue of Y Y^T, on vectors orthogonal to the ones where there are biases, a little below.
  const auto size = static_cast<Eigen::Index>(n);
  const Eigen::MatrixXd m = near_doubles(expand_targets(*asked.loss.targets, n, last.width));
  Eigen::MatrixXd gram = m * m.transpose();
  if (ones) {
    Eigen::MatrixXd away = Eigen::MatrixXd::Identity(size, size);
    away.array() -= 1.0 / static_cast<double>(n);
    gram = away * gram * away;
  }
  const Eigen::VectorXd values = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(gram).eigenvalues();
  const double least = values(ones ? 1 : 0);
  if (!(least > 1e-9)) {
    why =
        "targets leave room for deficient features: Y has too low a rank (it needs N independent rows, up to the mean "
        "with biases)";
    return std::nullopt;
  }
  std::vector<Integer> places;
  for (std::size_t k : *p) places.emplace_back(k);
  return Moat{
      Proof("determinant-moat", {{"permutation", places}}), exactly(least / 2 * (1 - 1e-9)),
      fmt::format("the units of {} are renamed by an odd permutation; the least eigenvalue of Y Y^T is about {:.4g}",
                  network.node(features).name, least)};
}

Outcome prove_not_joined(const Instance& instance, const Asked& asked) {
  const ConvexLoss loss = loss_of(instance, asked);
  const double a = loss.phi(outputs_at(instance, asked.from, asked.output)),
               b = loss.phi(outputs_at(instance, asked.to, asked.output));
  std::string why;
  auto moat = collision(instance, asked, loss, why);
  if (!moat) moat = determinant(instance, asked, why);
  if (!moat) return undecided("no-moat", "no moat between the points is known" + (why.empty() ? "" : ": " + why));
  const Rational level = asked.level ? *asked.level : short_below(moat->bound);
  if (std::max(a, b) > decimal(level) * (1 + 1e-12)) {
    return undecided("level", fmt::format("Phi is {:.6g} and {:.6g} at the points, above the level {:.6g}{}", a, b,
                                          decimal(level), asked.level ? "" : " that the moat allows"));
  }
  if (level >= moat->bound)
    return undecided("level", fmt::format("the moat keeps levels below {:.6g} apart, not {:.6g}", decimal(moat->bound),
                                          decimal(level)));
  Keys keys = objective(instance, asked);
  keys.insert(keys.end(), {{"from", asked.from}, {"to", asked.to}, {"level", level}});
  Outcome outcome = proved(fmt::format("{}; every path rises above {:.6g}", moat->text, decimal(level)),
                           {{Claim("not-joined", keys), moat->proof}});
  outcome.numbers = {{"level", level}};
  return outcome;
}

// ---- one hidden unit ----

// min ||f - y||^2 / 2 over A f >= 0 by multipliers, from active sets found in doubles and solved exactly: the largest
// lower bound -l^T A y - ||A^T l||^2 / 2 that is found, l >= 0.
struct Bound {
  std::vector<Rational> multipliers;
  Rational value = 0;
};
// A fraction with a small denominator within 10^-9, by continued fractions.
Rational short_fraction(double value) {
  Integer p = 1, q = 0, p_before = 0, q_before = 1;
  double rest = value;
  for (int k = 0; k < 12; ++k) {
    const double whole = std::floor(rest);
    const Integer a(static_cast<std::int64_t>(std::min(whole, 1e15)));
    const Integer next_p = a * p + p_before, next_q = a * q + q_before;
    p_before = p, q_before = q, p = next_p, q = next_q;
    const Rational found(p, q);
    if (std::abs(found.convert_to<double>() - value) < 1e-9 || rest - whole < 1e-12) return found;
    rest = 1 / (rest - whole);
  }
  return Rational(p, q);
}

Bound cone_bound(const std::vector<std::vector<Rational>>& a, const std::vector<Rational>& y) {
  const auto rows = static_cast<Eigen::Index>(a.size());
  const Eigen::MatrixXd m = near_doubles(a);
  const Eigen::VectorXd target = near_doubles(Tensor{y}).row(0).transpose();
  // Coordinate ascent on the dual.
  Eigen::VectorXd l = Eigen::VectorXd::Zero(rows), f = target;
  for (int round = 0; round < 20'000; ++round) {
    double moved = 0;
    for (Eigen::Index k = 0; k < rows; ++k) {
      const double square = m.row(k).squaredNorm(), step = std::max(-l(k), -m.row(k).dot(f) / square);
      l(k) += step;
      f += step * m.row(k).transpose();
      moved = std::max(moved, std::abs(step) * std::sqrt(square));
    }
    if (moved < 1e-14) break;
  }
  // Rounded, and as short fractions near by, which may be what the multipliers are.
  Bound best;
  for (const bool fractions : {false, true}) {
    Bound bound;
    for (Eigen::Index k = 0; k < rows; ++k) {
      const double value = std::max(0.0, l(k));
      bound.multipliers.push_back(fractions ? short_fraction(value) : round_down(exactly(value), 40));
    }
    std::vector<Rational> combined(y.size(), 0);
    for (std::size_t k = 0; k < a.size(); ++k)
      for (std::size_t i = 0; i < y.size(); ++i) combined[i] += a[k][i] * bound.multipliers[k];
    for (std::size_t i = 0; i < y.size(); ++i) bound.value -= combined[i] * y[i] + combined[i] * combined[i] / 2;
    if (best.multipliers.empty() || bound.value > best.value) best = bound;
  }
  return best;
}

Outcome prove_bad_valley(const Instance& instance, const Asked& asked) {
  const Architecture& network = instance.network;
  std::string why;
  const auto above = layers_above(network, 0, asked.output, why);
  if (!above) return not_applicable("not-a-chain", why);
  if (above->linear.size() != 2 || instance.data.width() != 1 || network.node(above->linear[0]).width != 1 ||
      network.node(asked.output).width != 1)
    return not_applicable("layer-kind", "bad valleys are known of one input, one hidden unit and one output");
  for (std::size_t i : above->linear)
    if (auto obstacle = not_solvable(network, i)) return *obstacle;
  const Activation& s = std::get<ActivationSpec>(network.node(above->activation[0]).spec).function;
  using K = ActivationKind;
  if (!(s.kind == K::relu || s.kind == K::identity || s.kind == K::elu || s.kind == K::softplus ||
        (s.kind == K::leaky_relu && s.parameter > 0 && s.parameter <= 1)))
    return not_applicable("activation", describe(s) + " is not convex and nondecreasing");
  const std::size_t n = instance.data.size();
  if (n < 3) return undecided("no-moat", "fewer than three samples");
  const Tensor y = expand_targets(*asked.loss.targets, n, 1);
  const ConvexLoss loss = loss_of(instance, asked);
  const double phi = loss.phi(outputs_at(instance, asked.from, asked.output)),
               better = loss.phi(outputs_at(instance, asked.to, asked.output));
  const auto sign = [&](std::size_t i) {
    const Rational w = expand(*asked.from.at(network.node(i).name).weights, network.weights_shape(i), "weights")[0][0];
    return w > 0 ? 1 : w < 0 ? -1 : 0;
  };
  const int w = sign(above->linear[0]), v = sign(above->linear[1]);
  if (w * v == 0) return undecided("no-moat", "a weight is 0 at the point");
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return instance.data.numerator(a, 0) < instance.data.numerator(b, 0);
  });
  // In units of 1 over the common denominator of the data.
  std::vector<Rational> x, target;
  for (std::size_t i : order) {
    x.emplace_back(instance.data.numerator(i, 0));
    target.push_back(y[i][0]);
  }
  for (std::size_t i = 1; i < n; ++i)
    if (x[i - 1] == x[i]) return not_applicable("equal-samples", "two samples are equal");
  std::vector<std::vector<Rational>> a;
  for (std::size_t i = 0; i + 1 < n; ++i) {
    auto& row = a.emplace_back(n, 0);
    row[i] = -w * v;
    row[i + 1] = w * v;
  }
  for (std::size_t i = 0; i + 2 < n; ++i) {
    auto& row = a.emplace_back(n, 0);
    const Rational left = v / Rational(x[i + 1] - x[i]), right = v / Rational(x[i + 2] - x[i + 1]);
    row[i] = left;
    row[i + 1] = -left - right;
    row[i + 2] = right;
  }
  const Bound bound = cone_bound(a, target);
  // (Exactly, as the checker takes it.)
  Rational constants = 0, sum = 0;
  for (const auto& row : y) {
    constants += row[0] * row[0] / 2;
    sum += row[0];
  }
  constants -= sum * sum / (2 * static_cast<long>(n));
  const Rational level = asked.level ? *asked.level : constants, floor = asked.floor ? *asked.floor : bound.value;
  if (level > constants || phi >= decimal(level))
    return undecided("level",
                     fmt::format("Phi is {:.6g} at the point, constant outputs have {:.6g}", phi, decimal(constants)));
  if (floor > bound.value)
    return undecided("level", fmt::format("Phi >= {:.6g} is shown on the component, not {:.6g}", decimal(bound.value),
                                          decimal(floor)));
  if (better >= decimal(floor)) {
    return undecided("not-better", fmt::format("Phi >= {:.6g} on the component, and Phi is {:.6g} at the other point",
                                               decimal(floor), better));
  }
  Keys keys = objective(instance, asked);
  keys.insert(keys.end(), {{"parameters", asked.from},
                           {"level", level},
                           {"floor", floor},
                           {"better", Value::object({{"parameters", asked.to}})}});
  return proved(fmt::format("Phi >= {:.6g} on the component of {{Phi < {:.6g}}} at the point, and {:.6g} elsewhere",
                            decimal(floor), decimal(level), better),
                {{Claim("bad-valley", keys), Proof("one-unit-valley", {{"multipliers", bound.multipliers}})}});
}

std::optional<Rational> read_number(const Entry& entry, const char* key) {
  const auto given = entry.json.find(key);
  return given ? std::optional<Rational>(given->rational()) : std::nullopt;
}

}  // namespace

Theorem theorems::not_joined() {
  return {.id = "not-joined",
          .title = "Two networks that no path joins below a level",
          .source = "here; the widths of Theorem U are sharp",
          .statement =
              "If a layer is one weight through which all must pass, and it has opposite "
              "signs at two "
              "points, every path between them has constant outputs somewhere. If n_(L-1) + e_L = N and the second "
              "point is the "
              "first one with its units renamed by an odd permutation, every path meets det A_(L-1) = 0, where Phi >= "
              "lambda / 2, "
              "lambda the least eigenvalue of Y Y^T (on vectors orthogonal to the ones with biases).",
          .hypotheses = {"a layer of one weight, and any of the three losses; or the square loss, N columns below the "
                         "output and m >= N - e"},
          .claims = {"not-joined"},
          .rules = {"collision-moat", "determinant-moat"},
          .reasons = {"no-moat", "level"},
          .keys = {kOutputKey,
                   kTargetsKey,
                   kConvexLossKey,
                   {"from", "one point: tensors of the linear nodes up to the output"},
                   {"to", "the other one"},
                   {"level", "a level of Phi; the largest known if absent"}},
          .numbers = {{"level", Side::below}},
          .read = [](const Entry& entry) -> Prover {
            Asked asked{read_output(entry),      read_point(entry.json.get("from")), read_point(entry.json.get("to")),
                        read_convex_loss(entry), read_number(entry, "level"),        {}};
            return [asked](const Instance& instance, const Options&) { return prove_not_joined(instance, asked); };
          }};
}

Theorem theorems::bad_valley() {
  return {
      .id = "bad-valley",
      .title = "A valley of the loss with a higher floor than another point",
      .source = "here; that N columns are needed in Theorem U",
      .statement =
          "Phi = ||F_L - Y||^2 / 2 for v s(w x + b) + c with s convex and nondecreasing. Below the loss of constant "
          "outputs w and "
          "v keep their signs, and the outputs, sorted by x, are monotone and convex or concave: a cone whose distance "
          "from Y, "
          "by multipliers, bounds Phi from below on the whole component.",
      .hypotheses = {"one input, one hidden unit, one output", "different samples, the square loss"},
      .claims = {"bad-valley"},
      .rules = {"one-unit-valley"},
      .reasons = {"no-moat", "level", "not-better", "layer-kind", "not-a-chain", "activation", "frozen",
                  "equal-samples"},
      .keys = {kOutputKey,
               kTargetsKey,
               {"parameters", "a point in the valley: tensors of the linear nodes up to the output"},
               {"better", "another point, with a smaller Phi than the valley's floor"},
               {"level", "a level of Phi; the largest known if absent"},
               {"floor", "a bound of Phi on the component; the largest known if absent"}},
      .read = [](const Entry& entry) -> Prover {
        Asked asked{read_output(entry),
                    read_point(entry.json.get("parameters")),
                    read_point(entry.json.get("better")),
                    ConvexLossSpec{"square", read_targets(entry.json.get("targets")), {}},
                    read_number(entry, "level"),
                    read_number(entry, "floor")};
        return [asked](const Instance& instance, const Options&) { return prove_bad_valley(instance, asked); };
      }};
}

}  // namespace widecert
