// Claims and certificates as values. tools/widecheck/FORMAT.md is the normative description of
// their files and of what each rule demands.
//
// A claim file states properties of one network and one dataset. It is what an auditor reads. The
// certificate file beside it holds one proof per property, in the same order: a hint that convinces
// the checker, never trusted.
#pragma once

#include <widecert/data/dataset.h>
#include <widecert/linalg/polynomial.h>
#include <widecert/linalg/rank_evidence.h>
#include <widecert/network/point.h>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace widecert {

// theta(alpha) = constant + alpha * slope.
struct NodeFamily {
  NodeTensors constant, slope;
};
using Family = std::map<std::string, NodeFamily>;

// ---- properties (kind in the file) ----

struct PatchesDistinct {  // "patches-distinct": Assumption 3.1 for the patches of `node` on the
                          // data
  std::string node;
};
struct PatchesCollide {  // "patches-collide": patch p of sample i equals patch q of sample j, i !=
                         // j
  std::string node;
  std::size_t i, p, j, q;
};
struct FeaturesDistinctAt {  // "features-distinct-at": at the given parameters the patches entering
  std::string node;          // `node` differ between any two samples (Lemma D.1)
  PointSpec parameters;
};
struct WeightsFullRankAt {  // "weights-full-rank-at": U of `node` has full rank at these filters
  std::string node;
  TensorSpec weights;
};
struct WeightsDeficientAt {  // "weights-deficient-at": it has not
  std::string node;
  TensorSpec weights;
};
struct WeightsFullRank {  // "weights-full-rank": U of `node` has full rank for almost every W
  std::string node;       // (Assumption 2.4)
};
struct WeightsNeverFullRank {  // "weights-never-full-rank": for no W
  std::string node;
};
struct WeightsGenericRank {  // "weights-generic-rank": rank U <= rank for every W, and = for almost
  std::string node;          // every W
  std::size_t rank;
};
struct ActivationViolates {  // "activation-violates": the function at `node` violates
                             // Assumption 3.2
  std::string node;
};
struct NeverIndependent {  // "never-independent": rank F < N for every parameter of Theta
  std::string node;
};
struct IndependentOnRay {  // "independent-on-ray": rank F = N at theta(alpha) for all alpha >=
                           // alpha_0
  std::string node;        // "affinely-independent-on-ray": rank [F, 1] = N
  bool affine = false;
  Rational alpha_0;
  Family family;
};
struct IndependentSomewhere {  // "independent-somewhere": rank F = N at some parameter
  std::string node;
};
struct IndependentAt {  // "independent-at": rank F = rank = min(N, n) at the parameters
  std::string node;
  std::size_t rank;
  PointSpec parameters;
};
struct DependentAt {  // "dependent-at": rank F < N at the parameters
  std::string node;
  PointSpec parameters;
};
struct IndependentAlmostEverywhere {  // "independent-almost-everywhere": rank F = rank = min(N, n)
  std::string node;                   // for Lebesgue-almost every parameter of Theta
  std::size_t rank;
};
struct DependentOnOpenSet {  // "dependent-on-open-set": rank F < N wherever every free tensor
  std::string node;          // differs from the centre by less than the radius in each entry
  PointSpec centre;
  Rational radius;
};
// [low, high], rational.
struct Range {
  Rational low, high;
};
struct SingularValueBounds {  // "singular-value-bounds": of F, or [F, 1], at the parameters: the smallest (of
  std::string node;           // the shorter side) and the largest singular value lie in these ranges
  bool ones = false;
  Range smallest, largest;
  PointSpec parameters;
};
struct WeightsSingularValueBounds {  // "weights-singular-value-bounds": of U = M(W) at these filters
  std::string node;
  Range smallest, largest;
  TensorSpec weights;
};
// Phi = 1/2 ||F_L - Y||_F^2 above layer k, `node`, F_L being `output`; the gradient is that for U_{k+1} as a
// free matrix.
struct GradientEnclosure {  // "gradient-enclosure": ||F_L - Y||_F and the norm of the gradient
  std::string node, output;
  Range residual, gradient;
  TensorSpec targets;  // Y, a row for each sample
  PointSpec parameters;
};
struct InSk {  // "in-s-k": F and the weight matrices of the second, third, ... linear layer above it, up to the output,
  std::string node, output;  // have full rank, sigma_min being at least these
  Rational features;
  std::vector<Rational> weights;
  PointSpec parameters;
};
struct GradientBounds {  // "gradient-bounds": for every Y, lower ||F_L - Y|| <= ||gradient|| <= upper ||F_L - Y||
  std::string node, output;
  Rational lower, upper;
  PointSpec parameters;
};
struct GradientDominance {  // "gradient-dominance": for every Y, Phi <= ||gradient||^2 / (2 mu); with `bias` the
  std::string node, output;  // gradient includes one bias per neuron of layer k+1
  Rational mu;
  bool bias = false;
  PointSpec parameters;
};
using Property =
    std::variant<PatchesDistinct, PatchesCollide, FeaturesDistinctAt, WeightsFullRankAt,
                 WeightsDeficientAt, WeightsFullRank, WeightsNeverFullRank, WeightsGenericRank,
                 ActivationViolates, NeverIndependent, IndependentOnRay, IndependentSomewhere,
                 IndependentAt, DependentAt, IndependentAlmostEverywhere, DependentOnOpenSet,
                 SingularValueBounds, WeightsSingularValueBounds, InSk, GradientEnclosure, GradientBounds,
                 GradientDominance>;

