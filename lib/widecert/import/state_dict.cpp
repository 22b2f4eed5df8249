#include <widecert/certificate/json.h>
#include <widecert/data/byte_source.h>
#include <widecert/import/state_dict.h>
#include <widecert/number/error.h>
#include <widecert/number/half.h>
#include <widecert/number/overloaded.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

namespace widecert {
namespace {

using onnx::Array;

constexpr std::size_t kMostBytes = std::size_t{1} << 33, kMostHeader = std::size_t{1} << 26,
                      kMostEntries = std::size_t{1} << 27;

// Numbers in names by their size: "features.10" after "features.9".
bool natural_less(const std::string& a, const std::string& b) {
  std::size_t i = 0, j = 0;
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  while (i < a.size() && j < b.size()) {
    if (digit(a[i]) && digit(b[j])) {
      std::size_t e = i, f = j;
      while (e < a.size() && digit(a[e])) ++e;
      while (f < b.size() && digit(b[f])) ++f;
      const std::string x = a.substr(i, e - i), y = b.substr(j, f - j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      i = e;
      j = f;
      continue;
    }
    if (a[i] != b[j]) return a[i] < b[j];
    ++i;
    ++j;
  }
  return a.size() - i < b.size() - j;
}

Array safe_tensor(const std::string& place, const std::string& type, const Extents& shape, const char* data,
                  std::size_t bytes) {
  Array array{shape, "", {}};
  std::size_t count = 1;
  for (std::size_t n : shape) {
    if (n != 0 && count > kMostEntries / n) throw InputError(place + ": expected at most 2^27 entries");
    count *= n;
  }
  const auto take = [&]<class Raw, class Out>(Raw, const char* name, Out, auto convert) {
    if (bytes != count * sizeof(Raw))
      throw InputError(fmt::format("{}: {} bytes of data for {} entries of {}", place, bytes, count, type));
    std::vector<Out> values;
    for (std::size_t k = 0; k < count; ++k) {
      Raw v;
      std::memcpy(&v, data + k * sizeof(Raw), sizeof(Raw));
      values.push_back(convert(v));
    }
    array.type = name;
    array.values = std::move(values);
  };
  const auto same = [](auto v) { return v; };
  const auto wide = [](auto v) { return static_cast<std::int64_t>(v); };
  if (type == "F64")
    take(double{}, "float64", double{}, same);
  else if (type == "F32")
    take(float{}, "float32", double{}, [](float v) { return static_cast<double>(v); });
  else if (type == "F16")
    take(std::uint16_t{}, "float16", double{}, from_half);
  else if (type == "BF16")
    take(std::uint16_t{}, "bfloat16", double{}, from_bfloat16);
  else if (type == "I64")
    take(std::int64_t{}, "int64", std::int64_t{}, same);
  else if (type == "I32")
    take(std::int32_t{}, "int32", std::int64_t{}, wide);
  else if (type == "I16")
    take(std::int16_t{}, "int16", std::int64_t{}, wide);
  else if (type == "I8")
    take(std::int8_t{}, "int8", std::int64_t{}, wide);
  else if (type == "U8" || type == "BOOL")
    take(std::uint8_t{}, "uint8", std::int64_t{}, wide);
  else
    throw InputError(place + ": a tensor of type " + type.substr(0, 20) + "; expected F16, BF16, F32, F64 or integers");
  return array;
}

StateDict read_safetensors(const std::string& path) {
  const std::string file = read_bytes(path, kMostBytes);
  std::uint64_t length = 0;
  if (file.size() < 8) throw InputError(path + ": no safetensors file: cut off");
  std::memcpy(&length, file.data(), 8);
  if (length > kMostHeader || length > file.size() - 8)
    throw InputError(path + ": no safetensors file: its header is longer than the file");
  const Json header = parse_json(file.substr(8, length), path + ": header");
  if (!header.is_object()) throw InputError(path + ": no safetensors file: its header is no object");
  const std::size_t begin = 8 + length;
  StateDict dict{path, false, {}};
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    const std::string place = path + ": tensor \"" + name + "\"";
    JsonReader in(entry, place);
    Extents shape;
    for (JsonReader n : in.get("shape").list()) shape.push_back(n.size());
    const auto offsets = in.get("data_offsets").list();
    if (offsets.size() != 2) throw InputError(place + ": expected two data_offsets");
    const std::size_t from = offsets[0].size(), to = offsets[1].size();
    if (from > to || to > file.size() - begin) throw InputError(place + ": its data lie outside the file");
    dict.tensors.emplace_back(name,
                              safe_tensor(place, in.get("dtype").text(), shape, file.data() + begin + from, to - from));
    in.done();
  }
  std::sort(dict.tensors.begin(), dict.tensors.end(),
            [](const auto& a, const auto& b) { return natural_less(a.first, b.first); });
  return dict;
}

// The tensors of one module of the framework.
struct Module {
  std::string name;
  std::map<std::string, const Array*> tensors;  // weight, bias, running_mean, running_var
  bool is_norm() const { return tensors.contains("running_mean"); }
};

std::vector<Module> modules_of(const StateDict& dict) {
  std::vector<Module> modules;
  for (const auto& [name, array] : dict.tensors) {
    const auto dot = name.rfind('.');
    const std::string prefix = dot == std::string::npos ? "" : name.substr(0, dot),
                      last = name.substr(dot == std::string::npos ? 0 : dot + 1);
    if (last == "num_batches_tracked") continue;
    auto found = std::find_if(modules.begin(), modules.end(), [&](const Module& m) { return m.name == prefix; });
    if (found == modules.end()) found = modules.insert(modules.end(), {prefix, {}});
    found->tensors[last] = &array;
  }
  return modules;
}

class Assignment {
 public:
  Assignment(const StateDict& dict, const Architecture& layers, const StateDictOptions& options)
      : dict_(dict), layers_(layers), options_(options), arrays_(options.npz), modules_(modules_of(dict)) {}

