#include <flint/nmod_mat.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/network/filter_map.h>
#include <widecert/number/stream.h>
#include <widecert/proofs/rank_bounds.h>

#include <algorithm>
#include <numeric>

namespace widecert {
namespace {

// Beyond these nothing is looked for.
constexpr std::size_t kMostUnknowns = 3000, kMostTerms = 2'000'000, kMostDegree = 6;
constexpr double kMostDegrees = 2000;  // ways to spread one degree over the filters

// U as a list: entry (input, output) is the variable.
struct Entry {
  std::size_t input, output;
  std::uint32_t variable;
};

struct WeightMap {
  std::vector<Entry> entries;
  std::size_t inputs = 0, outputs = 0, variables = 0;
  std::vector<std::size_t> filter_of;              // output -> filter
  std::vector<std::vector<std::uint32_t>> filters;  // the variables of each filter
};

WeightMap read_weight_map(const Architecture& network, std::size_t linear_node) {
  WeightMap layer;
  layer.inputs = network.node(linear_node).patches->inputs();
  layer.outputs = network.node(linear_node).width;
  std::vector<std::uint32_t> first;
  for (std::size_t length : network.weights_shape(linear_node)) {
    first.push_back(static_cast<std::uint32_t>(layer.variables));
    layer.filters.emplace_back(length);
    std::iota(layer.filters.back().begin(), layer.filters.back().end(), first.back());
    layer.variables += length;
  }
  visit_filter_map(network, linear_node, [&](std::size_t in, std::size_t out, FilterEntry e) {
    layer.entries.push_back({in, out, first[e.filter] + static_cast<std::uint32_t>(e.position)});
  });
  for (std::size_t h = 0; h < layer.outputs; ++h)
    layer.filter_of.push_back(network.filter_index(linear_node, h));
  return layer;
}

bool annihilates(const WeightMap& layer, Side side, const PolynomialVector& v) {
  std::map<std::size_t, Polynomial> sums;
  for (const Entry& e : layer.entries) {
    const auto found = v.find(side == Side::inputs ? e.input : e.output);
    if (found == v.end()) continue;
    add_multiple(sums[side == Side::inputs ? e.output : e.input], found->second, e.variable, 1);
  }
  return std::all_of(sums.begin(), sums.end(), [](const auto& sum) { return sum.second.empty(); });
}

// Vectors that are independent at one point modulo the prime.
class Collection {
 public:
  Collection(const WeightMap& layer, Side side, std::size_t wanted, const TensorSpec& point,
             const std::vector<std::uint32_t>& values)
      : layer_(&layer), values_(&values), wanted_(wanted) {
    proof_.side = side;
    proof_.point = point;
    proof_.prime = kRankPrime;
  }

  bool complete() const { return proof_.vectors.size() >= wanted_; }
  std::size_t wanted() const { return wanted_; }
  Side side() const { return proof_.side; }
  KernelPolynomialsProof take() && { return std::move(proof_); }

  void offer(PolynomialVector v) {
    if (complete() || terms_ > kMostTerms) return;
    const std::size_t length = proof_.side == Side::inputs ? layer_->inputs : layer_->outputs;
    std::vector<std::uint64_t> row(length, 0);
    for (const auto& [index, polynomial] : v) row[index] = evaluate(polynomial, *values_, kRankPrime);
    if (!insert(std::move(row)) || !annihilates(*layer_, proof_.side, v)) return;
    for (const auto& [index, polynomial] : v) terms_ += polynomial.size();
    proof_.vectors.push_back(std::move(v));
  }