// ---- proofs (rule in the file) ----

struct DigestsProof {};     // "distinct-digests"
struct ComparisonProof {};  // "comparison"
struct ProjectionProof {    // "separating-projection"
  std::vector<Integer> direction;
  long precision;
};
struct ModularProof {  // "modular-elimination": peeling, then elimination modulo the prime
  std::uint64_t prime;
  std::optional<TensorSpec> weights;  // for claims that do not name filters
};
// Upper bounds for rank U at every W.
struct CoverProof {  // "cover": the columns of these patches and the inputs that the others see
  std::vector<std::size_t> patches;
};
struct CommutingProof {};  // "commuting-filters": one filter more than channels
struct KernelPolynomialsProof {  // "kernel-polynomials": v with v^T U = 0 (on the inputs) or U v = 0
  std::vector<PolynomialVector> inputs, outputs;  // as identities in the entries of W (numbered row
  TensorSpec point;                               // by row), each within one block, independent at
  std::uint64_t prime = 2;                        // this point modulo the prime
};
using RankBound = std::variant<CoverProof, CommutingProof, KernelPolynomialsProof>;
struct GenericRankProof {  // "generic-rank": rank U is at least the claimed one at these weights, and
  TensorSpec weights;      // never above it (no bound is needed where it is the smaller side)
  std::uint64_t prime;
  std::optional<RankBound> upper;
};
struct KernelVectorProof {  // "kernel-vector": v != 0 on the shorter side of U that it annihilates
  std::vector<Integer> v;
};
struct TailProof {  // "activation-table"; t < 0 with |s(t)| > e^t, where there is one
  std::optional<Rational> t;
};
struct WidthProof {};       // "width"
struct EqualSamplesProof {  // "equal-samples"
  std::size_t i, j;
};
struct EqualColumnsProof {};  // "equal-columns"
struct TranslatesProof {};       // "translates": one free bias per neuron, samples kept apart below
struct PatchContentsProof {};    // "patch-contents": patches take few different contents
struct AffineDimensionProof {};  // "affine-dimension": the values span few dimensions
struct KinklessProof {};         // "units-without-kinks"
struct EqualRowsProof {       // "equal-rows": two samples have equal features
  std::size_t i, j;
};
struct LeftKernelProof {  // "left-kernel": v != 0 with v F = 0
  std::vector<Integer> v;
};
// Full rank of an integer matrix made of features.
using RankEvidence = std::variant<Elimination, RandomSolve>;
struct ExactRankProof {  // "exact-rank"
  RankEvidence evidence;
  std::optional<TensorSpec> weights = {};  // for weights-full-rank, which names no filters
};
// The ways from a point with full rank to almost every parameter.
enum class GenericRule {
  analytic_point,  // "analytic-point": the values there are rational
  relu_limit,      // "relu-limit", "step-limit": the limit network there
  step_limit,
  lattice_point    // "lattice-point": the point is in ln(2) times the integers
};
const char* rule_name(GenericRule rule);  // as in the file
struct GenericProof {
  GenericRule rule = GenericRule::analytic_point;
  PointSpec point;
  RankEvidence evidence;
  // "derivative": softplus at the claimed node was replaced by its derivative in the biases,
  // sigmoid, and the rule above holds for that network.
  bool derivative = false;
  std::vector<std::uint64_t> tower = {};  // of a lattice point
};

