#include "proofs/dependent/rank_equals.h"

#include <fmt/format.h>
#include <widecert/linalg/independent_lines.h>
#include <widecert/linalg/left_kernel.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/network/feature_rows.h>
#include <widecert/network/feature_source.h>
#include <widecert/network/random_point.h>
#include <widecert/network/scaled_features.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>

#include <algorithm>
#include <numeric>

#include "proofs/generic/feature_rank.h"
#include "proofs/singular/singular_values.h"

namespace widecert {
namespace {

// Some minutes of exact arithmetic, in entries and in products of 64-bit words; and what a certificate may hold.
constexpr std::size_t kMostEntries = 16'000'000, kMostKernelEntries = 1'000'000, kMostResidues = 64'000'000;
constexpr double kMostWords = 5e9;
// The grid on which arguments show that a unit is dead.
constexpr int kDeadBits = 32;

using Indices = std::vector<std::size_t>;

// What bounds the rank from one side: its lines without those that are zero, or equal to an earlier one.
struct Lines {
  const char* side;
  std::size_t count = 0;
  Indices zero;
  std::vector<Indices> equal;  // classes of at least two, the first of each staying
  Indices left;
};

template <class T>
Lines lines_of(const char* side, const std::vector<std::vector<T>>& rows, bool zeros_count) {
  Lines lines{side, rows.size(), {}, {}, {}};
  Indices order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return rows[a] != rows[b] ? rows[a] < rows[b] : a < b; });
  for (std::size_t k = 0; k < order.size();) {
    Indices same{order[k++]};
    while (k < order.size() && rows[order[k]] == rows[same.front()]) same.push_back(order[k++]);
    const auto& row = rows[same.front()];
    if (zeros_count && std::all_of(row.begin(), row.end(), [](const T& v) { return v == 0; })) {
      lines.zero = std::move(same);
      continue;
    }
    lines.left.push_back(same.front());
    if (same.size() > 1) lines.equal.push_back(std::move(same));
  }
  std::sort(lines.left.begin(), lines.left.end());
  std::sort(lines.equal.begin(), lines.equal.end());
  return lines;
}

template <class T>
std::vector<std::vector<T>> transposed(const std::vector<std::vector<T>>& rows) {
  std::vector<std::vector<T>> out(rows.empty() ? 0 : rows.front().size(), std::vector<T>(rows.size()));
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < out.size(); ++j) out[j][i] = rows[i][j];
  return out;
}

IntegerRows values_of(const Instance& instance, std::size_t node, const IntegerPoint& point, const Options& options) {
  const ExactForward forward(instance.network, point, node, instance.data.divisor(), instance.data.largest());
  IntegerRows rows;
  for (std::size_t i = 0; i < instance.data.size(); ++i) {
    if (i % 64 == 0) options.progress("values", i, instance.data.size());
    rows.push_back(exact_values(forward, instance.data, i));
  }
  return rows;
}

// Values modulo a prime. Where lines are compared it is modulo two of them: a hint of some 46 bits for each entry, much
// cheaper than the values where weights have many digits. The checker compares the values.
struct Residues {
  std::uint64_t prime;
  ResidueLines rows, columns;            // modulo the prime
  ResidueLines twin_rows, twin_columns;  // one after the other, modulo both
};
Residues residues_of(const Instance& instance, std::size_t node, const IntegerPoint& point, const Options& options) {
  const Dataset& data = instance.data;
  const FeaturePass pass(
      std::make_shared<const ExactForward>(instance.network, point, node, data.divisor(), data.largest()), data);
  // The filtered pass is fast, and takes primes below 2^23.
  const std::uint64_t primes[] = {pass.in_64_bits ? kRankPrime : 8388593u, pass.in_64_bits ? 2147483629u : 8388587u};
  Residues out{primes[0], {}, {}, {}, {}};
  for (const std::uint64_t p : primes) {
    const ResidueRows rows = feature_rows(pass, data, p, Encoding::as_is);
    ResidueLines values(data.size(), std::vector<std::uint32_t>(rows.cols));
    constexpr std::size_t kBlock = 32;
    options.progress("residues", p == primes[0] ? 0 : 1, 2);
    parallel_for((data.size() + kBlock - 1) / kBlock, [&](std::size_t block) {
      const std::size_t begin = block * kBlock, end = std::min(data.size(), begin + kBlock);
      std::vector<std::uint32_t> some((end - begin) * rows.cols);
      rows.write(begin, some);
      for (std::size_t i = begin; i < end; ++i) {
        std::copy_n(some.begin() + static_cast<std::ptrdiff_t>((i - begin) * rows.cols), rows.cols, values[i].begin());
      }
    });
    ResidueLines across = transposed(values);
    const auto append = [](ResidueLines& to, const ResidueLines& from) {
      to.resize(from.size());
      for (std::size_t k = 0; k < from.size(); ++k) to[k].insert(to[k].end(), from[k].begin(), from[k].end());
    };
    append(out.twin_rows, values);
    append(out.twin_columns, across);
    if (p != primes[0]) continue;
    out.rows = std::move(values);
    out.columns = std::move(across);
  }
  return out;
}

