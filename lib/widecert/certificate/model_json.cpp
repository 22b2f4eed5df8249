#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>

#include <nlohmann/json.hpp>

namespace widecert {
namespace {

constexpr std::size_t kMaxExtent = std::size_t{1} << 40;
constexpr std::size_t kMaxPadding = 1'000'000;

// ---- windows ----

Json pair_json(const WindowSpec& window, const std::array<std::size_t, 2>& value) {
  if (window.dimensions == 1) return value[1];
  return Json::array({value[0], value[1]});
}

void put_window(Json& out, const WindowSpec& window) {
  const std::array<std::size_t, 2> one{1, 1};
  out["size"] = pair_json(window, window.size);
  if (window.stride != one) out["stride"] = pair_json(window, window.stride);
  if (window.dilation != one) out["dilation"] = pair_json(window, window.dilation);
  if (window.padding.kind == Padding::Kind::same) out["padding"] = "same";
  if (window.padding.kind == Padding::Kind::given) {
    const auto& a = window.padding.amount;
    out["padding"] = window.dimensions == 1 ? Json::array({a[1], a[3]}) : Json::array({a[0], a[1], a[2], a[3]});
  }
}

WindowSpec read_window(JsonReader& in, int dimensions) {
  WindowSpec window;
  window.dimensions = dimensions;
  const auto pair = [&](const char* key, std::array<std::size_t, 2>& value) {
    const auto found = in.find(key);
    if (!found) return false;
    if (dimensions == 1) {
      value = {1, found->size(kMaxExtent)};
    } else if (!found->is_list()) {  // one number for both
      value = {found->size(kMaxExtent), found->size(kMaxExtent)};
    } else {
      const auto list = found->list();
      if (list.size() != 2) found->fail("two numbers, [height, width], as in [3, 3]");
      value = {list[0].size(kMaxExtent), list[1].size(kMaxExtent)};
    }
    return true;
  };
  if (!pair("size", window.size)) in.get("size");
  pair("stride", window.stride);
  pair("dilation", window.dilation);
  if (const auto padding = in.find("padding")) {
    if (padding->is_list()) {
      const auto list = padding->list();
      if (list.size() != (dimensions == 1 ? 2u : 4u)) {
        padding->fail(dimensions == 1 ? "[before, after], as in [1, 1]"
                                      : "[top, left, bottom, right], as in [1, 1, 1, 1]");
      }
      auto& a = window.padding.amount;
      window.padding.kind = Padding::Kind::given;
      for (std::size_t k = 0; k < list.size(); ++k) {
        a[dimensions == 1 ? 2 * k + 1 : k] = list[k].size(kMaxPadding);
      }
    } else if (!padding->is_text()) {  // one number for all sides
      window.padding.kind = Padding::Kind::given;
      const std::size_t all = padding->size(kMaxPadding), across = dimensions == 1 ? 0 : all;
      window.padding.amount = {across, all, across, all};
    } else if (padding->text() == "same") {
      window.padding.kind = Padding::Kind::same;
    } else if (padding->text() != "valid") {
      padding->fail("\"valid\", \"same\", a number for all sides or a list, as in [1, 1, 1, 1]");
    }
  }
  return window;
}

// ---- the order of entries in files ----

void put_layout(Json& out, const Layout& layout) {
  if (!layout.axes.empty()) out["axes"] = layout.axes;
  if (layout.flatten) out["flatten"] = flattening_name(*layout.flatten);
}

// `word` says it all at once: "layout" of data, "order" of weights.
Layout read_layout(JsonReader& in, const char* word, const std::string& torch, const std::string& keras) {
  Layout layout;
  if (const auto all = in.find(word)) {
    const std::string text = all->text();
    if (text != torch && text != keras) all->fail("\"" + torch + "\" or \"" + keras + "\"");
    layout.convention = text == torch ? Convention::torch : Convention::keras;
    if (in.find("axes") || in.find("flatten"))
      all->fail("neither \"axes\" nor \"flatten\" beside it: it stands for both");
    return layout;
  }
  if (const auto axes = in.find("axes"))
    for (const JsonReader& axis : axes->list()) layout.axes.push_back(axis.size());
  if (const auto flatten = in.find("flatten")) {
    layout.flatten = flattening_by_name(flatten->text());
    if (!layout.flatten) flatten->fail("\"channels-last\" or \"channels-first\"");
  }
  return layout;
}

// ---- patches ----

Json patches_json(const std::vector<Patch>& patches) {
  Json list = Json::array();
  for (const Patch& patch : patches) {
    Json entries = Json::array();
    for (std::int64_t e : patch.entries) entries.push_back(e == kPadding ? Json() : Json(e));
    list.push_back(entries);
  }
  return list;
}

// The patches of a pool are in one bank.
std::vector<Patch> read_patches(JsonReader& in, bool may_have_banks) {
  std::vector<Patch> patches;
  for (const JsonReader& entry : in.get("patches").list()) {
    Patch patch;
    for (const JsonReader& e : entry.list()) {
      patch.entries.push_back(e.is_null() ? kPadding : static_cast<std::int64_t>(e.size()));
    }
    patches.push_back(std::move(patch));
  }
  if (auto banks = may_have_banks ? in.find("banks") : std::nullopt) {
    const auto list = banks->list();
    if (list.size() != patches.size()) banks->fail("one bank number per patch");
    for (std::size_t p = 0; p < list.size(); ++p) patches[p].bank = list[p].size(patches.size());
  }
  return patches;
}

void put_patches(Json& out, const std::vector<Patch>& patches) {
  out["patches"] = patches_json(patches);
  if (std::any_of(patches.begin(), patches.end(), [](const Patch& p) { return p.bank != 0; })) {
    Json banks = Json::array();
    for (const Patch& patch : patches) banks.push_back(patch.bank);
    out["banks"] = banks;
  }
}

// ---- nodes ----

BiasMode read_bias(JsonReader& in) {
  const JsonReader bias = in.get("bias");
  if (const auto mode = bias_by_name(bias.text())) return *mode;
  bias.fail("\"none\", \"channel\" (tied) or \"neuron\" (the paper's)");
}

void put_linear(Json& out, const LinearSpec& linear) {
  std::visit(overloaded{[&](const ConvSpec& conv) {
                          out["op"] = conv.window.dimensions == 1 ? "conv1d" : "conv2d";
                          put_window(out, conv.window);
                          out["filters"] = conv.filters;
                          if (conv.groups != 1) out["groups"] = conv.groups;
                        },
                        [&](const DenseSpec& dense) {
                          out["op"] = "dense";
                          out["filters"] = dense.filters;
                        },
                        [&](const PatchListSpec& list) {
                          out["op"] = "linear";
                          out["filters"] = list.filters;
                          put_patches(out, list.patches);
                        }},
             linear.form);
  out["bias"] = bias_name(linear.bias);
  if (linear.frozen_weights) out["frozen-weights"] = to_json(*linear.frozen_weights);
  if (linear.frozen_bias) out["frozen-bias"] = to_json(*linear.frozen_bias);
}

LinearSpec read_linear(JsonReader& in, const std::string& op) {
  LinearSpec linear;
  const std::size_t filters = in.get("filters").size();
  if (op == "dense") {
    linear.form = DenseSpec{filters};
  } else if (op == "linear") {
    linear.form = PatchListSpec{read_patches(in, true), filters};
  } else {
    ConvSpec conv;
    conv.window = read_window(in, op == "conv1d" ? 1 : 2);
    conv.filters = filters;
    if (const auto groups = in.find("groups")) conv.groups = groups->size();
    if (conv.groups == 0) in.get("groups").fail("a positive number");
    linear.form = conv;
  }
  linear.bias = read_bias(in);
  if (const auto weights = in.find("frozen-weights")) linear.frozen_weights = read_tensor(*weights);
  if (const auto bias = in.find("frozen-bias")) linear.frozen_bias = read_tensor(*bias);
  return linear;
}

ActivationSpec read_activation(JsonReader& in) {
  const JsonReader function = in.get("function");
  const auto kind = activation_by_name(function.text());
  if (!kind) {
    std::string known;
    for (ActivationKind k : all_activation_kinds()) {
      known += (known.empty() ? "" : ", ") + std::string(facts(k).name);
    }
    function.fail("one of " + known);
  }
  Activation f{*kind, 1};
  if (*kind == ActivationKind::leaky_relu) f.parameter = in.get("slope").rational();
  if (*kind == ActivationKind::softplus) {
    if (const auto sharpness = in.find("sharpness")) f.parameter = sharpness->rational();
  }
  return {f};
}

void put_activation(Json& out, const Activation& f) {
  out["op"] = "activation";
  out["function"] = facts(f.kind).name;
  if (f.kind == ActivationKind::leaky_relu) out["slope"] = to_json(f.parameter);
  if (f.kind == ActivationKind::softplus && f.parameter != 1) {
    out["sharpness"] = to_json(f.parameter);
  }
}

NodeSpec read_spec(JsonReader& in, const std::string& op) {
  if (op == "conv1d" || op == "conv2d" || op == "dense" || op == "linear") {
    return read_linear(in, op);
  }
  if (op == "activation") return read_activation(in);
  for (const auto& [prefix, kind] : {std::pair{std::string("maxpool"), PoolSpec::Kind::max},
                                     std::pair{std::string("avgpool"), PoolSpec::Kind::average}}) {
    if (op == prefix) return PoolSpec{kind, read_patches(in, false)};
    if (op == prefix + "1d" || op == prefix + "2d") {
      WindowSpec window = read_window(in, op == prefix + "1d" ? 1 : 2);
      // A pool without a stride moves by its size, as in all frameworks.
      if (!in.find("stride")) window.stride = window.size;
      return PoolSpec{kind, window};
    }
  }
  if (op == "reshape") {
    Reshaping to;
    for (const JsonReader& n : in.get("shape").list()) to.shape.push_back(n.size());
    const JsonReader order = in.get("order");
    const auto flattening = flattening_by_name(order.text());
    if (!flattening) order.fail("\"channels-first\", as PyTorch flattens and views, or \"channels-last\"");
    to.order = *flattening;
    return PoolSpec{PoolSpec::Kind::average, to};
  }
  if (op == "sum") return SumSpec{};
  if (op == "concat") return ConcatSpec{};
  if (op == "select") {
    SelectSpec select;
    if (const auto take = in.find("take")) {
      for (const JsonReader& pair : take->list()) {
        const auto ends = pair.list();
        if (ends.size() != 2) pair.fail("[input, entry], both counted from 0");
        select.take.emplace_back(ends[0].size(), ends[1].size());
      }
    } else {
      const auto count = in.find("count"), seed = in.find("seed");
      if (!count || !seed) in.fail("\"take\", a list of [input, entry]; or \"count\" and \"seed\"");
      select.seeded.emplace(count->size(),
                            static_cast<std::uint64_t>(seed->integer(0, std::numeric_limits<std::int64_t>::max())));
    }
    return select;
  }
  if (op == "batchnorm") {
    if (!in.find("scale") || !in.find("shift")) {
      in.fail(
          "\"scale\" and \"shift\": a batch norm is scale * x + shift in each channel; with the weight, bias, "
          "running_mean, running_var and eps of a framework, scale = weight / sqrt(running_var + eps) and shift = "
          "bias - scale * running_mean");
    }
    BatchNormSpec norm{read_tensor(in.get("scale")), read_tensor(in.get("shift"))};
    if (const auto per = in.find("per")) {
      norm.each_neuron = per->text() == "neuron";
      if (!norm.each_neuron && per->text() != "channel") per->fail("\"channel\" or \"neuron\"");
    }
    return norm;
  }
  in.get("op").fail(
      "conv1d, conv2d, dense, linear, activation, maxpool, maxpool1d, maxpool2d, avgpool, "
      "avgpool1d, avgpool2d, reshape, sum, concat, select or batchnorm");
}

}  // namespace

Json to_json(const TensorSpec& tensor) {
  return std::visit(overloaded{[](const FillTensor& fill) {
                                 return Json{{"fill", to_json(fill.value)}};
                               },
                               [](const ExplicitTensor& given) {
                                 Json rows = Json::array();
                                 for (const auto& row : given.rows) {
                                   Json values = Json::array();
                                   for (const Rational& v : row) values.push_back(to_json(v));
                                   rows.push_back(values);
                                 }
                                 return Json{{"rows", rows}};
                               },
                               [](const SeededTensor& seeded) {
                                 Json out{{"name", seeded.name},
                                          {"seed", to_json(Integer(seeded.seed))},
                                          {"low", to_json(Integer(seeded.low))},
                                          {"high", to_json(Integer(seeded.high))}};
                                 if (seeded.divisor != 1) out["divisor"] = to_json(seeded.divisor);
                                 if (seeded.odd) out["odd"] = true;
                                 return Json{{"seeded", out}};
                               },
                               [](const SparseTensor& sparse) {
                                 Json rows = Json::array();
                                 for (const auto& row : sparse.rows) {
                                   Json entries = Json::array();
                                   for (const auto& [position, value] : row) {
                                     entries.push_back(Json{position, to_json(value)});
                                   }
                                   rows.push_back(entries);
                                 }
                                 return Json{{"sparse", rows}};
                               },
                               [](const FileTensor& file) {
                                 Json out{{"path", file.path}, {"sha256", file.sha256}};
                                 if (!file.member.empty()) out["member"] = file.member;
                                 put_layout(out, file.layout);
                                 Json tensor{{"npy", out}};
                                 if (file.divisor != 1) tensor["divisor"] = to_json(file.divisor);
                                 return tensor;
                               },
                               [](const WideTensor& wide) {
                                 Json out{{"path", wide.path}, {"sha256", wide.sha256}};
                                 if (!wide.member.empty()) out["member"] = wide.member;
                                 Json tensor{{"wide", out}};
                                 if (wide.divisor != 1) tensor["divisor"] = to_json(wide.divisor);
                                 return tensor;
                               },
                               [](const Ln2Tensor& sum) {
                                 Json out{{"ln2", to_json(as_spec(sum.ln2))}};
                                 if (sum.plus) out["plus"] = to_json(as_spec(*sum.plus));
                                 return out;
                               }},
                    tensor);
}

// The SHA-256 of a file, which may be left out.
static std::string read_digest(JsonReader& in) {
  const auto digest = in.find("sha256");
  return digest ? digest->text() : std::string();
}

static RationalTensor read_rational_tensor(const JsonReader& in) {
  return std::visit(overloaded{[&](const Ln2Tensor&) -> RationalTensor { in.fail("a tensor of rational numbers"); },
                               [](const auto& form) { return RationalTensor(form); }},
                    read_tensor(in));
}

TensorSpec read_tensor(JsonReader in) {
  if (const auto ln2 = in.find("ln2")) {
    const auto plus = in.find("plus");
    in.done();
    Ln2Tensor sum{read_rational_tensor(*ln2), {}};
    if (plus) sum.plus = read_rational_tensor(*plus);
    return sum;
  }
  if (const auto fill = in.find("fill")) {
    in.done();
    return FillTensor{fill->rational()};
  }
  if (const auto rows = in.find("rows")) {
    in.done();
    ExplicitTensor tensor;
    for (const JsonReader& row : rows->list()) {
      auto& values = tensor.rows.emplace_back();
      for (const JsonReader& v : row.list()) values.push_back(v.rational());
    }
    return tensor;
  }
  if (const auto rows = in.find("sparse")) {
    in.done();
    SparseTensor tensor;
    for (const JsonReader& row : rows->list()) {
      auto& entries = tensor.rows.emplace_back();
      for (const JsonReader& entry : row.list()) {
        const auto pair = entry.list();
        if (pair.size() != 2) entry.fail("[position, value]");
        entries.emplace_back(pair[0].size(), pair[1].rational());
      }
    }
    return tensor;
  }
  if (auto file = in.find("npy")) {
    const auto divisor = in.find("divisor");
    in.done();
    const Layout layout = read_layout(*file, "order", "torch", "keras");
    FileTensor tensor{file->get("path").path(), "", read_digest(*file), layout, nullptr};
    if (const auto member = file->find("member")) tensor.member = member->text();
    if (divisor) tensor.divisor = divisor->big_integer();
    if (tensor.divisor <= 0) divisor->fail("a positive divisor");
    file->done();
    load_array(tensor, in.folder());
    return tensor;
  }
  if (auto file = in.find("wide")) {
    const auto divisor = in.find("divisor");
    in.done();
    WideTensor tensor{file->get("path").path(), "", read_digest(*file), 1, in.folder()};
    if (const auto member = file->find("member")) tensor.member = member->text();
    if (divisor) tensor.divisor = divisor->big_integer();
    if (tensor.divisor <= 0) divisor->fail("a positive divisor");
    file->done();
    if (tensor.sha256.empty())
      tensor.sha256 = to_hex(read_npy(located(tensor.folder, tensor.path), tensor.member).digest);
    return tensor;
  }
  auto seeded = in.find("seeded");
  if (!seeded) {
    in.fail(
        "a tensor: {\"fill\": v}, {\"rows\": [[...]]}, {\"seeded\": {...}}, {\"sparse\": [...]}, {\"npy\": {...}} "
        "or {\"ln2\": tensor, \"plus\": tensor}");
  }
  in.done();
  SeededTensor tensor;
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  tensor.name = seeded->get("name").text();
  tensor.seed = static_cast<std::uint64_t>(seeded->get("seed").integer(0, kMax));
  tensor.low = seeded->get("low").integer(-kMax, kMax);
  tensor.high = seeded->get("high").integer(-kMax, kMax);
  if (const auto divisor = seeded->find("divisor")) tensor.divisor = divisor->big_integer();
  if (const auto odd = seeded->find("odd")) tensor.odd = odd->boolean();
  if (tensor.low > tensor.high) seeded->fail("low <= high");
  if (tensor.divisor <= 0) seeded->fail("a positive divisor");
  seeded->done();
  return tensor;
}

Json to_json(const Architecture& network) {
  Json nodes = Json::array();
  for (std::size_t i = 1; i < network.nodes().size(); ++i) {
    const Node& node = network.node(i);
    Json out{{"name", node.name}};
    if (node.inputs.size() == 1) {
      if (node.inputs[0] != i - 1) out["input"] = network.node(node.inputs[0]).name;
    } else {
      for (std::size_t input : node.inputs) out["inputs"].push_back(network.node(input).name);
    }
    std::visit(overloaded{[&](const InputSpec&) {}, [&](const LinearSpec& linear) { put_linear(out, linear); },
                          [&](const ActivationSpec& a) { put_activation(out, a.function); },
                          [&](const PoolSpec& pool) {
                            if (const auto* to = std::get_if<Reshaping>(&pool.form)) {
                              out["op"] = "reshape";
                              out["shape"] = to->shape;
                              out["order"] = flattening_name(to->order);
                              return;
                            }
                            std::string op = pool.kind == PoolSpec::Kind::max ? "maxpool" : "avgpool";
                            if (const auto* window = std::get_if<WindowSpec>(&pool.form)) {
                              op += window->dimensions == 1 ? "1d" : "2d";
                              put_window(out, *window);
                              out["stride"] = pair_json(*window, window->stride);
                            } else {
                              put_patches(out, std::get<std::vector<Patch>>(pool.form));
                            }
                            out["op"] = op;
                          },
                          [&](const SumSpec&) { out["op"] = "sum"; }, [&](const ConcatSpec&) { out["op"] = "concat"; },
                          [&](const SelectSpec& select) {
                            out["op"] = "select";
                            if (select.seeded) {
                              out["count"] = select.seeded->first;
                              out["seed"] = select.seeded->second;
                              return;
                            }
                            out["take"] = Json::array();
                            for (const auto& [n, h] : select.take) out["take"].push_back(Json::array({n, h}));
                          },
                          [&](const BatchNormSpec& norm) {
                            out["op"] = "batchnorm";
                            if (norm.each_neuron) out["per"] = "neuron";
                            out["scale"] = to_json(norm.scale);
                            out["shift"] = to_json(norm.shift);
                          }},
               node.spec);
    nodes.push_back(out);
  }
  const Node& input = network.node(0);
  return Json{{"input", {{"name", input.name}, {"shape", input.shape}}}, {"nodes", nodes}};
}

Architecture read_network(JsonReader in) {
  JsonReader input = in.get("input");
  Shape shape;
  for (const JsonReader& extent : input.get("shape").list()) shape.push_back(extent.size());
  std::string name = "x";
  if (const auto given = input.find("name")) name = given->text();
  input.done();
  try {
    Architecture network(name, shape);
    std::string previous = name;
    for (JsonReader node : in.get("nodes").list()) {
      const std::string node_name = node.get("name").text();
      std::vector<std::string> inputs;
      if (const auto several = node.find("inputs")) {
        for (const JsonReader& one : several->list()) inputs.push_back(one.text());
      } else if (const auto one = node.find("input")) {
        inputs.push_back(one->text());
      } else {
        inputs.push_back(previous);
      }
      const std::string op = node.get("op").text();
      NodeSpec spec = read_spec(node, op);
      node.done();
      network.add(node_name, std::move(spec), inputs);
      previous = node_name;
    }
    in.done();
    return network;
  } catch (const ShapeError& error) {
    throw InputError(in.place() + ": " + error.what());
  }
}

// Seeded integers in a range: data, or the noise on them.
template <class Seeded>
static Seeded read_seeded(JsonReader& in) {
  constexpr std::int64_t kMax = std::int64_t{1} << 53;
  Seeded seeded;
  seeded.seed = static_cast<std::uint64_t>(in.get("seed").integer(0, std::numeric_limits<std::int64_t>::max()));
  seeded.low = in.get("low").integer(-kMax, kMax);
  seeded.high = in.get("high").integer(-kMax, kMax);
  if (seeded.low > seeded.high) in.fail("low <= high");
  return seeded;
}
static Json seeded_json(const auto& seeded) {
  return Json{{"seed", to_json(Integer(seeded.seed))},
              {"low", to_json(Integer(seeded.low))},
              {"high", to_json(Integer(seeded.high))}};
}

Json to_json(const DatasetSpec& data) {
  Json out = std::visit(overloaded{[](const InlineSource& given) {
                                     Json rows = Json::array();
                                     for (const auto& sample : given.samples) {
                                       Json row = Json::array();
                                       for (const Rational& v : sample) row.push_back(to_json(v));
                                       rows.push_back(row);
                                     }
                                     return Json{{"format", "inline"}, {"samples", rows}};
                                   },
                                   [](const IdxSource& idx) {
                                     Json idx_out{{"format", "idx"}, {"path", idx.path}, {"sha256", idx.sha256}};
                                     if (!idx.labels.empty()) idx_out["labels"] = idx.labels;
                                     return idx_out;
                                   },
                                   [](const NpySource& npy) {
                                     Json npy_out{{"format", "npy"}, {"path", npy.path}, {"sha256", npy.sha256}};
                                     if (!npy.member.empty()) npy_out["member"] = npy.member;
                                     return npy_out;
                                   },
                                   [](const CsvSource& csv) {
                                     Json csv_out{{"format", "csv"}, {"path", csv.path}, {"sha256", csv.sha256}};
                                     if (csv.options.header) csv_out["header"] = true;
                                     if (csv.options.label_column) csv_out["label_column"] = *csv.options.label_column;
                                     if (csv.options.column) csv_out["column"] = *csv.options.column;
                                     const char separator = csv.options.separator;
                                     if (separator != ',') csv_out["separator"] = std::string(1, separator);
                                     return csv_out;
                                   },
                                   [](const SeededSource& seeded) {
                                     Json seeded_out = seeded_json(seeded);
                                     seeded_out["format"] = "seeded";
                                     return seeded_out;
                                   }},
                        data.source);
  put_layout(out, data.layout);
  if (data.first != 0) out["first"] = data.first;
  if (data.count) out["count"] = *data.count;
  if (data.multiply != 1) out["multiply"] = to_json(data.multiply);
  if (data.divide != 1) out["divide"] = to_json(data.divide);
  if (data.noise) out["noise"] = seeded_json(*data.noise);
  return out;
}

DatasetSpec read_dataset(JsonReader in) {
  DatasetSpec data;
  const JsonReader format = in.get("format");
  if (format.text() == "inline") {
    InlineSource given;
    for (const JsonReader& row : in.get("samples").list()) {
      auto& sample = given.samples.emplace_back();
      for (const JsonReader& v : row.list()) sample.push_back(v.rational());
    }
    data.source = std::move(given);
  } else if (format.text() == "idx") {
    IdxSource idx{in.get("path").path(), read_digest(in), ""};
    if (const auto labels = in.find("labels")) idx.labels = labels->path();
    data.source = idx;
  } else if (format.text() == "npy") {
    NpySource npy{in.get("path").path(), read_digest(in), ""};
    if (const auto member = in.find("member")) npy.member = member->text();
    data.source = npy;
  } else if (format.text() == "csv") {
    CsvSource csv{in.get("path").path(), read_digest(in), {}};
    if (const auto header = in.find("header")) csv.options.header = header->boolean();
    if (const auto label = in.find("label_column")) csv.options.label_column = label->size(1'000'000);
    if (const auto column = in.find("column")) {
      csv.options.column = column->size(1'000'000);
      if (csv.options.label_column) column->fail("no \"label_column\" beside it: one column alone is read");
    }
    if (const auto separator = in.find("separator")) {
      const std::string text = separator->text();
      if (text != "," && text != ";" && text != "\t") separator->fail("\",\", \";\" or \"\\t\"");
      csv.options.separator = text[0];
    }
    data.source = csv;
  } else if (format.text() == "seeded") {
    data.source = read_seeded<SeededSource>(in);
    in.get("count");
  } else {
    format.fail("\"inline\", \"idx\", \"npy\", \"csv\" or \"seeded\"");
  }
  const bool file =
      !std::holds_alternative<InlineSource>(data.source) && !std::holds_alternative<SeededSource>(data.source);
  if (file) data.layout = read_layout(in, "layout", "channels-first", "channels-last");
  if (const auto first = in.find("first")) data.first = first->size();
  if (const auto count = in.find("count")) data.count = count->size();
  if (const auto multiply = in.find("multiply")) data.multiply = multiply->big_integer();
  if (const auto divide = in.find("divide")) {
    data.divide = divide->big_integer();
    if (data.divide <= 0) divide->fail("a positive integer");
  }
  if (auto noise = in.find("noise")) {
    data.noise = read_seeded<NoiseSpec>(*noise);
    noise->done();
  }
  in.done();
  return data;
}

Json to_json(const Classes& classes) {
  return std::visit(overloaded{[](const ClassList& list) { return Json(list.classes); },
                               [](const DataRows& data) { return to_json(data.spec); }},
                    classes);
}

Classes read_classes(JsonReader in) {
  if (!in.is_list()) return load_rows(read_dataset(in), in.folder());
  ClassList list;
  for (const JsonReader& one : in.list()) list.classes.push_back(one.size());
  return list;
}

Json to_json(const TargetsSpec& targets) {
  return std::visit(overloaded{[](const TensorSpec& tensor) { return to_json(tensor); },
                               [](const ClassTargets& by_class) {
                                 Json out = to_json(TensorSpec(ExplicitTensor{by_class.rows}));
                                 out["labels"] = to_json(by_class.labels);
                                 return out;
                               },
                               [](const DataRows& data) {
                                 return Json{{"data", to_json(data.spec)}};
                               }},
                    targets);
}

TargetsSpec read_targets(JsonReader in) {
  if (const auto labels = in.find("labels")) {
    ClassTargets by_class{read_classes(*labels), {}};
    for (const JsonReader& row : in.get("rows").list()) {
      auto& values = by_class.rows.emplace_back();
      for (const JsonReader& v : row.list()) values.push_back(v.rational());
    }
    in.done();
    return by_class;
  }
  if (const auto data = in.find("data")) {
    in.done();
    return load_rows(read_dataset(*data), in.folder());
  }
  return read_tensor(in);
}

}  // namespace widecert
