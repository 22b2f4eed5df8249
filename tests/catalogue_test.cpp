// The catalogue against documentation, cases and the provers: entries, bytes, words.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "catch.h"
#include "loaded_case.h"
#include "shell.h"

using namespace widecert;
using test::Loaded, test::open_case;

TEST_CASE("the same seed gives the same bytes, another seed another family") {
  const Loaded c = open_case("small/sigmoid-deep");
  const auto bytes = [&](std::uint64_t seed) {
    Options options;
    options.seed = seed;
    const Outcome outcome = c.file.entries[0].task.prove(c.instance, options);
    ClaimFile claim{c.instance.network, c.instance.data_spec, {}};
    std::vector<Proof> proofs;
    for (const Finding& f : outcome.findings) {
      claim.claims.push_back(f.claim);
      proofs.push_back(f.proof);
    }
    const std::string text = claim_text(claim);
    return text + certificate_text(text, proofs);
  };
  CHECK(bytes(1) == bytes(1));
  CHECK(bytes(1) != bytes(2));
}

TEST_CASE("claims and certificates are read back as written") {
  for (const char* name : {"small/relu-dense", "small/gelu-deep", "counterexamples/identical-patches",
                           "counterexamples/duplicated-sample", "counterexamples/tied-equal-patches"}) {
    const Loaded c = open_case(name);
    ClaimFile claim{c.instance.network, c.instance.data_spec, {}};
    std::vector<Proof> proofs;
    for (const CaseEntry& entry : c.file.entries) {
      for (const Finding& f : entry.task.prove(c.instance, {}).findings) {
        claim.claims.push_back(f.claim);
        proofs.push_back(f.proof);
      }
    }
    const std::string text = claim_text(claim), certificate = certificate_text(text, proofs);
    INFO(name);
    CHECK(claim_text(parse_claim(text, "claim")) == text);
    CHECK(certificate_text(text, parse_certificate(certificate, "certificate")) == certificate);
  }
}

TEST_CASE("every theorem, claim and rule of the catalogue stands in the documentation") {
  const auto pages = [](const char* folder) {
    std::string text;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(test::source() + folder)) {
      if (entry.path().extension() == ".md") text += test::slurp(entry.path().string());
    }
    return text;
  };
  const std::string proofs = pages("/proofs"), format = pages("/tools/widecheck");
  for (const Theorem& entry : catalogue()) {
    INFO(entry.id);
    CHECK(proofs.find("`" + entry.id + "`") != std::string::npos);
    std::vector<std::string> claims = entry.claims;
    claims.insert(claims.end(), entry.side_claims.begin(), entry.side_claims.end());
    for (const std::string& claim : claims) {
      INFO(claim);
      CHECK(proofs.find("`" + claim + "`") != std::string::npos);
      CHECK(format.find("`" + claim + "`") != std::string::npos);
    }
    for (const std::string& rule : entry.rules) {
      INFO(rule);
      CHECK(proofs.find("`" + rule + "`") != std::string::npos);
      CHECK(format.find("### " + rule) != std::string::npos);
    }
    for (const std::string& reason : entry.reasons) {
      INFO(reason);
      CHECK(proofs.find("`" + reason + "`") != std::string::npos);
    }
  }
}

namespace {

// The keys without which an entry for a claim is refused.
std::vector<std::string> needed(const std::string& claim) {
  for (const char* kind : {"gradient-enclosure", "interpolates", "not-interpolable", "zero-loss-at"})
    if (claim == kind) return {"targets"};
  for (const char* kind :
       {"zero-loss-nearby", "gradient-flow-converges", "critical-at", "global-minimum-at", "local-minimum"})
    if (claim == kind) return {"targets", "parameters"};
  for (const char* kind : {"critical-not-global", "local-minimum-not-global"})
    if (claim == kind) return {"targets", "parameters", "better"};
  if (claim == "joined") return {"from", "to"};
  if (claim == "descends") return {"from"};
  if (claim == "path-below") return {"targets", "from", "to"};
  if (claim == "descends-to") return {"targets", "from"};
  if (claim == "max-loss-on-path") return {"targets", "from", "corners"};
  if (claim == "level-component-unbounded") return {"from"};
  if (claim == "regions-connected") return {"parameters"};
  if (claim == "component-count") return {"parameters", "class"};
  if (claim == "slice-component-count") return {"parameters", "class", "plane"};
  for (const char* kind : {"path-in-region", "disconnected"})
    if (claim == kind) return {"parameters", "class", "points"};
  if (claim == "not-joined") return {"targets", "from", "to"};
  if (claim == "bad-valley") return {"targets", "parameters", "better"};
  if (claim == "no-local-maximum") return {"loss"};
  for (const char* kind : {"separable-at", "not-separable-at"})
    if (claim == kind) return {"classes", "parameters"};
  return {};
}

}  // namespace

TEST_CASE("an entry may say what the catalogue lists, and nothing else") {
  Architecture network("x", {2});
  LinearSpec dense;
  dense.form = DenseSpec{3};
  network.add("dense1", dense, {"x"});
  network.add("sigmoid1", ActivationSpec{{ActivationKind::sigmoid, 1}}, {"dense1"});
  network.add("dense2", dense, {"sigmoid1"});
  for (const Theorem& theorem : catalogue()) {
    for (const std::string& claim : theorem.claims) {
      INFO(theorem.id << " " << claim);
      Json json{{"theorem", theorem.id}, {"node", theorem.needs_data ? "sigmoid1" : "dense1"}, {"claim", claim}};
      for (const std::string& key : needed(claim)) {
        if (key == "targets") json[key] = {{"fill", 0}};
        if (key == "loss") json[key] = "square";
        if (key == "classes") json[key] = {0, 1};
        if (key == "class") json[key] = 0;
        if (key == "plane") json[key] = {{"origin", {{"fill", 0}}}, {"u", {{"fill", 1}}}, {"v", {{"fill", 2}}}};
        if (key == "points") json[key] = {{{"fill", 0}}, {{"fill", 1}}};
        if (key == "corners") json[key] = {{{"dense1", {{"weights", {{"fill", 0}}}, {"bias", {{"fill", 0}}}}}}};
        if (key == "parameters" || key == "better" || key == "from" || key == "to") {
          for (const char* layer : {"dense1", "dense2"})
            json[key][layer] = {{"weights", {{"fill", 0}}}, {"bias", {{"fill", 0}}}};
        }
      }
      JsonReader in(json, "entry");
      CHECK_NOTHROW(read_entry(in, network));
      std::set<std::string> expected{"theorem", "node", "claim"};
      for (const auto& [key, meaning] : theorem.keys) expected.insert(key);
      CHECK(in.asked() == expected);
    }
  }
}
