#include "proofs/generic/feature_rank.h"

#include <fmt/format.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/number/error.h>
#include <widecert/number/stream.h>

#include <algorithm>
#include <numeric>

#include "proofs/generic/centred_filters.h"

namespace widecert {
namespace {

// A quantile of the sizes of the values other than 0 that enter a layer. Biases of a small size
// divide samples even where patches hold nothing but noise, and no unit is dead; larger ones divide
// patches that are multiples of one another.
Integer typical_value(const FeaturePass& pass, const Dataset& data, std::size_t many, std::uint64_t attempt) {
  const std::size_t part = attempt % 3 == 0 ? 16 : attempt % 3 == 1 ? 2 : 4;
  std::vector<Integer> sizes;
  const std::size_t stride = std::max<std::size_t>(1, data.size() / many);
  std::vector<std::size_t> samples;
  for (std::size_t i = 0; i < data.size(); i += stride) samples.push_back(i);
  for (const auto& values : exact_values(pass, data, samples))
    for (const Integer& v : values)
      if (v != 0) sizes.push_back(abs(v));
  if (sizes.empty()) return 1;
  const auto low = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / part);
  std::nth_element(sizes.begin(), low, sizes.end());
  return *low;
}

// Filters whose entries add up to 0. Data are rarely centred (pixels are not negative), and a filter
// with a large sum has the same sign on nearly every sample: a unit that never bends.
TensorSpec balanced_filters(const TensorShape& shape, const std::string& name, std::uint64_t seed, std::int64_t range) {
  SeededIntegers integers("tensor", seed, name, -range, range);
  ExplicitTensor filters;
  for (std::size_t t = 0; t < shape.size(); ++t) {
    const auto length = static_cast<std::int64_t>(shape[t]);
    std::vector<std::int64_t> w;
    for (std::size_t r = 0; r < shape[t]; ++r) w.push_back(integers.at(t, r));
    std::int64_t sum = std::accumulate(w.begin(), w.end(), std::int64_t{0});
    auto& row = filters.rows.emplace_back();
    for (std::int64_t r = 0; r < length; ++r) {
      const std::int64_t share = sum / (length - r);
      row.emplace_back(w[static_cast<std::size_t>(r)] - share);
      sum -= share;
    }
    // An even filter shows nothing modulo 2.
    if (length > 1 && std::all_of(row.begin(), row.end(), [](const Rational& v) { return numerator(v) % 2 == 0; })) {
      row[0] += 1;
      row[1] -= 1;
    }
  }
  return filters;
}

constexpr double kDenseProducts = 1e11;  // beyond them, of all samples, few weights are other than 0

double dense_products(const Architecture& network, std::size_t target) {
  double products = 0;
  for (std::size_t i : linear_nodes(network, target))
    products += static_cast<double>(network.node(i).width) * static_cast<double>(network.node(i).patches->longest());
  return products;
}

constexpr double kCheap = 2e9, kCheapBinary = 1.2e10;  // steps that the checker's elimination of all may take
constexpr double kWorthMinor = 1e7;
constexpr double kMostMinor = 2e10;  // and that of a minor: some seconds

// What the checker's own elimination costs, in steps of one 64-bit operation.
double elimination_steps(std::size_t rows, std::size_t cols, std::uint64_t prime) {
  const double n = static_cast<double>(std::min(rows, cols));
  return n * n * static_cast<double>(std::max(rows, cols)) / (prime == 2 ? 64 : 1);
}

}  // namespace

std::uint64_t attempts_for(std::size_t rows, std::size_t cols) {
  return elimination_steps(rows, cols, 3) < 1e7 ? 100 : 3;
}