void add_relations(const Lines& lines, Keys& proof) {
  proof.emplace_back("side", lines.side);
  if (!lines.zero.empty()) proof.emplace_back("zero", lines.zero);
  if (!lines.equal.empty()) proof.emplace_back("equal", lines.equal);
}

std::string in_words(const Lines& lines, std::size_t kernel) {
  std::size_t equal = 0;
  for (const Indices& same : lines.equal) equal += same.size() - 1;
  return fmt::format("{} {}, of which {} zero, {} equal to others and {} combinations of others", lines.count,
                     lines.side, lines.zero.size(), equal, kernel);
}

struct Asked {
  std::size_t node;
  std::optional<PointSpec> parameters;
  std::optional<std::size_t> rank;
  const char* where;  // the parameters, in words
};
const char* in_words(const std::optional<PointSpec>& parameters) {
  return parameters ? "these parameters" : "the seeded parameters";
}

Outcome conclude(const Instance& instance, const Asked& asked, std::size_t rank, const std::string& why,
                 const Claim& claim, const Proof& proof, const PointSpec& point) {
  const std::string text =
      fmt::format("rank F({}) = {} at {}: {}", instance.network.node(asked.node).name, rank, asked.where, why);
  Outcome outcome =
      asked.rank && *asked.rank != rank
          ? refuted("another-rank", fmt::format("{} ({} is asked for)", text, *asked.rank), {{claim, proof}})
          : proved(text, {{claim, proof}});
  outcome.numbers = {{"rank", Rational(Integer(rank))}};
  outcome.witness = Witness{fmt::format("parameters of rank {}", rank), point, {}, {}};
  return outcome;
}

Claim rank_equals(const Node& node, std::size_t rank, const PointSpec& parameters) {
  return Claim("rank-equals", {{"node", node.name}, {"rank", rank}, {"parameters", parameters}});
}

// Lines that differ: in F itself, or at the node through which F depends on the samples.
struct Cut {
  std::size_t through;
  Lines rows, columns;
  const Lines& side() const { return rows.left.size() <= columns.left.size() ? rows : columns; }
};

