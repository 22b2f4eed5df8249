// The construction that Theorem 3.4 and the row-difference argument share: parameters of the lower
// layers (Lemma D.1), separating filters for layer k, the order gamma and the gaps, with loops over
// seeds (when two samples tie) and over the precision (when enclosures are too wide).
#pragma once

#include "proofs/distinct/lemma_d1.h"
#include "proofs/rays/lemma_m.h"
#include "proofs/rays/separation.h"
#include "proofs/rays/shared_direction.h"

namespace widecert {

// Where the filters of layer k point: each on its own way, or all of a bank nearly along one direction.
enum class Filters { by_size, separate, shared };
Filters read_filters(const Entry& entry);
extern const std::pair<std::string, std::string> kFiltersKey;
// Theorem::read where an entry says how the filters point, beside node and claim.
using FiltersProver = Outcome (*)(const Instance&, std::size_t node, const std::string& claim, Filters, const Options&);
template <FiltersProver prove>
Prover read_with_filters(const Entry& entry) {
  return
      [node = entry.node, claim = entry.claim, filters = read_filters(entry)](
          const Instance& instance, const Options& options) { return prove(instance, node, claim, filters, options); };
}
// Whether they share a direction: as asked for, or by the products that separate ones would take.
bool share_direction(Filters filters, const Instance& instance, const ChainPosition& at);

// Why Assumption 3.1 fails, if it does, and whether filters that may do without were asked for.
std::optional<Outcome> collision(const Instance& instance, const ChainPosition& at, Filters filters);

struct RayConstruction {
  LowerLayers lower;
  TensorSpec slope;  // of W_k: v^t = -a^t, times the orientation
  int orientation = 1;
  Separation gaps;
  std::optional<Along> along;       // if filters share a direction
  int bits = 0;                     // precision for the checker; 0 where everything is rational
  std::optional<Finding> distinct;  // Lemma D.1's conclusion, for k > 1
};

// Fails with an undecided outcome "no-gap" if no seed and no precision up to 1024 bits separates
// the samples, or as choose_lower_layers does.
std::optional<RayConstruction> construct_ray(const Instance& instance, const ChainPosition& at, const Options& options,
                                             int orientation, std::size_t neurons, Centre centre, bool saturated,
                                             bool shared, Outcome& failure);

// The family theta(alpha) of the construction: lower layers constant; W_k = alpha v^t, b_j = alpha
// c_j + beta, both times the orientation. Neurons without a centre get bias 0. Large tensors go to files of the
// outcome.
Family ray_family(const Instance& instance, const ChainPosition& at, const RayConstruction& ray, const Rational& beta,
                  const Options& options, std::vector<Attachment>& files);

// What the checker is told of it.
RayProof ray_proof(const RayConstruction& ray, RayRule rule, bool saturated, const Options& options,
                   std::vector<Attachment>& files);

// Adds to a proved outcome: lines for people (delta, Delta, beta, alpha_0, precision), the numbers, the witness, and
// what is claimed beside the ray: Assumption 3.1 on the data, Lemma D.1's conclusion (k > 1),
// and full rank of U_1..U_k at the family's filters, each by modular elimination where min(n_{l-1},
// n_l)
// <= 4,000 (layer k: at the slope, hence at every alpha != 0). A rank that is not found is left
// out: the claim on features never waits for it.
void add_ray(const Instance& instance, const ChainPosition& at, const RayConstruction& ray,
             const RayThreshold& threshold, const Family& family, const Progress& progress, Outcome& outcome);

}  // namespace widecert
