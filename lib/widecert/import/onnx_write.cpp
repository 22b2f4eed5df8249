#include <widecert/import/onnx_write.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "onnx.pb.h"

namespace widecert {
namespace {

class Writer {
 public:
  Writer(const Architecture& network, const Parameters<Rational>& theta, std::size_t target)
      : network_(network), theta_(theta), target_(target) {
    model_.set_ir_version(7);
    model_.set_producer_name("widecert");
    model_.add_opset_import()->set_version(13);
    graph().set_name("network");
  }

  WrittenModel run() {
    const Shape& in = network_.node(0).shape;
    auto* input = graph().add_input();
    input->set_name("x");
    auto* type = input->mutable_type()->mutable_tensor_type();
    type->mutable_shape()->add_dim()->set_dim_param("n");
    for (std::size_t n : first_channels(in))
      type->mutable_shape()->add_dim()->set_dim_value(static_cast<std::int64_t>(n));
    names_.emplace(0, std::string(1, 'x'));
    for (std::size_t i : network_.ancestors(target_))
      if (i != 0) add(i);
    // Rows in our order.
    const Shape& out = network_.node(target_).shape;
    std::string last = names_.at(target_);
    if (out.size() > 1) {
      auto& turn = node("Transpose", {last}, "features.turned");
      integers(turn, "perm",
               out.size() == 3 ? std::vector<std::int64_t>{0, 2, 3, 1} : std::vector<std::int64_t>{0, 2, 1});
      last = "features.turned";
    }
    integer(node("Flatten", {last}, "features"), "axis", 1);
    auto* output = graph().add_output();
    output->set_name("features");
    auto* output_type = output->mutable_type()->mutable_tensor_type();
    output_type->mutable_shape()->add_dim()->set_dim_param("n");
    output_type->mutable_shape()->add_dim()->set_dim_value(static_cast<std::int64_t>(network_.node(target_).width));
    // One type for all numbers.
    const auto data_type = narrow_ ? ::onnx::TensorProto::FLOAT : ::onnx::TensorProto::DOUBLE;
    type->set_elem_type(data_type);
    output_type->set_elem_type(data_type);
    for (const Constant& c : constants_) {
      auto* tensor = graph().add_initializer();
      tensor->set_name(c.name);
      tensor->set_data_type(data_type);
      for (std::size_t n : c.shape) tensor->add_dims(static_cast<std::int64_t>(n));
      std::string* raw = tensor->mutable_raw_data();
      for (double v : c.values) {
        const auto small = static_cast<float>(v);
        raw->append(narrow_ ? reinterpret_cast<const char*>(&small) : reinterpret_cast<const char*>(&v),
                    narrow_ ? sizeof small : sizeof v);
      }
    }
    if (rounded_ != 0) notes_.push_back(fmt::format("{} numbers are rounded to float64", rounded_));
    WrittenModel out_model;
    out_model.bytes = model_.SerializeAsString();
    out_model.type = narrow_ ? "float32" : "float64";
    out_model.notes = notes_;
    return out_model;
  }

 private:
  struct Constant {
    std::string name;
    Extents shape;
    std::vector<double> values;
  };

  ::onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  ::onnx::NodeProto& node(const std::string& op, const std::vector<std::string>& inputs, const std::string& output) {
    auto* n = graph().add_node();
    n->set_op_type(op);
    n->set_name(output);
    for (const auto& input : inputs) n->add_input(input);
    n->add_output(output);
    return *n;
  }
  static void integer(::onnx::NodeProto& n, const char* name, std::int64_t v) {
    auto* a = n.add_attribute();
    a->set_name(name);
    a->set_type(::onnx::AttributeProto::INT);
    a->set_i(v);
  }
  static void integers(::onnx::NodeProto& n, const char* name, const std::vector<std::int64_t>& values) {
    auto* a = n.add_attribute();
    a->set_name(name);
    a->set_type(::onnx::AttributeProto::INTS);
    for (std::int64_t v : values) a->add_ints(v);
  }
  void number(::onnx::NodeProto& n, const char* name, const Rational& v) {
    auto* a = n.add_attribute();
    a->set_name(name);
    a->set_type(::onnx::AttributeProto::FLOAT);
    a->set_f(static_cast<float>(v.convert_to<double>()));
    if (exactly(static_cast<double>(a->f())) != v)
      notes_.push_back(
          fmt::format("{}: {} {} is rounded to float32, which ONNX has for it", n.name(), name, to_string(v)));
  }
  std::string constant(const std::string& name, const Extents& shape, const std::vector<Rational>& values) {
    Constant c{name, shape, {}};
    for (const Rational& v : values) {
      const double d = v.convert_to<double>();
      rounded_ += exactly(d) != v ? 1 : 0;
      narrow_ = narrow_ && static_cast<double>(static_cast<float>(d)) == d;
      c.values.push_back(d);
    }
    constants_.push_back(std::move(c));
    return name;
  }