 private:
  // Keeps the row, reduced, if it is independent of those before.
  bool insert(std::vector<std::uint64_t> row) {
    for (const auto& [pivot, other] : rows_) {
      if (row[pivot] == 0) continue;
      const std::uint64_t factor = kRankPrime - row[pivot];
      for (std::size_t j = 0; j < row.size(); ++j) row[j] = (row[j] + factor * other[j]) % kRankPrime;
    }
    const auto lead = std::find_if(row.begin(), row.end(), [](std::uint64_t v) { return v != 0; });
    if (lead == row.end()) return false;
    const std::uint64_t inverse =
        residue_of(Rational(1, static_cast<std::int64_t>(*lead)), kRankPrime);
    const auto pivot = static_cast<std::size_t>(lead - row.begin());
    for (std::uint64_t& v : row) v = v * inverse % kRankPrime;
    rows_.emplace_back(pivot, std::move(row));
    return true;
  }

  const WeightMap* layer_;
  const std::vector<std::uint32_t>* values_;
  std::size_t wanted_, terms_ = 0;
  std::vector<std::pair<std::size_t, std::vector<std::uint64_t>>> rows_;
  KernelPolynomialsProof proof_;
};

// ---- convolutions commute ----

// A polynomial image: offset -> coefficient.
using Image = std::map<std::pair<std::size_t, std::size_t>, Polynomial>;

Image times(const Image& a, const Image& b) {
  Image c;
  for (const auto& [at, p] : a) {
    for (const auto& [by, q] : b) {
      Polynomial& sum = c[{at.first + by.first, at.second + by.second}];
      for (const auto& [monomial, coefficient] : product(p, q)) {
        const auto [place, added] = sum.try_emplace(monomial, coefficient);
        if (!added && (place->second += coefficient) == 0) sum.erase(place);
      }
    }
  }
  return c;
}

// The determinant of the filters (rows) on the channels from `channel` on.
Image minor(const std::vector<std::vector<Image>>& filters, const std::vector<std::size_t>& rows,
            std::size_t channel) {
  if (rows.empty()) return {{{0, 0}, {{{}, 1}}}};
  Image sum;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    std::vector<std::size_t> rest = rows;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(k));
    for (auto& [at, polynomial] : times(filters[rows[k]][channel], minor(filters, rest, channel + 1))) {
      for (const auto& [monomial, coefficient] : polynomial) {
        const Integer signed_one = k % 2 == 0 ? coefficient : Integer(-coefficient);
        const auto [place, added] = sum[at].try_emplace(monomial, signed_one);
        if (!added && (place->second += signed_one) == 0) sum[at].erase(place);
      }
    }
  }
  return sum;
}

// For channels + 1 filters, z_t = (-1)^t det(the other filters) is annihilated, wherever it is moved.
void offer_minors(const WindowGeometry& g, std::size_t filters, const WeightMap& layer,
                  Collection& found) {
  const std::size_t channels = g.channels / g.groups;
  if (filters <= channels || channels > 3) return;
  const std::size_t rows = g.output_height(), cols = g.output_width();
  const std::size_t lost_rows = channels * (g.size[0] - 1) * g.dilation[0],
                    lost_cols = channels * (g.size[1] - 1) * g.dilation[1];
  if (rows <= lost_rows || cols <= lost_cols) return;
  for (std::size_t group = 0; group < g.groups; ++group) {
    std::vector<std::vector<Image>> images(filters, std::vector<Image>(channels));
    for (std::size_t t = 0; t < filters; ++t) {
      const auto& variables = layer.filters[group * filters + t];
      for (std::size_t r = 0; r < variables.size(); ++r) {
        const std::size_t place = r / channels;
        const std::pair at{place / g.size[1] * g.dilation[0], place % g.size[1] * g.dilation[1]};
        images[t][r % channels][at] = {{{variables[r]}, 1}};
      }
    }
    // Subsets of channels + 1 filters, as a row of flags.
    std::vector<bool> chosen(filters, false);
    std::fill(chosen.begin(), chosen.begin() + static_cast<std::ptrdiff_t>(channels + 1), true);
    do {
      std::vector<std::size_t> members;
      for (std::size_t t = 0; t < filters; ++t)
        if (chosen[t]) members.push_back(t);
      std::vector<Image> others;
      for (std::size_t k = 0; k < members.size(); ++k) {
        std::vector<std::size_t> rest = members;
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(k));
        others.push_back(minor(images, rest, 0));
      }
      for (std::size_t y = 0; y < rows - lost_rows && !found.complete(); ++y) {
        for (std::size_t x = 0; x < cols - lost_cols && !found.complete(); ++x) {
          PolynomialVector v;
          for (std::size_t k = 0; k < members.size(); ++k) {
            for (const auto& [at, polynomial] : others[k]) {
              const std::size_t patch =
                  ((y + at.first) * cols + x + at.second) * g.groups + group;
              Polynomial& entry = v[patch * filters + members[k]];
              entry = polynomial;
              if (k % 2 == 1)
                for (auto& [monomial, coefficient] : entry) coefficient = -coefficient;
            }
          }
          std::erase_if(v, [](const auto& entry) { return entry.second.empty(); });
          found.offer(std::move(v));
        }
      }
    } while (!found.complete() && std::prev_permutation(chosen.begin(), chosen.end()));
  }
}

