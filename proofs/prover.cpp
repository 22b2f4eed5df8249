#include "proofs/prover.h"

#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

namespace widecert {

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::proved:
      return "proved";
    case Verdict::refuted:
      return "refuted";
    case Verdict::undecided:
      return "undecided";
    case Verdict::not_applicable:
      return "not applicable";
    case Verdict::recomputed:
      return "recomputed";
  }
  throw InternalError("unknown verdict");
}

namespace {

Outcome outcome(Verdict verdict, std::string reason, std::string explanation, std::vector<Finding> findings) {
  Outcome made;
  made.verdict = verdict;
  made.reason = std::move(reason);
  made.explanation = std::move(explanation);
  made.findings = std::move(findings);
  return made;
}

}  // namespace

Outcome proved(std::string explanation, std::vector<Finding> findings) {
  return outcome(Verdict::proved, "", std::move(explanation), std::move(findings));
}

Outcome refuted(std::string reason, std::string explanation, std::vector<Finding> findings) {
  return outcome(Verdict::refuted, std::move(reason), std::move(explanation), std::move(findings));
}

Outcome undecided(std::string reason, std::string explanation) {
  return outcome(Verdict::undecided, std::move(reason), std::move(explanation), {});
}

Outcome not_applicable(std::string reason, std::string explanation, std::vector<Finding> findings) {
  return outcome(Verdict::not_applicable, std::move(reason), std::move(explanation), std::move(findings));
}

std::optional<PointSpec> read_parameters(const Entry& entry) {
  const auto point = entry.json.find("parameters");
  return point ? std::optional(read_point(*point)) : std::nullopt;
}

std::string Attachment::sha256() const { return to_hex(widecert::sha256(bytes)); }

Attachment attachment(const Options& options, const std::string& name, const NpyIntegers& array) {
  return {options.file_prefix + name + ".npy", npy_bytes(array)};
}

}  // namespace widecert
