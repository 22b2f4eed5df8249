// The checker's own model of a network: it expands generators itself. forward.h evaluates it.
#pragma once

#include <gmpxx.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel/budget.h"
#include "kernel/function.h"
#include "kernel/input.h"
#include "kernel/layout.h"
#include "kernel/patches.h"

namespace widecheck {

enum class Op { input, linear, activation, max_pool, average_pool, sum, concat, select, batch_norm };
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
  Extents patch_image;      // of linear nodes: the extents of a patch, if it is an image
  std::size_t filters = 0;  // per bank
  Bias bias = Bias::none;
  // Of linear nodes: the values that Theta fixes.
  std::shared_ptr<const Tensor> frozen_weights, frozen_bias;
  // A neuron is made of so many numbers at most, padding included.
  std::size_t terms() const { return std::max(patches.longest(), inputs.size()); }
  bool frozen() const { return frozen_weights || frozen_bias; }
  bool free_bias() const { return bias != Bias::none && !frozen_bias; }
  bool untied_bias() const { return bias == Bias::neuron && !frozen_bias; }  // one a neuron, free
  Activation activation{Function::identity, 1, ""};
  // Of batch_norm: one row each, for the channels or for the neurons.
  std::shared_ptr<const Tensor> scale, shift;
  std::size_t norm_entry(std::size_t neuron) const { return neuron % scale->rows[0].size(); }
  // Of sum, concat and select: where entry h of input n goes, which of select may be nowhere. No two entries go to one
  // place, but those of a sum.
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  std::size_t place(std::size_t n, std::size_t h) const {
    if (op == Op::sum) return h;
    if (op == Op::concat) return h / channels[n] * shape.back() + before[n] + h % channels[n];
    return selected[n][h];
  }
  std::vector<std::size_t> channels, before;  // of concat, by input: its channels, and those of the inputs before it
  std::vector<std::vector<std::size_t>> selected;  // of select, by input and entry
};

// The entries other than 0 of each row, by increasing position, over one divisor.
struct SparseTensor {
  std::vector<std::vector<std::pair<std::size_t, mpz_class>>> rows;
  mpz_class divisor = 1;
};

// Row lengths of a tensor, and of what extents its rows are if they are images.
struct TensorShape {
  std::vector<std::size_t> lengths;
  Extents image = {};
};
// Of the tensors of a linear node.
TensorShape weights_shape(const Node& node);
TensorShape bias_shape(const Node& node);
// How many entries, padding included, every patch of a pool has. Throws Rejected("unsupported") if they differ.
std::size_t pool_length(const Node& node);

struct Parameters {
  Tensor weights, bias;
};

class Network {
 public:
  Network(const Value& json, Budget& budget);
  std::size_t find(const std::string& name) const;  // throws Malformed
  const Node& node(std::size_t i) const { return *nodes_[i]; }
  std::size_t size() const { return nodes_.size(); }
  // Nodes that `target` depends on, itself included, in order.
  std::vector<std::size_t> below(std::size_t target) const;

  // A linear node whose one patch is the whole node below, neuron after neuron: U is W, every bias a neuron's own.
  bool dense(std::size_t i) const;
  std::size_t filter_of(std::size_t i, std::size_t neuron) const;
  std::size_t bias_of(std::size_t i, std::size_t neuron) const;

  // The nodes from one on up to another, the first one as the input. Throws Rejected("not-a-chain") where something
  // else below the last one leads past the first.
  Network part(std::size_t from, std::size_t to) const;

  // Copies of a network share their nodes. This one's node, to be changed.
  Node& change(std::size_t i);
  // Pays for going through all nodes, as every claim does several times.
  void charge(Budget& budget) const;

 private:
  Network() = default;
  std::vector<std::shared_ptr<const Node>> nodes_;
  std::shared_ptr<std::map<std::string, std::size_t>> names_ = std::make_shared<std::map<std::string, std::size_t>>();
  std::size_t links_ = 0;  // inputs of all nodes
  // Neurons and patch entries so far, for the limit on their total.
  std::shared_ptr<std::size_t> numbers_ = std::make_shared<std::size_t>(0);
};

// The sum of two tensors of one shape. It pays for itself.
Tensor sum_of(const Tensor& a, const Tensor& b, Budget& budget);
// b - a. It pays for itself.
Tensor difference_of(const Tensor& a, const Tensor& b, Budget& budget);
// Row j, or entry j of every row, is multiplied. They pay for themselves; Malformed("too-large") beyond 65,536 bits.
void multiply_row(Tensor& a, std::size_t j, const mpq_class& by, Budget& budget);
void multiply_column(Tensor& a, std::size_t j, const mpq_class& by, Budget& budget);
// The sum of all squares. It pays for itself.
mpq_class sum_of_squares(const Tensor& a, Budget& budget);
// A tensor of one value.
Tensor constant_tensor(const std::vector<std::size_t>& row_lengths, const mpz_class& value);
// Expands a tensor of any form to the shape, and pays for that. Throws Malformed.
Tensor read_tensor(const Value& json, const TensorShape& shape, Budget& budget);
// From a list of its rows.
Tensor read_tensor_rows(const Value& json, const TensorShape& shape, Budget& budget);
// The same without its zeros; {"sparse"} is not expanded.
SparseTensor read_sparse_tensor(const Value& json, const TensorShape& shape, Budget& budget);

}  // namespace widecheck
