// Rules about full rank: at one point, and from a point to almost every parameter.
#include <algorithm>

#include "clones.h"
#include "evidence.h"
#include "lattice.h"
#include "limits.h"
#include "rules.h"
#include "verdict.h"

namespace widecheck {
namespace {

// out = v / 2 modulo 2 for even v. Returns an odd number if some v is odd.
WIDECHECK_CLONES std::int64_t halve(const std::vector<std::int64_t>& v, std::vector<std::uint32_t>& out) {
  std::int64_t any = 0;
  for (std::size_t h = 0; h < v.size(); ++h) {
    any |= v[h];
    out[h] = static_cast<std::uint32_t>(v[h] >> 1 & 1);
  }
  return any;
}

WIDECHECK_CLONES void parities(const std::vector<std::int64_t>& v, std::vector<std::uint32_t>& out) {
  for (std::size_t h = 0; h < v.size(); ++h) out[h] = static_cast<std::uint32_t>(v[h] & 1);
}

// Streams the integer matrix A of a node's exact values (times their divisor), reduced modulo the
// prime of the evidence. With `halved` (which needs p = 2) every value is even and A consists of the
// halves.
unsigned verify_rank(const Context& c, const Network& network, std::size_t node,
                     const std::map<std::size_t, Parameters>& theta, RankEvidence& evidence, bool halved) {
  const Forward forward = make_forward(c, network, node, theta, 1);
  require(forward.exact(), "irrational", "the values of the layer are not rational");
  spend(c, evidence.work());
  const std::uint64_t p = evidence.prime();
  std::vector<std::uint32_t> residues(network.node(node).width);
  const auto reject_odd = [](std::size_t sample) {
    throw Rejected("zero-pre-activation",
                   "sample " + number(sample + 1) + ": a pre-activation is 0; GF(2) cannot take 1/2");
  };
  if (forward.small() && c.data.small()) {
    const auto modulus = static_cast<std::int64_t>(p);
    c.data.for_each_small([&](std::size_t sample, const std::vector<std::int64_t>& x) {
      const std::vector<std::int64_t> v = forward(x);
      if (halved) {
        if (halve(v, residues) % 2 != 0) reject_odd(sample);
      } else if (p == 2) {
        parities(v, residues);
      } else {
        for (std::size_t h = 0; h < v.size(); ++h) {
          const std::int64_t r = v[h] % modulus;
          residues[h] = static_cast<std::uint32_t>(r < 0 ? r + modulus : r);
        }
      }
      evidence.row(residues);
    });
  } else {
    c.data.for_each([&](std::size_t sample, const std::vector<mpz_class>& x) {
      Values values = forward(x);
      for (std::size_t h = 0; h < values.v.size(); ++h) {
        mpz_class& v = values.v[h];
        if (halved && mpz_odd_p(v.get_mpz_t())) reject_odd(sample);
        if (halved) v /= 2;
        residues[h] = static_cast<std::uint32_t>(mpz_fdiv_ui(v.get_mpz_t(), p));
      }
      evidence.row(residues);
    });
  }
  return evidence.finish();
}

// The free tensors that "almost every" speaks of.
std::string theta_in_words(const Network& network, std::size_t target) {
  std::string text;
  for (std::size_t i : linear_nodes(network, target)) {
    const Node& node = network.node(i);
    const auto add = [&](const char* what, const std::vector<std::size_t>& shape, const char* ties) {
      std::size_t entries = 0;
      for (std::size_t row : shape) entries += row;
      text += (text.empty() ? "" : ", ") + node.name + what + number(entries) + ties + ")";
    };
    if (!node.frozen_weights) add(" weights (", weights_shape(node), "");
    if (node.free_bias())
      add(" bias (", bias_shape(node), node.bias == Bias::neuron ? ", one a neuron" : ", one a channel");
  }
  return text.empty() ? "no free tensor" : text;
}

// A rule that leads from a point to almost every parameter of the given network.
unsigned check_point_rule(const Context& c, const Network& network, std::size_t node, const std::string& rule,
                          Value& proof, const std::string& claim_text) {
  require_analytic(network, node);
  if (rule == "lattice-point") {
    std::vector<std::uint64_t> tower;
    for (const Value& p : proof.at("tower").list()) tower.push_back(read_prime(p));
    const Lattice lattice(network, node, read_point(network, node, proof.at("point")), tower);
    const auto evidence = read_evidence(proof.at("evidence"), c.data.size(), network.node(node).width, claim_text);
    require(evidence->prime() == tower.back(), "tower", "the evidence is not modulo the last prime of the tower");
    spend(c, evidence->work());
    c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) { evidence->row(lattice(x)); });
    return evidence->finish();
  }
  const bool steps = rule == "step-limit";
  Network at_limit = network;
  if (rule == "relu-limit" || steps)
    at_limit = limit_network(network, node, steps ? Limit::step : Limit::relu);
  else if (rule != "analytic-point")
    throw Rejected("wrong-rule", "rule " + rule + " does not prove independent-almost-everywhere");
  const auto theta = read_point(at_limit, node, proof.at("point"));
  const auto evidence = read_evidence(proof.at("evidence"), c.data.size(), at_limit.node(node).width, claim_text);
  return verify_rank(c, at_limit, node, theta, *evidence, steps && evidence->prime() == 2);
}

}  // namespace