// From a nonsingular minor and relations that leave its size; `residue(i, j)` is that of an entry of F.
template <class Residue>
Outcome minor_and_relations(const Instance& instance, const Asked& asked, const PointSpec& spec,
                            const Indices& minor_rows, const Indices& minor_columns, std::uint64_t prime,
                            const Residue& residue, const Lines& side, const IntegerRows& kernel,
                            const Options& options) {
  const std::size_t rank = minor_rows.size();
  const Claim claim = rank_equals(instance.network.node(asked.node), rank, spec);
  Keys proof{{"rows", minor_rows}, {"columns", minor_columns}};
  if (rank > 0) {
    const ResidueRows minor{rank, rank, prime, one_by_one(rank, [&](std::size_t i, std::span<std::uint32_t> out) {
                              for (std::size_t j = 0; j < rank; ++j) out[j] = residue(minor_rows[i], minor_columns[j]);
                            })};
    const EvidenceOutcome found = find_evidence(minor, claim, options);
    if (!found.evidence) {
      return undecided(found.too_large ? "too-large" : "rank-not-decided",
                       fmt::format("no evidence for a minor of size {}: {}", rank, found.obstacle));
    }
    proof.emplace_back("evidence", *found.evidence);
  }
  // (Where this side needs a kernel, the longer one needs a larger.)
  add_relations(side, proof);
  if (!kernel.empty()) {
    IntegerRows basis;
    for (const auto& v : kernel) {
      auto& full = basis.emplace_back(side.count, Integer(0));
      for (std::size_t k = 0; k < v.size(); ++k) full[side.left[k]] = v[k];
    }
    proof.emplace_back("kernel", basis);
  }
  return conclude(instance, asked, rank, in_words(side, kernel.size()), claim, Proof("minor-and-relations", proof),
                  spec);
}

// By zero lines and equal lines alone, if they decide. `seen` is what they are.
std::optional<Outcome> by_residues(const Instance& instance, const Asked& asked, const PointSpec& spec,
                                   const IntegerPoint& point, Cut& seen, const Options& options) {
  const Residues f = residues_of(instance, asked.node, point, options);
  seen = {asked.node, lines_of("rows", f.twin_rows, true), lines_of("columns", f.twin_columns, true)};
  const Lines& side = seen.side();
  const bool wide = &side == &seen.rows;
  const Lines& across = wide ? seen.columns : seen.rows;
  ResidueLines core;
  for (std::size_t i : side.left) {
    auto& line = core.emplace_back();
    for (std::size_t j : across.left) line.push_back((wide ? f.rows : f.columns)[i][j]);
  }
  options.progress("rank of what is left", 0, 1);
  Indices minor_rows = side.left, minor_columns;
  for (std::size_t k : independent_positions(core, f.prime)) minor_columns.push_back(across.left[k]);
  if (minor_columns.size() < side.left.size()) return std::nullopt;
  if (!wide) std::swap(minor_rows, minor_columns);
  return minor_and_relations(
      instance, asked, spec, minor_rows, minor_columns, f.prime,
      [&](std::size_t i, std::size_t j) { return f.rows[i][j]; }, side, {}, options);
}

Outcome by_minor(const Instance& instance, const Asked& asked, const PointSpec& spec, const IntegerPoint& point,
                 const Options& options) {
  const IntegerRows rows = values_of(instance, asked.node, point, options), columns = transposed(rows);
  const Lines by_rows = lines_of("rows", rows, true), by_columns = lines_of("columns", columns, true);
  const bool wide = by_rows.left.size() <= by_columns.left.size();  // the short side has the shorter kernel
  const Lines &side = wide ? by_rows : by_columns, &across = wide ? by_columns : by_rows;
  IntegerRows core;
  double bits = 1;
  for (std::size_t i : side.left) {
    auto& line = core.emplace_back();
    for (std::size_t j : across.left) {
      line.push_back(wide ? rows[i][j] : columns[i][j]);
      if (line.back() != 0) bits = std::max(bits, 1.0 + static_cast<double>(msb(Integer(abs(line.back())))));
    }
  }
  const double size = static_cast<double>(core.size());
  if (size * size * size * bits / 64 > kMostWords) {
    return undecided("too-large", fmt::format("a kernel of {} lines of {}-bit numbers is not looked for", size, bits));
  }
  options.progress("kernel", 0, 1);
  const auto kernel = left_kernel(core, kMostKernelEntries / std::max<std::size_t>(1, core.size()));
  if (!kernel || kernel->prime >= (std::uint64_t{1} << 31)) {
    return undecided("rank-not-decided", "no kernel basis was lifted from its residues");
  }
  const std::size_t rank = kernel->rows.size();
  if (kernel->basis.size() < core.size() - rank) {
    return undecided("too-large", fmt::format("the rank is at least {}, and a kernel basis of {} vectors is too large",
                                              rank, core.size() - rank));
  }
  const auto chosen = [](const Lines& lines, const Indices& places) {
    Indices out;
    for (std::size_t k : places) out.push_back(lines.left[k]);
    return out;
  };
  Indices minor_rows = chosen(side, kernel->rows), minor_columns = chosen(across, kernel->columns);
  if (!wide) std::swap(minor_rows, minor_columns);
  return minor_and_relations(
      instance, asked, spec, minor_rows, minor_columns, kernel->prime,
      [&](std::size_t i, std::size_t j) {
        return static_cast<std::uint32_t>(mpz_fdiv_ui(rows[i][j].backend().data(), kernel->prime));
      },
      side, kernel->basis, options);
}