  // Extents with the channels first.
  static Extents first_channels(const Shape& shape) {
    Extents e{shape.back()};
    if (shape.size() > 1) e.insert(e.end(), shape.begin(), shape.end() - 1);
    return e;
  }
  // Entry k with the channels first is neuron order(shape)[k].
  static std::vector<std::size_t> order(const Shape& shape) {
    const std::size_t channels = shape.back(), places = product(shape) / channels;
    std::vector<std::size_t> out;
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t p = 0; p < places; ++p) out.push_back(p * channels + c);
    return out;
  }
  static std::vector<std::size_t> flat_order(const Shape& shape) {
    if (shape.size() > 1) return order(shape);
    std::vector<std::size_t> out(shape[0]);
    for (std::size_t k = 0; k < out.size(); ++k) out[k] = k;
    return out;
  }

  void window(::onnx::NodeProto& n, const WindowSpec& w, const Node& at, bool dilated) {
    const int d = w.dimensions;
    const auto put = [&](const char* name, const std::array<std::size_t, 2>& v) {
      std::vector<std::int64_t> list;
      for (int k = 2 - d; k < 2; ++k) list.push_back(static_cast<std::int64_t>(v[static_cast<std::size_t>(k)]));
      integers(n, name, list);
    };
    put("kernel_shape", w.size);
    put("strides", w.stride);
    if (dilated) put("dilations", w.dilation);
    std::array<std::size_t, 4> pads = w.padding.amount;
    if (w.padding.kind == Padding::Kind::same) {
      const Shape& below = network_.node(at.inputs[0]).shape;
      for (int k = 2 - d; k < 2; ++k) {
        const auto axis = static_cast<std::size_t>(k);
        const std::size_t extent = below[axis - static_cast<std::size_t>(2 - d)], s = w.stride[axis],
                          reach = w.dilation[axis] * (w.size[axis] - 1) + 1, steps = (extent + s - 1) / s,
                          span = (steps - 1) * s + reach, total = span > extent ? span - extent : 0;
        pads[axis] = total / 2;
        pads[axis + 2] = total - total / 2;
      }
    } else if (w.padding.kind == Padding::Kind::valid) {
      pads = {};
    }
    std::vector<std::int64_t> list;
    for (int side = 0; side < 2; ++side)
      for (int k = 2 - d; k < 2; ++k)
        list.push_back(static_cast<std::int64_t>(pads[static_cast<std::size_t>(k + 2 * side)]));
    integers(n, "pads", list);
  }

  void add(std::size_t i) {
    const Node& at = network_.node(i);
    const std::string& x = names_.at(at.inputs[0]);
    names_[i] = at.name;
    std::visit(
        overloaded{
            [&](const InputSpec&) {}, [&](const LinearSpec& linear) { add_linear(i, linear, x); },
            [&](const ActivationSpec& spec) { add_activation(at, spec.function, x); },
            [&](const PoolSpec& pool) {
              if (const auto* to = std::get_if<Reshaping>(&pool.form)) return add_reshape(at, *to, x);
              const auto* w = std::get_if<WindowSpec>(&pool.form);
              if (w == nullptr)
                throw InputError("layer " + at.name + ": pools over lists of patches have no form in ONNX");
              const bool average = pool.kind == PoolSpec::Kind::average;
              auto& n = node(average ? "AveragePool" : "MaxPool", {x}, at.name);
              window(n, *w, at, !average);
              if (average) integer(n, "count_include_pad", 1);
              if (average && (w->dilation[0] != 1 || w->dilation[1] != 1))
                throw InputError("layer " + at.name + ": an average over a dilated window has no form in opset 13");
            },
            [&](const SumSpec&) {
              std::string sum = x;
              for (std::size_t k = 1; k < at.inputs.size(); ++k) {
                const bool last = k + 1 == at.inputs.size();
                const std::string name = last ? at.name : fmt::format("{}.{}", at.name, k);
                node("Add", {sum, names_.at(at.inputs[k])}, name);
                sum = name;
              }
            },
            [&](const ConcatSpec&) {
              std::vector<std::string> inputs;
              for (std::size_t k : at.inputs) inputs.push_back(names_.at(k));
              integer(node("Concat", inputs, at.name), "axis", 1);
            },
            [&](const SelectSpec&) { add_select(at); }, [&](const BatchNormSpec& norm) { add_norm(at, norm, x); }},
        at.spec);
  }

