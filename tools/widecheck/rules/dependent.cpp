// Rules about dependent features: for every parameter, at one, on an open set; and their rank, whatever it is.
#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "evaluate/box.h"
#include "evaluate/features.h"
#include "evidence/dimensions.h"
#include "evidence/distinct.h"
#include "evidence/rank.h"
#include "evidence/relations.h"
#include "evidence/singular.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/verdict.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

// The two different samples [i, j] that a proof names.
std::array<std::size_t, 2> read_samples(const Context& c, const Value& proof) {
  const auto pair = proof.at("samples").list();
  if (pair.size() != 2) proof.at("samples").bad("two samples");
  const std::size_t last = c.data.size() - 1, a = pair[0].number(last), b = pair[1].number(last);
  require(a != b, "same-sample", "the two samples are one");
  return {a, b};
}

// The sides of their kink on which the units of an activation are found, over all samples.
class Sides {
 public:
  explicit Sides(std::size_t units) : side_(units, kNew) {}
  // The pre-activation of unit h on one more sample lies between the two signs.
  void note(std::size_t h, int sign_of_low, int sign_of_high) {
    const int here = sign_of_low >= 0 ? 1 : sign_of_high <= 0 ? -1 : 0;
    side_[h] = side_[h] == kNew || side_[h] == here ? here : 0;
  }
  // The most dimensions that the columns of the activation `node` span, those of the linear node below
  // it spanning at most `below` together with the constants: columns are 0, affine in the latter, or
  // anything at all.
  std::size_t dimensions(const Node& node, std::size_t below) const {
    const Function f = node.activation.function;
    std::size_t affine = 0, any = 0;
    for (int s : side_) {
      const bool linear = f == Function::leaky_relu                   ? s != 0
                          : f == Function::relu || f == Function::elu ? s == 1
                                                                      : false;
      const bool dead = f == Function::relu && s == -1;
      if (linear) ++affine;
      if (!linear && !dead) ++any;
    }
    return std::min(affine, below) + any;
  }

 private:
  static constexpr int kNew = 2;
  std::vector<int> side_;  // 1: >= 0 on all samples, -1: <= 0 on all, 0: neither, or unknown
};

// ---- for every parameter ----

// Each of these returns why rank F < N, or throws.
std::string too_narrow(const Context& c, std::size_t i) {
  const Node& node = c.network.node(i);
  require(node.width < c.data.size(), "width", "the layer has " + number(node.width) + " >= N neurons");
  return "it has only " + number(node.width) + " neurons";
}

std::string of_few_dimensions(const Context& c, std::size_t i) {
  const std::size_t most = affine_dimension(c.network, i);
  require(most < c.data.size(), "dimension", "the values may span " + number(most) + " >= N dimensions");
  return "the network is affine through few neurons and spans at most " + number(most) + " dimensions";
}

Verdict for_every_parameter(const Question& q, const std::string& why) {
  return "rank F(" + q.c.network.node(q.node()).name + ") < " + number(q.c.data.size()) + " for every parameter" +
         frozen_in_words(q.c.network, q.node()) + ": " + why;
}

Verdict never_by_width(const Question& q) { return for_every_parameter(q, too_narrow(q.c, q.node())); }
Verdict never_by_affine_dimension(const Question& q) {
  return for_every_parameter(q, of_few_dimensions(q.c, q.node()));
}

Verdict equal_samples(const Question& q) {
  const auto [a, b] = read_samples(q.c, q.proof);
  std::vector<mpz_class> content[2];
  q.c.data.for_each([&, a = a, b = b](std::size_t s, const std::vector<mpz_class>& x) {
    if (s == a) content[0] = x;
    if (s == b) content[1] = x;
  });
  require(content[0] == content[1], "samples-differ", "the two samples differ");
  return for_every_parameter(q, "samples " + number(a + 1) + " and " + number(b + 1) + " are equal");
}

// Neurons that see a field of inputs only are functions of its content.
Verdict receptive_field(const Question& q) {
  const std::size_t most = field_dimension(q.c, q.node(), q.proof.at("fields"));
  require(most < q.c.data.size(), "receptive-field", "the values may span " + number(most) + " >= N dimensions");
  return for_every_parameter(
      q, "fields that its neurons see take few contents, and it spans at most " + number(most) + " dimensions");
}

// The linear node on the data below the claimed activation.
std::size_t map_on_data(const Context& c, std::size_t i) {
  const Node& node = c.network.node(i);
  require(node.op == Op::activation, "layer-kind", "the claimed layer is not an activation");
  require(linear_node(c, node.inputs[0]).inputs == std::vector<std::size_t>{0}, "layer-kind",
          "the layer does not read the data");
  return node.inputs[0];
}

