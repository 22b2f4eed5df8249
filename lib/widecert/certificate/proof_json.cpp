// Proofs as JSON: one object with its rule each.
#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>

namespace widecert {
namespace {

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

Json evidence_json(const RankEvidence& evidence) {
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

Json ray_json(const RayProof& ray) {
  Json out{
      {"rule", rule_name(ray.rule)},
      {"order", ray.order},
      {"delta", to_json(ray.delta)},
      {"diagonal", {to_json(ray.diagonal_low), to_json(ray.diagonal_high)}},
      {"upper", to_json(ray.upper)}};
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

// A term is [coefficient, variable, ...], a power being a repetition.
Json vectors_json(const std::vector<PolynomialVector>& all) {
  Json vectors = Json::array();
  for (const PolynomialVector& v : all) {
    Json entries = Json::array();
    for (const auto& [index, polynomial] : v) {
      Json terms = Json::array();
      for (const auto& [monomial, coefficient] : polynomial) {
        Json term{to_json(coefficient)};
        for (std::uint32_t variable : monomial) term.push_back(variable);
        terms.push_back(std::move(term));
      }
      entries.push_back(Json{index, std::move(terms)});
    }
    vectors.push_back(std::move(entries));
  }
  return vectors;
}

std::uint64_t read_prime(JsonReader& in) {
  return static_cast<std::uint64_t>(
      in.get("prime").integer(2, std::numeric_limits<std::int64_t>::max()));
}

std::vector<PolynomialVector> read_vectors(const JsonReader& in) {
  std::vector<PolynomialVector> all;
  for (const JsonReader& vector : in.list()) {
    PolynomialVector& v = all.emplace_back();
    for (const JsonReader& entry : vector.list()) {
      const auto pair = entry.list();
      if (pair.size() != 2) entry.fail("[index, terms]");
      Polynomial& polynomial = v[pair[0].size()];
      for (const JsonReader& term : pair[1].list()) {
        const auto parts = term.list();
        if (parts.empty()) term.fail("[coefficient, variable, ...]");
        Monomial monomial;
        for (std::size_t k = 1; k < parts.size(); ++k) {
          monomial.push_back(static_cast<std::uint32_t>(parts[k].size(1u << 31)));
        }
        polynomial[std::move(monomial)] = parts[0].big_integer();
      }
    }
  }
  return all;
}

std::optional<RankBound> read_rank_bound(JsonReader& in) {
  const std::string name = in.get("rule").text();
  if (name == "cover") {
    CoverProof p;
    for (const JsonReader& patch : in.get("patches").list()) p.patches.push_back(patch.size());
    return p;
  }
  if (name == "commuting-filters") return CommutingProof{};
  if (name == "kernel-polynomials") {
    KernelPolynomialsProof p;
    p.inputs = read_vectors(in.get("inputs"));
    p.outputs = read_vectors(in.get("outputs"));
    p.point = read_tensor(in.get("point"));
    p.prime = read_prime(in);
    return p;
  }
  return std::nullopt;
}

}  // namespace

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

Json proof_json(const Proof& proof) {
  return std::visit(overloaded{[](const DigestsProof&) { return rule("distinct-digests"); },
                               [](const ComparisonProof&) { return rule("comparison"); },
                               [](const ProjectionProof& p) {
                                 Json out = rule("separating-projection");
                                 for (const Integer& a : p.direction)
                                   out["direction"].push_back(to_json(a));
                                 if (p.precision != 0) out["precision"] = p.precision;
                                 return out;
                               },
                               [](const ModularProof& p) {
                                 Json out = rule("modular-elimination");
                                 out["prime"] = to_json(Integer(p.prime));
                                 if (p.weights) out["weights"] = to_json(*p.weights);
                                 return out;
                               },
                               [](const CholeskyProof& p) {
                                 Json out = rule("integer-cholesky");
                                 out["bits"] = p.bits;
                                 if (p.precision != 0) out["precision"] = p.precision;
                                 if (p.lower != 0) out["lower"] = to_json(p.lower);
                                 for (const Integer& v : p.smallest) out["smallest"].push_back(to_json(v));
                                 for (const Integer& v : p.largest) out["largest"].push_back(to_json(v));
                                 return out;
                               },
                               [](const RecomputedProof& p) {
                                 Json out = rule("recomputed");
                                 out["bits"] = p.bits;
                                 if (p.precision != 0) out["precision"] = p.precision;
                                 if (p.lower != 0) out["lower"] = to_json(p.lower);
                                 return out;
                               },
                               [](const BackpropagationProof& p) {
                                 Json out = rule("backpropagation");
                                 out["bits"] = p.bits;
                                 if (p.precision != 0) out["precision"] = p.precision;
                                 if (p.features) {
                                   out["features"] = to_json(*p.features);
                                   out["weights"] = Json::array();
                                 }
                                 for (const Range& r : p.weights) out["weights"].push_back(to_json(r));
                                 if (p.smallest) out["smallest"] = to_json(*p.smallest);
                                 if (p.jacobians) out["jacobians"] = to_json(*p.jacobians);
                                 return out;
                               },
                               [](const CoverProof& p) {
                                 Json out = rule("cover");
                                 out["patches"] = p.patches;
                                 return out;
                               },
                               [](const CommutingProof&) { return rule("commuting-filters"); },
                               [](const KernelPolynomialsProof& p) {
                                 Json out = rule("kernel-polynomials");
                                 out["inputs"] = vectors_json(p.inputs);
                                 out["outputs"] = vectors_json(p.outputs);
                                 out["point"] = to_json(p.point);
                                 out["prime"] = to_json(Integer(p.prime));
                                 return out;
                               },
                               [](const GenericRankProof& p) {
                                 Json out = rule("generic-rank");
                                 out["weights"] = to_json(p.weights);
                                 out["prime"] = to_json(Integer(p.prime));
                                 if (p.upper) {
                                   out["upper"] = std::visit(
                                       [](const auto& bound) { return proof_json(bound); }, *p.upper);
                                 }
                                 return out;
                               },
                               [](const KernelVectorProof& p) {
                                 Json out = rule("kernel-vector");
                                 for (const Integer& v : p.v)
                                   out["v"].push_back(to_json(v));
                                 return out;
                               },
                               [](const TailProof& p) {
                                 Json out = rule("activation-table");
                                 if (p.t) out["t"] = to_json(*p.t);
                                 return out;
                               },
                               [](const WidthProof&) { return rule("width"); },
                               [](const EqualSamplesProof& p) {
                                 Json out = rule("equal-samples");
                                 out["samples"] = {p.i, p.j};
                                 return out;
                               },
                               [](const EqualColumnsProof&) { return rule("equal-columns"); },
                               [](const RayProof& p) { return ray_json(p); },
                               [](const FromRayProof& p) {
                                 Json out = rule("from-ray");
                                 out["alpha_0"] = to_json(p.alpha_0);
                                 out["family"] = to_json(p.family);
                                 out["ray"] = ray_json(p.ray);
                                 return out;
                               },
                               [](const AffineDimensionProof&) { return rule("affine-dimension"); },
                               [](const PatchContentsProof&) { return rule("patch-contents"); },
                               [](const TranslatesProof&) { return rule("translates"); },
                               [](const KinklessProof&) { return rule("units-without-kinks"); },
                               [](const EqualRowsProof& p) {
                                 Json out = rule("equal-rows");
                                 out["samples"] = {p.i, p.j};
                                 return out;
                               },
                               [](const LeftKernelProof& p) {
                                 Json out = rule("left-kernel");
                                 for (const Integer& v : p.v)
                                   out["v"].push_back(to_json(v));
                                 return out;
                               },
                               [](const ExactRankProof& p) {
                                 Json out = rule("exact-rank");
                                 out["evidence"] = evidence_json(p.evidence);
                                 if (p.weights) out["weights"] = to_json(*p.weights);
                                 return out;
                               },
                               [](const GenericProof& p) {
                                 Json out = rule(rule_name(p.rule));
                                 out["point"] = to_json(p.point);
                                 out["evidence"] = evidence_json(p.evidence);
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
      ModularProof p{read_prime(in), {}};
      if (const auto weights = in.find("weights")) p.weights = read_tensor(*weights);
      return p;
    }
    if (auto bound = read_rank_bound(in)) {
      return std::visit([](auto& one) -> Proof { return std::move(one); }, *bound);
    }
    const auto read_bits = [&](auto& p) {
      p.bits = in.get("bits").integer(1, 4096);
      if (const auto precision = in.find("precision")) p.precision = precision->integer(1, 4096);
    };
    if (name == "integer-cholesky") {
      CholeskyProof p;
      read_bits(p);
      if (const auto lower = in.find("lower")) p.lower = lower->rational();
      if (const auto v = in.find("smallest"))
        for (const JsonReader& entry : v->list()) p.smallest.push_back(entry.big_integer());
      if (const auto v = in.find("largest"))
        for (const JsonReader& entry : v->list()) p.largest.push_back(entry.big_integer());
      return p;
    }
    if (name == "recomputed") {
      RecomputedProof p;
      read_bits(p);
      if (const auto lower = in.find("lower")) p.lower = lower->rational();
      return p;
    }
    if (name == "backpropagation") {
      BackpropagationProof p;
      read_bits(p);
      if (const auto features = in.find("features")) p.features = read_range(*features);
      if (const auto weights = in.find("weights"))
        for (const JsonReader& entry : weights->list()) p.weights.push_back(read_range(entry));
      if (const auto smallest = in.find("smallest")) p.smallest = smallest->rational();
      if (const auto jacobians = in.find("jacobians")) p.jacobians = jacobians->rational();
      return p;
    }
    if (name == "generic-rank") {
      GenericRankProof p{read_tensor(in.get("weights")), read_prime(in), {}};
      if (auto upper = in.find("upper")) {
        p.upper = read_rank_bound(*upper);
        if (!p.upper) upper->fail("a bound of the rank for every W");
        upper->done();
      }
      return p;
    }
    if (name == "kernel-vector") {
      KernelVectorProof p;
      for (const JsonReader& v : in.get("v").list()) p.v.push_back(v.big_integer());
      return p;
    }
    if (name == "separating-projection") {
      ProjectionProof p{{}, 0};
      for (const JsonReader& a : in.get("direction").list()) p.direction.push_back(a.big_integer());
      if (const auto precision = in.find("precision")) p.precision = precision->integer(1, 4096);
      return p;
    }
    if (name == "patch-contents") return PatchContentsProof{};
    if (name == "translates") return TranslatesProof{};
    if (name == "affine-dimension") return AffineDimensionProof{};
    if (name == "units-without-kinks") return KinklessProof{};
    if (name == "equal-rows") {
      const auto pair = read_pair(in.get("samples"));
      return EqualRowsProof{pair[0], pair[1]};
    }
    if (name == "left-kernel") {
      LeftKernelProof p;
      for (const JsonReader& v : in.get("v").list()) p.v.push_back(v.big_integer());
      return p;
    }
    if (name == "exact-rank") {
      ExactRankProof p{read_evidence(in.get("evidence"))};
      if (const auto weights = in.find("weights")) p.weights = read_tensor(*weights);
      return p;
    }
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

}  // namespace widecert
