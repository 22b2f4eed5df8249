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
           {"claims", Json::array()}};
  if (claim.data) out["data"] = to_json(*claim.data);
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
  ClaimFile claim{read_network(in.get("network")), std::nullopt, {}};
  if (const auto data = in.find("data")) claim.data = read_dataset(*data);
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

PointSpec point_at(const Architecture& network, const Family& family, const Rational& alpha) {
  PointSpec point;
  for (const auto& [name, node] : family) {
    const std::size_t index = network.index_of(name);
    const auto combine = [&](const TensorSpec& constant, const TensorSpec& slope,
                             const TensorShape& shape) {
      ExplicitTensor sum{expand(constant, shape, name)};
      const Tensor step = expand(slope, shape, name);
      for (std::size_t r = 0; r < shape.size(); ++r)
        for (std::size_t c = 0; c < shape[r]; ++c) sum.rows[r][c] += alpha * step[r][c];
      return sum;
    };
    point[name].weights =
        combine(*node.constant.weights, *node.slope.weights, network.weights_shape(index));
    if (node.constant.bias && node.slope.bias) {
      point[name].bias = combine(*node.constant.bias, *node.slope.bias, network.bias_shape(index));
    }
  }
  return point;
}

std::string witness_text(const Architecture& network, const PointSpec& point,
                         const std::optional<Rational>& alpha) {
  Json nodes = Json::object();
  for (const auto& [name, tensors] : point) {
    const std::size_t index = network.index_of(name);
    const auto rows = [&](const TensorSpec& tensor, const TensorShape& shape) {
      return to_json(TensorSpec(ExplicitTensor{expand(tensor, shape, name)}))["rows"];
    };
    Json& out = nodes[name];
    if (tensors.weights) out["weights"] = rows(*tensors.weights, network.weights_shape(index));
    if (tensors.bias) out["bias"] = rows(*tensors.bias, network.bias_shape(index));
  }
  Json out{{"format", "widecert-witness"}, {"version", 1}, {"parameters", nodes}};
  if (alpha) out["alpha"] = widecert::to_json(*alpha);
  return to_text(out);
}

std::map<std::string, NpyIntegers> witness_arrays(const Architecture& network,
                                                  const PointSpec& point) {
  std::map<std::string, NpyIntegers> arrays;
  for (const auto& [name, tensors] : point) {
    const std::size_t index = network.index_of(name);
    const auto add = [&](const std::string& what, const TensorSpec& spec, const TensorShape& shape) {
      const IntegerTensor tensor = expand_integers(spec, shape, what);
      const std::size_t length = shape.empty() ? 0 : shape.front();
      if (!tensor.is_small() || tensor.divisor >= Integer(1) << 62) {
        throw InputError(what + " has numbers of more than 63 bits; write the witness as .json");
      }
      // Filters of several lengths (banks) stand one after the other.
      const bool even = tensor.small.size() == length * shape.size();
      arrays[what] = {even ? std::vector<std::size_t>{shape.size(), length}
                           : std::vector<std::size_t>{tensor.small.size()},
                      tensor.small};
      arrays[what + ".divisor"] = {{}, {tensor.divisor.convert_to<std::int64_t>()}};
    };
    if (tensors.weights) add(name + ".weights", *tensors.weights, network.weights_shape(index));
    if (tensors.bias) add(name + ".bias", *tensors.bias, network.bias_shape(index));
  }
  return arrays;
}

}  // namespace widecert
