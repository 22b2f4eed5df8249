// Rules about singular values of feature matrices at given parameters (evidence/singular.h); full rank as
// far as it follows from them.
#include "evidence/singular.h"

#include <optional>

#include "evaluate/features.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

// Whether a claim speaks of [F, 1].
bool read_ones(const Value& claim) {
  const std::string name = claim.at("matrix").text();
  if (name != "F" && name != "[F, 1]") claim.at("matrix").bad("\"F\" or \"[F, 1]\"");
  return name != "F";
}

mpq_class read_lower(const Value& proof) {
  const mpq_class lower = proof.at("lower").rational();
  require_positive(lower);
  return lower;
}

Verdict independent_at(const Question& q) {
  const std::size_t node = q.node();
  const unsigned precision = read_precision(q.proof), bits = read_bits(q.proof);
  const Features f(q.c, node, precision);
  const std::size_t rank = f.read_rank(q.claim);
  const mpq_class lower = read_lower(q.proof);
  const auto theta = f.read_point(q.claim.at("parameters"));
  require_smallest(q.c, feature_matrix(q.c, node, theta, precision, bits, false), lower);
  return rank_in_words(q.c, node, rank) + " at " + point_in_words(q.c.network, node, q.claim.at("parameters")) +
         ", with sigma_min >= " + show_below(lower);
}

Verdict singular_value_bounds(const Question& q) {
  const std::size_t node = q.node();
  const bool ones = read_ones(q.claim);
  const Interval smallest = read_range(q.claim.at("smallest")), largest = read_range(q.claim.at("largest"));
  const unsigned precision = read_precision(q.proof), bits = read_bits(q.proof);
  const Features f(q.c, node, precision);
  const auto theta = f.read_point(q.claim.at("parameters"));
  require_bounds(q.c, feature_matrix(q.c, node, theta, precision, bits, ones), smallest, largest, q.proof);
  const bool tall = f.width() + (ones ? 1 : 0) < f.samples();
  const std::string full = tall ? " (full column rank)" : " (full rank)", matrix = "F(" + f.node().name + ")";
  return "the singular values of " + (ones ? "[" + matrix + ", 1]" : matrix) + " at " +
         point_in_words(q.c.network, node, q.claim.at("parameters")) + ": smallest in " + show(smallest) +
         ", largest in " + show(largest) + (smallest.low > 0 ? full : "");
}

// ---- repeated in part: nothing is proved ----

// What holds for F holds for the rows of every `step` samples.
Verdict recompute(const Question& q, const Features& f, unsigned precision, bool ones, const mpq_class& smallest,
                  const std::optional<mpq_class>& largest) {
  constexpr std::size_t kRows = 256;
  const unsigned bits = read_bits(q.proof);
  const auto theta = f.read_point(q.claim.at("parameters"));
  const std::size_t step = (f.samples() + kRows - 1) / kRows;
  FeatureScaler scaler(q.c, (f.samples() + step - 1) / step, f.width(), bits, ones);
  const Forward forward = make_forward(q.c, q.c.network, q.node(), theta, precision);
  q.c.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
    if (i % step == 0) scaler.add(forward(x));
  });
  const ScaledMatrix rows = scaler.take();
  // With fewer columns than samples the smallest singular value is that of the columns: rows tell
  // nothing.
  if (f.width() + (ones ? 1 : 0) >= f.samples()) require_smallest(q.c, rows, smallest);
  if (largest) require_largest(q.c, rows, *largest);
  Verdict verdict(q.kind + " of layer " + f.node().name + ": repeated on one of " + number(step) +
                  " samples only; the rest is the prover's floating-point arithmetic");
  verdict.recomputed = true;
  return verdict;
}

Verdict recomputed_bounds(const Question& q) {
  const unsigned precision = read_precision(q.proof);
  const bool ones = read_ones(q.claim);
  const mpq_class smallest = read_range(q.claim.at("smallest")).low, largest = read_range(q.claim.at("largest")).high;
  return recompute(q, Features(q.c, q.node(), precision), precision, ones, smallest, largest);
}

Verdict recomputed_independence(const Question& q) {
  const unsigned precision = read_precision(q.proof);
  const Features f(q.c, q.node(), precision);
  f.read_rank(q.claim);
  return recompute(q, f, precision, false, read_lower(q.proof), {});
}

constexpr Rule kRules[] = {{"independent-at", "integer-cholesky", independent_at},
                           {"independent-at", "recomputed", recomputed_independence},
                           {"singular-value-bounds", "integer-cholesky", singular_value_bounds},
                           {"singular-value-bounds", "recomputed", recomputed_bounds}};

}  // namespace

constinit const Topic topics::singular{"singular", kRules};

}  // namespace widecheck
