#include "trained.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/data/zip_file.h>
#include <widecert/number/error.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "label_file.h"

namespace widecert::tool {
namespace fs = std::filesystem;

Trained load_trained(const std::string& path, const Architecture& layers, const std::string& npz,
                     const std::vector<std::string>& modules) {
  StateDictOptions import{npz, {}, {}};
  for (const std::string& module : modules) {
    const auto at = module.find('=');
    if (at == std::string::npos) throw InputError("--module " + module + ": expected LAYER=MODULE");
    import.modules.emplace(module.substr(0, at), module.substr(at + 1));
  }
  return {import_state_dict(read_state_dict(path), layers, import), npz};
}

void write_arrays(const Trained& network, const std::string& folder) {
  std::map<std::string, std::string> members;
  for (const auto& [name, bytes] : network.model.arrays) members[name + ".npy"] = bytes;
  if (!members.empty()) write_zip((fs::path(folder) / network.npz).string(), members);
}

NewCase::NewCase(const std::string& output) : file(output) {
  if (!output.ends_with(".case.json")) throw InputError(output + ": the case is called NAME.case.json");
  if (fs::exists(output)) throw InputError(output + " exists already; choose another --output or remove it");
  base = output.substr(0, output.size() - std::string(".case.json").size());
  stem = fs::path(base).filename().string();
  folder = fs::weakly_canonical(fs::absolute(output)).parent_path().string();
}

LabelledLoss::LabelledLoss(const CaseFile& layers, const std::string& case_path, const Architecture& network,
                           std::size_t output, const TrainedOptions& options, const std::string& folder)
    : data_spec(layers.data ? *layers.data
                            : throw InputError(case_path + ": the case has no data, and the loss speaks of samples")),
      instance{network, data_spec, load(data_spec, folder, network.node(0).shape, &data_spec)},
      spec{options.loss, {}, {}},
      // As it is said: the square loss of the claims is half a sum.
      name(options.loss == "square" ? "square loss (half the sum of squares)" : options.loss + " loss") {
  instance.data_spec = data_spec;
  DatasetSpec label_spec = labels_in(options.labels, folder);
  label_spec.first = data_spec.first;
  if (layers.data->count) label_spec.count = layers.data->count;
  const Classes classes = load_rows(label_spec, folder);
  const std::vector<std::size_t> each = expand_classes(classes, instance.data.size());
  labels = fmt::format("{} (number {} to {} of {})", options.labels, data_spec.first + 1, data_spec.first + each.size(),
                       load(labels_in(options.labels, folder), folder, {}).size());
  const std::size_t width = network.node(output).width;
  for (std::size_t k : each)
    if (k >= width) throw InputError(fmt::format("{}: class {}, but {} outputs", options.labels, k, width));
  if (options.loss == "square")
    spec.targets = one_hot(classes, width);
  else
    spec.classes = classes;
}

void LabelledLoss::add_to(Json& entry) const {
  if (spec.targets)
    entry["targets"] = to_json(*spec.targets);
  else
    entry["loss"] = {{spec.kind, to_json(*spec.classes)}};
}

}  // namespace widecert::tool
