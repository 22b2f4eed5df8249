// A case proved, written and checked: what prove and regress share.
#pragma once

#include "proofs/case_file.h"

#include <string>
#include <vector>

#include "checker.h"

namespace widecert::tool {

struct Proved {
  CaseFile file;
  std::size_t samples = 0;
  std::string data = {};                                          // the data set in words, all of it
  std::vector<std::pair<std::string, std::string>> tensors = {};  // that come from files, and how they were read
  std::vector<Outcome> outcomes = {};
  std::vector<std::vector<std::size_t>> places = {};  // of each finding in the claim file, per outcome
  std::string claim_path = {};                        // empty if there was nothing to claim
  CheckerResult check = {};

  // The checker found the claims too large, or their checking too long: neither accepted nor rejected.
  bool too_large() const {
    const std::string reason = check.report.is_object() ? check.report.value("reason", "") : "";
    return check.exit == kMalformed && (reason == "too-large" || reason == "time");
  }
  // The checker's line on a claim; null if it never came to it.
  Json line(std::size_t place) const {
    const Json lines = check.report.value("claims", Json::array());
    return place < lines.size() ? lines[place] : Json();
  }
  bool accepted(std::size_t k) const {
    return std::all_of(places[k].begin(), places[k].end(), [&](std::size_t place) {
      const Json l = line(place);
      return !l.is_null() &&
             (l["verdict"] == "PROVED" || (outcomes[k].verdict == Verdict::recomputed && l["verdict"] == "RECOMPUTED"));
    });
  }
  // What counts: a verdict holds only if the checker accepts every claim behind it.
  int exit_of(std::size_t k) const {
    const Outcome& outcome = outcomes[k];
    if (!outcome.findings.empty() && !accepted(k)) return too_large() ? kUndecided : kRejected;
    switch (outcome.verdict) {
      case Verdict::proved:
        return outcome.findings.empty() ? kUndecided : kProved;
      case Verdict::refuted:
        return outcome.findings.empty() ? kUndecided : kRefuted;
      default:
        return kUndecided;
    }
  }
};

// Proves every entry of the case, writes NAME.claim.json and NAME.cert.json into `output` (nothing
// if there is nothing to claim) and runs the checker on them.
Proved prove_case(const Common& common, const std::string& path, const std::string& output);

}  // namespace widecert::tool
