// Arithmetic and activations, and what exporters spell with several operators.
#include <widecert/import/onnx_importer.h>
#include <cmath>

namespace widecert::onnx_import {

std::vector<Rational> Importer::numbers_for(const View& x, const Array& array) const {
  const std::vector<double> values = array.doubles();
  std::vector<Rational> out;
  const std::size_t rank = x.dims.size() + 1;
  if (array.shape.size() > rank) refuse("a constant of more dimensions than the values");
  for (double v : values) {
    if (!std::isfinite(v)) refuse("a constant that is not finite");
    out.push_back(exactly(v));
  }
  if (out.size() == 1) return out;
  const std::vector<std::size_t> each = extents(x), last = real(x, {shape(x).size() - 1});
  bool by_channel = true;
  for (std::size_t k = 0; k < array.shape.size(); ++k) {
    const std::size_t dim = rank - array.shape.size() + k;  // 0: the samples
    if (array.shape[k] == 1) continue;
    if (dim == 0 || array.shape[k] != each[dim - 1])
      refuse("a constant that is neither one number, nor one for each channel or each neuron");
    by_channel = by_channel && real(x, x.dims[dim - 1]) == last;
  }
  if (by_channel) return out;
  // The entry for each neuron, by its place along our axes.
  const std::size_t width = net_->node(x.node).width;
  if (width > kMostNumbers) refuse("a constant for each of more than 2^22 neurons");
  std::vector<Rational> mine(width);
  std::vector<std::size_t> place(shape(x).size());
  for (std::size_t h = 0; h < width; ++h) {
    std::size_t rest = h;
    for (std::size_t a = place.size(); a-- > 0; rest /= shape(x)[a]) place[a] = rest % shape(x)[a];
    std::size_t entry = 0;
    for (std::size_t k = 0; k < array.shape.size(); ++k) {
      std::size_t at = 0;
      if (array.shape[k] != 1)
        for (std::size_t a : x.dims[rank - array.shape.size() + k - 1]) at = at * shape(x)[a] + place[a];
      entry = entry * array.shape[k] + at;
    }
    mine[h] = out[entry];
  }
  return mine;
}

Value Importer::arithmetic(const onnx::Node& node) {
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
  std::vector<Rational> c = numbers_for(x, left != nullptr ? *left : *right);
  const std::string name = name_of(node);
  // A sum after a product that nothing else reads is one step with it.
  const auto shifted = [&](const std::vector<Rational>& shift) {
    const std::string& value = node.inputs[left != nullptr ? 1 : 0];
    const auto* norm = std::get_if<BatchNormSpec>(&net_->node(x.node).spec);
    const auto* none = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->shift);
    if (none != nullptr && none->value == 0 && !std::holds_alternative<FileTensor>(norm->scale) &&
        readers_.at(value).size() == 1 &&
        (std::holds_alternative<FillTensor>(norm->scale) || shift.size() == 1 ||
         norm->each_neuron == (shift.size() > channels(x)))) {
      const bool each = norm->each_neuron || shift.size() > channels(x);
      return add(name, BatchNormSpec{norm->scale, row(shift), each}, {View{below(x.node), x.dims}});
    }
    return affine(name, x, {1}, shift);
  };
  // A product that undoes the one before it, or one of a gate.
  const auto scaled = [&](const std::vector<Rational>& by) {
    const auto* norm = std::get_if<BatchNormSpec>(&net_->node(x.node).spec);
    const auto* scale = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->scale);
    const auto* none = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->shift);
    if (by.size() == 1 && scale != nullptr && none != nullptr && none->value == 0 && scale->value * by[0] == 1)
      return View{below(x.node), x.dims};
    const View y = affine(name, x, by, {0});
    if (const auto gate = gates_.find(x.node); gate != gates_.end() && by.size() == 1)
      gates_.insert({y.node, {gate->second.base, Rational(gate->second.factor * by[0])}});
    return y;
  };
  if (node.op == "Add") return shifted(c);
  if (node.op == "Mul") return scaled(c);
  if (node.op == "Sub" && left != nullptr) return affine(name, x, {-1}, c);
  if (node.op == "Div" && left != nullptr) refuse("a constant over values of the network");
  for (Rational& v : c) {
    if (node.op == "Div" && v == 0) refuse("a division by 0");
    v = node.op == "Div" ? Rational(1 / v) : Rational(-v);
  }
  return node.op == "Div" ? scaled(c) : shifted(c);
}