  ImportedModel run() {
    for (std::size_t i = 1; i < layers_.nodes().size(); ++i) {
      const NodeSpec& spec = layers_.node(i).spec;
      if (std::holds_alternative<LinearSpec>(spec) || std::holds_alternative<BatchNormSpec>(spec)) takers_.push_back(i);
    }
    const std::vector<std::size_t> module = match();
    Architecture network(layers_.node(0).name, layers_.node(0).shape);
    PointSpec parameters;
    std::set<std::size_t> used(module.begin(), module.end());
    std::string mapping;
    for (std::size_t i = 1; i < layers_.nodes().size(); ++i) {
      const Node& node = layers_.node(i);
      NodeSpec spec = node.spec;
      const auto taker = std::find(takers_.begin(), takers_.end(), i);
      if (taker != takers_.end()) {
        const Module& from = modules_[module[static_cast<std::size_t>(taker - takers_.begin())]];
        if (from.name != node.name) mapping += (mapping.empty() ? "" : ", ") + node.name + " from " + from.name;
        take(node, from, spec, parameters);
      }
      std::vector<std::string> inputs;
      for (std::size_t input : node.inputs) inputs.push_back(layers_.node(input).name);
      network.add(node.name, spec, inputs);
    }
    if (!mapping.empty()) notes_.push_back("layers and their tensors: " + mapping);
    std::string rest;
    for (std::size_t k = 0; k < modules_.size(); ++k)
      if (!used.contains(k))
        rest += (rest.empty() ? "" : ", ") + modules_[k].name +
                (modules_[k].is_norm() ? " (a batch norm: without it, this is another network)" : "");
    if (!rest.empty()) notes_.push_back("tensors that no layer takes: " + rest);
    const Shape& in = network.node(0).shape;
    ImportedModel model{network, parameters, arrays_.bytes(), in, {}, 0, {}, {}, notes_};
    // Samples as the framework has them: channels first.
    if (in.size() > 1) {
      model.input = {in.back()};
      model.input.insert(model.input.end(), in.begin(), in.end() - 1);
      model.input_layout.axes =
          in.size() == 3 ? std::vector<std::size_t>{0, 2, 3, 1} : std::vector<std::size_t>{0, 2, 1};
    }
    model.output = network.nodes().size() - 1;
    const Shape& out = network.node(model.output).shape;
    const std::size_t channels = out.size() == 1 ? 1 : out.back(), places = network.node(model.output).width / channels;
    model.output_extents = {out.back()};
    if (out.size() > 1) model.output_extents.insert(model.output_extents.end(), out.begin(), out.end() - 1);
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t p = 0; p < places; ++p) model.output_order.push_back(p * channels + c);
    return model;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw InputError(dict_.file + ": " + what); }

