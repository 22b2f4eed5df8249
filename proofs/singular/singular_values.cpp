#include <fmt/format.h>
#include <widecert/network/feature_source.h>
#include <widecert/number/error.h>
#include <widecert/network/random_point.h>
#include "proofs/singular/singular_values.h"

#include <algorithm>
#include <cmath>

namespace widecert {
namespace {

// What the checker accepts to do in a few minutes, in products of 64-bit numbers, and in entries.
constexpr double kMostProducts = 3e11, kMostEntries = 1 << 25;

// Integers in the ratios of the entries, the largest of 62 bits.
std::vector<Integer> integers(const std::vector<double>& v) {
  double most = 0;
  for (double x : v) most = std::max(most, std::abs(x));
  int exponent = 0;
  std::frexp(most, &exponent);
  std::vector<Integer> out;
  for (double x : v) out.emplace_back(static_cast<std::int64_t>(std::ldexp(x, 62 - exponent)));
  return out;
}

// What the bounds rest on, for people.
void add_ingredients(Outcome& outcome, const std::string& what, const LadderResult& found, const ShownBounds& claimed) {
  outcome.ingredients.emplace_back(what, fmt::format("smallest in {}, largest in {}", shown(claimed.smallest),
                                                     shown(claimed.largest)));
  std::string how = to_string(found.rung);
  if (found.bounds.level > 0) how += fmt::format(", preconditioned {} times", found.bounds.level);
  if (found.rung == Rung::balls) how += fmt::format(" of {} bits", found.bits);
  outcome.ingredients.emplace_back("rung", how);
}

Outcome undecided(const std::string& name, const LadderResult& found) {
  return {Verdict::undecided, "not-certified",
          fmt::format("full rank of {} is not certified: {}", name, found.undecided), {}, {}};
}

}  // namespace

LadderOptions ladder_options(const Options& options) {
  LadderOptions ladder;
  ladder.most_bytes = static_cast<double>(options.memory);
  ladder.most_seconds = options.rung_seconds;
  ladder.tick = [&options](const std::string& rung) { options.progress("bounds by " + rung, 0, 1); };
  return ladder;
}

std::string shown(const Range& range) {
  return fmt::format("[{}, {}]", decimal_below(range.low, 6), decimal_above(range.high, 6));
}

ShownBounds show_bounds(const SingularBounds& b, std::size_t rows, std::size_t cols) {
  ShownBounds out;
  // Outward by 1/32, to 10 binary digits.
  const auto up = [](double x) { return short_upper_bound(exactly(x) * Rational(33, 32), 10); };
  const auto down = [](double x) { return x > 0 ? short_lower_bound(exactly(x) * Rational(31, 32), 10) : Rational(0); };
  out.smallest = {down(b.smallest_low), up(std::min(b.smallest_high, b.largest_high))};
  out.largest = {down(b.largest_low), up(b.largest_high)};
  // The checker loses (m + 1) (||A|| + 1) in units of its grid squared, and sqrt(m n) units.
  const double m = static_cast<double>(std::min(rows, cols)), n = static_cast<double>(std::max(rows, cols));
  const double low = std::max(out.smallest.low.convert_to<double>(), 1e-300), most = b.largest_high + 1;
  out.proof.bits = static_cast<long>(std::ceil(
      std::max({std::log2((m + 2) * 128) + std::log2(most) - 2 * std::log2(low),
                std::log2(128 * std::sqrt(m * n) + 128) - std::log2(low), 24 - std::log2(std::max(1e-300, b.largest_low))})));
  out.proof.bits = std::clamp<long>(out.proof.bits, 8, 4096);
  out.proof.smallest = b.smallest_integers.empty() ? integers(b.smallest_vector) : b.smallest_integers;
  out.proof.largest = integers(b.largest_vector);
  const double words = 1 + (static_cast<double>(out.proof.bits) + std::log2(most)) / 64;
  const bool small = 2 * (static_cast<double>(out.proof.bits) + std::log2(most)) + 2 < 118;
  out.too_large = m * m * (n + m / 3) * (small ? 1 : 8 + words * words) > kMostProducts || m * n > kMostEntries;
  return out;
}

long precision_for(const Architecture& network, const IntegerPoint& point, std::size_t target, long bits) {
  if (rational_valued(network, target)) return 0;
  // What an error grows by on its way up: the row sums of the weights; an activation at most doubles it.
  double growth = 8;
  for (std::size_t i : network.ancestors(target)) {
    const Node& node = network.node(i);
    if (std::holds_alternative<ActivationSpec>(node.spec)) growth += 2;
    const auto found = point.find(i);
    if (found == point.end()) continue;
    const IntegerTensor& w = found->second.weights;
    double most = 1;
    std::size_t entry = 0;
    for (std::size_t length : w.shape) {
      double sum = 0;
      for (std::size_t r = 0; r < length; ++r) sum += std::abs(quotient_near(w.at(entry++), w.divisor));
      most = std::max(most, sum);
    }
    growth += std::log2(most);
  }
  return std::min<long>(4096, bits + static_cast<long>(growth));
}

Outcome prove_singular_values(const Instance& instance, const Request& request, const Options& options) {
  const Architecture& network = instance.network;
  const std::size_t node = network.index_of(request.node), n = instance.data.size();
  const Node& output = network.node(node);
  const bool rank_only = request.claim == "independent-at", ones = request.matrix == "[F, 1]";
  if (rank_only && ones) {
    throw InputError(
        "independent-at speaks of F, not of [F, 1]; singular-value-bounds with a positive lower bound says that [F, 1] has "
        "full rank");
  }
  const PointSpec spec = request.parameters ? *request.parameters : random_point(network, node, options.seed);
  const IntegerPoint point = integer_point(network, spec, node);
  const MatrixSource source = feature_source(network, point, node, instance.data, ones);
  const std::string name = ones ? "[F(" + output.name + "), 1]" : "F(" + output.name + ")";
  const LadderResult found = climb(source, ladder_options(options));
  if (rank_only && !found.bounds.full_rank) return undecided(name, found);
  if (!(found.bounds.largest_high < std::numeric_limits<double>::infinity())) return undecided(name, found);
  ShownBounds claimed = show_bounds(found.bounds, source.rows, source.cols);
  claimed.proof.precision = precision_for(network, point, node, claimed.proof.bits);
  Outcome outcome;
  outcome.verdict = Verdict::proved;
  outcome.explanation = found.bounds.full_rank
                            ? fmt::format("{} ({} x {}) has full rank at the {} parameters", name, source.rows,
                                          source.cols, request.parameters ? "given" : "seeded")
                            : "bounds only; full rank is not certified: " + found.undecided;
  add_ingredients(outcome, name, found, claimed);
  Property property;
  if (rank_only) {
    claimed.proof.lower = claimed.smallest.low;
    if (claimed.proof.lower == 0) return undecided(name, found);
    claimed.proof.smallest.clear();
    claimed.proof.largest.clear();
    property = IndependentAt{output.name, std::min(n, output.width), spec};
  } else {
    if (claimed.proof.smallest.empty()) {  // no vector was found: then the largest will do
      claimed.proof.smallest = claimed.proof.largest;
      claimed.smallest.high = claimed.largest.high;
    }
    property = SingularValueBounds{output.name, ones, claimed.smallest, claimed.largest, spec};
  }
  if (claimed.too_large) {
    outcome.verdict = Verdict::recomputed;
    outcome.reason = "too-large";
    outcome.explanation += "; too large for the checker, which repeats it on some samples only";
    outcome.findings = {{property, RecomputedProof{claimed.proof.bits, claimed.proof.precision, claimed.proof.lower}}};
    return outcome;
  }
  outcome.findings = {{property, claimed.proof}};
  return outcome;
}

}  // namespace widecert
