#include <widecert/number/error.h>
#include "proofs/catalogue.h"
#include "proofs/weights/full_rank_weights.h"
#include "proofs/gradients/gradients.h"
#include "proofs/distinct/hypotheses.h"
#include "proofs/dependent/never_independent.h"
#include "proofs/dependent/open_set.h"
#include "proofs/generic/rank_at.h"
#include "proofs/rays/row_difference.h"
#include "proofs/singular/singular_values.h"
#include "proofs/rays/theorem_3_4.h"
#include "proofs/generic/theorem_3_5.h"
#include "proofs/generic/untied_biases.h"

#include <algorithm>

namespace widecert {
namespace {

Outcome prove_assumption_3_1(const Instance& instance, const Request& request, const Options&) {
  return assumption_3_1(instance, request.node);
}

}  // namespace

const std::vector<TheoremEntry>& catalogue() {
  static const std::vector<TheoremEntry> entries = {
      {"theorem-3.4",
       "Independent features at a wide layer",
       "Nguyen & Hein, ICML 2018, Theorem 3.4 (and Lemma D.1 below layer k)",
       "If layer k has at least N neurons, there are parameters of layers 1..k with rank F_k = N. "
       "widecert proves more: an explicit rational family theta_0 + alpha theta_1 and an explicit "
       "alpha_0 such that rank F_k = N for EVERY alpha >= alpha_0.",
       {"a chain of convolutional, dense and max-pooling layers, all parameters free",
        "n_k >= N, and one free bias per neuron in layer k",
        "Assumption 3.1: no data patch is shared by two samples",
        "Assumption 3.2 for the activation of layer k: relu, sigmoid, softplus, silu, gelu, mish, "
        "gaussian, one-minus-sigmoid",
        "below layer k: any activation but the steps (injective where Lemma D.1 puts its biases)"},
       {"independent-on-ray", "independent-somewhere", "patches-distinct", "features-distinct-at",
        "weights-full-rank-at", "never-independent", "patches-collide", "activation-violates"},
       {"triangular-ray", "h-matrix-ray", "from-ray", "distinct-digests", "separating-projection",
        "modular-elimination", "width", "affine-dimension", "patch-contents", "equal-samples", "equal-columns",
        "comparison", "activation-table"},
       {"not-a-chain", "layer-kind", "frozen-parameters", "width", "affine-dimension", "patch-contents", "equal-samples", "equal-columns",
        "tied-biases", "activation-violates", "patches-collide", "not-injective", "no-bias",
        "no-gap"},
       theorem_3_4_obstacle,
       prove_theorem_3_4},
      {"row-difference",
       "Independent features for bounded increasing activations",
       "after Nguyen & Hein, ICML 2017, Lemma 4.3",
       "For sigmoid and tanh, subtracting consecutive rows of [F_k, 1] leaves a matrix that turns "
       "triangular along a ray: rank [F_k, 1] = N with n_k >= N-1, and rank F_k = N with n_k >= N "
       "where one further neuron is saturated in place of the ones. This covers tanh, which "
       "violates "
       "Assumption 3.2.",
       {"a chain of convolutional, dense and max-pooling layers, all parameters free",
        "one free bias per neuron in layer k", "Assumption 3.1", "sigmoid or tanh at layer k",
        "at least two samples"},
       {"independent-on-ray", "affinely-independent-on-ray", "patches-distinct",
        "features-distinct-at", "weights-full-rank-at", "never-independent", "patches-collide"},
       {"row-difference-ray", "distinct-digests", "separating-projection", "modular-elimination",
        "width", "affine-dimension", "patch-contents", "equal-samples", "equal-columns", "comparison"},
       {"not-a-chain", "layer-kind", "frozen-parameters", "width", "affine-dimension", "patch-contents", "equal-samples", "equal-columns",
        "tied-biases", "one-sample", "not-bounded-increasing", "patches-collide", "not-injective",
        "no-bias", "no-gap"},
       row_difference_obstacle,
       prove_row_difference},
      {"assumption-3.1",
       "Data patches are distinct",
       "Nguyen & Hein, ICML 2018, Assumption 3.1",
       "x_i^p != x_j^q for all samples i != j and all patches p, q of the first layer; decided "
       "exactly, and where it fails the first offending (i, p, j, q) is reported.",
       {"the node is the layer that reads the input"},
       {"patches-distinct", "patches-collide"},
       {"distinct-digests", "comparison"},
       {"layer-kind", "patches-collide"},
       nullptr,
       prove_assumption_3_1},
      {"full-rank-weights",
       "The weight matrix U has full rank for almost every W",
       "Nguyen & Hein, ICML 2018, Assumption 2.4 and Lemma 2.5",
       "Decides, for any patches, whether some filters W give U = M(W) full rank min(n_{k-1}, n_k), and "
       "hence almost every W: by explicit filters, or by a bound of the rank that holds for every W. "
       "The paper's remark that patches which cover the layer and differ suffice is false.",
       {"a linear layer with free weights; no data"},
       {"weights-full-rank", "weights-never-full-rank", "weights-generic-rank"},
       {"modular-elimination", "exact-rank", "cover", "commuting-filters", "kernel-polynomials",
        "generic-rank"},
       {"uncovered-inputs", "cover", "commuting-filters", "kernel-polynomials", "rank-is-full",
        "rank-deficient", "too-large", "frozen-parameters"},
       nullptr,
       prove_full_rank_weights,
       false},
      {"weights-rank-at",
       "The rank of the weight matrix U at given filters",
       "Nguyen & Hein, ICML 2018, Lemma 2.5 at one W",
       "rank M(W) = min(n_{k-1}, n_k) or less, at the filters of the case (or at seeded ones), exactly, "
       "with a vector in the kernel where it is less.",
       {"a linear layer; no data"},
       {"weights-full-rank-at", "weights-deficient-at"},
       {"modular-elimination", "exact-rank", "kernel-vector"},
       {"rank-deficient", "rank-is-full", "too-large"},
       nullptr,
       prove_weights_rank_at,
       false,
       {"parameters"}},
      {"theorem-3.5",
       "Independent features for almost every parameter",
       "Nguyen & Hein, ICML 2018, Theorem 3.5, and beyond it",
       "rank F_k = min(N, n_k) for Lebesgue-almost every parameter: Theta is the space of all free "
       "tensors with the ties of the bias modes. Without Assumption 3.1, with tied or absent biases, "
       "zero padding, strides, average pooling, sums, concatenations and batch norm.",
       {"by untied biases, as the theorem of that name says; or:",
        "every operation up to the layer is real analytic: no max pooling, no relu, leaky relu, elu "
        "or step (those are refuted where an open set of parameters with rank F_k < N is found)",
        "a limit of the network has full rank at some integer point: softplus, silu, gelu and mish "
        "tend to relu; sigmoid to the half-step and tanh to sign; softplus with one free bias per "
        "neuron may be replaced by sigmoid at layer k; or sigmoid and tanh at a point in ln 2 times the "
        "integers",
        "what has to grow in the limit is free (not frozen)"},
       {"independent-almost-everywhere", "never-independent", "dependent-on-open-set"},
       {"translates", "analytic-point", "relu-limit", "step-limit", "lattice-point", "derivative", "width", "equal-samples",
        "equal-columns", "affine-dimension", "patch-contents", "units-without-kinks"},
       {"max-pooling", "dependent-on-open-set", "not-analytic", "equal-samples", "equal-columns",
        "affine-dimension", "patch-contents", "no-limit", "rank-not-decided", "too-large"},
       theorem_3_5_obstacle,
       prove_theorem_3_5,
       true,
       {"rule"}},
      {"untied-biases",
       "Independent features by untied biases",
       "Q. Nguyen's thesis (2019), Lemma 4.3.2 and Assumption 3.4.2, without its condition on softplus",
       "If layer k has one free bias per neuron and every neuron below it keeps the samples apart, then "
       "rank F_k = min(N, n_k) for almost every parameter (analytic activation at layer k), and rank "
       "F_k = N for some parameter (any activation that is not linear): for tanh, leaky relu and elu "
       "too, and above max pooling.",
       {"layer k: free filters, one free bias per neuron, an activation whose translates are "
        "independent (all but linear ones); for almost every parameter an analytic one",
        "no two samples share the content of any patch of the first layer (at the same place; with "
        "tied biases below a max pooling at any two places: Assumption 3.1)",
        "below layer k: free filters; activations that are strictly monotone, or analytic with a free "
        "bias; max pooling above a linear layer"},
       {"independent-almost-everywhere", "independent-somewhere", "never-independent",
        "patches-collide"},
       {"translates", "comparison", "width", "affine-dimension", "patch-contents", "equal-samples",
        "equal-columns"},
       {"layer-kind", "tied-biases", "frozen-parameters", "linear-activation", "not-analytic",
        "not-injective", "zero-padding", "patches-collide", "width", "affine-dimension",
        "patch-contents", "equal-samples", "equal-columns"},
       untied_biases_obstacle,
       prove_untied_biases},
      {"rank-at",
       "The exact rank of the features at given parameters",
       "Nguyen & Hein, ICML 2018, Table 2, whose ranks are estimates",
       "rank F_k = min(N, n_k), or rank F_k < N, at the parameters of the case (or at seeded ones), "
       "decided exactly for networks with rational values; for other activations full rank by a bound of "
       "sigma_min (theorem singular-values).",
       {"relu, leaky relu, identity and steps as activations for an exact decision; any pooling, sums, "
        "concatenations, batch norm"},
       {"independent-at", "dependent-at"},
       {"exact-rank", "integer-cholesky", "recomputed", "width", "affine-dimension", "units-without-kinks", "equal-rows",
        "left-kernel"},
       {"irrational-values", "rank-deficient", "rank-is-full", "rank-not-decided", "too-large", "not-certified"},
       nullptr,
       prove_rank_at,
       true,
       {"parameters"}},
      {"singular-values",
       "The singular values of the features at given parameters, enclosed",
       "Nguyen & Hein, ICML 2018, Table 2, whose numbers are estimates in single precision",
       "Rigorous bounds of the smallest and the largest singular value of F_k, or of [F_k, 1_N], at given "
       "weights, whatever the activation: in double with error bounds, by balls where doubles do not decide. "
       "Beyond some thousand samples the outcome is \"recomputed\", which is not proved.",
       {"any architecture and any parameters, rational or floats read exactly"},
       {"singular-value-bounds", "independent-at"},
       {"integer-cholesky", "recomputed"},
       {"not-certified", "too-large"},
       nullptr,
       prove_singular_values,
       true,
       {"parameters", "matrix"}},
      {"in-s-k",
       "The parameters lie in S_k",
       "Nguyen & Hein, ICML 2018, the set S_k before Theorem 4.5",
       "F_k has full rank N and the weight matrices U_{k+2}, ..., U_L have full rank at the given parameters, "
       "each with its margin: a lower bound of its smallest singular value. As claims of their own "
       "(weights-singular-value-bounds): the singular values of these U, enclosed.",
       {"linear layers and activations by turns above layer k, the last one linear", "n_k >= N"},
       {"in-s-k", "weights-singular-value-bounds"},
       {"integer-cholesky"},
       {"not-a-chain", "width", "not-certified", "too-large"},
       nullptr,
       prove_in_s_k,
       true,
       {"parameters", "output"}},
      {"gradients",
       "Gradients above a wide layer bound the loss",
       "Nguyen & Hein, ICML 2018, Lemma H.1 and Lemma 4.3; a sharper constant",
       "With Phi = 1/2 ||F_L - Y||^2 and the gradient for U_{k+1} as a free matrix: constants lower, upper with "
       "lower ||F_L - Y|| <= ||gradient|| <= upper ||F_L - Y|| for every Y (Lemma 4.3); Phi <= ||gradient||^2 / (2 mu) "
       "with mu = lambda_min(F F^T) min_i lambda_min(D_i D_i^T); and both norms for a given Y. For a layer k+1 that "
       "shares filters this is not the gradient for its filters.",
       {"linear layers and differentiable activations by turns above layer k, the last one linear",
        "n_k >= N (or N - 1 with biases) for bounds from below"},
       {"gradient-bounds", "gradient-dominance", "gradient-enclosure"},
       {"backpropagation"},
       {"not-a-chain", "not-differentiable", "width", "not-certified", "too-large"},
       nullptr,
       prove_gradients,
       true,
       {"parameters", "output", "targets"}},
      {"open-set",
       "Dependent features on an open set of parameters",
       "the limits of Theorem 3.5: relu, leaky relu, elu",
       "A box of parameters on which no unit comes near its kink, so that all features are 0 or "
       "affine functions of the input and rank F_k < N throughout: \"almost every parameter\" fails "
       "for these activations.",
       {"relu at layer k, or leaky relu or elu with less than N affine dimensions below",
        "free weights and biases"},
       {"dependent-on-open-set"},
       {"units-without-kinks"},
       {"no-open-set"},
       nullptr,
       prove_open_set},
      {"never-independent",
       "The features are dependent for every parameter",
       "elementary; the converse of the width condition",
       "rank F_k < N whatever the parameters, because the layer has fewer than N neurons, the network "
       "is affine through few neurons up to it, its patches take few different contents on the data, two "
       "samples are equal, or tied biases force equal columns.",
       {"any architecture"},
       {"never-independent"},
       {"width", "affine-dimension", "patch-contents", "equal-samples", "equal-columns"},
       {"no-structural-reason"},
       nullptr,
       prove_never_independent},
  };
  return entries;
}

const TheoremEntry& theorem(const std::string& id) {
  std::string known;
  for (const TheoremEntry& entry : catalogue()) {
    if (entry.id == id) return entry;
    known += (known.empty() ? "" : ", ") + entry.id;
  }
  throw InputError("there is no theorem \"" + id + "\"; the catalogue has: " + known);
}

Outcome prove(const Instance& instance, const Request& request, const Options& options) {
  const TheoremEntry& entry = theorem(request.theorem);
  if (!request.claim.empty() &&
      std::find(entry.claims.begin(), entry.claims.end(), request.claim) == entry.claims.end()) {
    throw InputError("theorem \"" + entry.id + "\" does not prove \"" + request.claim +
                     "\"; see widecert explain " + entry.id);
  }
  if (entry.needs_data && instance.data.size() == 0) {
    throw InputError("theorem \"" + entry.id + "\" speaks of samples; the case has no \"data\"");
  }
  return entry.prove(instance, request, options);
}

}  // namespace widecert
