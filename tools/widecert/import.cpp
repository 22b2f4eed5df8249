// widecert import: a case from a model of a framework. Its weights stand beside it in an NPZ file, in the framework's
// order, and the case says which that is. What was left off or rounded is said aloud.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/data/file_format.h>
#include <widecert/data/zip_file.h>
#include <widecert/import/onnx_model.h>
#include <widecert/import/state_dict.h>
#include <widecert/network/enclosed_forward.h>
#include <widecert/network/targets.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "commands.h"
#include "label_file.h"
#include "layer_words.h"
#include "proofs/case_file.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

// An array that a framework wrote: .npy, .npz with one array, or a tensor of ONNX test data.
onnx::Array read_array(const std::string& path) {
  if (path.ends_with(".pb")) return onnx::read_onnx_array(path);
  const auto [name, member] = file_and_member(path);
  NpyArray array = read_npy(name, member);
  const bool integers = std::holds_alternative<std::vector<std::int64_t>>(array.values);
  return {array.shape, integers ? "int64" : "float64", std::move(array.values)};
}

Integer read_whole(const std::string& text, const char* option) {
  const Rational value = parse_rational(text);
  if (denominator(value) != 1 || value <= 0) throw InputError(std::string(option) + ": expected a positive integer");
  return numerator(value);
}

// The data set of the case: samples as the model takes them.
DatasetSpec data_of(const ImportFileOptions& options, const ImportedModel& model, const std::string& relative) {
  DatasetSpec data;
  switch (file_format(options.data)) {
    case FileFormat::idx:
      data.source = IdxSource{relative, "", ""};
      break;
    case FileFormat::npy:
    case FileFormat::npz:
      data.source = NpySource{relative, "", options.member};
      data.layout = model.input_layout;
      break;
    case FileFormat::csv: {
      InitOptions csv;
      csv.data = options.data;
      csv.label_column = options.label_column;
      csv.header = options.header;
      std::string kept;
      data.source = csv_source(csv, relative, kept);
      if (model.input_layout.flatten) data.layout.flatten = model.input_layout.flatten;
      break;
    }
  }
  if (std::holds_alternative<IdxSource>(data.source) && model.input.size() == 3 && model.input[0] > 1)
    data.layout = model.input_layout;
  data.multiply = read_whole(options.multiply, "--multiply");
  data.divide = read_whole(options.divide, "--divide");
  data.first = options.first;
  if (options.count != 0) data.count = options.count;
  return data;
}

// One-hot rows of the samples' classes, one for each output. `data`: where the samples are.
ClassTargets targets_of(const ImportFileOptions& options, const DatasetSpec& data, const std::string& folder,
                        std::size_t samples, std::size_t outputs) {
  DatasetSpec labels;
  if (options.labels == "column") {
    const auto* csv = std::get_if<CsvSource>(&data.source);
    if (csv == nullptr || !csv->options.label_column)
      throw InputError("--labels column: a CSV file of data with a --label-column is expected");
    CsvSource column = *csv;
    column.options.column = column.options.label_column;
    column.options.label_column.reset();
    labels.source = column;
  } else {
    labels = labels_in(options.labels, folder);
  }
  labels.first = options.first;
  if (options.count != 0) labels.count = options.count;
  try {
    ClassTargets targets = one_hot(load_rows(labels, folder), outputs);
    expand_targets(targets, samples, outputs);
    return targets;
  } catch (const InputError& error) {
    throw InputError(options.labels + ": " + error.what());
  }
}