  // Other extents for the entries in their order.
  void reshape(const std::string& x, const std::string& y, const Extents& extents) {
    auto* shape = graph().add_initializer();
    shape->set_name(y + ".shape");
    shape->set_data_type(::onnx::TensorProto::INT64);
    shape->add_dims(static_cast<std::int64_t>(extents.size()) + 1);
    shape->add_int64_data(-1);
    for (std::size_t n : extents) shape->add_int64_data(static_cast<std::int64_t>(n));
    node("Reshape", {x, y + ".shape"}, y);
  }
  void add_reshape(const Node& at, const Reshaping& to, const std::string& x) {
    const Shape& below = network_.node(at.inputs[0]).shape;
    const bool last = to.order == Flattening::channels_last;
    const auto turn = [&](const std::string& from, const std::string& into, const Shape& shape, bool to_last) {
      const std::vector<std::int64_t> two = {0, 2, 1}, back = {0, 2, 3, 1}, front = {0, 3, 1, 2};
      integers(node("Transpose", {from}, into), "perm", shape.size() == 2 ? two : to_last ? back : front);
    };
    std::string from = x;
    if (last && below.size() > 1) {
      turn(from, at.name + ".last", below, true);
      from = at.name + ".last";
    }
    const bool turned = last && at.shape.size() > 1;
    reshape(from, turned ? at.name + ".image" : at.name, last ? at.shape : first_channels(at.shape));
    if (turned) turn(at.name + ".image", at.name, at.shape, false);
  }

  // All inputs flat, channels last, one after the other; and of that row the places.
  void add_select(const Node& at) {
    std::vector<std::string> rows;
    std::vector<std::int64_t> indices(at.width);
    std::int64_t before = 0;
    for (std::size_t k = 0; k < at.inputs.size(); ++k) {
      const Node& input = network_.node(at.inputs[k]);
      Node flat;
      flat.name = fmt::format("{}.{}", at.name, k);
      flat.inputs = {at.inputs[k]};
      flat.shape = {input.width};
      rows.push_back(names_.at(at.inputs[k]));
      if (input.shape.size() > 1) {
        add_reshape(flat, {flat.shape, Flattening::channels_last}, rows.back());
        rows.back() = flat.name;
      }
      for (std::size_t h = 0; h < input.width; ++h)
        if (const std::size_t to = at.place(k, h); to != Node::kNowhere)
          indices[to] = before + static_cast<std::int64_t>(h);
      before += static_cast<std::int64_t>(input.width);
    }
    std::string row = rows.front();
    if (rows.size() > 1) {
      row = at.name + ".all";
      integer(node("Concat", rows, row), "axis", 1);
    }
    auto* places = graph().add_initializer();
    places->set_name(at.name + ".places");
    places->set_data_type(::onnx::TensorProto::INT64);
    places->add_dims(static_cast<std::int64_t>(at.width));
    for (std::int64_t v : indices) places->add_int64_data(v);
    integer(node("Gather", {row, at.name + ".places"}, at.name), "axis", 1);
  }

  void add_norm(const Node& at, const BatchNormSpec& norm, const std::string& x) {
    const TensorShape row = network_.norm_shape(network_.index_of(at.name));
    const std::size_t c = row[0];
    const std::vector<Rational> scale = expand(norm.scale, row, "scale")[0],
                                shift = expand(norm.shift, row, "shift")[0];
    if (std::holds_alternative<FileTensor>(norm.scale) &&
        !norm.each_neuron) {  // a batch norm of a framework, whose numbers stand in a file
      auto& n = node("BatchNormalization",
                     {x, constant(at.name + ".scale", {c}, scale), constant(at.name + ".shift", {c}, shift),
                      constant(at.name + ".mean", {c}, std::vector<Rational>(c, 0)),
                      constant(at.name + ".variance", {c}, std::vector<Rational>(c, 1))},
                     at.name);
      number(n, "epsilon", 0);
      return;
    }
    const auto all = [](const std::vector<Rational>& v, const Rational& value) {
      return std::all_of(v.begin(), v.end(), [&](const Rational& entry) { return entry == value; });
    };
    // One number, one for each channel or one for each neuron, as it stands here.
    const auto numbers = [&](const std::string& what, const TensorSpec& spec, const std::vector<Rational>& values) {
      if (std::holds_alternative<FillTensor>(spec)) return constant(what, {}, {values[0]});
      if (norm.each_neuron) return each_neuron(what, at.shape, values);
      Extents shape(at.shape.size() + 1, 1);
      shape[1] = c;
      return constant(what, shape, values);
    };
    const bool sum = !all(shift, 0), product = !sum || !all(scale, 1);
    const std::string between = sum && product ? at.name + ".scaled" : at.name;
    if (product) node("Mul", {x, numbers(at.name + ".scale", norm.scale, scale)}, between);
    if (sum) node("Add", {product ? between : x, numbers(at.name + ".shift", norm.shift, shift)}, at.name);
  }

