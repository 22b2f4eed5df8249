// widecert init: a first case from a data file and a one-line architecture.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/data/idx.h>
#include <widecert/data/npy.h>
#include <widecert/number/error.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "commands.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

// "conv2d:3x3:50 sigmoid maxpool2d:2x2 dense:100 relu" -> nodes named conv1, sigmoid1, ...
void add_layers(Architecture& network, const std::string& line) {
  std::istringstream words(line);
  std::string word, previous = network.node(0).name;
  std::map<std::string, int> counts;
  const auto number = [&](const std::string& text) {
    if (text.empty() || text.size() > 9 || text.find_first_not_of("0123456789") != std::string::npos) {
      throw InputError("--layers: \"" + word + "\": \"" + text + "\" is not a number of at most 9 digits");
    }
    return static_cast<std::size_t>(std::stoul(text));
  };
  while (words >> word) {
    std::vector<std::string> parts;
    std::istringstream fields(word);
    for (std::string part; std::getline(fields, part, ':');) parts.push_back(part);
    const std::string op = parts.empty() ? word : parts[0];
    const auto window = [&](const std::string& text, int dimensions) {
      WindowSpec w;
      w.dimensions = dimensions;
      const auto cross = text.find('x');
      if (dimensions == 1) {
        w.size = {1, number(text)};
      } else {
        if (cross == std::string::npos) throw InputError("--layers: \"" + word + "\": expected HxW");
        w.size = {number(text.substr(0, cross)), number(text.substr(cross + 1))};
      }
      return w;
    };
    NodeSpec spec;
    std::string stem = op;
    if ((op == "conv2d" || op == "conv1d") && parts.size() >= 3) {
      ConvSpec conv{window(parts[1], op == "conv1d" ? 1 : 2), number(parts[2]), 1};
      for (std::size_t k = 3; k < parts.size(); ++k) {
        if (parts[k] == "same") {
          conv.window.padding.kind = Padding::Kind::same;
        } else if (parts[k].starts_with("stride")) {
          conv.window.stride[1] = number(parts[k].substr(6));
          if (op == "conv2d") conv.window.stride[0] = conv.window.stride[1];
        } else {
          throw InputError("--layers: \"" + word + "\": expected \"same\" or \"stride2\" after the filters");
        }
      }
      LinearSpec linear;
      linear.form = conv;
      spec = linear;
      stem = "conv";
    } else if (op == "dense" && parts.size() == 2) {
      LinearSpec linear;
      linear.form = DenseSpec{number(parts[1])};
      spec = linear;
    } else if ((op == "maxpool2d" || op == "maxpool1d") && parts.size() == 2) {
      WindowSpec w = window(parts[1], op == "maxpool1d" ? 1 : 2);
      w.stride = w.size;
      spec = PoolSpec{PoolSpec::Kind::max, w};
      stem = "pool";
    } else if (const auto kind = activation_by_name(op);
               kind && parts.size() == (*kind == ActivationKind::leaky_relu ? 2u : 1u)) {
      spec = ActivationSpec{{*kind, parts.size() == 2 ? parse_rational(parts[1]) : Rational(1)}};
    } else {
      throw InputError("--layers: \"" + word +
                       "\" is not understood; write for example "
                       "\"conv2d:3x3:50:same:stride2 sigmoid maxpool2d:2x2 dense:2000 leaky-relu:1/100\"");
    }
    const std::string name = stem + std::to_string(++counts[stem]);
    network.add(name, spec, {previous});
    previous = name;
  }
}

Shape read_shape(const std::string& text) {
  const auto fail = [] { throw InputError("--shape: expected for example 28x28x1"); };
  Shape shape;
  if (text.empty() || text.back() == 'x') fail();
  std::istringstream extents(text);
  for (std::string part; std::getline(extents, part, 'x');) {
    const Rational extent = parse_rational(part);
    if (extent < 1 || extent > 1'000'000 || denominator(extent) != 1) fail();
    shape.push_back(numerator(extent).convert_to<std::size_t>());
  }
  return shape;
}

void write_case(const Common& common, const InitOptions& options, Json out, const std::string& what) {
  out["format"] = "widecert-case";
  out["version"] = 1;
  write_atomically(options.output, to_text(out));
  if (!common.json && !common.console.quiet) {
    fmt::print("{} written: {}\nnext: widecert prove {}\n", options.output, what, options.output);
  }
}