  // What the weight of a layer has to look like in the framework.
  Extents weight_extents(const Node& node) const {
    const Shape& below = layers_.node(node.inputs[0]).shape;
    if (std::holds_alternative<BatchNormSpec>(node.spec)) return {node.shape.back()};
    const auto& linear = std::get<LinearSpec>(node.spec);
    return std::visit(overloaded{[&](const ConvSpec& conv) {
                                   Extents e{conv.filters, below.back() / conv.groups};
                                   if (conv.window.dimensions == 2) e.push_back(conv.window.size[0]);
                                   e.push_back(conv.window.size[1]);
                                   return e;
                                 },
                                 [&](const DenseSpec& dense) {
                                   return Extents{dense.filters, layers_.node(node.inputs[0]).width};
                                 },
                                 [&](const PatchListSpec&) -> Extents {
                                   fail("layer " + node.name + " lists its patches, as no framework does");
                                 }},
                      linear.form);
  }
  bool fits(const Node& node, const Module& m) const {
    const bool norm = std::holds_alternative<BatchNormSpec>(node.spec);
    if (norm != m.is_norm()) return false;
    const auto weight = m.tensors.find("weight");
    if (weight == m.tensors.end()) return norm && m.tensors.at("running_mean")->shape == weight_extents(node);
    return weight->second->shape == weight_extents(node);
  }
  std::string expected(const Node& node) const {
    return fmt::format("layer {} ({}) expects a weight of {}", node.name, describe(node),
                       describe(weight_extents(node)));
  }

  // The module of each taker: as said, by equal names, or in the order of both.
  std::vector<std::size_t> match() const {
    const auto called = [&](const std::string& name) {
      return static_cast<std::size_t>(
          std::find_if(modules_.begin(), modules_.end(), [&](const Module& m) { return m.name == name; }) -
          modules_.begin());
    };
    std::vector<std::size_t> chosen;
    bool by_name = true;
    for (std::size_t i : takers_) {
      const auto said = options_.modules.find(layers_.node(i).name);
      const std::size_t k = called(said == options_.modules.end() ? layers_.node(i).name : said->second);
      if (said != options_.modules.end() && k == modules_.size())
        fail(
            fmt::format("--module {}={}: there are no such tensors; there are {}", said->first, said->second, names()));
      by_name = by_name && k < modules_.size();
      chosen.push_back(k);
    }
    if (by_name) {
      for (std::size_t t = 0; t < takers_.size(); ++t)
        if (!fits(layers_.node(takers_[t]), modules_[chosen[t]])) misfit(layers_.node(takers_[t]), modules_[chosen[t]]);
      return chosen;
    }
    if (!options_.modules.empty())
      fail(
          fmt::format("--module has to name the tensors of every layer, where layers and tensors have other names: "
                      "layers {}; tensors {}",
                      layer_names(), names()));
    // In order: each layer takes the next module; all are taken.
    std::vector<std::size_t> with_weights;
    for (std::size_t k = 0; k < modules_.size(); ++k)
      if (modules_[k].tensors.contains("weight") || modules_[k].is_norm()) with_weights.push_back(k);
    if (with_weights.size() != takers_.size()) {
      fail(fmt::format(
          "{} layers with parameters ({}) and {} modules with tensors ({}); --module LAYER=MODULE says which belongs "
          "to which",
          takers_.size(), layer_names(), with_weights.size(), names()));
    }
    for (std::size_t t = 0; t < takers_.size(); ++t) {
      if (!fits(layers_.node(takers_[t]), modules_[with_weights[t]]))
        misfit(layers_.node(takers_[t]), modules_[with_weights[t]]);
    }
    // Without an order of the framework's own, two modules that could be exchanged are not told apart.
    for (std::size_t t = 0; !dict_.ordered && t < takers_.size(); ++t) {
      for (std::size_t u = t + 1; u < takers_.size(); ++u) {
        if (fits(layers_.node(takers_[t]), modules_[with_weights[u]]) &&
            fits(layers_.node(takers_[u]), modules_[with_weights[t]])) {
          fail(fmt::format(
              "{} and {} both fit the layers {} and {}, and the file has no order: say --module {}={} and so on "
              "for every layer",
              modules_[with_weights[t]].name, modules_[with_weights[u]].name, layers_.node(takers_[t]).name,
              layers_.node(takers_[u]).name, layers_.node(takers_[t]).name, modules_[with_weights[t]].name));
        }
      }
    }
    return with_weights;
  }
  [[noreturn]] void misfit(const Node& node, const Module& m) const {
    const auto weight = m.tensors.find("weight");
    fail(fmt::format("{}; {} has {}", expected(node), m.name,
                     weight == m.tensors.end() ? "none" : describe(weight->second->shape)));
  }
  std::string names() const {
    std::string out;
    for (const Module& m : modules_) out += (out.empty() ? "" : ", ") + m.name;
    return out;
  }
  std::string layer_names() const {
    std::string out;
    for (std::size_t i : takers_) out += (out.empty() ? "" : ", ") + layers_.node(i).name;
    return out;
  }

