#include "proofs/valleys/sublevel_sets.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proofs/interpolation/full_row_rank.h"
#include "proofs/output.h"
#include "proofs/valleys/dense_layers.h"

namespace widecert {
namespace {

struct Asked {
  std::size_t node, output;
  std::string claim;
  std::optional<std::size_t> wide, layer;
  std::optional<PointSpec> parameters, from, to;
  std::optional<Task> rank;  // for almost every parameter
};

std::string name_of(const Instance& instance, std::size_t node) { return instance.network.node(node).name; }

// Whether layers up to the node have anything free.
bool has_free_below(const Architecture& network, std::size_t node) {
  for (std::size_t i : linear_nodes(network, node)) {
    const auto& spec = std::get<LinearSpec>(network.node(i).spec);
    if (!spec.frozen_weights || spec.free_bias()) return true;
  }
  return false;
}

Claim claim_of(const Instance& instance, const Asked& asked) {
  Keys keys{{"node", name_of(instance, asked.node)}, {"output", name_of(instance, asked.output)}};
  if (asked.parameters) keys.emplace_back("parameters", *asked.parameters);
  if (asked.from) keys.emplace_back("from", *asked.from);
  if (asked.to) keys.emplace_back("to", *asked.to);
  return Claim(asked.claim.c_str(), keys);
}

// The k of Theorem U, the largest that will do, and the rank of F_0 that k = 0 needs.
struct Wide {
  std::size_t k;
  std::optional<PointRank> rank;
};
std::optional<Wide> find_wide(const Instance& instance, const Asked& asked, const DenseLayers& layers,
                              std::size_t columns, bool monotone, const Options& options, Outcome& failed) {
  bool first = true;
  for (std::size_t k = asked.wide.value_or(layers.layers() - 1) + 1; k-- > 0;) {
    Outcome why;
    auto obstacle = layers.not_wide(k, columns, monotone);
    if (!obstacle && k > 0) return Wide{k, std::nullopt};
    if (!obstacle) {
      const PointSpec lower = asked.parameters.value_or(PointSpec{});
      if (auto rank = rank_at_point(instance, layers, 0, lower, claim_of(instance, asked), options, why))
        return Wide{0, std::move(rank)};
      obstacle = why;
    }
    if (first) failed = *obstacle;  // of the layers next to the output: the one most asked about
    first = false;
    if (asked.wide) break;
  }
  return std::nullopt;
}

Outcome by_wide_layers(const Instance& instance, const Asked& asked, const DenseLayers& layers,
                       const Options& options) {
  const bool valley = asked.claim == "no-bad-valley";
  const std::size_t n = layers.samples(), columns = valley || asked.claim == "descends-everywhere" ? n : n + 1;
  Outcome failed;
  const auto wide = find_wide(instance, asked, layers, columns, valley, options, failed);
  if (!wide) return failed;
  Keys proof{{"wide", static_cast<std::int64_t>(wide->k)}};
  if (wide->rank) proof.emplace_back("rank", wide->rank->evidence);
  const std::string text =
      wide->k == 0 ? wide->rank->explanation : fmt::format("{} layer(s) with at least {} columns", wide->k, columns);
  return proved(text + (wide->k + 1 < layers.layers() ? ", and narrowing homeomorphisms above" : ""),
                {{claim_of(instance, asked), Proof("wide-layers", proof)}});
}

Outcome generic_valleys(const Instance& instance, const Asked& asked, const DenseLayers& layers,
                        const Options& options) {
  if (auto obstacle = layers.not_narrowing(0)) return *obstacle;
  for (std::size_t i : instance.network.ancestors(asked.output)) {
    const auto* f = std::get_if<ActivationSpec>(&instance.network.node(i).spec);
    if (f != nullptr && !facts(f->function.kind).continuous)
      return not_applicable("activation", fmt::format("layer {} is not continuous", name_of(instance, i)));
  }
  Outcome failed;
  const auto outer = [&](const Claim&) { return claim_of(instance, asked); };
  auto rank = full_row_rank(instance, *asked.rank, outer, options, failed);
  if (!rank) return failed;
  if (rank->finding.claim.kind() != std::string("independent-almost-everywhere"))
    return not_applicable("rank", "a rank for almost every parameter is needed, as theorem-3.5 has it");
  const Value evidence = Value::object({{"claim", rank->finding.claim}, {"proof", rank->finding.proof}});
  Outcome outcome = proved("almost every point of a valley has rank N; " + rank->explanation,
                           {{claim_of(instance, asked), Proof("generic-valleys", {{"rank", evidence}})}});
  outcome.files = std::move(rank->files);
  return outcome;
}

Outcome unbounded(const Instance& instance, const Asked& asked) {
  const Architecture& network = instance.network;
  const std::size_t layer = *asked.layer, n = instance.data.size();
  if (auto obstacle = not_solvable(network, layer)) return *obstacle;
  const Node& node = network.node(layer);
  const Claim claim("unbounded-level-sets", {{"output", name_of(instance, asked.output)}, {"layer", node.name}});
  const auto& spec = std::get<LinearSpec>(node.spec);
  const std::size_t below = node.inputs[0], columns = network.node(below).width + (spec.free_bias() ? 1 : 0);
  if (columns > n)
    return proved(fmt::format("layer {} reads {} columns, more than N = {}", node.name, columns, n),
                  {{claim, Proof("kernel-line")}});
  const auto* f = std::get_if<ActivationSpec>(&network.node(below).spec);
  const bool scales =
      f != nullptr && (f->function.kind == ActivationKind::relu || f->function.kind == ActivationKind::leaky_relu ||
                       f->function.kind == ActivationKind::identity);
  const std::string narrow = fmt::format("layer {} reads {} columns, no more than N = {}", node.name, columns, n);
  if (!scales) return not_applicable("width", narrow + ", and the units below cannot be scaled");
  const std::size_t lower = network.node(below).inputs[0];
  if (auto obstacle = not_solvable(network, lower)) return *obstacle;
  if (std::get<LinearSpec>(network.node(lower).spec).frozen_bias)
    return not_applicable("frozen", fmt::format("layer {} has frozen biases", name_of(instance, lower)));
  for (std::size_t i : network.ancestors(asked.output)) {
    const auto& inputs = network.node(i).inputs;
    const bool reads =
        std::count(inputs.begin(), inputs.end(), below) + std::count(inputs.begin(), inputs.end(), lower) > 0;
    if (reads && i != layer && i != below)
      return not_applicable("not-a-chain", fmt::format("layer {} reads the same units", name_of(instance, i)));
  }
  return proved(fmt::format("units of {} are scaled", name_of(instance, below)), {{claim, Proof("scaling")}});
}

Outcome sublevel_sets(const Instance& instance, const Asked& asked, const Options& options) {
  if (asked.claim == "unbounded-level-sets") return unbounded(instance, asked);
  const bool free_below = has_free_below(instance.network, asked.node);
  if (free_below && !asked.parameters && asked.claim != "no-bad-valley") {
    return not_applicable("frozen",
                          fmt::format("layers up to {} are free: \"parameters\" of them say where they stand, or the "
                                      "claim is about the input",
                                      name_of(instance, asked.node)));
  }
  const DenseLayers layers(instance, asked.node, asked.output);
  if (free_below && !asked.parameters) return generic_valleys(instance, asked, layers, options);
  return by_wide_layers(instance, asked, layers, options);
}

// ---- given points ----

PointSpec together(const Asked& asked, const PointSpec& point) {
  PointSpec all = asked.parameters.value_or(PointSpec{});
  all.insert(point.begin(), point.end());
  return all;
}

Outcome join(const Instance& instance, const Asked& asked, const Options& options) {
  const DenseLayers layers(instance, asked.node, asked.output);
  const Outcome by_widths = by_wide_layers(instance, asked, layers, options);
  if (by_widths.verdict == Verdict::proved) return by_widths;
  // By ranks at the two points.
  Outcome failed = by_widths;
  for (std::size_t k = asked.wide.value_or(layers.layers() - 1); k > 0; --k) {
    Outcome why;
    std::optional<Outcome> obstacle = layers.not_narrowing(k);
    for (std::size_t l = 1; l <= k && !obstacle; ++l) obstacle = layers.too_narrow(l, layers.samples() + 1);
    std::vector<Value> from, to;
    for (std::size_t l = 1; l <= k && !obstacle; ++l) {
      for (const auto& [point, list] : {std::pair(*asked.from, &from), std::pair(*asked.to, &to)}) {
        const auto rank =
            rank_at_point(instance, layers, l, together(asked, point), claim_of(instance, asked), options, why);
        if (rank) {
          list->push_back(rank->evidence);
        } else {
          obstacle = why;
          break;
        }
      }
    }
    if (!obstacle) {
      return proved(fmt::format("rank N of {} layer(s) at both points", k),
                    {{claim_of(instance, asked),
                      Proof("same-features", {{"wide", static_cast<std::int64_t>(k)}, {"from", from}, {"to", to}})}});
    }
    failed = *obstacle;
    if (asked.wide) break;
  }
  return failed;
}

Outcome descend(const Instance& instance, const Asked& asked, const Options& options) {
  Outcome failed;
  const DenseLayers layers(instance, asked.node, asked.output);
  for (std::size_t k = asked.wide.value_or(layers.layers() - 1) + 1; k-- > 0;) {
    auto obstacle = layers.not_narrowing(k);
    Outcome why;
    if (!obstacle) {
      if (const auto rank = rank_at_point(instance, layers, k, together(asked, *asked.from), claim_of(instance, asked),
                                          options, why)) {
        return proved(rank->explanation,
                      {{claim_of(instance, asked),
                        Proof("same-features", {{"wide", static_cast<std::int64_t>(k)}, {"rank", rank->evidence}})}});
      }
      obstacle = why;
    }
    if (failed.reason.empty()) failed = *obstacle;
    if (asked.wide) break;
  }
  return failed;
}

template <Outcome (*prove)(const Instance&, const Asked&, const Options&)>
Prover prover(const Asked& asked) {
  return [asked](const Instance& instance, const Options& options) {
    try {
      return prove(instance, asked, options);
    } catch (const Outcome& obstacle) {
      return obstacle;
    }
  };
}

Asked read_asked(const Entry& entry) {
  Asked asked{entry.node, read_output(entry), entry.claim, {}, {}, read_parameters(entry), {}, {}, {}};
  if (const auto wide = entry.json.find("wide")) asked.wide = wide->size(entry.network.nodes().size());
  return asked;
}

Prover read_sublevel_sets(const Entry& entry) {
  Asked asked = read_asked(entry);
  const auto layer = entry.json.find("layer"), rank = entry.json.find("rank");
  if (asked.claim == "unbounded-level-sets") {
    asked.layer = layer ? entry.network.index_of(layer->text(), layer->place()) : asked.output;
    if (asked.parameters || asked.wide)
      throw InputError(entry.json.place() + ": unbounded-level-sets is about all parameters");
  } else if (layer) {
    throw InputError(layer->place() + ": only unbounded-level-sets has a layer that moves");
  }
  if (asked.claim == "no-bad-valley") return read_no_bad_valley(entry);
  if (rank) {
    throw InputError(rank->place() + ": only no-bad-valley asks for a rank of almost every parameter");
  }
  return prover<sublevel_sets>(asked);
}

Prover read_joined(const Entry& entry) {
  Asked asked = read_asked(entry);
  asked.from = read_point(entry.json.get("from"));
  const auto to = entry.json.find("to");
  if (asked.claim == "descends") {
    if (to) throw InputError(to->place() + ": descends has no second point");
    return prover<descend>(asked);
  }
  if (!to) throw InputError(entry.json.place() + ": joined needs \"from\" and \"to\"");
  asked.to = read_point(*to);
  return prover<join>(asked);
}

const std::pair<std::string, std::string> kWideKey{
    "wide",
    "how many of the layers above the node are taken as wide (the others as narrowing); the most that work if absent"};
const std::pair<std::string, std::string> kLowerKey{
    "parameters", "tensors of the linear nodes up to the layer, which stay as they are"};

}  // namespace

Prover read_no_bad_valley(const Entry& entry) {
  Asked asked = read_asked(entry);
  asked.claim = "no-bad-valley";
  asked.rank = read_rank(entry);
  return prover<sublevel_sets>(asked);
}

Theorem theorems::sublevel_sets() {
  return {
      .id = "sublevel-sets",
      .title = "Sublevel sets of convex losses: connected, without bad valleys, unbounded",
      .source = "Q. Nguyen's thesis (2019), Theorems 3.4.9, 3.4.13, 3.4.16, 3.4.17, sharpened (Theorem U)",
      .statement =
          "F_0 the values of the layer (the input, or fixed ones), layers 1, ..., L dense above it, Phi = phi(F_L) "
          "with phi "
          "convex. If n_l + e_(l+1) >= N + 1 for l = 1, ..., k (e = 1 where the layer above has biases), their biases "
          "are free and "
          "their activations have independent translates, and k = L - 1 or the layers above narrow with "
          "homeomorphisms, then all "
          "sublevel sets are path-connected; with N instead of N + 1 every point leads down to the infimum. Level sets "
          "are "
          "unbounded where a layer reads more than N columns.",
      .hypotheses = {"dense layers and one activation between two of them, nothing behind the output",
                     "no frozen tensor in them",
                     "widths: N + 1 columns for connectedness, N for valleys, or rank N of F_0"},
      .claims = {"connected-sublevel-sets", "descends-everywhere", "no-bad-valley", "unbounded-level-sets"},
      .rules = {"wide-layers", "generic-valleys", "kernel-line", "scaling"},
      .reasons = {"width", "free-biases", "activation", "frozen", "not-a-chain", "layer-kind", "not-decreasing",
                  "not-onto", "rank"},
      .keys = {kOutputKey,
               kWideKey,
               kLowerKey,
               {"layer", "for unbounded-level-sets: the dense layer that moves; the output if absent"},
               {"rank",
                "for no-bad-valley where layers up to this one are free: how rank F = N for almost every parameter is "
                "proved, an entry without \"node\"; {\"theorem\": \"theorem-3.5\"} if absent"}},
      .read = read_sublevel_sets};
}

Theorem theorems::joined() {
  return {.id = "joined",
          .title = "Two networks joined by a path on which no convex loss rises, or one led down",
          .source = "Q. Nguyen's thesis (2019), Lemma 3.4.15, with N + 1 columns instead of 2N neurons",
          .statement =
              "F_0 and the layers above it as for sublevel-sets. Two points with rank [F_l, 1] = N for l = 1, ..., k, "
              "k = L - 1 or the "
              "layers above narrowing, are joined by a path on which Phi is at most the larger of its values at them, "
              "for every "
              "convex phi, if n_l + e_(l+1) >= N + 1; any two points are if the layers are as for connected sublevel "
              "sets. From a "
              "point with rank [F_k, 1] = N a path leads down to the infimum.",
          .hypotheses = {"rank N of the wide layers at the points, for any continuous activation",
                         "or widths, for any points"},
          .claims = {"joined", "descends"},
          .rules = {"wide-layers", "same-features"},
          .reasons = {"width", "free-biases", "activation", "frozen", "not-a-chain", "layer-kind", "not-decreasing",
                      "not-onto", "rank"},
          .keys = {kOutputKey,
                   kWideKey,
                   kLowerKey,
                   {"from", "where the path begins: tensors of the linear nodes above the layer, up to the output"},
                   {"to", "where it ends"}},
          .read = read_joined};
}

}  // namespace widecert
