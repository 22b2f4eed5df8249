#include "proofs/skips/local_extrema.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <nlohmann/json.hpp>

#include "proofs/interpolation/full_row_rank.h"
#include "proofs/output.h"
#include "proofs/valleys/sublevel_sets.h"

namespace widecert {
namespace {

// By a proof that there is no bad valley, which has the same keys.
Outcome no_strict_minimum(const Instance& instance, const Claim& claim, const Prover& valleys, const Options& options) {
  Options inner = options;
  inner.bound_text = [&](const Claim&) { return options.bound_text(claim); };
  Outcome outcome = valleys(instance, inner);
  if (outcome.verdict != Verdict::proved) return outcome;
  const Finding& valley = outcome.findings.front();
  const Value evidence = Value::object({{"claim", valley.claim}, {"proof", valley.proof}});
  outcome.findings = {{claim, Proof("from-valleys", {{"valley", evidence}})}};
  return outcome;
}

// The checker's with_positive_values(), with the name of a node for people.
std::optional<std::string> positive_values(const Architecture& network, std::size_t features) {
  std::vector<bool> all(features + 1);
  std::vector<std::optional<std::string>> some(features + 1);
  for (std::size_t i = 1; i <= features; ++i) {
    const Node& node = network.node(i);
    if (const auto* f = std::get_if<ActivationSpec>(&node.spec)) {
      all[i] = positive(f->function.kind);
      if (all[i]) some[i] = node.name;
      continue;
    }
    const bool selects = std::holds_alternative<SelectSpec>(node.spec);
    if (!selects && !std::holds_alternative<ConcatSpec>(node.spec)) continue;
    all[i] = true;
    for (std::size_t n = 0; n < node.inputs.size(); ++n) {
      const std::size_t from = node.inputs[n];
      bool taken = !selects;
      for (std::size_t h = 0; !taken && h < network.node(from).width; ++h) taken = node.place(n, h) != Node::kNowhere;
      if (!taken) continue;
      all[i] = all[i] && all[from];
      if (!some[i] && (!selects || all[from])) some[i] = some[from];
    }
  }
  return some[features];
}

Outcome no_maximum(const Instance& instance, std::size_t output, const std::string& loss) {
  const Architecture& network = instance.network;
  if (auto obstacle = not_solvable(network, output)) return *obstacle;
  const Node& node = network.node(output);
  if (loss == "cross-entropy" && node.width < 2)
    return not_applicable("width", "with one class cross-entropy is 0 everywhere: every point is a local maximum");
  std::string why = "the biases of the output are free";
  if (!std::get<LinearSpec>(node.spec).free_bias()) {
    const auto positive = positive_values(network, node.inputs[0]);
    if (!positive)
      return not_applicable("range",
                            fmt::format("layer {} has no free biases, and no value of {} is known to be positive for "
                                        "every parameter: where all are 0, Phi may be constant",
                                        node.name, network.node(node.inputs[0]).name));
    why = fmt::format("values of {} are positive", *positive);
  }
  return proved("Phi is convex in the output layer and nowhere constant: " + why,
                {{Claim("no-local-maximum", {{"output", node.name}, {"loss", loss}}), Proof("convex-output")}});
}

Prover read(const Entry& entry) {
  const auto loss = entry.json.find("loss");
  if (entry.claim == "no-local-maximum") {
    for (const char* key : {"wide", "parameters", "rank"})
      if (const auto given = entry.json.find(key))
        throw InputError(given->place() + ": no-local-maximum rests on the output layer alone");
    if (!loss)
      throw InputError(entry.json.place() + ": no-local-maximum needs \"loss\": \"square\" or \"cross-entropy\"");
    const std::string name = loss->text();
    if (name != "square" && name != "cross-entropy") loss->fail("\"square\" or \"cross-entropy\"");
    return [output = read_output(entry), name](const Instance& instance, const Options&) {
      return no_maximum(instance, output, name);
    };
  }
  if (loss) throw InputError(loss->place() + ": no-strict-local-minimum is about every convex loss");
  Keys keys{{"node", entry.network.node(entry.node).name}, {"output", entry.network.node(read_output(entry)).name}};
  if (const auto parameters = read_parameters(entry)) keys.emplace_back("parameters", *parameters);
  const Claim claim("no-strict-local-minimum", keys);
  const Prover valleys = read_no_bad_valley(entry);
  return [claim, valleys](const Instance& instance, const Options& options) {
    return no_strict_minimum(instance, claim, valleys, options);
  };
}

}  // namespace

Theorem theorems::local_extrema() {
  const Theorem valleys = sublevel_sets();
  Theorem theorem{
      .id = "local-extrema",
      .title = "No strict local minimum above the infimum, no local maximum",
      .source = "Q. Nguyen's thesis (2019), Theorem 4.3.4 (3) and (4), with their conditions repaired",
      .statement =
          "Where no component of {Phi < a} has its infimum above p*, no strict local minimum of Phi has: the component "
          "around it would lie near it. A convex function of the output layer with a local maximum is constant near "
          "it; "
          "square loss and cross-entropy of two or more classes are not, if the layer reads a value that is never 0 or "
          "has free biases. Rank plays no part in the latter.",
      .hypotheses = {"no-strict-local-minimum: those of no-bad-valley", "no-local-maximum: a dense free output",
                     "free biases of the output, or one value below it that is positive for every parameter",
                     "cross-entropy: two classes or more"},
      .claims = {"no-strict-local-minimum", "no-local-maximum"},
      .rules = {"from-valleys", "convex-output"},
      .reasons = valleys.reasons,
      .keys = {kOutputKey, {"loss", "for no-local-maximum: \"square\" or \"cross-entropy\""}},
      .read = read};
  theorem.reasons.emplace_back("range");
  for (const auto& key : valleys.keys)
    if (key.first != "output" && key.first != "layer") theorem.keys.push_back(key);
  return theorem;
}

}  // namespace widecert
