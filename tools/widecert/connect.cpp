// widecert connect: two trained networks in; a verdict, and a path if one is found.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/data/npy.h>
#include <widecert/data/zip_file.h>
#include <widecert/import/state_dict.h>
#include <widecert/network/enclosed_forward.h>
#include <widecert/network/layers_above.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "chart.h"
#include "commands.h"
#include "label_file.h"
#include "onnx_file.h"
#include "proofs/paths/convex_loss.h"
#include "proved_case.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

struct Loaded {
  ImportedModel model;
  std::string npz;
};
Loaded load_network(const std::string& path, const Architecture& layers, const std::string& npz,
                    const std::vector<std::string>& modules) {
  StateDictOptions import{npz, {}, {}};
  for (const std::string& module : modules) {
    const auto at = module.find('=');
    if (at == std::string::npos) throw InputError("--module " + module + ": expected LAYER=MODULE");
    import.modules.emplace(module.substr(0, at), module.substr(at + 1));
  }
  return {import_state_dict(read_state_dict(path), layers, import), npz};
}

PointSpec part_of(const PointSpec& point, const Architecture& network, const std::vector<std::size_t>& layers) {
  PointSpec part;
  for (std::size_t i : layers)
    if (const auto found = point.find(network.node(i).name); found != point.end()) part.insert(*found);
  return part;
}

// The second network names the arrays of the first one where they are the same: then nobody has to compare bytes.
void share_equal_layers(const Loaded& a, Loaded& b) {
  const std::map<std::string, std::string>&first = a.model.arrays, &second = std::as_const(b.model.arrays);
  for (auto& [layer, tensors] : b.model.parameters) {
    const auto same = [&, &name = layer](const char* what) {
      const auto one = first.find(name + what), other = second.find(name + what);
      return (one == first.end()) == (other == second.end()) && (one == first.end() || one->second == other->second);
    };
    if (!same(".weight") || !same(".bias")) continue;
    tensors = a.model.parameters.at(layer);
    for (const char* what : {".weight", ".bias"}) b.model.arrays.erase(layer + what);
  }
}

// The lowest node above which all is dense, and where the networks agree in what lies below.
std::optional<std::size_t> common_base(const Architecture& network, std::size_t output, const Loaded& b) {
  std::string why;
  for (std::size_t i : network.ancestors(output)) {
    if (i != 0 && !std::holds_alternative<ActivationSpec>(network.node(i).spec)) continue;
    const auto above = layers_above(network, i, output, why);
    if (!above ||
        !std::all_of(above->linear.begin(), above->linear.end(), [&](std::size_t l) { return network.is_dense(l); }))
      continue;
    const auto below = linear_nodes(network, i);
    if (std::none_of(below.begin(), below.end(),
                     [&](std::size_t l) { return b.model.arrays.contains(network.node(l).name + ".weight"); }))
      return i;
  }
  return std::nullopt;
}

// ---- what is drawn and kept of a path: in doubles ----

struct Path {
  std::vector<PointSpec> points;
  std::vector<bool> top;  // of each move
};
Path read_path(const Outcome& outcome, const Architecture& network, std::size_t output, const PointSpec& from,
               const std::string& claim) {
  Path path{{from}, {}};
  const Json proof = outcome.findings.front().proof.json();
  for (const Json& move : proof.at("moves")) {
    JsonReader in(move, claim);
    const bool top = in.get("move").text() == "top";
    PointSpec next = path.points.back();
    NodeTensors& tensors = next[top ? network.node(output).name : in.get("layer").text()];
    tensors.weights = read_tensor(in.get("weights"));
    if (const auto bias = in.find("bias")) tensors.bias = read_tensor(*bias);
    path.points.push_back(std::move(next));
    path.top.push_back(top);
  }
  return path;
}

void write_path(const std::string& file, const Path& path, const Architecture& network, std::size_t output) {
  std::map<std::string, std::string> members;
  for (std::size_t k = 0; k < path.points.size(); ++k) {
    for (std::size_t i : linear_nodes(network, output)) {
      const auto found = path.points[k].find(network.node(i).name);
      if (found == path.points[k].end()) continue;
      const auto put = [&](const TensorSpec& spec, const TensorShape& shape, const char* what) {
        std::string bytes;
        std::size_t rows = 0, columns = 0;
        for (const auto& row : expand(spec, shape, what)) {
          ++rows;
          columns = row.size();
          for (const Rational& v : row) {
            const auto value = v.convert_to<double>();
            bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
          }
        }
        members[fmt::format("{}.{}.{}.npy", k, network.node(i).name, what)] = npy_bytes("<f8", {rows, columns}, bytes);
      };
      if (found->second.weights) put(*found->second.weights, network.weights_shape(i), "weight");
      if (found->second.bias) put(*found->second.bias, network.bias_shape(i), "bias");
    }
  }
  write_zip(file, members);
}

