// Rules about suboptimal local minima of Phi = ||F_L - Y||^2 / 2: by convexity of Phi in F_L and the order that a
// residual defines on functions of the samples (proofs/minima/README.md, Theorem LM).
#include <algorithm>

#include "evaluate/curvature.h"
#include "evaluate/features.h"
#include "evaluate/loss.h"
#include "evidence/coupling.h"
#include "evidence/singular.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/verdict.h"
#include "rules/premise.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

struct Minimum {
  Objective objective;
  Ln2Forward forward;
  mpq_class radius;
  std::vector<std::vector<mpz_class>> samples;
  std::vector<Ln2Vector> residuals;
  Ln2 phi, product;  // <R, F>
};

Minimum read_minimum(const Question& q) {
  const Context& c = q.c;
  Objective objective(q);
  require(objective.loss.kind() == LossKind::square, "loss", "only the square loss is offered");
  const mpq_class radius = q.claim.at("radius").rational();
  // (A radius is a short number: intervals become as long as it is.)
  if (radius <= 0 || mpz_sizeinbase(radius.get_num_mpz_t(), 2) > 256 || mpz_sizeinbase(radius.get_den_mpz_t(), 2) > 256)
    q.claim.at("radius").bad("a positive number of at most 256 bits above and below");
  const std::size_t output = objective.output;
  require_size(c.data.size(), c.network.node(0).width + c.network.node(output).width);
  Minimum m{std::move(objective), Ln2Forward(c, output, q.claim.at("parameters")), radius, {}, {}, {}, {}};
  c.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
    const Ln2Forward::Values values = m.forward(x);
    const Ln2Vector r = m.objective.residual(i, values);
    m.phi = m.phi.plus(m.objective.loss.value(i, r, c.budget), c.budget);
    for (std::size_t j = 0; j < r.size(); ++j)
      m.product = m.product.plus(r.at(j, c.budget).times(values.at(output).at(j, c.budget), c.budget), c.budget);
    m.samples.push_back(x);
    m.residuals.push_back(r);
  });
  return m;
}

std::string in_words(const Question& q, const Minimum& m) {
  return "the claim's parameters are a local minimum of " + m.objective.loss.in_words() +
         ", F_L = " + m.objective.output_in_words() + ": Phi >= " + in_words(m.phi) + " wherever each entry of " +
         theta_in_words(q.c.network, m.objective.output) + " is within " + show_below(m.radius) + " of theirs" +
         frozen_in_words(q.c.network, m.objective.output);
}

void check_convex_order(const Question& q, const Minimum& m) {
  const Context& c = q.c;
  const std::size_t outputs = c.network.node(m.objective.output).width;
  require(m.product.zero(), "residual", "<R, F_L> is not 0: the coupled samples have different outputs");
  const Curvature curvature(m.forward, m.radius, read_precision(q.proof));
  const auto sum = residual_of_terms(c, q.proof.at("terms"), m.samples, outputs, curvature);
  for (std::size_t i = 0; i < sum.size(); ++i)
    for (std::size_t j = 0; j < outputs; ++j)
      require(m.residuals[i].at(j, c.budget).plus(Ln2(sum[i][j]).negative(), c.budget).zero(), "residual",
              "the terms do not add up to R = F_L - Y: sample " + number(i + 1));
}

void check_affine(const Question& q, const Minimum& m) {
  const Context& c = q.c;
  const Curvature curvature(m.forward, m.radius, read_precision(q.proof));
  const std::vector<BendLabel>& labels = curvature.outputs();
  for (const BendLabel& label : labels)
    require(label.affine, label.bent, "an output is not shown to be affine over the samples on the whole box");
  const bool constant = std::all_of(labels.begin(), labels.end(), [](const BendLabel& l) { return l.constant; });
  // 1^T R = 0, and X^T R = 0 unless all outputs are constant.
  const std::size_t outputs = labels.size();
  for (std::size_t k = 0; k <= (constant ? 0 : m.samples[0].size()); ++k) {
    Ln2Vector sum(outputs);
    for (std::size_t i = 0; i < m.samples.size(); ++i)
      sum.add(m.residuals[i].times(k == 0 ? mpz_class(1) : m.samples[i][k - 1], c.budget), c.budget);
    require(sum.zero(), "residual",
            k == 0 ? "the residuals do not sum to 0" : "the residuals are not orthogonal to input " + number(k));
  }
}

using Check = void (*)(const Question&, const Minimum&);

template <Check check>
Verdict local_minimum(const Question& q) {
  const Minimum m = read_minimum(q);
  check(q, m);
  return in_words(q, m);
}

template <Check check>
Verdict not_global(const Question& q) {
  const Minimum m = read_minimum(q);
  check(q, m);
  const Verdict better = topics::better_point(q, m.objective, m.phi);
  return {in_words(q, m) + "; " + better.sentence, better.error_bits};
}

constexpr Rule kRules[] = {{"local-minimum", "convex-order", local_minimum<check_convex_order>},
                           {"local-minimum", "affine-on-data", local_minimum<check_affine>},
                           {"local-minimum-not-global", "convex-order", not_global<check_convex_order>},
                           {"local-minimum-not-global", "affine-on-data", not_global<check_affine>}};

}  // namespace

constinit const Topic topics::minima{"minima", kRules};

}  // namespace widecheck
