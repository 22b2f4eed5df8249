#include "proofs/dependent/never_independent.h"

#include <fmt/format.h>
#include <widecert/data/patch_distinctness.h>
#include <widecert/number/parallel.h>

#include <numeric>
#include <set>

namespace widecert {
namespace {

// At most so many distinct columns if biases are tied: neurons (p, t) and (q, t) of one bank agree
// for every parameter if patches p and q agree on every sample. Patches are told apart by a hash;
// the checker compares them exactly.
std::size_t distinct_columns(const Dataset& data, const Node& map) {
  const PatchLayout& layout = *map.patches;
  std::set<std::pair<std::size_t, std::uint64_t>> classes;
  for (std::size_t p = 0; p < layout.count(); ++p) {
    classes.emplace(layout.bank(p), hash_over_samples(data, layout.entries(p)));
  }
  return classes.size() * map.filters;
}

// The columns of a patch are functions of its content: they span at most as many dimensions as there
// are contents, constants included, and the constants are shared by all patches.
std::size_t patch_content_bound(const Dataset& data, const Node& map) {
  const PatchLayout& layout = *map.patches;
  std::vector<std::size_t> contents(layout.count());
  parallel_for(layout.count(),
               [&](std::size_t p) { contents[p] = count_contents(data, layout.entries(p), map.filters + 1); });
  std::size_t most = 1;
  for (std::size_t count : contents) most += std::min(map.filters, count - 1);
  return most;
}

// rank F < N whatever the parameters, by the rule that is named as the reason.
Outcome never(const Node& output, const char* rule, std::string why, const Keys& keys = {}) {
  return refuted(rule, std::move(why), {{Claim("never-independent", {{"node", output.name}}), Proof(rule, keys)}});
}

std::optional<Outcome> by_width(const Instance& instance, std::size_t node) {
  const Node& output = instance.network.node(node);
  const std::size_t n = instance.data.size();
  if (output.width >= n) return std::nullopt;
  return never(output, "width",
               fmt::format("layer {} has {} neurons for {} samples, so rank F < N for every parameter", output.name,
                           output.width, n));
}

std::optional<Outcome> by_affine_dimension(const Instance& instance, std::size_t node) {
  const Node& output = instance.network.node(node);
  const std::size_t most = affine_dimensions(instance.network, node)[node];
  if (most >= instance.data.size()) return std::nullopt;
  return never(output, "affine-dimension",
               fmt::format("up to layer {} the network is affine through few neurons: F and the constants span at most "
                           "{} dimensions, whatever the parameters",
                           output.name, most));
}

std::optional<Outcome> by_equal_samples(const Instance& instance, std::size_t node) {
  const auto equal = find_equal_samples(instance.data);
  if (!equal) return std::nullopt;
  return never(instance.network.node(node), "equal-samples",
               fmt::format("samples {} and {} are equal, so F has two equal rows for every parameter", equal->first + 1,
                           equal->second + 1),
               {{"samples", std::vector<std::size_t>{equal->first, equal->second}}});
}

// The linear node that reads the data, where the claimed node is an activation on it.
const Node* first_linear(const Instance& instance, std::size_t node) {
  const Node& output = instance.network.node(node);
  if (!std::holds_alternative<ActivationSpec>(output.spec)) return nullptr;
  const Node& map = instance.network.node(output.inputs[0]);
  const bool first = std::holds_alternative<LinearSpec>(map.spec) && map.inputs == std::vector<std::size_t>{0};
  return first ? &map : nullptr;
}

std::optional<Outcome> by_patch_contents(const Instance& instance, std::size_t node) {
  const Node* map = first_linear(instance, node);
  if (map == nullptr) return std::nullopt;
  const std::size_t most = patch_content_bound(instance.data, *map);
  if (most >= instance.data.size()) return std::nullopt;
  return never(instance.network.node(node), "patch-contents",
               fmt::format("patches take few different contents on the data: F has rank at most {} whatever the "
                           "parameters",
                           most));
}

std::optional<Outcome> by_equal_columns(const Instance& instance, std::size_t node) {
  const Node* map = first_linear(instance, node);
  if (map == nullptr || std::get<LinearSpec>(map->spec).bias == BiasMode::neuron) return std::nullopt;
  const std::size_t columns = distinct_columns(instance.data, *map), n = instance.data.size();
  if (columns >= n) return std::nullopt;
  return never(instance.network.node(node), "equal-columns",
               fmt::format("with tied biases F has at most {} distinct columns for {} samples, whatever the filters",
                           columns, n));
}

// Which neurons of a node depend on these entries of the input alone.
std::vector<bool> determined(const Architecture& network, std::size_t node, const std::vector<bool>& field) {
  std::vector<std::vector<bool>> known(node + 1);
  std::vector<std::int64_t> entries;
  for (std::size_t i : network.ancestors(node)) {
    poll();
    const Node& at = network.node(i);
    std::vector<bool>& here = known[i];
    if (i == 0) {
      here = field;
    } else if (at.patches) {
      const std::size_t each = at.width / at.patches->count();
      for (std::size_t p = 0; p < at.patches->count(); ++p) {
        at.patches->expand(p, entries);
        const bool all = std::all_of(entries.begin(), entries.end(), [&](std::int64_t e) {
          return e == kPadding || known[at.inputs[0]][static_cast<std::size_t>(e)];
        });
        here.insert(here.end(), each, all);
      }
    } else {
      here.assign(at.width, true);
      for (std::size_t n = 0; n < at.inputs.size(); ++n)
        for (std::size_t h = 0; h < known[at.inputs[n]].size(); ++h)
          if (const std::size_t to = at.place(n, h); to != Node::kNowhere)
            here[to] = here[to] && known[at.inputs[n]][h];
    }
  }
  return known[node];
}

// The entries that are the same in all samples: neurons that see no other ones are constant.
std::optional<Outcome> by_receptive_field(const Instance& instance, std::size_t node) {
  const Dataset& data = instance.data;
  const Node& output = instance.network.node(node);
  if (data.size() == 0) return std::nullopt;
  std::vector<std::size_t> field(data.width());  // those that have not changed so far
  std::iota(field.begin(), field.end(), std::size_t{0});
  std::vector<Integer> first;
  for (std::size_t j : field) first.push_back(data.numerator(0, j));
  for (std::size_t i = 1; i < data.size() && !field.empty(); ++i) {
    if (i % 1'000 == 0) poll();
    std::erase_if(field, [&](std::size_t j) { return data.numerator(i, j) != first[j]; });
  }
  if (field.empty()) return std::nullopt;
  std::vector<bool> constant(data.width(), false);
  for (std::size_t j : field) constant[j] = true;
  const auto here = determined(instance.network, node, constant);
  const auto neurons = static_cast<std::size_t>(std::count(here.begin(), here.end(), true));
  if (neurons == 0 || output.width - neurons + 1 >= data.size()) return std::nullopt;
  return never(output, "receptive-field",
               fmt::format("{} of the {} neurons see nothing but {} inputs that are the same in all samples, and are "
                           "constant whatever the parameters: F has rank at most {}",
                           neurons, output.width, field.size(), output.width - neurons + 1),
               {{"fields", std::vector<Value>{Value(field)}}});
}

}  // namespace

std::vector<std::size_t> affine_dimensions(const Architecture& network, std::size_t node) {
  std::vector<std::size_t> dimension(node + 1, 0);
  for (std::size_t i : network.ancestors(node)) {
    const Node& at = network.node(i);
    dimension[i] = at.width + 1;
    const auto* activation = std::get_if<ActivationSpec>(&at.spec);
    const auto* pool = std::get_if<PoolSpec>(&at.spec);
    const bool bends = (activation && activation->function.kind != ActivationKind::identity) ||
                       (pool && pool->kind == PoolSpec::Kind::max);
    if (i == 0 || bends) continue;
    // The constants are counted once.
    std::size_t incoming = 1;
    for (std::size_t input : at.inputs) incoming += dimension[input] - 1;
    dimension[i] = std::min(dimension[i], incoming);
  }
  return dimension;
}

std::optional<Outcome> find_never_independent(const Instance& instance, std::size_t node) {
  for (const auto& by :
       {by_width, by_affine_dimension, by_equal_samples, by_patch_contents, by_equal_columns, by_receptive_field}) {
    if (auto outcome = by(instance, node)) return outcome;
  }
  return std::nullopt;
}

static Outcome prove_never_independent(const Instance& instance, std::size_t node, const std::string&, const Options&) {
  auto outcome = find_never_independent(instance, node);
  if (!outcome) {
    return undecided("no-structural-reason",
                     "neither the width, nor an affine map through few neurons, nor few patch contents, nor equal "
                     "samples, nor tied columns, nor constant inputs bound the rank");
  }
  // Proving "never independent" turns the refutation of independence into the thing asked for.
  outcome->verdict = Verdict::proved;
  outcome->reason.clear();
  return *outcome;
}

Theorem theorems::never_independent() {
  return {.id = "never-independent",
          .title = "The features are dependent for every parameter",
          .source = "elementary; the converse of the width condition",
          .statement =
              "rank F_k < N whatever the parameters, because the layer has fewer than N neurons, the network "
              "is affine through few neurons up to it, its patches take few different contents on the data, "
              "two samples are equal, or tied biases force equal columns.",
          .hypotheses = {"any architecture"},
          .claims = {"never-independent"},
          .rules = {"width", "affine-dimension", "patch-contents", "equal-samples", "equal-columns", "receptive-field"},
          .reasons = {"no-structural-reason"},
          .read = read_plain<prove_never_independent>};
}

}  // namespace widecert
