// Rules about full rank of features: at one point, from a point to almost every parameter, and for
// almost every parameter without one.
#include <algorithm>
#include <cstdint>
#include <set>

#include "evaluate/activation.h"
#include "evaluate/features.h"
#include "evidence/distinct.h"
#include "evidence/feature_rank.h"
#include "evidence/lattice.h"
#include "evidence/limits.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/verdict.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

Verdict exact_rank(const Question& q) {
  const std::size_t node = q.node();
  const Features f(q.c, node, 0);
  const std::size_t rank = f.read_rank(q.claim);
  const auto theta = f.read_point(q.claim.at("parameters"));
  const auto evidence = read_evidence(q.proof.at("evidence"), f.samples(), f.width(), q.text(), q.c.budget);
  const unsigned bits = verify_rank(q.c, q.c.network, node, theta, *evidence, false);
  return {rank_in_words(q.c, node, rank) + " at " + point_in_words(q.c.network, node, q.claim.at("parameters")), bits};
}

// ---- from a point to almost every parameter of the given network ----

// Each of these returns the bits of the error bound.

// Full rank of the node at the point of the proof. With `halves` and p = 2 it is that of the halves.
unsigned rank_at_point(const Question& q, const Network& network, std::size_t node, const Value& proof, bool halves) {
  const auto theta = read_point(network, node, proof.at("point"), q.c.budget);
  const auto evidence =
      read_evidence(proof.at("evidence"), q.c.data.size(), network.node(node).width, q.text(), q.c.budget);
  return verify_rank(q.c, network, node, theta, *evidence, halves && evidence->prime() == 2);
}

// The same modulo the last prime of a tower, at a point of multiples of ln 2.
unsigned rank_at_lattice_point(const Question& q, const Network& network, std::size_t node, const Value& proof) {
  std::vector<std::uint64_t> tower;
  const auto primes = proof.at("tower").list();
  // Each prime is more than twice the one before.
  require(primes.size() < 32, "tower", "the tower has too many primes");
  for (const Value& p : primes) tower.push_back(read_prime(p, q.c.budget));
  const Lattice lattice(q.c, network, node, read_point(network, node, proof.at("point"), q.c.budget), tower);
  const auto evidence =
      read_evidence(proof.at("evidence"), q.c.data.size(), network.node(node).width, q.text(), q.c.budget);
  require(evidence->prime() == tower.back(), "tower", "the evidence is not modulo the last prime of the tower");
  q.c.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) { evidence->row(i, lattice(x)); });
  return evidence->finish();
}

// By the rule that the proof, or the part of one, names.
unsigned from_point(const Question& q, const Network& network, std::size_t node, const Value& proof) {
  const std::string rule = proof.at("rule").text();
  require_analytic(network, node);
  if (rule == "lattice-point") return rank_at_lattice_point(q, network, node, proof);
  if (rule == "analytic-point") return rank_at_point(q, network, node, proof, false);
  if (rule == "relu-limit") return rank_at_point(q, limit_network(network, node, Limit::relu), node, proof, false);
  require(rule == "step-limit", "wrong-rule", "rule " + rule + " does not prove independent-almost-everywhere");
  return rank_at_point(q, limit_network(network, node, Limit::step), node, proof, true);
}

Verdict almost_everywhere(const Question& q, std::size_t rank, unsigned bits) {
  return {rank_in_words(q.c, q.node(), rank) + " for almost every value of " + theta_in_words(q.c.network, q.node()) +
              frozen_in_words(q.c.network, q.node()),
          bits};
}

Verdict at_point(const Question& q) {
  const Features f(q.c, q.node(), 0);
  const std::size_t rank = f.read_rank(q.claim);
  return almost_everywhere(q, rank, from_point(q, q.c.network, q.node(), q.proof));
}

// d^N det[softplus(s_ij + b_j)] / db_1 .. db_N = det[sigmoid(s_ij + b_j)].
Verdict derivative(const Question& q) {
  const Features f(q.c, q.node(), 0);
  const std::size_t rank = f.read_rank(q.claim);
  const Node& output = f.node();
  require(output.op == Op::activation && output.activation.function == Function::softplus &&
              output.activation.parameter == 1,
          "activation", "the derivative of softplus is sigmoid; this layer is not softplus");
  const Node& map = linear_node(q.c, output.inputs[0]);
  require(map.untied_bias(), "free-biases", "the derivative needs one free bias for each neuron");
  Network derived = q.c.network;
  derived.change(q.node()).activation = {Function::sigmoid, 1, "sigmoid"};
  return almost_everywhere(q, rank, from_point(q, derived, q.node(), q.proof.at("of")));
}

// ---- translates: one free bias per neuron, on samples that are kept apart below ----

