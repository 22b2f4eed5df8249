#include "proofs/dependent/dependent_at.h"

#include <fmt/format.h>
#include <widecert/linalg/left_kernel.h>
#include <widecert/network/feature_rows.h>

#include <algorithm>
#include <numeric>

#include "proofs/dependent/never_independent.h"

namespace widecert {
namespace {

// A left kernel is looked for up to this many entries, and so many products of 64-bit words (some
// minutes, which cannot be interrupted).
constexpr std::size_t kMostKernelEntries = 16'000'000;
constexpr double kMostKernelWords = 5e9;

// The most dimensions that the features can span, given on which side of their kink units are on all
// samples: dead units are 0, units on a linear side are affine in what enters them. Nothing unless the
// node is relu or leaky relu on a linear node.
std::optional<std::size_t> dimensions_at(const Instance& instance, std::size_t node, const PointSpec& point) {
  const Architecture& network = instance.network;
  const auto* activation = std::get_if<ActivationSpec>(&network.node(node).spec);
  if (activation == nullptr) return std::nullopt;
  const std::size_t map = network.node(node).inputs[0];
  const auto kind = activation->function.kind;
  if (!std::holds_alternative<LinearSpec>(network.node(map).spec) ||
      (kind != ActivationKind::relu && kind != ActivationKind::leaky_relu)) {
    return std::nullopt;
  }
  const ExactForward forward(network, integer_point(network, point, map), map, instance.data.divisor(),
                             instance.data.largest());
  std::vector<bool> never_above(network.node(node).width, true), never_below = never_above;
  for (std::size_t i = 0; i < instance.data.size(); ++i) {
    const std::vector<Integer> g = exact_values(forward, instance.data, i);
    for (std::size_t h = 0; h < g.size(); ++h) {
      if (g[h] > 0) never_above[h] = false;
      if (g[h] < 0) never_below[h] = false;
    }
  }
  std::size_t affine = 0, bent = 0;
  for (std::size_t h = 0; h < never_above.size(); ++h) {
    const bool linear = never_below[h] || (never_above[h] && kind == ActivationKind::leaky_relu);
    affine += linear ? 1 : 0;
    bent += linear || never_above[h] ? 0 : 1;
  }
  return std::min(affine, affine_dimensions(network, map)[map]) + bent;
}

}  // namespace

std::optional<Finding> find_dependence(const Instance& instance, std::size_t node, const PointSpec& point,
                                       std::string& why, const Options& options) {
  const Node& output = instance.network.node(node);
  const std::size_t n = instance.data.size();
  const auto finding = [&](Proof proof) {
    return Finding{Claim("dependent-at", {{"node", output.name}, {"parameters", point}}), std::move(proof)};
  };
  if (output.width < n) {
    why = fmt::format("layer {} has only {} neurons", output.name, output.width);
    return finding(Proof("width"));
  }
  if (affine_dimensions(instance.network, node)[node] < n) {
    why = "an affine map through few neurons";
    return finding(Proof("affine-dimension"));
  }
  if (const auto most = dimensions_at(instance, node, point); most && *most < n) {
    why = fmt::format("units without a kink leave at most {} dimensions", *most);
    return finding(Proof("units-without-kinks"));
  }
  if (n > kMostKernelEntries / output.width) return std::nullopt;
  const ExactForward forward(instance.network, integer_point(instance.network, point, node), node,
                             instance.data.divisor(), instance.data.largest());
  std::vector<std::vector<Integer>> rows;
  for (std::size_t i = 0; i < n; ++i) {
    if (i % 64 == 0) options.progress("features", i, n);
    rows.push_back(exact_values(forward, instance.data, i));
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return rows[a] != rows[b] ? rows[a] < rows[b] : a < b; });
  for (std::size_t k = 1; k < n; ++k) {
    if (rows[order[k - 1]] != rows[order[k]]) continue;
    why = fmt::format("samples {} and {} have equal features", order[k - 1] + 1, order[k] + 1);
    return finding(Proof("equal-rows", {{"samples", std::vector<std::size_t>{order[k - 1], order[k]}}}));
  }
  const double bits = 1 + static_cast<double>(msb(Integer(forward.bound() + 1))), size = static_cast<double>(n);
  if (size * size * size * bits / 64 > kMostKernelWords) {
    why = fmt::format("a left kernel of {} rows of {}-bit numbers is not looked for", n, bits);
    return std::nullopt;
  }
  options.progress("left kernel", 0, 1);
  auto kernel = left_kernel_vector(rows);
  if (!kernel) return std::nullopt;
  const auto used = std::count_if(kernel->begin(), kernel->end(), [](const Integer& v) { return v != 0; });
  why = fmt::format("an integer combination of {} rows vanishes", used);
  return finding(Proof("left-kernel", {{"v", *kernel}}));
}

}  // namespace widecert
