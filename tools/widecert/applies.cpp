#include "applies.h"

#include <fmt/format.h>

#include "commands.h"

namespace widecert::tool {
namespace {

// Whether the cheap test of a theorem is about this layer, of a case with or without data.
bool speaks_of(const Theorem& theorem, const Node& node, bool has_data) {
  if (theorem.obstacle == nullptr) return false;
  return theorem.needs_data ? has_data && std::holds_alternative<ActivationSpec>(node.spec)
                            : std::holds_alternative<LinearSpec>(node.spec);
}

}  // namespace

std::vector<Applies> which_apply(const Instance& instance) {
  std::vector<Applies> all;
  for (std::size_t i = 0; i < instance.network.nodes().size(); ++i) {
    const Node& node = instance.network.node(i);
    for (const Theorem& theorem : catalogue()) {
      if (!speaks_of(theorem, node, instance.data_spec.has_value())) continue;
      throw_if_stopped();
      all.push_back({&theorem, &node, theorem.obstacle(instance, i, theorem.claims.front())});
    }
  }
  return all;
}

std::string in_words(const Applies& one) {
  if (one.obstacle) {
    const std::string word = one.obstacle->verdict == Verdict::refuted ? "refuted" : "no";
    return fmt::format("{}: {} [{}]", word, one.obstacle->explanation, one.obstacle->reason);
  }
  return one.theorem->needs_data ? "applies, as far as its hypotheses show; prove decides"
                                 : "not excluded by counting; prove decides";
}

}  // namespace widecert::tool
