// The pictures of a ray: the order gamma, and A(alpha) turning triangular.
#pragma once

#include <widecert/certificate/claim_file.h>

#include <optional>
#include <string>
#include <vector>

namespace widecert::tool {

// What is drawn of a claim along a ray, or of one that rests on a ray.
struct Ray {
  std::string node, rule;
  Rational alpha_0;
  Family family;
  std::vector<std::size_t> order;
  std::vector<std::size_t> skipped;  // patches whose neurons are not used
  Rational delta, diagonal_low, diagonal_high, upper;
};
// Nothing where the claim is of another kind, or has so many samples that their order stands in a file. Files are
// relative to the claim file, `place`. Throws InputError where the documents do not fit.
std::optional<Ray> read_ray(const Claim& claim, const Proof& proof, const std::string& place);

// HTML. `data`: of the claim file.
std::string ray_sections(const Architecture& network, const Dataset& data, const Ray& ray);

}  // namespace widecert::tool
