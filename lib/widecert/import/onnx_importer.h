// What onnx_model.cpp consists of: one pass over the operators of a model, each of which gives a value. For the sources
// beside. Layouts are in onnx_layouts.cpp, layers with windows or weights in onnx_layers.cpp, functions of values in
// onnx_functions.cpp.
#pragma once

#include <fmt/format.h>
#include <widecert/import/onnx_model.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <optional>
#include <set>
#include <variant>

namespace widecert::onnx_import {

using onnx::Array, onnx::Attribute, onnx::Graph;

inline constexpr std::int64_t kBatch =
    -(std::int64_t{1} << 40);  // the number of samples, where a model computes with shapes

// Values of a node for each sample, in the order that the model has them: dimension k (after that of the samples) runs
// over the axes dims[k] of the node's shape, the last one fastest. Axes of extent 1 may be absent.
struct View {
  std::size_t node;
  std::vector<std::vector<std::size_t>> dims;
};
// Where x is the base and Erf has been met: gelu is x (1 + erf(x / sqrt 2)) / 2.
struct Erf {
  View base;
  int stage;  // 1: erf(x / sqrt 2); 2: 1 + that; 3: x times that; 4: half of 2
};
using Value = std::variant<View, Array, Erf>;
// A value that is factor min(max(x + 3, 0), 6) / 6: hard-swish is x times that with factor 1.
struct HardGate {
  std::size_t base;
  Rational factor;
};

struct Unsupported {
  std::string why;
};
// Constants for each neuron: so many at most.
inline constexpr std::size_t kMostNumbers = std::size_t{1} << 22;
[[noreturn]] inline void refuse(const std::string& why) { throw Unsupported{why}; }

inline std::vector<std::int64_t> integers_of(const Array& array) {
  if (const auto* v = std::get_if<std::vector<std::int64_t>>(&array.values)) return *v;
  refuse("integers are expected as its second input");
}

inline double number_or(const onnx::Node& node, const char* name, double otherwise) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? otherwise : found->second.number.value_or(otherwise);
}
inline std::int64_t integer_or(const onnx::Node& node, const char* name, std::int64_t otherwise) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? otherwise : found->second.integer.value_or(otherwise);
}
inline std::string text_or(const onnx::Node& node, const char* name, const std::string& otherwise) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? otherwise : found->second.text.value_or(otherwise);
}
inline std::vector<std::int64_t> integers_or(const onnx::Node& node, const char* name,
                                             std::vector<std::int64_t> otherwise) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? std::move(otherwise) : found->second.integers;
}

class Importer {
 public:
  Importer(const Graph& graph, const ImportOptions& options) : graph_(graph), options_(options), arrays_(options.npz) {
    for (const onnx::Node& node : graph.nodes) {
      for (const std::string& name : std::set<std::string>(node.inputs.begin(), node.inputs.end()))
        readers_[name].push_back(&node);
    }
    for (const auto& [name, array] : graph.constants) values_.emplace(name, array);
    // (The input is looked at before operators are: constants may say how it is read.)
    for (const onnx::Node& node : graph.nodes) {
      const auto value = node.attributes.find("value");
      if (node.op == "Constant" && node.outputs.size() == 1 && value != node.attributes.end() && value->second.array)
        values_.emplace(node.outputs[0], *value->second.array);
    }
    for (const auto& [name, array] : options.values) values_.insert_or_assign(name, array);
  }

  ImportedModel run();

 private:
  [[noreturn]] void fail(const std::string& what) const { throw InputError(graph_.file + ": " + what); }
  // What is said aloud; about a node of ours, if it is part of the network in the end.
  void note(const std::string& text, std::optional<std::size_t> about = {}) {
    const auto same = [&](const auto& said) { return said.first == text; };
    if (std::none_of(notes_.begin(), notes_.end(), same)) notes_.emplace_back(text, about);
  }

  // ---- the input ----

  bool read_by(const std::string& name, std::initializer_list<const char*> ops) const;

  // Whether a value, followed through operators that keep its shape, is read as a sequence with channels first.
  bool is_sequence(const std::string& name, int depth = 0) const;

  void take_input();

  // C, H, W where a row is reshaped into an image.
  std::optional<Extents> unflattened(const std::string& name) const;

  // ---- values ----

  const Value* find(const onnx::Node& node, std::size_t k) const;
  // Of the network, with or without zeros that were added around it: only convolutions and averages take them.
  View padded_features(const onnx::Node& node, std::size_t k) const;
  View features(const onnx::Node& node, std::size_t k) const;
  const Array* constant_if(const onnx::Node& node, std::size_t k) const;
  const Array& constant(const onnx::Node& node, std::size_t k, const char* what) const;
  const Shape& shape(const View& v) const { return net_->node(v.node).shape; }
  std::size_t channels(const View& v) const { return shape(v).back(); }
  std::vector<std::size_t> extents(const View& v) const;
  // Without the axes of extent 1.
  std::vector<std::size_t> real(const View& v, std::vector<std::size_t> axes) const;
  // A dimension for the channels, then one for each place.
  bool channels_first(const View& v) const;
  static std::vector<std::vector<std::size_t>> first_channels(std::size_t rank);

  // ---- nodes of ours ----