// The loss along the path: straight moves of the output layer between outputs at their ends, constant elsewhere.
void draw_profile(const std::string& file, const Instance& instance, const Path& path, std::size_t output,
                  const ConvexLossSpec& spec, const Rational& certified) {
  const auto level = certified.convert_to<double>();
  const ConvexLoss loss(spec, instance.data.size(), instance.network.node(output).width);
  std::vector<std::pair<double, double>> line;
  std::vector<Matrix<double>> ends;
  for (const PointSpec& point : path.points)
    ends.push_back(EnclosedForward(instance.network, integer_point(instance.network, point, output), output,
                                   instance.data)(0, instance.data.size())
                       .middle);
  for (std::size_t k = 0; k + 1 < ends.size(); ++k) {
    for (int s = 0; s <= 24; ++s) {
      const double t = s / 24.0;
      const Matrix<double> f = path.top[k] ? Matrix<double>((1 - t) * ends[k] + t * ends[k + 1]) : ends[k];
      line.emplace_back(static_cast<double>(k) + t, loss.phi(f));
    }
  }
  double low = level, high = level;
  for (const auto& [x, y] : line) {
    low = std::min(low, y);
    high = std::max(high, y);
  }
  const bool log = low > 0 && high / low > 50;
  const Chart chart(axis(0, static_cast<double>(path.top.size()), false), axis(low, high == low ? low + 1 : high, log));
  std::string svg =
      chart.frame("moves, from the first network to the second", spec.kind + " loss, sum over the samples");
  const double y = chart.y.at(level);
  svg += fmt::format(
      "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#c0392b\" stroke-dasharray=\"5 4\"/>"
      "<text x=\"{:.1f}\" y=\"{:.1f}\" fill=\"#c0392b\" text-anchor=\"end\">certified on every piece: at most "
      "{}</text>",
      chart.left(), chart.right(), y, y, chart.right(), y - 6, decimal_above(certified, 6));
  std::string points;
  for (const auto& [x, v] : line)
    points += fmt::format("{:.1f},{:.1f} ", chart.x.at(x), chart.y.at(log ? std::max(v, low) : v));
  svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/></svg>\n", points,
                     chart_colour(0));
  write_atomically(file, svg);
}

}  // namespace

