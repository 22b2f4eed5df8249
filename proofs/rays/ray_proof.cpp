#include "proofs/rays/ray_proof.h"

#include "proofs/generic/untied_biases.h"

#include <widecert/number/error.h>

#include <algorithm>

namespace widecert {
namespace {

Value in_file(const Attachment& file) {
  return Value::object({{"npy", Value::object({{"path", file.path}, {"sha256", file.sha256()}})}});
}

}  // namespace

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

std::vector<std::size_t> used_patches(std::size_t count, const std::vector<std::size_t>& skipped) {
  std::vector<std::size_t> used;
  for (std::size_t p = 0; p < count; ++p)
    if (!std::binary_search(skipped.begin(), skipped.end(), p)) used.push_back(p);
  return used;
}

Proof as_proof(const RayProof& ray) {
  Keys keys{{"order", ray.order_file ? in_file(*ray.order_file) : Value(ray.order)},
            {"delta", ray.delta},
            {"diagonal", Range{ray.diagonal_low, ray.diagonal_high}},
            {"upper", ray.upper}};
  if (ray.along) {
    std::vector<Value> banks;
    for (const auto& d : ray.along->directions) {
      banks.push_back(Value::object({{"factor", ray.along->factor}, {"direction", d}}));
    }
    keys.emplace_back("along", banks);
    if (!ray.along->skipped.empty()) keys.emplace_back("skip", ray.along->skipped);
  }
  if (ray.rule == RayRule::row_difference) keys.emplace_back("saturated", ray.saturated);
  if (ray.precision != 0) keys.emplace_back("precision", ray.precision);
  return Proof(rule_name(ray.rule), keys);
}

Finding independent_on_ray(const std::string& node, bool affine, const Rational& alpha_0, const Family& family,
                           const RayProof& ray) {
  return {Claim(affine ? "affinely-independent-on-ray" : "independent-on-ray",
                {{"node", node}, {"alpha_0", alpha_0}, {"family", family}}),
          as_proof(ray)};
}

Finding from_ray(const std::string& claim, const std::string& node, std::size_t rank, const Rational& alpha_0,
                 const Family& family, const RayProof& ray) {
  const Proof proof("from-ray", {{"alpha_0", alpha_0}, {"family", family}, {"ray", as_proof(ray)}});
  if (claim == "independent-almost-everywhere") return {independent_almost_everywhere(node, rank), proof};
  return {Claim("independent-somewhere", {{"node", node}}), proof};
}

}  // namespace widecert