// Evidence that a family of feature matrices is nonsingular from alpha_0 on (Lemma M and the exact
// triangular case). order[r] is the sample in row r; neuron j belongs to row j.
enum class RayRule { triangular, h_matrix, row_difference };
struct RayProof {
  RayRule rule = RayRule::triangular;
  std::vector<std::size_t> order;
  Rational delta;                        // z_ij <= -delta below the diagonal
  Rational diagonal_low, diagonal_high;  // of z_jj
  Rational upper;                        // Delta: z_ij <= upper above the diagonal
  bool saturated = false;                // row-difference: neuron N-1 stands in for the ones
  long precision = 0;                    // bits, where features below are irrational
};
// "from-ray": a family and its evidence, for independent-somewhere.
struct FromRayProof {
  Family family;
  Rational alpha_0;
  RayProof ray;
};
struct CholeskyProof {  // "integer-cholesky": matrices are integers over 2^bits, activations enclosed on the
  long bits = 0;        // grid of 2^-precision
  long precision = 0;
  Rational lower = 0;   // for independent-at: a lower bound of sigma_min
  std::vector<Integer> smallest, largest;  // for bounds: vectors on the shorter side
};
struct RecomputedProof {  // "recomputed": nothing but the prover's own floating-point bounds; never proved
  long bits = 0, precision = 0;
  Rational lower = 0;  // for independent-at
};
struct BackpropagationProof {  // "backpropagation"
  long bits = 0, precision = 0;
  std::optional<Range> features;      // gradient-bounds: of the singular values of F
  std::vector<Range> weights;         //   and of U of the layers above layer k+1
  std::optional<Rational> smallest;   // gradient-dominance: sigma_min of F (or [F, 1]) and of every
  std::optional<Rational> jacobians;  //   d f_L / d g_{k+1}(x_i)
};
using Proof =
    std::variant<DigestsProof, ComparisonProof, ProjectionProof, ModularProof, TailProof,
                 WidthProof, EqualSamplesProof, EqualColumnsProof, RayProof, FromRayProof,
                 AffineDimensionProof, PatchContentsProof, KinklessProof, EqualRowsProof, LeftKernelProof, ExactRankProof,
                 GenericProof, TranslatesProof, CoverProof, CommutingProof, KernelPolynomialsProof,
                 GenericRankProof, KernelVectorProof, CholeskyProof, RecomputedProof,
                 BackpropagationProof>;

// ---- files ----

struct ClaimFile {
  Architecture network;
  std::optional<DatasetSpec> data;  // paths relative to the claim file; claims about weights need none
  std::vector<Property> properties;
};

std::string kind_of(const Property& property);
// One sentence for people.
std::string state(const Property& property, std::size_t samples);

// Canonical text of one property: equal exactly if the properties are. Evidence for rank is bound
// to its digest.
std::string property_text(const Property& property);

// Canonical text of the two files: the same value gives the same bytes.
std::string claim_text(const ClaimFile& claim);
std::string certificate_text(const std::string& claim_text, const std::vector<Proof>& proofs);

// Throw InputError naming the place in the file.
ClaimFile parse_claim(const std::string& text, const std::string& file);
std::vector<Proof> parse_certificate(const std::string& text, const std::string& file);

// The member of a family at one alpha.
PointSpec point_at(const Architecture& network, const Family& family, const Rational& alpha);

// Witnesses: all tensors of a point, as JSON text with exact rationals (and the alpha of a family), or
// as arrays for write_npz(): "NODE.weights" and "NODE.bias" are numerators over the numbers
// "NODE.weights.divisor", "NODE.bias.divisor". The latter throws InputError if one has more than 63
// bits.
std::string witness_text(const Architecture& network, const PointSpec& point,
                         const std::optional<Rational>& alpha);
std::map<std::string, NpyIntegers> witness_arrays(const Architecture& network,
                                                  const PointSpec& point);

}  // namespace widecert
