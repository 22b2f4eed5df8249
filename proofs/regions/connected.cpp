#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/layers_above.h>

#include "proofs/output.h"
#include "proofs/regions/asked.h"
#include "proofs/regions/regions.h"
#include "proofs/weights/full_rank_weights.h"

namespace widecert {
namespace {

Outcome prove(const Architecture& network, std::size_t output, const PointSpec& point, const Options& options) {
  std::string why;
  const auto above = layers_above(network, 0, output, why);
  if (!above) return not_applicable("not-a-chain", why);
  if (network.node(output).width < 2) return not_applicable("width", "one output has no regions");
  const std::size_t layers = above->linear.size();
  std::size_t below = network.node(0).width;
  for (std::size_t l = 0; l + 1 < layers; ++l) {
    const Node& node = network.node(above->linear[l]);
    const Activation& f = std::get<ActivationSpec>(network.node(above->activation[l]).spec).function;
    if (std::get<LinearSpec>(node.spec).frozen_weights)
      return not_applicable("frozen", fmt::format("the filters of layer {} are frozen", node.name));
    if (node.width > below)
      return not_applicable("not-decreasing", fmt::format("layer {} has {} neurons, more than the {} below it",
                                                          node.name, node.width, below));
    below = node.width;
    if (l + 2 == layers ? !(facts(f.kind).continuous && injective(f)) : !homeomorphism(f))
      return not_applicable("activation",
                            fmt::format("{} of layer {} is not {}", describe(f), node.name,
                                        l + 2 == layers ? "continuous and strictly monotone" : "a homeomorphism of R"));
  }
  const Claim claim("regions-connected", {{"output", network.node(output).name}, {"parameters", point}});
  Options inner = options;
  inner.bound_text = [&](const Claim&) { return options.bound_text(claim); };
  std::vector<Value> ranks;
  std::string said;
  for (std::size_t l = 0; l + 1 < layers; ++l) {
    const std::size_t i = above->linear[l];
    const auto weights = point.find(network.node(i).name);
    if (weights == point.end() || !weights->second.weights)
      return not_applicable("other-point",
                            fmt::format("the parameters name no weights of layer {}", network.node(i).name));
    const Outcome rank = prove_rank_at(network, i, "weights-full-rank-at", weights->second.weights, inner);
    if (rank.verdict != Verdict::proved)
      return undecided("rank", fmt::format("layer {} has not full column rank, or that is not shown: {}",
                                           network.node(i).name, rank.explanation));
    ranks.push_back(Value::object({{"claim", rank.findings.front().claim}, {"proof", rank.findings.front().proof}}));
    said +=
        (said.empty() ? "" : ", ") + fmt::format("{} -> {}", network.node(i).patches->inputs(), network.node(i).width);
  }
  return proved(said.empty() ? "one layer: regions are convex" : "full column rank: " + said,
                {{claim, Proof("pyramid", {{"ranks", ranks}})}});
}

}  // namespace

Theorem theorems::regions_connected() {
  return {
      .id = "regions-connected",
      .title = "Every decision region of a pyramidal network is connected",
      .source = "Q. Nguyen's thesis (2019), Theorem 5.2.3, sharpened",
      .statement =
          "Widths do not increase from the input to the last hidden layer, weight matrices up to there have full "
          "column "
          "rank at the given parameters, functions are homeomorphisms of R, in the last hidden layer merely continuous "
          "and strictly monotone. Then {x : F_j > F_k for all k != j} is open and connected for every class j, and so "
          "is every set where softmax_j is larger than c, or at least c.",
      .hypotheses = {"linear layers and activations by turns; n_0 >= n_1 >= ... >= n_(L-1); no pooling, no norms"},
      .claims = {"regions-connected"},
      .rules = {"pyramid"},
      .reasons = {"not-a-chain", "width", "frozen", "not-decreasing", "activation", "other-point", "rank"},
      .keys = {kOutputKey, kRegionParametersKey},
      .needs_data = false,
      .read = [](const Entry& entry) -> Prover {
        return [output = read_output(entry), point = read_point(entry.json.get("parameters"))](const Instance& instance,
                                                                                               const Options& options) {
          return prove(instance.network, output, point, options);
        };
      }};
}

}  // namespace widecert
