#include "evidence/lattice.h"

#include <algorithm>
#include <cstdint>

#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::uint64_t kMostOrder = std::uint64_t{1} << 22;

std::uint64_t power(std::uint64_t base, std::uint64_t exponent, std::uint64_t p) {
  std::uint64_t result = 1;
  for (base %= p; exponent != 0; exponent >>= 1, base = base * base % p)
    if (exponent & 1) result = result * base % p;
  return result;
}

// The order of 2 modulo an odd prime.
std::uint64_t order_of_two(std::uint64_t p) {
  std::uint64_t order = 1;
  for (std::uint64_t t = 2 % p; t != 1; t = 2 * t % p, ++order)
    require(order < kMostOrder, "tower", "2 has order above 2^22 modulo " + std::to_string(p));
  return order;
}

std::uint32_t residue(const mpz_class& v, std::uint64_t m) {
  return static_cast<std::uint32_t>(mpz_fdiv_ui(v.get_mpz_t(), m));
}

// sigmoid(z ln 2) = 2^z/(2^z + 1), tanh(z ln 2) = (4^z - 1)/(4^z + 1) modulo p, for z modulo the
// order of 2. The order is odd, so -1 is no power of 2 and the denominators are units.
std::vector<std::uint32_t> table(Function f, std::uint64_t order, std::uint64_t p) {
  std::vector<std::uint32_t> values;
  std::uint64_t t = 1;
  for (std::uint64_t z = 0; z < order; ++z, t = 2 * t % p) {
    const std::uint64_t s = f == Function::sigmoid ? t : t * t % p;
    const std::uint64_t numerator = f == Function::sigmoid ? s : (s + p - 1) % p;
    values.push_back(static_cast<std::uint32_t>(numerator * power(s + 1, p - 2, p) % p));
  }
  return values;
}

}  // namespace

Lattice::Lattice(const Context& c, const Network& network, std::size_t target,
                 const std::map<std::size_t, Parameters>& point, const std::vector<std::uint64_t>& tower)
    : network_(network), target_(target) {
  // modulus[l]: of the values after l activations, and so of the z computed from them.
  require(!tower.empty(), "tower", "a tower has at least one prime");
  std::vector<std::uint64_t> modulus;
  for (std::size_t l = 0; l < tower.size(); ++l) {
    c.budget.spend(10 * Products(kMostOrder));
    require(tower[l] > 2, "tower", "the primes of a tower are odd");
    const std::uint64_t order = order_of_two(tower[l]);
    if (l == 0) {
      require(order % 2 == 1, "tower", "2 has even order modulo the first prime");
      modulus.push_back(order);
    } else {
      require(
          order == tower[l - 1], "tower",
          "2 has order " + std::to_string(order) + " modulo " + std::to_string(tower[l]) + ", not the prime before");
    }
    modulus.push_back(tower[l]);
  }
  std::map<std::pair<Function, std::size_t>, std::shared_ptr<const std::vector<std::uint32_t>>> tables;  // by prime
  std::map<std::size_t, std::size_t> depth;
  for (std::size_t i : network.below(target)) {
    const Node& node = network.node(i);
    const std::string at = "layer " + node.name + ": ";
    Step step{i, 0, {}, {}, nullptr, 1};
    c.budget.spend((1000 + (10 + 6 * Products(node.terms()) + 10 * Products(c.data.words())) * node.width) *
                   c.data.size());
    std::size_t& l = depth[i];
    bool after_linear = false;
    for (std::size_t input : node.inputs) {
      l = depth.at(node.inputs[0]);
      require(depth.at(input) == l, "degree", at + "it joins layers of different depth");
      after_linear = after_linear || network.node(input).op == Op::linear;
    }
    require(after_linear == (node.op == Op::activation), "layer-kind", at + "linear layers and activations alternate");
    switch (node.op) {
      case Op::input:
        break;
      case Op::linear: {
        require(!node.frozen(), "frozen", at + "frozen tensors are no multiples of ln 2");
        const Parameters& theta = point.at(i);
        require(theta.weights.divisor == 1 && theta.bias.divisor == 1, "not-integers",
                at + "a lattice point has integer tensors");
        for (const auto& row : theta.weights.rows) {
          auto& out = step.weights.emplace_back();
          for (const mpz_class& w : row) out.push_back(residue(w, modulus[l]));
        }
        for (const auto& row : theta.bias.rows)
          for (const mpz_class& b : row) step.bias.push_back(residue(b, modulus[l]));
        break;
      }
      case Op::activation: {
        const Function f = node.activation.function;
        require(f == Function::sigmoid || f == Function::tanh, "activation",
                at + node.activation.name + " is not rational at multiples of ln 2");
        require(l < tower.size(), "tower", "the tower has too few primes");
        step.table = tables[{f, l}];
        if (!step.table) {
          c.budget.spend(1000 * Products(modulus[l]));
          step.table = std::make_shared<const std::vector<std::uint32_t>>(table(f, modulus[l], modulus[l + 1]));
          tables[{f, l}] = step.table;
        }
        ++l;
        break;
      }
      case Op::average_pool: {
        const std::size_t length = pool_length(node);
        for (std::uint64_t p : tower)
          require(length % p != 0, "denominator", at + "its length is divisible by a prime");
        step.inverse_length = power(length, modulus[l] - 2, modulus[l]);
        [[fallthrough]];
      }
      case Op::sum:
      case Op::concat:
        // Below the first activation values are residues of numerators, not of values.
        require(l > 0, "degree", at + "it acts on data");
        break;
      default:
        throw Rejected("layer-kind", at + "not offered at lattice points");
    }
    step.modulus = modulus[l];
    steps_.push_back(std::move(step));
  }
  require(network.node(target).op != Op::linear && depth.at(target) > 0, "layer-kind",
          "the claimed layer holds no values of activations");
  require(depth.at(target) == tower.size(), "tower", "the tower has too many primes");
}

