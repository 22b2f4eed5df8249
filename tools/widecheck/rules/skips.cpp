// Rules about strict local minima and local maxima of Phi, where the output is a dense layer on features.
#include <algorithm>

#include "evaluate/activation.h"
#include "kernel/parameters.h"
#include "kernel/verdict.h"
#include "rules/premise.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

// At a strict local minimum above p* the component of a slightly larger sublevel set stays near, and has its infimum
// there.
Verdict from_valleys(const Question& q) {
  const Context& c = q.c;
  const Value claim = q.proof.at("valley").at("claim");
  require(claim.at("kind").text() == "no-bad-valley", "wrong-rule", "a claim of kind no-bad-valley is expected");
  for (const char* key : {"node", "output"})
    require(claim.at(key).text() == q.claim.at(key).text(), "other-layers",
            "the claim about valleys has another " + std::string(key));
  require(claim.has("parameters") == q.claim.has("parameters") &&
              (!claim.has("parameters") || claim.at("parameters").compact() == q.claim.at("parameters").compact()),
          "other-point", "the claim about valleys has other parameters");
  const Verdict valley = topics::answer_inner(q, c, claim, q.proof.at("valley").at("proof"));
  return {"every strict local minimum of Phi has the value p*: " + valley.sentence, valley.error_bits};
}

// Nodes with a value that is > 0 for every sample and every parameter.
std::vector<bool> with_positive_values(const Network& network, std::size_t last) {
  std::vector<bool> all(last + 1), some(last + 1);
  for (std::size_t i = 1; i <= last; ++i) {
    const Node& node = network.node(i);
    const auto taken = [&](std::size_t n) {
      return node.op == Op::concat || std::any_of(node.selected[n].begin(), node.selected[n].end(),
                                                  [](std::size_t to) { return to != Node::kNowhere; });
    };
    if (node.op == Op::activation) {
      all[i] = positive(node.activation.function);
      some[i] = all[i];
    } else if (node.op == Op::concat || node.op == Op::select) {
      all[i] = true;
      for (std::size_t n = 0; n < node.inputs.size(); ++n) {
        if (!taken(n)) continue;
        const std::size_t from = node.inputs[n];
        all[i] = all[i] && all[from];
        some[i] = some[i] || (node.op == Op::concat ? some[from] : all[from]);
      }
    }
  }
  return some;
}

// A convex function of the output layer that has a local maximum is constant near it; on features with a row that is
// not 0 these losses are not.
Verdict convex_output(const Question& q) {
  const Context& c = q.c;
  const std::size_t output = c.network.find(q.claim.at("output").text());
  const Node& layer = dense_node(c, output);
  const std::string loss = q.claim.at("loss").text(), f = "F(" + layer.name + ")";
  if (loss != "square" && loss != "cross-entropy") q.claim.at("loss").bad("\"square\" or \"cross-entropy\"");
  const bool square = loss == "square";
  require(square || layer.width >= 2, "width", "with one class cross-entropy is 0 everywhere");
  const std::size_t features = layer.inputs[0];
  require(layer.free_bias() || with_positive_values(c.network, features)[features], "range",
          "layer " + layer.name + " has no free biases, and no value of " + c.network.node(features).name +
              " is known to be positive for every parameter");
  return (square ? "Phi = ||" + f + " - Y||^2 / 2, for every Y,"
                 : "Phi = sum_i (ln sum_k e^(f_ik) - sum_k Y_ik f_ik), f_i the rows of " + f +
                       ", for every Y whose rows sum to 1,") +
         " has no local maximum, strict or not, over " + theta_in_words(c.network, output) +
         frozen_in_words(c.network, output);
}

constexpr Rule kRules[] = {{"no-strict-local-minimum", "from-valleys", from_valleys},
                           {"no-local-maximum", "convex-output", convex_output}};

}  // namespace

constinit const Topic topics::skips{"skips", kRules};

}  // namespace widecheck
