// Convolutions, matrices, norms, pools, padding, concatenations.
#include <widecert/import/onnx_importer.h>
#include <cmath>
#include <numeric>

namespace widecert::onnx_import {

Padding Importer::padding_of(const onnx::Node& node, const View& x, WindowSpec& window, std::size_t rank) const {
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

WindowSpec Importer::window_of(const onnx::Node& node, const std::vector<std::int64_t>& size) {
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

void Importer::check_size(const View& x, const WindowSpec& window, std::size_t filters) const {
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

View Importer::conv(const onnx::Node& node) {
  const View x = padded_features(node, 0);
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

View Importer::unpad(const View& v) const {
  const auto found = unpadded_.find(v.node);
  return found == unpadded_.end() ? v : View{found->second, v.dims};
}

void Importer::set_parameters(const View& y, const Array& weights, const Layout& layout, const Array* bias) {
  const std::string& name = net_->node(y.node).name;
  NodeTensors& tensors = parameters_[name];
  tensors.weights = arrays_.add(name + ".weight", weights, layout);
  if (bias == nullptr) return;
  Array flat = *bias;
  flat.shape = {bias->size()};
  tensors.bias = arrays_.add(name + ".bias", flat, {});
}

const onnx::Node* Importer::bias_after(const std::string& name, std::size_t neurons) const {
  const auto found = readers_.find(name);
  if (found == readers_.end() || found->second.size() != 1 || name == wanted_output()) return nullptr;
  const onnx::Node* next = found->second[0];
  if (next->op != "Add" || next->inputs.size() != 2) return nullptr;
  const std::string& other = next->inputs[0] == name ? next->inputs[1] : next->inputs[0];
  const auto value = values_.find(other);
  if (value == values_.end() || !std::holds_alternative<Array>(value->second)) return nullptr;
  const Array& array = std::get<Array>(value->second);
  return array.size() == neurons && !array.shape.empty() && array.shape.size() <= 2 && array.shape.back() == neurons
             ? next
             : nullptr;
}

Array Importer::scaled(Array array, double factor) {
  if (factor == 1) return array;
  auto values = array.doubles();
  const bool short_ones = array.type != "float64" && static_cast<double>(static_cast<float>(factor)) == factor;
  int exponent = 0;
  if (!short_ones && std::frexp(std::abs(factor), &exponent) != 0.5)
    refuse("alpha or beta other than a power of 2, in float64");
  for (double& v : values) v *= factor;
  return {array.shape, "float64", values};
}

View Importer::dense(const onnx::Node& node) {
  const View x = features(node, 0);
  Array weights = constant(node, 1, "weight");
  const bool gemm = node.op == "Gemm";
  if (weights.shape.size() != 2) refuse("its weight is no matrix");
  if (gemm && integer_or(node, "transA", 0) != 0) refuse("transA: samples are columns");
  if (x.dims.size() != 1)
    refuse(
        "applied to each place of an image or sequence (Linear on the last dimension); a convolution of size 1 does "
        "the same");
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

View Importer::batch_norm(const onnx::Node& node) {
  const View x = features(node, 0);
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

View Importer::concat(const onnx::Node& node) {
  std::vector<View> parts;
  for (std::size_t k = 0; k < node.inputs.size(); ++k) parts.push_back(features(node, k));
  const auto rank = static_cast<std::int64_t>(parts[0].dims.size()) + 1;
  std::int64_t axis = integer_or(node, "axis", 1);
  if (axis < 0) axis += rank;
  if (std::all_of(parts.begin(), parts.end(), [](const View& v) { return v.dims.size() == 1; }))
    for (View& part : parts) part = as_row(node, part);
  const bool rows = std::all_of(parts.begin(), parts.end(),
                                [&](const View& v) { return v.dims.size() == 1 && shape(v).size() == 1; });
  const bool images = std::all_of(parts.begin(), parts.end(), [&](const View& v) { return channels_first(v); });
  if (axis != 1 || !(rows || images)) refuse("other than along the channels");
  View y = add(name_of(node), ConcatSpec{}, parts);
  y.dims = first_channels(shape(y).size());
  return y;
}

View Importer::pool(const onnx::Node& node) {
  const bool average = node.op == "AveragePool";
  const View x = average ? padded_features(node, 0) : features(node, 0);
  if (!channels_first(x)) refuse("its input has not the channels before the places");
  if (integer_or(node, "storage_order", 0) != 0) refuse("storage_order 1");
  PoolSpec spec;
  spec.kind = average ? PoolSpec::Kind::average : PoolSpec::Kind::max;
  const std::vector<std::int64_t> size = integers_or(node, "kernel_shape", {});
  WindowSpec window = window_of(node, size);
  if (shape(x).size() != size.size() + 1) refuse("a window of another number of dimensions");
  window.padding = padding_of(node, x, window, size.size());
  const bool all_count = integer_or(node, "count_include_pad", 0) != 0;
  // The pads of the pool itself, without zeros that were added before it: before and after each place.
  std::vector<std::size_t> own;
  const auto before = pads_.find(x.node);
  for (std::size_t k = 0; k < 2 * size.size(); ++k)
    own.push_back(window.padding.amount[size.size() == 2 ? k : 2 * k + 1] -
                  (before == pads_.end() ? 0 : before->second[k]));
  if (integer_or(node, "ceil_mode", 0) != 0) {
    for (std::size_t k = 0; k < size.size(); ++k) {
      const std::size_t axis = 2 - size.size() + k, sides = size.size() == 2 ? k : 1;
      std::size_t &front = window.padding.amount[sides], &back = window.padding.amount[sides + 2];
      const std::size_t span = shape(x)[k] + front + back, reach = window.dilation[axis] * (window.size[axis] - 1) + 1;
      if (span < reach) continue;
      const std::size_t over = (span - reach) % window.stride[axis], more = over == 0 ? 0 : window.stride[axis] - over;
      if (more == 0) continue;
      // The last window, beyond the image in part. Runtimes differ where it begins beyond, and in what it counts.
      if (span + more - reach >= shape(x)[k] + front)
        refuse("ceil_mode 1, where the last window begins beyond the image");
      if (average && all_count) refuse("ceil_mode 1, where a window that counts its padding reaches beyond it");
      window.padding.kind = Padding::Kind::given;
      back += more;
      own[size.size() + k] += more;
    }
  }
  check_size(x, window, channels(x));
  spec.form = window;
  View y = add(name_of(node), spec, {unpad(x)});
  y.dims = first_channels(shape(y).size());
  const bool any = std::any_of(own.begin(), own.end(), [](std::size_t p) { return p != 0; });
  return average && any && !all_count ? average_within(node, y, x, window, own) : y;
}

View Importer::average_within(const onnx::Node& node, const View& y, const View& x, const WindowSpec& window,
                              const std::vector<std::size_t>& own) {
  const std::size_t rank = own.size() / 2;
  std::vector<std::vector<long>> inside(2, std::vector<long>{1});  // for each row and column of y
  for (std::size_t k = 0; k < rank; ++k) {
    const std::size_t axis = 2 - rank + k, side = rank == 2 ? k : 1;
    auto& counts = inside[axis];
    counts.clear();
    const auto all =
        static_cast<std::int64_t>(shape(x)[k] + window.padding.amount[side] + window.padding.amount[side + 2]);
    const auto front = static_cast<std::int64_t>(own[k]), back = all - static_cast<std::int64_t>(own[rank + k]),
               step = static_cast<std::int64_t>(window.dilation[axis]);
    for (std::size_t p = 0; p < shape(y)[k]; ++p) {
      // How many d in [0, size) have front <= p stride + d step < back.
      const auto at = static_cast<std::int64_t>(p * window.stride[axis]);
      const std::int64_t least = at >= front ? 0 : (front - at + step - 1) / step,
                         most = std::min<std::int64_t>(static_cast<std::int64_t>(window.size[axis]) - 1,
                                                       at < back ? (back - 1 - at) / step : -1);
      if (most < least) refuse("a window beyond the image");
      counts.push_back(static_cast<long>(most - least + 1));
    }
  }
  if (net_->node(y.node).width > kMostNumbers) refuse("a number for each of more than 2^22 neurons");
  const auto size = static_cast<long>(window.size[0] * window.size[1]);
  std::vector<Rational> scale;
  for (long row : inside[0])
    for (long column : inside[1])
      for (std::size_t c = 0; c < channels(y); ++c) scale.push_back(Rational(size, row * column));
  note(fmt::format("{}: averages at the border are over fewer values; each place is scaled, exactly", name_of(node)));
  return affine(name_of(node) + ".within", y, scale, {0});
}

View Importer::global_pool(const onnx::Node& node) {
  const View x = features(node, 0);
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
    if (all != places) refuse("a mean over other dimensions than the places (as in LayerNorm)");
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

View Importer::pad(const onnx::Node& node) {
  const View x = features(node, 0);
  if (!channels_first(x) || text_or(node, "mode", "constant") != "constant")
    refuse("other than by zeros around an image");
  std::vector<std::int64_t> pads = integers_or(node, "pads", {});
  if (const Array* given = constant_if(node, 1)) pads = integers_of(*given);
  const Array* value = constant_if(node, 2);
  if (node.inputs.size() > 3 && !node.inputs[3].empty()) refuse("its fourth input says which axes");
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

}  // namespace widecert::onnx_import
