#include "network.h"

#include <algorithm>
#include <set>

#include "npy.h"
#include "seeded.h"
#include "verdict.h"

namespace widecheck {
namespace {

// What a claim may ask the checker to hold in memory at once.
constexpr std::size_t kMaxEntries = std::size_t{1} << 27;

std::size_t checked_product(const std::vector<std::size_t>& factors, const std::string& place) {
  std::size_t product = 1;
  for (std::size_t f : factors) {
    if (f == 0 || f > kMaxEntries / product) {
      throw Malformed("shape", place + ": an extent of 0, or more than 2^27 numbers");
    }
    product *= f;
  }
  return product;
}

// ---- windows ----

struct Window {
  std::size_t size[2], stride[2], dilation[2], before[2], after[2], extent[2], count[2];
  std::size_t channels;
};

void read_pair(Value& node, const char* key, int dimensions, std::size_t out[2]) {
  constexpr std::uint64_t kMost = 1'000'000;
  const Value json = node.at(key);
  if (dimensions == 1) {
    out[0] = 1;
    out[1] = json.number(kMost);
  } else {
    const auto list = json.list();
    if (list.size() != 2) json.bad("[height, width]");
    out[0] = list[0].number(kMost);
    out[1] = list[1].number(kMost);
  }
  if (out[0] == 0 || out[1] == 0) json.bad("positive numbers");
}

Window read_window(Value& node, int dimensions, const std::vector<std::size_t>& shape,
                   bool stride_is_size) {
  if (shape.size() != static_cast<std::size_t>(dimensions) + 1) {
    throw Malformed("shape", node.place() + ": the window does not fit the shape of its input");
  }
  Window w{};
  w.extent[0] = dimensions == 1 ? 1 : shape[0];
  w.extent[1] = shape[shape.size() - 2];
  w.channels = shape.back();
  read_pair(node, "size", dimensions, w.size);
  for (int d = 0; d < 2; ++d) {
    w.stride[d] = stride_is_size ? w.size[d] : 1;
    w.dilation[d] = 1;
  }
  if (node.has("stride")) read_pair(node, "stride", dimensions, w.stride);
  if (node.has("dilation")) read_pair(node, "dilation", dimensions, w.dilation);
  if (node.has("padding")) {
    const Value padding = node.at("padding");
    if (padding.is_list()) {
      const auto list = padding.list();
      if (list.size() != static_cast<std::size_t>(2 * dimensions))
        padding.bad("2 numbers a dimension");
      for (std::size_t k = 0; k < list.size(); ++k) {
        const std::size_t amount = list[k].number(1'000'000);
        const std::size_t d = dimensions == 1 ? 1 : k % 2;
        (k < list.size() / 2 ? w.before : w.after)[d] = amount;
      }
    } else if (padding.text() == "same") {
      for (int d = 0; d < 2; ++d) {
        const std::size_t outputs = (w.extent[d] + w.stride[d] - 1) / w.stride[d];
        const std::size_t reach = (outputs - 1) * w.stride[d] + (w.size[d] - 1) * w.dilation[d] + 1;
        const std::size_t total = reach > w.extent[d] ? reach - w.extent[d] : 0;
        w.before[d] = total / 2;
        w.after[d] = total - total / 2;
      }
    } else if (padding.text() != "valid") {
      padding.bad("\"valid\", \"same\" or a list");
    }
  }
  for (int d = 0; d < 2; ++d) {
    const std::size_t reach = (w.size[d] - 1) * w.dilation[d] + 1;
    const std::size_t padded = w.extent[d] + w.before[d] + w.after[d];
    if (padded < reach) throw Malformed("shape", node.place() + ": the window does not fit");
    w.count[d] = (padded - reach) / w.stride[d] + 1;
  }
  return w;
}

// Patches run (y, x, group); entries run (dy, dx, channel of the group).
Patches expand_window(const Window& w, std::size_t groups, const std::string& place) {
  if (groups == 0 || w.channels % groups != 0) {
    throw Malformed("shape", place + ": the groups do not divide the channels");
  }
  const std::size_t per_group = w.channels / groups;
  checked_product({w.count[0], w.count[1], groups, w.size[0], w.size[1], per_group}, place);
  Patches patches;
  patches.banks = groups;
  for (std::size_t y = 0; y < w.count[0]; ++y) {
    for (std::size_t x = 0; x < w.count[1]; ++x) {
      for (std::size_t g = 0; g < groups; ++g) {
        std::vector<long> patch;
        for (std::size_t dy = 0; dy < w.size[0]; ++dy) {
          for (std::size_t dx = 0; dx < w.size[1]; ++dx) {
            const long row = static_cast<long>(y * w.stride[0] + dy * w.dilation[0]) -
                             static_cast<long>(w.before[0]);
            const long column = static_cast<long>(x * w.stride[1] + dx * w.dilation[1]) -
                                static_cast<long>(w.before[1]);
            const bool inside = row >= 0 && row < static_cast<long>(w.extent[0]) && column >= 0 &&
                                column < static_cast<long>(w.extent[1]);
            for (std::size_t c = 0; c < per_group; ++c) {
              const std::size_t channel = g * per_group + c;
              patch.push_back(inside ? (row * static_cast<long>(w.extent[1]) + column) *
                                               static_cast<long>(w.channels) +
                                           static_cast<long>(channel)
                                     : kPad);
            }
          }
        }
        patches.entries.push_back(std::move(patch));
        patches.bank.push_back(g);
      }
    }
  }
  return patches;
}

// Patches of a pool are in one bank, hence of one length.
Patches read_patch_list(Value& node, std::size_t inputs, bool may_have_banks) {
  Patches patches;
  for (const Value& json : node.at("patches").list()) {
    std::vector<long> patch;
    std::set<long> seen;
    for (const Value& e : json.list()) {
      if (e.is_null()) {
        patch.push_back(kPad);
        continue;
      }
      const long entry = static_cast<long>(e.number(inputs - 1));
      if (!seen.insert(entry).second) json.bad("distinct input neurons");
      patch.push_back(entry);
    }
    if (seen.empty()) json.bad("a patch with at least one neuron");
    patches.entries.push_back(std::move(patch));
  }
  if (patches.entries.empty()) node.at("patches").bad("at least one patch");
  patches.bank.assign(patches.entries.size(), 0);
  if (may_have_banks && node.has("banks")) {
    const Value banks = node.at("banks");
    const auto list = banks.list();
    if (list.size() != patches.entries.size()) banks.bad("one bank a patch");
    for (std::size_t p = 0; p < list.size(); ++p) {
      patches.bank[p] = list[p].number(list.size());
      patches.banks = std::max(patches.banks, patches.bank[p] + 1);
    }
  }
  std::vector<std::size_t> length(patches.banks, 0);
  for (std::size_t p = 0; p < patches.entries.size(); ++p) {
    std::size_t& l = length[patches.bank[p]];
    if (l != 0 && l != patches.entries[p].size()) {
      throw Malformed("shape", node.place() + ": patches of one bank differ in length");
    }
    l = patches.entries[p].size();
  }
  if (std::count(length.begin(), length.end(), 0u) != 0) {
    throw Malformed("shape", node.place() + ": a bank without patches");
  }
  return patches;
}

// ---- nodes ----

void read_linear(Node& node, Value& json, const std::string& op, const Node& from) {
  std::size_t filters = json.at("filters").number(kMaxEntries);
  if (op == "dense") {
    std::vector<long> all(from.width);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<long>(i);
    node.patches = {{std::move(all)}, {0}, 1};
    node.shape = {filters};
  } else if (op == "linear") {
    node.patches = read_patch_list(json, from.width, true);
    node.shape = {node.patches.entries.size(), filters};
  } else {
    const int dimensions = op == "conv1d" ? 1 : 2;
    const Window w = read_window(json, dimensions, from.shape, false);
    const std::size_t groups = json.has("groups") ? json.at("groups").number(kMaxEntries) : 1;
    node.patches = expand_window(w, groups, json.place());
    node.shape = dimensions == 1 ? std::vector<std::size_t>{w.count[1], filters}
                                 : std::vector<std::size_t>{w.count[0], w.count[1], filters};
    if (filters % groups != 0) throw Malformed("shape", json.place() + ": filters and groups");
    filters /= groups;
  }
  if (filters == 0) throw Malformed("shape", json.place() + ": no filters");
  node.op = Op::linear;
  node.filters = filters;
  const std::string bias = json.at("bias").text();
  if (bias == "none") {
    node.bias = Bias::none;
  } else if (bias == "channel") {
    node.bias = Bias::channel;
  } else if (bias == "neuron") {
    node.bias = Bias::neuron;
  } else {
    json.at("bias").bad("none, channel or neuron");
  }
}

void read_pool(Node& node, Value& json, const std::string& op, const Node& from) {
  node.op = op.starts_with("max") ? Op::max_pool : Op::average_pool;
  if (op.ends_with("pool")) {
    node.patches = read_patch_list(json, from.width, false);
    node.shape = {node.patches.entries.size()};
    return;
  }
  const int dimensions = op.ends_with("1d") ? 1 : 2;
  const Window w = read_window(json, dimensions, from.shape, true);
  node.patches = expand_window(w, w.channels, json.place());
  node.shape = from.shape;
  node.shape[node.shape.size() - 2] = w.count[1];
  if (dimensions == 2) node.shape[0] = w.count[0];
  for (const auto& patch : node.patches.entries) {
    if (std::all_of(patch.begin(), patch.end(), [](long e) { return e == kPad; })) {
      throw Malformed("shape", json.place() + ": a pool of padding only");
    }
  }
}

}  // namespace

bool Tensor::zero() const {
  for (const auto& row : rows)
    for (const mpz_class& v : row)
      if (v != 0) return false;
  return true;
}

Tensor constant_tensor(const std::vector<std::size_t>& row_lengths, const mpz_class& value) {
  Tensor tensor;
  for (std::size_t length : row_lengths) tensor.rows.emplace_back(length, value);
  return tensor;
}

Tensor read_tensor(Value json, const std::vector<std::size_t>& row_lengths) {
  Tensor tensor;
  std::size_t entries = 0;
  for (std::size_t length : row_lengths) {
    entries += length;
    if (entries > kMaxEntries) throw Malformed("shape", json.place() + ": more than 2^27 numbers");
  }
  if (json.has("fill")) {
    const mpq_class fill = json.at("fill").rational();
    for (std::size_t length : row_lengths) tensor.rows.emplace_back(length, fill.get_num());
    tensor.divisor = fill.get_den();
  } else if (json.has("rows")) {
    const auto rows = json.at("rows").list();
    std::vector<std::vector<mpq_class>> values;
    if (rows.size() != row_lengths.size()) json.at("rows").bad("the number of rows of the tensor");
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const auto list = rows[r].list();
      if (list.size() != row_lengths[r]) {
        throw Malformed("shape", rows[r].place() + ": expected " + std::to_string(row_lengths[r]) +
                                     " numbers, found " + std::to_string(list.size()));
      }
      auto& row = values.emplace_back();
      for (const Value& v : list) {
        row.push_back(v.rational());
        tensor.divisor = lcm(tensor.divisor, row.back().get_den());
        if (mpz_sizeinbase(tensor.divisor.get_mpz_t(), 2) > 100'000) {
          throw Malformed("number",
                          json.place() + ": denominators without a reasonable common multiple");
        }
      }
    }
    for (const auto& row : values) {
      auto& out = tensor.rows.emplace_back();
      for (const mpq_class& v : row) out.push_back(v.get_num() * (tensor.divisor / v.get_den()));
    }
  } else if (json.has("npy")) {
    Value file = json.at("npy");
    const DataFile place = read_npy_place(file);
    std::vector<std::size_t> axes, extents;
    if (file.has("axes"))
      for (const Value& axis : file.at("axes").list()) axes.push_back(axis.number(31));
    file.only();
    const std::vector<mpq_class> values = read_npy(place, axes, extents, entries);
    if (values.size() != entries ||
        (row_lengths.size() > 1 && (extents.empty() || extents[0] != row_lengths.size()))) {
      throw Malformed("shape", json.place() + ": the array does not have the tensor's shape");
    }
    for (const mpq_class& v : values) tensor.divisor = lcm(tensor.divisor, v.get_den());
    auto from = values.begin();
    for (std::size_t length : row_lengths) {
      auto& row = tensor.rows.emplace_back();
      for (std::size_t c = 0; c < length; ++c, ++from) {
        row.push_back(from->get_num() * (tensor.divisor / from->get_den()));
      }
    }
  } else if (json.has("seeded")) {
    Value seeded = json.at("seeded");
    const auto bounded = [&](const char* key) {
      const mpz_class v = seeded.at(key).integer();
      if (abs(v) >= (mpz_class(1) << 62)) seeded.at(key).bad("an integer below 2^62");
      return static_cast<std::int64_t>(v.get_si());
    };
    const std::int64_t low = bounded("low"), high = bounded("high");
    if (low > high) seeded.bad("low <= high");
    const std::string name = read_name(seeded.at("name"));
    Seeded integers("tensor", seeded.at("seed").number(INT64_MAX), name, low, high);
    if (seeded.has("divisor")) tensor.divisor = seeded.at("divisor").integer();
    if (tensor.divisor <= 0) seeded.at("divisor").bad("a positive integer");
    const bool odd = seeded.has("odd") && seeded.at("odd").boolean();
    seeded.only();
    for (std::size_t r = 0; r < row_lengths.size(); ++r) {
      auto& row = tensor.rows.emplace_back();
      for (std::size_t c = 0; c < row_lengths[r]; ++c)
        row.emplace_back(static_cast<long>(integers.at(r, c)));
      if (odd)
        for (mpz_class& v : row) v = 2 * v + 1;
    }
  } else {
    json.bad("a tensor");
  }
  json.only();
  return tensor;
}