// The network on the framework's own inputs, against its outputs.
struct Fidelity {
  std::size_t samples = 0, entries = 0;
  double largest = 0, radius = 0, size = 0;
};
Fidelity compare(const ImportedModel& model, const std::vector<std::string>& files) {
  const onnx::Array in = read_array(files.at(0)), out = read_array(files.at(1));
  const std::size_t width = product(model.input), outputs = model.output_order.size();
  const auto samples_of = [](const onnx::Array& array, const Extents& each, const std::string& file) {
    const Extents found(array.shape.empty() ? array.shape.begin() : array.shape.begin() + 1, array.shape.end());
    if (array.size() == 0 || found != each) {
      throw InputError(fmt::format("{}: an array of {}; expected samples along the first axis, each of {}", file,
                                   describe(array.shape), describe(each)));
    }
    return array.shape[0];
  };
  Fidelity result;
  result.samples = samples_of(in, model.input, files[0]);
  if (samples_of(out, model.output_extents, files[1]) != result.samples)
    throw InputError(fmt::format("{} has {} samples, {} has {}", files[0], result.samples, files[1],
                                 samples_of(out, model.output_extents, files[1])));
  // Samples in our order: that of the input node.
  Extents row{result.samples};
  row.insert(row.end(), model.input.begin(), model.input.end());
  NpyArray array{row, in.values, {}};
  if (!model.input_layout.axes.empty()) array = transposed(std::move(array), model.input_layout.axes, files[0]);
  const Extents each(array.shape.begin() + 1, array.shape.end());
  Layout ours;  // the axes are ours now
  ours.flatten = model.input_layout.flatten;
  if (array.shape.size() > 2) {
    ours.axes.resize(array.shape.size());
    std::iota(ours.axes.begin(), ours.axes.end(), std::size_t{0});
  }
  const std::vector<std::size_t> order = row_order(each, ours, model.network.node(0).shape, files[0]);
  const std::vector<double> numbers = onnx::Array{array.shape, "", array.values}.doubles();
  std::vector<std::vector<Rational>> samples(result.samples);
  for (std::size_t i = 0; i < result.samples; ++i) {
    for (std::size_t j = 0; j < width; ++j) {
      const double v = numbers[i * width + (order.empty() ? j : order[j])];
      if (!std::isfinite(v)) throw InputError(files[0] + ": a number that is not finite");
      samples[i].push_back(exactly(v));
    }
  }
  const Dataset data = Dataset::from_samples(samples);
  const IntegerPoint point = integer_point(model.network, model.parameters, model.output);
  const EnclosedValues values = EnclosedForward(model.network, point, model.output, data)(0, result.samples);
  const std::vector<double> theirs = out.doubles();
  for (std::size_t i = 0; i < result.samples; ++i) {
    for (std::size_t k = 0; k < outputs; ++k) {
      const auto row_of = static_cast<Eigen::Index>(i), column = static_cast<Eigen::Index>(model.output_order[k]);
      const double difference = std::abs(values.middle(row_of, column) - theirs[i * outputs + k]);
      if (!(difference <= result.largest)) result.largest = difference;
      result.radius = std::max(result.radius, values.radius(row_of, column));
      result.size = std::max(result.size, std::abs(theirs[i * outputs + k]));
    }
  }
  result.entries = result.samples * outputs;
  // What float32 rounds away is about 10^-6 of the values; this is another network.
  if (!(result.largest <= 1e-3 * result.size + 1e-9)) {
    throw InputError(
        fmt::format("--check: this is another network than the framework's: outputs differ by up to {:.3g}, and are up "
                    "to {:.3g}. Are {} the "
                    "model's own outputs on {}, in evaluation mode, and before a softmax that was left off? Does the "
                    "architecture say padding "
                    "and strides as the model has them? Nothing is written{}",
                    result.largest, result.size, files[1], files[0],
                    model.notes.empty() ? "" : fmt::format("; notes: {}", fmt::join(model.notes, "; "))));
  }
  return result;
}

// The activation that is wide enough first, or the widest; else the output.
std::size_t layer_of(const ImportFileOptions& options, const ImportedModel& model, std::size_t samples) {
  if (!options.layer.empty()) return model.network.index_of(options.layer, "--layer");
  std::size_t widest = model.output;
  for (std::size_t i = 0; i < model.network.nodes().size(); ++i) {
    const Node& node = model.network.node(i);
    if (!std::holds_alternative<ActivationSpec>(node.spec)) continue;
    if (samples != 0 && node.width >= samples) return i;
    if (!std::holds_alternative<ActivationSpec>(model.network.node(widest).spec) ||
        node.width > model.network.node(widest).width)
      widest = i;
  }
  return widest;
}

std::pair<std::string, std::string> named(const std::string& text, const char* option, const char* what) {
  const auto at = text.find('=');
  if (at == std::string::npos) throw InputError(fmt::format("{} {}: expected {}", option, text, what));
  return {text.substr(0, at), text.substr(at + 1)};
}

// `origin`: where it comes from, in words.
ImportedModel from_onnx(const ImportFileOptions& options, const std::string& npz, std::string& origin) {
  if (!options.architecture.empty() || !options.modules.empty())
    throw InputError("--architecture and --module belong to lists of tensors; an ONNX model says its layers itself");
  ImportOptions import{npz, {}, options.value};
  for (const std::string& constant : options.constants) {
    const auto [name, file] = named(constant, "--constant", "NAME=FILE");
    import.values.emplace(name, read_array(file));
  }
  const onnx::Graph graph = onnx::read_onnx(options.model);
  origin = fmt::format("{}, opset {}", graph.producer.empty() ? "an unnamed exporter" : graph.producer, graph.opset);
  return import_onnx(graph, import);
}

