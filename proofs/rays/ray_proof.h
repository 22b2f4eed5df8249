// The claims along a ray theta(alpha), alpha >= alpha_0, and their evidence: Lemma M and the exact triangular case
// (tools/widecheck/rules/rays.md).
#pragma once

#include "proofs/prover.h"

namespace widecert {

// "triangular-ray", "h-matrix-ray", "row-difference-ray".
enum class RayRule { triangular, h_matrix, row_difference };
const char* rule_name(RayRule rule);

// The direction that filters share.
struct Along {
  Integer factor;                                     // K, in every bank
  std::vector<std::vector<std::int64_t>> directions;  // d, by bank
  std::vector<std::size_t> skipped;                   // patches whose neurons are not used, increasing
};
// The patches whose neurons are used, in order: neuron j of a ray is filter j mod T of patch number floor(j / T) here.
std::vector<std::size_t> used_patches(std::size_t count, const std::vector<std::size_t>& skipped);

// Evidence that a family of feature matrices is nonsingular from alpha_0 on. order[r] is the sample in row r; neuron j
// belongs to row j.
struct RayProof {
  RayRule rule = RayRule::triangular;
  std::vector<std::size_t> order;
  std::optional<Attachment> order_file;  // instead of it in the text
  Rational delta;                        // z_ij <= -delta below the diagonal
  Rational diagonal_low, diagonal_high;  // of z_jj
  Rational upper;                        // Delta: z_ij <= upper above the diagonal
  bool saturated = false;                // row-difference: neuron N-1 stands in for the ones
  long precision = 0;                    // bits, where features below are irrational
  std::optional<Along> along;            // if the filters share a direction
};
Proof as_proof(const RayProof& ray);

// "independent-on-ray": rank F = N at theta(alpha) for every alpha >= alpha_0; "affinely-independent-on-ray": rank
// [F, 1] = N. Proved by the ray itself.
Finding independent_on_ray(const std::string& node, bool affine, const Rational& alpha_0, const Family& family,
                           const RayProof& ray);
// "from-ray": rank F = N at some parameter ("independent-somewhere"), or at almost every one
// ("independent-almost-everywhere", where all is analytic), since it is along this ray. `claim` is the kind.
Finding from_ray(const std::string& claim, const std::string& node, std::size_t rank, const Rational& alpha_0,
                 const Family& family, const RayProof& ray);

}  // namespace widecert
