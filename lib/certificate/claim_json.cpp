// The two files, claim and certificate, and the witness.
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>
#include <widecert/number/sha256.h>

namespace widecert {
namespace {

void check_header(JsonReader& in, const char* format) {
  if (in.get("format").text() != format) in.get("format").fail('"' + std::string(format) + '"');
  if (in.get("version").integer(0, 1'000'000) != 1) in.get("version").fail("version 1");
}

}  // namespace

std::string claim_text(const ClaimFile& claim) {
  Json out{{"format", "widecert-claim"},
           {"version", 1},
           {"network", to_json(claim.network)},
           {"data", to_json(claim.data)},
           {"claims", Json::array()}};
  for (const Property& property : claim.properties) out["claims"].push_back(property_json(property));
  return to_text(out);
}

std::string certificate_text(const std::string& claim, const std::vector<Proof>& proofs) {
  Json out{{"format", "widecert-certificate"},
           {"version", 1},
           {"claim_sha256", to_hex(sha256(claim))},
           {"proofs", Json::array()}};
  for (const Proof& proof : proofs) out["proofs"].push_back(proof_json(proof));
  return to_text(out);
}

ClaimFile parse_claim(const std::string& text, const std::string& file) {
  const Json json = parse_json(text, file);
  JsonReader in(json, file);
  check_header(in, "widecert-claim");
  ClaimFile claim{read_network(in.get("network")), read_dataset(in.get("data")), {}};
  for (const JsonReader& property : in.get("claims").list()) {
    claim.properties.push_back(read_property(property));
  }
  in.done();
  if (claim.properties.empty()) throw InputError(file + ": the file claims nothing");
  return claim;
}

std::vector<Proof> parse_certificate(const std::string& text, const std::string& file) {
  const Json json = parse_json(text, file);
  JsonReader in(json, file);
  check_header(in, "widecert-certificate");
  in.get("claim_sha256").text();
  std::vector<Proof> proofs;
  for (const JsonReader& proof : in.get("proofs").list()) proofs.push_back(read_proof(proof));
  in.done();
  return proofs;
}

std::string witness_text(const Architecture& network, const Family& family, const Rational& alpha) {
  Json nodes = Json::object();
  for (const auto& [name, node] : family) {
    const std::size_t index = network.index_of(name);
    const auto combine = [&](const TensorSpec& constant, const TensorSpec& slope,
                             const TensorShape& shape) {
      Tensor value = expand(constant, shape, name);
      const Tensor step = expand(slope, shape, name);
      Json rows = Json::array();
      for (std::size_t r = 0; r < shape.size(); ++r) {
        Json row = Json::array();
        for (std::size_t c = 0; c < shape[r]; ++c) {
          row.push_back(widecert::to_json(Rational(value[r][c] + alpha * step[r][c])));
        }
        rows.push_back(row);
      }
      return rows;
    };
    Json& out = nodes[name];
    out["weights"] =
        combine(*node.constant.weights, *node.slope.weights, network.weights_shape(index));
    if (node.constant.bias && node.slope.bias) {
      out["bias"] = combine(*node.constant.bias, *node.slope.bias, network.bias_shape(index));
    }
  }
  return to_text(Json{{"format", "widecert-witness"},
                      {"version", 1},
                      {"alpha", widecert::to_json(alpha)},
                      {"parameters", nodes}});
}

}  // namespace widecert