  void take(const Node& node, const Module& from, NodeSpec& spec, PointSpec& parameters) {
    const auto tensor = [&](const char* name) -> const Array* {
      const auto found = from.tensors.find(name);
      return found == from.tensors.end() ? nullptr : found->second;
    };
    for (const auto& [name, array] : from.tensors) {
      if (name != "weight" && name != "bias" && name != "running_mean" && name != "running_var")
        fail("tensor \"" + from.name + "." + name + "\" is of no kind that is known here");
    }
    if (std::holds_alternative<BatchNormSpec>(spec)) {
      const std::size_t n = node.shape.back();
      const auto numbers = [&](const char* name, double otherwise) {
        const Array* array = tensor(name);
        return array == nullptr ? std::vector<double>(n, otherwise) : array->doubles();
      };
      const auto epsilon = options_.epsilon.find(node.name);
      const double e = epsilon == options_.epsilon.end() ? 1e-5 : epsilon->second;
      const auto folded = folded_norm(numbers("weight", 1), numbers("bias", 0), numbers("running_mean", 0),
                                      numbers("running_var", 1), e);
      if (!folded || folded->scale.shape[0] != n)
        fail("batch norm " + from.name + ": lengths that differ, or a variance that is not positive");
      notes_.push_back(folded_norm_in_words(node.name, e));
      spec = BatchNormSpec{arrays_.add(node.name + ".scale", folded->scale, {}),
                           arrays_.add(node.name + ".shift", folded->shift, {})};
      return;
    }
    auto& linear = std::get<LinearSpec>(spec);
    Layout layout;
    const Shape& below = layers_.node(node.inputs[0]).shape;
    if (const auto* conv = std::get_if<ConvSpec>(&linear.form)) {
      layout.axes =
          conv->window.dimensions == 2 ? std::vector<std::size_t>{0, 2, 3, 1} : std::vector<std::size_t>{0, 2, 1};
    } else if (has_two_orders(below)) {
      layout.flatten = Flattening::channels_first;
      notes_.push_back(node.name + ": images below are flattened channels first, as PyTorch does");
    }
    const Array* bias = tensor("bias");
    linear.bias = bias == nullptr                                 ? BiasMode::none
                  : std::holds_alternative<ConvSpec>(linear.form) ? BiasMode::channel
                                                                  : BiasMode::neuron;
    linear.frozen_weights.reset();
    linear.frozen_bias.reset();
    if (bias != nullptr && bias->shape != Extents{weight_extents(node)[0]})
      fail(fmt::format("{}.bias has {}; expected {}", from.name, describe(bias->shape), weight_extents(node)[0]));
    NodeTensors& tensors = parameters[node.name];
    tensors.weights = arrays_.add(node.name + ".weight", *tensor("weight"), layout);
    if (bias != nullptr) tensors.bias = arrays_.add(node.name + ".bias", *bias, {});
  }

  const StateDict& dict_;
  const Architecture& layers_;
  const StateDictOptions& options_;
  ModelArrays arrays_;
  std::vector<Module> modules_;
  std::vector<std::size_t> takers_;
  std::vector<std::string> notes_;
};

}  // namespace

StateDict read_state_dict(const std::string& path) {
  if (path.ends_with(".safetensors")) return read_safetensors(path);
  StateDict dict{path, true, {}};
  for (std::string member : zip_members(path)) {
    if (!member.ends_with(".npy")) continue;
    member.resize(member.size() - 4);
    NpyArray array = read_npy(path, member);
    const bool floats = std::holds_alternative<std::vector<double>>(array.values);
    // (NPY keeps floats of 4 and 8 bytes apart; as doubles both are exact.)
    bool narrow = floats;
    if (floats)
      for (double v : std::get<std::vector<double>>(array.values))
        narrow = narrow && static_cast<double>(static_cast<float>(v)) == v;
    dict.tensors.emplace_back(member, Array{array.shape,
                                            !floats  ? "int64"
                                            : narrow ? "float32"
                                                     : "float64",
                                            std::move(array.values)});
  }
  if (dict.tensors.empty()) throw InputError(path + ": no arrays in it");
  return dict;
}

ImportedModel import_state_dict(const StateDict& dict, const Architecture& layers, const StateDictOptions& options) {
  return Assignment(dict, layers, options).run();
}

}  // namespace widecert
