#include <widecert/network/architecture.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>
#include <widecert/number/sha256.h>

#include <algorithm>

namespace widecert {
namespace {

// Sizes beyond this are refused: 2^40 neurons, far above any network, far below overflow.
constexpr std::size_t kMaxWidth = std::size_t{1} << 40;

std::size_t checked_product(const Shape& shape) {
  std::size_t n = 1;
  for (std::size_t extent : shape) {
    if (extent == 0) throw ShapeError("a shape with a zero extent: " + describe(shape));
    if (extent > kMaxWidth || n > kMaxWidth / extent) {
      throw ShapeError("a shape with more than 2^40 neurons");
    }
    n *= extent;
  }
  return n;
}

std::size_t channels(const Shape& shape) { return shape.back(); }

WindowGeometry geometry(const WindowSpec& window, const Shape& input, std::size_t groups) {
  const std::size_t expected = window.dimensions == 1 ? 2 : 3;
  if (input.size() != expected) {
    throw ShapeError(std::string("expected an input of shape ") +
                     (expected == 2 ? "[length, channels]" : "[height, width, channels]") + ", found " +
                     describe(input));
  }
  WindowGeometry g;
  g.height = expected == 2 ? 1 : input[0];
  g.width = input[expected - 2];
  g.channels = input[expected - 1];
  g.groups = groups;
  g.size = window.size;
  g.stride = window.stride;
  g.dilation = window.dilation;
  for (int d = 0; d < 2; ++d) {
    if (g.size[d] == 0 || g.stride[d] == 0 || g.dilation[d] == 0) {
      throw ShapeError("size, stride and dilation must be positive");
    }
    if (std::max({g.size[d], g.stride[d], g.dilation[d]}) > 1'000'000) {
      throw ShapeError("size, stride and dilation must be at most 1,000,000");
    }
  }
  if (window.padding.kind == Padding::Kind::same) g.pad_same();
  if (window.padding.kind == Padding::Kind::given) g.padding = window.padding.amount;
  return g;
}

Shape window_shape(const WindowGeometry& g, int dimensions, std::size_t out_channels) {
  if (dimensions == 1) return {g.output_width(), out_channels};
  return {g.output_height(), g.output_width(), out_channels};
}

void infer_linear(Node& node, const LinearSpec& linear, const Node& input) {
  std::visit(overloaded{[&](const ConvSpec& conv) {
                          const WindowGeometry g = geometry(conv.window, input.shape, conv.groups);
                          node.patches = PatchLayout::window(g);
                          if (conv.filters == 0 || conv.filters % conv.groups != 0) {
                            throw ShapeError(std::to_string(conv.filters) +
                                             " filters: expected a positive multiple of the " +
                                             std::to_string(conv.groups) + " group(s)");
                          }
                          node.filters = conv.filters / conv.groups;
                          node.shape = window_shape(g, conv.window.dimensions, conv.filters);
                        },
                        [&](const DenseSpec& dense) {
                          if (dense.filters == 0) throw ShapeError("a dense layer with 0 neurons");
                          node.patches = PatchLayout::full(input.width);
                          node.filters = dense.filters;
                          node.shape = {dense.filters};
                        },
                        [&](const PatchListSpec& list) {
                          if (list.filters == 0) throw ShapeError("0 filters; expected at least one");
                          node.patches = PatchLayout::from_list(input.width, list.patches);
                          node.filters = list.filters;
                          node.shape = {node.patches->count(), list.filters};
                        }},
             linear.form);
}

// Neuron k in that order is neuron entry_order()[k].
std::vector<std::size_t> entry_order(const Shape& shape, Flattening order) {
  const std::size_t last = order == Flattening::channels_first ? shape.back() : 1, places = product(shape) / last;
  std::vector<std::size_t> entries;
  for (std::size_t c = 0; c < last; ++c)
    for (std::size_t p = 0; p < places; ++p) entries.push_back(p * last + c);
  return entries;
}

void infer_reshaping(Node& node, const Reshaping& to, const Node& input) {
  if (to.shape.empty() || to.shape.size() > 3) throw ShapeError("a shape of one to three extents is expected");
  if (checked_product(to.shape) != input.width)
    throw ShapeError("a reshape of " + describe(input.shape) + " to " + describe(to.shape) +
                     ": the numbers of neurons differ");
  const std::vector<std::size_t> from = entry_order(input.shape, to.order), into = entry_order(to.shape, to.order);
  std::vector<Patch> single(from.size());
  for (std::size_t k = 0; k < from.size(); ++k) single[into[k]].entries = {static_cast<std::int64_t>(from[k])};
  node.patches = PatchLayout::from_list(input.width, std::move(single));
  node.shape = to.shape;
}

void infer_pool(Node& node, const PoolSpec& pool, const Node& input) {
  if (const auto* to = std::get_if<Reshaping>(&pool.form)) return infer_reshaping(node, *to, input);
  if (const auto* patches = std::get_if<std::vector<Patch>>(&pool.form)) {
    node.patches = PatchLayout::from_list(input.width, *patches);
    node.shape = {node.patches->count()};
    return;
  }
  const auto& window = std::get<WindowSpec>(pool.form);
  const WindowGeometry g = geometry(window, input.shape, channels(input.shape));
  for (int d = 0; d < 2; ++d) {
    if (std::max(g.padding[d], g.padding[d + 2]) >= (g.size[d] - 1) * g.dilation[d] + 1) {
      throw ShapeError("padding as large as the window: a pool would see padding only");
    }
  }
  node.patches = PatchLayout::window(g);
  node.shape = window_shape(g, window.dimensions, g.channels);
}

// Those positions, so many of them, whose hashes are smallest.
std::vector<bool> seeded_choice(const std::string& name, std::size_t all, std::size_t count, std::uint64_t seed) {
  std::vector<std::pair<std::uint64_t, std::size_t>> hashes;
  const std::string prefix = "widecert/1/select/" + std::to_string(seed) + "/" + name + "/";
  for (std::size_t i = 0; i < all; ++i) {
    std::string message = prefix;
    for (int b = 7; b >= 0; --b) message += static_cast<char>(static_cast<std::uint64_t>(i) >> 8 * b & 0xff);
    Sha256 hash;
    hash.update(message);
    const auto digest = hash.finish();
    std::uint64_t word = 0;
    for (std::size_t b = 0; b < 8; ++b) word = word << 8 | digest[b];
    hashes.emplace_back(word, i);
  }
  std::sort(hashes.begin(), hashes.end());
  std::vector<bool> taken(all);
  for (std::size_t k = 0; k < count; ++k) taken[hashes[k].second] = true;
  return taken;
}

void infer_concat(Node& node, const std::vector<const Node*>& inputs) {
  node.shape = inputs.front()->shape;
  node.shape.back() = 0;
  for (const Node* input : inputs) {
    Shape rest = input->shape;
    if (rest.size() != node.shape.size() || !std::equal(rest.begin(), rest.end() - 1, node.shape.begin())) {
      throw ShapeError("concatenation of " + describe(inputs.front()->shape) + " and " + describe(rest) +
                       ": all extents but the last must agree");
    }
    node.channels.push_back(rest.back());
    node.before.push_back(node.shape.back());
    node.shape.back() += rest.back();
  }
}

void infer_select(Node& node, const SelectSpec& select, const std::vector<const Node*>& inputs) {
  std::size_t all = 0;
  for (const Node* input : inputs) {
    node.selected.emplace_back(input->width, Node::kNowhere);
    all += input->width;
  }
  std::size_t count = select.take.size();
  if (select.seeded) {
    count = select.seeded->first;
    if (count > all)
      throw ShapeError("a choice of " + std::to_string(count) + " among " + std::to_string(all) + " neurons");
    const std::vector<bool> taken = seeded_choice(node.name, all, count, select.seeded->second);
    std::size_t i = 0, place = 0;
    for (auto& entries : node.selected)
      for (std::size_t& to : entries)
        if (taken[i++]) to = place++;
  }
  for (std::size_t k = 0; k < select.take.size(); ++k) {
    const auto& [n, h] = select.take[k];
    const std::string words = "entry " + std::to_string(h) + " of input " + std::to_string(n);
    if (n >= inputs.size() || h >= inputs[n]->width) throw ShapeError("there is no " + words + ", counted from 0");
    if (node.selected[n][h] != Node::kNowhere) throw ShapeError(words + " is taken twice");
    node.selected[n][h] = k;
  }
  if (count == 0) throw ShapeError("a selection of no neurons");
  node.shape = {count};
}

bool good_name(const std::string& name) {
  return !name.empty() && name.size() <= 100 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
             std::string::npos;
}

}  // namespace

const char* bias_name(BiasMode mode) {
  switch (mode) {
    case BiasMode::none:
      return "none";
    case BiasMode::channel:
      return "channel";
    case BiasMode::neuron:
      return "neuron";
  }
  throw InternalError("unknown bias mode");
}

std::optional<BiasMode> bias_by_name(const std::string& name) {
  for (BiasMode mode : {BiasMode::none, BiasMode::channel, BiasMode::neuron})
    if (name == bias_name(mode)) return mode;
  return std::nullopt;
}

Architecture::Architecture(std::string input_name, Shape input_shape) {
  if (input_shape.empty() || input_shape.size() > 3) {
    throw ShapeError("the input shape must be [n], [length, channels] or [height, width, channels]");
  }
  if (!good_name(input_name)) throw ShapeError("bad name of the input node");
  Node node;
  node.name = input_name;
  node.spec = InputSpec{input_shape};
  node.width = checked_product(input_shape);
  node.shape = std::move(input_shape);
  nodes_.push_back(std::move(node));
  by_name_[input_name] = 0;
}

void Architecture::add(std::string name, NodeSpec spec, const std::vector<std::string>& inputs) {
  const std::string where = "layer \"" + name + "\": ";
  if (!good_name(name)) {
    throw ShapeError(where + "a name has 1 to 100 letters, digits, '_', '.', '-'");
  }
  if (by_name_.count(name) != 0) throw ShapeError(where + "this name is taken");
  Node node;
  node.name = name;
  node.spec = std::move(spec);
  std::vector<const Node*> from;
  for (const std::string& input : inputs) {
    const auto found = by_name_.find(input);
    if (found == by_name_.end()) {
      throw ShapeError(where + "its input \"" + input + "\" is not an earlier layer");
    }
    node.inputs.push_back(found->second);
    from.push_back(&nodes_[found->second]);
  }
  const bool joins = std::holds_alternative<SumSpec>(node.spec) || std::holds_alternative<ConcatSpec>(node.spec);
  const bool selects = std::holds_alternative<SelectSpec>(node.spec);
  if (selects ? from.empty() : joins ? from.size() < 2 : from.size() != 1) {
    throw ShapeError(where + (joins ? "a sum or concatenation takes two or more inputs" : "expected one input") +
                     ", found " + std::to_string(from.size()));
  }
  try {
    std::visit(
        overloaded{[&](const InputSpec&) { throw ShapeError("a second input node"); },
                   [&](const LinearSpec& linear) { infer_linear(node, linear, *from[0]); },
                   [&](const ActivationSpec& activation) {
                     const Activation& f = activation.function;
                     if (f.kind == ActivationKind::leaky_relu && f.parameter == 0) {
                       throw ShapeError("leaky-relu with slope 0; use relu");
                     }
                     if (f.kind == ActivationKind::softplus && f.parameter <= 0) {
                       throw ShapeError("softplus needs a positive sharpness");
                     }
                     node.shape = from[0]->shape;
                   },
                   [&](const PoolSpec& pool) { infer_pool(node, pool, *from[0]); },
                   [&](const SumSpec&) {
                     for (const Node* input : from) {
                       if (input->shape != from[0]->shape) {
                         throw ShapeError("a sum of " + describe(from[0]->shape) + " and " + describe(input->shape));
                       }
                     }
                     node.shape = from[0]->shape;
                   },
                   [&](const ConcatSpec&) { infer_concat(node, from); },
                   [&](const SelectSpec& select) { infer_select(node, select, from); },
                   [&](const BatchNormSpec&) { node.shape = from[0]->shape; }},
        node.spec);
    node.width = checked_product(node.shape);
    if (const auto* norm = std::get_if<BatchNormSpec>(&node.spec)) {
      const TensorShape row{norm->each_neuron ? node.width : channels(node.shape)};
      expand(norm->scale, row, "scale");
      expand(norm->shift, row, "shift");
    }
  } catch (const ShapeError& error) {
    throw ShapeError(where + error.what());
  }
  by_name_[name] = nodes_.size();
  nodes_.push_back(std::move(node));
  if (const auto* linear = std::get_if<LinearSpec>(&nodes_.back().spec)) {
    const std::size_t index = nodes_.size() - 1;
    if (linear->frozen_weights) {
      expand(*linear->frozen_weights, weights_shape(index), where + "frozen weights");
    }
    if (linear->frozen_bias) {
      expand(*linear->frozen_bias, bias_shape(index), where + "frozen bias");
    }
  }
}

std::size_t Architecture::index_of(const std::string& name, const std::string& place) const {
  const auto found = by_name_.find(name);
  if (found != by_name_.end()) return found->second;
  std::string known;
  for (const Node& node : nodes_) known += (known.empty() ? "" : ", ") + node.name;
  throw InputError((place.empty() ? "" : place + ": ") + "there is no layer \"" + name +
                   "\"; the layers are: " + known);
}

TensorShape Architecture::weights_shape(std::size_t index) const {
  const Node& node = nodes_[index];
  check(std::holds_alternative<LinearSpec>(node.spec), "weights of a linear node");
  if (node.patches->banks() * node.filters > kMaxTensorEntries) {
    throw ShapeError("layer \"" + node.name + "\" has " + std::to_string(node.patches->banks() * node.filters) +
                     " filters; at most 2^27 are held in memory");
  }
  std::vector<std::size_t> lengths;
  for (std::size_t bank = 0; bank < node.patches->banks(); ++bank)
    lengths.insert(lengths.end(), node.filters, node.patches->length(bank));
  const Shape& below = nodes_[node.inputs[0]].shape;
  Shape image =
      std::visit(overloaded{[&](const ConvSpec& conv) {
                              Shape window{conv.window.size[1], channels(below) / conv.groups};
                              if (conv.window.dimensions == 2) window.insert(window.begin(), conv.window.size[0]);
                              return window;
                            },
                            [&](const DenseSpec&) { return below; }, [&](const PatchListSpec&) { return Shape{}; }},
                 std::get<LinearSpec>(node.spec).form);
  return {std::move(lengths), std::move(image)};
}

TensorShape Architecture::norm_shape(std::size_t index) const {
  const Node& node = nodes_[index];
  return {std::get<BatchNormSpec>(node.spec).each_neuron ? node.width : channels(node.shape)};
}

TensorShape Architecture::bias_shape(std::size_t index) const {
  const Node& node = nodes_[index];
  const auto& linear = std::get<LinearSpec>(node.spec);
  switch (linear.bias) {
    case BiasMode::none:
      return {};
    case BiasMode::channel:
      return {node.patches->banks() * node.filters};
    case BiasMode::neuron:
      return {{node.width}, node.shape};
  }
  throw InternalError("unknown bias mode");
}

std::size_t Architecture::filter_index(std::size_t index, std::size_t neuron) const {
  const Node& node = nodes_[index];
  return node.patches->bank(neuron / node.filters) * node.filters + neuron % node.filters;
}

bool Architecture::is_dense(std::size_t index) const {
  const Node& node = nodes_[index];
  if (!std::holds_alternative<LinearSpec>(node.spec) || node.patches->count() != 1) return false;
  const std::vector<std::int64_t> patch = node.patches->entries(0);
  if (patch.size() != node.patches->inputs()) return false;
  for (std::size_t k = 0; k < patch.size(); ++k)
    if (patch[k] != static_cast<std::int64_t>(k)) return false;
  return true;
}

std::size_t Architecture::bias_index(std::size_t index, std::size_t neuron) const {
  const auto& linear = std::get<LinearSpec>(nodes_[index].spec);
  return linear.bias == BiasMode::neuron ? neuron : filter_index(index, neuron);
}

std::vector<std::size_t> Architecture::ancestors(std::size_t target) const {
  std::vector<bool> needed(nodes_.size(), false);
  needed[target] = true;
  std::vector<std::size_t> order;
  for (std::size_t i = target + 1; i-- > 0;) {
    if (!needed[i]) continue;
    order.push_back(i);
    for (std::size_t input : nodes_[i].inputs) needed[input] = true;
  }
  std::reverse(order.begin(), order.end());
  return order;
}

Chain Architecture::paper_chain(std::size_t target) const {
  Chain chain;
  for (const std::size_t i : ancestors(target)) {
    if (i == 0) continue;
    const Node& node = nodes_[i];
    const auto broken = [&](const std::string& why) { return Chain{{}, "layer \"" + node.name + "\" " + why}; };
    const std::size_t below = chain.layers.empty() ? 0 : chain.layers.back().output();
    if (node.inputs != std::vector<std::size_t>{below}) {
      return broken("does not follow the layer before it: the architecture is not a chain");
    }
    if (std::holds_alternative<LinearSpec>(node.spec)) {
      chain.layers.push_back({i, std::nullopt});
    } else if (const auto* pool = std::get_if<PoolSpec>(&node.spec)) {
      if (pool->reshapes()) return broken("is a reshape");
      if (pool->kind != PoolSpec::Kind::max) return broken("is average pooling");
      chain.layers.push_back({i, std::nullopt});
    } else if (std::holds_alternative<ActivationSpec>(node.spec)) {
      if (!std::holds_alternative<LinearSpec>(nodes_[below].spec)) {
        return broken("is an activation that does not follow a linear layer");
      }
      chain.layers.back().activation = i;
    } else {
      return broken("is neither linear, nor an activation, nor max pooling");
    }
  }
  return chain;
}

namespace {

std::string describe_window(const WindowSpec& window) {
  const bool flat = window.dimensions == 1;
  const auto pair = [&](const std::array<std::size_t, 2>& a) {
    return flat ? std::to_string(a[1]) : std::to_string(a[0]) + "x" + std::to_string(a[1]);
  };
  std::string text = pair(window.size);
  if (window.stride != std::array<std::size_t, 2>{1, 1}) text += ", stride " + pair(window.stride);
  if (window.dilation != std::array<std::size_t, 2>{1, 1}) {
    text += ", dilation " + pair(window.dilation);
  }
  if (window.padding.kind == Padding::Kind::same) text += ", same padding";
  if (window.padding.kind == Padding::Kind::given) text += ", zero padding";
  return text;
}

std::string describe_linear(const LinearSpec& linear, const Node& node) {
  std::string text = std::visit(
      overloaded{[&](const ConvSpec& conv) {
                   return "convolution " + describe_window(conv.window) + ", " + std::to_string(conv.filters) +
                          " filters" + (conv.groups == 1 ? "" : ", " + std::to_string(conv.groups) + " groups");
                 },
                 [&](const DenseSpec&) { return std::string("dense"); },
                 [&](const PatchListSpec& list) {
                   return std::to_string(node.patches->count()) + " patches, " + std::to_string(list.filters) +
                          " filter(s)";
                 }},
      linear.form);
  switch (linear.bias) {
    case BiasMode::none:
      return text + ", no bias";
    case BiasMode::channel:
      return text + ", a bias per channel";
    case BiasMode::neuron:
      return text + ", a bias per neuron";
  }
  return text;
}

}  // namespace

std::string describe(const Node& node) {
  return std::visit(
      overloaded{[&](const InputSpec&) { return std::string("input"); },
                 [&](const LinearSpec& linear) { return describe_linear(linear, node); },
                 [&](const ActivationSpec& a) { return widecert::describe(a.function); },
                 [&](const PoolSpec& pool) {
                   if (const auto* to = std::get_if<Reshaping>(&pool.form))
                     return "reshape, " + std::string(flattening_name(to->order));
                   std::string text = pool.kind == PoolSpec::Kind::max ? "max pooling" : "average pooling";
                   if (const auto* window = std::get_if<WindowSpec>(&pool.form)) {
                     text += ' ';
                     text += describe_window(*window);
                   }
                   return text;
                 },
                 [&](const SumSpec&) { return std::string("sum"); },
                 [&](const ConcatSpec&) { return std::string("concatenation"); },
                 [&](const SelectSpec& select) {
                   return "selection of " + std::to_string(node.width) + " neurons" +
                          (select.seeded ? ", seed " + std::to_string(select.seeded->second) : std::string());
                 },
                 [&](const BatchNormSpec& norm) {
                   return std::string(norm.each_neuron ? "scale and shift of each neuron" : "batch norm (inference)");
                 }},
      node.spec);
}

}  // namespace widecert
