#include "proofs/critical/at_point.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proofs/critical/better.h"
#include "proofs/interpolation/exact.h"
#include "proofs/output.h"

namespace widecert {
namespace {

struct Asked {
  std::size_t node, output;
  std::string claim;
  PointSpec parameters;
  TargetsSpec targets;
  LossSpec loss;
  std::optional<BetterEntry> better;
};

// A tensor that is free and whose gradient is not 0; empty if there is none.
std::string moving_tensor(const Architecture& network, const Parameters<Ln2>& gradient) {
  const auto zero = [](const std::vector<Ln2>& row) {
    return std::all_of(row.begin(), row.end(), [](const Ln2& v) { return v.is_zero(); });
  };
  for (const auto& [i, sum] : gradient) {
    const auto& spec = std::get<LinearSpec>(network.node(i).spec);
    if (!spec.frozen_weights && !std::all_of(sum.weights.begin(), sum.weights.end(), zero))
      return "weights of " + network.node(i).name;
    if (spec.free_bias() && !zero(sum.bias)) return "biases of " + network.node(i).name;
  }
  return "";
}

Outcome prove_at(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  const Node& output = network.node(asked.output);
  std::string why;
  const auto values = exact_values(instance, asked.parameters, asked.output, options, why);
  if (!values) return not_applicable("irrational", why);
  const Ln2Rows residuals = residuals_of(*values, expand_targets(asked.targets, instance.data.size(), output.width));
  const Keys keys{{"output", output.name},
                  {"parameters", asked.parameters},
                  {"targets", asked.targets},
                  {"loss", loss_value(asked.loss)}};
  if (asked.claim == "global-minimum-at") {
    if (!has_least_loss(asked.loss, residuals))
      return undecided("rows-differ", "the loss is not the least possible one on every sample");
    return proved("the loss has its least possible value on every sample",
                  {{Claim("global-minimum-at", keys), Proof("exact-forward")}});
  }
  std::string moving;
  try {
    const Parameters<Ln2> theta = ln2_parameters(network, asked.parameters, asked.output);
    moving = moving_tensor(
        network, ln2_gradient(network, instance.data, theta, asked.output, loss_derivative(asked.loss, residuals)));
  } catch (const InputError& error) {
    return not_applicable("not-differentiable", error.what());
  }
  if (!moving.empty()) return undecided("gradient", "no critical point: a derivative for the " + moving + " is not 0");
  if (asked.claim == "critical-at") {
    return proved("all derivatives for free tensors are 0",
                  {{Claim("critical-at", keys), Proof("exact-backpropagation")}});
  }
  const Ln2 phi = loss_of(asked.loss, residuals);
  const auto claim = [&](const Keys& better) {
    Keys all = keys;
    all.insert(all.end(), better.begin(), better.end());
    return Claim("critical-not-global", all);
  };
  Outcome failed;
  const auto better =
      find_better(instance, *asked.better, asked.output, asked.targets, asked.loss, phi, claim, options, failed);
  if (!better) return failed;
  return proved(
      fmt::format("all derivatives for free tensors are 0, Phi is about {:.6g}; {}", phi.near_double(), better->text),
      {{claim(better->claim), Proof("exact-backpropagation", better->proof)}});
}

Prover read_point_entry(const Entry& entry) {
  const auto parameters = read_parameters(entry);
  const auto targets = entry.json.find("targets"), loss = entry.json.find("loss");
  const std::size_t output = read_output(entry);
  auto better = read_better(entry, entry.claim == "critical-not-global");
  if (!parameters || !targets)
    throw InputError(entry.json.place() + ": " + entry.claim + " needs \"parameters\" and \"targets\"");
  Asked asked{entry.node, output, entry.claim, *parameters, read_targets(*targets), {}, std::move(better)};
  if (loss) asked.loss = read_loss(*loss);
  return [asked](const Instance& instance, const Options& options) { return prove_at(instance, asked, options); };
}

}  // namespace

Theorem theorems::critical_point() {
  return {
      .id = "critical-point",
      .title = "A critical point, exactly",
      .source = "Nguyen & Hein, ICML 2017, Lemma 2.1; ICML 2018, Lemma H.1; counterexamples to printed statements",
      .statement =
          "At the given parameters, whose values are in Q[ln 2], all derivatives of Phi for the free tensors are 0, "
          "shared filters and tied biases summed over their uses; and another point has a smaller Phi, so that this "
          "critical point is no global minimum. Or the point is a global minimum, sample by sample.",
      .hypotheses = {"values in Q[ln 2]: relu, leaky-relu, identity off kinks, sigmoid and tanh at multiples of ln 2"},
      .claims = {"critical-at", "critical-not-global", "global-minimum-at"},
      .rules = {"exact-backpropagation", "exact-forward"},
      .reasons = {"irrational", "not-differentiable", "gradient", "rows-differ", "not-better", "zero-loss"},
      .keys = {kOutputKey,
               {"parameters", "tensors of the linear nodes up to the output"},
               kTargetsKey,
               kLossKey,
               kBetterKey,
               kZeroLossKey},
      .read = read_point_entry};
}

}  // namespace widecert
