#include <cblas.h>
#include <widecert/linalg/full_rank_search.h>
#include <widecert/linalg/power_method.h>
#include <widecert/linalg/transposed_lu.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace widecert {
namespace {

// What a step has led to: a verdict, or none yet.
struct Step {
  SearchState now;
  std::optional<std::variant<Certified, Undecided>> verdict;
};

Step undecided(SearchState now, std::string reason) { return {std::move(now), Undecided{std::move(reason)}}; }
Step without_preconditioner(SearchState now) { return undecided(std::move(now), "no preconditioner was found"); }

// Why the search cannot go on, if so.
std::optional<std::string> obstacle(const PreconditionedMatrix& b, const SingularOptions& options) {
  std::optional<std::string> reason;
  if (!(b.error() < 0x1p400)) reason = "overflow";
  if (options.stop && options.stop()) reason = "more time than allowed";
  return reason;
}

// The Gram matrix of B may decide.
Step tested(SearchState now, const SingularOptions& options) {
  if (auto reason = obstacle(now.b, options)) return undecided(std::move(now), *std::move(reason));
  now.test = gram_test(now.b.high(), now.b.error());
  if (!now.test->factor) return {std::move(now), {}};
  const Certified certified{now.test->least};
  return {std::move(now), certified};
}

// How soon the factorization of A' A'^T stops tells how fast the singular values fall. If they go on like that, the
// plain product with X from a shifted Gram matrix is enough for the rank up to about 10^11 (the constants are
// measured); beyond that its cost is saved.
bool falls_slowly(const GramTest& test) {
  const auto m = static_cast<double>(test.gram.value.rows());
  return static_cast<double>(test.rows) > 0.42 * m * std::pow(m / 1000, -0.05);
}

// From B = A': by one preconditioner from the Gram matrix. Without a verdict B is A' again.
Step by_shifted_gram(const ScaledRows& a, SearchState now, const SingularOptions& options) {
  std::optional<Preconditioner> x = preconditioner_from_gram(now.test->gram);
  if (!x) return without_preconditioner(std::move(now));
  ++now.level;
  now.b = std::move(now.b).with(*std::move(x), now.slices);
  now.test.reset();
  Step step = tested(std::move(now), options);
  if (!step.verdict) {
    step.now.b = PreconditionedMatrix(a);
    step.now.test.reset();
  }
  return step;
}

// From B = A': takes X = U^-T of A'^T = P L U and B = X A', with as many slices as the size of X calls for. If B is as
// close to W = L^T P^T as it should be, sigma_min(W) decides, whose Gram matrix costs less than that of B.
Step by_elimination(const ScaledRows& a, SearchState now, const SingularOptions& options) {
  if (auto reason = obstacle(now.b, options)) return undecided(std::move(now), *std::move(reason));
  if (options.most_levels < 1) {
    return undecided(std::move(now), "the condition number is too large without preconditioning");
  }
  const TransposedLu lu(a.middle().high);
  std::optional<Preconditioner> inverse = lu.preconditioner();
  if (!inverse) return without_preconditioner(std::move(now));
  now.level = 1;
  const double sharp = options.width > 0 ? std::min(0.02, options.width / 8) : 0.02;
  const double part = options.effort == Effort::sharp ? sharp : 0.25, estimate = lu.estimated_sigma_min();
  double norm = inverse->norm, needed = part * estimate;
  std::vector<Preconditioner> x;
  x.push_back(*std::move(inverse));
  const double size = frobenius_up(a.middle().high);
  const bool vague = norm * a.radius > needed;
  // The rounding errors of dgetrf (measured) take B from W by about 3 u ||X|| ||A||.
  const bool near = options.effort == Effort::rank && !vague && 3 * kUnitRoundoff * norm * size < 0.6 * estimate;
  double least = 0;  // sigma_min(W) is at least this
  if (near || vague) {
    const double shift = 0.45 * estimate * estimate;
    std::optional<CholeskyFactor> factor = cholesky(lu.gram(), -shift);
    if (factor) least = sigma_min_low(*factor, shift);
    if (factor && vague) {
      // The smaller X, the less the radius counts: the rows of X A' are made orthogonal.
      std::optional<Preconditioner> smaller = inverse_of_lower(std::move(factor->l));
      if (!smaller) return without_preconditioner(std::move(now));
      ++now.level;
      x = joined(std::move(x), *std::move(smaller));
      norm = x.back().norm;
      needed = part;
    }
  }
  now.slices = 1;
  while (now.slices < options.most_slices && expected_error(norm, size, a.middle().high.rows(), now.slices) > needed) {
    ++now.slices;
  }
  now.b = PreconditionedMatrix(a, std::move(x), now.slices);
  now.test.reset();
  if (!near) return {std::move(now), {}};
  least = sub_down(least, distance_up(now.b.high(), lu.w()));
  if (!(least > now.b.error())) return {std::move(now), {}};
  return {std::move(now), Certified{least}};
}

// From a test that did not decide: another preconditioner, or more slices.
Step refined(SearchState now, const SingularOptions& options) {
  const double e = now.b.error();
  const bool unsure = mul_up(e, e) > now.test->loss;  // B is not known well enough
  if (unsure && now.b.errors().radius > 0.5 * e) {
    return undecided(std::move(now), "the entries are not known well enough for the condition of the matrix");
  }
  if (unsure) ++now.slices;
  if (now.slices > options.most_slices || (!unsure && now.level >= options.most_levels)) {
    return undecided(std::move(now), "the condition number is too large for this precision");
  }
  if (unsure) {
    now.b = std::move(now.b).with_slices(now.slices);
  } else {
    std::optional<Preconditioner> x = preconditioner_from_gram(now.test->gram);
    if (!x) return without_preconditioner(std::move(now));
    ++now.level;
    now.slices = std::max(now.slices, std::min(now.level, options.most_slices));
    now.b = std::move(now.b).with(*std::move(x), now.slices);
  }
  now.test.reset();
  return {std::move(now), {}};
}

// Whether the Gram matrix of A' decided, but loses too much for the bounds that are asked for.
bool too_vague(const Step& step, const SingularOptions& options) {
  if (!step.verdict || !std::holds_alternative<Certified>(*step.verdict)) return false;
  if (options.effort != Effort::sharp || !(options.width > 0) || options.most_levels < 1) return false;
  const GramTest& test = *step.now.test;
  const Matrix<double>& l = test.factor->l;
  const int m = static_cast<int>(l.rows());
  Eigen::VectorXd v = generic_vector(m);
  const double growth = power_method(
      v, 50,
      [&](Eigen::VectorXd& y) {
        cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, m, l.data(), m, y.data(), 1);
        cblas_dtrsv(CblasRowMajor, CblasLower, CblasTrans, CblasNonUnit, m, l.data(), m, y.data(), 1);
      },
      0.01);
  return test.loss * growth > options.width / 4;
}

}  // namespace