// In each bank some position is padding in none of its patches.
bool share_positions(const Node& node) {
  std::vector<std::vector<bool>> never_padding(node.patches.banks());
  for (std::size_t p = 0; p < node.patches.count(); ++p) {
    const std::vector<long>& entries = node.patches.entries()[p];
    auto& bank = never_padding[node.patches.bank(p)];
    bank.resize(entries.size(), true);
    for (std::size_t r = 0; r < entries.size(); ++r) bank[r] = bank[r] && entries[r] != kPad;
  }
  return std::all_of(never_padding.begin(), never_padding.end(),
                     [](const auto& bank) { return std::find(bank.begin(), bank.end(), true) != bank.end(); });
}

// A linear node with free weights: what its patches have to be for its values to be apart.
void require_linear(const Node& node, bool& across_neurons) {
  require(!node.frozen_weights, "frozen", "layer " + node.name + " has frozen weights");
  // A window that lies in the padding altogether sees the same zeros on every sample.
  for (const auto& entries : node.patches.entries()) {
    require(std::any_of(entries.begin(), entries.end(), [](long e) { return e != kPad; }), "not-separated",
            "layer " + node.name + " has a patch of nothing but padding");
  }
  // Neurons with free biases of their own take no common value, whatever enters them.
  if (node.untied_bias()) across_neurons = false;
  if (!across_neurons) return;
  if (node.inputs[0] == 0) {
    for (const auto& entries : node.patches.entries()) {
      require(entries.size() == node.patches.entries()[0].size(), "not-separated",
              "layer " + node.name + " has patches of different lengths");
    }
    return;
  }
  require(share_positions(node), "not-separated",
          "patches of layer " + node.name + " have no common position without padding");
}

// What was looked at already; whatever does not keep samples apart ends the check.
struct Compared {
  explicit Compared(const Network& network) {
    for (std::size_t i = 0; i < network.size(); ++i) {
      const Node& node = network.node(i);
      from_join.push_back(node.op == Op::concat || node.op == Op::select ||
                          (node.op == Op::activation && from_join[node.inputs[0]]));
    }
  }
  std::vector<bool> from_join;                     // whether values of a node come from a join, by activations at most
  std::set<std::pair<std::size_t, bool>> data;     // layers on the data, their patches at one place or at any two
  std::set<std::pair<std::size_t, bool>> seen;     // nodes, with or without the mark across neurons
  std::map<std::size_t, std::vector<bool>> apart;  // which values differ, of nodes from joins and what these join
  std::vector<std::size_t> waiting;                // of what is joined, to be looked at
};

// Each patch of a linear node on a join has an entry that differs between samples for almost every parameter: one that
// is not of the data, where what else is joined keeps samples apart. That waits to be looked at.
void require_apart_on_join(const Context& c, std::size_t i, Compared& compared) {
  const Node& node = c.network.node(i);
  auto& apart = compared.apart;
  // What is not known yet, from what is joined upward.
  std::set<std::size_t> needed;
  std::vector<std::size_t> way{node.inputs[0]};
  while (!way.empty()) {
    const std::size_t k = way.back();
    way.pop_back();
    if (apart.contains(k) || !needed.insert(k).second || !compared.from_join[k]) continue;
    const auto& inputs = c.network.node(k).inputs;
    way.insert(way.end(), inputs.begin(), inputs.end());
  }
  for (std::size_t k : needed) {
    const Node& below = c.network.node(k);
    std::vector<bool>& values = apart[k];
    values.assign(below.width, false);
    if (k == 0) continue;
    if (!compared.from_join[k]) {
      values.assign(below.width, true);
      compared.waiting.push_back(k);
    } else if (below.op == Op::activation) {
      require(strictly_monotone(below.activation), "activation",
              "layer " + below.name + ": " + below.activation.name + " may take one value on two samples");
      values = apart.at(below.inputs[0]);
    } else {
      for (std::size_t n = 0; n < below.inputs.size(); ++n) {
        const std::vector<bool>& from = apart.at(below.inputs[n]);
        for (std::size_t h = 0; h < from.size(); ++h)
          if (const std::size_t to = below.place(n, h); to != Node::kNowhere) values[to] = from[h];
      }
    }
  }
  const std::vector<bool>& values = apart.at(node.inputs[0]);
  for (const auto& entries : node.patches.entries()) {
    require(std::any_of(entries.begin(), entries.end(),
                        [&](long e) { return e != kPad && values[static_cast<std::size_t>(e)]; }),
            "not-separated", "layer " + node.name + " has a patch that sees data and padding alone");
  }
}

