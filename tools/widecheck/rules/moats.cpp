// Rules about sublevel sets that fall apart: two points that no path joins below a level, and a
// valley whose floor is higher than another point. A continuous function has both signs, and Phi is above the level
// where it is 0.
#include <algorithm>
#include <numeric>

#include "evaluate/backward.h"
#include "evaluate/convex_loss.h"
#include "evaluate/features.h"
#include "evidence/spread.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/verdict.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

mpq_class read_level(const Value& json) {
  const mpq_class level = json.rational();
  if (mpz_sizeinbase(level.get_num_mpz_t(), 2) > 1024 || mpz_sizeinbase(level.get_den_mpz_t(), 2) > 1024)
    json.bad("a number of at most 1,024 bits above and below");
  return level;
}

// A dense layer of one weight that is free, without which the output does not depend on the samples.
std::size_t require_bottleneck(const Question& q, const std::string& name, std::size_t output) {
  const Context& c = q.c;
  const std::size_t i = c.network.find(name);
  const Node& node = dense_node(c, i);
  require(node.width == 1 && c.network.node(node.inputs[0]).width == 1, "width",
          "layer " + node.name + " has more than one weight");
  require(i <= output, "other-layers", "the output lies below layer " + node.name);
  if (i != output) c.network.part(i, output);  // nothing leads past it
  return i;
}
mpz_class weight_of(const Question& q, std::size_t layer, std::size_t output, const Value& point) {
  return read_point(q.c.network, output, point, q.c.budget).at(layer).weights.rows[0][0];
}

// Phi of a claim, and what it is at points of Theta: from above.
struct Objective {
  explicit Objective(const Question& q)
      : c(q.c), output(c.network.find(q.claim.at("output").text())), loss(q, output), bits(read_precision(q.proof)) {}
  mpq_class above(const Value& point) const { return loss.above(read_point(c.network, output, point, c.budget), bits); }
  std::string in_words() const { return loss.in_words() + ", F_L = F(" + c.network.node(output).name + ")"; }
  const Context& c;
  std::size_t output;
  ConvexLoss loss;
  unsigned bits;
};

// What not-joined says, where the rule shows that Phi is above the level on a set that every path between the points
// meets.
struct Ends {
  Objective objective;
  Value from, to;
  mpq_class level;
};
Ends read_ends(const Question& q) {
  return {Objective(q), q.claim.at("from"), q.claim.at("to"), read_level(q.claim.at("level"))};
}
Verdict not_joined_in_words(const Question& q, const Ends& ends) {
  const Context& c = q.c;
  std::string values;
  for (const auto& [point, word] : {std::pair(&ends.from, "first"), std::pair(&ends.to, "second")}) {
    const mpq_class phi = ends.objective.above(*point);
    require(phi <= ends.level, "level",
            std::string("the ") + word + " point has Phi <= " + show_above(phi) + " only, above the level");
    values += (values.empty() ? "Phi at most " : " and ") + show_above(phi);
  }
  return "the claim's two points, with " + values + ", are not joined by a path of parameters (" +
         theta_in_words(c.network, ends.objective.output) + ") on which " + ends.objective.in_words() +
         ", is at most " + show_below(ends.level) + frozen_in_words(c.network, ends.objective.output);
}

// h is the one weight of a layer.
Verdict collision_moat(const Question& q) {
  const Ends ends = read_ends(q);
  const std::size_t layer = require_bottleneck(q, q.proof.at("layer").text(), ends.objective.output);
  const mpz_class a = weight_of(q, layer, ends.objective.output, ends.from),
                  b = weight_of(q, layer, ends.objective.output, ends.to);
  require(sgn(a) * sgn(b) < 0, "same-side",
          "the weight of layer " + q.c.network.node(layer).name + " has not opposite signs at the two points");
  const mpq_class beta = ends.objective.loss.least_of_constants(ends.objective.bits);
  require(ends.level < beta, "level",
          "constant outputs have Phi >= " + show_below(beta) + " only, not above the level");
  return not_joined_in_words(q, ends);
}

// ---- h is the determinant of the features below the output ----

