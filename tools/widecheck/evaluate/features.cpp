#include "evaluate/features.h"

#include <algorithm>
#include <cstdint>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {

unsigned read_bits(const Value& proof, const char* key) {
  const std::uint64_t bits = proof.at(key).number(4096);
  if (bits == 0) proof.at(key).bad("1 to 4096 bits");
  return static_cast<unsigned>(bits);
}
unsigned read_precision(const Value& proof) { return proof.has("precision") ? read_bits(proof, "precision") : 64; }

Features::Features(const Context& c, std::size_t node, unsigned bits) : c_(c), node_(node) {
  // Less than it takes, with filters that are 0 for the most part too; the forward pass pays for what it does.
  pay_for_layers(c, node, bits, Products(1) / 64);
}

std::size_t Features::read_rank(const Value& claim) const { return read_full_rank(c_, node_, claim); }

std::size_t read_full_rank(const Context& c, std::size_t node, const Value& claim) {
  const std::size_t rank = claim.at("rank").number(std::uint64_t{1} << 40);
  const std::size_t full = std::min(c.data.size(), c.network.node(node).width);
  require(rank == full, "rank", "the claim says rank " + number(rank) + "; min(N, n) is " + number(full));
  return rank;
}

std::map<std::size_t, Parameters> Features::read_point(const Value& json) const {
  return widecheck::read_point(c_.network, node_, json, c_.budget);
}

std::string rank_in_words(const Context& c, std::size_t node, std::size_t rank) {
  const std::size_t width = c.network.node(node).width;
  return "rank F(" + c.network.node(node).name + ") = " + number(rank) +
         (rank == width && width < c.data.size() ? " (full column rank)" : "");
}

PatchProducts::PatchProducts(const Context& c, const Node& node, Products vectors, const mpz_class& most_of_vectors,
                             const Forward& below, bool narrow)
    : node_(node) {
  const Products words = Products::words(most_of_vectors) * Products::words(below.bound());
  Products entries = 0;
  for (const auto& patch : node.patches.entries()) entries += patch.size() + 10;
  const mpz_class sum = most_of_vectors * below.bound() * static_cast<unsigned long>(node.patches.longest());
  c.budget.spend((narrow && sum < (mpz_class(1) << 62) ? Products(2) : 40 + words) * vectors * entries * c.data.size());
}

OnePatchEach::OnePatchEach(const Context& c, const Node& node, const mpz_class& most_of_vectors) : PatchProducts(node) {
  c.budget.spend((40 + Products::words(most_of_vectors)) * (node.patches.longest() + 10) * c.data.size());
}

Hyperplanes::Hyperplanes(const Context& c, const Forward& forward, const std::vector<std::vector<mpz_class>>& normals)
    : normals_(normals) {
  for (const auto& h : normals) {
    c.budget.spend((60 + Products::words(largest(h)) * Products::words(forward.bound())) * h.size() * c.data.size());
    mpz_class norm = 0;
    for (std::size_t k = 0; k + 1 < h.size(); ++k) norm += abs(h[k]);
    norms_.push_back(norm);
  }
}

int Hyperplanes::side(const Values& values, std::size_t normal) const {
  const std::vector<mpz_class>& h = normals_[normal];
  mpz_class sum = h.back() * values.divisor;
  for (std::size_t k = 0; k < values.v.size(); ++k) sum += h[k] * values.v[k];
  const mpz_class radius = norms_[normal] * values.radius;
  return sum > radius ? 1 : sum < -radius ? -1 : 0;
}

Forward make_forward(const Context& c, const Network& network, std::size_t target,
                     const std::map<std::size_t, Parameters>& theta, unsigned bits, bool narrow) {
  Forward forward(network, target, theta, c.data.divisor(), c.data.largest(), bits);
  narrow = narrow && forward.small() && c.data.small();
  c.budget.spend((narrow ? forward.small_work() : forward.work()) * c.data.size());
  return forward;
}

mpq_class residual_square_above(const Values& f, const std::vector<mpz_class>& y, const mpz_class& divisor,
                                Budget& budget) {
  const Products words = Products::words(largest(f.v)) + Products::words(largest(y)) + Products::words(f.divisor) +
                         Products::words(divisor) + Products::words(f.radius);
  budget.spend((400 + 8 * words * words) * (y.size() + 1));
  std::vector<mpz_class> off;
  for (std::size_t h = 0; h < y.size(); ++h)
    off.push_back(abs(f.v[h] * divisor - y[h] * f.divisor) + f.radius * divisor);
  const mpz_class unit = f.divisor * divisor;
  mpq_class square(squares(off), unit * unit);
  square.canonicalize();
  return short_above(square);
}

void pay_for_layers(const Context& c, std::size_t target, unsigned bits, Products cost) {
  const Products words = c.data.words() + Products(bits) / 64;
  Products products = 0;
  for (std::size_t i : c.network.below(target)) {
    const Node& node = c.network.node(i);
    products += cost * node.terms() * words * node.width * c.data.size();
  }
  c.budget.spend(products);
}

}  // namespace widecheck
