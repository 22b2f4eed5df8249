#include "proofs/interpolation/full_row_rank.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace widecert {
namespace {

bool says_full_row_rank(const Claim& claim, std::size_t samples) {
  const std::string kind = claim.kind();
  if (kind == "independent-at" || kind == "independent-almost-everywhere")
    return claim.json().at("rank").get<std::size_t>() == samples;
  if (kind == "singular-value-bounds") return claim.json().at("smallest").at(0) != 0;
  return kind == "independent-on-ray" || kind == "affinely-independent-on-ray" || kind == "independent-somewhere" ||
         kind == "in-s-k";
}

}  // namespace

Task read_rank(const Entry& entry) {
  static const Json by_default{{"theorem", "theorem-3.5"}};
  const auto given = entry.json.find("rank");
  JsonReader in = given ? *given : JsonReader(by_default, entry.json.place() + ".rank");
  Task task = read_entry(in, entry.network, catalogue(), entry.node);
  in.done();
  return task;
}

std::optional<FullRowRank> full_row_rank(const Instance& instance, const Task& task,
                                         const std::function<Claim(const Claim&)>& outer, const Options& options,
                                         Outcome& failed) {
  Options inner = options;
  inner.bound_text = [&](const Claim& claim) { return options.bound_text(outer(claim)); };
  Outcome found = task.prove(instance, inner);
  const Node& layer = instance.network.node(task.node);
  if (found.verdict != Verdict::proved) {
    const std::string why =
        fmt::format("rank F({}) = N is not proved by theorem {}: {}", layer.name, task.theorem->id, found.explanation);
    failed = found.verdict == Verdict::undecided || found.verdict == Verdict::recomputed ? undecided("rank", why)
                                                                                         : not_applicable("rank", why);
    return std::nullopt;
  }
  Finding& main = found.findings.front();
  if (!says_full_row_rank(main.claim, instance.data.size())) {
    failed = not_applicable("rank", fmt::format("theorem {} proves {}, which is not rank F({}) = N: {}",
                                                task.theorem->id, main.claim.kind(), layer.name, found.explanation));
    return std::nullopt;
  }
  const bool ones = main.claim.kind() == "affinely-independent-on-ray" ||
                    (main.claim.kind() == "singular-value-bounds" && main.claim.json().at("matrix") == "[F, 1]");
  return FullRowRank{std::move(main), found.explanation, ones, std::move(found.files)};
}

std::optional<Outcome> not_solvable(const Architecture& network, std::size_t index) {
  const Node& node = network.node(index);
  const auto* linear = std::get_if<LinearSpec>(&node.spec);
  if (linear == nullptr || !network.is_dense(index)) {
    return not_applicable("layer-kind", fmt::format("layer {} is not dense: one weight stands in several equations "
                                                    "or some neurons do not see all of the layer below",
                                                    node.name));
  }
  if (linear->frozen_weights)
    return not_applicable("frozen", fmt::format("the weights of layer {} are frozen", node.name));
  return std::nullopt;
}

}  // namespace widecert