Array Importer::folded(const onnx::Node& node, const Array& a, const Array& b) const {
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

bool Importer::same_order(const View& a, const View& b) const {
  if (shape(a) != shape(b) || a.dims.size() != b.dims.size()) return false;
  for (std::size_t k = 0; k < a.dims.size(); ++k)
    if (real(a, a.dims[k]) != real(b, b.dims[k])) return false;
  return true;
}

const Activation* Importer::function_at(const View& v) const {
  const auto* spec = std::get_if<ActivationSpec>(&net_->node(v.node).spec);
  return spec == nullptr ? nullptr : &spec->function;
}

Value Importer::branches(const onnx::Node& node, const View& a, const View& b) {
  if (pads_.contains(a.node) || pads_.contains(b.node)) refuse("after Pad");
  if (!same_order(a, b)) refuse("values of two shapes, or in two orders");
  if (node.op == "Add") return add(name_of(node), SumSpec{}, {a, b});
  if (node.op == "Sub") return add(name_of(node), SumSpec{}, {a, affine(name_of(node) + ".minus", b, {-1}, {0})});
  if (node.op == "Mul") {
    for (const auto& [x, y] : {std::pair(a, b), std::pair(b, a)}) {
      const auto gate = gates_.find(y.node);
      if (gate == gates_.end() || gate->second.base != x.node) continue;
      const Rational& factor = gate->second.factor;
      const std::string name = name_of(node);
      const View y_of_x =
          add(factor == 1 ? name : name + ".hard-swish", ActivationSpec{{ActivationKind::hard_swish, 1}}, {x});
      return factor == 1 ? y_of_x : affine(name, y_of_x, {factor}, {0});
    }
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
  refuse("a product or quotient of values that is neither silu, mish, gelu nor hard-swish");
}

std::optional<std::size_t> Importer::three_less(const View& x) const {
  const Activation* f = function_at(x);  // relu6 may be a clip of a relu
  const std::size_t at = f != nullptr && f->kind == ActivationKind::relu ? below(x.node) : x.node;
  const auto* norm = std::get_if<BatchNormSpec>(&net_->node(at).spec);
  const auto* scale = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->scale);
  const auto* shift = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->shift);
  if (scale == nullptr || shift == nullptr || scale->value != 1 || shift->value != 3) return std::nullopt;
  return below(at);
}

Value Importer::erf(const onnx::Node& node) const {
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

Value Importer::gelu_step(const onnx::Node& node, const Value& a, const Value& b) {
  const Value& with = std::holds_alternative<Erf>(a) ? a : b;
  const Value& other = std::holds_alternative<Erf>(a) ? b : a;
  const Erf e = std::get<Erf>(with);
  const auto* array = std::get_if<Array>(&other);
  const auto* view = std::get_if<View>(&other);
  const auto is = [&](double wanted) {
    return array != nullptr && array->size() == 1 && array->shape.size() <= e.base.dims.size() + 1 &&
           array->doubles()[0] == wanted;
  };
  // The base itself, its entries in the same order.
  const auto base = [&](const View& v) { return v.node == e.base.node && same_order(v, e.base); };
  const auto gelu = [&]() -> Value {
    note("gelu, which the model spells with Erf and 1 / sqrt 2 in floating point, is gelu itself");
    return activation(node, ActivationKind::gelu, e.base);
  };
  if (node.op == "Add" && e.stage == 1 && is(1)) return Erf{e.base, 2};
  if (node.op == "Mul" && e.stage == 2 && view != nullptr && base(*view)) return Erf{e.base, 3};
  if (node.op == "Mul" && e.stage == 2 && is(0.5)) return Erf{e.base, 4};
  if (node.op == "Mul" && e.stage == 3 && is(0.5)) return gelu();
  if (node.op == "Div" && e.stage == 3 && is(2)) return gelu();
  if (node.op == "Mul" && e.stage == 4 && view != nullptr && base(*view)) return gelu();
  if (node.op == "Mul" && e.stage == 2 && view != nullptr) {  // (x / 2) (1 + erf)
    const auto* norm = std::get_if<BatchNormSpec>(&net_->node(view->node).spec);
    const auto* scale = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->scale);
    const auto* shift = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->shift);
    if (scale != nullptr && shift != nullptr && scale->value == Rational(1, 2) && shift->value == 0 &&
        base({below(view->node), view->dims}))
      return gelu();
  }
  refuse("Erf in another formula than that of gelu");
}

View Importer::clip(const onnx::Node& node, const View& x, const std::optional<Rational>& low,
                    const std::optional<Rational>& high) {
  if (low && high && *low > *high) refuse("a least value above the greatest");
  const std::string name = name_of(node);
  const auto relu = [&](const View& v) { return add(name + ".relu", ActivationSpec{{ActivationKind::relu, 1}}, {v}); };
  if (low && !high && *low == 0) return activation(node, ActivationKind::relu, x);
  if (!low && !high) return x;
  const auto said = [&](const View& y) {
    note(fmt::format("{}: clipping is written as a difference of relus", name), y.node);
    return y;
  };
  if (!low) return said(affine(name, relu(affine(name + ".below", x, {-1}, {*high})), {-1}, {*high}));
  const View up = *low == 0 ? relu(x) : relu(affine(name + ".above", x, {1}, {Rational(-*low)}));
  if (!high) return said(affine(name, up, {1}, {*low}));
  const View cut = affine(name + ".cut", relu(affine(name + ".beyond", x, {1}, {Rational(-*high)})), {-1}, {*low});
  return said(add(name, SumSpec{}, {up, cut}));
}

