#include "rules.h"

#include "verdict.h"

namespace widecheck {

Verdict check_claim(const Context& c, Value claim, Value proof, std::string& rule) {
  const std::string kind = claim.at("kind").text();
  const std::string name = claim.at("node").text();
  rule = proof.at("rule").text();
  const std::size_t node = c.network.find(name);
  const auto expect_rule = [&](const char* expected) {
    require(rule == expected, "wrong-rule", "rule " + rule + " does not prove " + kind);
  };
  if (c.data.size() == 0 && !kind.starts_with("weights-"))
    throw Malformed("no-data", claim.place() + ": " + kind + " speaks of samples; the file has no data");
  const std::string n = number(c.data.size());
  spend(c, 4.0 * static_cast<double>(c.data.bytes()));  // a pass over the data, whatever is used of it
  Verdict verdict;
  if (rule == "recomputed") {
    verdict = recomputed_bounds(c, node, kind, claim, proof);
  } else if (kind == "patches-distinct") {
    expect_rule("distinct-digests");
    verdict.sentence = patches_distinct(c, node);
  } else if (kind == "patches-collide") {
    expect_rule("comparison");
    verdict.sentence = patches_collide(c, node, claim);
  } else if (kind == "features-distinct-at") {
    expect_rule("separating-projection");
    verdict.sentence = features_distinct(c, node, claim, proof);
  } else if (kind == "weights-full-rank-at") {
    verdict = weights_full_rank_at(c, node, claim, proof, rule);
  } else if (kind == "weights-deficient-at") {
    expect_rule("kernel-vector");
    verdict.sentence = weights_deficient_at(c, node, claim, proof);
  } else if (kind == "weights-full-rank") {
    verdict = weights_full_rank(c, node, claim, proof, rule);
  } else if (kind == "weights-never-full-rank") {
    verdict.sentence = weights_never_full_rank(c, node, proof, rule);
  } else if (kind == "weights-generic-rank") {
    expect_rule("generic-rank");
    verdict.sentence = weights_generic_rank(c, node, claim, proof);
  } else if (kind == "activation-violates") {
    expect_rule("activation-table");
    verdict.sentence = activation_violates(c, node, claim, proof);
  } else if (kind == "never-independent") {
    verdict.sentence = never_independent(c, node, proof, rule);
  } else if (kind == "independent-on-ray" || kind == "affinely-independent-on-ray") {
    const bool affine = kind[0] == 'a';
    const mpq_class alpha_0 = claim.at("alpha_0").rational();
    check_ray(c, node, claim.at("family"), proof, alpha_0, affine);
    verdict.sentence = "rank " + (affine ? "[F(" + name + "), 1]" : "F(" + name + ")") + " = " + n +
                       " for every alpha >= " + show(alpha_0) + " along the family";
  } else if (kind == "independent-somewhere") {
    if (rule == "translates") {
      require(c.network.node(node).width >= c.data.size(), "width", "the layer has fewer than N neurons");
      check_translates(c, node, false);
    } else {
      expect_rule("from-ray");
      check_ray(c, node, proof.at("family"), proof.at("ray"), proof.at("alpha_0").rational(), false);
    }
    verdict.sentence = "rank F(" + name + ") = " + n + " for some parameter";
  } else if (kind == "independent-at") {
    verdict = independent_at(c, node, claim, proof, rule);
  } else if (kind == "singular-value-bounds") {
    expect_rule("integer-cholesky");
    verdict.sentence = singular_value_bounds(c, node, claim, proof);
  } else if (kind == "weights-singular-value-bounds") {
    expect_rule("integer-cholesky");
    verdict.sentence = weights_singular_value_bounds(c, node, claim, proof);
  } else if (kind == "in-s-k") {
    expect_rule("integer-cholesky");
    verdict.sentence = in_s_k(c, node, claim, proof);
  } else if (kind == "gradient-enclosure") {
    expect_rule("backpropagation");
    verdict.sentence = gradient_enclosure(c, node, claim, proof);
  } else if (kind == "gradient-bounds") {
    expect_rule("backpropagation");
    verdict.sentence = gradient_bounds(c, node, claim, proof);
  } else if (kind == "gradient-dominance") {
    expect_rule("backpropagation");
    verdict.sentence = gradient_dominance(c, node, claim, proof);
  } else if (kind == "dependent-at") {
    verdict.sentence = dependent_at(c, node, claim, proof, rule);
  } else if (kind == "independent-almost-everywhere") {
    verdict = almost_everywhere(c, node, claim, proof);
  } else if (kind == "dependent-on-open-set") {
    expect_rule("units-without-kinks");
    verdict.sentence = dependent_on_open_set(c, node, claim);
  } else {
    claim.at("kind").bad("a kind of claim of version 1");
  }
  claim.require_all_asked();
  proof.require_all_asked();
  return verdict;
}

}  // namespace widecheck
