#include <widecert/import/onnx_importer.h>
#include <cmath>
#include <numeric>

namespace widecert::onnx_import {

ImportedModel Importer::run() {
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

bool Importer::read_by(const std::string& name, std::initializer_list<const char*> ops) const {
  const auto found = readers_.find(name);
  return found != readers_.end() && std::any_of(found->second.begin(), found->second.end(), [&](const auto* node) {
           return std::any_of(ops.begin(), ops.end(), [&](const char* op) { return node->op == op; });
         });
}

bool Importer::is_sequence(const std::string& name, int depth) const {
  const auto found = readers_.find(name);
  if (found == readers_.end() || depth > 8) return false;
  for (const onnx::Node* node : found->second) {
    if (node->op == "Conv" || node->op == "BatchNormalization" || node->op.find("Pool") != std::string::npos)
      return true;
    static const std::set<std::string> kKeeps{"Relu", "Identity", "Sigmoid",     "Tanh",      "LeakyRelu", "PRelu",
                                              "Elu",  "Selu",     "Softplus",    "Softsign",  "Clip",      "Gelu",
                                              "Mish", "Erf",      "HardSigmoid", "HardSwish", "Dropout",   "Cast",
                                              "Add",  "Sub",      "Mul",         "Div",       "Neg",       "Pad"};
    if (kKeeps.contains(node->op) && !node->outputs.empty() && is_sequence(node->outputs[0], depth + 1)) return true;
  }
  return false;
}

void Importer::take_input() {
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
      last =
          last || (node->op == "Transpose" && integers_or(*node, "perm", {}) == std::vector<std::int64_t>{0, 3, 1, 2});
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

std::optional<Extents> Importer::unflattened(const std::string& name) const {
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

void Importer::step(const onnx::Node& node) {
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
      if (!node.outputs[k].empty() && readers_.contains(node.outputs[k])) refuse("more than its first output is used");
    if (node.outputs[0] == wanted_output()) done_ = true;
  } catch (const Unsupported& unsupported) {
    unsupported_.push_back(fmt::format("{}: {}", label(node), unsupported.why));
    lost_.insert(node.outputs.begin(), node.outputs.end());
  }
}

std::string Importer::label(const onnx::Node& node) {
  const std::string name = !node.name.empty() ? node.name : node.outputs.empty() ? "" : node.outputs[0];
  return name.empty() ? node.op : fmt::format("{} \"{}\"", node.op, name);
}

const std::string& Importer::wanted_output() const {
  if (!options_.output.empty()) return options_.output;
  if (graph_.outputs.empty()) fail("a graph without outputs");
  return graph_.outputs[0];
}

Value Importer::result(const onnx::Node& node) {
  const std::string& op = node.op;
  if (op == "Constant") return constant_node(node);
  if (op == "Identity" || op == "Dropout" || op == "Cast") return pass(node);
  if (op == "Shape") return shape_of(node);
  if (op == "ConstantOfShape") return constant_of_shape(node);
  const Array* first = constant_if(node, 0);
  if (op == "Transpose") return first != nullptr ? Value(transposed_constant(node, *first)) : Value(transpose(node));
  if (op == "Reshape" || op == "Flatten" || op == "Squeeze" || op == "Unsqueeze")
    return first != nullptr ? Value(reshaped_constant(node, *first)) : Value(reshape(node));
  if (first != nullptr && (op == "Gather" || op == "Concat")) return integers_from(node);
  if (first != nullptr && op == "Slice") return sliced_constant(node, *first);
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

Value Importer::pass(const onnx::Node& node) const {
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

Array Importer::cast(Array array, std::int64_t to) {
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

Value Importer::constant_node(const onnx::Node& node) const {
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

Value Importer::shape_of(const onnx::Node& node) const {
  std::vector<std::int64_t> e;
  if (const Array* array = constant_if(node, 0)) {
    e.assign(array->shape.begin(), array->shape.end());
  } else {
    e.push_back(kBatch);
    for (std::size_t n : extents(features(node, 0))) e.push_back(static_cast<std::int64_t>(n));
  }
  // From opset 15 on a part of it may be meant.
  const auto count = static_cast<std::int64_t>(e.size());
  const auto place = [&](const char* name, std::int64_t otherwise) {
    const std::int64_t v = integer_or(node, name, otherwise);
    return std::clamp<std::int64_t>(v < 0 ? std::max<std::int64_t>(v, -count) + count : v, 0, count);
  };
  const std::int64_t first = place("start", 0), end = place("end", count);
  e = first < end ? std::vector<std::int64_t>(e.begin() + first, e.begin() + end) : std::vector<std::int64_t>{};
  return Array{{e.size()}, "int64", e};
}

Value Importer::integers_from(const onnx::Node& node) const {
  std::vector<std::int64_t> out;
  if (node.op == "Gather") {
    if (constant(node, 0, "input").shape.size() != 1 ||
        (integer_or(node, "axis", 0) != 0 && integer_or(node, "axis", 0) != -1))
      refuse("of a constant with several dimensions");
    const std::vector<std::int64_t> from = integers_of(constant(node, 0, "input"));
    const Array& which = constant(node, 1, "index");
    for (std::int64_t k : integers_of(which)) {
      const std::int64_t at = k < 0 ? k + static_cast<std::int64_t>(from.size()) : k;
      if (at < 0 || at >= static_cast<std::int64_t>(from.size())) refuse("an index beyond its input");
      out.push_back(from[static_cast<std::size_t>(at)]);
    }
    return Array{which.shape, "int64", out};
  }
  for (std::size_t k = 0; k < node.inputs.size(); ++k) {
    if (constant(node, k, "input").shape.size() != 1) refuse("of constants with several dimensions");
    for (std::int64_t v : integers_of(constant(node, k, "input"))) out.push_back(v);
  }
  return Array{{out.size()}, "int64", out};
}

Value Importer::left_off(const onnx::Node& node) {
  if (node.outputs[0] != wanted_output()) refuse("inside the network; only a last one is left off");
  note(fmt::format("{} at the output is left off: what follows is about its inputs, the scores", node.op));
  return features(node, 0);
}

ImportedModel Importer::finish() {
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
  ImportedModel model{network, {}, {}, input_, input_layout_, 0, {}, {}, {}};
  const std::vector<std::size_t> used = net_->ancestors(y.node);
  for (const auto& [text, about] : notes_)
    if (!about || std::binary_search(used.begin(), used.end(), *about)) model.notes.push_back(text);
  for (std::size_t i : used) {
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

}  // namespace widecert::onnx_import

namespace widecert {

ImportedModel import_onnx(const onnx::Graph& graph, const ImportOptions& options) {
  return onnx_import::Importer(graph, options).run();
}

}  // namespace widecert
