#include <fmt/format.h>
#include <widecert/data/patch_distinctness.h>
#include <widecert/number/parallel.h>
#include "proofs/dependent/never_independent.h"

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
  parallel_for(layout.count(), [&](std::size_t p) {
    contents[p] = count_contents(data, layout.entries(p), map.filters + 1);
  });
  std::size_t most = 1;
  for (std::size_t count : contents) most += std::min(map.filters, count - 1);
  return most;
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

std::optional<Outcome> never_independent(const Instance& instance, std::size_t node) {
  const std::size_t n = instance.data.size();
  const Architecture& network = instance.network;
  const Node& output = network.node(node);
  const auto refuted = [&](std::string reason, std::string why, Proof proof) {
    return Outcome{Verdict::refuted,
                   std::move(reason),
                   std::move(why),
                   {{NeverIndependent{output.name}, std::move(proof)}},
                   {}};
  };
  if (output.width < n) {
    return refuted("width",
                   fmt::format("layer {} has {} neurons for {} samples, so rank F < N for every "
                               "parameter",
                               output.name, output.width, n),
                   WidthProof{});
  }
  if (const std::size_t most = affine_dimensions(network, node)[node]; most < n) {
    return refuted("affine-dimension",
                   fmt::format("up to layer {} the network is affine through few neurons: F and the "
                               "constants span at most {} dimensions, whatever the parameters",
                               output.name, most),
                   AffineDimensionProof{});
  }
  if (const auto equal = find_equal_samples(instance.data)) {
    return refuted("equal-samples",
                   fmt::format("samples {} and {} are equal, so F has two equal rows for every "
                               "parameter",
                               equal->first + 1, equal->second + 1),
                   EqualSamplesProof{equal->first, equal->second});
  }
  if (!std::holds_alternative<ActivationSpec>(output.spec)) return std::nullopt;
  const Node& map = network.node(output.inputs[0]);
  const auto* linear = std::get_if<LinearSpec>(&map.spec);
  if (linear == nullptr || map.inputs != std::vector<std::size_t>{0}) return std::nullopt;
  if (const std::size_t most = patch_content_bound(instance.data, map); most < n) {
    return refuted("patch-contents",
                   fmt::format("patches take few different contents on the data: F has rank at most "
                               "{} whatever the parameters",
                               most),
                   PatchContentsProof{});
  }
  if (linear->bias != BiasMode::neuron) {
    const std::size_t columns = distinct_columns(instance.data, map);
    if (columns < n) {
      return refuted("equal-columns",
                     fmt::format("with tied biases F has at most {} distinct columns for {} "
                                 "samples, whatever the filters",
                                 columns, n),
                     EqualColumnsProof{});
    }
  }
  return std::nullopt;
}

Outcome prove_never_independent(const Instance& instance, const Request& request, const Options&) {
  auto outcome = never_independent(instance, instance.network.index_of(request.node));
  if (!outcome) {
    return {Verdict::undecided,
            "no-structural-reason",
            "neither the width, nor an affine map through few neurons, nor few patch contents, nor "
            "equal samples, nor tied columns bound the rank",
            {},
            {}};
  }
  // Proving "never independent" turns the refutation of independence into the thing asked for.
  outcome->verdict = Verdict::proved;
  outcome->reason.clear();
  return *outcome;
}

}  // namespace widecert
