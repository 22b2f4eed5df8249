#include "entry_parameters.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

namespace widecert::tool {

PointSpec parameters_of_entry(const CaseFile& file, std::size_t wanted, std::size_t& node) {
  const Json json = read_json_file(file.path);
  JsonReader in(json, file.path, file.folder);
  std::size_t number = 0;
  for (JsonReader entry : in.get("prove").list()) {
    ++number;
    if (wanted != 0 && number != wanted) continue;
    if (const auto given = entry.find("parameters")) {
      node = file.network.index_of(entry.get("node").text(), entry.place());
      return read_point(*given);
    }
  }
  throw InputError(file.path +
                   (wanted == 0 ? ": no entry of \"prove\" has \"parameters\""
                                : fmt::format(": entry {} of \"prove\" has no \"parameters\"", wanted)) +
                   ", at which values could be computed");
}

}  // namespace widecert::tool