std::uint32_t Lattice::entry(const Step& step, std::size_t h,
                             const std::map<std::size_t, std::vector<std::uint32_t>>& known) const {
  const Node& node = network_.node(step.node);
  const std::uint64_t m = step.modulus;
  const std::vector<std::uint32_t>& x = known.at(node.inputs[0]);
  std::uint64_t sum = 0;
  switch (node.op) {
    case Op::activation:
      return (*step.table)[x[h]];
    case Op::linear: {
      const auto& w = step.weights[network_.filter_of(step.node, h)];
      if (node.bias != Bias::none) sum = step.bias[network_.bias_of(step.node, h)];
      node.patches.for_each_seen(h / node.filters, [&](std::size_t r, std::size_t input) {
        // Both factors are below 2^31, the sum so far is below 2^31 too.
        sum = (sum + std::uint64_t{w[r]} * x[input]) % m;
      });
      return static_cast<std::uint32_t>(sum % m);
    }
    case Op::average_pool:
      node.patches.for_each_seen(h, [&](std::size_t, std::size_t input) { sum += x[input]; });
      return static_cast<std::uint32_t>(sum % m * step.inverse_length % m);
    case Op::sum:
      for (std::size_t input : node.inputs) sum += known.at(input)[h];
      return static_cast<std::uint32_t>(sum % m);
    default: {  // concatenation along the channels
      std::size_t channel = h % node.shape.back(), k = 0;
      const std::size_t position = h / node.shape.back();
      while (channel >= network_.node(node.inputs[k]).shape.back())
        channel -= network_.node(node.inputs[k++]).shape.back();
      return known.at(node.inputs[k])[position * network_.node(node.inputs[k]).shape.back() + channel];
    }
  }
}

std::vector<std::uint32_t> Lattice::operator()(const std::vector<mpz_class>& x) const {
  std::map<std::size_t, std::vector<std::uint32_t>> known;
  for (const Step& step : steps_) {
    std::vector<std::uint32_t> y(network_.node(step.node).width);
    for (std::size_t h = 0; h < y.size(); ++h)
      y[h] = step.node == 0 ? residue(x[h], step.modulus) : entry(step, h, known);
    known[step.node] = std::move(y);
  }
  return std::move(known.at(target_));
}

}  // namespace widecheck
