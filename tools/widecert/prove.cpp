// widecert prove
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/witness_file.h>
#include <widecert/number/error.h>

#include "onnx_file.h"
#include "proved_case.h"

namespace widecert::tool {
namespace {

void print_proved(const Proved& p) {
  fmt::print("{}\n", bold(p.file.title.empty() ? p.file.name : p.file.title));
  if (!p.file.about.empty()) fmt::print("{}\n", p.file.about);
  for (std::size_t k = 0; k < p.outcomes.size(); ++k) {
    const Outcome& outcome = p.outcomes[k];
    const Task& task = p.file.entries[k].task;
    const bool refused = p.too_large() && !outcome.findings.empty(), rejected = p.exit_of(k) == kRejected;
    fmt::print("\n{}  {} at layer {}{}\n",
               refused    ? "NOT CHECKED, TOO LARGE FOR WIDECHECK"
               : rejected ? "REJECTED BY WIDECHECK"
                          : verdict_word(outcome.verdict),
               task.theorem->title, p.file.network.node(task.node).name,
               outcome.reason.empty() ? "" : "  [reason: " + outcome.reason + "]");
    fmt::print("  {}\n", outcome.explanation);
    for (const auto& [name, value] : outcome.ingredients) fmt::print("    {:<10} {}\n", name, value);
    for (std::size_t f = 0; f < outcome.findings.size(); ++f) {
      const Json line = p.line(p.places[k][f]);
      if (line.is_null()) {
        fmt::print("  not checked: {}\n", outcome.findings[f].claim.kind());
      } else if (line["verdict"] != "REJECTED") {
        fmt::print("  {}: {}  [rule {}]{}\n", line["verdict"] == "PROVED" ? "checked" : "not proved",
                   line["text"].get<std::string>(), line["rule"].get<std::string>(), error_bound(line));
      } else {
        fmt::print("  REJECTED: {}  [reason: {}]\n", line["text"].get<std::string>(), line.value("reason", ""));
      }
    }
  }
  fmt::print("\n");
  if (!p.data.empty()) fmt::print("data: {}\n", p.data);
  for (const auto& [name, how] : p.tensors) fmt::print("{}: {}\n", name, how);
  if (p.claim_path.empty()) {
    fmt::print("nothing was claimed, so there is nothing to check\n");
    return;
  }
  if (p.check.report.contains("message")) {
    fmt::print("widecheck: {}\n", p.check.report["message"].get<std::string>());
  }
  fmt::print("claim:        {}\ncertificate:  {}\ntrusted base: {}\n", p.claim_path,
             p.claim_path.substr(0, p.claim_path.size() - 11) + ".cert.json",
             p.check.report["trusted_base"].get<std::string>());
}

Json to_json(const Proved& p) {
  Json out{{"case", p.file.name}, {"samples", p.samples}, {"results", Json::array()}};
  for (std::size_t k = 0; k < p.outcomes.size(); ++k) {
    const Outcome& outcome = p.outcomes[k];
    const Task& task = p.file.entries[k].task;
    Json result{{"theorem", task.theorem->id},
                {"node", p.file.network.node(task.node).name},
                {"outcome", to_string(outcome.verdict)},
                {"reason", outcome.reason},
                {"explanation", outcome.explanation},
                {"numbers", Json::object()},
                {"accepted_by_widecheck", !outcome.findings.empty() && p.accepted(k)},
                {"claims", Json::array()}};
    for (const auto& [name, bound] : outcome.numbers) result["numbers"][name] = to_string(bound);
    for (std::size_t f = 0; f < outcome.findings.size(); ++f) {
      Json claim{{"kind", outcome.findings[f].claim.kind()}};
      // People read the checker's sentence, where it came to it.
      const Json line = p.line(p.places[k][f]);
      if (!line.is_null()) claim["statement"] = line["text"];
      result["claims"].push_back(std::move(claim));
    }
    for (const auto& [name, value] : outcome.ingredients) result["ingredients"][name] = value;
    out["results"].push_back(result);
  }
  if (!p.claim_path.empty()) {
    out["claim_file"] = p.claim_path;
    if (!p.data.empty()) out["data"] = p.data;
    for (const auto& [name, how] : p.tensors) out["tensors"][name] = how;
    out["widecheck"] = p.check.report;
  }
  return out;
}

// The point of a witness, and the alpha of a family: the one that is wanted, alpha_0 if none is.
PointSpec point_of(const Architecture& network, Witness& witness, const std::string& wanted_alpha) {
  if (!witness.alpha_0) return witness.point;
  const Rational alpha = wanted_alpha.empty() ? *witness.alpha_0 : parse_rational(wanted_alpha);
  if (alpha < *witness.alpha_0) {
    throw InputError("--alpha " + to_string(alpha) + " is below alpha_0 = " + to_string(*witness.alpha_0) +
                     "; nothing is proved there");
  }
  witness.alpha_0 = alpha;
  witness.what = "alpha = " + to_string(alpha);
  return point_at(network, witness.family, alpha);
}

void write_witness(const Proved& p, const ProveOptions& options) {
  for (std::size_t k = 0; k < p.outcomes.size(); ++k) {
    const Outcome& outcome = p.outcomes[k];
    if (outcome.findings.empty() || !outcome.witness || !p.accepted(k)) continue;
    Witness witness = *outcome.witness;
    const PointSpec point = point_of(p.file.network, witness, options.alpha);
    if (options.witness.ends_with(".npz")) {
      write_npz(options.witness, witness_arrays(p.file.network, point));
    } else if (options.witness.ends_with(".onnx")) {
      fmt::print(stderr, "{}\n", write_onnx_file(options.witness, p.file.network, point, p.file.entries[k].task.node));
    } else {
      write_atomically(options.witness, witness_text(p.file.network, point, witness.alpha_0));
    }
    fmt::print(stderr, "witness ({}, of {} at {}) written to {}\n", witness.what, p.file.entries[k].task.theorem->id,
               p.file.network.node(p.file.entries[k].task.node).name, options.witness);
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
  if (!p.claim_path.empty()) exit = worse(exit, p.too_large() ? kUndecided : p.check.exit);
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
