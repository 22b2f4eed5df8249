#include "proofs/interpolation/interpolation.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/linalg/left_kernel.h>
#include <widecert/number/error.h>

#include <algorithm>

#include "proofs/generic/feature_rank.h"
#include "proofs/interpolation/exact.h"
#include "proofs/interpolation/full_row_rank.h"
#include "proofs/output.h"

namespace widecert {
namespace {

struct Asked {
  std::size_t node, output;
  std::string claim;
  std::optional<Task> rank;
  std::optional<PointSpec> parameters;
  std::optional<TargetsSpec> targets;
};

std::optional<Outcome> not_above(const Architecture& network, const Asked& asked) {
  if (auto obstacle = not_solvable(network, asked.output)) return obstacle;
  if (network.node(asked.output).inputs[0] == asked.node) return std::nullopt;
  return not_applicable("layer-kind", fmt::format("layer {} does not read layer {}", network.node(asked.output).name,
                                                  network.node(asked.node).name));
}

Outcome every_target(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  const Node &layer = network.node(asked.node), &output = network.node(asked.output);
  const auto claim = [&](const Claim& rank) {
    return Claim("interpolates-every-target", {{"node", layer.name}, {"output", output.name}, {"rank", rank}});
  };
  Outcome failed;
  auto rank = full_row_rank(instance, *asked.rank, claim, options, failed);
  if (!rank) return failed;
  const bool bias = std::get<LinearSpec>(output.spec).free_bias();
  if (rank->with_ones && !bias) {
    return not_applicable("free-biases",
                          fmt::format("rank [F, 1] = N is enough only with free biases of layer {}", output.name));
  }
  const std::size_t freedom = layer.width + (bias ? 1 : 0) - instance.data.size();
  Outcome outcome =
      proved(fmt::format("for every Y the weights of {} with F_L = Y are an affine space of dimension {}; "
                         "{}",
                         output.name, freedom * output.width, rank->explanation),
             {{claim(rank->finding.claim), Proof("full-row-rank", {{"rank", rank->finding.proof}})}});
  outcome.files = std::move(rank->files);
  return outcome;
}

Finding not_interpolable(const Instance& instance, const Asked& asked, const PointSpec& below,
                         const std::vector<Integer>& v) {
  const Architecture& network = instance.network;
  return {Claim("not-interpolable", {{"node", network.node(asked.node).name},
                                     {"output", network.node(asked.output).name},
                                     {"parameters", below},
                                     {"targets", *asked.targets}}),
          Proof("kernel-of-features", {{"vector", v}})};
}

// v with v^T [F, 1] = 0 (v^T F = 0 without bias) and v^T Y != 0, if there is one; F over Q[ln 2], power by power.
std::optional<std::vector<Integer>> separating_vector(const Architecture& network, const Asked& asked,
                                                      const Ln2Rows& features, const Tensor& targets) {
  std::size_t powers = 1;
  Integer common = 1;
  for (const auto& row : features) {
    for (const Ln2& v : row) {
      powers = std::max(powers, v.coefficients().size());
      for (const Rational& q : v.coefficients()) common = lcm(common, Integer(denominator(q)));
    }
  }
  IntegerRows a;
  for (const auto& row : features) {
    auto& out = a.emplace_back();
    for (const Ln2& v : row) {
      for (std::size_t e = 0; e < powers; ++e) {
        const Rational q = e < v.coefficients().size() ? v.coefficients()[e] : Rational(0);
        out.push_back(numerator(Rational(q * common)));
      }
    }
    if (std::get<LinearSpec>(network.node(asked.output).spec).bias != BiasMode::none) out.push_back(1);
  }
  const auto kernel = left_kernel(a, a.size());
  if (!kernel) return std::nullopt;
  for (const auto& v : kernel->basis) {
    for (std::size_t h = 0; h < targets[0].size(); ++h) {
      Rational sum = 0;
      for (std::size_t i = 0; i < v.size(); ++i) sum += Rational(v[i]) * targets[i][h];
      if (sum != 0) return v;
    }
  }
  return std::nullopt;
}

Outcome at_point(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  const Node &layer = network.node(asked.node), &output = network.node(asked.output);
  const std::size_t n = instance.data.size();
  const Tensor targets = expand_targets(*asked.targets, n, output.width);
  const bool wants_none = asked.claim == "not-interpolable";
  const auto claim = [&](const PointSpec& point) {
    return Finding{
        Claim("interpolates",
              {{"node", layer.name}, {"output", output.name}, {"parameters", point}, {"targets", *asked.targets}}),
        Proof("exact-forward")};
  };
  std::string why;
  if (!wants_none && asked.parameters && speaks_of(*asked.parameters, network, asked.output)) {
    if (auto differs = not_zero_loss(instance, *asked.parameters, asked.output, targets, options)) return *differs;
    return proved("F_L = Y exactly at the given parameters", {claim(*asked.parameters)});
  }
  // The lower layers as given, or chosen for full rank.
  const std::uint64_t attempts = asked.parameters ? 1 : attempts_for(n, layer.width);
  for (std::uint64_t attempt = 0; attempt < attempts; ++attempt) {
    if (!asked.parameters && !rational_valued(network, asked.node)) break;
    PointSpec point = asked.parameters ? point_below(network, *asked.parameters, asked.node)
                                       : choose_point(network, instance.data, asked.node, false, options.seed, attempt);
    const auto features = exact_values(instance, point, asked.node, options, why);
    if (!features) return not_applicable("irrational", why);
    if (!wants_none && all_rational(*features)) {
      if (const auto solved = solve_layer(network, asked.output, *features, targets, Ln2(1), options)) {
        PointSpec all = point;
        all[output.name] = *solved;
        const Witness witness{"parameters with F_L = Y", all, {}, {}};
        std::vector<Attachment> files;
        all[output.name].weights = wide_tensor_for_claim(*solved->weights, output.name + ".weights", options, files);
        Outcome outcome = proved(fmt::format("weights of {} with F_L = Y exactly{}", output.name,
                                             asked.parameters ? "" : ", on features of chosen parameters"),
                                 {claim(all)});
        outcome.witness = witness;
        outcome.files = std::move(files);
        return outcome;
      }
    }
    if (!asked.parameters && attempt + 1 < attempts && !wants_none) continue;
    if (const auto v = separating_vector(network, asked, *features, targets)) {
      const Finding finding = not_interpolable(instance, asked, point, *v);
      const std::string text =
          fmt::format("a combination of {} samples is 0 in F({}) and not in Y",
                      std::count_if(v->begin(), v->end(), [](const Integer& x) { return x != 0; }), layer.name);
      if (wants_none) return proved(text, {finding});
      if (asked.parameters) return refuted("not-interpolable", text, {finding});
    }
  }
  if (wants_none) return undecided("interpolable", "no combination of samples tells Y from what the features reach");
  if (!asked.parameters && !rational_valued(network, asked.node)) {
    return not_applicable("irrational",
                          "no parameters are given, and none are chosen for features that are irrational in general");
  }
  return undecided("rank", fmt::format("rank F({}) = N was not found", layer.name));
}

Prover read(const Entry& entry) {
  Asked asked{entry.node, read_output(entry), entry.claim, {}, read_parameters(entry), {}};
  const auto targets = entry.json.find("targets"), rank = entry.json.find("rank");
  if (entry.claim == "interpolates-every-target") {
    if (targets) throw InputError(targets->place() + ": interpolates-every-target holds for every Y");
    if (asked.parameters) {
      throw InputError(entry.json.place() + ": interpolates-every-target takes \"parameters\" inside \"rank\"");
    }
    asked.rank = read_rank(entry);
  } else {
    if (rank) throw InputError(rank->place() + ": " + entry.claim + " asks for no rank");
    if (!targets) throw InputError(entry.json.place() + ": " + entry.claim + " needs \"targets\"");
    asked.targets = read_targets(*targets);
  }
  return [asked](const Instance& instance, const Options& options) {
    if (auto obstacle = not_above(instance.network, asked)) return *obstacle;
    return asked.rank ? every_target(instance, asked, options) : at_point(instance, asked, options);
  };
}

}  // namespace

Theorem theorems::interpolation() {
  return {
      .id = "corollary-3.6",
      .title = "A wide layer interpolates: F_L = Y for every Y",
      .source = "Nguyen & Hein, ICML 2018, Corollary 3.6",
      .statement =
          "If rank F_k = N, or rank [F_k, 1] = N and the dense output layer above has free biases, then for every Y "
          "its weights with F_L = Y form an affine space of dimension (n_k + beta - N) m, beta = 1 with free biases: "
          "for almost every parameter below, where the rank is. Or such weights, exactly; or an integer vector "
          "v with v^T [F_k, 1] = 0 and v^T Y != 0, so that there are none at these parameters.",
      .hypotheses = {"the output layer is dense, its weights are free, and it reads layer k", "rank F_k = N"},
      .claims = {"interpolates-every-target", "interpolates", "not-interpolable"},
      .rules = {"full-row-rank", "exact-forward", "kernel-of-features"},
      .reasons = {"layer-kind", "frozen", "rank", "free-biases", "irrational", "rows-differ", "not-interpolable",
                  "interpolable"},
      .keys = {kOutputKey,
               kRankKey,
               kTargetsKey,
               {"parameters",
                "for interpolates: up to the layer (the output's weights are solved for) or up to the "
                "output (they are checked); without any, some are chosen for full rank"}},
      .read = read};
}

}  // namespace widecert
