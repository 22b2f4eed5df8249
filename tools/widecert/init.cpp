// widecert init: a first case from a data file and a one-line architecture. What it chose is said aloud.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/data/file_format.h>
#include <widecert/data/idx.h>
#include <widecert/data/npy.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "commands.h"
#include "layer_words.h"

namespace widecert::tool {
namespace fs = std::filesystem;
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

namespace {

std::string bias_in_words(BiasMode mode) {
  if (mode == BiasMode::none) return "none";
  if (mode == BiasMode::channel) return "one per channel, tied over the patches, as frameworks have it";
  return "one per neuron, as in the papers (--bias channel ties them over the patches, as frameworks do)";
}

// What was chosen, a line each.
using Choices = std::vector<std::pair<std::string, std::string>>;

void write_case(const Common& common, const InitOptions& options, Json out, const Choices& choices, Json result) {
  out["format"] = "widecert-case";
  out["version"] = 1;
  write_atomically(options.output, to_text(out));
  if (common.json) {
    result["case"] = options.output;
    for (const auto& [name, what] : choices) result[name] = what;
    fmt::print("{}", to_text(result));
  } else if (!common.console.quiet) {
    fmt::print("{} written\n", options.output);
    for (const auto& [name, what] : choices) fmt::print("  {:<9} {}\n", name, what);
    fmt::print("next: widecert prove {}\n", shell_quoted(options.output));
  }
}

// An architecture alone: whether its weight matrices can have full rank.
int init_weights(const Common& common, const InitOptions& options) {
  if (options.shape.empty()) {
    throw InputError("without a data file, --shape says what the network reads, for example 224x224x3");
  }
  Architecture network("x", read_shape(options.shape));
  add_layers(network, options.layers, options.bias);
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
      {{"prove", fmt::format("Assumption 2.4 for {} layer(s)", layers)}, {"bias", bias_in_words(options.bias)}},
      {{"layers", layers}});
  return kProved;
}

// "31", counted from 1, a column's name, "last" or "none".
std::optional<std::size_t> label_column(const std::string& text, const CsvGuess& guess) {
  if (text == "none") return std::nullopt;
  if (text == "last") return guess.columns - 1;
  if (std::count(guess.names.begin(), guess.names.end(), text) > 1)
    throw InputError("--label-column " + text + ": several columns have this name; give its number, from 1 on");
  for (std::size_t c = 0; c < guess.names.size(); ++c)
    if (guess.names[c] == text) return c;
  const bool is_number = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos && text.size() < 8;
  const std::size_t column = is_number ? std::stoul(text) : 0;
  if (column == 0 || column > guess.columns) {
    throw InputError(fmt::format("--label-column {}: expected a column from 1 to {}, {}\"last\" or \"none\"", text,
                                 guess.columns, guess.names.empty() ? "" : "a name of the header, "));
  }
  return column - 1;
}

}  // namespace

CsvSource csv_source(const InitOptions& options, const std::string& relative, std::string& kept) {
  const std::string &path = options.data, &label = options.label_column;
  const CsvGuess guess = look_at_csv(path);
  CsvSource csv{relative, "", guess.options};
  if (guess.counts_columns && options.header.empty()) {
    throw InputError(path +
                     ": the first line counts 0, 1, 2, ...: names of columns, as pandas writes them, or a sample? "
                     "--header yes leaves it out, --header no takes it");
  }
  if (!options.header.empty()) csv.options.header = options.header == "yes";
  if (!label.empty()) csv.options.label_column = label_column(label, guess);
  std::vector<std::string> suspects;
  for (std::size_t c : guess.labels) {
    if (csv.options.label_column == c) continue;
    suspects.push_back(std::to_string(c + 1) + (guess.names.empty() ? "" : " (\"" + guess.names[c] + "\")"));
  }
  if (suspects.empty()) return csv;
  const bool one = suspects.size() == 1;
  const std::string looks =
      fmt::format("column{} {} of {} {}", one ? "" : "s", fmt::join(suspects, ", "), guess.columns,
                  one ? "looks like a label or an index" : "look like labels or indices");
  if (label.empty()) {
    throw InputError(
        fmt::format("{}: {} (words, few different integers, 0, 1, 2, ..., or by its name): --label-column {} leaves it "
                    "out, --label-column none keeps all columns as features",
                    path, looks, guess.labels.back() + 1));
  }
  kept = looks + ", kept as feature" + (one ? "" : "s");
  return csv;
}

