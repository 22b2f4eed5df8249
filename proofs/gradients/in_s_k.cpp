#include "proofs/gradients/in_s_k.h"

#include <fmt/format.h>
#include <widecert/network/feature_source.h>
#include <widecert/network/random_point.h>

#include <algorithm>

#include "proofs/output.h"
#include "proofs/singular/singular_values.h"

namespace widecert {
namespace {

struct Asked {
  std::size_t node, output;
  bool enclose;  // the singular values of each U
  std::optional<PointSpec> parameters;
};

// A matrix of full rank with its bounds, or the outcome that ends the proof.
std::optional<ShownBounds> bounds_of(const std::string& name, const MatrixSource& source, const Options& options,
                                     Outcome& outcome) {
  const LadderResult found = climb(source, ladder_options(options));
  if (!found.bounds.full_rank || !(found.bounds.smallest_low > 0) || !found.bounds.is_bounded()) {
    outcome = undecided("not-certified", fmt::format("full rank of {} is not certified: {}", name, found.undecided));
    return std::nullopt;
  }
  ShownBounds bounds = show_bounds(found.bounds, source.rows, source.cols);
  if (bounds.too_large) {
    outcome = undecided("too-large", name + " is too large for the checker");
    return std::nullopt;
  }
  outcome.ingredients.emplace_back(name, fmt::format("{} x {}, smallest singular value in {}, by {}", source.rows,
                                                     source.cols, shown(bounds.smallest), to_string(found.rung)));
  return bounds;
}

Outcome prove(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  const Node& layer = network.node(asked.node);
  const std::size_t n = instance.data.size();
  std::string why;
  const auto above = layers_above(network, asked.node, asked.output, why);
  if (!above) return not_applicable("not-a-chain", why);
  if (layer.width < n) {
    return not_applicable(
        "width", fmt::format("layer {} has {} < N neurons: S_k asks for rank F_k = N", layer.name, layer.width));
  }
  const PointSpec spec = asked.parameters ? *asked.parameters : random_point(network, asked.output, options.seed);
  const IntegerPoint point = integer_point(network, spec, asked.output);
  Outcome outcome;
  const auto features = bounds_of("F(" + layer.name + ")",
                                  feature_source(network, point, asked.node, instance.data, false), options, outcome);
  if (!features) return outcome;
  CholeskyProof proof;
  proof.bits = features->proof.bits;
  std::vector<Rational> margins;
  std::vector<Finding> enclosures;
  for (std::size_t k = 1; k < above->linear.size(); ++k) {  // U_{k+1} is free
    const std::size_t index = above->linear[k];
    const Node& map = network.node(index);
    const auto u =
        bounds_of("U of " + map.name, weight_source(network, index, point.at(index).weights), options, outcome);
    if (!u) return outcome;
    margins.push_back(u->smallest.low);
    proof.bits = std::max(proof.bits, u->proof.bits);
    const auto& frozen = std::get<LinearSpec>(map.spec).frozen_weights;
    enclosures.push_back(
        {Claim("weights-singular-value-bounds", {{"node", map.name},
                                                 {"smallest", u->smallest},
                                                 {"largest", u->largest},
                                                 {"weights", frozen ? *frozen : *spec.at(map.name).weights}}),
         as_proof(u->proof)});
  }
  outcome.verdict = Verdict::proved;
  outcome.explanation = fmt::format(
      "the {} parameters lie in S_k for layer {}: F_k and the weight matrices from layer k+2 on have full rank",
      asked.parameters ? "given" : "seeded", layer.name);
  if (asked.enclose) {
    outcome.findings = std::move(enclosures);
    return outcome;
  }
  proof.precision = precision_for(network, point, asked.node, features->accuracy);
  outcome.findings = {{Claim("in-s-k", {{"node", layer.name},
                                        {"output", network.node(asked.output).name},
                                        {"features", features->smallest.low},
                                        {"weights", margins},
                                        {"parameters", spec}}),
                       as_proof(proof)}};
  outcome.numbers = {{"sigma_min_low", features->smallest.low}};
  if (!margins.empty()) outcome.numbers["weights_low"] = *std::min_element(margins.begin(), margins.end());
  return outcome;
}

}  // namespace

Theorem theorems::in_s_k() {
  return {.id = "in-s-k",
          .title = "The parameters lie in S_k",
          .source = "Nguyen & Hein, ICML 2018, the set S_k before Theorem 4.5",
          .statement =
              "F_k has full rank N and the weight matrices U_{k+2}, ..., U_L have full rank at the given "
              "parameters, each with its margin: a lower bound of its smallest singular value. As claims of "
              "their own (weights-singular-value-bounds): the singular values of these U, enclosed.",
          .hypotheses = {"linear layers and activations by turns above layer k, the last one linear", "n_k >= N"},
          .claims = {"in-s-k", "weights-singular-value-bounds"},
          .rules = {"integer-cholesky"},
          .reasons = {"not-a-chain", "width", "not-certified", "too-large"},
          .keys = {kParametersKey, kOutputKey},
          .numbers = {{"sigma_min_low", Side::below}, {"weights_low", Side::below}},
          .read = [](const Entry& entry) -> Prover {
            const Asked asked{entry.node, read_output(entry), entry.claim == "weights-singular-value-bounds",
                              read_parameters(entry)};
            return
                [asked](const Instance& instance, const Options& options) { return prove(instance, asked, options); };
          }};
}

}  // namespace widecert
