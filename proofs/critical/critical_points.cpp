#include "proofs/critical/critical_points.h"

#include <fmt/format.h>
#include <widecert/number/error.h>

#include <algorithm>

#include "proofs/interpolation/full_row_rank.h"
#include "proofs/output.h"

namespace widecert {
namespace {

struct Asked {
  std::size_t node, output;
  std::string claim;
  bool null_set = false;
  std::optional<Task> rank;
  std::vector<std::string> layers;                           // of no-point-as-in-3.8
  std::vector<std::pair<std::string, std::string>> tensors;  // of hessian-block-singular
};

// The linear layers above the node up to the output, which may be the activation of the last one; and all activations.
struct Tower {
  std::vector<std::size_t> linear, activations;
};
std::optional<Tower> tower_above(const Architecture& network, std::size_t node, std::size_t output, std::string& why) {
  const bool active = std::holds_alternative<ActivationSpec>(network.node(output).spec);
  const auto above = layers_above(network, node, active ? network.node(output).inputs[0] : output, why);
  if (!above) return std::nullopt;
  Tower tower{above->linear, above->activation};
  if (active) tower.activations.push_back(output);
  return tower;
}

std::optional<Outcome> flat_slopes(const Architecture& network, const Tower& tower) {
  for (std::size_t k : tower.activations) {
    const Activation& f = std::get<ActivationSpec>(network.node(k).spec).function;
    if (!facts(f.kind).derivative_nonzero) {
      return not_applicable("activation",
                            fmt::format("layer {}: {} has derivatives that are 0, or none somewhere; strict "
                                        "monotonicity is not enough",
                                        network.node(k).name, describe(f)));
    }
  }
  return std::nullopt;
}

Outcome global(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  std::string why;
  const auto tower = tower_above(network, asked.node, asked.output, why);
  if (!tower) return not_applicable("not-a-chain", why);
  if (auto flat = flat_slopes(network, *tower)) return *flat;
  for (std::size_t k = 1; k < tower->linear.size(); ++k) {
    if (network.node(tower->linear[k - 1]).width < network.node(tower->linear[k]).width) {
      return not_applicable("width", fmt::format("layer {} is wider than the linear layer before it: U has full column "
                                                 "rank for no parameter",
                                                 network.node(tower->linear[k]).name));
    }
  }
  std::vector<Value> weight_claims, weight_proofs;
  if (asked.null_set) {
    for (std::size_t k = 1; k < tower->linear.size(); ++k) {
      Outcome full = prove(instance, "full-rank-weights", network.node(tower->linear[k]).name, "", options);
      if (full.verdict != Verdict::proved) {
        return not_applicable("weights", fmt::format("U of {} is not shown to have full rank for almost every W: {}",
                                                     network.node(tower->linear[k]).name, full.explanation));
      }
      weight_claims.emplace_back(full.findings.front().claim);
      weight_proofs.emplace_back(full.findings.front().proof);
    }
  }
  const auto claim = [&](const std::optional<Value>& rank) {
    Keys keys{{"node", network.node(asked.node).name},
              {"output", network.node(asked.output).name},
              {"exceptional-set-null", asked.null_set}};
    if (rank) keys.emplace_back("rank", *rank);
    if (asked.null_set) keys.emplace_back("weights", weight_claims);
    return Claim("critical-points-global", keys);
  };
  const std::string text = fmt::format("{}: derivatives of 0 for layer {} mean F_L = Y",
                                       asked.null_set ? "at almost every parameter"
                                                      : "outside of the "
                                                        "exceptional set",
                                       network.node(tower->linear[0]).name);
  if (!asked.null_set && asked.node != 0) return proved(text, {{claim(std::nullopt), Proof("non-zero-slopes")}});
  Outcome failed;
  auto rank = full_row_rank(
      instance, *asked.rank, [&](const Claim& inner) { return claim(Value(inner)); }, options, failed);
  if (!rank) return failed;
  if (asked.null_set && asked.node != 0 && rank->finding.claim.kind() != "independent-almost-everywhere") {
    return not_applicable("rank",
                          "a null set needs the rank for almost every parameter, not " + rank->finding.claim.kind());
  }
  Keys keys{{"rank", rank->finding.proof}};
  if (asked.null_set) keys.emplace_back("weights", weight_proofs);
  Outcome outcome =
      proved(text + "; " + rank->explanation, {{claim(Value(rank->finding.claim)), Proof("non-zero-slopes", keys)}});
  outcome.files = std::move(rank->files);
  return outcome;
}

Outcome zero(const Instance& instance, const Asked& asked) {
  const Architecture& network = instance.network;
  std::string why;
  const auto tower = tower_above(network, asked.node, asked.output, why);
  if (!tower) return not_applicable("not-a-chain", why);
  if (auto flat = flat_slopes(network, *tower)) return *flat;
  if (tower->linear.size() > 2 || (tower->linear.size() == 2 && network.node(tower->linear[1]).width > 1)) {
    return not_applicable("width",
                          "only for the output layer itself, or with one output for the layer below it, do "
                          "separable features have a consequence (Theorem 5.3 (2) of 2017 is false)");
  }
  if (auto obstacle = not_solvable(network, tower->linear[0])) return *obstacle;
  if (!network.is_dense(tower->linear.back())) return *not_solvable(network, tower->linear.back());
  if (!std::get<LinearSpec>(network.node(tower->linear[0]).spec).free_bias()) {
    return not_applicable("free-biases",
                          fmt::format("layer {} has no free biases", network.node(tower->linear[0]).name));
  }
  return proved("where the features are separable by classes, derivatives of 0 mean Phi = 0 for the one-sided losses",
                {{Claim("critical-points-zero",
                        {{"node", network.node(asked.node).name}, {"output", network.node(asked.output).name}}),
                  Proof("separable-features")}});
}

Prover read_points(const Entry& entry) {
  Asked asked{entry.node, read_output(entry), entry.claim, false, {}, {}, {}};
  const auto null_set = entry.json.find("exceptional-set-null"), rank = entry.json.find("rank");
  const bool is_global = entry.claim == "critical-points-global";
  if (!is_global && (null_set || rank))
    throw InputError(entry.json.place() + ": \"rank\" and \"exceptional-set-null\" belong to critical-points-global");
  if (null_set) asked.null_set = null_set->boolean();
  if (is_global && (asked.null_set || entry.node == 0)) {
    asked.rank = read_rank(entry);
  } else if (rank) {
    throw InputError(rank->place() + ": only for layer 0, the input, or with \"exceptional-set-null\": true");
  }
  return [asked](const Instance& instance, const Options& options) {
    return asked.claim == "critical-points-global" ? global(instance, asked, options) : zero(instance, asked);
  };
}

// ---- hypotheses that nothing satisfies ----

Outcome singular_block(const Instance& instance, const Asked& asked) {
  const Architecture& network = instance.network;
  for (std::size_t i : network.ancestors(asked.output)) {
    const Node& node = network.node(i);
    const auto* pool = std::get_if<PoolSpec>(&node.spec);
    const auto* activation = std::get_if<ActivationSpec>(&node.spec);
    if ((pool != nullptr && pool->kind == PoolSpec::Kind::max) ||
        (activation != nullptr && !facts(activation->function.kind).analytic)) {
      return not_applicable("activation", fmt::format("layer {} is not differentiable twice", node.name));
    }
  }
  std::size_t entries = 0;
  std::vector<Value> tensors;
  for (const auto& [name, what] : asked.tensors) {
    const std::size_t i = network.index_of(name);
    entries += what == "weights" ? network.weights_shape(i).entries() : network.bias_shape(i).entries();
    tensors.emplace_back(std::vector<Value>{Value(name), Value(what)});
  }
  const std::size_t residuals = instance.data.size() * network.node(asked.output).width;
  if (entries <= residuals) {
    return not_applicable("bound", fmt::format("{} entries are no more than N m = {} residuals", entries, residuals));
  }
  return proved(
      fmt::format("the Hessian for {} entries has rank at most N m = {} wherever F_L = Y", entries, residuals),
      {{Claim("hessian-block-singular", {{"output", network.node(asked.output).name}, {"tensors", tensors}}),
        Proof("more-entries-than-residuals")}});
}

Outcome no_point(const Instance& instance, const Asked& asked) {
  const Architecture& network = instance.network;
  const std::size_t n = instance.data.size();
  std::string why;
  const auto tower = tower_above(network, asked.node, asked.output, why);
  if (!tower) return not_applicable("not-a-chain", why);
  for (std::size_t i : linear_nodes(network, tower->linear.back())) {
    if (auto obstacle = not_solvable(network, i)) return *obstacle;
    if (!std::get<LinearSpec>(network.node(i).spec).free_bias())
      return not_applicable("free-biases", fmt::format("layer {} has no free biases", network.node(i).name));
  }
  for (std::size_t i : network.ancestors(asked.output)) {
    const NodeSpec& spec = network.node(i).spec;
    const auto* activation = std::get_if<ActivationSpec>(&spec);
    if (activation == nullptr && i != 0 && !std::holds_alternative<LinearSpec>(spec))
      return not_applicable("not-a-chain",
                            fmt::format("layer {} is neither linear nor an activation", network.node(i).name));
    if (activation == nullptr) continue;
    const ActivationKind kind = activation->function.kind;
    if (kind != ActivationKind::sigmoid && kind != ActivationKind::tanh && kind != ActivationKind::softplus) {
      return not_applicable("activation", fmt::format("layer {}: {} is outside the assumptions of the 2017 paper",
                                                      network.node(i).name, describe(activation->function)));
    }
  }
  if (network.node(asked.node).width + 1 < n) {
    return not_applicable("width", fmt::format("layer {} has {} neurons, fewer than N - 1 = {}",
                                               network.node(asked.node).name, network.node(asked.node).width, n - 1));
  }
  std::vector<std::string> layers = asked.layers;
  if (layers.empty())
    for (std::size_t i : tower->linear) layers.push_back(network.node(i).name);
  std::size_t entries = 0;
  for (const std::string& name : layers) {
    const Node& layer = network.node(network.index_of(name));
    entries += layer.width * (network.node(layer.inputs[0]).width + 1);
  }
  const std::size_t residuals = n * network.node(tower->linear.back()).width;
  if (entries <= residuals) {
    return not_applicable("bound", fmt::format("a block of {} entries, no more than N m = {}: Theorem 3.8 may speak of "
                                               "something, namely what Lemma 3.5 says",
                                               entries, residuals));
  }
  return proved(fmt::format("the block has {} entries, more than N m = {}: no parameter satisfies the hypotheses",
                            entries, residuals),
                {{Claim("no-point-as-in-3.8", {{"node", network.node(asked.node).name},
                                               {"output", network.node(asked.output).name},
                                               {"layers", layers}}),
                  Proof("more-entries-than-residuals")}});
}

Prover read_vacuous(const Entry& entry) {
  Asked asked{entry.node, read_output(entry), entry.claim, false, {}, {}, {}};
  const auto layers = entry.json.find("layers"), tensors = entry.json.find("tensors");
  const bool block = entry.claim == "hessian-block-singular";
  if (layers && block) throw InputError(layers->place() + ": hessian-block-singular takes \"tensors\"");
  if (tensors && !block) throw InputError(tensors->place() + ": no-point-as-in-3.8 takes \"layers\"");
  if (layers)
    for (const JsonReader& name : layers->list()) asked.layers.push_back(name.text());
  if (tensors) {
    for (const JsonReader& entry_of : tensors->list()) {
      const auto pair = entry_of.list();
      if (pair.size() != 2) entry_of.fail("[layer, \"weights\" or \"bias\"]");
      asked.tensors.emplace_back(pair[0].text(), pair[1].text());
    }
  } else if (block) {
    for (std::size_t i : linear_nodes(entry.network, asked.output)) {
      const auto& spec = std::get<LinearSpec>(entry.network.node(i).spec);
      if (!spec.frozen_weights) asked.tensors.emplace_back(entry.network.node(i).name, "weights");
      if (spec.free_bias()) asked.tensors.emplace_back(entry.network.node(i).name, "bias");
    }
  }
  return [asked](const Instance& instance, const Options&) {
    return asked.claim == "hessian-block-singular" ? singular_block(instance, asked) : no_point(instance, asked);
  };
}

}  // namespace

Theorem theorems::critical_points() {
  return {
      .id = "critical-points",
      .title = "Where a gradient of 0 means zero loss",
      .source =
          "Nguyen & Hein, ICML 2017, Theorem 3.4, Lemma 3.5, Theorem 5.3; ICML 2018, Theorem 4.4 and the first "
          "part of 4.5; repaired",
      .statement =
          "For every Y and the five losses of 2017: at every parameter with rank [F_k, 1] = N and U_{k+2}, ..., U_L of "
          "full column rank, derivatives of 0 for layer k+1 mean F_L = Y. Every s' has to be different from 0 "
          "everywhere: strictly monotone is not enough. With \"exceptional-set-null\" the other parameters are a "
          "null set. For the one-sided losses of 2017, section 5: at the output layer on separable features, or "
          "one layer below with one output, derivatives of 0 mean loss 0; for no other layer does it follow.",
      .hypotheses = {"linear layers and activations by turns above layer k, whose derivatives are nowhere 0",
                     "n_{k+1} >= ... >= n_L", "for k = 0 rank [X, 1] = N"},
      .claims = {"critical-points-global", "critical-points-zero"},
      .rules = {"non-zero-slopes", "separable-features"},
      .reasons = {"not-a-chain", "activation", "width", "weights", "rank", "layer-kind", "frozen", "free-biases"},
      .keys = {kOutputKey,
               kRankKey,
               {"exceptional-set-null",
                "true: also that almost every parameter is outside the exceptional set, by \"rank\" for almost every "
                "parameter and full rank of the weight matrices above"}},
      .read = read_points};
}

Theorem theorems::vacuous_hypotheses() {
  return {
      .id = "theorem-3.8",
      .title = "Non-degenerate critical points of wide networks: there are none",
      .source = "Nguyen & Hein, ICML 2017, Theorem 3.8 and Corollary 3.9",
      .statement =
          "Where F_L = Y the Hessian of Phi for a set of more than N m parameters is singular, since it is J^T D J "
          "with "
          "J of N m rows. Theorem 3.8 says F_L = Y at critical points whose Hessian for a set of layers from k+1 on is "
          "nonsingular: such points exist only if that set has at most N m entries, which leaves n_k = N - 1, "
          "n_{k+1} = ... = n_L = m and layer k+1 alone, where Lemma 3.5 says the same. Corollary 3.9 speaks of "
          "nothing.",
      .hypotheses = {"activations that are twice differentiable (for 3.8: sigmoid, tanh, softplus)"},
      .claims = {"no-point-as-in-3.8", "hessian-block-singular"},
      .rules = {"more-entries-than-residuals"},
      .reasons = {"not-a-chain", "layer-kind", "frozen", "free-biases", "activation", "width", "bound"},
      .keys = {kOutputKey,
               {"layers", "of no-point-as-in-3.8: the block, layer k+1 among them; all linear layers above if absent"},
               {"tensors",
                "of hessian-block-singular: [[layer, \"weights\" or \"bias\"], ...]; all free ones if absent"}},
      .read = read_vacuous};
}

}  // namespace widecert
