#include <fmt/format.h>
#include <widecert/certificate/claim.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>
#include <widecert/number/sha256.h>

#include <algorithm>

namespace widecert {
namespace {

// ---- parameters ----

Json to_json(const NodeTensors& tensors) {
  Json out = Json::object();
  if (tensors.weights) out["weights"] = widecert::to_json(*tensors.weights);
  if (tensors.bias) out["bias"] = widecert::to_json(*tensors.bias);
  return out;
}

NodeTensors read_tensors(JsonReader in) {
  NodeTensors tensors;
  if (const auto weights = in.find("weights")) tensors.weights = read_tensor(*weights);
  if (const auto bias = in.find("bias")) tensors.bias = read_tensor(*bias);
  in.done();
  return tensors;
}

// The tensors of a family are all there.
NodeTensors read_weights_and_bias(JsonReader in) {
  in.get("weights");
  return read_tensors(in);
}

Json to_json(const Family& family) {
  Json out = Json::object();
  for (const auto& [name, node] : family) {
    out[name] = Json{{"constant", to_json(node.constant)}, {"slope", to_json(node.slope)}};
  }
  return out;
}

Family read_family(JsonReader in) {
  Family family;
  for (const std::string& name : in.keys()) {
    JsonReader node = in.get(name.c_str());
    family[name] = {read_weights_and_bias(node.get("constant")),
                    read_weights_and_bias(node.get("slope"))};
    node.done();
  }
  return family;
}

}  // namespace

Json to_json(const PointSpec& point) {
  Json out = Json::object();
  for (const auto& [name, tensors] : point) out[name] = to_json(tensors);
  return out;
}

PointSpec read_point(JsonReader in) {
  PointSpec point;
  for (const std::string& name : in.keys()) point[name] = read_tensors(in.get(name.c_str()));
  return point;
}

namespace {

// ---- evidence ----

// Residues in hexadecimal: bits for p = 2 (entry j in bit j mod 8 of byte j / 8), else numbers of
// 2, 4 or 8 digits.
std::size_t digits_of(std::uint64_t prime) { return prime <= 256 ? 2 : prime <= 65536 ? 4 : 8; }

std::string row_text(const RandomSolve& e, std::size_t row) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const std::uint32_t* w = &e.w[row * e.k];
  std::string text;
  if (e.prime == 2) {
    for (std::size_t j = 0; j < e.k; j += 8) {
      unsigned byte = 0;
      for (std::size_t b = 0; b < 8 && j + b < e.k; ++b) byte |= w[j + b] << b;
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
    return text;
  }
  for (std::size_t j = 0; j < e.k; ++j) {
    for (std::size_t d = digits_of(e.prime); d-- > 0;) text += kDigits[w[j] >> 4 * d & 15];
  }
  return text;
}

void read_row(const JsonReader& in, RandomSolve& e) {
  const std::string text = in.text();
  const std::size_t digits = e.prime == 2 ? 2 : digits_of(e.prime);
  const std::size_t groups = e.prime == 2 ? (e.k + 7) / 8 : e.k;
  if (text.size() != digits * groups ||
      text.find_first_not_of("0123456789abcdef") != std::string::npos) {
    in.fail(fmt::format("{} hexadecimal digits", digits * groups));
  }
  for (std::size_t g = 0; g < groups; ++g) {
    const auto value =
        static_cast<std::uint32_t>(std::stoul(text.substr(g * digits, digits), nullptr, 16));
    if (e.prime != 2) {
      e.w.push_back(value);
    } else {
      for (std::size_t b = 0; b < 8 && 8 * g + b < e.k; ++b) e.w.push_back(value >> b & 1);
    }
  }
}

Json to_json(const RankEvidence& evidence) {
  return std::visit(overloaded{[](const Elimination& e) {
                                 return Json{{"method", "elimination"}, {"prime", e.prime}};
                               },
                               [](const RandomSolve& e) {
                                 Json rows = Json::array();
                                 for (std::size_t h = 0; h < e.w.size() / e.k; ++h) {
                                   rows.push_back(row_text(e, h));
                                 }
                                 return Json{{"method", "random-solve"},
                                             {"prime", e.prime},
                                             {"k", e.k},
                                             {"matrix_sha256", to_hex(e.matrix)},
                                             {"w", std::move(rows)}};
                               }},
                    evidence);
}

RankEvidence read_evidence(JsonReader in) {
  const JsonReader method = in.get("method");
  const auto prime = static_cast<std::uint64_t>(
      in.get("prime").integer(2, std::numeric_limits<std::uint32_t>::max()));
  if (method.text() == "elimination") {
    in.done();
    return Elimination{prime};
  }
  if (method.text() != "random-solve") method.fail("elimination or random-solve");
  RandomSolve e;
  e.prime = prime;
  e.k = in.get("k").size(4096);
  const std::string digest = in.get("matrix_sha256").text();
  if (digest.size() != 64) in.get("matrix_sha256").fail("64 hexadecimal digits");
  for (std::size_t b = 0; b < 32; ++b) {
    e.matrix[b] = static_cast<std::uint8_t>(std::stoul(digest.substr(2 * b, 2), nullptr, 16));
  }
  for (const JsonReader& row : in.get("w").list()) read_row(row, e);
  in.done();
  return e;
}

const char* rule_name(GenericRule rule) {
  switch (rule) {
    case GenericRule::analytic_point:
      return "analytic-point";
    case GenericRule::relu_limit:
      return "relu-limit";
    case GenericRule::step_limit:
      return "step-limit";
    case GenericRule::lattice_point:
      return "lattice-point";
  }
  throw InternalError("unknown rule");
}

// ---- properties ----

Json to_json(const Property& property) {
  Json out = std::visit(
      overloaded{[](const PatchesDistinct& p) {
                   return Json{{"node", p.node}};
                 },
                 [](const PatchesCollide& p) {
                   return Json{{"node", p.node}, {"first", {p.i, p.p}}, {"second", {p.j, p.q}}};
                 },
                 [](const FeaturesDistinctAt& p) {
                   return Json{{"node", p.node}, {"parameters", to_json(p.parameters)}};
                 },
                 [](const WeightsFullRankAt& p) {
                   return Json{{"node", p.node}, {"weights", widecert::to_json(p.weights)}};
                 },
                 [](const ActivationViolates& p) {
                   return Json{{"node", p.node}, {"assumption", "3.2"}};
                 },
                 [](const NeverIndependent& p) {
                   return Json{{"node", p.node}};
                 },
                 [](const IndependentOnRay& p) {
                   return Json{{"node", p.node},
                               {"alpha_0", widecert::to_json(p.alpha_0)},
                               {"family", to_json(p.family)}};
                 },
                 [](const IndependentSomewhere& p) {
                   return Json{{"node", p.node}};
                 },
                 [](const IndependentAt& p) {
                   return Json{{"node", p.node},
                               {"rank", p.rank},
                               {"parameters", widecert::to_json(p.parameters)}};
                 },
                 [](const DependentAt& p) {
                   return Json{{"node", p.node}, {"parameters", widecert::to_json(p.parameters)}};
                 },
                 [](const IndependentAlmostEverywhere& p) {
                   return Json{{"node", p.node}, {"rank", p.rank}};
                 },
                 [](const DependentOnOpenSet& p) {
                   return Json{{"node", p.node},
                               {"centre", widecert::to_json(p.centre)},
                               {"radius", widecert::to_json(p.radius)}};
                 }},
      property);
  out["kind"] = kind_of(property);
  return out;
}

std::array<std::size_t, 2> read_pair(const JsonReader& in) {
  const auto list = in.list();
  if (list.size() != 2) in.fail("[sample, patch]");
  return {list[0].size(), list[1].size()};
}

Property read_property(JsonReader in) {
  const std::string kind = in.get("kind").text();
  const std::string node = in.get("node").text();
  Property property = [&]() -> Property {
    if (kind == "patches-distinct") return PatchesDistinct{node};
    if (kind == "patches-collide") {
      const auto a = read_pair(in.get("first")), b = read_pair(in.get("second"));
      return PatchesCollide{node, a[0], a[1], b[0], b[1]};
    }
    if (kind == "features-distinct-at") {
      return FeaturesDistinctAt{node, read_point(in.get("parameters"))};
    }
    if (kind == "weights-full-rank-at")
      return WeightsFullRankAt{node, read_tensor(in.get("weights"))};
    if (kind == "activation-violates") {
      if (in.get("assumption").text() != "3.2") in.get("assumption").fail("\"3.2\"");
      return ActivationViolates{node};
    }
    if (kind == "never-independent") return NeverIndependent{node};
    if (kind == "independent-somewhere") return IndependentSomewhere{node};
    if (kind == "independent-on-ray" || kind == "affinely-independent-on-ray") {
      return IndependentOnRay{node, kind[0] == 'a', in.get("alpha_0").rational(),
                              read_family(in.get("family"))};
    }
    if (kind == "independent-at") {
      return IndependentAt{node, in.get("rank").size(), read_point(in.get("parameters"))};
    }
    if (kind == "dependent-at") return DependentAt{node, read_point(in.get("parameters"))};
    if (kind == "independent-almost-everywhere") {
      return IndependentAlmostEverywhere{node, in.get("rank").size()};
    }
    if (kind == "dependent-on-open-set") {
      return DependentOnOpenSet{node, read_point(in.get("centre")), in.get("radius").rational()};
    }
    in.get("kind").fail("a kind of claim of version 1");
  }();
  in.done();
  return property;
}

// ---- proofs ----

const char* rule_name(RayRule rule) {
  switch (rule) {
    case RayRule::triangular:
      return "triangular-ray";
    case RayRule::h_matrix:
      return "h-matrix-ray";
    case RayRule::row_difference:
      return "row-difference-ray";
  }
  throw InternalError("unknown ray rule");
}

Json to_json(const RayProof& ray) {
  Json out{
      {"rule", rule_name(ray.rule)},
      {"order", ray.order},
      {"delta", widecert::to_json(ray.delta)},
      {"diagonal", {widecert::to_json(ray.diagonal_low), widecert::to_json(ray.diagonal_high)}},
      {"upper", widecert::to_json(ray.upper)}};
  if (ray.rule == RayRule::row_difference) out["saturated"] = ray.saturated;
  if (ray.precision != 0) out["precision"] = ray.precision;
  return out;
}

RayProof read_ray(JsonReader in) {
  RayProof ray;
  const JsonReader rule = in.get("rule");
  if (rule.text() == "triangular-ray") {
    ray.rule = RayRule::triangular;
  } else if (rule.text() == "h-matrix-ray") {
    ray.rule = RayRule::h_matrix;
  } else if (rule.text() == "row-difference-ray") {
    ray.rule = RayRule::row_difference;
    ray.saturated = in.get("saturated").boolean();
  } else {
    rule.fail("a ray rule");
  }
  for (const JsonReader& sample : in.get("order").list()) ray.order.push_back(sample.size());
  ray.delta = in.get("delta").rational();
  const auto diagonal = in.get("diagonal").list();
  if (diagonal.size() != 2) in.get("diagonal").fail("[low, high]");
  ray.diagonal_low = diagonal[0].rational();
  ray.diagonal_high = diagonal[1].rational();
  ray.upper = in.get("upper").rational();
  if (const auto precision = in.find("precision")) ray.precision = precision->integer(1, 4096);
  in.done();
  return ray;
}

Json rule(const char* name) { return Json{{"rule", name}}; }

Json to_json(const Proof& proof) {
  return std::visit(overloaded{[](const DigestsProof&) { return rule("distinct-digests"); },
                               [](const ComparisonProof&) { return rule("comparison"); },
                               [](const ProjectionProof& p) {
                                 Json out = rule("separating-projection");
                                 for (const Integer& a : p.direction)
                                   out["direction"].push_back(widecert::to_json(a));
                                 if (p.precision != 0) out["precision"] = p.precision;
                                 return out;
                               },
                               [](const ModularProof& p) {
                                 Json out = rule("modular-elimination");
                                 out["prime"] = widecert::to_json(Integer(p.prime));
                                 return out;
                               },
                               [](const TailProof& p) {
                                 Json out = rule("activation-table");
                                 if (p.t) out["t"] = widecert::to_json(*p.t);
                                 return out;
                               },
                               [](const WidthProof&) { return rule("width"); },
                               [](const EqualSamplesProof& p) {
                                 Json out = rule("equal-samples");
                                 out["samples"] = {p.i, p.j};
                                 return out;
                               },
                               [](const EqualColumnsProof&) { return rule("equal-columns"); },
                               [](const RayProof& p) { return to_json(p); },
                               [](const FromRayProof& p) {
                                 Json out = rule("from-ray");
                                 out["alpha_0"] = widecert::to_json(p.alpha_0);
                                 out["family"] = to_json(p.family);
                                 out["ray"] = to_json(p.ray);
                                 return out;
                               },
                               [](const AffineDimensionProof&) { return rule("affine-dimension"); },
                               [](const PatchContentsProof&) { return rule("patch-contents"); },
                               [](const OpenSetProof&) { return rule("units-without-kinks"); },
                               [](const EqualRowsProof& p) {
                                 Json out = rule("equal-rows");
                                 out["samples"] = {p.i, p.j};
                                 return out;
                               },
                               [](const LeftKernelProof& p) {
                                 Json out = rule("left-kernel");
                                 for (const Integer& v : p.v)
                                   out["v"].push_back(widecert::to_json(v));
                                 return out;
                               },
                               [](const ExactRankProof& p) {
                                 Json out = rule("exact-rank");
                                 out["evidence"] = to_json(p.evidence);
                                 return out;
                               },
                               [](const GenericProof& p) {
                                 Json out = rule(rule_name(p.rule));
                                 out["point"] = widecert::to_json(p.point);
                                 out["evidence"] = to_json(p.evidence);
                                 if (!p.tower.empty()) out["tower"] = p.tower;
                                 if (!p.derivative) return out;
                                 Json outer = rule("derivative");
                                 outer["of"] = std::move(out);
                                 return outer;
                               }},
                    proof);
}

Proof read_proof(JsonReader in) {
  const JsonReader rule = in.get("rule");
  const std::string name = rule.text();
  if (name.ends_with("-ray") && name != "from-ray") return read_ray(in);
  Proof proof = [&]() -> Proof {
    if (name == "distinct-digests") return DigestsProof{};
    if (name == "comparison") return ComparisonProof{};
    if (name == "activation-table") {
      const auto t = in.find("t");
      return TailProof{t ? std::optional(t->rational()) : std::nullopt};
    }
    if (name == "width") return WidthProof{};
    if (name == "equal-columns") return EqualColumnsProof{};
    if (name == "equal-samples") {
      const auto pair = read_pair(in.get("samples"));
      return EqualSamplesProof{pair[0], pair[1]};
    }
    if (name == "modular-elimination") {
      return ModularProof{static_cast<std::uint64_t>(
          in.get("prime").integer(2, std::numeric_limits<std::int64_t>::max()))};
    }
    if (name == "separating-projection") {
      ProjectionProof p{{}, 0};
      for (const JsonReader& a : in.get("direction").list()) p.direction.push_back(a.big_integer());
      if (const auto precision = in.find("precision")) p.precision = precision->integer(1, 4096);
      return p;
    }
    if (name == "patch-contents") return PatchContentsProof{};
    if (name == "affine-dimension") return AffineDimensionProof{};
    if (name == "units-without-kinks") return OpenSetProof{};
    if (name == "equal-rows") {
      const auto pair = read_pair(in.get("samples"));
      return EqualRowsProof{pair[0], pair[1]};
    }
    if (name == "left-kernel") {
      LeftKernelProof p;
      for (const JsonReader& v : in.get("v").list()) p.v.push_back(v.big_integer());
      return p;
    }
    if (name == "exact-rank") return ExactRankProof{read_evidence(in.get("evidence"))};
    if (name == "derivative") {
      Proof inner = read_proof(in.get("of"));
      auto* generic = std::get_if<GenericProof>(&inner);
      if (generic == nullptr || generic->derivative) in.get("of").fail("a rule at a point");
      generic->derivative = true;
      return inner;
    }
    for (GenericRule rule :
         {GenericRule::analytic_point, GenericRule::relu_limit, GenericRule::step_limit,
          GenericRule::lattice_point}) {
      if (name == rule_name(rule)) {
        GenericProof p{rule, read_point(in.get("point")), read_evidence(in.get("evidence"))};
        if (const auto tower = in.find("tower")) {
          for (const JsonReader& prime : tower->list()) p.tower.push_back(prime.size());
        }
        return p;
      }
    }
    if (name == "from-ray") {
      return FromRayProof{read_family(in.get("family")), in.get("alpha_0").rational(),
                          read_ray(in.get("ray"))};
    }
    rule.fail("a rule of version 1");
  }();
  in.done();
  return proof;
}

void check_header(JsonReader& in, const char* format) {
  if (in.get("format").text() != format) in.get("format").fail('"' + std::string(format) + '"');
  if (in.get("version").integer(0, 1'000'000) != 1) in.get("version").fail("version 1");
}

}  // namespace

std::string kind_of(const Property& property) {
  return std::visit(overloaded{[](const PatchesDistinct&) { return "patches-distinct"; },
                               [](const PatchesCollide&) { return "patches-collide"; },
                               [](const FeaturesDistinctAt&) { return "features-distinct-at"; },
                               [](const WeightsFullRankAt&) { return "weights-full-rank-at"; },
                               [](const ActivationViolates&) { return "activation-violates"; },
                               [](const NeverIndependent&) { return "never-independent"; },
                               [](const IndependentOnRay& p) {
                                 return p.affine ? "affinely-independent-on-ray"
                                                 : "independent-on-ray";
                               },
                               [](const IndependentSomewhere&) { return "independent-somewhere"; },
                               [](const IndependentAt&) { return "independent-at"; },
                               [](const DependentAt&) { return "dependent-at"; },
                               [](const IndependentAlmostEverywhere&) {
                                 return "independent-almost-everywhere";
                               },
                               [](const DependentOnOpenSet&) { return "dependent-on-open-set"; }},
                    property);
}

std::string state(const Property& property, std::size_t n) {
  return std::visit(
      overloaded{
          [&](const PatchesDistinct& p) {
            return fmt::format("no patch of layer {} is shared by two of the {} samples", p.node,
                               n);
          },
          [](const PatchesCollide& p) {
            return fmt::format("under layer {}, patch {} of sample {} equals patch {} of sample {}",
                               p.node, p.p + 1, p.i + 1, p.q + 1, p.j + 1);
          },
          [&](const FeaturesDistinctAt& p) {
            return fmt::format(
                "at the given parameters no two of the {} samples share a patch of features under "
                "layer {}",
                n, p.node);
          },
          [](const WeightsFullRankAt& p) {
            return fmt::format("the weight matrix U of layer {} has full rank at the given filters",
                               p.node);
          },
          [](const ActivationViolates& p) {
            return fmt::format("the activation of layer {} violates Assumption 3.2", p.node);
          },
          [&](const NeverIndependent& p) {
            return fmt::format("rank F({}) < {} for every parameter", p.node, n);
          },
          [&](const IndependentOnRay& p) {
            return fmt::format("rank {} = {} for every alpha >= {}",
                               p.affine ? "[F(" + p.node + "), 1]" : "F(" + p.node + ")", n,
                               to_string(p.alpha_0));
          },
          [&](const IndependentSomewhere& p) {
            return fmt::format("rank F({}) = {} for some parameter", p.node, n);
          },
          [](const IndependentAt& p) {
            return fmt::format("rank F({}) = {} at the given parameters", p.node, p.rank);
          },
          [&](const DependentAt& p) {
            return fmt::format("rank F({}) < {} at the given parameters", p.node, n);
          },
          [](const IndependentAlmostEverywhere& p) {
            return fmt::format("rank F({}) = {} for almost every parameter", p.node, p.rank);
          },
          [&](const DependentOnOpenSet& p) {
            return fmt::format("rank F({}) < {} on an open set of parameters", p.node, n);
          }},
      property);
}

std::string property_text(const Property& property) { return to_json(property).dump(); }

std::string claim_text(const ClaimFile& claim) {
  Json out{{"format", "widecert-claim"},
           {"version", 1},
           {"network", to_json(claim.network)},
           {"data", to_json(claim.data)},
           {"claims", Json::array()}};
  for (const Property& property : claim.properties) out["claims"].push_back(to_json(property));
  return to_text(out);
}

std::string certificate_text(const std::string& claim, const std::vector<Proof>& proofs) {
  Json out{{"format", "widecert-certificate"},
           {"version", 1},
           {"claim_sha256", to_hex(sha256(claim))},
           {"proofs", Json::array()}};
  for (const Proof& proof : proofs) out["proofs"].push_back(to_json(proof));
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
