// The checker's own model of a network: it expands generators itself, and evaluates one sample at a
// time on integers over a common divisor with one error radius.
#pragma once

#include <gmpxx.h>

#include <map>
#include <string>
#include <vector>

#include "activation.h"
#include "input.h"

namespace widecheck {

// The numbers v_h / divisor, each exact up to radius / divisor.
struct Values {
  std::vector<mpz_class> v;
  mpz_class divisor = 1;
  mpz_class radius = 0;
};

constexpr long kPad = -1;

struct Patches {
  std::vector<std::vector<long>> entries;  // input neuron or kPad
  std::vector<std::size_t> bank;
  std::size_t banks = 1;
};

enum class Op { input, linear, activation, max_pool, average_pool, sum, concat, batch_norm };
enum class Bias { none, channel, neuron };

// A tensor as integers over one divisor; rows of possibly different length.
struct Tensor {
  std::vector<std::vector<mpz_class>> rows;
  mpz_class divisor = 1;
  bool zero() const;
};

struct Node {
  std::string name;
  Op op = Op::input;
  std::vector<std::size_t> inputs;
  std::vector<std::size_t> shape;
  std::size_t width = 0;
  Patches patches;          // of linear and pooling nodes
  std::size_t filters = 0;  // per bank
  Bias bias = Bias::none;
  bool frozen = false;  // some tensor is frozen
  Activation activation{Function::identity, 1, ""};
  Tensor scale, shift;  // of batch_norm
};

struct Parameters {
  Tensor weights, bias;
};

class Network {
 public:
  explicit Network(Value json);
  std::size_t find(const std::string& name) const;  // throws Malformed
  const Node& node(std::size_t i) const { return nodes_[i]; }
  std::size_t inputs() const { return nodes_[0].width; }
  // Nodes that `target` depends on, itself included, in order.
  std::vector<std::size_t> below(std::size_t target) const;

  std::vector<std::size_t> weights_shape(std::size_t i) const;
  std::vector<std::size_t> bias_shape(std::size_t i) const;
  std::size_t filter_of(std::size_t i, std::size_t neuron) const;
  std::size_t bias_of(std::size_t i, std::size_t neuron) const;

  // The values of `target` at one sample. `bits` is the grid where values are irrational.
  Values evaluate(std::size_t target, const std::map<std::size_t, Parameters>& theta, Values x,
                  unsigned bits) const;

 private:
  std::vector<Node> nodes_;
  std::map<std::string, std::size_t> names_;
  std::size_t numbers_ = 0;  // neurons and patch entries so far, for the limit on their total
};

// Expands {"fill"}, {"rows"} or {"seeded"} to the shape. Throws Malformed.
Tensor read_tensor(Value json, const std::vector<std::size_t>& row_lengths);

}  // namespace widecheck
