// widecert connect: two trained networks in; a verdict, and a path if one is found.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/layers_above.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "onnx_file.h"
#include "path_files.h"
#include "proved_case.h"
#include "trained.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

PointSpec part_of(const PointSpec& point, const Architecture& network, const std::vector<std::size_t>& layers) {
  PointSpec part;
  for (std::size_t i : layers)
    if (const auto found = point.find(network.node(i).name); found != point.end()) part.insert(*found);
  return part;
}

// Norms of a framework are frozen here: the arrays that they name have to be the same.
void require_same_network(const ConnectOptions& options, const Trained& a, const Trained& b) {
  const auto shape = [](const Trained& one) {
    std::string text = to_text(to_json(one.model.network));
    for (std::size_t at; (at = text.find(one.npz)) != std::string::npos;) text.replace(at, one.npz.size(), "");
    return text;
  };
  if (shape(a) == shape(b)) return;
  throw InputError(options.b + ": another network than " + options.a +
                   " in what does not move: batch norms with other numbers, or biases in one of them only");
}

// The second network names the arrays of the first one where they are the same: then nobody has to compare bytes.
void share_equal_layers(const Trained& a, Trained& b) {
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
std::optional<std::size_t> common_base(const Architecture& network, std::size_t output, const Trained& b) {
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

// What is asked: for every convex loss, where layers above a node alone differ; a path for this one; a moat.
Json entries(const Trained& a, const Trained& b, const LabelledLoss& loss, const std::optional<std::size_t>& base,
             const std::string& level) {
  const Architecture& network = a.model.network;
  const std::size_t output = a.model.output;
  const std::string& name = network.node(output).name;
  Json all = Json::array();
  if (base) {
    const auto above = linear_nodes(network, output), below = linear_nodes(network, *base);
    std::vector<std::size_t> moving;
    std::set_difference(above.begin(), above.end(), below.begin(), below.end(), std::back_inserter(moving));
    Json one{{"theorem", "joined"},
             {"node", network.node(*base).name},
             {"output", name},
             {"from", to_json(part_of(a.model.parameters, network, moving))},
             {"to", to_json(part_of(b.model.parameters, network, moving))}};
    if (!below.empty()) one["parameters"] = to_json(part_of(a.model.parameters, network, below));
    all.push_back(std::move(one));
  }
  for (const char* theorem : {"path-below", "not-joined"}) {
    Json one{{"theorem", theorem},
             {"node", name},
             {"output", name},
             {"from", to_json(a.model.parameters)},
             {"to", to_json(b.model.parameters)}};
    loss.add_to(one);
    if (!level.empty()) one["level"] = level;
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

int run_connect(const Common& common, const ConnectOptions& options) {
  const NewCase made(options.output);
  const CaseFile layers = read_case(options.case_path, made.folder);
  const Trained a = load_trained(options.a, layers.network, made.stem + "-a.npz", options.modules);
  Trained b = load_trained(options.b, layers.network, made.stem + "-b.npz", options.modules);
  require_same_network(options, a, b);
  share_equal_layers(a, b);
  const Architecture& network = a.model.network;
  const std::size_t output = a.model.output;
  const LabelledLoss loss(layers, options.case_path, network, output, options, made.folder);
  const auto base = common_base(network, output, b);
  const Json file{{"format", "widecert-case"},
                  {"version", 1},
                  {"title", fmt::format("{} and {}", fs::path(options.a).filename().string(),
                                        fs::path(options.b).filename().string())},
                  {"network", to_json(network)},
                  {"data", to_json(loss.data_spec)},
                  {"prove", entries(a, b, loss, base, options.level)}};
  fs::create_directories(made.folder);
  write_arrays(a, made.folder);
  write_arrays(b, made.folder);
  write_atomically(made.file, to_text(file));

  std::string missing;
  if (!base) missing = "  joined: layers that differ are no dense layers, or not the uppermost ones\n";
  const Proved proved = prove_case(common, made.file, made.folder);
  bool joined = false, has_path = false, apart = false, rejected = false;
  std::vector<std::pair<std::string, std::string>> models;  // files, and what is said of them
  Rational level, moat;
  for (std::size_t k = 0; k < proved.outcomes.size(); ++k) {
    const Outcome& outcome = proved.outcomes[k];
    const std::string& theorem = proved.file.entries[k].task.theorem->id;
    const int exit = proved.exit_of(k);
    rejected = rejected || exit == kRejected;
    if (exit != kProved) {
      missing += fmt::format("  {}: {}\n", theorem, outcome.explanation);
      continue;
    }
    if (theorem == "joined") {
      joined = true;
    } else if (theorem == "not-joined") {
      apart = true;
      moat = outcome.numbers.at("level");
      draw_profile(made.base + ".svg", loss.instance, {{a.model.parameters, b.model.parameters}, {false}}, output,
                   loss.spec,
                   {moat.convert_to<double>(),
                    fmt::format("certified: every path rises above {}", decimal_below(moat, 6)), true},
                   "on the straight line from the first network to the second");
    } else {
      has_path = true;
      level = outcome.numbers.at("level");
      const Path way = read_path(outcome, a.model.parameters, network.node(output).name, proved.claim_path);
      write_way_points(made.base + ".path.npz", way, network, output);
      for (std::size_t p = 0; options.onnx && p < way.points.size(); ++p) {
        const std::string model = fmt::format("{}.{}.onnx", made.base, p);
        models.emplace_back(model, write_onnx_file(model, network, way.points[p], output));
      }
      draw_profile(
          made.base + ".svg", loss.instance, way, output, loss.spec,
          {level.convert_to<double>(), fmt::format("certified on every piece: at most {}", decimal_above(level, 6))},
          "moves, from the first network to the second");
    }
  }
  std::string verdict;
  if (has_path)
    verdict = fmt::format("joined: a path on which the {} is at most {} (sum over {} samples)", loss.name,
                          decimal_above(level, 8), loss.instance.data.size());
  if (joined)
    verdict += std::string(verdict.empty() ? "joined: " : "; ") +
               "for every convex loss there is a path on which it is at most the larger of its values";
  if (apart)
    verdict = fmt::format("not joined: on every path between them the {} rises above {} (sum over {} samples)",
                          loss.name, decimal_below(moat, 8), loss.instance.data.size());
  const int exit = rejected ? kRejected : has_path || joined ? kProved : apart ? kRefuted : kUndecided;
  if (verdict.empty()) {
    verdict = "not decided";
    // Another try may have the same name.
    for (const char* made_file : {".case.json", "-a.npz", "-b.npz"}) fs::remove(made.base + made_file);
  }
  if (common.json) {
    Json result{{"verdict", verdict},  {"claim_file", proved.claim_path},
                {"joined", joined},    {"path", has_path},
                {"not_joined", apart}, {"labels", loss.labels}};
    if (joined || has_path || apart) result["case"] = made.file;
    if (has_path) result["level"] = to_string(level);
    if (apart) result["moat"] = to_string(moat);
    if (has_path) result["way_points"] = made.base + ".path.npz";
    if (has_path || apart) result["profile"] = made.base + ".svg";
    for (const auto& [model, said] : models) result["models"].push_back({{"file", model}, {"about", said}});
    fmt::print("{}", to_text(result));
  } else {
    fmt::print("{}\n", bold(verdict));
    if (!missing.empty()) fmt::print("not shown\n{}", missing);
    for (const std::string& note : a.model.notes) fmt::print("note: {}\n", note);
    for (const std::string& note : b.model.notes)
      if (std::find(a.model.notes.begin(), a.model.notes.end(), note) == a.model.notes.end())
        fmt::print("note: of the second network: {}\n", note);
    fmt::print("data: {}\nloss: {}, classes from {}\n", proved.data, loss.name, loss.labels);
    if (has_path) fmt::print("way points: {}.path.npz (in float64; the certificate has them exactly)\n", made.base);
    if (has_path || apart) fmt::print("profile:    {}.svg\n", made.base);
    for (const auto& [model, said] : models) fmt::print("model:      {}: {}\n", model, said);
    if (!proved.claim_path.empty()) fmt::print("claim:      {}\n", proved.claim_path);
  }
  return exit;
}

}  // namespace widecert::tool