// The node nearest to `node` on whose rational values, sample by sample, those of `node` depend alone.
std::optional<std::size_t> rational_cut(const Architecture& network, std::size_t node) {
  for (std::size_t at = node; at != 0;) {
    if (network.node(at).inputs.size() != 1) return std::size_t{0};
    at = network.node(at).inputs[0];
    if (rational_valued(network, at)) return at;
  }
  return std::nullopt;
}

// Rows and columns of a source.
MatrixSource part(MatrixSource whole, const Indices& rows, const Indices& columns) {
  const auto pick = [rows, columns](const auto& m) {
    std::decay_t<decltype(m)> out(rows.size(), columns.size());
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::size_t j = 0; j < columns.size(); ++j)
        out(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) =
            m(static_cast<Eigen::Index>(rows[i]), static_cast<Eigen::Index>(columns[j]));
    return out;
  };
  MatrixSource out;
  out.rows = rows.size();
  out.cols = columns.size();
  out.exact = whole.exact;
  out.enclosure = [pick, rows, whole](bool split) {
    const MatrixEnclosure all = whole.enclosure(split);
    MatrixEnclosure some;
    some.middle.high = pick(all.middle.high);
    if (all.middle.low.size() != 0) some.middle.low = pick(all.middle.low);
    // A part of a row is no longer than the row.
    for (std::size_t i : rows)
      if (!all.row_radius.empty()) some.row_radius.push_back(all.row_radius[i]);
    return some;
  };
  out.balls = [pick, whole] { return pick(whole.balls()); };
  return out;
}

// Lines of relu that are 0 because no argument is positive, where those are irrational.
std::optional<Cut> dead_lines(const Instance& instance, std::size_t claimed, const PointSpec& spec,
                              const Options& options) {
  const Node& node = instance.network.node(claimed);
  const auto* activation = std::get_if<ActivationSpec>(&node.spec);
  if (activation == nullptr || activation->function.kind != ActivationKind::relu) return std::nullopt;
  const std::size_t n = instance.data.size();
  const ScaledFeatures g = scaled_features(instance.network, spec, instance.data, node.inputs[0], kDeadBits,
                                           [&](std::size_t done) { options.progress("values", done, n); });
  const auto is_dead = [&](std::size_t i, std::size_t h) {
    const std::size_t at = i * node.width + h;
    return g.is_small() ? g.small[at] + g.radius <= 0 : g.large[at] + g.radius <= 0;
  };
  Cut cut{node.inputs[0], {"rows", n, {}, {}, {}}, {"columns", node.width, {}, {}, {}}};
  std::vector<bool> alive(node.width, false);
  for (std::size_t i = 0; i < n; ++i) {
    bool any = false;
    for (std::size_t h = 0; h < node.width; ++h) {
      if (is_dead(i, h)) continue;
      any = alive[h] = true;
    }
    (any ? cut.rows.left : cut.rows.zero).push_back(i);
  }
  for (std::size_t h = 0; h < node.width; ++h) (alive[h] ? cut.columns.left : cut.columns.zero).push_back(h);
  return cut;
}

