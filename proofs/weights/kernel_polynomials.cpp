#include <flint/nmod_mat.h>
#include <fmt/format.h>
#include <widecert/linalg/disjoint_sets.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/network/filter_map.h>
#include <widecert/number/stream.h>
#include "proofs/weights/rank_bounds.h"

#include <algorithm>
#include <numeric>

namespace widecert {
namespace {

// Beyond these nothing is looked for.
constexpr std::size_t kMostInBlock = 40'000'000, kMostUnknowns = 200'000, kMostInPart = 2000, kMostTerms = 2'000'000,
                      kMostDegree = 6;
constexpr double kMostDegrees = 2000;  // ways to spread one degree over the filters
constexpr double kMostWork = 2e10;     // products of all eliminations together

enum class KernelSide { inputs, outputs };

// One block of U, its inputs, outputs and filters numbered anew; variables keep their numbers.
struct Block {
  struct Entry {
    std::size_t input, output;
    std::uint32_t variable;
  };
  std::vector<Entry> entries;
  std::vector<std::size_t> inputs, outputs;         // their numbers in the layer
  std::vector<std::size_t> filter_of;               // output -> filter of the block
  std::vector<std::vector<std::uint32_t>> filters;  // the variables of each filter
  std::size_t rank = 0;                             // at the point, modulo the prime
};

// Where the entries of the filters stand among the variables.
std::vector<std::uint32_t> first_variables(const Architecture& network, std::size_t linear_node) {
  std::vector<std::uint32_t> first{0};
  for (std::size_t length : network.weights_shape(linear_node)) {
    first.push_back(first.back() + static_cast<std::uint32_t>(length));
  }
  return first;
}

std::vector<Block> split(const Architecture& network, std::size_t linear_node, const WeightBlocks& of,
                         const std::vector<std::uint32_t>& values) {
  const Node& node = network.node(linear_node);
  std::vector<Block> blocks(of.inputs.size());
  std::vector<std::size_t> place(node.patches->inputs());
  for (std::size_t i = 0; i < place.size(); ++i) {
    place[i] = blocks[of.of_input[i]].inputs.size();
    blocks[of.of_input[i]].inputs.push_back(i);
  }
  const std::vector<std::uint32_t> first = first_variables(network, linear_node);
  std::vector<std::map<std::size_t, std::size_t>> filter_place(blocks.size());
  std::size_t output = node.width;  // the one whose entries are being visited
  visit_filter_map(network, linear_node, [&](std::size_t in, std::size_t out, FilterEntry e) {
    Block& block = blocks[of.of_input[in]];
    if (out != output) {
      output = out;
      const auto [known, added] = filter_place[of.of_input[in]].try_emplace(e.filter, block.filters.size());
      if (added) {
        auto& variables = block.filters.emplace_back(first[e.filter + 1] - first[e.filter]);
        std::iota(variables.begin(), variables.end(), first[e.filter]);
      }
      block.outputs.push_back(out);
      block.filter_of.push_back(known->second);
    }
    block.entries.push_back(
        {place[in], block.outputs.size() - 1, first[e.filter] + static_cast<std::uint32_t>(e.position)});
  });
  for (Block& block : blocks) {
    if (block.outputs.empty()) continue;
    ModularMatrix u(block.inputs.size(), block.outputs.size(), kRankPrime);
    for (const Block::Entry& e : block.entries) u.set(e.input, e.output, values[e.variable]);
    block.rank = u.rank();
  }
  return blocks;
}

bool annihilates(const Block& block, KernelSide side, const PolynomialVector& v) {
  std::map<std::size_t, Polynomial> sums;
  for (const Block::Entry& e : block.entries) {
    const auto found = v.find(side == KernelSide::inputs ? e.input : e.output);
    if (found == v.end()) continue;
    add_multiple(sums[side == KernelSide::inputs ? e.output : e.input], found->second, e.variable, 1);
  }
  return std::all_of(sums.begin(), sums.end(), [](const auto& sum) { return sum.second.empty(); });
}

// Kernel vectors of a block on one side that are independent at the point modulo the prime.
class Collection {
 public:
  Collection(const Block& block, KernelSide side, std::size_t wanted, const std::vector<std::uint32_t>& values)
      : block_(&block), values_(&values), side_(side), wanted_(wanted) {}

