#include "evidence/kernel_polynomials.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include "evidence/rank.h"
#include "evidence/weight_matrix.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

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
      Term t;
      t.coefficient = parts[0].integer();
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
  constexpr int kTerm = 2000;  // what a term of a product costs
  c.budget.spend(Products(node.width) * node.patches.longest());
  if (!inputs) {  // an entry of the vector is multiplied by all entries of its filter
    Products terms = 0;
    for (const auto& polynomial : v) terms += polynomial.size();
    c.budget.spend(kTerm * terms * node.patches.longest());
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
        if (inputs) c.budget.spend(Products(kTerm) * polynomial.size());
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

}  // namespace

std::size_t kernel_bound(const Context& c, const Node& node, const Value& proof) {
  std::vector<std::uint32_t> first;  // the variable that is entry 0 of each filter
  std::size_t variables = 0;
  for (std::size_t row : weights_shape(node).lengths) {
    first.push_back(static_cast<std::uint32_t>(variables));
    variables += row;
    if (variables > kMaxEntries) throw Malformed("too-large", "more than 2^27 variables");
  }
  c.budget.spend(Products(10) * variables);
  const std::uint64_t prime = read_prime(proof.at("prime"), c.budget);
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
    c.budget.spend(Products(length) * vectors.size() * (20 + kStepCost * Products(vectors.size())));
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

}  // namespace widecheck