// By the arguments of F: what is equal there is equal in F, and of an activation lines may be 0.
std::optional<Cut> lines_by_arguments(const Instance& instance, std::size_t claimed, const PointSpec& spec,
                                      const IntegerPoint& point, const Options& options) {
  const Node& node = instance.network.node(claimed);
  const auto through = rational_cut(instance.network, claimed);
  std::optional<Cut> cut;
  if (through) {
    const auto* activation = std::get_if<ActivationSpec>(&node.spec);
    const bool is_near = activation != nullptr && node.inputs[0] == *through;
    const bool tells_zeros = is_near && zero_at_zero(activation->function.kind);
    const Residues values = residues_of(instance, *through, point, options);
    cut = Cut{*through,
              lines_of("rows", values.twin_rows, tells_zeros),
              {"columns", node.width, {}, {}, Indices(node.width)}};
    std::iota(cut->columns.left.begin(), cut->columns.left.end(), std::size_t{0});
    if (is_near) cut->columns = lines_of("columns", values.twin_columns, tells_zeros);
  }
  if (cut && cut->side().left.size() < std::min(instance.data.size(), node.width)) return cut;
  const auto dead = dead_lines(instance, claimed, spec, options);
  return dead ? dead : cut;
}

Outcome by_bounds(const Instance& instance, const Asked& asked, const PointSpec& spec, const IntegerPoint& point,
                  const Cut& cut, const Options& options) {
  const Architecture& network = instance.network;
  const Node& node = network.node(asked.node);
  const Lines& side = cut.side();
  const std::size_t rank = side.left.size();
  if (rank == 0) {
    Keys proof{{"rows", Indices()}, {"columns", Indices()}, {"through", network.node(cut.through).name}};
    if (!rational_valued(network, cut.through))
      proof.emplace_back("precision", precision_for(network, point, asked.node, kDeadBits));
    add_relations(side, proof);
    return conclude(instance, asked, 0, in_words(side, 0), rank_equals(node, 0, spec),
                    Proof("bounds-and-relations", proof), spec);
  }
  const MatrixSource source =
      part(feature_source(network, point, asked.node, instance.data, false), cut.rows.left, cut.columns.left);
  const LadderResult found = climb(source, ladder_options(options));
  if (!found.bounds.full_rank || !(found.bounds.smallest_low > 0) || !found.bounds.is_bounded()) {
    return undecided("not-certified",
                     fmt::format("the rank is at most {} ({}); that it is so much is not certified: {}", rank,
                                 in_words(side, 0), found.undecided));
  }
  const ShownBounds bounds = show_bounds(found.bounds, source.rows, source.cols);
  if (bounds.too_large) return undecided("too-large", "the submatrix is too large for the checker");
  Keys proof{{"rows", cut.rows.left},
             {"columns", cut.columns.left},
             {"bits", bounds.proof.bits},
             {"lower", bounds.smallest.low}};
  const bool related = rank < std::min(instance.data.size(), node.width);
  if (related) proof.emplace_back("through", network.node(cut.through).name);
  const long precision = precision_for(network, point, asked.node, std::max<long>(kDeadBits, bounds.accuracy));
  if (precision != 0) proof.emplace_back("precision", precision);
  if (related) add_relations(side, proof);
  return conclude(instance, asked, rank, in_words(side, 0), rank_equals(node, rank, spec),
                  Proof("bounds-and-relations", proof), spec);
}

Outcome prove(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  const Node& node = network.node(asked.node);
  if (instance.data.size() > kMostEntries / node.width) {
    return undecided("too-large", fmt::format("F has more than {} entries", kMostEntries));
  }
  const PointSpec spec = asked.parameters ? *asked.parameters : random_point(network, asked.node, options.seed);
  const IntegerPoint point = integer_point(network, spec, asked.node);
  if (rational_valued(network, asked.node)) {
    // Values with many digits are made only where the kernel needs them.
    if (instance.data.small_numerators() == nullptr) {
      Cut seen;
      if (const auto outcome = by_residues(instance, asked, spec, point, seen, options)) return *outcome;
    }
    return by_minor(instance, asked, spec, point, options);
  }
  const auto cut = lines_by_arguments(instance, asked.node, spec, point, options);
  if (!cut) return undecided("rank-not-decided", "no rational values below the layer decide what is equal");
  return by_bounds(instance, asked, spec, point, *cut, options);
}