  void add_linear(std::size_t i, const LinearSpec& linear, const std::string& x) {
    const Node& at = network_.node(i);
    const LinearParameters<Rational>& theta = theta_.at(i);
    const Shape& below = network_.node(at.inputs[0]).shape;
    std::vector<Rational> bias;  // one a neuron, in our order
    for (std::size_t h = 0; h < at.width && !theta.bias.empty(); ++h)
      bias.push_back(theta.bias[network_.bias_index(i, h)]);
    if (const auto* conv = std::get_if<ConvSpec>(&linear.form)) {
      const std::size_t channels = below.back() / conv->groups, height = conv->window.size[0],
                        width = conv->window.size[1];
      std::vector<Rational> weights;
      for (const auto& row : theta.weights)
        for (std::size_t c = 0; c < channels; ++c)
          for (std::size_t p = 0; p < height * width; ++p) weights.push_back(row[p * channels + c]);
      Extents shape{theta.weights.size(), channels, height, width};
      if (conv->window.dimensions == 1) shape.erase(shape.begin() + 2);
      std::vector<std::string> inputs{x, constant(at.name + ".weight", shape, weights)};
      const bool tied = linear.bias == BiasMode::channel;
      if (tied) inputs.push_back(constant(at.name + ".bias", {at.shape.back()}, theta.bias));
      const bool each = !tied && !bias.empty();
      auto& n = node("Conv", inputs, each ? at.name + ".conv" : at.name);
      window(n, conv->window, at, true);
      integer(n, "group", static_cast<std::int64_t>(conv->groups));
      if (each) node("Add", {at.name + ".conv", each_neuron(at.name + ".bias", at.shape, bias)}, at.name);
      return;
    }
    // A matrix on rows; images below are flattened channels first.
    std::string row = x;
    if (below.size() > 1) {
      integer(node("Flatten", {x}, at.name + ".rows"), "axis", 1);
      row = at.name + ".rows";
    }
    const std::vector<std::size_t> in = flat_order(below), out = flat_order(at.shape);
    if (static_cast<double>(in.size()) * static_cast<double>(at.width) > static_cast<double>(std::size_t{1} << 26))
      throw InputError("layer " + at.name + ": its matrix has more than 2^26 entries");
    std::vector<std::size_t> place(in.size());
    for (std::size_t k = 0; k < in.size(); ++k) place[in[k]] = k;
    std::vector<Rational> weights(in.size() * at.width);
    std::vector<std::int64_t> entries;
    for (std::size_t k = 0; k < at.width; ++k) {
      const std::size_t h = out[k];
      at.patches->expand(h / at.filters, entries);
      const auto& filter = theta.weights[network_.filter_index(i, h)];
      for (std::size_t r = 0; r < entries.size(); ++r)
        if (entries[r] != kPadding) weights[k * in.size() + place[static_cast<std::size_t>(entries[r])]] += filter[r];
    }
    std::vector<std::string> inputs{row, constant(at.name + ".weight", {at.width, in.size()}, weights)};
    if (!bias.empty()) {
      std::vector<Rational> turned;
      for (std::size_t h : out) turned.push_back(bias[h]);
      inputs.push_back(constant(at.name + ".bias", {at.width}, turned));
    }
    const bool image = at.shape.size() > 1;
    integer(node("Gemm", inputs, image ? at.name + ".row" : at.name), "transB", 1);
    if (image) reshape(at.name + ".row", at.name, first_channels(at.shape));
  }
  std::string each_neuron(const std::string& name, const Shape& image, const std::vector<Rational>& values) {
    std::vector<Rational> turned;
    for (std::size_t h : flat_order(image)) turned.push_back(values[h]);
    Extents shape{1};
    for (std::size_t n : first_channels(image)) shape.push_back(n);
    return constant(name, shape, turned);
  }

  std::string scalar(const std::string& name, const Rational& v) { return constant(name, {}, {v}); }

