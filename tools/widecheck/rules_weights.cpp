// Rules about the weight matrix U = M(W) of a layer, n_{k-1} x n_k: its rank at given filters, for
// almost every W (the largest at any W: a minor that is not 0 somewhere is 0 on a null set only),
// and bounds for every W.
#include <algorithm>
#include <limits>

#include "evidence.h"
#include "rules.h"
#include "sparse.h"
#include "verdict.h"

namespace widecheck {
namespace {

struct Sizes {
  std::size_t inputs, outputs, full;
};

Sizes sizes(const Context& c, const Node& node) {
  const std::size_t inputs = c.network.node(node.inputs[0]).width;
  return {inputs, node.width, std::min(inputs, node.width)};
}

std::string matrix_in_words(const Context& c, const Node& node) {
  const Sizes size = sizes(c, node);
  return "the weight matrix U (" + number(size.inputs) + " x " + number(size.outputs) + ") of layer " + node.name;
}

std::size_t longest(const Node& node) {
  std::size_t most = 0;
  for (std::size_t bank = 0; bank < node.patches.banks(); ++bank) most = std::max(most, node.patches.length(bank));
  return most;
}

// Calls visit(patch, its entries) for every patch. Pays for one step for each entry, input and
// output.
template <class Visit>
void for_each_patch(const Context& c, const Node& node, Visit visit) {
  const double entries = static_cast<double>(longest(node));
  const Sizes size = sizes(c, node);
  spend(c,
        entries * static_cast<double>(node.patches.count()) + 10.0 * static_cast<double>(size.inputs + size.outputs));
  std::vector<long> patch;
  for (std::size_t p = 0; p < node.patches.count(); ++p) {
    node.patches.expand(p, patch);
    visit(p, patch);
  }
}

// Of each filter the entries that are not 0 modulo the prime, times the common divisor of all,
// which is a unit and does not change the rank.
using Filters = std::vector<std::vector<std::pair<std::size_t, std::uint32_t>>>;

Filters residues(const SparseTensor& weights, std::uint64_t prime) {
  require(weights.divisor % prime != 0, "denominator", "a denominator is divisible by the prime");
  Filters filters;
  for (const auto& row : weights.rows) {
    auto& filter = filters.emplace_back();
    for (const auto& [position, v] : row) {
      const auto residue = static_cast<std::uint32_t>(mpz_fdiv_ui(v.get_mpz_t(), prime));
      if (residue != 0) filter.emplace_back(position, residue);
    }
  }
  return filters;
}

// Filters from a claim or certificate, whose size says little of that of the tensor: seeded ones
// take a hash for every few entries.
SparseTensor read_filters(const Context& c, const Node& node, Value json) {
  const std::vector<std::size_t> shape = weights_shape(node);
  if (!json.has("sparse")) {
    double entries = 0;
    for (std::size_t row : shape) entries += static_cast<double>(row);
    spend(c, 300 * entries);
  }
  return read_sparse_tensor(json, shape);
}

// The rank of U modulo the prime, at most its rank at these filters.
std::size_t rank_modulo(const Context& c, const Node& node, Value weights, std::uint64_t prime) {
  const Filters filters = residues(read_filters(c, node, weights), prime);
  const Sizes size = sizes(c, node);
  SparseMatrix u{size.inputs, size.outputs, {}, {}, {}};
  for_each_patch(c, node, [&](std::size_t p, const std::vector<long>& patch) {
    for (std::size_t t = 0; t < node.filters; ++t) {
      for (const auto& [position, residue] : filters[node.patches.bank(p) * node.filters + t]) {
        if (patch[position] == kPad) continue;
        u.row.push_back(static_cast<std::uint32_t>(patch[position]));
        u.col.push_back(static_cast<std::uint32_t>(p * node.filters + t));
        u.value.push_back(residue);
      }
    }
    if (u.row.size() > kMaxEntries)
      throw Malformed("too-large", "U has more than 2^27 entries at these filters; refused");
  });
  if (u.rows > u.cols) {
    std::swap(u.rows, u.cols);
    std::swap(u.row, u.col);
  }
  spend(c, 32.0 * static_cast<double>(u.row.size() + u.rows + u.cols));
  return sparse_rank(u, prime, [&](double products) { spend(c, products); });
}

void require_rank(std::size_t rank, std::size_t wanted, std::uint64_t prime) {
  require(rank >= wanted, "rank",
          "the rank modulo " + number(prime) + " is " + number(rank) + ", not " + number(wanted));
}

// ---- bounds for every W ----

// The columns of some patches and the rows of the inputs that the other patches see contain all of
// U.
std::size_t cover_bound(const Context& c, const Node& node, Value& proof) {
  std::vector<char> in_cover(node.patches.count(), 0), seen(sizes(c, node).inputs, 0);
  std::size_t lines = 0;
  for (const Value& json : proof.at("patches").list()) {
    char& mark = in_cover[json.number(node.patches.count() - 1)];
    if (!mark) lines += node.filters;
    mark = 1;
  }
  for_each_patch(c, node, [&](std::size_t p, const std::vector<long>& patch) {
    if (in_cover[p]) return;
    for (long e : patch) {
      if (e == kPad) continue;
      char& mark = seen[static_cast<std::size_t>(e)];
      if (!mark) ++lines;
      mark = 1;
    }
  });
  return lines;
}

// C + 1 filters on C channels, without stride and padding: U z = 0 for z = the maximal minors of
// the filters as polynomials in two shifts, moved to (P - C d)(P' - C d') places.
std::size_t commuting_bound(const Node& node) {
  const Window* w = node.patches.window();
  require(w != nullptr, "geometry", "the layer is not a convolution");
  const std::size_t groups = node.patches.banks(), channels = w->channels / groups;
  require(node.filters == channels + 1, "geometry", "the filters are not one more than the channels that they see");
  std::size_t places = 1;
  for (int d = 0; d < 2; ++d) {
    require(w->stride[d] == 1 && w->before[d] == 0 && w->after[d] == 0, "geometry",
            "the convolution has a stride or padding");
    const std::size_t lost = channels * (w->size[d] - 1) * w->dilation[d];
    require(w->count[d] > lost, "geometry", "the image is too small for the filters to commute");
    places *= w->count[d] - lost;
  }
  return node.width - groups * places;
}

// A polynomial in the entries of W as a list of terms; variables are sorted, a power is a
// repetition.
struct Term {
  std::vector<std::uint32_t> variables;
  mpz_class coefficient;
};
using PolynomialVector = std::vector<std::vector<Term>>;  // one polynomial for each index

PolynomialVector read_polynomials(const Value& json, std::size_t length, std::size_t variables, std::size_t& terms) {
  PolynomialVector v(length);
  for (const Value& entry : json.list()) {
    const auto pair = entry.list();
    if (pair.size() != 2) entry.bad("[index, terms]");
    auto& polynomial = v[pair[0].number(length - 1)];
    for (const Value& term : pair[1].list()) {
      const auto parts = term.list();
      if (parts.empty() || parts.size() > 65) term.bad("[coefficient, variable, ...]");
      Term t{{}, parts[0].integer()};
      for (std::size_t k = 1; k < parts.size(); ++k)
        t.variables.push_back(static_cast<std::uint32_t>(parts[k].number(variables - 1)));
      std::sort(t.variables.begin(), t.variables.end());
      polynomial.push_back(std::move(t));
      ++terms;
    }
  }
  return v;
}

using Sum = std::map<std::vector<std::uint32_t>, mpz_class>;

void add_product(Sum& sum, const std::vector<Term>& polynomial, std::uint32_t variable) {
  for (const Term& term : polynomial) {
    std::vector<std::uint32_t> longer = term.variables;
    longer.insert(std::upper_bound(longer.begin(), longer.end(), variable), variable);
    sum[std::move(longer)] += term.coefficient;
  }
}

void require_zero(const Sum& sum) {
  for (const auto& [monomial, coefficient] : sum) {
    require(coefficient == 0, "not-a-kernel-vector",
            "a polynomial vector is not in the kernel: a product has a term that does not cancel");
  }
}

// v^T U = 0 or U v = 0, as polynomials.
void require_kernel(const Context& c, const Node& node, const std::vector<std::uint32_t>& first, bool inputs,
                    const PolynomialVector& v) {
  constexpr double kTerm = 1000;  // what a term of a product costs
  spend(c, static_cast<double>(node.width) * static_cast<double>(longest(node)));
  if (!inputs) {  // an entry of the vector is multiplied by all entries of its filter
    double terms = 0;
    for (const auto& polynomial : v) terms += static_cast<double>(polynomial.size());
    spend(c, kTerm * terms * static_cast<double>(longest(node)));
  }
  std::map<long, Sum> sums;  // of U v, for each input
  for_each_patch(c, node, [&](std::size_t p, const std::vector<long>& patch) {
    for (std::size_t t = 0; t < node.filters; ++t) {
      const std::uint32_t w = first[node.patches.bank(p) * node.filters + t];
      Sum of_output;
      for (std::size_t r = 0; r < patch.size(); ++r) {
        if (patch[r] == kPad) continue;
        const auto& polynomial = v[inputs ? static_cast<std::size_t>(patch[r]) : p * node.filters + t];
        if (polynomial.empty()) continue;
        if (inputs) spend(c, kTerm * static_cast<double>(polynomial.size()));
        add_product(inputs ? of_output : sums[patch[r]], polynomial, w + static_cast<std::uint32_t>(r));
      }
      require_zero(of_output);
    }
  });
  for (const auto& [input, sum] : sums) require_zero(sum);
}

// The blocks of U: sets of inputs and patches that share nothing with the others. An input that no
// patch sees is a block without outputs; the columns of a patch that sees padding only are 0 and in
// no block.
struct Blocks {
  static constexpr std::uint32_t kNone = static_cast<std::uint32_t>(-1);
  std::vector<std::uint32_t> of_input, of_patch;  // the number of a block's first input
  std::vector<std::size_t> inputs, outputs;       // how many, at that number