  bool complete() const { return vectors_.size() >= wanted_; }
  KernelSide side() const { return side_; }
  // The vectors, with the numbers of the layer.
  std::vector<PolynomialVector> vectors() const {
    std::vector<PolynomialVector> all;
    for (const PolynomialVector& v : vectors_) {
      PolynomialVector& moved = all.emplace_back();
      for (const auto& [index, polynomial] : v) moved[numbers()[index]] = polynomial;
    }
    return all;
  }

  void offer(PolynomialVector v) {
    if (complete() || terms_ > kMostTerms) return;
    std::vector<std::uint64_t> row(numbers().size(), 0);
    for (const auto& [index, polynomial] : v) row[index] = evaluate(polynomial, *values_, kRankPrime);
    reduce(row);
    const auto lead = std::find_if(row.begin(), row.end(), [](std::uint64_t x) { return x != 0; });
    if (lead == row.end() || !annihilates(*block_, side_, v)) return;
    const std::uint64_t inverse = residue_of(Rational(1, static_cast<std::int64_t>(*lead)), kRankPrime);
    const auto pivot = static_cast<std::size_t>(lead - row.begin());
    for (std::uint64_t& x : row) x = x * inverse % kRankPrime;
    rows_.emplace_back(pivot, std::move(row));
    for (const auto& [index, polynomial] : v) terms_ += polynomial.size();
    vectors_.push_back(std::move(v));
  }

 private:
  const std::vector<std::size_t>& numbers() const {
    return side_ == KernelSide::inputs ? block_->inputs : block_->outputs;
  }
  // Subtracts multiples of the values kept so far.
  void reduce(std::vector<std::uint64_t>& row) const {
    for (const auto& [pivot, other] : rows_) {
      if (row[pivot] == 0) continue;
      const std::uint64_t factor = kRankPrime - row[pivot];
      for (std::size_t j = 0; j < row.size(); ++j) row[j] = (row[j] + factor * other[j]) % kRankPrime;
    }
  }

  const Block* block_;
  const std::vector<std::uint32_t>* values_;
  KernelSide side_;
  std::size_t wanted_, terms_ = 0;
  std::vector<PolynomialVector> vectors_;
  std::vector<std::pair<std::size_t, std::vector<std::uint64_t>>> rows_;  // pivot, values
};

// ---- convolutions commute ----

// A polynomial image: offset -> coefficient.
using Image = std::map<std::pair<std::size_t, std::size_t>, Polynomial>;

Image convolution(const Image& a, const Image& b) {
  Image c;
  for (const auto& [at, p] : a) {
    for (const auto& [by, q] : b) {
      add(c[{at.first + by.first, at.second + by.second}], product(p, q), 1);
    }
  }
  return c;
}

// The determinant of the filters (rows) on the channels from `channel` on.
Image minor(const std::vector<std::vector<Image>>& filters, const std::vector<std::size_t>& rows, std::size_t channel) {
  if (rows.empty()) return {{{0, 0}, {{{}, 1}}}};
  Image sum;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    std::vector<std::size_t> rest = rows;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(k));
    for (auto& [at, polynomial] : convolution(filters[rows[k]][channel], minor(filters, rest, channel + 1))) {
      add(sum[at], polynomial, k % 2 == 0 ? 1 : -1);
    }
  }
  return sum;
}

