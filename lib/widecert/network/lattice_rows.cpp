#include <widecert/network/lattice_rows.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>

#include <algorithm>

namespace widecert {
namespace {

constexpr std::uint64_t kMostOrder = std::uint64_t{1} << 22;

bool is_lattice_function(ActivationKind f) { return f == ActivationKind::sigmoid || f == ActivationKind::tanh; }

std::uint64_t power(std::uint64_t base, std::uint64_t exponent, std::uint64_t p) {
  std::uint64_t result = 1;
  for (base %= p; exponent != 0; exponent >>= 1, base = base * base % p) {
    if (exponent & 1) result = result * base % p;
  }
  return result;
}

// What happens at one node, with residues modulo m (what enters) and, after an activation, p.
struct Step {
  std::size_t node;
  std::uint64_t modulus = 1;                 // of the values of this node
  std::vector<std::uint32_t> weights, bias;  // linear: filter by filter; bias by neuron
  std::vector<std::size_t> row_begin;        // of each filter
  std::vector<std::uint32_t> table;          // activation: value at z
  std::uint64_t factor = 1;                  // average pool: 1 / length
  PatchLayout::Flat patches;
};

std::uint32_t reduce(const Integer& v, std::uint64_t m) {
  return static_cast<std::uint32_t>(mpz_fdiv_ui(v.backend().data(), m));
}

std::vector<std::uint32_t> residues(const IntegerTensor& tensor, std::uint64_t m, const std::string& name) {
  if (tensor.divisor != 1) {
    throw InputError("a lattice point has integer tensors; those of \"" + name + "\" are not");
  }
  std::vector<std::uint32_t> out;
  for (std::int64_t v : tensor.small) out.push_back(reduce(Integer(v), m));
  for (const Integer& v : tensor.large) out.push_back(reduce(v, m));
  return out;
}

std::vector<std::uint32_t> table_of(ActivationKind f, std::uint64_t order, std::uint64_t p) {
  std::vector<std::uint32_t> table;
  std::uint64_t t = 1;  // 2^z
  for (std::uint64_t z = 0; z < order; ++z, t = 2 * t % p) {
    // 1/(1 + 2^-z) = 2^z/(2^z + 1); the denominators are units.
    const std::uint64_t s = f == ActivationKind::sigmoid ? t : t * t % p;
    const std::uint64_t inverse = power(s + 1, p - 2, p);
    const std::uint64_t numerator = f == ActivationKind::sigmoid ? s : s + p - 1;
    table.push_back(static_cast<std::uint32_t>(numerator % p * inverse % p));
  }
  return table;
}

}  // namespace

std::uint64_t order_of_two(std::uint64_t prime, std::uint64_t most) {
  std::uint64_t t = 2 % prime;
  for (std::uint64_t order = 1; order <= most; ++order, t = 2 * t % prime) {
    if (t == 1) return order;
  }
  return 0;
}

std::optional<std::size_t> lattice_depth(const Architecture& network, std::size_t target, std::string& refused) {
  std::map<std::size_t, std::size_t> depth{{0, 0}};  // activations passed
  const auto refuse = [&](const Node& node, const std::string& why) {
    refused = "\"" + node.name + "\" " + why;
    return std::nullopt;
  };
  for (std::size_t i : network.ancestors(target)) {
    if (i == 0) continue;
    const Node& node = network.node(i);
    const Node& from = network.node(node.inputs[0]);
    const bool after_linear = std::holds_alternative<LinearSpec>(from.spec);
    depth[i] = depth.at(node.inputs[0]);
    for (std::size_t input : node.inputs) {
      if (depth.at(input) != depth[i]) return refuse(node, "joins layers of different depth");
    }
    // Empty where the node fits.
    const auto acts_on_values = [&]() -> std::string {
      for (std::size_t input : node.inputs) {
        if (depth[i] == 0 || std::holds_alternative<LinearSpec>(network.node(input).spec)) {
          return "acts on something else than values of activations";
        }
      }
      return "";
    };
    const std::string no_join = "is no average pool, sum or concatenation";
    const std::string why = std::visit(
        overloaded{
            [&](const InputSpec&) { return no_join; },
            [&](const LinearSpec& linear) -> std::string {
              if (linear.frozen_weights || linear.frozen_bias) return "has frozen tensors";
              return after_linear ? "follows a linear layer without an activation" : "";
            },
            [&](const ActivationSpec& activation) -> std::string {
              if (!is_lattice_function(activation.function.kind)) return "is not sigmoid or tanh";
              if (!after_linear) return "does not follow a linear layer";
              ++depth[i];
              return "";
            },
            [&](const PoolSpec& pool) { return pool.kind == PoolSpec::Kind::average ? acts_on_values() : no_join; },
            [&](const SumSpec&) { return acts_on_values(); }, [&](const ConcatSpec&) { return acts_on_values(); },
            [&](const SelectSpec&) { return no_join; }, [&](const BatchNormSpec&) { return no_join; }},
        node.spec);
    if (!why.empty()) return refuse(node, why);
  }
  if (depth.at(target) == 0 || std::holds_alternative<LinearSpec>(network.node(target).spec)) {
    return refuse(network.node(target), "is not a value of activations");
  }
  return depth.at(target);
}

ResidueRows lattice_rows(const Architecture& network, const PointSpec& point, std::size_t target, const Dataset& data,
                         const std::vector<std::uint64_t>& tower) {
  std::string refused;
  const auto depth = lattice_depth(network, target, refused);
  if (!depth) throw InputError("no lattice point: " + refused);
  if (tower.size() != *depth) throw InputError("a tower of one prime for each layer is needed");
  // Modulus of z at depth l: the order of 2 modulo the next prime.
  std::vector<std::uint64_t> modulus{order_of_two(tower[0], kMostOrder)};
  modulus.insert(modulus.end(), tower.begin(), tower.end());
  if (modulus[0] % 2 == 0) throw InputError("2 needs odd order modulo the first prime");
  for (std::size_t l = 1; l < tower.size(); ++l) {
    if (order_of_two(tower[l], kMostOrder) != tower[l - 1]) {
      throw InputError("2 needs order " + std::to_string(tower[l - 1]) + " modulo " + std::to_string(tower[l]));
    }
  }
  const IntegerPoint tensors = integer_point(network, point, target);
  auto steps = std::make_shared<std::vector<Step>>();
  std::map<std::size_t, std::size_t> level{{0, 0}};
  for (std::size_t i : network.ancestors(target)) {
    const Node& node = network.node(i);
    Step step;
    step.node = i;
    if (i != 0) level[i] = level.at(node.inputs[0]);
    if (node.patches) step.patches = node.patches->flat();
    std::visit(
        overloaded{[](const InputSpec&) {},
                   [&](const LinearSpec&) {
                     const IntegerParameters& theta = tensors.at(i);
                     const std::uint64_t m = modulus[level[i]];
                     step.weights = residues(theta.weights, m, node.name);
                     std::size_t begin = 0;
                     for (std::size_t length : theta.weights.shape) {
                       step.row_begin.push_back(begin);
                       begin += length;
                     }
                     const auto bias = residues(theta.bias, m, node.name);
                     for (std::size_t h = 0; h < node.width && !bias.empty(); ++h) {
                       step.bias.push_back(bias[network.bias_index(i, h)]);
                     }
                   },
                   [&](const ActivationSpec& activation) {
                     step.table = table_of(activation.function.kind, modulus[level[i]], modulus[level[i] + 1]);
                     ++level[i];
                   },
                   [&](const PoolSpec&) {
                     const std::size_t length = step.patches.begin[1];
                     for (std::size_t p = 1; p < step.patches.begin.size(); ++p) {
                       if (step.patches.begin[p] - step.patches.begin[p - 1] != length) {
                         throw InputError("\"" + node.name + "\": average pooling over patches of unequal length");
                       }
                     }
                     for (std::uint64_t p : tower) {
                       if (length % p == 0) throw InputError("a window's length is divisible by " + std::to_string(p));
                     }
                     step.factor = power(length, modulus[level[i]] - 2, modulus[level[i]]);
                   },
                   [](const SumSpec&) {}, [](const ConcatSpec&) {},
                   [](const SelectSpec&) { throw InternalError("lattice_depth() admits no selection"); },
                   [](const BatchNormSpec&) { throw InternalError("lattice_depth() admits no batch norm"); }},
        node.spec);
    step.modulus = modulus[level[i]];
    steps->push_back(std::move(step));
  }
  ResidueRows rows{data.size(), network.node(target).width, tower.back(), {}};
  const auto row = [network, steps, &data, target](std::size_t sample, std::span<std::uint32_t> out) {
    std::vector<std::vector<std::uint32_t>> value(target + 1);
    for (const Step& step : *steps) {
      const Node& node = network.node(step.node);
      const std::uint64_t m = step.modulus;
      std::vector<std::uint32_t>& y = value[step.node];
      const auto join = [&] {
        y.assign(node.width, 0);
        for (std::size_t n = 0; n < node.inputs.size(); ++n) {
          const auto& x = value[node.inputs[n]];
          for (std::size_t h = 0; h < x.size(); ++h) {
            const std::size_t to = node.place(n, h);
            y[to] = static_cast<std::uint32_t>((std::uint64_t{y[to]} + x[h]) % m);
          }
        }
      };
      std::visit(overloaded{[&](const InputSpec&) {
                              for (std::size_t j = 0; j < data.width(); ++j)
                                y.push_back(reduce(data.numerator(sample, j), m));
                            },
                            [&](const LinearSpec&) {
                              const auto& x = value[node.inputs[0]];
                              for (std::size_t h = 0; h < node.width; ++h) {
                                const std::size_t p = h / node.filters, row = network.filter_index(step.node, h);
                                std::uint64_t sum = step.bias.empty() ? 0 : step.bias[h];
                                for (std::size_t k = step.patches.begin[p]; k < step.patches.begin[p + 1]; ++k) {
                                  if (step.patches.entries[k] == kPadding) continue;
                                  sum += std::uint64_t{step.weights[step.row_begin[row] + k - step.patches.begin[p]]} *
                                         x[static_cast<std::size_t>(step.patches.entries[k])];
                                  if (sum >= std::uint64_t{1} << 62) sum %= m;
                                }
                                y.push_back(static_cast<std::uint32_t>(sum % m));
                              }
                            },
                            [&](const ActivationSpec&) {
                              for (std::uint32_t z : value[node.inputs[0]]) y.push_back(step.table[z]);
                            },
                            [&](const PoolSpec&) {
                              const auto& x = value[node.inputs[0]];
                              for (std::size_t p = 0; p < node.width; ++p) {
                                std::uint64_t sum = 0;
                                for (std::size_t k = step.patches.begin[p]; k < step.patches.begin[p + 1]; ++k) {
                                  if (step.patches.entries[k] != kPadding)
                                    sum += x[static_cast<std::size_t>(step.patches.entries[k])];
                                }
                                y.push_back(static_cast<std::uint32_t>(sum % m * step.factor % m));
                              }
                            },
                            [&](const SumSpec&) { join(); }, [&](const ConcatSpec&) { join(); },
                            [](const SelectSpec&) { throw InternalError("lattice_depth() admits no selection"); },
                            [](const BatchNormSpec&) { throw InternalError("lattice_depth() admits no batch norm"); }},
                 node.spec);
    }
    std::copy(value[target].begin(), value[target].end(), out.begin());
  };
  rows.write = one_by_one(rows.cols, row);
  return rows;
}

}  // namespace widecert
