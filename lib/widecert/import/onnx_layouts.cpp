// In which order the entries of values stand: transpositions, flattening, reshaping, and names.
#include <widecert/import/onnx_importer.h>
#include <cctype>
#include <numeric>

namespace widecert::onnx_import {

const Value* Importer::find(const onnx::Node& node, std::size_t k) const {
  if (k >= node.inputs.size() || node.inputs[k].empty()) return nullptr;
  const auto found = values_.find(node.inputs[k]);
  return found == values_.end() ? nullptr : &found->second;
}

View Importer::padded_features(const onnx::Node& node, std::size_t k) const {
  const Value* value = find(node, k);
  if (value == nullptr || !std::holds_alternative<View>(*value)) refuse("its input is no value of the network");
  return std::get<View>(*value);
}

View Importer::features(const onnx::Node& node, std::size_t k) const {
  View v = padded_features(node, k);
  if (pads_.contains(v.node)) refuse("zeros are added before it (Pad), which are taken by convolutions only");
  return v;
}

const Array* Importer::constant_if(const onnx::Node& node, std::size_t k) const {
  const Value* value = find(node, k);
  return value == nullptr ? nullptr : std::get_if<Array>(value);
}

const Array& Importer::constant(const onnx::Node& node, std::size_t k, const char* what) const {
  const Array* array = constant_if(node, k);
  if (array == nullptr) refuse(fmt::format("its {} is no constant", what));
  return *array;
}

std::vector<std::size_t> Importer::extents(const View& v) const {
  std::vector<std::size_t> e;
  for (const auto& axes : v.dims) {
    std::size_t n = 1;
    for (std::size_t a : axes) n *= shape(v)[a];
    e.push_back(n);
  }
  return e;
}

std::vector<std::size_t> Importer::real(const View& v, std::vector<std::size_t> axes) const {
  std::erase_if(axes, [&](std::size_t a) { return shape(v)[a] == 1; });
  return axes;
}

bool Importer::channels_first(const View& v) const {
  const std::size_t rank = shape(v).size();
  if (rank < 2 || v.dims.size() != rank) return false;
  for (std::size_t k = 0; k < rank; ++k) {
    const std::size_t axis = k == 0 ? rank - 1 : k - 1;
    if (real(v, v.dims[k]) != real(v, {axis})) return false;
  }
  return true;
}

std::vector<std::vector<std::size_t>> Importer::first_channels(std::size_t rank) {
  if (rank == 1) return {{0}};
  std::vector<std::vector<std::size_t>> dims{{rank - 1}};
  for (std::size_t a = 0; a + 1 < rank; ++a) dims.push_back({a});
  return dims;
}

std::string Importer::name_of(const onnx::Node& node) const {
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

std::string Importer::clean(const std::string& text) {
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

std::string Importer::unique(const std::string& wanted) {
  std::string name = wanted;
  for (int k = 2; !names_.insert(name).second; ++k) name = fmt::format("{}.{}", wanted, k);
  return name;
}

View Importer::add(const std::string& wanted, NodeSpec spec, const std::vector<View>& from) {
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

TensorSpec Importer::row(const std::vector<Rational>& values) {
  if (values.size() == 1) return FillTensor{values[0]};
  return ExplicitTensor{{values}};
}

View Importer::affine(const std::string& name, const View& x, const std::vector<Rational>& scale,
                      const std::vector<Rational>& shift) {
  return add(name, BatchNormSpec{row(scale), row(shift), std::max(scale.size(), shift.size()) > channels(x)}, {x});
}

Array Importer::constant_of_shape(const onnx::Node& node) const {
  Extents shape;
  for (std::int64_t n : integers_of(constant(node, 0, "shape"))) {
    if (n < 0 || n > (std::int64_t{1} << 20)) refuse("an extent that is negative, open or very large");
    shape.push_back(static_cast<std::size_t>(n));
    if (product(shape) > (std::size_t{1} << 20)) refuse("more than 2^20 numbers");
  }
  const auto value = node.attributes.find("value");
  if (value == node.attributes.end() || !value->second.array)
    return {shape, "float32", std::vector<double>(product(shape), 0)};
  const Array& one = *value->second.array;
  if (one.size() != 1) refuse("its value is not one number");
  if (const auto* v = std::get_if<std::vector<std::int64_t>>(&one.values))
    return {shape, one.type, std::vector<std::int64_t>(product(shape), (*v)[0])};
  return {shape, one.type, std::vector<double>(product(shape), one.doubles()[0])};
}

Array Importer::sliced_constant(const onnx::Node& node, const Array& array) const {
  const auto list = [&](std::size_t k, const char* name) {
    const Array* given = constant_if(node, k);
    return given != nullptr ? integers_of(*given) : integers_or(node, name, {});
  };
  const std::vector<std::int64_t> starts = list(1, "starts"), ends = list(2, "ends");
  std::vector<std::int64_t> axes = list(3, "axes"), steps = list(4, "steps");
  if (axes.empty())
    for (std::size_t k = 0; k < starts.size(); ++k) axes.push_back(static_cast<std::int64_t>(k));
  if (steps.empty()) steps.assign(starts.size(), 1);
  const auto rank = static_cast<std::int64_t>(array.shape.size());
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    refuse("starts, ends, axes and steps of several lengths");
  Array out = array;
  for (std::size_t k = 0; k < starts.size(); ++k) {
    const std::int64_t at = axes[k] < 0 ? axes[k] + rank : axes[k], step = steps[k];
    if (at < 0 || at >= rank || step == 0 || out.shape[static_cast<std::size_t>(at)] == 0)
      refuse("an axis or step that does not fit");
    const auto axis = static_cast<std::size_t>(at);
    const auto n = static_cast<std::int64_t>(out.shape[axis]);
    // As ONNX has it: negative positions count from the end, all are clamped.
    const auto clamped = [&](std::int64_t v, std::int64_t low, std::int64_t high) {
      return std::clamp(v < 0 ? std::max(v, -n - 1) + n : v, low, high);
    };
    const std::int64_t first = step > 0 ? clamped(starts[k], 0, n) : clamped(starts[k], 0, n - 1),
                       end = step > 0 ? clamped(ends[k], 0, n) : clamped(ends[k], -1, n - 1);
    std::vector<std::size_t> kept;
    for (std::int64_t v = first; step > 0 ? v < end : v > end; v += step) {
      kept.push_back(static_cast<std::size_t>(v));
      if (step > n || step < -n) break;
    }
    const Extents after(out.shape.begin() + at + 1, out.shape.end()), before(out.shape.begin(), out.shape.begin() + at);
    const std::size_t inner = product(after), outer = product(before), old = out.shape[axis];
    std::visit(
        [&](auto& values) {
          std::remove_reference_t<decltype(values)> chosen;
          for (std::size_t o = 0; o < outer; ++o)
            for (std::size_t v : kept)
              for (std::size_t i = 0; i < inner; ++i) chosen.push_back(values[(o * old + v) * inner + i]);
          values = std::move(chosen);
        },
        out.values);
    out.shape[axis] = kept.size();
  }
  return out;
}

Array Importer::transposed_constant(const onnx::Node& node, const Array& array) const {
  std::vector<std::size_t> axes;
  for (std::int64_t a : integers_or(node, "perm", {})) axes.push_back(static_cast<std::size_t>(a));
  if (axes.empty())
    for (std::size_t k = array.shape.size(); k-- > 0;) axes.push_back(k);
  NpyArray turned = transposed({array.shape, array.values, {}}, axes, label(node));
  return {turned.shape, array.type, turned.values};
}

Array Importer::reshaped_constant(const onnx::Node& node, const Array& array) const {
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

View Importer::transpose(const onnx::Node& node) const {
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

View Importer::reshape(const onnx::Node& node) {
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
      if (axes.empty() && !graph_.inputs.empty() && graph_.inputs[0].extents.size() > 0 &&
          graph_.inputs[0].extents[0] == std::size_t{1})
        refuse(
            "without axes, of a model for one sample: it would drop the dimension of the samples, too (squeeze(dim))");
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
    if (have != n) return regroup(node, v, to);
  }
  return out;
}

View Importer::regroup(const onnx::Node& node, const View& v, const std::vector<std::size_t>& to) {
  if (to.empty() || to.size() > 3) refuse("values in more than three dimensions");
  std::vector<std::size_t> axes;
  for (const auto& dim : v.dims) axes.insert(axes.end(), dim.begin(), dim.end());
  const std::vector<std::size_t> order = real(v, axes);
  std::vector<std::size_t> last(shape(v).size()), first{shape(v).size() - 1};
  std::iota(last.begin(), last.end(), std::size_t{0});
  first.insert(first.end(), last.begin(), last.end() - 1);
  // The model goes on with the channels last if it turns them to the front itself.
  bool turned = false;
  if (const auto found = readers_.find(node.outputs[0]); found != readers_.end())
    for (const onnx::Node* next : found->second)
      turned = turned || (next->op == "Transpose" && to.size() > 1 &&
                          integers_or(*next, "perm", {0}).back() != static_cast<std::int64_t>(to.size()));
  const bool is_last = order == real(v, last), is_first = order == real(v, first);
  Reshaping spec;
  View out;
  if (is_first && !turned) {
    spec.order = Flattening::channels_first;
    spec.shape.assign(to.begin() + 1, to.end());
    spec.shape.push_back(to[0]);
    out.dims = first_channels(to.size());
  } else if (is_last) {
    spec.order = Flattening::channels_last;
    spec.shape = to;
    for (std::size_t a = 0; a < to.size(); ++a) out.dims.push_back({a});
  } else {
    refuse("an image in another order than channels first or last is dealt out again");
  }
  const auto dims = out.dims;
  out = add(name_of(node), PoolSpec{PoolSpec::Kind::average, spec}, {v});
  out.dims = dims;
  return out;
}

View Importer::as_row(const onnx::Node& node, const View& v) {
  if (v.dims.size() != 1 || shape(v).size() == 1) return v;
  return regroup(node, v, {net_->node(v.node).width});
}

}  // namespace widecert::onnx_import