// The columns of a patch are functions of its content.
Verdict patch_contents(const Question& q) {
  const std::size_t map = map_on_data(q.c, q.node());
  const std::size_t filters = q.c.network.node(map).filters;
  std::size_t most = 1;  // the constants, shared by all patches
  for (std::size_t contents : count_contents(q.c, map, filters + 1)) most += std::min(filters, contents - 1);
  require(most < q.c.data.size(), "dimension", "the values may span " + number(most) + " >= N dimensions");
  return for_every_parameter(q, "its patches take few different contents; at most " + number(most) + " dimensions");
}

// With biases tied or absent, neurons (p, t), (q, t) of a bank are equal columns if patches p, q agree
// on every sample.
Verdict equal_columns(const Question& q) {
  const std::size_t map = map_on_data(q.c, q.node());
  const Node& node = q.c.network.node(map);
  require(node.bias != Bias::neuron, "free-biases", "each neuron has a bias of its own");
  const std::size_t columns = count_classes(q.c, map) * node.filters;
  require(columns < q.c.data.size(), "columns", "there may be " + number(columns) + " >= N distinct columns");
  return for_every_parameter(q, "tied biases leave at most " + number(columns) + " distinct columns");
}

// ---- at one parameter ----

using Theta = std::map<std::size_t, Parameters>;

Theta read_theta(const Question& q) { return Features(q.c, q.node(), 0).read_point(q.claim.at("parameters")); }

Verdict at_parameters(const Question& q, const std::string& why) {
  return "rank F(" + q.c.network.node(q.node()).name + ") < " + number(q.c.data.size()) + " at " +
         point_in_words(q.c.network, q.node(), q.claim.at("parameters")) + ": " + why;
}

Verdict at_by_width(const Question& q) {
  read_theta(q);
  too_narrow(q.c, q.node());
  return at_parameters(q, "it holds at all of them, by rule " + q.rule);
}
Verdict at_by_affine_dimension(const Question& q) {
  read_theta(q);
  of_few_dimensions(q.c, q.node());
  return at_parameters(q, "it holds at all of them, by rule " + q.rule);
}

// The claimed node, an activation on a linear node.
const Node& activation_on_linear(const Question& q) {
  const Node& node = q.c.network.node(q.node());
  require(node.op == Op::activation, "layer-kind", node.name + " is not an activation");
  linear_node(q.c, node.inputs[0]);
  return node;
}

Verdict at_without_kinks(const Question& q) {
  const Theta theta = read_theta(q);
  const Node& node = activation_on_linear(q);
  const std::size_t map = node.inputs[0];
  const Forward forward = make_forward(q.c, q.c.network, map, theta, 64);
  Sides sides(node.width);
  q.c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) {
    const Values g = forward(x);
    for (std::size_t h = 0; h < g.v.size(); ++h)
      sides.note(h, sgn(mpz_class(g.v[h] - g.radius)), sgn(mpz_class(g.v[h] + g.radius)));
  });
  const std::size_t most = sides.dimensions(node, affine_dimension(q.c.network, map));
  require(most < q.c.data.size(), "dimension", "the features may span " + number(most) + " >= N dimensions");
  return at_parameters(q, "all but " + number(most) + " dimensions are lost to units without a kink");
}

Forward exact_forward(const Question& q) {
  const Theta theta = read_theta(q);
  Forward forward = make_forward(q.c, q.c.network, q.node(), theta, 1);
  require(forward.exact(), "irrational", "the values of the layer are not rational");
  return forward;
}

Verdict equal_rows(const Question& q) {
  const Forward forward = exact_forward(q);
  const auto [a, b] = read_samples(q.c, q.proof);
  std::vector<mpz_class> row[2];
  q.c.data.for_each([&, a = a, b = b](std::size_t s, const std::vector<mpz_class>& x) {
    if (s == a || s == b) row[s == a ? 0 : 1] = forward(x).v;
  });
  require(row[0] == row[1], "rows-differ", "the features of the two samples differ");
  return at_parameters(q, "samples " + number(a + 1) + " and " + number(b + 1) + " have equal features");
}

Verdict left_kernel(const Question& q) {
  const Forward forward = exact_forward(q);
  const std::vector<mpz_class> v = read_integers(q.proof.at("v"), q.c.data.size());
  require(!zero(v), "zero-vector", "the kernel vector is 0");
  OuterProducts combination(q.c.budget, 1, q.c.network.node(q.node()).width);
  q.c.data.for_each([&](std::size_t s, const std::vector<mpz_class>& x) {
    if (v[s] != 0) combination.add({v[s]}, forward(x).v);
  });
  for (std::size_t h = 0; h < combination.sum().size(); ++h)
    require(combination.sum()[h] == 0, "not-a-kernel-vector",
            "the combination of rows does not vanish at neuron " + number(h + 1));
  return at_parameters(q, "a combination of rows vanishes");
}

