// Rules about the data and the hypotheses: patches, separating projections, activations.
#include "evidence/distinct.h"

#include <algorithm>
#include <optional>

#include "evaluate/activation.h"
#include "evaluate/features.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/verdict.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

constexpr unsigned kBits = 128;  // of the enclosures at a violating point

// An illustration of the violation: rho = (1, 1, 1, 1) fails at t.
void violating_point(const Activation& f, const mpq_class& t) {
  require(t < 0, "violating-point", "t must be negative");
  mpq_class size;  // a lower bound of |s(t)|
  if (f.function == Function::identity) {
    size = -t;
  } else if (f.function == Function::leaky_relu) {
    size = abs(f.parameter) * -t;
  } else if (is_step(f.function)) {
    size = 0;
  } else {
    const Interval s = value(f, t, kBits);
    size = s.high < 0 ? mpq_class(-s.high) : s.low;
  }
  require(size > exp_minus(-t, kBits).high, "violating-point", "|s(t)| <= e^t at t = " + show_below(t));
}

Verdict patches_distinct(const Question& q) {
  const Context& c = q.c;
  const std::size_t i = q.node();
  require_distinct_patches(c, i, false);
  return "no patch of layer " + c.network.node(i).name + " is shared by two of the " + number(c.data.size()) +
         " samples";
}

Verdict patches_collide(const Question& q) {
  const Context& c = q.c;
  const Node& node = first_patches(c, q.node());
  const std::string& name = node.name;
  std::size_t sample[2], patch[2];
  const char* keys[2] = {"first", "second"};
  for (int k = 0; k < 2; ++k) {
    const auto pair = q.claim.at(keys[k]).list();
    if (pair.size() != 2) q.claim.at(keys[k]).bad("[sample, patch]");
    sample[k] = pair[0].number(c.data.size() - 1);
    patch[k] = pair[1].number(node.patches.count() - 1);
  }
  require(sample[0] != sample[1], "same-sample", "the two patches are of one sample");
  std::vector<mpz_class> content[2];
  c.data.for_each([&](std::size_t s, const std::vector<mpz_class>& x) {
    for (int k = 0; k < 2; ++k)
      if (s == sample[k]) content[k] = node.patches.content(patch[k], x);
  });
  require(content[0] == content[1], "patches-differ", "the two patches differ");
  return "Assumption 3.1 fails: patch " + number(patch[0] + 1) + " of sample " + number(sample[0] + 1) +
         " equals patch " + number(patch[1] + 1) + " of sample " + number(sample[1] + 1) + " under layer " + name;
}

Verdict features_distinct(const Question& q) {
  const Context& c = q.c;
  const Node& node = linear_node(c, q.node());
  const std::string& name = node.name;
  const std::size_t source = node.inputs[0];
  const auto nodes = free_linear_nodes(c, source);
  const unsigned bits = read_precision(q.proof);
  const Features features(c, source, bits);
  const Value point = q.claim.at("parameters");
  require_nodes(c.network, nodes, point);
  std::map<std::size_t, Parameters> theta;
  for (std::size_t l : nodes) theta[l] = read_parameters(c, l, point.at(c.network.node(l).name));
  const Forward forward = make_forward(c, c.network, source, theta, bits);
  const std::vector<mpz_class> direction = read_integers(q.proof.at("direction"));
  mpz_class norm = 0;
  for (const mpz_class& a : direction) norm += abs(a);
  for (const auto& entries : node.patches.entries())
    require(entries.size() == direction.size(), "direction", "the projection has the wrong length");
  // Projections of all patches as enclosures; sorted, neighbours of different samples must be
  // apart.
  struct Projection {
    mpz_class low, high;  // times the divisor, which all samples share
    std::size_t sample;
  };
  const PatchProducts products(c, node, 1, largest(direction), forward, false);
  std::vector<Projection> projections;
  c.data.for_each([&](std::size_t sample, const std::vector<mpz_class>& x) {
    const Values f = forward(x);
    for (std::size_t p = 0; p < node.patches.count(); ++p) {
      const mpz_class sum = products(p, direction, f.v), off = norm * f.radius;
      projections.push_back({sum - off, sum + off, sample});
    }
  });
  std::sort(projections.begin(), projections.end(),
            [](const Projection& a, const Projection& b) { return a.low < b.low; });
  // The projection with the largest upper end so far. If enclosures of different samples overlap at
  // all, then one of them overlaps this projection of another sample when its turn comes: comparing
  // with it alone suffices.
  std::optional<std::size_t> reach;
  for (std::size_t k = 0; k < projections.size(); ++k) {
    const Projection& p = projections[k];
    if (reach && projections[*reach].high >= p.low) {
      require(projections[*reach].sample == p.sample, "not-separated",
              "samples " + number(projections[*reach].sample + 1) + " and " + number(p.sample + 1) +
                  " are not separated by the projection");
    }
    if (!reach || p.high > projections[*reach].high) reach = k;
  }
  return "at " + point_in_words(c.network, source, q.claim.at("parameters")) + " no two of the " +
         number(c.data.size()) + " samples share a patch of features under layer " + name;
}

Verdict activation_violates(const Question& q) {
  if (q.claim.at("assumption").text() != "3.2") q.claim.at("assumption").bad("\"3.2\"");
  const Node& node = q.c.network.node(q.node());
  require(node.op == Op::activation, "layer-kind", node.name + " is not an activation");
  const std::string why = violation_of_3_2(node.activation);
  require(!why.empty(), "activation", node.activation.name + " satisfies Assumption 3.2");
  if (q.proof.has("t")) violating_point(node.activation, q.proof.at("t").rational());
  return node.activation.name + " violates Assumption 3.2: " + why;
}

constexpr Rule kRules[] = {{"patches-distinct", "distinct-digests", patches_distinct},
                           {"patches-collide", "comparison", patches_collide},
                           {"features-distinct-at", "separating-projection", features_distinct},
                           {"activation-violates", "activation-table", activation_violates}};

}  // namespace

constinit const Topic topics::distinct{"distinct", kRules};

}  // namespace widecheck