PointSpec choose_point(const Architecture& network, const Dataset& data, std::size_t target, bool steps,
                       std::uint64_t seed, std::uint64_t attempt) {
  seed += attempt;
  PointSpec point;
  const double products = dense_products(network, target);
  const bool sparse = products * static_cast<double>(data.size()) > kDenseProducts;
  const std::size_t many = products > 1e7 ? 16 : 64;
  for (std::size_t i : linear_nodes(network, target)) {
    const Node& node = network.node(i);
    const auto& spec = std::get<LinearSpec>(node.spec);
    const PointSpec under = point_below(network, point, node.inputs[0]);  // and not what lies beside it
    const FeaturePass below(std::make_shared<const ExactForward>(network, integer_point(network, under, node.inputs[0]),
                                                                 node.inputs[0], data.divisor(), data.largest()),
                            data);
    NodeTensors& tensors = point[node.name];
    if (sparse && !spec.frozen_weights && spec.bias == BiasMode::channel && spec.free_bias() &&
        node.patches->banks() == 1) {
      // Steps have values of 0 and 1; others grow with every layer, and stay in 64 bits so.
      const std::int64_t most = node.inputs[0] == 0 ? (steps ? 100 : 7) : steps ? 7 : 1;
      if (auto layer = centred_layer(node, below, data, most, steps, seed)) {
        tensors.weights = std::move(layer->weights);
        tensors.bias = std::move(layer->bias);
        continue;
      }
    }
    const std::size_t length = node.patches->longest();
    // Products in 32 bits where that leaves room for filters at all.
    const Integer room = (Integer(1) << 30) / (Integer(length) * std::max(below.forward->bound(), Integer(1)));
    const auto range = std::clamp(room, Integer(7), Integer(1000)).convert_to<std::int64_t>();
    Integer divisor = below.forward->divisor();
    if (!spec.frozen_weights) {
      const TensorShape shape = network.weights_shape(i);
      const std::size_t entries = std::accumulate(shape.begin(), shape.end(), std::size_t{0});
      constexpr std::size_t kMostExplicit = 100'000, kShort = 3;
      tensors.weights = length > kShort && entries <= kMostExplicit
                            ? balanced_filters(shape, node.name, seed, range)
                            : TensorSpec(SeededTensor{node.name, seed, -range, range, 1, false});
    } else {
      divisor *= expand_integers(*spec.frozen_weights, network.weights_shape(i), node.name).divisor;
    }
    if (spec.free_bias()) {
      const Integer size = std::min(range * typical_value(below, data, many, attempt), Integer(1) << 50);
      const auto bound = size.convert_to<std::int64_t>();
      tensors.bias =
          SeededTensor{node.name + ".bias", seed, -bound, bound, Integer(steps ? 2 * divisor : divisor), steps};
    }
    if (!tensors.weights && !tensors.bias) point.erase(node.name);
  }
  return point;
}

Claim independent_at(const std::string& node, std::size_t rank, const PointSpec& parameters) {
  return Claim("independent-at", {{"node", node}, {"rank", rank}, {"parameters", parameters}});
}

Proof exact_rank(const RankEvidence& evidence) { return Proof("exact-rank", {{"evidence", evidence}}); }

