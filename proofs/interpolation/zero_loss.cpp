#include "proofs/interpolation/zero_loss.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/random_point.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <set>

#include "proofs/generic/feature_rank.h"
#include "proofs/interpolation/exact.h"
#include "proofs/interpolation/full_row_rank.h"
#include "proofs/output.h"

namespace widecert {
namespace {

struct Asked {
  std::size_t node, output;
  std::string claim;
  bool in_s_k = false;
  std::optional<Task> rank;
  std::optional<PointSpec> parameters;
  std::optional<TargetsSpec> targets;
};

const LinearSpec& linear(const Architecture& network, std::size_t layer) {
  return std::get<LinearSpec>(network.node(layer).spec);
}

// Why Theorem Z does not apply above the layer.
std::optional<Outcome> not_carrying(const Architecture& network, const Asked& asked, const LayersAbove& above) {
  const std::size_t m = network.node(asked.output).width;
  for (std::size_t k = 0; k < above.linear.size(); ++k) {
    if (auto obstacle = not_solvable(network, above.linear[k])) return obstacle;
    if (k == 0) continue;
    const Node &layer = network.node(above.linear[k]), &below = network.node(layer.inputs[0]);
    if (below.width < m) {
      return not_applicable("width", fmt::format("layer {} has {} neurons, the output {}", below.name, below.width, m));
    }
    const Activation& f = std::get<ActivationSpec>(below.spec).function;
    const auto image = monotone_image(f);
    if (!image) {
      return not_applicable("activation",
                            fmt::format("layer {}: {} is strictly monotone on no interval", below.name, describe(f)));
    }
    const LinearSpec& spec = linear(network, above.linear[k]);
    if (!spec.free_bias() && !image->has_zero()) {
      return not_applicable(spec.frozen_bias ? "frozen" : "free-biases",
                            fmt::format("layer {} has no free biases, and 0 is no value of {} inside its range",
                                        layer.name, describe(f)));
    }
    if (asked.in_s_k && network.node(above.linear[k - 1]).width < layer.width) {
      return not_applicable("width", fmt::format("layer {} is wider than the linear layer before it", layer.name));
    }
  }
  return std::nullopt;
}

Outcome with_rank(const Instance& instance, const Asked& asked, const std::function<Claim(const Claim&)>& claim,
                  const std::function<Proof(const Proof&)>& proof, const std::string& text, const Options& options) {
  Outcome failed;
  auto rank = full_row_rank(instance, *asked.rank, claim, options, failed);
  if (!rank) return failed;
  if (rank->with_ones && asked.in_s_k) return not_applicable("rank", "S_k asks for rank F = N; [F, 1] has it");
  Outcome outcome = proved(text + "; " + rank->explanation, {{claim(rank->finding.claim), proof(rank->finding.proof)}});
  outcome.files = std::move(rank->files);
  return outcome;
}

Outcome carried(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  return with_rank(
      instance, asked,
      [&](const Claim& rank) {
        return Claim("zero-loss-exists", {{"node", network.node(asked.node).name},
                                          {"output", network.node(asked.output).name},
                                          {"in-s-k", asked.in_s_k},
                                          {"rank", rank}});
      },
      [&](const Proof& rank) {
        return Proof("carried-targets", {{"rank", rank}});
      },
      "for every Y there are parameters above the layer with F_L = Y", options);
}

// ---- through the classes ----

// The node whose values are one for each class: the activation above the layer that reads `node`.
std::optional<std::size_t> gate_above(const Architecture& network, const Asked& asked) {
  for (std::size_t i : network.ancestors(asked.output)) {
    const Node& node = network.node(i);
    if (!std::holds_alternative<ActivationSpec>(node.spec)) continue;
    const Node& below = network.node(node.inputs[0]);
    if (std::holds_alternative<LinearSpec>(below.spec) && below.inputs[0] == asked.node) return i;
  }
  return std::nullopt;
}

// The nodes above one as a network of their own, up to `target`; nothing if something leads past it.
std::optional<Architecture> part(const Architecture& network, std::size_t from, std::size_t target) {
  Architecture rest(network.node(from).name, network.node(from).shape);
  std::vector<bool> needed(target + 1, false);
  needed[target] = true;
  for (std::size_t i = target + 1; i-- > from + 1;)
    if (needed[i])
      for (std::size_t input : network.node(i).inputs) needed[input] = true;
  if (!needed[from] || std::find(needed.begin(), needed.begin() + static_cast<std::ptrdiff_t>(from), true) !=
                           needed.begin() + static_cast<std::ptrdiff_t>(from))
    return std::nullopt;
  for (std::size_t i = from + 1; i <= target; ++i) {
    if (!needed[i]) continue;
    std::vector<std::string> inputs;
    for (std::size_t input : network.node(i).inputs) inputs.push_back(network.node(input).name);
    rest.add(network.node(i).name, network.node(i).spec, inputs);
  }
  return rest;
}

// So many points with coordinates inside the interval, seeded.
DatasetSpec points_inside(const OpenInterval& image, std::size_t count, std::size_t width, std::uint64_t seed) {
  const Rational low = image.low    ? *image.low
                       : image.high ? Rational(*image.high - 2)
                                    : Rational(-1),
                 high = image.high ? *image.high : Rational(low + 2);
  constexpr long kSteps = 1024;
  SeededIntegers random("tensor", seed, "points", 1, kSteps - 1);
  InlineSource given;
  for (std::size_t i = 0; i < count; ++i) {
    auto& point = given.samples.emplace_back();
    for (std::size_t j = 0; j < width; ++j)
      point.push_back(low + (high - low) * Rational(random.at(i, j)) / Rational(kSteps));
  }
  DatasetSpec spec;
  spec.source = given;
  return spec;
}

Outcome by_classes(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  const Node& top = network.node(asked.output);
  if (auto obstacle = not_solvable(network, asked.output)) return *obstacle;
  const auto gate = gate_above(network, asked);
  if (!gate)
    return not_applicable("not-a-chain", "no activation of a linear layer that reads the layer leads to the output");
  const Node& activation = network.node(*gate);
  if (auto obstacle = not_solvable(network, activation.inputs[0])) return *obstacle;
  const Activation& f = std::get<ActivationSpec>(activation.spec).function;
  const auto image = monotone_image(f);
  if (!image) return not_applicable("activation", describe(f) + " is strictly monotone on no interval");
  const auto rest = part(network, *gate, top.inputs[0]);
  if (!rest)
    return not_applicable("not-a-chain", fmt::format("something leads past layer {} to the output", activation.name));
  const Tensor targets = expand_targets(*asked.targets, instance.data.size(), top.width);
  const std::size_t classes = std::set<std::vector<Rational>>(targets.begin(), targets.end()).size();
  const std::size_t last = rest->nodes().size() - 1;
  if (rest->node(last).width + (linear(network, asked.output).free_bias() ? 1 : 0) < classes) {
    return not_applicable("width", fmt::format("layer {} has {} neurons for {} different rows of Y",
                                               rest->node(last).name, rest->node(last).width, classes));
  }
  const auto claim = [&](const Claim& rank) {
    return Claim(
        "zero-loss-exists",
        {{"node", network.node(asked.node).name}, {"output", top.name}, {"targets", *asked.targets}, {"rank", rank}});
  };
  Outcome failed;
  auto rank = full_row_rank(instance, *asked.rank, claim, options, failed);
  if (!rank) return failed;
  // Points that the layers above keep apart, for some parameter.
  Outcome apart;
  for (std::uint64_t attempt = 0; attempt < 8; ++attempt) {
    Instance upper{*rest, points_inside(*image, classes, rest->input_width(), options.seed + attempt), {}};
    upper.data = load(*upper.data_spec, "", rest->node(0).shape, &*upper.data_spec);
    Options inner = options;
    inner.bound_text = [&](const Claim&) { return options.bound_text(claim(rank->finding.claim)); };
    inner.seed = options.seed + attempt;
    for (const char* id : {"theorem-3.5", "rank-at"}) {
      if (last == 0 && std::string(id) == "theorem-3.5") continue;
      apart = prove(upper, id, rest->node(last).name, "", inner);
      if (apart.verdict != Verdict::proved) continue;
      const Finding& found = apart.findings.front();
      Outcome outcome = proved(
          fmt::format("there are parameters above the layer with F_L = Y, through one point for each of {} "
                      "classes in layer {}; {}",
                      classes, activation.name, rank->explanation),
          {{claim(rank->finding.claim),
            Proof("through-classes", {{"rank", rank->finding.proof},
                                      {"gate", activation.name},
                                      {"points", Value(*upper.data_spec)},
                                      {"classes", Value::object({{"claim", found.claim}, {"proof", found.proof}})}})}});
      outcome.files = std::move(rank->files);
      return outcome;
    }
  }
  return undecided("classes", fmt::format("no points of layer {} were found that the layers above keep independent: {}",
                                          activation.name, apart.explanation));
}

Outcome exists(const Instance& instance, const Asked& asked, const Options& options) {
  std::string why;
  const auto above = layers_above(instance.network, asked.node, asked.output, why);
  if (!above) {
    if (!asked.targets) {
      return not_applicable("not-a-chain", why +
                                               "; with \"targets\" that are equal on classes the layers between may "
                                               "be any");
    }
    return by_classes(instance, asked, options);
  }
  const auto obstacle = not_carrying(instance.network, asked, *above);
  if (!obstacle) return carried(instance, asked, options);
  return asked.targets ? by_classes(instance, asked, options) : *obstacle;
}

// ---- exact numbers ----

Outcome exactly_at(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  const Node &layer = network.node(asked.node), &output = network.node(asked.output);
  const Tensor targets = expand_targets(*asked.targets, instance.data.size(), output.width);
  const auto claim = [&](const PointSpec& point) {
    return Finding{Claim("zero-loss-at", {{"output", output.name}, {"parameters", point}, {"targets", *asked.targets}}),
                   Proof("exact-forward")};
  };
  std::string why;
  if (asked.parameters && speaks_of(*asked.parameters, network, asked.output)) {
    if (auto differs = not_zero_loss(instance, *asked.parameters, asked.output, targets, options)) return *differs;
    return proved("F_L = Y exactly at the given parameters", {claim(*asked.parameters)});
  }
  const auto above = layers_above(network, asked.node, asked.output, why);
  if (!above) return not_applicable("not-a-chain", why);
  if (const auto obstacle = not_carrying(network, asked, *above)) return *obstacle;
  if (!asked.parameters && !rational_valued(network, asked.node)) {
    return not_applicable("irrational",
                          "no \"parameters\" are given, and none are chosen for features that are irrational in "
                          "general; sigmoid and tanh are rational at multiples of ln 2");
  }
  const std::uint64_t attempts = asked.parameters ? 1 : attempts_for(instance.data.size(), layer.width);
  for (std::uint64_t attempt = 0; attempt < attempts; ++attempt) {
    PointSpec point = asked.parameters ? point_below(network, *asked.parameters, asked.node)
                                       : choose_point(network, instance.data, asked.node, false, options.seed, attempt);
    const auto features = exact_values(instance, point, asked.node, options, why);
    if (!features) return not_applicable("irrational", why);
    if (!all_rational(*features))
      return not_applicable("irrational", fmt::format("the values of layer {} have multiples of ln 2", layer.name));
    const auto upper = carry(network, *above, *features, targets, options, why);
    if (!upper) continue;
    std::vector<Attachment> files;
    for (const auto& [name, tensors] : *upper) point[name] = tensors;
    const Witness witness{"parameters of zero loss", point, {}, {}};
    for (const auto& [name, tensors] : *upper)
      point[name].weights = wide_tensor_for_claim(*tensors.weights, name + ".weights", options, files);
    Outcome outcome =
        proved(fmt::format("parameters above layer {} with F_L = Y exactly{}", layer.name,
                           asked.parameters ? "" : ", on features of chosen parameters (--seed chooses others)"),
               {claim(point)});
    outcome.witness = witness;
    outcome.files = std::move(files);
    return outcome;
  }
  return undecided("no-carrier", why);
}

Prover read(const Entry& entry) {
  Asked asked{entry.node, read_output(entry), entry.claim, false, {}, read_parameters(entry), {}};
  const auto in_s_k = entry.json.find("in-s-k"), rank = entry.json.find("rank");
  if (const auto targets = entry.json.find("targets")) asked.targets = read_targets(*targets);
  if (entry.claim == "zero-loss-exists") {
    if (asked.parameters)
      throw InputError(entry.json.place() + ": zero-loss-exists takes \"parameters\" inside \"rank\"");
    if (in_s_k) asked.in_s_k = in_s_k->boolean();
    asked.rank = read_rank(entry);
  } else {
    for (const auto& other : {in_s_k, rank})
      if (other) throw InputError(other->place() + ": this belongs to zero-loss-exists");
    if (!asked.targets) throw InputError(entry.json.place() + ": " + entry.claim + " needs \"targets\"");
  }
  return [asked](const Instance& instance, const Options& options) {
    return asked.rank ? exists(instance, asked, options) : exactly_at(instance, asked, options);
  };
}

}  // namespace

Theorem theorems::zero_loss() {
  return {
      .id = "theorem-4.5",
      .title = "Zero loss above a wide layer",
      .source = "Nguyen & Hein, ICML 2018, Theorem 4.5, second part; its three cases in one, with weaker hypotheses",
      .statement =
          "If rank F_k = N, or rank [F_k, 1] = N with free biases above, and the layers above k are dense and free "
          "with n_l >= m, each activation strictly monotone on some interval, then for every Y there are parameters "
          "above with F_L = Y, infinitely many if n_k >= N and the biases are free; in S_k where the widths shrink "
          "and rank F_k = N. For Y that is equal on classes the layers k+2 to L-1 may be any. Or such parameters "
          "with exact numbers: over Q[ln 2], where sigmoid and tanh are rational.",
      .hypotheses = {"dense layers and activations by turns above layer k (or \"targets\" by classes)", "rank F_k = N",
                     "n_l >= m for k < l < L"},
      .claims = {"zero-loss-exists", "zero-loss-at"},
      .rules = {"carried-targets", "through-classes", "exact-forward"},
      .reasons = {"not-a-chain", "layer-kind", "frozen", "width", "activation", "free-biases", "rank", "classes",
                  "irrational", "rows-differ", "no-carrier"},
      .keys = {kOutputKey,
               kRankKey,
               kTargetsKey,
               {"in-s-k", "true: the point is to lie in S_k"},
               {"parameters",
                "for zero-loss-at: up to the layer (those above are made) or up to the output (they "
                "are checked); without any, some are chosen for full rank"}},
      .read = read};
}

}  // namespace widecert