ImportedModel from_tensors(const ImportFileOptions& options, const std::string& npz, std::string& origin) {
  if (!options.model.ends_with(".safetensors") && !options.model.ends_with(".npz")) {
    throw InputError(
        options.model + ": expected .onnx, .safetensors or .npz" +
        (options.model.ends_with(".pt") || options.model.ends_with(".pth")
             ? "; numpy.savez(\"w.npz\", **{k: v.numpy() for k, v in model.state_dict().items()}) writes one"
             : ""));
  }
  if (!options.constants.empty() || !options.value.empty())
    throw InputError("--constant and --output-value belong to ONNX models");
  if (options.architecture.empty()) {
    throw InputError(
        options.model +
        ": a list of tensors, without layers: --architecture says them, a case or words (widecert init --help)");
  }
  StateDictOptions import{npz, {}, {}};
  for (const std::string& module : options.modules) import.modules.insert(named(module, "--module", "LAYER=MODULE"));
  const StateDict dict = read_state_dict(options.model);
  origin = fmt::format("{} tensors", dict.tensors.size());
  if (options.architecture.ends_with(".json") || fs::exists(options.architecture))
    return import_state_dict(dict, read_case(options.architecture).network, import);
  if (options.shape.empty())
    throw InputError("--shape says what the network reads, height, width, channels: for example 28x28x1");
  Architecture layers("x", read_shape(options.shape));
  add_layers(layers, options.architecture, BiasMode::neuron, &import.epsilon);
  return import_state_dict(dict, layers, import);
}

// What a model's preprocessing does to its samples, (x - mean) / std for each channel, as a first layer of the network.
ImportedModel with_normalization(ImportedModel model, const std::vector<std::string>& mean,
                                 const std::vector<std::string>& std) {
  const Node& input = model.network.node(0);
  const std::size_t channels = input.shape.back();
  const auto numbers = [&](const std::vector<std::string>& given, const char* option, const Rational& otherwise) {
    std::vector<Rational> out;
    for (const std::string& text : given) out.push_back(parse_rational(text));
    if (out.empty()) out.push_back(otherwise);
    if (out.size() == 1) out.resize(channels, out[0]);
    if (out.size() != channels)
      throw InputError(fmt::format("{}: {} numbers for {} channels", option, out.size(), channels));
    return out;
  };
  const std::vector<Rational> m = numbers(mean, "--mean", 0), s = numbers(std, "--std", 1);
  std::vector<Rational> scale, shift;
  for (std::size_t c = 0; c < channels; ++c) {
    if (s[c] == 0) throw InputError("--std: a division by 0");
    scale.push_back(1 / s[c]);
    shift.push_back(-m[c] / s[c]);
  }
  Architecture network(input.name, input.shape);
  network.add("normalize", BatchNormSpec{ExplicitTensor{{scale}}, ExplicitTensor{{shift}}}, {input.name});
  for (std::size_t i = 1; i < model.network.nodes().size(); ++i) {
    const Node& node = model.network.node(i);
    std::vector<std::string> inputs;
    for (std::size_t k : node.inputs) inputs.push_back(k == 0 ? "normalize" : model.network.node(k).name);
    network.add(node.name, node.spec, inputs);
  }
  model.network = network;
  ++model.output;
  model.notes.push_back(
      "samples are normalized by the first layer, exactly: less the mean, over the standard deviation, of each "
      "channel");
  return model;
}

}  // namespace

