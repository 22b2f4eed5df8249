// Rules about the data and the hypotheses: patches, separating projections, activations.
#include <algorithm>
#include <optional>

#include "digest.h"
#include "rules.h"
#include "verdict.h"

namespace widecheck {
namespace {

// The layer that reads the data itself and has patches.
const Node& first_patches(const Context& c, std::size_t i) {
  const Node& node = c.network.node(i);
  require(node.patches.count() != 0 && node.inputs == std::vector<std::size_t>{0}, "layer-kind",
          "layer " + node.name + " does not read the data by patches");
  return node;
}

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
  require(size > exp_minus(-t, kBits).high, "violating-point", "|s(t)| <= e^t at t = " + show(t));
}

}  // namespace

void require_distinct_patches(const Context& c, std::size_t i, bool at_one_place) {
  const Node& node = first_patches(c, i);
  require_feasible(c, i, 0, 100);  // a digest per patch
  if (c.data.size() > (std::size_t{1} << 27) / node.patches.count())
    throw Malformed("too-large", "more than 2^27 patches to compare; refused");
  // Different digests mean different patches, whatever one believes of SHA-256; equal digests of
  // different samples are not accepted.
  std::vector<std::pair<std::uint64_t, std::uint32_t>> digests;
  Sha256 hash;
  c.data.for_each([&](std::size_t sample, const std::vector<mpz_class>& x) {
    for (std::size_t p = 0; p < node.patches.count(); ++p) {
      std::string text = at_one_place ? number(p) + ":" : "";
      for (long e : node.patches.entries()[p]) text += entry(x, e).get_str() + ",";
      hash.update(text);
      const std::string digest = hash.finish();
      std::uint64_t word = 0;
      for (int b = 0; b < 8; ++b) word = word << 8 | static_cast<unsigned char>(digest[b]);
      digests.emplace_back(word, static_cast<std::uint32_t>(sample));
    }
  });
  std::sort(digests.begin(), digests.end());
  for (std::size_t k = 1; k < digests.size(); ++k) {
    require(digests[k].first != digests[k - 1].first || digests[k].second == digests[k - 1].second, "patches-collide",
            "samples " + number(digests[k - 1].second + 1) + " and " + number(digests[k].second + 1) +
                " share a patch of layer " + node.name);
  }
}

std::string patches_distinct(const Context& c, std::size_t i) {
  require_distinct_patches(c, i, false);
  return "no patch of layer " + c.network.node(i).name + " is shared by two of the " + number(c.data.size()) +
         " samples";
}

std::string patches_collide(const Context& c, std::size_t i, Value& claim) {
  const Node& node = first_patches(c, i);
  const std::string& name = node.name;
  std::size_t sample[2], patch[2];
  const char* keys[2] = {"first", "second"};
  for (int k = 0; k < 2; ++k) {
    const auto pair = claim.at(keys[k]).list();
    if (pair.size() != 2) claim.at(keys[k]).bad("[sample, patch]");
    sample[k] = pair[0].number(c.data.size() - 1);
    patch[k] = pair[1].number(node.patches.count() - 1);
  }
  require(sample[0] != sample[1], "same-sample", "the two patches are of one sample");
  std::vector<mpz_class> content[2];
  c.data.for_each([&](std::size_t s, const std::vector<mpz_class>& x) {
    for (int k = 0; k < 2; ++k) {
      if (s != sample[k]) continue;
      for (long e : node.patches.entries()[patch[k]]) content[k].push_back(entry(x, e));
    }
  });
  require(content[0] == content[1], "patches-differ", "the two patches differ");
  return "Assumption 3.1 fails: patch " + number(patch[0] + 1) + " of sample " + number(sample[0] + 1) +
         " equals patch " + number(patch[1] + 1) + " of sample " + number(sample[1] + 1) + " under layer " + name;
}

std::string features_distinct(const Context& c, std::size_t i, Value& claim, Value& proof) {
  const Node& node = linear_node(c, i);
  const std::string& name = node.name;
  const std::size_t source = node.inputs[0];
  const auto nodes = free_linear_nodes(c, source);
  const unsigned bits = read_precision(proof);
  require_feasible(c, source, bits);
  Value point = claim.at("parameters");
  require_nodes(c.network, nodes, point);
  std::map<std::size_t, Parameters> theta;
  for (std::size_t l : nodes) theta[l] = read_parameters(c.network, l, point.at(c.network.node(l).name));
  const Forward forward = make_forward(c, c.network, source, theta, bits);
  std::vector<mpz_class> direction;
  mpz_class norm = 0;
  for (const Value& a : proof.at("direction").list()) {
    direction.push_back(a.integer());
    norm += abs(direction.back());
  }
  for (const auto& entries : node.patches.entries())
    require(entries.size() == direction.size(), "direction", "the projection has the wrong length");
  // Projections of all patches as enclosures; sorted, neighbours of different samples must be
  // apart.
  struct Projection {
    mpq_class low, high;
    std::size_t sample;
  };
  std::vector<Projection> projections;
  c.data.for_each([&](std::size_t sample, const std::vector<mpz_class>& x) {
    const Values f = forward(x);
    for (const auto& entries : node.patches.entries()) {
      mpz_class sum = 0;
      for (std::size_t r = 0; r < entries.size(); ++r) sum += direction[r] * entry(f.v, entries[r]);
      Projection p{mpq_class(sum - norm * f.radius, f.divisor), mpq_class(sum + norm * f.radius, f.divisor), sample};
      p.low.canonicalize();
      p.high.canonicalize();
      projections.push_back(std::move(p));
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
  return "at the given parameters no two of the " + number(c.data.size()) +
         " samples share a patch of features under layer " + name;
}

std::string activation_violates(const Context& c, std::size_t i, Value& claim, Value& proof) {
  if (claim.at("assumption").text() != "3.2") claim.at("assumption").bad("\"3.2\"");
  const Node& node = c.network.node(i);
  require(node.op == Op::activation, "layer-kind", node.name + " is not an activation");
  const std::string why = violation_of_3_2(node.activation);
  require(!why.empty(), "activation", node.activation.name + " satisfies Assumption 3.2");
  if (proof.has("t")) violating_point(node.activation, proof.at("t").rational());
  return node.activation.name + " violates Assumption 3.2: " + why;
}

}  // namespace widecheck