View Importer::elu(const onnx::Node& node, const View& x, const Rational& alpha, const Rational& factor) {
  const std::string name = name_of(node);
  if (alpha == 1 && factor == 1) return activation(node, ActivationKind::elu, x);
  note(fmt::format("{}: alpha {:.7g} is not 1; written as {:.7g} elu(x) + {:.7g} relu(x)", name,
                   alpha.convert_to<double>(), Rational(factor * alpha).convert_to<double>(),
                   Rational(factor * (1 - alpha)).convert_to<double>()));
  const View curved = affine(name + ".curved", add(name + ".elu", ActivationSpec{{ActivationKind::elu, 1}}, {x}),
                             {Rational(factor * alpha)}, {0});
  const View straight = affine(name + ".straight", add(name + ".relu", ActivationSpec{{ActivationKind::relu, 1}}, {x}),
                               {Rational(factor * (1 - alpha))}, {0});
  return add(name, SumSpec{}, {curved, straight});
}

// What a framework calls it, and what to do.
static std::string origin_of(const std::string& op) {
  static const std::map<std::string, const char*> kOrigins{
      {"LayerNormalization",
       "; LayerNorm normalizes each sample by its own mean: batch norm, in evaluation, is affine"},
      {"InstanceNormalization",
       "; InstanceNorm and GroupNorm normalize each sample by its own mean: batch norm, in evaluation, is affine"},
      {"Pow", "; as a part of LayerNorm or of a norm of one's own"},
      {"Sqrt", "; as a part of LayerNorm or of a norm of one's own"},
      {"Reciprocal", "; as a part of LayerNorm or of a norm of one's own"},
      {"LSTM", "; a recurrent layer"},
      {"GRU", "; a recurrent layer"},
      {"RNN", "; a recurrent layer"},
      {"ConvTranspose", "; ConvTranspose2d: in a case, a layer \"linear\" lists its patches"},
      {"Resize", "; Upsample"},
      {"Upsample", "; Upsample"},
      {"Slice", "; a part of a tensor, x[...]: split the model there (--output-value)"},
      {"Split", "; a part of a tensor, chunk or split: split the model there (--output-value)"},
      {"Gather", "; a part of a tensor, x[...], or an Embedding"},
      {"Log", "; LogSigmoid, or a loss: export the scores"},
      {"Abs", "; |x| = relu(x) + relu(-x)"},
      {"ThresholdedRelu", "; not continuous: no theorem speaks of it"},
      {"Hardmax", "; not continuous: no theorem speaks of it"}};
  const auto found = kOrigins.find(op);
  return found == kOrigins.end() ? "" : found->second;
}