int run_import(const Common& common, const ImportFileOptions& options) {
  if (!options.output.ends_with(".case.json")) throw InputError(options.output + ": the case is called NAME.case.json");
  const std::string base = options.output.substr(0, options.output.size() - std::string(".case.json").size());
  for (const std::string& file : {options.output, base + ".npz"})
    if (fs::exists(file)) throw InputError(file + " exists already; choose another --output or remove it");
  const std::string npz = fs::path(base).filename().string() + ".npz";
  std::string origin;
  ImportedModel model =
      options.model.ends_with(".onnx") ? from_onnx(options, npz, origin) : from_tensors(options, npz, origin);
  std::optional<Fidelity> fidelity;
  if (!options.check.empty()) fidelity = compare(model, options.check);
  if (!options.mean.empty() || !options.std.empty())
    model = with_normalization(std::move(model), options.mean, options.std);

  const std::string folder = fs::weakly_canonical(fs::absolute(options.output)).parent_path().string();
  Json out{{"format", "widecert-case"}, {"version", 1}, {"title", fs::path(options.model).filename().string()}};
  std::string about = fmt::format("Imported from {} ({}).", fs::path(options.model).filename().string(), origin);
  for (const std::string& note : model.notes) about += " " + note + ".";
  out["about"] = about;
  out["network"] = to_json(model.network);
  std::size_t samples = 0;
  std::string said;
  DatasetSpec resolved;
  if (!options.labels.empty() && options.data.empty())
    throw InputError("--labels: of which samples? --data names them");
  if (!options.data.empty()) {
    const bool absolute = fs::path(options.data).is_absolute();
    DatasetSpec data = data_of(options, model, absolute ? options.data : fs::relative(options.data, folder).string());
    const DatasetSpec asked = data;
    samples = load(asked, folder, model.network.node(0).shape, &data).size();
    out["data"] = to_json(data);
    said = describe(data, folder);
    resolved = data;
  }
  const std::size_t layer = layer_of(options, model, samples);
  Json requests = Json::array();
  const auto request = [&](const char* theorem, std::size_t node, const PointSpec& point) {
    requests.push_back({{"theorem", theorem}, {"node", model.network.node(node).name}, {"parameters", to_json(point)}});
  };
  if (samples != 0) {
    for (const char* theorem : {"rank-at", "singular-values"})
      request(theorem, layer, point_below(model.network, model.parameters, layer));
  } else {
    for (const auto& [name, tensors] : model.parameters) {
      const std::size_t i = model.network.index_of(name);
      request("weights-rank-at", i, {{name, NodeTensors{tensors.weights, {}}}});
    }
  }
  if (!options.labels.empty()) {
    const Node& output = model.network.node(model.output);
    const auto* linear = std::get_if<LinearSpec>(&output.spec);
    const std::size_t below = output.inputs.at(0), width = model.network.node(below).width;
    if (linear == nullptr || !std::holds_alternative<DenseSpec>(linear->form)) {
      model.notes.push_back("nothing is asked about the loss: the output " + output.name + " is no dense layer");
    } else if (width + (linear->free_bias() ? 1 : 0) < samples) {
      model.notes.push_back(
          fmt::format("nothing is asked about the loss: layer {} has {} neurons, fewer than the {} samples",
                      model.network.node(below).name, width, samples));
    } else {
      const ClassTargets targets = targets_of(options, resolved, folder, samples, output.width);
      requests.push_back({{"theorem", "zero-loss-nearby"},
                          {"node", model.network.node(below).name},
                          {"output", output.name},
                          {"parameters", to_json(point_below(model.network, model.parameters, model.output))},
                          {"targets", to_json(TargetsSpec(targets))}});
      model.notes.push_back(fmt::format("targets are one-hot rows of the {} classes", output.width));
    }
  }
  out["prove"] = std::move(requests);
  std::map<std::string, std::string> members;
  for (const auto& [name, bytes] : model.arrays) members[name + ".npy"] = bytes;
  write_zip(base + ".npz", members);
  write_atomically(options.output, to_text(out));

  std::string difference;
  if (fidelity) {
    difference = fmt::format(
        "the largest difference of {} outputs (up to {:.3g}) on {} samples is {:.3g}; ours are known to {:.1g}",
        fidelity->entries, fidelity->size, fidelity->samples, fidelity->largest, fidelity->radius);
  }
  if (common.json) {
    Json result{{"case", options.output},
                {"weights", base + ".npz"},
                {"nodes", model.network.nodes().size()},
                {"layer", model.network.node(layer).name},
                {"notes", model.notes}};
    if (samples != 0) result["samples"] = samples;
    if (fidelity) result["largest_difference"] = fidelity->largest;
    fmt::print("{}", to_text(result));
  } else if (!common.console.quiet) {
    fmt::print("{} and {}.npz written\n", options.output, base);
    fmt::print("  model     {}, {} layers here\n", origin, model.network.nodes().size());
    fmt::print("  input     {} as the model has them\n", describe(model.input));
    if (!said.empty()) fmt::print("  data      {}\n", said);
    for (const std::string& note : model.notes) fmt::print("  note      {}\n", note);
    if (!difference.empty()) fmt::print("  check     {}\n", difference);
    fmt::print("  prove     {}\nnext: widecert prove {}\n",
               samples != 0 ? fmt::format("rank and singular values at layer {}, {} samples",
                                          model.network.node(layer).name, samples)
                            : "the rank of the weights of each layer (--data asks about features)",
               shell_quoted(options.output));
  }
  return kProved;
}

}  // namespace widecert::tool