namespace {

// The shape of a sample, where the file has it.
Shape shape_of(const std::string& path, const Extents& extents) {
  Shape shape;
  for (std::size_t d = 1; d < extents.size(); ++d) shape.push_back(extents[d]);
  if (shape.size() == 2) shape.push_back(1);
  if (shape.size() >= 3 && has_two_orders(shape)) {
    throw InputError(fmt::format(
        "{}: samples of {} numbers, and nothing says which extent counts the channels: give --shape "
        "HEIGHTxWIDTHxCHANNELS, for example --shape {}x{}x{} if the file keeps the channels last, {}x{}x{} if first",
        path, describe(shape), shape[0], shape[1], shape[2], shape[1], shape[2], shape[0]));
  }
  return shape;
}

// The first data set and the shape of its samples, as far as the file tells.
std::pair<DatasetSpec, Shape> read_source(const InitOptions& options, const std::string& relative, std::string& kept) {
  DatasetSpec data;
  Extents extents;
  const FileFormat format = file_format(options.data);
  if (!options.label_column.empty() && format != FileFormat::csv) {
    throw InputError("--label-column: " + options.data + " is no CSV file");
  }
  switch (format) {
    case FileFormat::csv:
      data.source = csv_source(options, relative, kept);
      break;
    case FileFormat::npy:
    case FileFormat::npz: {
      if (format == FileFormat::npz && options.member.empty()) {
        if (options.data.ends_with(".pt") || options.data.ends_with(".pth")) {
          throw InputError(options.data + ": a file of PyTorch, which is not read: save arrays with numpy.savez");
        }
        throw InputError(options.data + ": an archive: --member says which array; numpy.load(...).files lists them");
      }
      data.source = NpySource{relative, "", options.member};
      extents = read_npy(options.data, options.member).shape;
      break;
    }
    case FileFormat::idx: {
      data.source = IdxSource{relative, "", ""};
      extents = read_idx(options.data).shape;
      break;
    }
  }
  if (!options.axes.empty()) data.layout.axes = options.axes;
  if (!options.flatten.empty()) data.layout.flatten = flattening_by_name(options.flatten);
  data.first = options.first;
  if (options.count != 0) data.count = options.count;
  if (!options.shape.empty()) return {data, read_shape(options.shape)};
  if (extents.size() == 1) {
    throw InputError(
        options.data +
        ": one number for each sample, which looks like labels; the samples are in another file (--shape 1 "
        "takes these numbers as the samples)");
  }
  if (!options.axes.empty() && extents.size() == options.axes.size()) {
    Shape shape;
    for (std::size_t k = 1; k < options.axes.size(); ++k) shape.push_back(extents.at(options.axes[k]));
    if (shape.size() == 2) shape.push_back(1);
    return {data, shape};
  }
  return {data, extents.size() > 1 ? shape_of(options.data, extents) : Shape{}};
}

}  // namespace

int run_init(const Common& common, const InitOptions& options) {
  if (fs::exists(options.output)) {
    throw InputError(options.output + " exists already; choose another --output or remove it");
  }
  if (options.data.empty()) return init_weights(common, options);
  const std::string folder = fs::weakly_canonical(fs::absolute(options.output)).parent_path().string();
  std::string kept;
  // An absolute path stays one: the case may move.
  const bool absolute = fs::path(options.data).is_absolute();
  auto [data, shape] =
      read_source(options, absolute ? options.data : fs::relative(options.data, folder).string(), kept);
  const DatasetSpec asked = data;
  Dataset samples = load(asked, folder, shape, &data);
  if (shape.empty()) shape = {samples.width()};
  if (shape.size() > 1 && samples.divisor() == 1 && options.noise != "none") {
    // The paper perturbs its images; bounded integer noise makes patches distinct.
    data = asked;
    data.multiply = 256;
    data.divide = 256;
    data.noise = NoiseSpec{common.seed, 0, 255};
    samples = load(DatasetSpec(data), folder, shape, &data);
  }
  Architecture network("x", shape);
  add_layers(network, options.layers, options.bias);
  // The first activation that is wide enough, else the last one.
  std::string node;
  for (const Node& candidate : network.nodes()) {
    if (!std::holds_alternative<ActivationSpec>(candidate.spec)) continue;
    node = candidate.name;
    if (candidate.width >= samples.size()) break;
  }
  if (node.empty()) throw InputError("--layers has no activation; the theorems speak of features after one");
  const auto kind = std::get<ActivationSpec>(network.node(network.index_of(node)).spec).function.kind;
  const std::string theorem_id = options.bias != BiasMode::neuron
                                     ? (facts(kind).analytic ? "theorem-3.5" : "rank-at")  // others need untied biases
                                 : satisfies_assumption_3_2({kind, 1}) || kind != ActivationKind::tanh
                                     ? "theorem-3.4"
                                     : "row-difference";
  const std::size_t width = network.node(network.index_of(node)).width;
  Choices choices{
      {"data", describe(data, folder)},
      {"samples", fmt::format("{} of {}{}", samples.size(), describe(shape),
                              shape.size() == 3   ? " (height x width x channels)"
                              : shape.size() == 2 ? " (length x channels)"
                                                  : " numbers")},
      {"noise", data.noise ? "added, so that patches are distinct (--noise none leaves the data as they are)" : "none"},
      {"bias", bias_in_words(options.bias)},
      {"prove", fmt::format("{} at layer {} with {} neurons{}", theorem_id, node, width,
                            width < samples.size() ? ", fewer than samples: rank F < N is what can be proved" : "")}};
  if (!kept.empty()) choices.emplace_back("features", kept);
  write_case(common, options,
             {{"title", fs::path(options.data).filename().string() + ": " + options.layers},
              {"network", to_json(network)},
              {"data", to_json(data)},
              {"prove", Json::array({Json{{"theorem", theorem_id}, {"node", node}}})}},
             choices, {{"size", samples.size()}, {"node", node}});
  return kProved;
}

}  // namespace widecert::tool