// For channels + 1 filters, z_t = (-1)^t det(the other filters) is annihilated, wherever it is
// moved.
void offer_minors(const Node& node, const Block& block, Collection& found) {
  const auto room = commuting_room(*node.patches);
  if (!room) return;
  const WindowGeometry g = *node.patches->geometry();
  const std::size_t filters = node.filters, channels = g.channels / g.groups;
  if (filters <= channels || channels > 3) return;
  const std::size_t cols = g.output_width();
  // All filters of a block of a convolution belong to one group.
  const std::size_t group = block.outputs[0] / filters % g.groups;
  std::vector<std::vector<Image>> images(filters, std::vector<Image>(channels));
  for (std::size_t t = 0; t < filters; ++t) {
    const auto& variables = block.filters[t];
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
    for (std::size_t y = 0; y < (*room)[0] && !found.complete(); ++y) {
      for (std::size_t x = 0; x < (*room)[1] && !found.complete(); ++x) {
        PolynomialVector v;
        bool inside = true;
        for (std::size_t k = 0; inside && k < members.size(); ++k) {
          for (const auto& [at, polynomial] : others[k]) {
            const std::size_t patch = ((y + at.first) * cols + x + at.second) * g.groups + group;
            const auto output =
                std::lower_bound(block.outputs.begin(), block.outputs.end(), patch * filters + members[k]);
            inside = output != block.outputs.end() && *output == patch * filters + members[k];
            if (!inside) break;  // it belongs to another block
            add(v[static_cast<std::size_t>(output - block.outputs.begin())], polynomial, k % 2 == 0 ? 1 : -1);
          }
        }
        std::erase_if(v, [](const auto& entry) { return entry.second.empty(); });
        if (inside) found.offer(std::move(v));
      }
    }
  } while (!found.complete() && std::prev_permutation(chosen.begin(), chosen.end()));
}

// ---- search by degree ----