// ---- search by degree ----

// All monomials that have degree[f] in the variables of filter f.
std::vector<Monomial> monomials(const WeightMap& layer, const std::vector<std::size_t>& degree) {
  std::vector<Monomial> all{{}};
  for (std::size_t f = 0; f < degree.size(); ++f) {
    for (std::size_t d = 0; d < degree[f]; ++d) {
      std::vector<Monomial> longer;
      for (const Monomial& m : all) {
        for (std::uint32_t variable : layer.filters[f]) {
          // Within a filter by increasing number.
          if (d > 0 && variable < m.back()) continue;
          longer.push_back(m);
          longer.back().push_back(variable);
        }
      }
      all = std::move(longer);
      if (all.size() > kMostUnknowns) return all;
    }
  }
  return all;
}

// Kernel vectors whose entries are homogeneous of one degree in each filter (U is: a kernel has a
// basis of such vectors). On the side of the outputs `degree` is that of U z.
void offer_degree(const WeightMap& layer, const std::vector<std::size_t>& degree, Collection& found) {
  const bool inputs = found.side() == Side::inputs;
  const std::size_t length = inputs ? layer.inputs : layer.outputs;
  std::map<std::size_t, std::vector<Monomial>> of_filter;  // the monomials of an entry
  std::vector<std::size_t> begin{0};
  const auto entry_monomials = [&](std::size_t index) -> const std::vector<Monomial>& {
    const std::size_t f = inputs ? 0 : layer.filter_of[index];
    auto [place, added] = of_filter.try_emplace(f);
    if (added) {
      std::vector<std::size_t> own = degree;
      if (inputs) {
        place->second = monomials(layer, own);
      } else if (own[f] > 0) {
        --own[f];
        place->second = monomials(layer, own);
      }
    }
    return place->second;
  };
  for (std::size_t index = 0; index < length; ++index) {
    begin.push_back(begin.back() + entry_monomials(index).size());
    if (begin.back() > kMostUnknowns) return;
  }
  const std::size_t unknowns = begin.back();
  if (unknowns == 0) return;
  // One equation for each other index and monomial.
  std::map<std::pair<std::size_t, Monomial>, std::vector<std::size_t>> equations;
  for (const Entry& e : layer.entries) {
    const std::size_t index = inputs ? e.input : e.output, other = inputs ? e.output : e.input;
    const auto& own = entry_monomials(index);
    for (std::size_t m = 0; m < own.size(); ++m) {
      Monomial longer = own[m];
      longer.insert(std::upper_bound(longer.begin(), longer.end(), e.variable), e.variable);
      equations[{other, std::move(longer)}].push_back(begin[index] + m);
    }
  }
  nmod_mat_t system, kernel;
  nmod_mat_init(system, static_cast<slong>(equations.size()), static_cast<slong>(unknowns), kRankPrime);
  slong row = 0;
  for (const auto& [place, terms] : equations) {
    for (std::size_t unknown : terms) nmod_mat_entry(system, row, static_cast<slong>(unknown)) += 1;
    ++row;
  }
  nmod_mat_init(kernel, static_cast<slong>(unknowns), static_cast<slong>(unknowns), kRankPrime);
  const slong nullity = nmod_mat_nullspace(kernel, system);
  for (slong k = 0; k < nullity && !found.complete(); ++k) {
    PolynomialVector v;
    for (std::size_t index = 0; index < length; ++index) {
      const auto& own = entry_monomials(index);
      for (std::size_t m = 0; m < own.size(); ++m) {
        const std::uint64_t residue = nmod_mat_entry(kernel, static_cast<slong>(begin[index] + m), k);
        if (residue == 0) continue;
        // Systems of zeros and ones have small solutions; what is not small does not verify.
        v[index][own[m]] = residue > kRankPrime / 2
                               ? -static_cast<std::int64_t>(kRankPrime - residue)
                               : static_cast<std::int64_t>(residue);
      }
    }
    found.offer(std::move(v));
  }
  nmod_mat_clear(kernel);
  nmod_mat_clear(system);
}

