// Architecture: a DAG of named nodes in topological order, with its parameter space Theta.
//
// Each node is written as a spec (what stands in the file) and carries what shape inference derived
// from it. Theta is part of the architecture: a bias is absent, one per channel (tied over the
// patches) or one per neuron (the paper's); a tensor is free unless the spec freezes it to a value.
//
// The papers speak of a chain of layers. A layer is a linear node with the activation that follows
// it (none at the output), or a pooling node; paper_chain() lists them or says why there is no
// chain.
#pragma once

#include <widecert/network/activation.h>
#include <widecert/network/patches.h>
#include <widecert/network/tensor.h>

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace widecert {

using Shape = Extents;  // [n], [L, C] or [H, W, C]

enum class BiasMode { none, channel, neuron };
const char* bias_name(BiasMode mode);  // "none", "channel", "neuron"
std::optional<BiasMode> bias_by_name(const std::string& name);

struct Padding {
  enum class Kind { valid, same, given } kind = Kind::valid;
  std::array<std::size_t, 4> amount{};  // top, left, bottom, right; for `given`
};

// The sliding windows of convolutions and pools. `dimensions` is 1 ([L, C] inputs) or 2 ([H, W,
// C]).
struct WindowSpec {
  int dimensions = 2;
  std::array<std::size_t, 2> size{1, 1}, stride{1, 1}, dilation{1, 1};
  Padding padding;
};

struct InputSpec {
  Shape shape;
};
struct ConvSpec {
  WindowSpec window;
  std::size_t filters = 0, groups = 1;
};
struct DenseSpec {
  std::size_t filters = 0;
};
struct PatchListSpec {
  std::vector<Patch> patches;
  std::size_t filters = 0;  // per bank
};
struct LinearSpec {
  std::variant<ConvSpec, DenseSpec, PatchListSpec> form;
  BiasMode bias = BiasMode::neuron;
  std::optional<TensorSpec> frozen_weights, frozen_bias;
  bool free_bias() const { return bias != BiasMode::none && !frozen_bias; }
  bool untied_bias() const { return bias == BiasMode::neuron && !frozen_bias; }  // one a neuron, free
};
struct ActivationSpec {
  Activation function;
};
// The same values with another shape, as models flatten and unflatten: read from the node below and dealt out again in
// this order.
struct Reshaping {
  Shape shape;
  Flattening order = Flattening::channels_last;
};
// Pools. Max pooling ignores padding entries; average pooling counts them as 0. A reshaping is an average over single
// neurons.
struct PoolSpec {
  enum class Kind { max, average } kind = Kind::max;
  std::variant<WindowSpec, std::vector<Patch>, Reshaping> form;
  bool reshapes() const { return std::holds_alternative<Reshaping>(form); }
};
struct SumSpec {};
struct ConcatSpec {};  // along the channels; flat inputs one after the other
// Neurons of several nodes side by side: pairs of the number of an input and of an entry of it, no two of which are
// equal; or so many of all of them by a seed, those whose hashes are smallest (tools/widecheck/FORMAT.md).
struct SelectSpec {
  std::vector<std::pair<std::size_t, std::size_t>> take;
  std::optional<std::pair<std::size_t, std::uint64_t>> seeded = std::nullopt;  // count, seed; then `take` is empty
};
// Inference mode: y = scale x + shift, both frozen, with a number for each channel or for each neuron.
struct BatchNormSpec {
  TensorSpec scale, shift;
  bool each_neuron = false;
};
using NodeSpec =
    std::variant<InputSpec, LinearSpec, ActivationSpec, PoolSpec, SumSpec, ConcatSpec, SelectSpec, BatchNormSpec>;

struct Node {
  std::string name;
  NodeSpec spec;
  std::vector<std::size_t> inputs;  // earlier nodes
  Shape shape;
  std::size_t width = 0;               // number of neurons
  std::optional<PatchLayout> patches;  // of linear and pooling nodes
  std::size_t filters = 0;             // per bank, of linear nodes

  // Of sums, concatenations and selections: where entry h of input n goes; of a selection it may be nowhere. No two
  // entries go to one place, but those of a sum.
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  std::size_t place(std::size_t n, std::size_t h) const {
    if (!selected.empty()) return selected[n][h];
    if (channels.empty()) return h;
    return h / channels[n] * shape.back() + before[n] + h % channels[n];
  }
  std::vector<std::size_t> channels, before;       // of concatenations, by input: its channels, those before them
  std::vector<std::vector<std::size_t>> selected;  // of selections, by input and entry
};

// One layer of the paper's chain.
struct Layer {
  std::size_t map;                                                 // the linear or pooling node
  std::optional<std::size_t> activation;                           // the activation after it
  std::size_t output() const { return activation.value_or(map); }  // the node whose value is F_k
};

struct Chain {
  std::vector<Layer> layers;
  std::string obstacle;  // why the architecture is not a chain; empty if it is
};

class Architecture {
 public:
  // Starts with the input node. Throws ShapeError on an empty or zero shape.
  Architecture(std::string input_name, Shape input_shape);
  // Appends a node; `inputs` are names of earlier nodes. Infers its shape exactly. Throws
  // ShapeError naming the node on a bad or repeated name, an unknown input or shapes that do not
  // fit.
  void add(std::string name, NodeSpec spec, const std::vector<std::string>& inputs);

  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& node(std::size_t index) const { return nodes_[index]; }
  // Throws InputError listing the known names, after `place` if that is given.
  std::size_t index_of(const std::string& name, const std::string& place = "") const;
  std::size_t input_width() const { return nodes_.front().width; }

  // Row lengths of W (one row per filter) and of b of a linear node.
  TensorShape weights_shape(std::size_t node) const;
  TensorShape bias_shape(std::size_t node) const;
  // Of scale and shift of a batch norm: one row; neuron h has entry h modulo its length.
  TensorShape norm_shape(std::size_t node) const;
  // A linear node whose one patch is the whole node below, without padding: U is W, every bias a neuron's own.
  bool is_dense(std::size_t node) const;
  // Which entry of b neuron h of a linear node uses; which row of W.
  std::size_t bias_index(std::size_t node, std::size_t neuron) const;
  std::size_t filter_index(std::size_t node, std::size_t neuron) const;

  // The nodes that `target` depends on, itself included, in topological order.
  std::vector<std::size_t> ancestors(std::size_t target) const;

  // The layers up to `target`; what lies above or beside it does not matter.
  Chain paper_chain(std::size_t target) const;

 private:
  std::vector<Node> nodes_;
  std::map<std::string, std::size_t> by_name_;
};

// "conv2d 3x3, 50 filters, one bias per neuron": for people.
std::string describe(const Node& node);

}  // namespace widecert