FullRankSearch search_full_rank(const ScaledRows& a, const SingularOptions& options) {
  if (!a.zero_row.empty()) {
    // Nothing to look for; the Gram matrix is for the other bounds.
    SearchState now{PreconditionedMatrix(a), {}};
    if (options.effort == Effort::sharp) now.test = gram_test(now.b.high(), now.b.error());
    return {std::move(now), Undecided{a.zero_row}};
  }
  Step step = tested({PreconditionedMatrix(a), {}}, options);
  if (too_vague(step, options)) {
    FullRankSearch plain{std::move(step.now), *std::move(step.verdict)};
    Step finer = by_elimination(a, {PreconditionedMatrix(a), {}}, options);
    while (!finer.verdict) {
      finer = tested(std::move(finer.now), options);
      if (!finer.verdict) finer = refined(std::move(finer.now), options);
    }
    if (!std::holds_alternative<Certified>(*finer.verdict)) return plain;
    return {std::move(finer.now), *std::move(finer.verdict)};
  }
  if (!step.verdict && options.effort == Effort::rank && options.most_levels > 0 && falls_slowly(*step.now.test)) {
    step = by_shifted_gram(a, std::move(step.now), options);
  }
  if (!step.verdict) step = by_elimination(a, std::move(step.now), options);
  while (!step.verdict) {
    step = tested(std::move(step.now), options);
    if (!step.verdict) step = refined(std::move(step.now), options);
  }
  return {std::move(step.now), *std::move(step.verdict)};
}

}  // namespace widecert