View Importer::function(const onnx::Node& node) {
  using K = ActivationKind;
  const std::string& op = node.op;
  static const std::map<std::string, K> kPlain{{"Relu", K::relu}, {"Sigmoid", K::sigmoid},
                                               {"Tanh", K::tanh}, {"Softplus", K::softplus},
                                               {"Mish", K::mish}, {"Softsign", K::softsign}};
  if (const auto found = kPlain.find(op); found != kPlain.end())
    return activation(node, found->second, features(node, 0));
  if (op == "LeakyRelu") return leaky(node, exactly(number_or(node, "alpha", static_cast<double>(0.01F))));
  if (op == "PRelu") {
    const std::vector<double> slopes = constant(node, 1, "slope").doubles();
    if (constant(node, 1, "slope").shape.size() > features(node, 0).dims.size() + 1)
      refuse("a slope of more dimensions than the values");
    if (slopes.empty() || std::any_of(slopes.begin(), slopes.end(), [&](double s) { return s != slopes[0]; }))
      refuse("several slopes; one is expected");
    return leaky(node, exactly(slopes[0]));
  }
  if (op == "Max" || op == "Min") return extremum(node);
  if (op == "Celu") {  // alpha elu(x / alpha)
    const Rational alpha = exactly(number_or(node, "alpha", 1));
    if (alpha <= 0) refuse("an alpha that is not positive");
    const View x = features(node, 0);
    if (alpha == 1) return activation(node, K::elu, x);
    const std::string name = name_of(node);
    return affine(
        name, add(name + ".elu", ActivationSpec{{K::elu, 1}}, {affine(name + ".in", x, {Rational(1 / alpha)}, {0})}),
        {alpha}, {0});
  }
  if (op == "Elu") return elu(node, features(node, 0), exactly(number_or(node, "alpha", 1)), 1);
  if (op == "Selu") {
    return elu(node, features(node, 0),
               exactly(number_or(node, "alpha", static_cast<double>(1.67326319217681884765625F))),
               exactly(number_or(node, "gamma", static_cast<double>(1.05070102214813232421875F))));
  }
  if (op == "HardSigmoid") {
    const View x =
        affine(name_of(node) + ".line", features(node, 0),
               {exactly(number_or(node, "alpha", static_cast<double>(0.2F)))}, {exactly(number_or(node, "beta", 0.5))});
    const View y = clip(node, x, Rational(0), Rational(1));
    if (std::abs(number_or(node, "alpha", 0.2) - 1.0 / 6) < 1e-8 && number_or(node, "beta", 0.5) == 0.5)
      gates_.insert({y.node, {below(x.node), 1}});
    return y;
  }
  if (op == "HardSwish") return activation(node, K::hard_swish, features(node, 0));
  if (op == "Clip") {
    const auto bound = [&](std::size_t k, const char* name) -> std::optional<Rational> {
      std::optional<double> v;
      if (const Array* given = constant_if(node, k); given != nullptr && given->size() == 1) v = given->doubles()[0];
      const auto found = node.attributes.find(name);
      if (found != node.attributes.end() && found->second.number) v = found->second.number;
      if (k < node.inputs.size() && !node.inputs[k].empty() && !v) refuse("bounds that are no constants");
      if (!v) return std::nullopt;
      const bool least = k == 1;
      if (least ? *v < -3e38 : *v > 3e38) return std::nullopt;
      if (!(std::abs(*v) <= 3e38)) refuse("a bound that is infinite on the other side, or no number");
      return exactly(*v);
    };
    const View x = features(node, 0);
    const auto low = bound(1, "min"), high = bound(2, "max");
    const View y = clip(node, x, low, high);
    const Activation* f = function_at(x);
    const bool from_zero = low ? *low == 0 : f != nullptr && f->kind == K::relu;
    if (const auto base = three_less(x); base && from_zero && high && *high == 6) gates_.insert({y.node, {*base, 6}});
    return y;
  }
  if (op == "Gelu") {
    if (text_or(node, "approximate", "none") != "none") refuse("the approximation of gelu by tanh is another function");
    return activation(node, K::gelu, features(node, 0));
  }
  refuse(std::string("no such operator here") + origin_of(op));
}

View Importer::extremum(const onnx::Node& node) {
  if (node.inputs.size() != 2) refuse("of two values is expected");
  const bool greater = node.op == "Max";
  for (const std::size_t k : {0U, 1U}) {
    if (const Array* bound = constant_if(node, k); bound != nullptr && bound->size() == 1) {
      const View x = features(node, 1 - k);
      if (bound->shape.size() > x.dims.size() + 1 || !std::isfinite(bound->doubles()[0]))
        refuse("a bound of more dimensions than the values, or one that is infinite");
      const Rational v = exactly(bound->doubles()[0]);
      return greater ? clip(node, x, v, std::nullopt) : clip(node, x, std::nullopt, v);
    }
  }
  const View a = features(node, 0), b = features(node, 1);
  if (!same_order(a, b)) refuse("values of two shapes, or in two orders");
  for (const auto& [x, y] : {std::pair(a, b), std::pair(b, a)}) {  // leaky relu
    const auto* norm = std::get_if<BatchNormSpec>(&net_->node(y.node).spec);
    const auto* scale = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->scale);
    const auto* shift = norm == nullptr ? nullptr : std::get_if<FillTensor>(&norm->shift);
    if (scale == nullptr || shift == nullptr || shift->value != 0 || below(y.node) != x.node || scale->value == 0)
      continue;
    if (greater ? scale->value <= 1 : scale->value >= 1)
      return activation(node, ActivationKind::leaky_relu, x, scale->value);
  }
  // max(a, b) = b + relu(a - b), min(a, b) = b - relu(b - a)
  const std::string name = name_of(node);
  note(fmt::format("{}: written with a relu of the difference", name));
  const auto minus = [&](const std::string& which, const View& v) { return affine(name + which, v, {-1}, {0}); };
  const View difference = greater ? add(name + ".difference", SumSpec{}, {a, minus(".minus", b)})
                                  : add(name + ".difference", SumSpec{}, {b, minus(".minus", a)});
  const View more = add(name + ".relu", ActivationSpec{{ActivationKind::relu, 1}}, {difference});
  return add(name, SumSpec{}, {b, greater ? more : minus(".less", more)});
}

View Importer::leaky(const onnx::Node& node, const Rational& slope) {
  note(fmt::format("{}: the slope is {}, as the file has it", name_of(node), to_string(slope)));
  return activation(node, ActivationKind::leaky_relu, features(node, 0), slope);
}

}  // namespace widecert::onnx_import
