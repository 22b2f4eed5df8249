// widecert descend: a trained network in; a path from it down along which the loss never increases.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "onnx_file.h"
#include "path_files.h"
#include "proved_case.h"
#include "trained.h"

namespace widecert::tool {
namespace fs = std::filesystem;

int run_descend(const Common& common, const DescendOptions& options) {
  const NewCase made(options.output);
  const CaseFile layers = read_case(options.case_path, made.folder);
  const Trained a = load_trained(options.a, layers.network, made.stem + "-a.npz", options.modules);
  const Architecture& network = a.model.network;
  const std::size_t output = a.model.output;
  const std::string& name = network.node(output).name;
  const LabelledLoss loss(layers, options.case_path, network, output, options, made.folder);
  Json entry{{"theorem", "descent"}, {"node", name}, {"output", name}, {"from", to_json(a.model.parameters)}};
  loss.add_to(entry);
  if (!options.floor.empty()) entry["floor"] = options.floor;
  const Json file{{"format", "widecert-case"},
                  {"version", 1},
                  {"title", fmt::format("{}, and down", fs::path(options.a).filename().string())},
                  {"network", to_json(network)},
                  {"data", to_json(loss.data_spec)},
                  {"prove", Json::array({entry})}};
  fs::create_directories(made.folder);
  write_arrays(a, made.folder);
  write_atomically(made.file, to_text(file));
  const Proved proved = prove_case(common, made.file, made.folder);
  const Outcome& outcome = proved.outcomes.front();
  const int exit = proved.exit_of(0);
  std::string verdict = "not decided";
  std::vector<std::pair<std::string, std::string>> models;
  const bool down = exit == kProved;
  if (down) {
    const Rational floor = outcome.numbers.at("floor");
    verdict = fmt::format("down: along a path the {} never increases and comes to at most {} (sum over {} samples)",
                          loss.name, decimal_above(floor, 8), loss.instance.data.size());
    const Path way = read_path(outcome, a.model.parameters, name, proved.claim_path);
    write_way_points(made.base + ".path.npz", way, network, output);
    for (std::size_t p = 0; options.onnx && p < way.points.size(); ++p) {
      const std::string model = fmt::format("{}.{}.onnx", made.base, p);
      models.emplace_back(model, write_onnx_file(model, network, way.points[p], output));
    }
    if (!way.constant.empty())
      draw_profile(made.base + ".svg", loss.instance, way, output, loss.spec,
                   {floor.convert_to<double>(),
                    fmt::format("certified: never increases, at the end at most {}", decimal_above(floor, 6))},
                   "moves, from the network on");
  } else {
    for (const char* made_file : {".case.json", "-a.npz"}) fs::remove(made.base + made_file);
  }
  if (common.json) {
    Json result{{"verdict", verdict},
                {"claim_file", proved.claim_path},
                {"down", down},
                {"labels", loss.labels},
                {"explanation", outcome.explanation}};
    if (down) result["case"] = made.file;
    if (down) result["floor"] = to_string(outcome.numbers.at("floor"));
    if (down) result["way_points"] = made.base + ".path.npz";
    for (const auto& [model, said] : models) result["models"].push_back({{"file", model}, {"about", said}});
    fmt::print("{}", to_text(result));
    return exit;
  }
  fmt::print("{}\n  {}\n", bold(verdict), outcome.explanation);
  for (const std::string& note : a.model.notes) fmt::print("note: {}\n", note);
  fmt::print("data: {}\nloss: {}, classes from {}\n", proved.data, loss.name, loss.labels);
  if (down) {
    fmt::print("way points: {0}.path.npz (in float64; the certificate has them exactly)\nprofile:    {0}.svg\n",
               made.base);
    for (const auto& [model, said] : models) fmt::print("model:      {}: {}\n", model, said);
    fmt::print("claim:      {}\n", proved.claim_path);
  }
  return exit;
}

}  // namespace widecert::tool