// An architecture alone: whether its weight matrices can have full rank.
int init_weights(const Common& common, const InitOptions& options) {
  if (options.shape.empty()) {
    throw InputError("without a data file, --shape says what the network reads, for example 224x224x3");
  }
  Architecture network("x", read_shape(options.shape));
  add_layers(network, options.layers);
  Json requests = Json::array();
  for (const Node& node : network.nodes()) {
    if (std::holds_alternative<LinearSpec>(node.spec)) {
      requests.push_back({{"theorem", "full-rank-weights"}, {"node", node.name}});
    }
  }
  if (requests.empty()) throw InputError("--layers has no layer with weights");
  const std::size_t layers = requests.size();
  write_case(
      common, options,
      {{"title", options.shape + ": " + options.layers}, {"network", to_json(network)}, {"prove", std::move(requests)}},
      fmt::format("Assumption 2.4 for {} layer(s)", layers));
  if (common.json) fmt::print("{}", to_text(Json{{"case", options.output}, {"layers", layers}}));
  return kProved;
}

}  // namespace

int run_init(const Common& common, const InitOptions& options) {
  if (fs::exists(options.output)) {
    throw InputError(options.output + " exists already; choose another --output or remove it");
  }
  if (options.data.empty()) return init_weights(common, options);
  const std::string folder = fs::absolute(options.output).parent_path().string();
  DatasetSpec data;
  const std::string relative = fs::relative(fs::absolute(options.data), folder).string();
  const bool csv = options.data.ends_with(".csv") || options.data.ends_with(".csv.gz");
  Shape shape;
  if (csv) {
    data.source = CsvSource{relative, "", {}};
  } else if (options.data.ends_with(".npy")) {
    data.source = NpySource{relative, "", ""};
    const NpyArray array = read_npy(options.data, "");
    if (array.shape.size() > 1) shape.assign(array.shape.begin() + 1, array.shape.end());
    if (shape.size() == 2) shape.push_back(1);
  } else {
    data.source = IdxSource{relative, "", ""};
    const IdxFile file = read_idx(options.data);
    shape.assign(file.extents.begin() + 1, file.extents.end());
    if (shape.size() == 2) shape.push_back(1);
    const auto* pixels = std::get_if<std::vector<std::int64_t>>(&file.values);
    if (pixels != nullptr) {
      // The paper perturbs its images; bounded integer noise makes patches distinct.
      data.multiply = 256;
      data.divide = 256;
      data.noise = NoiseSpec{common.seed, 0, 255};
    }
  }
  const Dataset samples = load(data, folder, &data);
  if (shape.empty()) shape = {samples.width()};
  if (!options.shape.empty()) shape = read_shape(options.shape);
  Architecture network("x", shape);
  if (network.input_width() != samples.width()) {
    throw InputError("--shape " + describe(shape) + " has " + std::to_string(network.input_width()) +
                     " entries; a sample has " + std::to_string(samples.width()));
  }
  add_layers(network, options.layers);
  // The first activation that is wide enough, else the last one.
  std::string node;
  for (const Node& candidate : network.nodes()) {
    if (!std::holds_alternative<ActivationSpec>(candidate.spec)) continue;
    node = candidate.name;
    if (candidate.width >= samples.size()) break;
  }
  if (node.empty()) throw InputError("--layers has no activation; the theorems speak of features after one");
  const auto kind = std::get<ActivationSpec>(network.node(network.index_of(node)).spec).function.kind;
  const std::string theorem_id =
      satisfies_assumption_3_2({kind, 1}) || kind != ActivationKind::tanh ? "theorem-3.4" : "row-difference";
  const std::size_t width = network.node(network.index_of(node)).width;
  write_case(common, options,
             {{"title", fs::path(options.data).filename().string() + ": " + options.layers},
              {"network", to_json(network)},
              {"data", to_json(data)},
              {"prove", Json::array({Json{{"theorem", theorem_id}, {"node", node}}})}},
             fmt::format("{} samples, layer {} has {} neurons", samples.size(), node, width));
  if (common.json) {
    fmt::print("{}", to_text(Json{{"case", options.output}, {"samples", samples.size()}, {"node", node}}));
  }
  return kProved;
}

}  // namespace widecert::tool