  // A name that files may have: of the layer whose weight it is, else of the operator.
  std::string name_of(const onnx::Node& node) const;
  static std::string clean(const std::string& text);
  std::string unique(const std::string& wanted);
  View add(const std::string& wanted, NodeSpec spec, const std::vector<View>& from);
  View activation(const onnx::Node& node, ActivationKind kind, const View& x, const Rational& parameter = 1) {
    return add(name_of(node), ActivationSpec{{kind, parameter}}, {x});
  }
  static TensorSpec row(const std::vector<Rational>& values);
  // scale x + shift, each one number, one for each channel or one for each neuron (both in one way).
  View affine(const std::string& name, const View& x, const std::vector<Rational>& scale,
              const std::vector<Rational>& shift);

  // ---- operators ----

  void step(const onnx::Node& node);
  static std::string label(const onnx::Node& node);
  const std::string& wanted_output() const;

  Value result(const onnx::Node& node);

  Value pass(const onnx::Node& node) const;

  // A constant in another type, where that changes no number.
  static Array cast(Array array, std::int64_t to);

  Value constant_node(const onnx::Node& node) const;

  Value shape_of(const onnx::Node& node) const;

  // Gather and Concat of integers, as shapes are put together.
  Value integers_from(const onnx::Node& node) const;

  // ---- layouts ----

  // Zeros or another number, as shapes and pads are put together.
  Array constant_of_shape(const onnx::Node& node) const;
  Array sliced_constant(const onnx::Node& node, const Array& array) const;
  Array transposed_constant(const onnx::Node& node, const Array& array) const;
  Array reshaped_constant(const onnx::Node& node, const Array& array) const;

  View transpose(const onnx::Node& node) const;

  // Flatten, Reshape, Squeeze, Unsqueeze: other dimensions for the same order of entries.
  View reshape(const onnx::Node& node);

  // Rows that become images, images that become rows or others: a node of its own.
  View regroup(const onnx::Node& node, const View& v, const std::vector<std::size_t>& to);
  // A flattened image as a layer with one row of neurons.
  View as_row(const onnx::Node& node, const View& v);

  // ---- linear layers ----

  Padding padding_of(const onnx::Node& node, const View& x, WindowSpec& window, std::size_t rank) const;
  static WindowSpec window_of(const onnx::Node& node, const std::vector<std::int64_t>& size);
  // No layer of more than 2^27 neurons is begun.
  void check_size(const View& x, const WindowSpec& window, std::size_t filters) const;

  View conv(const onnx::Node& node);
  View unpad(const View& v) const;

  void set_parameters(const View& y, const Array& weights, const Layout& layout, const Array* bias);

  // The constant that the only reader of a value adds to it, one for each of so many neurons.
  const onnx::Node* bias_after(const std::string& name, std::size_t neurons) const;

  // Numbers times another one, exactly; in 64 bits what 32 do not hold.
  static Array scaled(Array array, double factor);

  View dense(const onnx::Node& node);

  View batch_norm(const onnx::Node& node);

  // ---- sums, products, pools ----

  // One number, one for each channel, or one for each neuron.
  std::vector<Rational> numbers_for(const View& x, const Array& array) const;

  Value arithmetic(const onnx::Node& node);

  // Of constants; one of them is a single number, or both have the same shape.
  Array folded(const onnx::Node& node, const Array& a, const Array& b) const;

  bool same_order(const View& a, const View& b) const;
  const Activation* function_at(const View& v) const;
  std::size_t below(std::size_t node) const { return net_->node(node).inputs.at(0); }

  Value branches(const onnx::Node& node, const View& a, const View& b);

  // Of x + 3, or relu(x + 3): x.
  std::optional<std::size_t> three_less(const View& x) const;

  // x / sqrt 2 or x times 1 / sqrt 2, as far as float32 tells.
  Value erf(const onnx::Node& node) const;
  Value gelu_step(const onnx::Node& node, const Value& a, const Value& b);

  View concat(const onnx::Node& node);

  View pool(const onnx::Node& node);
  // Averages that count what lies within the image alone: padding counts as 0, then each place is scaled.
  View average_within(const onnx::Node& node, const View& y, const View& x, const WindowSpec& window,
                      const std::vector<std::size_t>& own);

  View global_pool(const onnx::Node& node);

  // Zeros around an image, which the convolution that reads it takes.
  View pad(const onnx::Node& node);

  // ---- functions ----

  // min(max(x, low), high), by relu.
  View clip(const onnx::Node& node, const View& x, const std::optional<Rational>& low,
            const std::optional<Rational>& high);
  // alpha (e^x - 1) below 0, x above, times a factor.
  View elu(const onnx::Node& node, const View& x, const Rational& alpha, const Rational& factor);

  View function(const onnx::Node& node);
  View leaky(const onnx::Node& node, const Rational& slope);
  // Max or Min of a value and a number, or of two values.
  View extremum(const onnx::Node& node);

  Value left_off(const onnx::Node& node);

  // ---- the end ----

  ImportedModel finish();

  const Graph& graph_;
  const ImportOptions& options_;
  std::optional<Architecture> net_;
  Extents input_;
  Layout input_layout_;
  std::map<std::string, Value> values_;
  std::map<std::string, std::vector<const onnx::Node*>> readers_;
  std::set<const onnx::Node*> biased_;                    // additions that became biases
  std::map<std::size_t, std::vector<std::size_t>> pads_;  // by node: zeros before and after each place
  std::map<std::size_t, std::size_t> unpadded_;           // what such a node reads
  std::map<std::size_t, HardGate> gates_;                 // by node
  std::set<std::string> lost_, names_{"x"};
  PointSpec parameters_;
  ModelArrays arrays_;
  std::vector<std::pair<std::string, std::optional<std::size_t>>> notes_;
  std::vector<std::string> unsupported_;
  bool done_ = false;
};

}  // namespace widecert::onnx_import