// All monomials that have degree[f] in the variables of filter f.
std::vector<Monomial> monomials(const Block& block, const std::vector<std::size_t>& degree) {
  std::vector<Monomial> all{{}};
  for (std::size_t f = 0; f < degree.size(); ++f) {
    for (std::size_t d = 0; d < degree[f]; ++d) {
      std::vector<Monomial> longer;
      for (const Monomial& m : all) {
        for (std::uint32_t variable : block.filters[f]) {
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

// A homogeneous system of equations "the sum of these unknowns is 0", one part of it that shares no
// unknown with the rest.
struct Part {
  std::vector<std::size_t> unknowns;
  std::vector<const std::vector<std::size_t>*> equations;
};

// Parts are small: each belongs to one degree for every symmetry of U that scales rows, columns and
// variables.
std::vector<Part> split(std::size_t unknowns, const std::vector<std::vector<std::size_t>>& equations) {
  DisjointSets sets(unknowns);
  for (const auto& equation : equations)
    for (std::size_t k : equation) sets.join(equation[0], k);
  std::vector<Part> parts;
  std::vector<std::size_t> number(unknowns, unknowns);
  for (std::size_t k = 0; k < unknowns; ++k) {
    std::size_t& part = number[sets.least(k)];
    if (part == unknowns) {
      part = parts.size();
      parts.emplace_back();
    }
    parts[part].unknowns.push_back(k);
  }
  for (const auto& equation : equations) parts[number[sets.least(equation[0])]].equations.push_back(&equation);
  return parts;
}

// A basis of the solutions of a part modulo the prime, over its unknowns.
std::vector<std::vector<std::uint64_t>> solve(const Part& part) {
  const auto place = [&](std::size_t unknown) {
    return static_cast<slong>(std::lower_bound(part.unknowns.begin(), part.unknowns.end(), unknown) -
                              part.unknowns.begin());
  };
  const auto size = static_cast<slong>(part.unknowns.size());
  nmod_mat_t system, kernel;
  nmod_mat_init(system, static_cast<slong>(part.equations.size()), size, kRankPrime);
  for (std::size_t row = 0; row < part.equations.size(); ++row) {
    for (std::size_t unknown : *part.equations[row]) {
      nmod_mat_entry(system, static_cast<slong>(row), place(unknown)) += 1;
    }
  }
  nmod_mat_init(kernel, size, size, kRankPrime);
  std::vector<std::vector<std::uint64_t>> basis(static_cast<std::size_t>(nmod_mat_nullspace(kernel, system)));
  for (std::size_t k = 0; k < basis.size(); ++k) {
    for (slong unknown = 0; unknown < size; ++unknown)
      basis[k].push_back(nmod_mat_entry(kernel, unknown, static_cast<slong>(k)));
  }
  nmod_mat_clear(kernel);
  nmod_mat_clear(system);
  return basis;
}

// Kernel vectors whose entries are homogeneous of one degree in each filter (U is: a kernel has a
// basis of such vectors). On the side of the outputs `degree` is that of U z. `work` counts
// products.
void offer_degree(const Block& block, const std::vector<std::size_t>& degree, Collection& found, double& work) {
  const bool inputs = found.side() == KernelSide::inputs;
  const std::size_t length = inputs ? block.inputs.size() : block.outputs.size();
  std::map<std::size_t, std::vector<Monomial>> of_filter;  // the monomials of an entry
  const auto entry_monomials = [&](std::size_t index) -> const std::vector<Monomial>& {
    const std::size_t f = inputs ? 0 : block.filter_of[index];
    auto [place, added] = of_filter.try_emplace(f);
    if (added) {
      std::vector<std::size_t> own = degree;
      if (inputs) {
        place->second = monomials(block, own);
      } else if (own[f] > 0) {
        --own[f];
        place->second = monomials(block, own);
      }
    }
    return place->second;
  };
  std::vector<std::pair<std::size_t, const Monomial*>> unknowns;  // index, monomial
  std::vector<std::size_t> begin;
  for (std::size_t index = 0; index < length; ++index) {
    begin.push_back(unknowns.size());
    for (const Monomial& m : entry_monomials(index)) unknowns.emplace_back(index, &m);
    if (unknowns.size() > kMostUnknowns) return;
  }
  // One equation for each other index and monomial.
  std::map<std::pair<std::size_t, Monomial>, std::size_t> number;
  std::vector<std::vector<std::size_t>> equations;
  for (const Block::Entry& e : block.entries) {
    const std::size_t index = inputs ? e.input : e.output, other = inputs ? e.output : e.input;
    const auto& own = entry_monomials(index);
    for (std::size_t m = 0; m < own.size(); ++m) {
      const auto [place, added] = number.try_emplace({other, times(own[m], e.variable)}, equations.size());
      if (added) equations.emplace_back();
      equations[place->second].push_back(begin[index] + m);
    }
  }
  work += 100.0 * static_cast<double>(number.size());
  for (const Part& part : split(unknowns.size(), equations)) {
    const double rows = static_cast<double>(part.equations.size()), cols = static_cast<double>(part.unknowns.size());
    if (part.unknowns.size() > kMostInPart) continue;
    work += rows * cols * std::min(rows, cols);
    if (work > kMostWork || found.complete()) return;
    for (const auto& solution : solve(part)) {
      PolynomialVector v;
      for (std::size_t k = 0; k < solution.size(); ++k) {
        if (solution[k] == 0) continue;
        const auto& [index, monomial] = unknowns[part.unknowns[k]];
        // Systems of zeros and ones have small solutions; what is not small does not verify.
        v[index][*monomial] = solution[k] > kRankPrime / 2 ? -static_cast<std::int64_t>(kRankPrime - solution[k])
                                                           : static_cast<std::int64_t>(solution[k]);
      }
      found.offer(std::move(v));
    }
  }
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

// Vectors that show rank <= `rank` for the block, on one of its sides; none if they were not found.
std::optional<Collection> bound_block(const Node& node, const Block& block, std::size_t rank,
                                      const std::vector<std::uint32_t>& values, const Options& options) {
  std::vector<Collection> sides;
  for (const KernelSide side : {KernelSide::inputs, KernelSide::outputs}) {
    const std::size_t length = side == KernelSide::inputs ? block.inputs.size() : block.outputs.size();
    sides.emplace_back(block, side, length - rank, values);
  }
  const auto done = [&]() -> std::optional<Collection> {
    for (Collection& side : sides)
      if (side.complete()) return std::move(side);
    return std::nullopt;
  };
  offer_minors(node, block, sides[1]);
  if (auto found = done()) return found;
  double work = 0;
  for (std::size_t total = 0; total <= kMostDegree && work <= kMostWork; ++total) {
    for (Collection& side : sides) {
      std::vector<std::size_t> degree(block.filters.size(), 0);
      // Entries of the same degree on both sides.
      const std::size_t sum = side.side() == KernelSide::inputs ? total : total + 1;
      double ways = 1;  // sum + filters - 1 over sum
      for (std::size_t d = 1; d <= sum; ++d)
        ways *= static_cast<double>(degree.size() + d - 1) / static_cast<double>(d);
      if (ways > kMostDegrees) continue;
      for_each_degree(degree, 0, sum, [&](const std::vector<std::size_t>& each) {
        options.progress("kernel polynomials, layer " + node.name, total, kMostDegree);
        if (!side.complete() && work <= kMostWork) offer_degree(block, each, side, work);
      });
      if (auto found = done()) return found;
    }
  }
  return std::nullopt;
}

std::size_t terms(const std::vector<PolynomialVector>& all) {
  std::size_t count = 0;
  for (const PolynomialVector& v : all)
    for (const auto& [at, polynomial] : v) count += polynomial.size();
  return count;
}

// As the checker reads them: a vector is a list of [index, terms], a term [coefficient, variable, ...], a power being a
// repetition.
Value vectors(const std::vector<PolynomialVector>& all) {
  std::vector<Value> list;
  for (const PolynomialVector& v : all) {
    std::vector<Value> entries;
    for (const auto& [index, polynomial] : v) {
      std::vector<Value> terms;
      for (const auto& [monomial, coefficient] : polynomial) {
        std::vector<Value> term{coefficient};
        term.insert(term.end(), monomial.begin(), monomial.end());
        terms.emplace_back(term);
      }
      entries.emplace_back(std::vector<Value>{index, terms});
    }
    list.emplace_back(entries);
  }
  return list;
}

}  // namespace

std::optional<RankBound> kernel_polynomials(const Architecture& network, std::size_t linear_node, std::size_t rank,
                                            const Options& options) {
  const Node& node = network.node(linear_node);
  const SeededTensor point{node.name + ".point", options.seed, -1'000'000, 1'000'000, 1, false};
  std::vector<std::uint32_t> values;
  for (const auto& filter : expand(point, network.weights_shape(linear_node), node.name)) {
    for (const Rational& w : filter) {
      values.push_back(static_cast<std::uint32_t>(residue_of(w, kRankPrime)));
    }
  }
  const WeightBlocks sizes = weight_blocks(node);
  for (std::size_t b = 0; b < sizes.inputs.size(); ++b) {
    if (sizes.outputs[b] > kMostInBlock / sizes.inputs[b]) return std::nullopt;
  }
  const std::vector<Block> blocks = split(network, linear_node, sizes, values);
  std::size_t bound = 0, at_point = 0;
  for (const Block& block : blocks) {
    bound += std::min(block.inputs.size(), block.outputs.size());
    at_point += block.rank;
  }
  if (at_point > rank) return std::nullopt;
  std::vector<PolynomialVector> inputs, outputs;
  for (const Block& block : blocks) {
    if (bound <= rank) break;
    const std::size_t smaller = std::min(block.inputs.size(), block.outputs.size());
    const std::size_t lost = std::min(bound - rank, smaller - block.rank);
    if (lost == 0) continue;
    const auto found = bound_block(node, block, smaller - lost, values, options);
    if (!found) continue;
    bound -= lost;
    auto& side = found->side() == KernelSide::inputs ? inputs : outputs;
    for (PolynomialVector& v : found->vectors()) side.push_back(std::move(v));
  }
  if (bound > rank) return std::nullopt;
  const std::string why = fmt::format("{} polynomial kernel vector(s) on the inputs, {} on the outputs, {} terms",
                                      inputs.size(), outputs.size(), terms(inputs) + terms(outputs));
  return RankBound{rank,
                   Proof("kernel-polynomials", {{"inputs", vectors(inputs)},
                                                {"outputs", vectors(outputs)},
                                                {"point", TensorSpec(point)},
                                                {"prime", kRankPrime}}),
                   "kernel-polynomials", why};
}

}  // namespace widecert