// ---- on an open set ----

Verdict on_open_set(const Question& q) {
  const Node& node = activation_on_linear(q);
  const std::size_t map = node.inputs[0];
  const mpq_class radius = q.claim.at("radius").rational();
  require(radius > 0, "radius", "the radius must be positive");
  const BoxForward forward(q.c, map, q.claim.at("centre"), radius);
  Sides sides(node.width);
  q.c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) {
    const auto g = forward(x);
    for (std::size_t h = 0; h < g.size(); ++h) sides.note(h, sgn(g[h].low), sgn(g[h].high));
  });
  const std::size_t n = q.c.data.size(), most = sides.dimensions(node, affine_dimension(q.c.network, map));
  require(most < n, "dimension", "the features may span " + number(most) + " >= N dimensions over the box");
  return "rank F(" + node.name + ") <= " + number(most) + " < " + number(n) +
         " wherever every free parameter is within " + show_below(radius) + " of the centre" +
         frozen_in_words(q.c.network, q.node());
}

// ---- the rank itself ----

// The claim "rank-equals" and the submatrix of F that bounds the rank from below.
struct RankClaim {
  std::size_t rank;
  Theta theta;
  std::vector<std::size_t> rows, columns;
  std::vector<bool> chosen;  // of all rows

  explicit RankClaim(const Question& q)
      : rank(q.claim.at("rank").number(std::uint64_t{1} << 40)),
        theta(read_theta(q)),
        rows(read_indices(q.proof.at("rows"), q.c.data.size())),
        columns(read_indices(q.proof.at("columns"), q.c.network.node(q.node()).width)),
        chosen(q.c.data.size(), false) {
    for (std::size_t i : rows) chosen[i] = true;
  }
  template <class T>
  std::vector<T> pick(const std::vector<T>& v) const {
    std::vector<T> some;
    for (std::size_t j : columns) some.push_back(v[j]);
    return some;
  }
};

// In words why the rank is not larger.
std::string bounded_by(const Relations& relations, const RankClaim& claim) {
  require(relations.bound() <= claim.rank, "relations",
          "the relations leave rank F <= " + number(relations.bound()) + ", more than " + number(claim.rank));
  return relations.in_words();
}

std::string rank_sentence(const Question& q, const RankClaim& claim, const std::string& from_below,
                          const std::string& from_above) {
  return rank_in_words(q.c, q.node(), claim.rank) + " at " +
         point_in_words(q.c.network, q.node(), q.claim.at("parameters")) + ": " + from_below + "; " + from_above;
}

Verdict rank_by_minor(const Question& q) {
  const RankClaim claim(q);
  const std::size_t r = claim.rank;
  require(claim.rows.size() == r && claim.columns.size() == r, "minor", "the minor has not the size of the rank");
  Relations relations(q.proof, q.c.data.size(), q.c.network.node(q.node()).width, Relations::Of::values, q.c.budget);
  std::unique_ptr<RankEvidence> evidence;
  if (r > 0) evidence = read_evidence(q.proof.at("evidence"), r, r, q.text(), q.c.budget);
  const Forward forward = make_forward(q.c, q.c.network, q.node(), claim.theta, 1);
  require(forward.exact(), "irrational", "the values of the layer are not rational");
  std::size_t row = 0;  // of the minor
  q.c.data.for_each([&](std::size_t s, const std::vector<mpz_class>& x) {
    const Values f = forward(x);
    relations.row(s, f.v);
    if (!claim.chosen[s]) return;
    std::vector<std::uint32_t> residues;
    for (std::size_t j : claim.columns)
      residues.push_back(static_cast<std::uint32_t>(mpz_fdiv_ui(f.v[j].get_mpz_t(), evidence->prime())));
    evidence->row(row++, residues);
  });
  const unsigned error_bits = evidence ? evidence->finish() : 0;
  return {rank_sentence(q, claim, r == 0 ? "no rank is less" : "a minor of that size is not 0",
                        bounded_by(relations, claim)),
          error_bits};
}