// 0, 1, ..., n-1.
std::vector<std::size_t> identity(std::size_t n) {
  std::vector<std::size_t> p(n);
  std::iota(p.begin(), p.end(), std::size_t{0});
  return p;
}
// An odd permutation: unit j of the other point is unit p_j of this one.
std::vector<std::size_t> read_odd(const Value& json, std::size_t n) {
  const auto list = json.list();
  if (list.size() != n) json.bad("one place for each unit");
  std::vector<std::size_t> p;
  std::vector<bool> taken(n, false), seen(n, false);
  for (const Value& v : list) {
    p.push_back(v.number(n - 1));
    require(!taken[p.back()], "permutation", "unit " + number(p.back() + 1) + " is used twice");
    taken[p.back()] = true;
  }
  std::size_t cycles = 0;
  for (std::size_t j = 0; j < n; ++j) {
    if (!seen[j]) ++cycles;
    for (std::size_t k = j; !seen[k]; k = p[k]) seen[k] = true;
  }
  require((n - cycles) % 2 == 1, "permutation", "the permutation is even: determinants keep their sign");
  return p;
}
Verdict determinant_moat(const Question& q) {
  const Context& c = q.c;
  const Ends ends = read_ends(q);
  const std::size_t output = ends.objective.output, n = c.data.size();
  const Tensor& y = ends.objective.loss.targets();
  const Node& last = dense_node(c, output);
  require(!last.frozen_bias, "frozen", "the biases of layer " + last.name + " are frozen");
  const bool ones = last.free_bias();
  const std::size_t features = last.inputs[0];
  const Node& values = c.network.node(features);
  require(values.op == Op::activation, "layer-kind", "layer " + values.name + " is not an activation");
  const std::size_t lower = values.inputs[0];
  const Node& layer = dense_node(c, lower);
  require(!layer.frozen(), "frozen", "layer " + layer.name + " has frozen tensors");
  require(values.width + (ones ? 1 : 0) == n, "width",
          "layer " + values.name + " has " + number(values.width) + " neurons: its matrix" +
              (ones ? " with the ones" : "") + " is not square");
  for (std::size_t i : c.network.below(output)) {
    const Node& node = c.network.node(i);
    require(node.op != Op::activation || !is_step(node.activation.function), "activation",
            "layer " + node.name + " is not continuous");
    const bool other = i != features && std::find(node.inputs.begin(), node.inputs.end(), lower) != node.inputs.end();
    const bool reads = i != output && std::find(node.inputs.begin(), node.inputs.end(), features) != node.inputs.end();
    require(!other && !reads, "not-a-chain", "layer " + node.name + " reads these units, too");
  }
  // The second point is the first one with its units renamed.
  const std::vector<std::size_t> p = read_odd(q.proof.at("permutation"), values.width);
  for (std::size_t i : linear_nodes(c.network, output)) {
    const std::string& name = c.network.node(i).name;
    if (i == output || i == lower) continue;
    if (!ends.from.has(name) && !ends.to.has(name)) continue;  // nothing in it is free
    require(ends.from.at(name).compact() == ends.to.at(name).compact(), "other-point",
            "layer " + name + " has other tensors at the second point");
  }
  const Parameters a = read_parameters(c, lower, ends.from.at(layer.name)),
                   b = read_parameters(c, lower, ends.to.at(layer.name)),
                   u = read_parameters(c, output, ends.from.at(last.name)),
                   v = read_parameters(c, output, ends.to.at(last.name));
  const std::vector<std::size_t> outputs = identity(last.width);
  const bool same = rows_renamed(a.weights, b.weights, p, c.budget) &&
                    columns_renamed(u.weights, v.weights, p, c.budget) &&
                    (layer.bias == Bias::none || columns_renamed(a.bias, b.bias, p, c.budget)) &&
                    (!ones || columns_renamed(u.bias, v.bias, outputs, c.budget));
  require(same, "other-point", "the second point is not the first one with these units renamed");
  // Where the determinant is 0, some w with w^T A = 0 has w^T F_L = 0, and Phi >= ||w^T Y||^2 / (2 ||w||^2): above the
  // level if Y Y^T - 2 level I is positive definite, on the vectors orthogonal to the ones where there are biases.
  require(
      rows_spread(y, 2 * ends.level, ones, c.budget), "level",
      "targets leave room for a deficient matrix at this level: there are too few outputs, or the level is too high");
  return not_joined_in_words(q, ends);
}

