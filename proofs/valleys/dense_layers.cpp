#include "proofs/valleys/dense_layers.h"

#include <fmt/format.h>
#include <widecert/network/exact_forward.h>

#include "proofs/generic/feature_rank.h"
#include "proofs/interpolation/full_row_rank.h"
#include "proofs/singular/singular_values.h"

namespace widecert {
namespace {

bool is_step(const Activation& f) { return !facts(f.kind).continuous; }

}  // namespace

DenseLayers::DenseLayers(const Instance& instance, std::size_t base, std::size_t output)
    : instance_(instance), base_(base), output_(output) {
  const Architecture& network = instance.network;
  std::string why;
  const auto above = layers_above(network, base, output, why);
  if (!above) throw not_applicable("not-a-chain", why);
  above_ = *above;
  for (std::size_t l = 1; l <= layers(); ++l) {
    if (auto obstacle = not_solvable(network, above_.linear[l - 1])) throw *obstacle;
    const auto& spec = std::get<LinearSpec>(linear(l).spec);
    if (spec.frozen_weights || spec.frozen_bias)
      throw not_applicable("frozen", fmt::format("layer {} has frozen tensors", linear(l).name));
  }
}

std::size_t DenseLayers::values(std::size_t l) const {
  return l == 0 ? base_ : l == layers() ? output_ : above_.activation[l - 1];
}
bool DenseLayers::has_biases(std::size_t l) const { return std::get<LinearSpec>(linear(l).spec).free_bias(); }
const Activation& DenseLayers::function(std::size_t l) const {
  return std::get<ActivationSpec>(instance_.network.node(values(l)).spec).function;
}

std::optional<Outcome> DenseLayers::too_narrow(std::size_t l, std::size_t columns) const {
  if (this->columns(l) >= columns) return std::nullopt;
  return not_applicable(
      "width", fmt::format("layer {} has {} neurons{}; {} are needed", instance_.network.node(values(l)).name, width(l),
                           has_biases(l + 1) ? ", and 1 for the biases above" : "", columns));
}

std::optional<Outcome> DenseLayers::not_wide(std::size_t k, std::size_t columns, bool monotone) const {
  for (std::size_t l = 1; l <= k; ++l) {
    const Activation& f = function(l);
    if (monotone && l < k && facts(f.kind).continuous && injective(f)) continue;
    if (!has_biases(l))
      return not_applicable("free-biases", fmt::format("layer {} has no free biases", linear(l).name));
    if (is_step(f) || !translate_independent(f)) {
      return not_applicable("activation", fmt::format("{} is not continuous with independent translates", describe(f)));
    }
    if (auto narrow = too_narrow(l, columns)) return narrow;
  }
  return not_narrowing(k);
}

std::optional<Outcome> DenseLayers::not_narrowing(std::size_t k) const {
  for (std::size_t l = k + 1; k + 1 < layers() && l <= layers(); ++l) {
    if (l > k + 1 && width(l) >= width(l - 1)) {
      return not_applicable("not-decreasing",
                            fmt::format("layer {} with {} neurons is not narrower than the layer below it, with {}",
                                        linear(l).name, width(l), width(l - 1)));
    }
    if (l < layers() && !homeomorphism(function(l)))
      return not_applicable("not-onto", fmt::format("{} is not a homeomorphism of R", describe(function(l))));
  }
  return std::nullopt;
}

std::optional<PointRank> rank_at_point(const Instance& instance, const DenseLayers& layers, std::size_t l,
                                       const PointSpec& point, const Claim& outer, const Options& options,
                                       Outcome& failed) {
  const Architecture& network = instance.network;
  const std::size_t node = layers.values(l), n = layers.samples();
  const std::string& name = network.node(node).name;
  if (auto narrow = layers.too_narrow(l, n)) {
    failed = *narrow;
    return std::nullopt;
  }
  Options inner = options;
  inner.bound_text = [&](const Claim&) { return options.bound_text(outer); };
  const auto as_rank = [](const Finding& f, std::string text) {
    return PointRank{Value::object({{"claim", f.claim}, {"proof", f.proof}}), std::move(text)};
  };
  const PointSpec below = point_below(network, point, node);
  std::string why = "it has fewer than N neurons";
  if (layers.width(l) >= n && rational_valued(network, node)) {
    const Claim claim = independent_at(name, n, below);
    const EvidenceOutcome found = find_evidence(network, below, instance.data, node, claim, false, inner);
    if (found.evidence)
      return as_rank({claim, exact_rank(*found.evidence)}, fmt::format("rank F({}) = N modulo {}", name, found.prime));
    why = fmt::format("rank F({}) is {} modulo {}", name, found.rank, found.prime);
  } else if (layers.width(l) >= n) {
    const Outcome found = independent_by_bounds(instance, node, below, inner);
    if (found.verdict == Verdict::proved) return as_rank(found.findings.front(), found.explanation);
    why = found.explanation;
  }
  if (layers.has_biases(l + 1)) {
    const Outcome found = bounds_with_ones(instance, node, below, inner);
    const auto low = found.numbers.find("sigma_min_low");
    if (found.verdict == Verdict::proved && low != found.numbers.end() && low->second > 0)
      return as_rank(found.findings.front(), found.explanation);
    why += "; of [F, 1]: " + found.explanation;
  }
  failed = undecided("rank", fmt::format("rank N of layer {} is not shown there: {}", name, why));
  return std::nullopt;
}

}  // namespace widecert