  void add_activation(const Node& at, const Activation& f, const std::string& x) {
    using K = ActivationKind;
    const std::string& y = at.name;
    switch (f.kind) {
      case K::relu:
        node("Relu", {x}, y);
        return;
      case K::leaky_relu:
        // The attribute of LeakyRelu is a float32, and some runtimes have it for float32 only.
        if (const auto slope = static_cast<float>(f.parameter.convert_to<double>());
            exactly(static_cast<double>(slope)) == f.parameter) {
          number(node("LeakyRelu", {x}, y), "alpha", f.parameter);
        } else if (f.parameter <= 1) {
          node("Mul", {x, scalar(y + ".slope", f.parameter)}, y + ".below");
          node("Max", {x, y + ".below"}, y);
        } else {
          node("Mul", {x, scalar(y + ".slope", f.parameter)}, y + ".below");
          node("Min", {x, y + ".below"}, y);
        }
        return;
      case K::identity:
        node("Identity", {x}, y);
        return;
      case K::sigmoid:
        node("Sigmoid", {x}, y);
        return;
      case K::tanh:
        node("Tanh", {x}, y);
        return;
      case K::softsign:
        node("Softsign", {x}, y);
        return;
      case K::hard_swish:  // (HardSwish itself is of opset 14.)
        node("Add", {x, scalar(y + ".three", 3)}, y + ".above");
        node("Clip", {y + ".above", scalar(y + ".zero", 0), scalar(y + ".six", 6)}, y + ".clipped");
        node("Div", {y + ".clipped", y + ".six"}, y + ".gate");
        node("Mul", {x, y + ".gate"}, y);
        return;
      case K::elu:
        node("Elu", {x}, y);
        return;
      case K::softplus:
        if (f.parameter == 1) {
          node("Softplus", {x}, y);
        } else {
          const std::string a = scalar(y + ".sharpness", f.parameter);
          node("Mul", {x, a}, y + ".sharp");
          node("Softplus", {y + ".sharp"}, y + ".soft");
          node("Div", {y + ".soft", a}, y);
        }
        return;
      case K::one_minus_sigmoid:
        node("Neg", {x}, y + ".minus");
        node("Sigmoid", {y + ".minus"}, y);
        return;
      case K::silu:
        node("Sigmoid", {x}, y + ".sigmoid");
        node("Mul", {x, y + ".sigmoid"}, y);
        return;
      case K::mish:
        node("Softplus", {x}, y + ".softplus");
        node("Tanh", {y + ".softplus"}, y + ".tanh");
        node("Mul", {x, y + ".tanh"}, y);
        return;
      case K::gelu:
        node("Div", {x, scalar(y + ".root", exactly(1.4142135623730951))}, y + ".scaled");
        node("Erf", {y + ".scaled"}, y + ".erf");
        node("Add", {y + ".erf", scalar(y + ".one", 1)}, y + ".plus");
        node("Mul", {x, y + ".plus"}, y + ".twice");
        node("Mul", {y + ".twice", scalar(y + ".half", Rational(1, 2))}, y);
        notes_.push_back(y + ": sqrt 2 of gelu is rounded to float64");
        return;
      case K::gaussian:
        node("Mul", {x, x}, y + ".square");
        node("Neg", {y + ".square"}, y + ".minus");
        node("Exp", {y + ".minus"}, y);
        return;
      case K::cubic_sigmoid:
        node("Mul", {x, x}, y + ".square");
        node("Mul", {x, y + ".square"}, y + ".cube");
        node("Sigmoid", {y + ".cube"}, y);
        return;
      case K::sign:
        node("Sign", {x}, y);
        return;
      case K::step:
        node("Sign", {x}, y + ".sign");
        node("Relu", {y + ".sign"}, y);
        return;
      case K::half_step:
        node("Sign", {x}, y + ".sign");
        node("Add", {y + ".sign", scalar(y + ".one", 1)}, y + ".plus");
        node("Mul", {y + ".plus", scalar(y + ".half", Rational(1, 2))}, y);
        return;
    }
    throw InternalError("an activation missing from the table");
  }

  const Architecture& network_;
  const Parameters<Rational>& theta_;
  std::size_t target_;
  ::onnx::ModelProto model_;
  std::map<std::size_t, std::string> names_;
  std::vector<Constant> constants_;
  std::vector<std::string> notes_;
  std::size_t rounded_ = 0;
  bool narrow_ = true;
};

}  // namespace

WrittenModel write_onnx(const Architecture& network, const Parameters<Rational>& theta, std::size_t target) {
  return Writer(network, theta, target).run();
}

}  // namespace widecert
