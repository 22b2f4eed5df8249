#include "proofs/singular/singular_values.h"

#include <fmt/format.h>
#include <widecert/network/feature_source.h>
#include <widecert/network/random_point.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <cmath>

#include "proofs/dependent/rank_equals.h"
#include "proofs/generic/feature_rank.h"

namespace widecert {
namespace {

// What the checker accepts to do in a few minutes, in products of 64-bit numbers, and in entries.
constexpr double kMostProducts = 3e11, kMostEntries = 1 << 25;
// So many entries of F are worth a look for an exact kernel.
constexpr std::size_t kMostForKernel = 1'000'000;

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
void add_ingredients(Outcome& outcome, const std::string& what, const LadderResult& found, const ShownBounds& claimed,
                     int digits) {
  outcome.ingredients.emplace_back(what, fmt::format("smallest in {}, largest in {}", shown(claimed.smallest, digits),
                                                     shown(claimed.largest, digits)));
  std::string how = to_string(found.rung);
  if (found.bounds.level > 0) how += fmt::format(", preconditioned {} times", found.bounds.level);
  if (found.rung == Rung::balls) how += fmt::format(" of {} bits", found.bits);
  outcome.ingredients.emplace_back("rung", how);
}

Outcome not_certified(const std::string& name, const LadderResult& found) {
  return undecided("not-certified", fmt::format("full rank of {} is not certified: {}", name, found.undecided));
}

Keys grid(const CholeskyProof& p) {
  Keys keys{{"bits", p.bits}};
  if (p.precision != 0) keys.emplace_back("precision", p.precision);
  if (p.lower != 0) keys.emplace_back("lower", p.lower);
  return keys;
}

}  // namespace

Proof as_proof(const CholeskyProof& p) {
  Keys keys = grid(p);
  if (!p.smallest.empty()) keys.emplace_back("smallest", p.smallest);
  if (!p.largest.empty()) keys.emplace_back("largest", p.largest);
  return Proof("integer-cholesky", keys);
}

LadderOptions ladder_options(const Options& options) {
  LadderOptions ladder;
  ladder.most_bytes = static_cast<double>(options.memory);
  ladder.most_seconds = options.rung_seconds;
  ladder.answer_by = options.answer_by;
  ladder.tick = [&options](const std::string& rung) { options.progress("bounds by " + rung, 0, 1); };
  return ladder;
}

std::string shown(const Range& range, int digits) {
  return fmt::format("[{}, {}]", decimal_below(range.low, digits), decimal_above(range.high, digits));
}

ShownBounds show_bounds(const SingularBounds& b, std::size_t rows, std::size_t cols, double width) {
  if (!b.is_bounded()) throw InputError("no bound of the largest singular value was found in the time that was given");
  ShownBounds out;
  // Outward by 1/32, to 10 binary digits; or as little as the width asks for. Of what may be 0 no bound is sharper than
  // the grid that shows it.
  constexpr double kLeast = 0x1p-100;
  const int scale = width > 0 ? static_cast<int>(std::ceil(-std::log2(width))) : 1;
  const int digits = width > 0 ? scale + 6 : 10;
  const Integer parts = Integer(1) << static_cast<unsigned>(scale + 4);
  const double least = b.smallest_low > 0 ? 0 : kLeast;
  const auto up = [&](double x) {
    return short_upper_bound(exactly(std::max(x, least)) * Rational(parts + 1, parts), digits);
  };
  const auto down = [&](double x) {
    return x > 0 ? short_lower_bound(exactly(x) * Rational(parts - 1, parts), digits) : Rational(0);
  };
  out.smallest = {down(b.smallest_low), up(b.smallest_high < b.largest_high ? b.smallest_high : b.largest_high)};
  out.largest = {down(b.largest_low), up(b.largest_high)};
  // The checker loses (m + 1) (||A|| + 1) in units of its grid squared, and sqrt(m n) units.
  const double m = static_cast<double>(std::min(rows, cols)), n = static_cast<double>(std::max(rows, cols));
  const double low = out.smallest.low.convert_to<double>(), most = b.largest_high + 1;
  const double fine = std::ldexp(1.0, scale + 6);  // so that what it loses is less than what was added above
  const double size = low > 0 ? low : std::max(out.smallest.high.convert_to<double>(), 1e-300);
  const auto whole = [](double bits) { return std::clamp<long>(static_cast<long>(std::ceil(bits)), 8, 4096); };
  out.accuracy = whole(std::max(std::log2(fine * std::sqrt(m * n) + fine) - std::log2(size),
                                24 - std::log2(std::max(1e-300, b.largest_low))));
  out.proof.bits = out.accuracy;
  if (low > 0)
    out.proof.bits = std::max(out.accuracy, whole(std::log2((m + 2) * fine) + std::log2(most) - 2 * std::log2(low)));
  out.proof.smallest = b.smallest_integers.empty() ? integers(b.smallest_vector) : b.smallest_integers;
  out.proof.largest = integers(b.largest_vector);
  const double words = 1 + (static_cast<double>(out.proof.bits) + std::log2(most)) / 64;
  const bool small = 2 * (static_cast<double>(out.proof.bits) + std::log2(most)) + 2 < 118;
  out.too_large = m * m * (n + m / 3) * (small ? 1 : 8 + words * words) > kMostProducts || m * n > kMostEntries;
  return out;
}

long precision_for(const Architecture& network, const IntegerPoint& point, std::size_t target, long accuracy) {
  if (rational_valued(network, target)) return 0;
  // What an error grows by on its way up, from the first irrational values on: the row sums of the weights; an
  // activation at most triples it, and adds its own.
  double growth = 3;
  for (std::size_t i : network.ancestors(target)) {
    const Node& node = network.node(i);
    if (std::all_of(node.inputs.begin(), node.inputs.end(),
                    [&](std::size_t input) { return rational_valued(network, input); })) {
      continue;
    }
    growth += 2;
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
  return std::min<long>(4096, accuracy + static_cast<long>(growth));
}

namespace {

constexpr std::size_t kDigits = 3, kMostDigits = 9;  // of sigma_min: the default, and what doubles can have

// Full rank alone, or the bounds; of F, or of [F, 1].
struct Question {
  std::size_t node;
  bool rank_only, ones;
  std::optional<PointSpec> parameters;
  std::optional<std::size_t> digits = {};

  // (high - low) / high.
  Rational width() const {
    return Rational(1, boost::multiprecision::pow(Integer(10), static_cast<unsigned>(digits.value_or(kDigits) - 1)));
  }
};

Outcome prove(const Instance& instance, const Question& asked, const Options& options) {
  const Architecture& network = instance.network;
  const std::size_t node = asked.node, n = instance.data.size();
  const Node& output = network.node(node);
  const PointSpec spec = asked.parameters ? *asked.parameters : random_point(network, node, options.seed);
  const IntegerPoint point = integer_point(network, spec, node);
  const MatrixSource source = feature_source(network, point, node, instance.data, asked.ones);
  const std::string name = asked.ones ? "[F(" + output.name + "), 1]" : "F(" + output.name + ")";
  LadderOptions ladder = ladder_options(options);
  const double width = asked.rank_only ? 0 : asked.width().convert_to<double>();
  ladder.width = width;
  ladder.insist = asked.digits.has_value() && !asked.rank_only;
  std::optional<Deficiency> deficiency;
  ladder.deficient = [&] {
    deficiency = deficient_by_relations(instance, node, asked.ones, asked.parameters, options);
    const std::size_t full = std::min(n, output.width);
    if (!deficiency && !asked.ones && rational_valued(network, node) && n <= kMostForKernel / output.width) {
      if (auto exact = deficient_at(instance, node, spec, full, options))
        deficiency = Deficiency{*std::move(exact), {}};
    }
    return deficiency.has_value();
  };
  LadderResult found = climb(source, ladder);
  if (deficiency) {
    const bool known = deficiency->outcome.verdict == Verdict::refuted;
    if (known && asked.rank_only) return deficiency->outcome;
    if (!known) found.undecided = deficiency->outcome.explanation;
  }
  if (deficiency && !deficiency->vector.empty()) {
    // Any bound above 0 will do; the smaller, the more bits the checker needs.
    found.bounds.smallest_high = (found.bounds.largest_low > 0 ? found.bounds.largest_low : 1.0) * 0x1p-28;
    found.bounds.smallest_integers = deficiency->vector;
  }
  if (!found.bounds.is_bounded() || (asked.rank_only && !found.bounds.full_rank)) return not_certified(name, found);
  ShownBounds claimed = show_bounds(found.bounds, source.rows, source.cols, width);
  CholeskyProof& proof = claimed.proof;
  proof.precision = precision_for(network, point, node, claimed.accuracy);
  Outcome outcome;
  outcome.verdict = Verdict::proved;
  outcome.explanation = found.bounds.full_rank && claimed.smallest.low > 0
                            ? fmt::format("{} ({} x {}) has full rank at the {} parameters", name, source.rows,
                                          source.cols, asked.parameters ? "given" : "seeded")
                        : deficiency && deficiency->outcome.verdict == Verdict::refuted
                            ? deficiency->outcome.explanation + "; sigma_min = 0"
                            : "bounds only; full rank is not certified: " + found.undecided;
  add_ingredients(outcome, name, found, claimed, std::max(6, static_cast<int>(asked.digits.value_or(0)) + 2));
  if (asked.rank_only) {
    proof.lower = claimed.smallest.low;
    if (proof.lower == 0) return not_certified(name, found);
    proof.smallest.clear();
    proof.largest.clear();
    outcome.numbers = {{"sigma_min_low", proof.lower}};
    outcome.witness = Witness{"parameters of full rank", spec, {}, {}};
  } else {
    if (proof.largest.empty()) {  // no vector was found: then any will do
      proof.largest.assign(std::min(source.rows, source.cols), Integer(1));
      claimed.largest.low = 0;
    }
    if (proof.smallest.empty()) {  // then the largest will do
      proof.smallest = proof.largest;
      claimed.smallest.high = claimed.largest.high;
    }
    const Rational &low = claimed.smallest.low, &high = claimed.smallest.high;
    if (low > 0 && high - low > high * asked.width()) {
      outcome.explanation += fmt::format("; sigma_min is enclosed to {:.2g} %, not to {:.2g} %",
                                         100 * Rational((high - low) / high).convert_to<double>(), 100 * width);
    }
    outcome.numbers = {{"sigma_min_low", claimed.smallest.low},
                       {"sigma_min_high", claimed.smallest.high},
                       {"sigma_max_low", claimed.largest.low},
                       {"sigma_max_high", claimed.largest.high}};
  }
  const Claim claim = asked.rank_only ? independent_at(output.name, std::min(n, output.width), spec)
                                      : Claim("singular-value-bounds", {{"node", output.name},
                                                                        {"matrix", asked.ones ? "[F, 1]" : "F"},
                                                                        {"smallest", claimed.smallest},
                                                                        {"largest", claimed.largest},
                                                                        {"parameters", spec}});
  if (claimed.too_large) {
    outcome.verdict = Verdict::recomputed;
    outcome.reason = "too-large";
    outcome.explanation += "; too large for the checker, which repeats it on some samples only";
    outcome.findings = {{claim, Proof("recomputed", grid(proof))}};
  } else {
    outcome.findings = {{claim, as_proof(proof)}};
  }
  if (deficiency) {
    for (const Finding& finding : deficiency->outcome.findings) outcome.findings.push_back(finding);
  }
  return outcome;
}

Prover read(const Entry& entry) {
  Question asked{entry.node, entry.claim == "independent-at", false, read_parameters(entry)};
  if (const auto digits = entry.json.find("digits")) {
    asked.digits = digits->size();
    if (*asked.digits < 1 || *asked.digits > kMostDigits) digits->fail(fmt::format("1 to {} digits", kMostDigits));
    if (asked.rank_only) throw InputError(digits->place() + ": independent-at claims no digits of sigma_min");
  }
  if (const auto matrix = entry.json.find("matrix")) {
    asked.ones = matrix->text() == "[F, 1]";
    if (!asked.ones && matrix->text() != "F") matrix->fail("\"F\" or \"[F, 1]\"");
    if (asked.rank_only && asked.ones) {
      throw InputError(matrix->place() +
                       ": independent-at speaks of F, not of [F, 1]; singular-value-bounds with a positive lower bound "
                       "says that [F, 1] has full rank");
    }
  }
  return [asked](const Instance& instance, const Options& options) { return prove(instance, asked, options); };
}

}  // namespace

Outcome independent_by_bounds(const Instance& instance, std::size_t node, const std::optional<PointSpec>& parameters,
                              const Options& options) {
  return prove(instance, {node, true, false, parameters}, options);
}

Outcome bounds_with_ones(const Instance& instance, std::size_t node, const PointSpec& parameters,
                         const Options& options) {
  Question asked{node, false, true, parameters};
  return prove(instance, asked, options);
}

Theorem theorems::singular_values() {
  return {.id = "singular-values",
          .title = "The singular values of the features at given parameters, enclosed",
          .source = "Nguyen & Hein, ICML 2018, Table 2, whose numbers are estimates in single precision",
          .statement =
              "Rigorous bounds of the smallest and the largest singular value of F_k, or of [F_k, 1_N], at "
              "given weights, whatever the activation: in double with error bounds, by balls where doubles do "
              "not decide. Beyond some thousand samples the outcome is \"recomputed\", which is not proved.",
          .hypotheses = {"any architecture and any parameters, rational or floats read exactly"},
          .claims = {"singular-value-bounds", "independent-at"},
          .side_claims = {"rank-equals"},
          .rules = {"integer-cholesky", "recomputed", "minor-and-relations", "bounds-and-relations"},
          .reasons = {"not-certified", "rank-deficient", "too-large"},
          .keys = {kParametersKey,
                   {"matrix", "\"F\" (default) or \"[F, 1]\", with a column of ones"},
                   {"digits",
                    "1 to 9: sigma_min in [a, b] with b - a <= 10^(1 - digits) b if it can be had; 3 if absent, "
                    "and then for no more than doubles cost"}},
          .numbers = {{"sigma_min_low", Side::below},
                      {"sigma_min_high", Side::above},
                      {"sigma_max_low", Side::below},
                      {"sigma_max_high", Side::above}},
          .read = read};
}

}  // namespace widecert