// For almost every parameter the values of a linear node differ between samples, neuron by neuron. On
// the way down a max pooling asks for more: the values of any two neurons differ between samples.
void require_apart_below(const Context& c, std::size_t i, Compared& compared) {
  bool across_neurons = false;
  for (; compared.seen.emplace(i, across_neurons).second; i = c.network.node(i).inputs[0]) {
    const Node& node = c.network.node(i);
    const std::string at = "layer " + node.name + ": ";
    if (node.op == Op::linear) {
      require_linear(node, across_neurons);
      if (node.inputs[0] == 0) {
        if (compared.data.emplace(i, across_neurons).second) require_distinct_patches(c, i, !across_neurons);
        return;
      }
      if (compared.from_join[node.inputs[0]]) {
        require(!across_neurons, "layer-kind", at + "it joins layers, and lies below a max pooling with tied biases");
        require_apart_on_join(c, i, compared);
        return;
      }
    } else if (node.op == Op::activation) {
      const Node& below = c.network.node(node.inputs[0]);
      const bool generic = analytic(node.activation.function) && below.op == Op::linear && below.free_bias();
      require(strictly_monotone(node.activation) || generic, "activation",
              at + node.activation.name + " may take one value on two samples");
    } else {
      require(node.op == Op::max_pool, "layer-kind",
              at + "only free filters, activations and max pooling keep samples apart");
      across_neurons = true;
    }
    require(node.inputs[0] != 0, "layer-kind", at + "it reads the data without filters");
  }
}

void require_apart(const Context& c, std::size_t i, Compared& compared) {
  compared.waiting = {i};
  while (!compared.waiting.empty()) {
    const std::size_t next = compared.waiting.back();
    compared.waiting.pop_back();
    require_apart_below(c, next, compared);
  }
}

void require_translates(const Context& c, std::size_t i, bool almost_every, Compared& compared) {
  const Node& node = c.network.node(i);
  require(node.op == Op::activation, "layer-kind", "layer " + node.name + " is not an activation");
  require(translate_independent(node.activation), "activation",
          "translates of " + node.activation.name + " are dependent");
  require(!almost_every || analytic(node.activation.function), "not-analytic",
          "layer " + node.name + ": " + node.activation.name);
  const Node& map = linear_node(c, node.inputs[0]);
  require(map.untied_bias(), "free-biases", "the rule needs one free bias for each neuron of layer " + map.name);
  require_apart(c, node.inputs[0], compared);
}

// Neurons of several layers: each has a bias of its own, which no neuron of a layer before it depends on.
void require_translates_of_selected(const Context& c, const Node& node) {
  Compared compared(c.network);
  std::set<std::pair<std::size_t, std::size_t>> biases;  // of a linear node, a neuron
  for (std::size_t n = 0; n < node.inputs.size(); ++n) {
    const auto& taken = node.selected[n];
    if (std::all_of(taken.begin(), taken.end(), [](std::size_t to) { return to == Node::kNowhere; })) continue;
    require_translates(c, node.inputs[n], true, compared);
    const std::size_t map = c.network.node(node.inputs[n]).inputs[0];
    for (std::size_t h = 0; h < taken.size(); ++h)
      require(taken[h] == Node::kNowhere || biases.emplace(map, h).second, "duplicate",
              "two of the neurons have one bias, neuron " + number(h + 1) + " of layer " + c.network.node(map).name);
  }
}

Verdict translates(const Question& q) {
  const std::size_t rank = read_full_rank(q.c, q.node(), q.claim);  // no value is computed
  const Node& node = q.c.network.node(q.node());
  Compared compared(q.c.network);
  if (node.op == Op::select) {
    require_translates_of_selected(q.c, node);
  } else {
    require_translates(q.c, q.node(), true, compared);
  }
  return almost_everywhere(q, rank, 0);
}

Verdict translates_somewhere(const Question& q) {
  const Node& node = q.c.network.node(q.node());
  require(node.width >= q.c.data.size(), "width", "the layer has fewer than N neurons");
  Compared compared(q.c.network);
  require_translates(q.c, q.node(), false, compared);
  return "rank F(" + node.name + ") = " + number(q.c.data.size()) + " for some parameter" +
         frozen_in_words(q.c.network, q.node());
}

constexpr Rule kRules[] = {{"independent-at", "exact-rank", exact_rank},
                           {"independent-almost-everywhere", "analytic-point", at_point},
                           {"independent-almost-everywhere", "relu-limit", at_point},
                           {"independent-almost-everywhere", "step-limit", at_point},
                           {"independent-almost-everywhere", "lattice-point", at_point},
                           {"independent-almost-everywhere", "derivative", derivative},
                           {"independent-almost-everywhere", "translates", translates},
                           {"independent-somewhere", "translates", translates_somewhere}};

}  // namespace

constinit const Topic topics::generic{"generic", kRules};

}  // namespace widecheck