  Blocks(const Context& c, const Node& node)
      : of_input(sizes(c, node).inputs), inputs(of_input.size(), 0), outputs(of_input.size(), 0) {
    for (std::size_t i = 0; i < of_input.size(); ++i) of_input[i] = static_cast<std::uint32_t>(i);
    for_each_patch(c, node, [&](std::size_t, const std::vector<long>& patch) {
      std::uint32_t least = kNone;
      for (long e : patch) {
        if (e == kPad) continue;
        const std::uint32_t r = root(static_cast<std::uint32_t>(e));
        if (least == kNone) least = r;
        of_input[std::max(least, r)] = std::min(least, r);
        least = std::min(least, r);
      }
      of_patch.push_back(least);
    });
    for (std::size_t i = 0; i < of_input.size(); ++i) {
      of_input[i] = root(static_cast<std::uint32_t>(i));
      ++inputs[of_input[i]];
    }
    for (std::uint32_t& of : of_patch) {
      if (of == kNone) continue;
      of = of_input[of];
      outputs[of] += node.filters;
    }
  }

 private:
  std::uint32_t root(std::uint32_t i) {
    while (of_input[i] != i) i = of_input[i] = of_input[of_input[i]];
    return i;
  }
};

std::size_t kernel_bound(const Context& c, const Node& node, Value& proof) {
  std::vector<std::uint32_t> first;  // the variable that is entry 0 of each filter
  std::size_t variables = 0;
  for (std::size_t row : weights_shape(node)) {
    first.push_back(static_cast<std::uint32_t>(variables));
    variables += row;
    if (variables > kMaxEntries) throw Malformed("too-large", "more than 2^27 variables");
  }
  spend(c, 10.0 * static_cast<double>(variables));
  const std::uint64_t prime = read_prime(proof.at("prime"));
  const SparseTensor point = read_filters(c, node, proof.at("point"));
  require(point.divisor == 1, "not-integers", "the point is not integral");
  std::vector<std::uint64_t> at(variables, 0);
  for (std::size_t f = 0; f < point.rows.size(); ++f)
    for (const auto& [position, v] : point.rows[f]) at[first[f] + position] = mpz_fdiv_ui(v.get_mpz_t(), prime);
  const Blocks blocks(c, node);
  std::vector<std::size_t> rank = blocks.inputs;  // of each block, at most
  for (std::size_t b = 0; b < rank.size(); ++b) rank[b] = std::min(rank[b], blocks.outputs[b]);
  for (const bool inputs : {true, false}) {
    const std::size_t length = inputs ? sizes(c, node).inputs : sizes(c, node).outputs;
    std::vector<std::size_t> left = inputs ? blocks.inputs : blocks.outputs;
    const auto vectors = proof.at(inputs ? "inputs" : "outputs").list();
    const double width = static_cast<double>(length), count = static_cast<double>(vectors.size());
    spend(c, width * count * (10 + count));
    Echelon echelon(length, prime);
    for (const Value& json : vectors) {
      std::size_t terms = 0;
      const PolynomialVector v = read_polynomials(json, length, variables, terms);
      require(terms != 0, "zero-vector", "a vector is 0");
      require_kernel(c, node, first, inputs, v);
      std::vector<std::uint64_t> row(length, 0);
      std::uint32_t block = Blocks::kNone;
      for (std::size_t i = 0; i < length; ++i) {
        if (v[i].empty()) continue;
        const std::uint32_t here = inputs ? blocks.of_input[i] : blocks.of_patch[i / node.filters];
        require(here != Blocks::kNone && (block == Blocks::kNone || block == here), "block",
                "a kernel vector is not in one block");
        block = here;
        for (const Term& term : v[i]) {
          std::uint64_t value = mpz_fdiv_ui(term.coefficient.get_mpz_t(), prime);
          for (std::uint32_t variable : term.variables) value = value * at[variable] % prime;
          row[i] = (row[i] + value) % prime;
        }
      }
      echelon.insert(std::move(row));
      // Independent at a point, hence over the rational functions, over which the block has this
      // corank at least; then every larger minor is 0 as a polynomial.
      if (block != Blocks::kNone) rank[block] = std::min(rank[block], --left[block]);
    }
    require(echelon.rank() == vectors.size(), "dependent-vectors",
            "the kernel vectors are dependent at the point, modulo the prime");
  }
  std::size_t sum = 0;
  for (std::size_t r : rank) sum += r;
  return sum;
}

// What rank U is at most for every W.
std::size_t bound_of_rank(const Context& c, const Node& node, const std::string& rule, Value& proof) {
  if (rule == "cover") return cover_bound(c, node, proof);
  if (rule == "commuting-filters") return commuting_bound(node);
  require(rule == "kernel-polynomials", "wrong-rule", "rule " + rule + " bounds no rank");
  return kernel_bound(c, node, proof);
}

void require_free(const Node& node) {
  require(!node.frozen_weights, "frozen", "the filters of layer " + node.name + " are frozen");
}

}  // namespace

namespace {

// Full rank of U at the "weights" of `holder`, the claim or the proof. Returns the bits of the
// error bound, 0 if unconditional.
unsigned require_full_rank(const Context& c, const Node& node, Value& claim, Value& holder, Value& proof,
                           const std::string& rule) {
  require(rule == "modular-elimination" || rule == "exact-rank", "wrong-rule",
          "rule " + rule + " does not prove full rank of weights");
  const Sizes size = sizes(c, node);
  const Value weights = holder.at("weights");
  if (rule == "modular-elimination") {
    const std::uint64_t prime = read_prime(proof.at("prime"));
    require_rank(rank_modulo(c, node, weights, prime), size.full, prime);
    return 0;
  }
  // A = the transpose of U, one output after the other.
  const auto evidence = read_evidence(proof.at("evidence"), size.outputs, size.inputs, claim.compact());
  const Filters filters = residues(read_filters(c, node, weights), evidence->prime());
  spend(c, evidence->work());
  spend(c, static_cast<double>(size.inputs) * static_cast<double>(size.outputs));
  for_each_patch(c, node, [&](std::size_t p, const std::vector<long>& patch) {
    for (std::size_t t = 0; t < node.filters; ++t) {
      std::vector<std::uint32_t> row(size.inputs, 0);
      for (const auto& [position, residue] : filters[node.patches.bank(p) * node.filters + t])
        if (patch[position] != kPad) row[static_cast<std::size_t>(patch[position])] = residue;
      evidence->row(row);
    }
  });
  return evidence->finish();
}

}  // namespace

Verdict weights_full_rank_at(const Context& c, std::size_t i, Value& claim, Value& proof, const std::string& rule) {
  const Node& node = linear_node(c, i);
  Verdict verdict;
  verdict.error_bits = require_full_rank(c, node, claim, claim, proof, rule);
  verdict.sentence =
      matrix_in_words(c, node) + " has full rank " + number(sizes(c, node).full) + " at the given filters";
  return verdict;
}

Verdict weights_full_rank(const Context& c, std::size_t i, Value& claim, Value& proof, const std::string& rule) {
  const Node& node = linear_node(c, i);
  require_free(node);
  Verdict verdict;
  verdict.error_bits = require_full_rank(c, node, claim, proof, proof, rule);
  verdict.sentence = matrix_in_words(c, node) + " has full rank " + number(sizes(c, node).full) +
                     " for almost every W (Assumption 2.4 holds)";
  return verdict;
}

std::string weights_deficient_at(const Context& c, std::size_t i, Value& claim, Value& proof) {
  const Node& node = linear_node(c, i);
  const Sizes size = sizes(c, node);
  const bool inputs = size.inputs <= size.outputs;
  std::vector<mpz_class> v;
  bool zero = true;
  for (const Value& x : proof.at("v").list()) {
    v.push_back(x.integer());
    zero = zero && v.back() == 0;
  }
  if (v.size() != size.full) proof.at("v").bad(number(size.full) + " integers");
  require(!zero, "zero-vector", "the vector is 0");
  const SparseTensor weights = read_filters(c, node, claim.at("weights"));
  // Products of numbers with many digits.
  std::size_t v_words = 1, w_words = 1;
  for (const mpz_class& x : v) v_words = std::max(v_words, mpz_size(x.get_mpz_t()));
  for (const auto& row : weights.rows)
    for (const auto& [position, w] : row) w_words = std::max(w_words, mpz_size(w.get_mpz_t()));
  std::vector<std::size_t> of_bank(node.patches.banks(), 0);  // entries of all its filters
  for (std::size_t f = 0; f < weights.rows.size(); ++f) of_bank[f / node.filters] += weights.rows[f].size();
  double products = 0;
  for (std::size_t p = 0; p < node.patches.count(); ++p) products += static_cast<double>(of_bank[node.patches.bank(p)]);
  spend(c, products * (100.0 + static_cast<double>(v_words) * static_cast<double>(w_words)));
  std::vector<mpz_class> sums(inputs ? 0 : size.inputs, 0);
  const auto require_sum_zero = [](const mpz_class& sum) {
    require(sum == 0, "not-a-kernel-vector", "the vector is not in the kernel of U");
  };
  for_each_patch(c, node, [&](std::size_t p, const std::vector<long>& patch) {
    for (std::size_t t = 0; t < node.filters; ++t) {
      mpz_class sum = 0;
      const auto& filter = weights.rows[node.patches.bank(p) * node.filters + t];
      for (const auto& [position, w] : filter) {
        if (patch[position] == kPad) continue;
        const auto input = static_cast<std::size_t>(patch[position]);
        if (inputs) {
          sum += w * v[input];
        } else {
          sums[input] += w * v[p * node.filters + t];
        }
      }
      require_sum_zero(sum);
    }
  });
  for (const mpz_class& sum : sums) require_sum_zero(sum);
  return matrix_in_words(c, node) + " has rank less than " + number(size.full) + " at the given filters";
}

std::string weights_never_full_rank(const Context& c, std::size_t i, Value& proof, const std::string& rule) {
  const Node& node = linear_node(c, i);
  const Sizes size = sizes(c, node);
  const std::size_t bound = bound_of_rank(c, node, rule, proof);
  require(
      bound < size.full, "bound",
      "the rank is shown to be at most " + number(bound) + ", which is no less than full rank " + number(size.full));
  return matrix_in_words(c, node) + " has rank at most " + number(bound) + ", less than " + number(size.full) +
         ", for every W (Assumption 2.4 fails)";
}

std::string weights_generic_rank(const Context& c, std::size_t i, Value& claim, Value& proof) {
  const Node& node = linear_node(c, i);
  require_free(node);
  const Sizes size = sizes(c, node);
  const std::size_t rank = claim.at("rank").number(size.full);
  const std::uint64_t prime = read_prime(proof.at("prime"));
  require_rank(rank_modulo(c, node, proof.at("weights"), prime), rank, prime);
  if (rank < size.full) {
    Value upper = proof.at("upper");
    const std::string rule = upper.at("rule").text();
    const std::size_t bound = bound_of_rank(c, node, rule, upper);
    require(bound <= rank, "bound", "the rank is shown to be at most " + number(bound) + ", not " + number(rank));
  }
  return matrix_in_words(c, node) + " has rank " + number(rank) + " for almost every W, and more for none";
}

}  // namespace widecheck
