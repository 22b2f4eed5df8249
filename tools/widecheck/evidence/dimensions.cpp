#include "evidence/dimensions.h"

#include <algorithm>
#include <map>
#include <set>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::size_t kMostHeld = 50'000'000;

// Which neurons of a node depend on these entries of the input alone.
std::vector<bool> determined(const Context& c, std::size_t node, const std::vector<std::size_t>& field) {
  const Network& network = c.network;
  std::map<std::size_t, std::vector<bool>> known;
  for (std::size_t i : network.below(node)) {
    const Node& at = network.node(i);
    c.budget.spend(10 * (Products(at.terms()) * (at.op == Op::linear ? at.patches.count() : at.width) + at.width));
    std::vector<bool>& here = known[i];
    here.assign(at.width, at.op == Op::sum);
    switch (at.op) {
      case Op::input:
        for (std::size_t e : field) here[e] = true;
        break;
      case Op::linear:
      case Op::max_pool:
      case Op::average_pool: {
        const std::size_t each = at.op == Op::linear ? at.filters : 1;
        for (std::size_t p = 0; p < at.patches.count(); ++p) {
          bool all = true;
          at.patches.for_each_seen(p,
                                   [&](std::size_t, std::size_t input) { all = all && known.at(at.inputs[0])[input]; });
          for (std::size_t t = 0; t < each; ++t) here[p * each + t] = all;
        }
        break;
      }
      case Op::activation:
      case Op::batch_norm:
        here = known.at(at.inputs[0]);
        break;
      case Op::sum:
      case Op::concat:
      case Op::select:
        for (std::size_t n = 0; n < at.inputs.size(); ++n) {
          const std::vector<bool>& from = known.at(at.inputs[n]);
          for (std::size_t h = 0; h < from.size(); ++h) {
            const std::size_t to = at.place(n, h);
            if (to != Node::kNowhere) here[to] = at.op == Op::sum ? here[to] && from[h] : from[h];
          }
        }
        break;
    }
  }
  return std::move(known.at(node));
}

// Of the field on all samples, counted up to `most` of them.
std::size_t contents(const Context& c, const std::vector<std::size_t>& field, std::size_t most) {
  std::set<std::vector<mpz_class>> seen;
  c.budget.spend(Products(40) * (1 + c.data.words()) * c.data.size() * (field.size() + 1));
  c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) {
    if (seen.size() >= most) return;
    std::vector<mpz_class> content;
    for (std::size_t e : field) content.push_back(x[e]);
    seen.insert(std::move(content));
    if (seen.size() * (field.size() + 1) > kMostHeld) throw Malformed("too-large", "too many contents of a field");
  });
  return seen.size();
}

}  // namespace

std::size_t affine_dimension(const Network& network, std::size_t node) {
  std::map<std::size_t, std::size_t> dimension;
  for (std::size_t i : network.below(node)) {
    const Node& at = network.node(i);
    dimension[i] = at.width + 1;
    const bool bends =
        at.op == Op::max_pool || (at.op == Op::activation && at.activation.function != Function::identity);
    if (at.op == Op::input || bends) continue;
    std::size_t incoming = 1;  // the constants, counted once
    for (std::size_t input : at.inputs) incoming += dimension.at(input) - 1;
    dimension[i] = std::min(dimension[i], incoming);
  }
  return dimension.at(node);
}

std::size_t field_dimension(const Context& c, std::size_t node, const Value& fields) {
  const std::size_t width = c.network.node(node).width;
  std::vector<bool> counted(width, false);
  std::size_t most = 1, rest = width;
  for (const Value& list : fields.list()) {
    const std::vector<std::size_t> field = read_indices(list, c.network.node(0).width);
    const std::vector<bool> here = determined(c, node, field);
    std::size_t neurons = 0;
    for (std::size_t h = 0; h < width; ++h) {
      if (!here[h] || counted[h]) continue;
      counted[h] = true;
      ++neurons;
    }
    most += std::min(neurons, contents(c, field, neurons + 1) - 1);
    rest -= neurons;
  }
  return most + rest;
}

}  // namespace widecheck
