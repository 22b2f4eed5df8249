#include <widecert/certificate/claim_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>
#include <widecert/number/sha256.h>

#include <nlohmann/json.hpp>

namespace widecert {
namespace {

void check_header(JsonReader& in, const char* format) {
  if (in.get("format").text() != format) in.get("format").fail('"' + std::string(format) + '"');
  if (in.get("version").integer(0, 1'000'000) != 1) in.get("version").fail("version 1");
}

}  // namespace

std::string claim_text(const ClaimFile& claim) {
  Json out{
      {"format", "widecert-claim"}, {"version", 1}, {"network", to_json(claim.network)}, {"claims", Json::array()}};
  if (claim.data) out["data"] = to_json(*claim.data);
  for (const Claim& one : claim.claims) out["claims"].push_back(one.json());
  return to_text(out);
}

std::string certificate_text(const std::string& claim, const std::vector<Proof>& proofs) {
  Json out{{"format", "widecert-certificate"},
           {"version", 1},
           {"claim_sha256", to_hex(sha256(claim))},
           {"proofs", Json::array()}};
  for (const Proof& proof : proofs) out["proofs"].push_back(proof.json());
  return to_text(out);
}

ClaimFile parse_claim(const std::string& text, const std::string& file) {
  const Json json = parse_json(text, file);
  JsonReader in(json, file);
  check_header(in, "widecert-claim");
  ClaimFile claim{read_network(in.get("network")), std::nullopt, {}};
  if (const auto data = in.find("data")) claim.data = read_dataset(*data);
  for (const JsonReader& one : in.get("claims").list()) claim.claims.emplace_back(one);
  in.done();
  if (claim.claims.empty()) throw InputError(file + ": the file claims nothing");
  return claim;
}

std::vector<Proof> parse_certificate(const std::string& text, const std::string& file) {
  const Json json = parse_json(text, file);
  JsonReader in(json, file);
  check_header(in, "widecert-certificate");
  in.get("claim_sha256").text();
  std::vector<Proof> proofs;
  for (const JsonReader& proof : in.get("proofs").list()) proofs.emplace_back(proof);
  in.done();
  return proofs;
}

}  // namespace widecert