// Whether the values of a node depend on those of `through` alone.
bool depends_through(const Network& network, std::size_t node, std::size_t through) {
  std::vector<std::size_t> open{node};
  std::vector<bool> seen(node + 1, false);
  while (!open.empty()) {
    const std::size_t at = open.back();
    open.pop_back();
    if (at == through || seen[at]) continue;
    if (network.node(at).op == Op::input) return false;
    seen[at] = true;
    const auto& inputs = network.node(at).inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  return true;
}

// Whether a function is 0 at 0.
bool zero_at_zero(Function f) {
  switch (f) {
    case Function::relu:
    case Function::leaky_relu:
    case Function::identity:
    case Function::elu:
    case Function::tanh:
    case Function::silu:
    case Function::gelu:
    case Function::mish:
      return true;
    default:
      return false;
  }
}

// Equal arguments have equal values: of a sample, what the layer depends on; of an activation's neurons, its input.
// And an argument tells where the activation is 0: at 0, or, of relu, wherever it is not positive.
std::string lines_by_arguments(const Question& q, const RankClaim& claim, unsigned precision) {
  const std::size_t node = q.node(), through = q.c.network.find(q.proof.at("through").text());
  const Node& layer = q.c.network.node(node);
  const bool of_activation = layer.op == Op::activation && layer.inputs[0] == through;
  const bool is_relu = of_activation && layer.activation.function == Function::relu;
  const bool tells_zeros = of_activation && zero_at_zero(layer.activation.function);
  Relations relations(q.proof, q.c.data.size(), q.c.network.node(through).width,
                      tells_zeros ? Relations::Of::arguments_with_zeros : Relations::Of::arguments, q.c.budget);
  require(relations.of_columns() ? of_activation : depends_through(q.c.network, node, through), "through",
          "equal values of layer " + q.c.network.node(through).name + " do not decide those of " + layer.name);
  const Forward arguments = make_forward(q.c, q.c.network, through, claim.theta, precision);
  require(arguments.exact() || (is_relu && !q.proof.has("equal")), "irrational",
          "the values compared are not rational");
  q.c.data.for_each([&](std::size_t s, const std::vector<mpz_class>& x) {
    Values g = arguments(x);
    // What is 0 where relu surely is. (The radius of exact values is 0.)
    if (is_relu)
      for (mpz_class& v : g.v) v = std::max(mpz_class(v + g.radius), mpz_class(0));
    relations.row(s, g.v);
  });
  return bounded_by(relations, claim);
}

Verdict rank_by_bounds(const Question& q) {
  const std::size_t node = q.node();
  const unsigned precision = read_precision(q.proof);
  const RankClaim claim(q);
  require(std::min(claim.rows.size(), claim.columns.size()) == claim.rank, "minor",
          "the smaller side of the submatrix has not the size of the rank");
  const Node& layer = q.c.network.node(node);
  std::string from_above = "it has no more " + std::string(layer.width < q.c.data.size() ? "columns" : "rows");
  if (q.proof.has("through")) {
    from_above = lines_by_arguments(q, claim, precision);
  } else {
    require(claim.rank == std::min(layer.width, q.c.data.size()), "relations",
            "without relations the rank may be " + number(std::min(layer.width, q.c.data.size())));
  }
  if (claim.rank == 0) return rank_sentence(q, claim, "no rank is less", from_above);
  const mpq_class lower = q.proof.at("lower").rational();
  require_positive(lower);
  FeatureScaler scaler(q.c, claim.rows.size(), claim.columns.size(), read_bits(q.proof), false);
  const Forward forward = make_forward(q.c, q.c.network, node, claim.theta, precision);
  q.c.data.for_each([&](std::size_t s, const std::vector<mpz_class>& x) {
    if (!claim.chosen[s]) return;
    Values f = forward(x);
    f.v = claim.pick(f.v);
    scaler.add(f);
  });
  require_smallest(q.c, scaler.take(), lower);
  return rank_sentence(q, claim, "a submatrix of that rank has sigma_min >= " + show_below(lower), from_above);
}

constexpr Rule kRules[] = {{"never-independent", "width", never_by_width},
                           {"never-independent", "equal-samples", equal_samples},
                           {"never-independent", "affine-dimension", never_by_affine_dimension},
                           {"never-independent", "patch-contents", patch_contents},
                           {"never-independent", "equal-columns", equal_columns},
                           {"never-independent", "receptive-field", receptive_field},
                           {"dependent-at", "width", at_by_width},
                           {"dependent-at", "affine-dimension", at_by_affine_dimension},
                           {"dependent-at", "units-without-kinks", at_without_kinks},
                           {"dependent-at", "equal-rows", equal_rows},
                           {"dependent-at", "left-kernel", left_kernel},
                           {"dependent-on-open-set", "units-without-kinks", on_open_set},
                           {"rank-equals", "minor-and-relations", rank_by_minor},
                           {"rank-equals", "bounds-and-relations", rank_by_bounds}};

}  // namespace

constinit const Topic topics::dependent{"dependent", kRules};

}  // namespace widecheck