int run_connect(const Common& common, const ConnectOptions& options) {
  if (!options.output.ends_with(".case.json")) throw InputError(options.output + ": the case is called NAME.case.json");
  if (fs::exists(options.output))
    throw InputError(options.output + " exists already; choose another --output or remove it");
  const std::string base = options.output.substr(0, options.output.size() - std::string(".case.json").size());
  const fs::path folder = fs::weakly_canonical(fs::absolute(options.output)).parent_path();
  // As it is said: the square loss of the claims is half a sum.
  const std::string loss = options.loss == "square" ? "square loss (half the sum of squares)" : options.loss + " loss";
  const std::string stem = fs::path(base).filename().string();
  const CaseFile layers = read_case(options.case_path, folder.string());
  if (!layers.data) throw InputError(options.case_path + ": the case has no data, and the loss speaks of samples");
  const Loaded a = load_network(options.a, layers.network, stem + "-a.npz", options.modules);
  Loaded b = load_network(options.b, layers.network, stem + "-b.npz", options.modules);
  const Architecture& network = a.model.network;
  {
    // Norms of a framework are frozen here: the arrays that they name have to be the same.
    const auto shape = [](const Loaded& one) {
      std::string text = to_text(to_json(one.model.network));
      for (std::size_t at; (at = text.find(one.npz)) != std::string::npos;) text.replace(at, one.npz.size(), "");
      return text;
    };
    if (shape(a) != shape(b)) {
      throw InputError(options.b + ": another network than " + options.a +
                       " in what does not move: batch norms with other numbers, or biases in one of them only");
    }
  }
  share_equal_layers(a, b);
  const std::size_t output = a.model.output;
  DatasetSpec data = *layers.data;
  Instance instance{network, data, load(data, folder.string(), network.node(0).shape, &data)};
  const Node& last = network.node(output);
  DatasetSpec label_spec = labels_in(options.labels, folder.string());
  label_spec.first = data.first;
  if (layers.data->count) label_spec.count = layers.data->count;
  const Classes labels = load_rows(label_spec, folder.string());
  const std::vector<std::size_t> classes = expand_classes(labels, instance.data.size());
  const std::string of_labels =
      fmt::format("{} (number {} to {} of {})", options.labels, data.first + 1, data.first + classes.size(),
                  load(labels_in(options.labels, folder.string()), folder.string(), {}).size());
  for (std::size_t k : classes)
    if (k >= last.width) throw InputError(fmt::format("{}: class {}, but {} outputs", options.labels, k, last.width));

  // The case.
  const auto base_node = common_base(network, output, b);
  Json requests = Json::array();
  if (base_node) {
    const auto above = linear_nodes(network, output), below = linear_nodes(network, *base_node);
    std::vector<std::size_t> moving;
    std::set_difference(above.begin(), above.end(), below.begin(), below.end(), std::back_inserter(moving));
    Json one{{"theorem", "joined"},
             {"node", network.node(*base_node).name},
             {"output", last.name},
             {"from", to_json(part_of(a.model.parameters, network, moving))},
             {"to", to_json(part_of(b.model.parameters, network, moving))}};
    if (!below.empty()) one["parameters"] = to_json(part_of(a.model.parameters, network, below));
    requests.push_back(std::move(one));
  }
  ConvexLossSpec loss_spec{options.loss, {}, {}};
  Json path{{"theorem", "path-below"},
            {"node", last.name},
            {"output", last.name},
            {"from", to_json(a.model.parameters)},
            {"to", to_json(b.model.parameters)}};
  if (options.loss == "square") {
    loss_spec.targets = one_hot(labels, last.width);
    path["targets"] = to_json(*loss_spec.targets);
  } else {
    loss_spec.classes = labels;
    path["loss"] = {{options.loss, to_json(labels)}};
  }
  if (!options.level.empty()) path["level"] = options.level;
  requests.push_back(path);
  if (options.loss == "square") {
    Json apart = path;
    apart["theorem"] = "not-joined";
    requests.push_back(std::move(apart));
  }
  const Json out{{"format", "widecert-case"},
                 {"version", 1},
                 {"title", fmt::format("{} and {}", fs::path(options.a).filename().string(),
                                       fs::path(options.b).filename().string())},
                 {"network", to_json(network)},
                 {"data", to_json(data)},
                 {"prove", requests}};
  fs::create_directories(folder);
  for (const Loaded* one : {&a, static_cast<const Loaded*>(&b)}) {
    std::map<std::string, std::string> members;
    for (const auto& [name, bytes] : one->model.arrays) members[name + ".npy"] = bytes;
    if (!members.empty()) write_zip((folder / one->npz).string(), members);
  }
  write_atomically(options.output, to_text(out));

  std::string missing;
  if (!base_node) missing = "  joined: layers that differ are no dense layers, or not the uppermost ones\n";
  const Proved proved = prove_case(common, options.output, folder.string());
  bool joined = false, has_path = false, apart = false, rejected = false;
  std::string verdict;
  std::vector<std::pair<std::string, std::string>> models;  // files, and what is said of them
  Rational level;
  for (std::size_t k = 0; k < proved.outcomes.size(); ++k) {
    const Outcome& outcome = proved.outcomes[k];
    const std::string& theorem = proved.file.entries[k].task.theorem->id;
    const int exit = proved.exit_of(k);
    rejected = rejected || exit == kRejected;
    if (exit != kProved) {
      missing += fmt::format("  {}: {}\n", theorem, outcome.explanation);
      continue;
    }
    joined = joined || theorem == "joined";
    apart = apart || theorem == "not-joined";
    if (theorem != "path-below") continue;
    has_path = true;
    level = outcome.numbers.at("level");
    const Path way = read_path(outcome, network, output, a.model.parameters, proved.claim_path);
    write_path(base + ".path.npz", way, network, output);
    for (std::size_t p = 0; options.onnx && p < way.points.size(); ++p) {
      const std::string model = fmt::format("{}.{}.onnx", base, p);
      models.emplace_back(model, write_onnx_file(model, network, way.points[p], output));
    }
    draw_profile(base + ".svg", instance, way, output, loss_spec, level);
  }
  if (has_path)
    verdict = fmt::format("joined: a path on which the {} is at most {} (sum over {} samples)", loss,
                          decimal_above(level, 8), instance.data.size());
  if (joined)
    verdict += std::string(verdict.empty() ? "joined: " : "; ") +
               "for every convex loss there is a path on which it is at most the larger of its values";
  if (apart) verdict = "not joined: every path between them rises above a level (the claim names it)";
  if (verdict.empty()) verdict = "not decided";
  const int exit = rejected ? kRejected : has_path || joined ? kProved : apart ? kRefuted : kUndecided;
  if (common.json) {
    Json result{{"case", options.output}, {"verdict", verdict}, {"claim_file", proved.claim_path},
                {"joined", joined},       {"path", has_path},   {"not_joined", apart},
                {"labels", of_labels}};
    if (has_path) result["level"] = to_string(level);
    if (has_path) result["way_points"] = base + ".path.npz";
    for (const auto& [model, said] : models) result["models"].push_back({{"file", model}, {"about", said}});
    fmt::print("{}", to_text(result));
  } else {
    fmt::print("{}\n", bold(verdict));
    if (!missing.empty()) fmt::print("not shown\n{}", missing);
    for (const std::string& note : a.model.notes) fmt::print("note: {}\n", note);
    for (const std::string& note : b.model.notes)
      if (std::find(a.model.notes.begin(), a.model.notes.end(), note) == a.model.notes.end())
        fmt::print("note: of the second network: {}\n", note);
    fmt::print("data: {}\nloss: {}, classes from {}\n", proved.data, loss, of_labels);
    if (has_path)
      fmt::print("way points: {}.path.npz (in float64; the certificate has them exactly)\nprofile:    {}.svg\n", base,
                 base);
    for (const auto& [model, said] : models) fmt::print("model:      {}: {}\n", model, said);
    if (!proved.claim_path.empty()) fmt::print("claim:      {}\n", proved.claim_path);
  }
  return exit;
}

}  // namespace widecert::tool