Prover read(const Entry& entry) {
  Asked asked{entry.node, read_parameters(entry), {}, ""};
  asked.where = in_words(asked.parameters);
  if (const auto rank = entry.json.find("rank")) asked.rank = rank->size();
  return [asked](const Instance& instance, const Options& options) { return prove(instance, asked, options); };
}

}  // namespace

std::optional<Deficiency> deficient_by_relations(const Instance& instance, std::size_t node, bool ones,
                                                 const std::optional<PointSpec>& parameters, const Options& options) {
  const std::size_t n = instance.data.size(), width = instance.network.node(node).width, full = std::min(n, width);
  if (n > kMostResidues / width) return std::nullopt;
  const PointSpec spec = parameters ? *parameters : random_point(instance.network, node, options.seed);
  const IntegerPoint point = integer_point(instance.network, spec, node);
  const Asked asked{node, parameters, full, in_words(parameters)};
  Deficiency found;
  Cut seen;
  std::optional<Outcome> outcome;
  if (rational_valued(instance.network, node)) {
    outcome = by_residues(instance, asked, spec, point, seen, options);
  } else {
    const auto cut = lines_by_arguments(instance, node, spec, point, options);
    if (!cut) return std::nullopt;
    seen = *cut;
    if (!ones && seen.side().left.size() < full) outcome = by_bounds(instance, asked, spec, point, seen, options);
  }
  // A relation of the shorter side, as a vector of its kernel.
  const std::size_t across = width + (ones ? 1 : 0);
  const Lines& shorter = n <= across ? seen.rows : seen.columns;
  const bool zero = !shorter.zero.empty() && !(ones && n <= across);
  if (zero || !shorter.equal.empty()) {
    found.vector.assign(std::min(n, across), Integer(0));
    found.vector[zero ? shorter.zero.front() : shorter.equal.front()[0]] = 1;
    if (!zero) found.vector[shorter.equal.front()[1]] = -1;
  }
  if (ones) {
    if (found.vector.empty()) return std::nullopt;
    found.outcome = undecided("rank-not-decided", "of [F, 1] no rank is claimed");
    return found;
  }
  if (seen.side().left.size() == full) return std::nullopt;
  found.outcome =
      outcome ? *outcome
              : undecided("rank-not-decided",
                          fmt::format("the rank is at most {}: {}", seen.side().left.size(), in_words(seen.side(), 0)));
  if (found.outcome.verdict == Verdict::refuted) found.outcome.reason = "rank-deficient";
  return found;
}

std::optional<Outcome> deficient_at(const Instance& instance, std::size_t node, const PointSpec& parameters,
                                    std::size_t full, const Options& options) {
  Outcome outcome = prove(instance, {node, parameters, full, "these parameters"}, options);
  if (outcome.verdict != Verdict::refuted) return std::nullopt;
  outcome.reason = "rank-deficient";
  return outcome;
}

Theorem theorems::rank_equals() {
  return {.id = "rank-equals",
          .title = "The rank of the features at given parameters, whatever it is",
          .source = "Nguyen & Hein, ICML 2018, Table 2, whose ranks are estimates",
          .statement =
              "rank F_k = r at the parameters of the case (or at seeded ones), for any r: a minor that is not 0 "
              "from below, zero lines, equal lines and a kernel basis from above. Exact for networks with "
              "rational values; for other activations equal lines are known by their arguments, and full rank "
              "of the rest by a bound of sigma_min.",
          .hypotheses = {"at most 16,000,000 entries",
                         "for irrational values: a rational layer below, on which all depends"},
          .claims = {"rank-equals"},
          .rules = {"minor-and-relations", "bounds-and-relations"},
          .reasons = {"another-rank", "rank-not-decided", "not-certified", "too-large"},
          .keys = {kParametersKey, {"rank", "the rank that is expected; refuted by another. Any if absent"}},
          .numbers = {{"rank", Side::below}},
          .read = read};
}

}  // namespace widecert