std::size_t read_rank(const Context& c, std::size_t node, Value& claim) {
  const std::size_t rank = claim.at("rank").number(std::uint64_t{1} << 40);
  const std::size_t full = std::min(c.data.size(), c.network.node(node).width);
  require(rank == full, "rank", "the claim says rank " + number(rank) + "; min(N, n) is " + number(full));
  return rank;
}

Verdict independent_at(const Context& c, std::size_t node, Value& claim, Value& proof, const std::string& rule) {
  const std::size_t rank = read_rank(c, node, claim);
  Verdict verdict;
  if (rule == "integer-cholesky") {
    verdict.sentence = independent_at_by_cholesky(c, node, rank, claim, proof);
    return verdict;
  }
  require(rule == "exact-rank", "wrong-rule", "rule " + rule + " does not prove independent-at");
  require_feasible(c, node, 0);
  const auto theta = read_point(c.network, node, claim.at("parameters"));
  const auto evidence = read_evidence(proof.at("evidence"), c.data.size(), c.network.node(node).width, claim.compact());
  verdict.error_bits = verify_rank(c, c.network, node, theta, *evidence, false);
  verdict.sentence = "rank F(" + c.network.node(node).name + ") = " + number(rank) +
                     (rank == c.data.size() ? "" : " (full column rank)") + " at the given parameters";
  return verdict;
}

Verdict almost_everywhere(const Context& c, std::size_t node, Value& claim, Value proof) {
  const std::size_t rank = read_rank(c, node, claim);
  require_feasible(c, node, 0);
  const std::string rule = proof.at("rule").text();
  Verdict verdict;
  if (rule == "translates") {
    check_translates(c, node, true);
  } else if (rule == "derivative") {
    // d^N det[softplus(s_ij + b_j)] / db_1 .. db_N = det[sigmoid(s_ij + b_j)].
    const Node& output = c.network.node(node);
    require(output.op == Op::activation && output.activation.function == Function::softplus &&
                output.activation.parameter == 1,
            "activation", "the derivative of softplus is sigmoid; this layer is not softplus");
    const Node& map = linear_node(c, output.inputs[0]);
    require(map.untied_bias(), "free-biases", "the derivative needs one free bias for each neuron");
    Network derived = c.network;
    derived.change(node).activation = {Function::sigmoid, 1, "sigmoid"};
    Value inner = proof.at("of");
    const std::string inner_rule = inner.at("rule").text();
    verdict.error_bits = check_point_rule(c, derived, node, inner_rule, inner, claim.compact());
  } else {
    verdict.error_bits = check_point_rule(c, c.network, node, rule, proof, claim.compact());
  }
  verdict.sentence = "rank F(" + c.network.node(node).name + ") = " + number(rank) +
                     (rank == c.data.size() ? "" : " (full column rank)") + " for almost every value of " +
                     theta_in_words(c.network, node);
  return verdict;
}

}  // namespace widecheck