std::vector<std::size_t> weights_shape(const Node& node) {
  std::vector<std::size_t> length(node.patches.banks);
  for (std::size_t p = 0; p < node.patches.entries.size(); ++p) {
    length[node.patches.bank[p]] = node.patches.entries[p].size();
  }
  std::vector<std::size_t> shape;
  for (std::size_t l : length) shape.insert(shape.end(), node.filters, l);
  return shape;
}

std::vector<std::size_t> bias_shape(const Node& node) {
  if (node.bias == Bias::none) return {};
  return {node.bias == Bias::neuron ? node.width : node.patches.banks * node.filters};
}

Network::Network(Value json) {
  Value input = json.at("input");
  Node first;
  first.name = read_name(input.at("name"));
  for (const Value& extent : input.at("shape").list())
    first.shape.push_back(extent.number(kMaxEntries));
  if (first.shape.empty() || first.shape.size() > 3) input.at("shape").bad("1 to 3 extents");
  input.only();
  first.width = checked_product(first.shape, input.place());
  names_[first.name] = 0;
  numbers_ = first.width;
  nodes_.push_back(std::move(first));

  for (Value item : json.at("nodes").list()) {
    Node node;
    node.name = read_name(item.at("name"));
    if (item.has("inputs")) {
      for (const Value& name : item.at("inputs").list()) node.inputs.push_back(find(name.text()));
    } else {
      node.inputs = {item.has("input") ? find(item.at("input").text()) : nodes_.size() - 1};
    }
    const std::string op = item.at("op").text();
    const bool joins = op == "sum" || op == "concat";
    if (joins ? node.inputs.size() < 2 : node.inputs.size() != 1) {
      throw Malformed("shape", item.place() + ": the wrong number of inputs");
    }
    const Node& from = nodes_[node.inputs[0]];
    if (op == "conv1d" || op == "conv2d" || op == "dense" || op == "linear") {
      read_linear(node, item, op, from);
      node.width = checked_product(node.shape, item.place());  // the bias may have this length
      if (item.has("frozen-weights")) {
        node.frozen_weights = read_tensor(item.at("frozen-weights"), weights_shape(node));
      }
      if (item.has("frozen-bias")) {
        if (node.bias == Bias::none) item.at("frozen-bias").bad("a layer with a bias");
        node.frozen_bias = read_tensor(item.at("frozen-bias"), bias_shape(node));
      }
    } else if (op == "activation") {
      node.op = Op::activation;
      node.activation = read_activation(item);
      node.shape = from.shape;
    } else if (op == "maxpool" || op == "maxpool1d" || op == "maxpool2d" || op == "avgpool" ||
               op == "avgpool1d" || op == "avgpool2d") {
      read_pool(node, item, op, from);
    } else if (op == "sum") {
      node.op = Op::sum;
      node.shape = from.shape;
      for (std::size_t i : node.inputs) {
        if (nodes_[i].shape != node.shape)
          throw Malformed("shape", item.place() + ": unequal shapes");
      }
    } else if (op == "concat") {
      node.op = Op::concat;
      node.shape = from.shape;
      node.shape.back() = 0;
      for (std::size_t i : node.inputs) {
        std::vector<std::size_t> shape = nodes_[i].shape;
        node.shape.back() += shape.back();
        shape.back() = node.shape.back();
        if (shape != node.shape) throw Malformed("shape", item.place() + ": unequal shapes");
      }
    } else if (op == "batchnorm") {
      node.op = Op::batch_norm;
      node.shape = from.shape;
      node.scale = read_tensor(item.at("scale"), {node.shape.back()});
      node.shift = read_tensor(item.at("shift"), {node.shape.back()});
    } else {
      item.at("op").bad("an operation of version 1");
    }
    item.only();
    node.width = checked_product(node.shape, item.place());
    numbers_ += node.width;
    for (const auto& entries : node.patches.entries) numbers_ += entries.size();
    if (numbers_ > kMaxEntries) {
      throw Malformed("too-large",
                      item.place() + ": a network of more than 2^27 neurons and patch entries");
    }
    if (!names_.emplace(node.name, nodes_.size()).second) {
      throw Malformed("shape", item.place() + ": the name is taken");
    }
    nodes_.push_back(std::move(node));
  }
  json.only();
}

std::size_t Network::find(const std::string& name) const {
  const auto found = names_.find(name);
  if (found == names_.end()) {
    throw Malformed("no-such-node", "there is no layer \"" + name.substr(0, 100) + "\"");
  }
  return found->second;
}

std::vector<std::size_t> Network::below(std::size_t target) const {
  std::vector<bool> needed(target + 1, false);
  needed[target] = true;
  for (std::size_t i = target + 1; i-- > 0;) {
    if (!needed[i]) continue;
    for (std::size_t input : nodes_[i].inputs) needed[input] = true;
  }
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i <= target; ++i)
    if (needed[i]) order.push_back(i);
  return order;
}

std::size_t Network::filter_of(std::size_t i, std::size_t neuron) const {
  const Node& node = nodes_[i];
  return node.patches.bank[neuron / node.filters] * node.filters + neuron % node.filters;
}

std::size_t Network::bias_of(std::size_t i, std::size_t neuron) const {
  return nodes_[i].bias == Bias::neuron ? neuron : filter_of(i, neuron);
}

}  // namespace widecheck
