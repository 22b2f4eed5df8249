// widecert prove
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/number/error.h>
#include "proofs/catalogue.h"

#include "proved_case.h"

namespace widecert::tool {
namespace {

void print_proved(const Proved& p) {
  fmt::print("{}\n", bold(p.file.title.empty() ? p.file.name : p.file.title));
  if (!p.file.about.empty()) fmt::print("{}\n", p.file.about);
  for (std::size_t k = 0; k < p.outcomes.size(); ++k) {
    const Outcome& outcome = p.outcomes[k];
    const Request& request = p.file.entries[k].request;
    const bool rejected = p.exit_of(k) == kRejected;
    fmt::print("\n{}  {} at layer {}{}\n",
               rejected ? "REJECTED BY WIDECHECK" : verdict_word(outcome.verdict),
               theorem(request.theorem).title, request.node,
               outcome.reason.empty() ? "" : "  [reason: " + outcome.reason + "]");
    fmt::print("  {}\n", outcome.explanation);
    for (const auto& [name, value] : outcome.ingredients)
      fmt::print("    {:<10} {}\n", name, value);
    for (std::size_t f = 0; f < outcome.findings.size(); ++f) {
      const Json line = p.line(p.places[k][f]);
      if (line.is_null()) {
        fmt::print("  not checked: {}\n", state(outcome.findings[f].property, p.samples));
      } else if (line["verdict"] != "REJECTED") {
        fmt::print("  {}: {}  [rule {}]{}\n", line["verdict"] == "PROVED" ? "checked" : "not proved",
                   line["text"].get<std::string>(),
                   line["rule"].get<std::string>(), error_bound(line));
      } else {
        fmt::print("  REJECTED: {}  [reason: {}]\n", line["text"].get<std::string>(),
                   line.value("reason", ""));
      }
    }
  }
  if (p.claim_path.empty()) {
    fmt::print("\nnothing was claimed, so there is nothing to check\n");
    return;
  }
  if (p.check.report.contains("message")) {
    fmt::print("\nwidecheck: {}\n", p.check.report["message"].get<std::string>());
  }
  fmt::print("\nclaim:        {}\ncertificate:  {}\ntrusted base: {}\n", p.claim_path,
             p.claim_path.substr(0, p.claim_path.size() - 11) + ".cert.json",
             p.check.report["trusted_base"].get<std::string>());
}

Json to_json(const Proved& p) {
  Json out{{"case", p.file.name}, {"samples", p.samples}, {"results", Json::array()}};
  for (std::size_t k = 0; k < p.outcomes.size(); ++k) {
    const Outcome& outcome = p.outcomes[k];
    Json result{{"theorem", p.file.entries[k].request.theorem},
                {"node", p.file.entries[k].request.node},
                {"outcome", to_string(outcome.verdict)},
                {"reason", outcome.reason},
                {"explanation", outcome.explanation},
                {"accepted_by_widecheck", !outcome.findings.empty() && p.accepted(k)},
                {"claims", Json::array()}};
    for (const Finding& finding : outcome.findings) {
      result["claims"].push_back(
          {{"kind", kind_of(finding.property)}, {"statement", state(finding.property, p.samples)}});
    }
    for (const auto& [name, value] : outcome.ingredients) result["ingredients"][name] = value;
    out["results"].push_back(result);
  }
  if (!p.claim_path.empty()) {
    out["claim_file"] = p.claim_path;
    out["widecheck"] = p.check.report;
  }
  return out;
}

// The parameters behind a finding, and what they are.
struct Witness {
  PointSpec point;
  std::optional<Rational> alpha;  // of a family
  std::string what;
};

std::optional<Witness> witness_of(const Architecture& network, const Finding& finding,
                                  const std::string& wanted_alpha) {
  const auto on_ray = [&](const Family& family, const Rational& alpha_0) {
    const Rational alpha = wanted_alpha.empty() ? alpha_0 : parse_rational(wanted_alpha);
    if (alpha < alpha_0) {
      throw InputError("--alpha " + to_string(alpha) + " is below alpha_0 = " + to_string(alpha_0) +
                       "; nothing is proved there");
    }
    return Witness{point_at(network, family, alpha), alpha, "alpha = " + to_string(alpha)};
  };
  if (const auto* ray = std::get_if<IndependentOnRay>(&finding.property)) {
    return on_ray(ray->family, ray->alpha_0);
  }
  if (const auto* from = std::get_if<FromRayProof>(&finding.proof)) {
    return on_ray(from->family, from->alpha_0);
  }
  if (const auto* at = std::get_if<IndependentAt>(&finding.property)) {
    return Witness{at->parameters, {}, "parameters of full rank"};
  }
  if (const auto* at = std::get_if<DependentAt>(&finding.property)) {
    return Witness{at->parameters, {}, "parameters of deficient rank"};
  }
  if (const auto* box = std::get_if<DependentOnOpenSet>(&finding.property)) {
    return Witness{box->centre, {}, "the centre of the box"};
  }
  const auto filters = [&](const std::string& node, const TensorSpec& weights, const char* what) {
    return Witness{PointSpec{{node, NodeTensors{weights, {}}}}, {}, what};
  };
  if (const auto* at = std::get_if<WeightsFullRankAt>(&finding.property)) {
    return filters(at->node, at->weights, "filters of full rank");
  }
  if (const auto* at = std::get_if<WeightsDeficientAt>(&finding.property)) {
    return filters(at->node, at->weights, "filters of deficient rank");
  }
  if (const auto* full = std::get_if<WeightsFullRank>(&finding.property)) {
    if (const auto* modular = std::get_if<ModularProof>(&finding.proof)) {
      return filters(full->node, *modular->weights, "filters of full rank");
    }
    if (const auto* exact = std::get_if<ExactRankProof>(&finding.proof)) {
      return filters(full->node, *exact->weights, "filters of full rank");
    }
  }
  if (const auto* generic = std::get_if<GenericRankProof>(&finding.proof)) {
    return filters(std::get<WeightsGenericRank>(finding.property).node, generic->weights,
                   "filters of the largest rank");
  }
  if (const auto* generic = std::get_if<GenericProof>(&finding.proof)) {
    return Witness{generic->point, {}, std::string("the point of rule ") + rule_name(generic->rule)};
  }
  return std::nullopt;
}

void write_witness(const Proved& p, const ProveOptions& options) {
  for (std::size_t k = 0; k < p.outcomes.size(); ++k) {
    const Outcome& outcome = p.outcomes[k];
    if (outcome.findings.empty() || !p.accepted(k)) continue;
    const auto witness = witness_of(p.file.network, outcome.findings.front(), options.alpha);
    if (!witness) continue;
    if (options.witness.ends_with(".npz")) {
      write_npz(options.witness, witness_arrays(p.file.network, witness->point));
    } else {
      write_atomically(options.witness,
                       witness_text(p.file.network, witness->point, witness->alpha));
    }
    fmt::print(stderr, "witness ({}) written to {}\n", witness->what, options.witness);
    return;
  }
  throw InputError("--witness: nothing that was proved rests on parameters, so there is no witness");
}

}  // namespace

int run_prove(const Common& common, const ProveOptions& options) {
  if (!options.alpha.empty()) parse_rational(options.alpha);  // before any work
  const Proved p = prove_case(common, options.case_path, options.output);
  int exit = kProved;
  for (std::size_t k = 0; k < p.outcomes.size(); ++k) exit = worse(exit, p.exit_of(k));
  if (!p.claim_path.empty()) exit = worse(exit, p.check.exit);
  if (!options.witness.empty()) write_witness(p, options);
  if (common.json) {
    Json out = to_json(p);
    out["exit"] = exit;
    fmt::print("{}", to_text(out));
  } else if (!common.console.quiet) {
    print_proved(p);
  }
  return exit;
}

}  // namespace widecert::tool
