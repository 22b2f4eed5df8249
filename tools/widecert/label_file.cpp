#include "label_file.h"

#include <widecert/data/csv.h>
#include <widecert/data/file_format.h>

#include <filesystem>

namespace widecert::tool {
namespace fs = std::filesystem;

std::pair<std::string, std::string> file_and_member(const std::string& path) {
  const auto bracket = path.rfind('[');
  if (!path.ends_with("]") || bracket == std::string::npos) return {path, ""};
  return {path.substr(0, bracket), path.substr(bracket + 1, path.size() - bracket - 2)};
}

DatasetSpec labels_in(const std::string& given, const std::string& folder) {
  DatasetSpec labels;
  const auto [path, member] = file_and_member(given);
  const std::string relative = fs::path(path).is_absolute() ? path : fs::relative(path, folder).string();
  switch (file_format(path)) {
    case FileFormat::idx:
      labels.source = IdxSource{relative, "", ""};
      break;
    case FileFormat::npy:
    case FileFormat::npz:
      labels.source = NpySource{relative, "", member};
      break;
    case FileFormat::csv:
      labels.source = CsvSource{relative, "", look_at_csv(path).options};
      break;
  }
  return labels;
}

ClassTargets one_hot(Classes classes, std::size_t outputs) {
  ClassTargets targets{std::move(classes), {}};
  for (std::size_t k = 0; k < outputs; ++k) {
    targets.rows.emplace_back(outputs, 0);
    targets.rows.back()[k] = 1;
  }
  return targets;
}

}  // namespace widecert::tool