// All ways to write `total` as a sum of one degree for each filter.
template <class Visit>
void for_each_degree(std::vector<std::size_t>& degree, std::size_t f, std::size_t total, Visit visit) {
  if (f + 1 == degree.size()) {
    degree[f] = total;
    visit(degree);
    return;
  }
  for (std::size_t d = total + 1; d-- > 0;) {
    degree[f] = d;
    for_each_degree(degree, f + 1, total - d, visit);
  }
}

}  // namespace

std::optional<KernelPolynomialsProof> kernel_polynomials(const Architecture& network,
                                                         std::size_t linear_node, std::size_t rank,
                                                         const Options& options) {
  const Node& node = network.node(linear_node);
  const WeightMap layer = read_weight_map(network, linear_node);
  const SeededTensor point{node.name + ".point", options.seed, -1'000'000, 1'000'000, 1, false};
  std::vector<std::uint32_t> values;
  for (const auto& filter : expand(point, network.weights_shape(linear_node), node.name)) {
    for (const Rational& w : filter) {
      values.push_back(static_cast<std::uint32_t>(residue_of(w, kRankPrime)));
    }
  }
  std::vector<Collection> sides;
  for (const Side side : {Side::inputs, Side::outputs}) {
    const std::size_t length = side == Side::inputs ? layer.inputs : layer.outputs;
    sides.emplace_back(layer, side, length - std::min(rank, length), point, values);
  }
  const auto done = [&]() -> std::optional<KernelPolynomialsProof> {
    for (Collection& side : sides)
      if (side.complete() && side.wanted() > 0) return std::move(side).take();
    return std::nullopt;
  };
  const auto geometry = node.patches->geometry();
  if (geometry && geometry->stride == std::array<std::size_t, 2>{1, 1} &&
      geometry->padding == std::array<std::size_t, 4>{0, 0, 0, 0}) {
    offer_minors(*geometry, node.filters, layer, sides[1]);
    if (auto proof = done()) return proof;
  }
  for (std::size_t total = 0; total <= kMostDegree; ++total) {
    options.progress("kernel polynomials", total, kMostDegree);
    for (Collection& side : sides) {
      std::vector<std::size_t> degree(layer.filters.size(), 0);
      // Entries of the same degree on both sides.
      const std::size_t sum = side.side() == Side::inputs ? total : total + 1;
      double ways = 1;  // sum + filters - 1 over sum
      for (std::size_t d = 1; d <= sum; ++d)
        ways *= static_cast<double>(degree.size() + d - 1) / static_cast<double>(d);
      if (ways > kMostDegrees) continue;
      for_each_degree(degree, 0, sum, [&](const std::vector<std::size_t>& each) {
        if (!side.complete()) offer_degree(layer, each, side);
      });
      if (auto proof = done()) return proof;
    }
  }
  return std::nullopt;
}

}  // namespace widecert