EvidenceOutcome find_evidence(const ResidueRows& a, const Claim& claim, const Options& options) {
  EvidenceOutcome outcome;
  const double cheap = a.prime == 2 ? kCheapBinary : kCheap;
  const double steps = elimination_steps(a.rows, a.cols, a.prime);
  // A few lines of many; not modulo 2, where eliminating all costs a 64th. Of rows, the others need not be made at all;
  // of columns it saves nothing but the elimination.
  const std::size_t full = std::min(a.rows, a.cols);
  const bool few = options.evidence != EvidenceKind::random_solve && a.prime != 2 &&
                   steps >= (a.rows > a.cols ? kWorthMinor : cheap) &&
                   elimination_steps(full, full, a.prime) <= std::min(kMostMinor, steps / 4);
  const double bytes_of_minor = 4.0 * static_cast<double>(a.rows <= a.cols ? a.rows * a.cols : 4 * full * full);
  if (few && bytes_of_minor <= static_cast<double>(options.memory)) {
    if (auto minor = find_minor(a, 10 * kMostMinor, options.progress)) {
      outcome.rank = full;
      outcome.prime = a.prime;
      outcome.evidence = *std::move(minor);
      return outcome;
    }
  }
  const std::size_t bytes = rank_memory(a.rows, a.cols, a.prime);
  if (bytes > options.memory) {
    outcome.too_large = true;
    outcome.obstacle = fmt::format(
        "the elimination of {} x {} modulo {} takes about {:.1f} GiB; --memory allows {:.1f}", a.rows, a.cols, a.prime,
        static_cast<double>(bytes) / (1 << 30), static_cast<double>(options.memory) / (1 << 30));
    return outcome;
  }
  const bool eliminate =
      options.evidence == EvidenceKind::elimination || (options.evidence == EvidenceKind::automatic && steps < cheap);
  // The checker's own limit (FORMAT.md, "Evidence for rank").
  if (eliminate && steps > 8e11) {
    outcome.too_large = true;
    outcome.obstacle =
        "the checker does not eliminate matrices of this size by itself; "
        "--evidence random-solve serves any size";
    return outcome;
  }
  RankResult found = find_rank(a, sha256(options.bound_text(claim)), !eliminate, options.progress);
  outcome.rank = found.rank;
  if (found.rank < std::min(a.rows, a.cols)) return outcome;
  outcome.prime = a.prime;
  if (eliminate) {
    outcome.evidence = Elimination{a.prime};
  } else {
    outcome.evidence = std::move(*found.random_solve);
  }
  return outcome;
}

EvidenceOutcome find_evidence(const Architecture& network, const PointSpec& point, const Dataset& data,
                              std::size_t target, const Claim& claim, bool steps, const Options& options) {
  const FeaturePass pass(std::make_shared<const ExactForward>(network, integer_point(network, point, target), target,
                                                              data.divisor(), data.largest()),
                         data);
  const std::size_t rows = data.size(), cols = network.node(target).width;
  // The largest prime where the matrix is small, else one that BLAS takes.
  const double size = elimination_steps(rows, cols, 3);
  const std::uint64_t odd = size < 1e10 ? kRankPrime : size < 4e12 ? 8388593 : 509;
  std::vector<std::uint64_t> primes{2, odd};
  // Values with many digits: most are even if their divisor is, and only the filtered pass is fast.
  if (!steps && !pass.in_64_bits) {
    primes = {std::min<std::uint64_t>(odd, 8388593)};
  }
  // A minor is looked for at once where it saves most of the rows, or the whole would be too much even modulo 2.
  const double full = static_cast<double>(std::min(rows, cols)), of_minor = full * full * full;
  if (options.evidence != EvidenceKind::random_solve && of_minor <= kMostMinor &&
      (size / 64 >= kCheapBinary || (rows > cols && size >= kWorthMinor && of_minor <= size / 4))) {
    primes.insert(primes.begin(), size < 1e10 ? odd : 8388593);
  }
  EvidenceOutcome outcome;
  for (std::uint64_t prime : primes) {
    // Nearly full rank modulo 2 is what the matrix has modulo any prime, as a rule: a long
    // computation with another one is left to matrices that 2 does not suit.
    if (prime != 2 && size > 4e12 && outcome.rank > std::min(rows, cols) / 10 * 9) break;
    const std::size_t before = outcome.rank;
    try {
      const Encoding encoding = steps && prime == 2 ? Encoding::halved : Encoding::as_is;
      outcome = find_evidence(feature_rows(pass, data, prime, encoding), claim, options);
    } catch (const OddValue& zero) {
      outcome.obstacle =
          fmt::format("a pre-activation of sample {} is exactly 0, which GF(2) cannot take", zero.sample + 1);
    }
    outcome.rank = std::max(outcome.rank, before);
    if (outcome.evidence) break;
  }
  return outcome;
}

}  // namespace widecert