// ---- a valley and its floor ----

// s is convex and nondecreasing on R.
bool is_convex_increasing(const Activation& f) {
  switch (f.function) {
    case Function::relu:
    case Function::identity:
    case Function::elu:
    case Function::softplus:
      return true;
    case Function::leaky_relu:
      return f.parameter > 0 && f.parameter <= 1;
    default:
      return false;
  }
}

// One hidden unit, v s(w x + b) + c: below the loss of constant outputs w and v keep their signs, and the outputs,
// sorted by x, are monotone and convex or concave.
Verdict one_unit_valley(const Question& q) {
  const Context& c = q.c;
  Budget& budget = c.budget;
  const Objective objective(q);
  const Value parameters = q.claim.at("parameters");
  const mpq_class level = read_level(q.claim.at("level")), floor = read_level(q.claim.at("floor"));
  const Above above = layers_above(c, 0, objective.output);
  require(above.linear.size() == 2 && c.network.node(0).width == 1, "layer-kind",
          "expected one input, one hidden unit and one output");
  const std::size_t lower = above.linear[0], upper = above.linear[1];
  const Node& s = c.network.node(above.activation[0]);
  require(dense_node(c, lower).width == 1 && dense_node(c, upper).width == 1, "width",
          "expected one hidden unit and one output");
  require(is_convex_increasing(s.activation), "activation", s.activation.name + " is not convex and nondecreasing");
  const int w = sgn(weight_of(q, lower, objective.output, parameters)),
            v = sgn(weight_of(q, upper, objective.output, parameters));
  require(w != 0 && v != 0, "same-side", "a weight is 0 at the point");
  const Tensor& y = objective.loss.targets();
  require(level <= objective.loss.least_of_constants(objective.bits), "level", "constant outputs are below the level");
  // Samples by increasing x, all different.
  std::vector<std::pair<mpz_class, mpz_class>> points;
  c.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) { points.emplace_back(x[0], y.rows[i][0]); });
  std::sort(points.begin(), points.end());
  const std::size_t n = points.size();
  for (std::size_t i = 1; i < n; ++i)
    require(points[i - 1].first != points[i].first, "equal-samples", "two samples are equal");
  // Inequalities A f >= 0 with multipliers l >= 0: ||f - y||^2 / 2 >= -l^T A y - ||A^T l||^2 / 2.
  const auto list = q.proof.at("multipliers").list();
  if (n < 3 || list.size() != 2 * n - 3)
    q.proof.at("multipliers").bad("one for each pair and each triple of neighbouring samples");
  std::vector<mpq_class> l, sorted_y;
  std::vector<mpz_class> sorted_x;
  for (const Value& v_k : list) {
    l.push_back(read_level(v_k));
    require(l.back() >= 0, "multiplier", "multiplier " + number(l.size()) + " is negative");
  }
  for (const auto& [x, target] : points) {
    sorted_x.push_back(x);
    sorted_y.emplace_back(target, y.divisor);
    sorted_y.back().canonicalize();
  }
  const mpq_class bound = cone_bound(sorted_x, sorted_y, w * v, v, l, budget);
  require(floor <= bound, "multiplier", "the multipliers show Phi >= " + show_below(bound) + " only");
  const mpq_class phi = objective.above(parameters), better = objective.above(q.claim.at("better").at("parameters"));
  require(phi < level, "level", "Phi <= " + show_above(phi) + " only at the point, not below the level");
  require(better < floor, "not-better", "the other point has Phi <= " + show_above(better) + " only");
  return "the component of {Phi < " + show_below(level) + "} that contains the claim's point, where Phi is at most " +
         show_above(phi) + ", has Phi >= " + show_below(floor) + " everywhere, and another point has Phi at most " +
         show_above(better) + ": a bad valley of " + objective.in_words() + ", over " +
         theta_in_words(c.network, objective.output) + frozen_in_words(c.network, objective.output);
}

constexpr Rule kRules[] = {{"not-joined", "collision-moat", collision_moat},
                           {"not-joined", "determinant-moat", determinant_moat},
                           {"bad-valley", "one-unit-valley", one_unit_valley}};

}  // namespace

constinit const Topic topics::moats{"moats", kRules};

}  // namespace widecheck
