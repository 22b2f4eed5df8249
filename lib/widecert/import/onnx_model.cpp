#include <widecert/import/onnx_model.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>

namespace widecert {
namespace {

using onnx::Array, onnx::Attribute, onnx::Graph;

constexpr std::int64_t kBatch = -(std::int64_t{1} << 40);  // the number of samples, where a model computes with shapes

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

struct Unsupported {
  std::string why;
};
[[noreturn]] void refuse(const std::string& why) { throw Unsupported{why}; }

std::vector<std::int64_t> integers_of(const Array& array) {
  if (const auto* v = std::get_if<std::vector<std::int64_t>>(&array.values)) return *v;
  refuse("integers are expected as its second input");
}

double number_or(const onnx::Node& node, const char* name, double otherwise) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? otherwise : found->second.number.value_or(otherwise);
}
std::int64_t integer_or(const onnx::Node& node, const char* name, std::int64_t otherwise) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? otherwise : found->second.integer.value_or(otherwise);
}
std::string text_or(const onnx::Node& node, const char* name, const std::string& otherwise) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? otherwise : found->second.text.value_or(otherwise);
}
std::vector<std::int64_t> integers_or(const onnx::Node& node, const char* name, std::vector<std::int64_t> otherwise) {
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

  ImportedModel run() {
    take_input();
    for (const onnx::Node& node : graph_.nodes) step(node);
    if (!unsupported_.empty()) {
      std::string list;
      for (const std::string& one : unsupported_) list += "\n  " + one;
      throw InputError(fmt::format(
          "{}: {} of {} operators are not supported:{}\nwhat to do: write them in the model with those that are "
          "(cases/README.md, Models), or leave out the part that needs them (--output-value NAME stops at "
          "a value)",
          graph_.file, unsupported_.size(), graph_.nodes.size(), list));
    }
    return finish();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw InputError(graph_.file + ": " + what); }
  void note(const std::string& text) {
    if (std::find(notes_.begin(), notes_.end(), text) == notes_.end()) notes_.push_back(text);
  }

  // ---- the input ----

  bool read_by(const std::string& name, std::initializer_list<const char*> ops) const {
    const auto found = readers_.find(name);
    return found != readers_.end() && std::any_of(found->second.begin(), found->second.end(), [&](const auto* node) {
             return std::any_of(ops.begin(), ops.end(), [&](const char* op) { return node->op == op; });
           });
  }

  // Whether a value, followed through operators that keep its shape, is read as a sequence with channels first.
  bool is_sequence(const std::string& name, int depth = 0) const {
    const auto found = readers_.find(name);
    if (found == readers_.end() || depth > 8) return false;
    for (const onnx::Node* node : found->second) {
      if (node->op == "Conv" || node->op == "BatchNormalization" || node->op.find("Pool") != std::string::npos)
        return true;
      const bool keeps = node->op == "Relu" || node->op == "Identity";
      if (keeps && !node->outputs.empty() && is_sequence(node->outputs[0], depth + 1)) return true;
    }
    return false;
  }

  void take_input() {
    std::vector<onnx::Input> inputs;
    for (const onnx::Input& input : graph_.inputs)
      if (!options_.values.contains(input.name)) inputs.push_back(input);
    if (inputs.size() != 1) {
      std::string names;
      for (const auto& input : inputs) names += (names.empty() ? "" : ", ") + input.name;
      fail(fmt::format("{} inputs ({}); expected one (--value NAME=FILE.pb makes an input a constant)", inputs.size(),
                       names));
    }
    const onnx::Input& input = inputs[0];
    Extents e;
    for (std::size_t k = 1; k < input.extents.size(); ++k) {
      if (!input.extents[k])
        fail(fmt::format("input \"{}\" leaves its extent {} open; export with a sample of the size that is meant",
                         input.name, k));
      e.push_back(*input.extents[k]);
    }
    if (e.empty() || e.size() > 3 || product(e) > (std::size_t{1} << 27))
      fail(fmt::format("input \"{}\" has {} dimensions; expected samples of one to three", input.name, e.size()));
    input_ = e;
    std::vector<std::vector<std::size_t>> dims;
    Shape shape;
    if (e.size() == 3) {
      // Channels last if the model itself turns them to the front.
      bool last = false;
      for (const onnx::Node* node : readers_[input.name])
        last = last ||
               (node->op == "Transpose" && integers_or(*node, "perm", {}) == std::vector<std::int64_t>{0, 3, 1, 2});
      shape = last ? Shape{e[0], e[1], e[2]} : Shape{e[1], e[2], e[0]};
      dims = last ? std::vector<std::vector<std::size_t>>{{0}, {1}, {2}}
                  : std::vector<std::vector<std::size_t>>{{2}, {0}, {1}};
    } else if (e.size() == 2) {
      bool row = false, column = false;  // an image of height or width 1, as some exporters write pools of sequences
      for (const onnx::Node* node : readers_[input.name]) {
        const auto axes = integers_or(*node, "axes", {});
        row = row || (node->op == "Unsqueeze" && axes == std::vector<std::int64_t>{2});
        column = column || (node->op == "Unsqueeze" && axes == std::vector<std::int64_t>{3});
      }
      if (row || column) {
        shape = row ? Shape{1, e[1], e[0]} : Shape{e[1], 1, e[0]};
        dims = row ? std::vector<std::vector<std::size_t>>{{2}, {1}} : std::vector<std::vector<std::size_t>>{{2}, {0}};
      } else if (is_sequence(input.name)) {
        shape = {e[1], e[0]};
        dims = {{1}, {0}};
      } else {
        shape = {e[0], e[1], 1};
        dims = {{0}, {1}};
      }
    } else {
      shape = {e[0]};
      dims = {{0}};
      if (const auto image = unflattened(input.name)) {  // rows that the model turns into images
        shape = {(*image)[1], (*image)[2], (*image)[0]};
        dims = {{2, 0, 1}};
      }
    }
    net_.emplace("x", shape);
    // Axis k of ours is that axis of a sample in the model's order.
    const View view{0, dims};
    if (e.size() == 1) {
      if (shape.size() == 3 && has_two_orders(shape)) input_layout_.flatten = Flattening::channels_first;
    } else {
      std::vector<std::size_t> place(shape.size(), 0);
      std::vector<std::size_t> axes{0};
      for (std::size_t k = 0; k < dims.size(); ++k)
        if (!dims[k].empty()) place[dims[k][0]] = k + 1;
      for (std::size_t a = 0; a < shape.size(); ++a)
        if (place[a] != 0) axes.push_back(place[a]);
      if (!std::is_sorted(axes.begin(), axes.end()) || e.size() == 3) input_layout_.axes = axes;
    }
    values_.insert_or_assign(input.name, view);
  }

  // C, H, W where a row is reshaped into an image.
  std::optional<Extents> unflattened(const std::string& name) const {
    const auto found = readers_.find(name);
    if (found == readers_.end()) return std::nullopt;
    for (const onnx::Node* node : found->second) {
      if (node->op != "Reshape" || node->inputs.size() < 2) continue;
      const auto target = values_.find(node->inputs[1]);
      if (target == values_.end() || !std::holds_alternative<Array>(target->second)) continue;
      const auto* v = std::get_if<std::vector<std::int64_t>>(&std::get<Array>(target->second).values);
      if (v == nullptr || v->size() != 4 || (*v)[1] <= 0 || (*v)[2] <= 0 || (*v)[3] <= 0) continue;
      Extents image;
      for (int k : {1, 2, 3}) image.push_back(static_cast<std::size_t>((*v)[static_cast<std::size_t>(k)]));
      if (product(image) == input_[0]) return image;
    }
    return std::nullopt;
  }

  // ---- values ----

  const Value* find(const onnx::Node& node, std::size_t k) const {
    if (k >= node.inputs.size() || node.inputs[k].empty()) return nullptr;
    const auto found = values_.find(node.inputs[k]);
    return found == values_.end() ? nullptr : &found->second;
  }
  View features(const onnx::Node& node, std::size_t k) const {
    const Value* value = find(node, k);
    if (value == nullptr || !std::holds_alternative<View>(*value)) refuse("its input is no value of the network");
    return std::get<View>(*value);
  }
  const Array* constant_if(const onnx::Node& node, std::size_t k) const {
    const Value* value = find(node, k);
    return value == nullptr ? nullptr : std::get_if<Array>(value);
  }
  const Array& constant(const onnx::Node& node, std::size_t k, const char* what) const {
    const Array* array = constant_if(node, k);
    if (array == nullptr) refuse(fmt::format("its {} is no constant", what));
    return *array;
  }
  const Shape& shape(const View& v) const { return net_->node(v.node).shape; }
  std::size_t channels(const View& v) const { return shape(v).back(); }
  std::vector<std::size_t> extents(const View& v) const {
    std::vector<std::size_t> e;
    for (const auto& axes : v.dims) {
      std::size_t n = 1;
      for (std::size_t a : axes) n *= shape(v)[a];
      e.push_back(n);
    }
    return e;
  }
  // Without the axes of extent 1.
  std::vector<std::size_t> real(const View& v, std::vector<std::size_t> axes) const {
    std::erase_if(axes, [&](std::size_t a) { return shape(v)[a] == 1; });
    return axes;
  }
  // A dimension for the channels, then one for each place.
  bool channels_first(const View& v) const {
    const std::size_t rank = shape(v).size();
    if (rank < 2 || v.dims.size() != rank) return false;
    for (std::size_t k = 0; k < rank; ++k) {
      const std::size_t axis = k == 0 ? rank - 1 : k - 1;
      if (real(v, v.dims[k]) != real(v, {axis})) return false;
    }
    return true;
  }
  static std::vector<std::vector<std::size_t>> first_channels(std::size_t rank) {
    if (rank == 1) return {{0}};
    std::vector<std::vector<std::size_t>> dims{{rank - 1}};
    for (std::size_t a = 0; a + 1 < rank; ++a) dims.push_back({a});
    return dims;
  }

  // ---- nodes of ours ----

  // A name that files may have: of the layer whose weight it is, else of the operator.
  std::string name_of(const onnx::Node& node) const {
    for (std::size_t k = 1; k < node.inputs.size(); ++k) {
      const std::string& input = node.inputs[k];
      const auto dot = input.rfind('.');
      if (dot != std::string::npos && dot > 0 && graph_.constants.contains(input) && input.substr(dot) == ".weight")
        return clean(input.substr(0, dot));
    }
    std::string name = clean(node.name);
    if (name.empty()) name = clean(node.op + "_" + (node.outputs.empty() ? "" : node.outputs[0]));
    return name;
  }
  static std::string clean(const std::string& text) {
    std::string out;
    for (char c : text) {
      const bool good = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
      if (good) {
        out += c;
      } else if (!out.empty() && out.back() != '.') {
        out += '.';
      }
    }
    while (!out.empty() && out.back() == '.') out.pop_back();
    return out.substr(0, 80);
  }
  std::string unique(const std::string& wanted) {
    std::string name = wanted;
    for (int k = 2; !names_.insert(name).second; ++k) name = fmt::format("{}.{}", wanted, k);
    return name;
  }
  View add(const std::string& wanted, NodeSpec spec, const std::vector<View>& from) {
    std::vector<std::string> inputs;
    for (const View& v : from) inputs.push_back(net_->node(v.node).name);
    const std::string name = unique(wanted);
    try {
      net_->add(name, std::move(spec), inputs);
    } catch (const ShapeError& error) {
      refuse(error.what());
    }
    return {net_->nodes().size() - 1, from[0].dims};
  }
  View activation(const onnx::Node& node, ActivationKind kind, const View& x, const Rational& parameter = 1) {
    return add(name_of(node), ActivationSpec{{kind, parameter}}, {x});
  }
  static TensorSpec row(const std::vector<Rational>& values) {
    if (values.size() == 1) return FillTensor{values[0]};
    return ExplicitTensor{{values}};
  }
  // scale x + shift, each one number or one for each channel.
  View affine(const std::string& name, const View& x, const std::vector<Rational>& scale,
              const std::vector<Rational>& shift) {
    return add(name, BatchNormSpec{row(scale), row(shift)}, {x});
  }

  // ---- operators ----

  void step(const onnx::Node& node) {
    if (node.outputs.empty()) return;
    const auto lost = [&](const std::string& name) { return lost_.contains(name); };
    if (std::any_of(node.inputs.begin(), node.inputs.end(), lost)) {
      lost_.insert(node.outputs.begin(), node.outputs.end());
      return;
    }
    if (done_) return;
    for (const std::string& input : node.inputs) {
      if (!input.empty() && !values_.contains(input)) {
        fail(fmt::format("operator {} reads \"{}\", which nothing before it makes (a cycle, or operators out of order)",
                         label(node), input));
      }
    }
    try {
      if (!node.domain.empty() && node.domain != "ai.onnx") refuse("an operator of domain " + node.domain);
      values_.insert_or_assign(node.outputs[0], result(node));
      for (std::size_t k = 1; k < node.outputs.size(); ++k)
        if (!node.outputs[k].empty() && readers_.contains(node.outputs[k]))
          refuse("more than its first output is used");
      if (node.outputs[0] == wanted_output()) done_ = true;
    } catch (const Unsupported& unsupported) {
      unsupported_.push_back(fmt::format("{}: {}", label(node), unsupported.why));
      lost_.insert(node.outputs.begin(), node.outputs.end());
    }
  }
  static std::string label(const onnx::Node& node) {
    const std::string name = !node.name.empty() ? node.name : node.outputs.empty() ? "" : node.outputs[0];
    return name.empty() ? node.op : fmt::format("{} \"{}\"", node.op, name);
  }
  const std::string& wanted_output() const {
    if (!options_.output.empty()) return options_.output;
    if (graph_.outputs.empty()) fail("a graph without outputs");
    return graph_.outputs[0];
  }

  Value result(const onnx::Node& node) {
    const std::string& op = node.op;
    if (op == "Constant") return constant_node(node);
    if (op == "Identity" || op == "Dropout" || op == "Cast") return pass(node);
    if (op == "Shape") return shape_of(node);
    const Array* first = constant_if(node, 0);
    if (op == "Transpose") return first != nullptr ? Value(transposed_constant(node, *first)) : Value(transpose(node));
    if (op == "Reshape" || op == "Flatten" || op == "Squeeze" || op == "Unsqueeze")
      return first != nullptr ? Value(reshaped_constant(node, *first)) : Value(reshape(node));
    if (first != nullptr && (op == "Gather" || op == "Concat")) return integers_from(node);
    if (op == "Conv") return conv(node);
    if (op == "Gemm" || op == "MatMul") return dense(node);
    if (op == "BatchNormalization") return batch_norm(node);
    if (op == "Add" || op == "Sub" || op == "Mul" || op == "Div") return arithmetic(node);
    if (op == "Sum" && node.inputs.size() == 1) return pass(node);
    if (op == "Neg") return affine(name_of(node), features(node, 0), {-1}, {0});
    if (op == "Concat") return concat(node);
    if (op == "MaxPool" || op == "AveragePool") return pool(node);
    if (op == "GlobalAveragePool" || op == "GlobalMaxPool" || op == "ReduceMean") return global_pool(node);
    if (op == "Pad") return pad(node);
    if (op == "Erf") return erf(node);
    if (op == "Softmax" || op == "LogSoftmax") return left_off(node);
    return function(node);
  }

  Value pass(const onnx::Node& node) const {
    const Array* training = node.op == "Dropout" ? constant_if(node, 2) : nullptr;
    if ((training != nullptr && training->size() == 1 && training->doubles()[0] != 0) ||
        (node.op == "Dropout" && graph_.opset < 7 && integer_or(node, "is_test", 0) == 0))
      refuse("dropout in training mode");
    const Value* value = find(node, 0);
    if (value == nullptr) refuse("no input");
    if (node.op == "Cast") {
      const std::int64_t to = integer_or(node, "to", 1);
      if (std::holds_alternative<View>(*value) && to != 1 && to != 11)
        refuse("a cast of values to other than float32 or float64 rounds them");
      if (const auto* array = std::get_if<Array>(value)) return cast(*array, to);
    }
    return *value;
  }

  // A constant in another type, where that changes no number.
  static Array cast(Array array, std::int64_t to) {
    const std::vector<double> numbers = array.doubles();
    const auto all = [&](auto fits) {
      if (!std::all_of(numbers.begin(), numbers.end(), fits)) refuse("a cast of a constant that changes its numbers");
    };
    const auto whole = [&](double least, double most) {
      all([&](double v) { return v >= least && v <= most && std::floor(v) == v; });
      if (!std::holds_alternative<std::vector<std::int64_t>>(array.values))
        array.values = std::vector<std::int64_t>(numbers.begin(), numbers.end());
      array.type = "int64";
      return array;
    };
    switch (to) {
      case 1:
        all([](double v) { return static_cast<double>(static_cast<float>(v)) == v; });
        break;
      case 11:
        all([](double v) { return std::abs(v) <= 0x1p53 || std::floor(v) != v || std::abs(v) > 0x1p63; });
        break;
      case 2:
        return whole(0, 255);
      case 3:
        return whole(-128, 127);
      case 5:
        return whole(-32768, 32767);
      case 6:
        return whole(-0x1p31, 0x1p31 - 1);
      case 7:
        return whole(-0x1p53, 0x1p53);
      default:
        refuse("a cast of a constant to a type that is not followed");
    }
    array.values = numbers;
    array.type = to == 1 ? "float32" : "float64";
    return array;
  }

  Value constant_node(const onnx::Node& node) const {
    const auto found = [&](const char* name) -> const Attribute* {
      const auto at = node.attributes.find(name);
      return at == node.attributes.end() ? nullptr : &at->second;
    };
    if (const auto* a = found("value"); a != nullptr && a->array) return *a->array;
    if (const auto* a = found("value_float"); a != nullptr && a->number)
      return Array{{}, "float32", std::vector<double>{*a->number}};
    if (const auto* a = found("value_int"); a != nullptr && a->integer)
      return Array{{}, "int64", std::vector<std::int64_t>{*a->integer}};
    if (const auto* a = found("value_floats")) return Array{{a->numbers.size()}, "float32", a->numbers};
    if (const auto* a = found("value_ints")) return Array{{a->integers.size()}, "int64", a->integers};
    refuse("a constant of another form");
  }

  Value shape_of(const onnx::Node& node) const {
    std::vector<std::int64_t> e;
    if (const Array* array = constant_if(node, 0)) {
      e.assign(array->shape.begin(), array->shape.end());
    } else {
      e.push_back(kBatch);
      for (std::size_t n : extents(features(node, 0))) e.push_back(static_cast<std::int64_t>(n));
    }
    return Array{{e.size()}, "int64", e};
  }

  // Gather and Concat of integers, as shapes are put together.
  Value integers_from(const onnx::Node& node) const {
    std::vector<std::int64_t> out;
    if (node.op == "Gather") {
      const std::vector<std::int64_t> from = integers_of(constant(node, 0, "input"));
      const Array& which = constant(node, 1, "index");
      for (std::int64_t k : integers_of(which)) {
        const std::int64_t at = k < 0 ? k + static_cast<std::int64_t>(from.size()) : k;
        if (at < 0 || at >= static_cast<std::int64_t>(from.size())) refuse("an index beyond its input");
        out.push_back(from[static_cast<std::size_t>(at)]);
      }
      return Array{which.shape, "int64", out};
    }
    for (std::size_t k = 0; k < node.inputs.size(); ++k)
      for (std::int64_t v : integers_of(constant(node, k, "input"))) out.push_back(v);
    return Array{{out.size()}, "int64", out};
  }

  // ---- layouts ----

  Array transposed_constant(const onnx::Node& node, const Array& array) const {
    std::vector<std::size_t> axes;
    for (std::int64_t a : integers_or(node, "perm", {})) axes.push_back(static_cast<std::size_t>(a));
    if (axes.empty())
      for (std::size_t k = array.shape.size(); k-- > 0;) axes.push_back(k);
    NpyArray turned = transposed({array.shape, array.values, {}}, axes, label(node));
    return {turned.shape, array.type, turned.values};
  }
  Array reshaped_constant(const onnx::Node& node, const Array& array) const {
    if (node.op == "Squeeze" || node.op == "Unsqueeze") {
      // (Of one number in a list, as shapes are put together, and of numbers in general.)
      Array out = array;
      if (array.size() == 1) {
        out.shape = node.op == "Squeeze" ? Extents{} : Extents{1};
        return out;
      }
      refuse("of a constant with several entries");
    }
    if (node.op == "Flatten") refuse("of a constant");
    Array out = array;
    out.shape.clear();
    std::size_t known = 1;
    std::optional<std::size_t> open;
    const std::vector<std::int64_t> target = integers_of(constant(node, 1, "shape"));
    for (std::size_t k = 0; k < target.size(); ++k) {
      std::int64_t n = target[k];
      if (n == 0 && k < array.shape.size()) n = static_cast<std::int64_t>(array.shape[k]);
      if (n == -1 && !open) {
        open = k;
        n = 1;
      }
      if (n <= 0 || n > (std::int64_t{1} << 31)) refuse("a shape that does not fit");
      out.shape.push_back(static_cast<std::size_t>(n));
      known *= static_cast<std::size_t>(n);
      if (known > array.size()) refuse("a shape that does not fit");
    }
    if (open && known != 0) out.shape[*open] = array.size() / known;
    if (product(out.shape) != array.size()) refuse("a shape that does not fit");
    return out;
  }

  View transpose(const onnx::Node& node) const {
    View v = features(node, 0);
    const std::vector<std::int64_t> perm = integers_or(node, "perm", {});
    if (perm.size() != v.dims.size() + 1 || perm[0] != 0) refuse("the dimension of the samples moves");
    const auto dims = v.dims;
    std::set<std::int64_t> seen(perm.begin(), perm.end());
    if (seen.size() != perm.size() || *seen.begin() != 0 || *seen.rbegin() != static_cast<std::int64_t>(dims.size()))
      refuse("no permutation");
    for (std::size_t k = 1; k < perm.size(); ++k) v.dims[k - 1] = dims[static_cast<std::size_t>(perm[k] - 1)];
    return v;
  }

  // Flatten, Reshape, Squeeze, Unsqueeze: other dimensions for the same order of entries.
  View reshape(const onnx::Node& node) {
    const View v = features(node, 0);
    const std::vector<std::size_t> from = extents(v);
    const std::size_t total = net_->node(v.node).width;
    std::vector<std::size_t> to;
    if (node.op == "Flatten") {
      if (integer_or(node, "axis", 1) != 1) refuse("along another axis than 1: samples are put together");
      to = {total};
    } else if (node.op == "Reshape") {
      std::vector<std::int64_t> target = integers_of(constant(node, 1, "shape"));
      if (target.size() < 2) refuse("samples are put together");
      // The samples: as they are, or what is left.
      const bool batch_open = target[0] == -1;
      if (!(target[0] == kBatch || target[0] == 0 || target[0] == 1 || batch_open))
        note(fmt::format("{}: a fixed number of samples, {}, is read as any number", label(node), target[0]));
      std::size_t known = 1;
      std::optional<std::size_t> open;
      for (std::size_t k = 1; k < target.size(); ++k) {
        std::int64_t n = target[k];
        if (n == 0 && k <= from.size()) n = static_cast<std::int64_t>(from[k - 1]);
        if (n == -1 && !open && !batch_open) {
          open = k - 1;
          n = 1;
        }
        if (n <= 0 || static_cast<std::size_t>(n) > total) refuse("a shape that does not fit");
        to.push_back(static_cast<std::size_t>(n));
        known *= static_cast<std::size_t>(n);
        if (known > total) refuse("samples are put together");
      }
      if (open) to[*open] = total / known;
    } else {
      std::vector<std::int64_t> axes = integers_or(node, "axes", {});
      if (const Array* given = constant_if(node, 1)) axes = integers_of(*given);
      std::vector<std::int64_t> all{kBatch};
      all.insert(all.end(), from.begin(), from.end());
      const auto rank = static_cast<std::int64_t>(all.size());
      if (node.op == "Squeeze") {
        std::set<std::int64_t> drop;
        for (std::int64_t a : axes) drop.insert(a < 0 ? a + rank : a);
        for (std::int64_t k = 1; k < rank; ++k) {
          const bool gone = axes.empty() ? all[static_cast<std::size_t>(k)] == 1 : drop.contains(k);
          if (!gone) to.push_back(static_cast<std::size_t>(all[static_cast<std::size_t>(k)]));
        }
        if (drop.contains(0)) refuse("the dimension of the samples is dropped");
        if (to.empty()) to = {1};
      } else {
        std::set<std::int64_t> fresh;
        for (std::int64_t a : axes) fresh.insert(a < 0 ? a + rank + static_cast<std::int64_t>(axes.size()) : a);
        if (fresh.contains(0)) refuse("a dimension before that of the samples");
        std::size_t next = 0;
        for (std::int64_t k = 1; k < rank + static_cast<std::int64_t>(axes.size()); ++k)
          to.push_back(fresh.contains(k) ? 1 : next < from.size() ? from[next++] : 1);
      }
    }
    if (product(to) != total) refuse("samples are put together, or a shape that does not fit");
    // Axes in the order of entries are dealt out again.
    std::vector<std::size_t> axes;
    for (const auto& dim : v.dims)
      for (std::size_t a : real(v, dim)) axes.push_back(a);
    View out{v.node, {}};
    std::size_t next = 0;
    for (std::size_t n : to) {
      auto& dim = out.dims.emplace_back();
      std::size_t have = 1;
      while (have < n && next < axes.size()) {
        have *= shape(v)[axes[next]];
        dim.push_back(axes[next++]);
      }
      if (have != n) refuse("a row of a dense layer, or a part of an image, becomes an image of other extents");
    }
    return out;
  }

  // ---- linear layers ----

  Padding padding_of(const onnx::Node& node, const View& x, WindowSpec& window, std::size_t rank) const {
    const std::string automatic = text_or(node, "auto_pad", "NOTSET");
    std::vector<std::int64_t> pads = integers_or(node, "pads", std::vector<std::int64_t>(2 * rank, 0));
    if (pads.size() != 2 * rank) refuse("pads of another number of dimensions");
    const auto before = pads_.find(x.node);
    if (automatic != "NOTSET") std::fill(pads.begin(), pads.end(), 0);  // they say nothing then
    if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
      for (std::size_t k = 0; k < rank; ++k) {
        const std::size_t axis = 2 - rank + k;
        const std::size_t zeros = before == pads_.end() ? 0 : before->second.at(k) + before->second.at(rank + k);
        const std::size_t n = shape(x)[k] + zeros, s = window.stride[axis],
                          reach = window.dilation[axis] * (window.size[axis] - 1) + 1, steps = (n + s - 1) / s,
                          span = (steps - 1) * s + reach, total = span > n ? span - n : 0;
        const auto small = static_cast<std::int64_t>(total / 2), large = static_cast<std::int64_t>(total - total / 2);
        pads[k] = automatic == "SAME_UPPER" ? small : large;
        pads[rank + k] = automatic == "SAME_UPPER" ? large : small;
      }
    } else if (automatic != "NOTSET" && automatic != "VALID") {
      refuse("auto_pad " + automatic);
    }
    Padding padding;
    for (std::size_t k = 0; k < 2 * rank; ++k) {
      if (pads[k] < 0 || pads[k] > 100'000) refuse("pads that are negative or very large");
      const std::size_t extra = before == pads_.end() ? 0 : before->second.at(k);
      // top, left, bottom, right
      const std::size_t place = rank == 2 ? k : 2 * k + 1;
      padding.amount[place] = static_cast<std::size_t>(pads[k]) + extra;
    }
    const bool any = std::any_of(padding.amount.begin(), padding.amount.end(), [](std::size_t p) { return p != 0; });
    padding.kind = any ? Padding::Kind::given : Padding::Kind::valid;
    return padding;
  }
  static WindowSpec window_of(const onnx::Node& node, const std::vector<std::int64_t>& size) {
    const std::size_t rank = size.size();
    if (rank != 1 && rank != 2) refuse(fmt::format("{} dimensions; expected one or two", rank));
    WindowSpec window;
    window.dimensions = static_cast<int>(rank);
    const auto put = [&](std::array<std::size_t, 2>& to, const std::vector<std::int64_t>& from) {
      if (from.size() != rank) refuse("a window of several numbers of dimensions");
      for (std::size_t k = 0; k < rank; ++k) {
        if (from[k] <= 0 || from[k] > 100'000) refuse("a window with extents or steps that are not positive");
        to[2 - rank + k] = static_cast<std::size_t>(from[k]);
      }
    };
    put(window.size, size);
    put(window.stride, integers_or(node, "strides", std::vector<std::int64_t>(rank, 1)));
    put(window.dilation, integers_or(node, "dilations", std::vector<std::int64_t>(rank, 1)));
    return window;
  }
  // No layer of more than 2^27 neurons is begun.
  void check_size(const View& x, const WindowSpec& window, std::size_t filters) const {
    const std::size_t rank = shape(x).size() - 1;
    double neurons = static_cast<double>(filters);
    for (std::size_t k = 0; k < rank; ++k) {
      const std::size_t axis = 2 - rank + k, side = rank == 2 ? k : 1;
      const double span =
          static_cast<double>(shape(x)[k] + window.padding.amount[side] + window.padding.amount[side + 2]);
      neurons *= span / static_cast<double>(window.stride[axis]) + 1;
    }
    if (neurons > static_cast<double>(std::size_t{1} << 27)) refuse("more than 2^27 neurons");
  }
  View unpadded(const onnx::Node& node, std::size_t k) const {
    View v = features(node, k);
    if (pads_.contains(v.node)) refuse("zeros are added before it (Pad), which are taken by convolutions only");
    return v;
  }

  View conv(const onnx::Node& node) {
    const View x = features(node, 0);
    const Array& weights = constant(node, 1, "weight");
    const std::size_t rank = weights.shape.size() - std::min<std::size_t>(weights.shape.size(), 2);
    if (rank != 1 && rank != 2) refuse(fmt::format("a convolution in {} dimensions; expected one or two", rank));
    if (!channels_first(x) || shape(x).size() != rank + 1) refuse("its input has not the channels before the places");
    const std::vector<std::int64_t> size(weights.shape.begin() + 2, weights.shape.end());
    const auto given = integers_or(node, "kernel_shape", size);
    if (given != size) refuse("kernel_shape is not that of the weights");
    ConvSpec spec;
    spec.window = window_of(node, size);
    spec.window.padding = padding_of(node, x, spec.window, rank);
    spec.filters = weights.shape[0];
    check_size(x, spec.window, spec.filters);
    const std::int64_t groups = integer_or(node, "group", 1);
    if (groups <= 0 || weights.shape[1] * static_cast<std::size_t>(groups) != channels(x))
      refuse("groups, channels and weights do not fit");
    spec.groups = static_cast<std::size_t>(groups);
    const Array* bias = constant_if(node, 2);
    if (node.inputs.size() > 2 && !node.inputs[2].empty() && bias == nullptr) refuse("its bias is no constant");
    LinearSpec linear;
    linear.form = spec;
    linear.bias = bias != nullptr ? BiasMode::channel : BiasMode::none;
    const View y = add(name_of(node), linear, {unpad(x)});
    Layout layout;
    layout.axes = rank == 2 ? std::vector<std::size_t>{0, 2, 3, 1} : std::vector<std::size_t>{0, 2, 1};
    set_parameters(y, weights, layout, bias);
    return {y.node, first_channels(rank + 1)};
  }
  View unpad(const View& v) const {
    const auto found = unpadded_.find(v.node);
    return found == unpadded_.end() ? v : View{found->second, v.dims};
  }

  void set_parameters(const View& y, const Array& weights, const Layout& layout, const Array* bias) {
    const std::string& name = net_->node(y.node).name;
    NodeTensors& tensors = parameters_[name];
    tensors.weights = arrays_.add(name + ".weight", weights, layout);
    if (bias == nullptr) return;
    Array flat = *bias;
    flat.shape = {bias->size()};
    tensors.bias = arrays_.add(name + ".bias", flat, {});
  }

  // The constant that the only reader of a value adds to it, one for each of so many neurons.
  const onnx::Node* bias_after(const std::string& name, std::size_t neurons) const {
    const auto found = readers_.find(name);
    if (found == readers_.end() || found->second.size() != 1 || name == wanted_output()) return nullptr;
    const onnx::Node* next = found->second[0];
    if (next->op != "Add" || next->inputs.size() != 2) return nullptr;
    const std::string& other = next->inputs[0] == name ? next->inputs[1] : next->inputs[0];
    const auto value = values_.find(other);
    if (value == values_.end() || !std::holds_alternative<Array>(value->second)) return nullptr;
    const Array& array = std::get<Array>(value->second);
    return array.size() == neurons && !array.shape.empty() && array.shape.back() == neurons ? next : nullptr;
  }

  // Numbers times another one, exactly; in 64 bits what 32 do not hold.
  static Array scaled(Array array, double factor) {
    if (factor == 1) return array;
    auto values = array.doubles();
    const bool short_ones = array.type != "float64" && static_cast<double>(static_cast<float>(factor)) == factor;
    int exponent = 0;
    if (!short_ones && std::frexp(std::abs(factor), &exponent) != 0.5)
      refuse("alpha or beta other than a power of 2, in float64");
    for (double& v : values) v *= factor;
    return {array.shape, "float64", values};
  }

  View dense(const onnx::Node& node) {
    const View x = unpadded(node, 0);
    Array weights = constant(node, 1, "weight");
    const bool gemm = node.op == "Gemm";
    if (weights.shape.size() != 2) refuse("its weight is no matrix");
    if (gemm && integer_or(node, "transA", 0) != 0) refuse("transA: samples are columns");
    if (x.dims.size() != 1) refuse("applied to each place of an image; a convolution of size 1 does the same");
    const bool turned = gemm && integer_or(node, "transB", 0) != 0;
    const std::size_t in = weights.shape[turned ? 1 : 0], out = weights.shape[turned ? 0 : 1];
    if (in != net_->node(x.node).width) refuse("its weight does not fit its input");
    Layout layout;
    if (!turned) layout.axes = {1, 0};
    // In which order a row of the model has the entries of the image below.
    const std::vector<std::size_t> order = real(x, x.dims[0]);
    if (has_two_orders(shape(x))) {
      std::vector<std::size_t> last(shape(x).size()), first{shape(x).size() - 1};
      std::iota(last.begin(), last.end(), std::size_t{0});
      first.insert(first.end(), last.begin(), last.end() - 1);
      if (order == real(x, last)) {
        layout.flatten = Flattening::channels_last;
      } else if (order == real(x, first)) {
        layout.flatten = Flattening::channels_first;
      } else {
        refuse("an image that was flattened in another order than channels first or last");
      }
    } else if (!std::is_sorted(order.begin(), order.end())) {
      refuse("an image that was flattened with height and width exchanged");
    }
    if (gemm) weights = scaled(weights, number_or(node, "alpha", 1));
    std::optional<Array> bias;
    const onnx::Node* next = nullptr;
    if (gemm && node.inputs.size() > 2 && !node.inputs[2].empty()) {
      Array c = scaled(constant(node, 2, "bias"), number_or(node, "beta", 1));
      if (c.size() == 1 && out != 1) c = {{out}, c.type, std::vector<double>(out, c.doubles()[0])};
      if (c.size() != out || c.shape.empty() || c.shape.back() != out)
        refuse("a bias that differs from sample to sample");
      bias = c;
    } else if ((next = bias_after(node.outputs[0], out)) != nullptr) {
      bias = std::get<Array>(values_.at(next->inputs[0] == node.outputs[0] ? next->inputs[1] : next->inputs[0]));
      biased_.insert(next);
    }
    LinearSpec linear;
    linear.form = DenseSpec{out};
    linear.bias = bias ? BiasMode::neuron : BiasMode::none;
    const View y = add(name_of(node), linear, {x});
    set_parameters(y, weights, layout, bias ? &*bias : nullptr);
    return {y.node, {{0}}};
  }

  View batch_norm(const onnx::Node& node) {
    const View x = unpadded(node, 0);
    // Before opset 14 more than one output says so.
    const auto used =
        std::count_if(node.outputs.begin(), node.outputs.end(), [](const std::string& o) { return !o.empty(); });
    if (integer_or(node, "training_mode", 0) != 0 || (graph_.opset < 14 && used > 1) ||
        (graph_.opset < 7 && integer_or(node, "is_test", 0) == 0))
      refuse("batch norm in training mode");
    if (integer_or(node, "spatial", 1) == 0) refuse("batch norm with numbers for each place (spatial 0)");
    if (!channels_first(x) && !(x.dims.size() == 1 && shape(x).size() == 1))
      refuse("its input has not the channels first");
    const double epsilon = number_or(node, "epsilon", 1e-5);
    std::vector<double> of[4];
    for (std::size_t k = 0; k < 4; ++k) {
      of[k] = constant(node, k + 1, "scale, bias, mean or variance").doubles();
      if (of[k].size() != channels(x)) refuse("as many numbers as channels are expected");
    }
    const auto folded = folded_norm(of[0], of[1], of[2], of[3], epsilon);
    if (!folded) refuse("a variance that is not positive");
    const std::string name = name_of(node);
    note(folded_norm_in_words(name, epsilon));
    return add(
        name,
        BatchNormSpec{arrays_.add(name + ".scale", folded->scale, {}), arrays_.add(name + ".shift", folded->shift, {})},
        {x});
  }

  // ---- sums, products, pools ----

  // One number, or one for each channel.
  std::vector<Rational> by_channel(const View& x, const Array& array) const {
    const std::vector<double> values = array.doubles();
    std::vector<Rational> out;
    for (double v : values) {
      if (!std::isfinite(v)) refuse("a constant that is not finite");
      out.push_back(exactly(v));
    }
    if (out.size() == 1) return out;
    const std::size_t rank = x.dims.size() + 1;
    if (array.shape.size() > rank) refuse("a constant of more dimensions than the values");
    for (std::size_t k = 0; k < array.shape.size(); ++k) {
      const std::size_t dim = rank - array.shape.size() + k;  // 0: the samples
      if (array.shape[k] == 1) continue;
      const std::vector<std::size_t> last = real(x, {shape(x).size() - 1});
      if (dim == 0 || real(x, x.dims[dim - 1]) != last || array.shape[k] != channels(x))
        refuse("a constant that is not one number for each channel");
    }
    return out;
  }

  Value arithmetic(const onnx::Node& node) {
    const Value *a = find(node, 0), *b = find(node, 1);
    if (graph_.opset < 7 && node.attributes.contains("axis")) refuse("broadcast along an axis, as before opset 7");
    if (a == nullptr || b == nullptr || node.inputs.size() != 2) refuse("two inputs are expected");
    if (biased_.contains(&node)) return std::holds_alternative<View>(*a) ? *a : *b;
    if (std::holds_alternative<Erf>(*a) || std::holds_alternative<Erf>(*b)) return gelu_step(node, *a, *b);
    const Array *left = std::get_if<Array>(a), *right = std::get_if<Array>(b);
    if (left != nullptr && right != nullptr) return folded(node, *left, *right);
    if (left == nullptr && right == nullptr) return branches(node, std::get<View>(*a), std::get<View>(*b));
    const View x = std::get<View>(left != nullptr ? *b : *a);
    if (pads_.contains(x.node)) refuse("after Pad");
    std::vector<Rational> c = by_channel(x, left != nullptr ? *left : *right);
    const std::string name = name_of(node);
    // A sum after a product that nothing else reads is one step with it.
    const auto shifted = [&](const std::vector<Rational>& shift) {
      const std::string& value = node.inputs[left != nullptr ? 1 : 0];
      const auto* norm = std::get_if<BatchNormSpec>(&net_->node(x.node).spec);
      const auto* none = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->shift);
      if (none != nullptr && none->value == 0 && !std::holds_alternative<FileTensor>(norm->scale) &&
          readers_.at(value).size() == 1)
        return add(name, BatchNormSpec{norm->scale, row(shift)}, {View{below(x.node), x.dims}});
      return affine(name, x, {1}, shift);
    };
    if (node.op == "Add") return shifted(c);
    if (node.op == "Mul") return affine(name, x, c, {0});
    if (node.op == "Sub" && left != nullptr) return affine(name, x, {-1}, c);
    if (node.op == "Div" && left != nullptr) refuse("a constant over values of the network");
    for (Rational& v : c) {
      if (node.op == "Div" && v == 0) refuse("a division by 0");
      v = node.op == "Div" ? Rational(1 / v) : Rational(-v);
    }
    return node.op == "Div" ? affine(name, x, c, {0}) : shifted(c);
  }

  // Of constants; one of them is a single number, or both have the same shape.
  Array folded(const onnx::Node& node, const Array& a, const Array& b) const {
    const bool whole = std::holds_alternative<std::vector<std::int64_t>>(a.values) &&
                       std::holds_alternative<std::vector<std::int64_t>>(b.values);
    if (!whole || node.op == "Div") refuse("of constants; fold them before the export");
    if (a.shape != b.shape && a.size() != 1 && b.size() != 1) refuse("of constants of several shapes");
    const auto &x = std::get<std::vector<std::int64_t>>(a.values), &y = std::get<std::vector<std::int64_t>>(b.values);
    const Array& larger = a.size() >= b.size() ? a : b;
    std::vector<std::int64_t> out;
    for (std::size_t k = 0; k < larger.size(); ++k) {
      const std::int64_t u = x[x.size() == 1 ? 0 : k], v = y[y.size() == 1 ? 0 : k];
      if (std::abs(u) > (std::int64_t{1} << 30) || std::abs(v) > (std::int64_t{1} << 30)) refuse("of large numbers");
      out.push_back(node.op == "Add" ? u + v : node.op == "Sub" ? u - v : u * v);
    }
    return {larger.shape, "int64", out};
  }

  bool same_order(const View& a, const View& b) const {
    if (shape(a) != shape(b) || a.dims.size() != b.dims.size()) return false;
    for (std::size_t k = 0; k < a.dims.size(); ++k)
      if (real(a, a.dims[k]) != real(b, b.dims[k])) return false;
    return true;
  }
  const Activation* function_at(const View& v) const {
    const auto* spec = std::get_if<ActivationSpec>(&net_->node(v.node).spec);
    return spec == nullptr ? nullptr : &spec->function;
  }
  std::size_t below(std::size_t node) const { return net_->node(node).inputs.at(0); }

  Value branches(const onnx::Node& node, const View& a, const View& b) {
    if (!same_order(a, b)) refuse("values of two shapes, or in two orders");
    if (node.op == "Add") return add(name_of(node), SumSpec{}, {a, b});
    if (node.op == "Sub") return add(name_of(node), SumSpec{}, {a, affine(name_of(node) + ".minus", b, {-1}, {0})});
    if (node.op == "Mul") {
      // x S(x), x tanh(softplus(x))
      for (const auto& [x, y] : {std::pair(a, b), std::pair(b, a)}) {
        const Activation* f = function_at(y);
        if (f == nullptr) continue;
        if (f->kind == ActivationKind::sigmoid && below(y.node) == x.node)
          return activation(node, ActivationKind::silu, x);
        if (f->kind != ActivationKind::tanh) continue;
        const auto* inner = std::get_if<ActivationSpec>(&net_->node(below(y.node)).spec);
        if (inner != nullptr && inner->function.kind == ActivationKind::softplus && inner->function.parameter == 1 &&
            below(below(y.node)) == x.node) {
          return activation(node, ActivationKind::mish, x);
        }
      }
    }
    refuse("a product or quotient of values that is neither silu, mish nor gelu");
  }

  // x / sqrt 2 or x times 1 / sqrt 2, as far as float32 tells.
  Value erf(const onnx::Node& node) const {
    const View y = features(node, 0);
    const auto* norm = std::get_if<BatchNormSpec>(&net_->node(y.node).spec);
    const auto* scale = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->scale);
    const auto* shift = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->shift);
    if (scale == nullptr || shift == nullptr || shift->value != 0 ||
        std::abs(scale->value.convert_to<double>() * std::sqrt(2.0) - 1) > 1e-6) {
      refuse("only as a part of gelu, x (1 + erf(x / sqrt 2)) / 2");
    }
    return Erf{{below(y.node), y.dims}, 1};
  }
  Value gelu_step(const onnx::Node& node, const Value& a, const Value& b) {
    const Value& with = std::holds_alternative<Erf>(a) ? a : b;
    const Value& other = std::holds_alternative<Erf>(a) ? b : a;
    const Erf e = std::get<Erf>(with);
    const auto* array = std::get_if<Array>(&other);
    const auto* view = std::get_if<View>(&other);
    const auto is = [&](double wanted) {
      return array != nullptr && array->size() == 1 && array->doubles()[0] == wanted;
    };
    const auto gelu = [&]() -> Value {
      note("gelu, which the model spells with Erf and 1 / sqrt 2 in floating point, is gelu itself");
      return activation(node, ActivationKind::gelu, e.base);
    };
    if (node.op == "Add" && e.stage == 1 && is(1)) return Erf{e.base, 2};
    if (node.op == "Mul" && e.stage == 2 && view != nullptr && view->node == e.base.node) return Erf{e.base, 3};
    if (node.op == "Mul" && e.stage == 2 && is(0.5)) return Erf{e.base, 4};
    if (node.op == "Mul" && e.stage == 3 && is(0.5)) return gelu();
    if (node.op == "Div" && e.stage == 3 && is(2)) return gelu();
    if (node.op == "Mul" && e.stage == 4 && view != nullptr && view->node == e.base.node) return gelu();
    if (node.op == "Mul" && e.stage == 2 && view != nullptr) {  // (x / 2) (1 + erf)
      const auto* norm = std::get_if<BatchNormSpec>(&net_->node(view->node).spec);
      const auto* scale = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->scale);
      const auto* shift = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->shift);
      if (scale != nullptr && shift != nullptr && scale->value == Rational(1, 2) && shift->value == 0 &&
          below(view->node) == e.base.node)
        return gelu();
    }
    refuse("Erf in another formula than that of gelu");
  }

  View concat(const onnx::Node& node) {
    std::vector<View> parts;
    for (std::size_t k = 0; k < node.inputs.size(); ++k) parts.push_back(unpadded(node, k));
    const auto rank = static_cast<std::int64_t>(parts[0].dims.size()) + 1;
    std::int64_t axis = integer_or(node, "axis", 1);
    if (axis < 0) axis += rank;
    const bool rows = std::all_of(parts.begin(), parts.end(),
                                  [&](const View& v) { return v.dims.size() == 1 && shape(v).size() == 1; });
    const bool images = std::all_of(parts.begin(), parts.end(), [&](const View& v) { return channels_first(v); });
    if (axis != 1 || !(rows || images)) refuse("other than along the channels");
    View y = add(name_of(node), ConcatSpec{}, parts);
    y.dims = first_channels(shape(y).size());
    return y;
  }

  View pool(const onnx::Node& node) {
    const bool average = node.op == "AveragePool";
    const View x = average ? features(node, 0) : unpadded(node, 0);
    if (!channels_first(x)) refuse("its input has not the channels before the places");
    if (integer_or(node, "storage_order", 0) != 0) refuse("storage_order 1");
    PoolSpec spec;
    spec.kind = average ? PoolSpec::Kind::average : PoolSpec::Kind::max;
    const std::vector<std::int64_t> size = integers_or(node, "kernel_shape", {});
    WindowSpec window = window_of(node, size);
    if (shape(x).size() != size.size() + 1) refuse("a window of another number of dimensions");
    window.padding = padding_of(node, x, window, size.size());
    const bool padded = window.padding.kind != Padding::Kind::valid;
    if (average && padded && integer_or(node, "count_include_pad", 0) == 0 && !pads_.contains(x.node))
      refuse("an average at the border over fewer values (count_include_pad = 0)");
    if (average && pads_.contains(x.node) && integer_or(node, "count_include_pad", 0) == 0 &&
        integers_or(node, "pads", {}) != std::vector<std::int64_t>(2 * size.size(), 0) &&
        !integers_or(node, "pads", {}).empty())
      refuse("an average at the border over fewer values (count_include_pad = 0)");
    if (integer_or(node, "ceil_mode", 0) != 0) {
      for (std::size_t k = 0; k < size.size(); ++k) {
        const std::size_t axis = 2 - size.size() + k, sides = size.size() == 2 ? k : 1;
        const std::size_t span = shape(x)[k] + window.padding.amount[sides] + window.padding.amount[sides + 2];
        if ((span - (window.dilation[axis] * (window.size[axis] - 1) + 1)) % window.stride[axis] != 0)
          refuse("ceil_mode 1, where a window reaches beyond the image");
      }
    }
    check_size(x, window, channels(x));
    spec.form = window;
    View y = add(name_of(node), spec, {unpad(x)});
    y.dims = first_channels(shape(y).size());
    return y;
  }

  View global_pool(const onnx::Node& node) {
    const View x = unpadded(node, 0);
    if (!channels_first(x)) refuse("its input has not the channels before the places");
    const std::size_t rank = shape(x).size() - 1;
    bool keep = true;
    if (node.op == "ReduceMean") {
      std::vector<std::int64_t> axes = integers_or(node, "axes", {});
      if (const Array* given = constant_if(node, 1)) axes = integers_of(*given);
      std::set<std::int64_t> all;
      for (std::int64_t a : axes) all.insert(a < 0 ? a + static_cast<std::int64_t>(rank) + 2 : a);
      std::set<std::int64_t> places;
      for (std::size_t k = 0; k < rank; ++k) places.insert(static_cast<std::int64_t>(k) + 2);
      if (all != places) refuse("a mean over other dimensions than the places");
      keep = integer_or(node, "keepdims", 1) != 0;
    }
    PoolSpec spec;
    spec.kind = node.op == "GlobalMaxPool" ? PoolSpec::Kind::max : PoolSpec::Kind::average;
    WindowSpec window;
    window.dimensions = static_cast<int>(rank);
    for (std::size_t k = 0; k < rank; ++k) window.size[2 - rank + k] = shape(x)[k];
    window.stride = window.size;
    spec.form = window;
    View y = add(name_of(node), spec, {x});
    y.dims = first_channels(shape(y).size());
    if (!keep) y.dims.resize(1);
    return y;
  }

  // Zeros around an image, which the convolution that reads it takes.
  View pad(const onnx::Node& node) {
    const View x = unpadded(node, 0);
    if (!channels_first(x) || text_or(node, "mode", "constant") != "constant")
      refuse("other than by zeros around an image");
    std::vector<std::int64_t> pads = integers_or(node, "pads", {});
    if (const Array* given = constant_if(node, 1)) pads = integers_of(*given);
    const Array* value = constant_if(node, 2);
    if ((value != nullptr && value->size() != 0 && value->doubles()[0] != 0) || number_or(node, "value", 0) != 0)
      refuse("by other numbers than 0");
    const std::size_t rank = shape(x).size() - 1;
    if (pads.size() != 2 * (rank + 2)) refuse("pads of another number of dimensions");
    std::vector<std::size_t> amounts;
    for (std::size_t side = 0; side < 2; ++side) {
      for (std::size_t k = 0; k < rank + 2; ++k) {
        const std::int64_t p = pads[side * (rank + 2) + k];
        if (p < 0 || p > 100'000) refuse("pads that are negative or very large");
        if (k < 2 && p != 0) refuse("of samples or channels");
        if (k >= 2) amounts.push_back(static_cast<std::size_t>(p));
      }
    }
    // A node of its own to hang the zeros on: it is left out where it is read.
    const View y = affine(name_of(node), x, {1}, {0});
    pads_[y.node] = amounts;
    unpadded_[y.node] = x.node;
    return y;
  }

  // ---- functions ----

  // min(max(x, low), high), by relu.
  View clip(const onnx::Node& node, const View& x, const std::optional<Rational>& low,
            const std::optional<Rational>& high) {
    if (low && high && *low > *high) refuse("a least value above the greatest");
    const std::string name = name_of(node);
    const auto relu = [&](const View& v) {
      return add(name + ".relu", ActivationSpec{{ActivationKind::relu, 1}}, {v});
    };
    if (low && !high && *low == 0) return activation(node, ActivationKind::relu, x);
    if (!low && !high) return x;
    note(fmt::format("{}: clipping is written as a difference of relus", name));
    if (!low) return affine(name, relu(affine(name + ".below", x, {-1}, {*high})), {-1}, {*high});
    const View up = *low == 0 ? relu(x) : relu(affine(name + ".above", x, {1}, {Rational(-*low)}));
    if (!high) return affine(name, up, {1}, {*low});
    const View cut = affine(name + ".cut", relu(affine(name + ".beyond", x, {1}, {Rational(-*high)})), {-1}, {*low});
    return add(name, SumSpec{}, {up, cut});
  }
  // alpha (e^x - 1) below 0, x above, times a factor.
  View elu(const onnx::Node& node, const View& x, const Rational& alpha, const Rational& factor) {
    const std::string name = name_of(node);
    if (alpha == 1 && factor == 1) return activation(node, ActivationKind::elu, x);
    note(fmt::format("{}: alpha {:.7g} is not 1; written as {:.7g} elu(x) + {:.7g} relu(x)", name,
                     alpha.convert_to<double>(), Rational(factor * alpha).convert_to<double>(),
                     Rational(factor * (1 - alpha)).convert_to<double>()));
    const View curved = affine(name + ".curved", add(name + ".elu", ActivationSpec{{ActivationKind::elu, 1}}, {x}),
                               {Rational(factor * alpha)}, {0});
    const View straight =
        affine(name + ".straight", add(name + ".relu", ActivationSpec{{ActivationKind::relu, 1}}, {x}),
               {Rational(factor * (1 - alpha))}, {0});
    return add(name, SumSpec{}, {curved, straight});
  }

  View function(const onnx::Node& node) {
    using K = ActivationKind;
    const std::string& op = node.op;
    static const std::map<std::string, K> kPlain{{"Relu", K::relu}, {"Sigmoid", K::sigmoid},
                                                 {"Tanh", K::tanh}, {"Softplus", K::softplus},
                                                 {"Mish", K::mish}, {"Softsign", K::softsign}};
    if (const auto found = kPlain.find(op); found != kPlain.end())
      return activation(node, found->second, unpadded(node, 0));
    if (op == "LeakyRelu") return leaky(node, exactly(number_or(node, "alpha", static_cast<double>(0.01F))));
    if (op == "PRelu") {
      const std::vector<double> slopes = constant(node, 1, "slope").doubles();
      if (slopes.empty() || std::any_of(slopes.begin(), slopes.end(), [&](double s) { return s != slopes[0]; }))
        refuse("several slopes; one is expected");
      return leaky(node, exactly(slopes[0]));
    }
    if (op == "Elu") return elu(node, unpadded(node, 0), exactly(number_or(node, "alpha", 1)), 1);
    if (op == "Selu") {
      return elu(node, unpadded(node, 0),
                 exactly(number_or(node, "alpha", static_cast<double>(1.67326319217681884765625F))),
                 exactly(number_or(node, "gamma", static_cast<double>(1.05070102214813232421875F))));
    }
    if (op == "HardSigmoid") {
      const View x = affine(name_of(node) + ".line", unpadded(node, 0),
                            {exactly(number_or(node, "alpha", static_cast<double>(0.2F)))},
                            {exactly(number_or(node, "beta", 0.5))});
      return clip(node, x, Rational(0), Rational(1));
    }
    if (op == "Clip") {
      const auto bound = [&](std::size_t k, const char* name) -> std::optional<Rational> {
        std::optional<double> v;
        if (const Array* given = constant_if(node, k); given != nullptr && given->size() == 1) v = given->doubles()[0];
        const auto found = node.attributes.find(name);
        if (found != node.attributes.end() && found->second.number) v = found->second.number;
        if (k < node.inputs.size() && !node.inputs[k].empty() && !v) refuse("bounds that are no constants");
        if (!v || std::abs(*v) > 3e38) return std::nullopt;
        return exactly(*v);
      };
      return clip(node, unpadded(node, 0), bound(1, "min"), bound(2, "max"));
    }
    if (op == "Gelu") {
      if (text_or(node, "approximate", "none") != "none")
        refuse("the approximation of gelu by tanh is another function");
      return activation(node, K::gelu, unpadded(node, 0));
    }
    refuse("no such operator here");
  }
  View leaky(const onnx::Node& node, const Rational& slope) {
    note(fmt::format("{}: the slope is {}, as the file has it", name_of(node), to_string(slope)));
    return activation(node, ActivationKind::leaky_relu, unpadded(node, 0), slope);
  }

  Value left_off(const onnx::Node& node) {
    if (node.outputs[0] != wanted_output()) refuse("inside the network; only a last one is left off");
    note(fmt::format("{} at the output is left off: what follows is about its inputs, the scores", node.op));
    return features(node, 0);
  }

  // ---- the end ----

  ImportedModel finish() {
    const auto found = values_.find(wanted_output());
    if (found == values_.end()) fail("nothing makes its output \"" + wanted_output() + "\"");
    if (!std::holds_alternative<View>(found->second))
      fail("its output \"" + wanted_output() + "\" does not depend on the input");
    const View y = std::get<View>(found->second);
    if (options_.output.empty() && graph_.outputs.size() > 1)
      note(fmt::format("of {} outputs the first is taken, {}", graph_.outputs.size(), wanted_output()));
    if (pads_.contains(y.node)) fail("its output is padded by zeros");
    // What the output depends on; nodes that only carry zeros have no reader left.
    Architecture network("x", net_->node(0).shape);
    ImportedModel model{network, {}, {}, input_, input_layout_, 0, {}, {}, notes_};
    for (std::size_t i : net_->ancestors(y.node)) {
      if (i == 0) continue;
      const Node& node = net_->node(i);
      std::vector<std::string> inputs;
      for (std::size_t input : node.inputs) inputs.push_back(net_->node(input).name);
      model.network.add(node.name, node.spec, inputs);
      if (const auto tensors = parameters_.find(node.name); tensors != parameters_.end())
        model.parameters.insert(*tensors);
      for (const auto& [name, bytes] : arrays_.bytes())
        if (name.starts_with(node.name + ".") && name.find('.', node.name.size() + 1) == std::string::npos)
          model.arrays.emplace(name, bytes);
    }
    model.output = model.network.nodes().size() - 1;
    model.output_extents = extents(y);
    if (y.node == 0) fail("its output is its input");
    // Entries in the model's order.
    std::vector<std::size_t> axes;
    for (const auto& dim : y.dims)
      for (std::size_t a : dim) axes.push_back(a);
    const Shape& shape_y = shape(y);
    std::vector<std::size_t> stride(shape_y.size(), 1);
    for (std::size_t a = shape_y.size(); a-- > 1;) stride[a - 1] = stride[a] * shape_y[a];
    std::vector<std::size_t> at(axes.size(), 0);
    for (std::size_t k = 0; k < net_->node(y.node).width; ++k) {
      std::size_t neuron = 0, rest = k;
      for (std::size_t j = axes.size(); j-- > 0;) {
        neuron += rest % shape_y[axes[j]] * stride[axes[j]];
        rest /= shape_y[axes[j]];
      }
      model.output_order.push_back(neuron);
    }
    return model;
  }

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
  std::set<std::string> lost_, names_{"x"};
  PointSpec parameters_;
  ModelArrays arrays_;
  std::vector<std::string> notes_, unsupported_;
  bool done_ = false;
};

}  // namespace

ImportedModel import_onnx(const onnx::Graph& graph, const ImportOptions& options) {
  return Importer(graph, options).run();
}

}  // namespace widecert
