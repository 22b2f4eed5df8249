// How many cells a network cuts the plane into, exactly and by the same algorithm in double precision, for cases of the
// theorem component-count or slice-component-count. Results are recorded in RESULTS.md beside this file.
#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/layers_above.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "proofs/case_file.h"
#include "proofs/regions/cells.h"

int main(int argc, char** argv) {
  using namespace widecert;
  const auto seconds = [](auto work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  fmt::print("| case | cells | exact, s | in doubles, s | ratio |\n|---|---|---|---|---|\n");
  for (int a = 1; a < argc; ++a) {
    const CaseFile file = read_case(argv[a]);
    const Json json = read_json_file(file.path);
    JsonReader in(json, file.path, file.folder);
    JsonReader entry = in.get("prove").list().front();
    const Units units = units_of(file.network, read_point(entry.get("parameters")), last_linear(file.network));
    CellPlane plane = plane_of_inputs(2);
    if (auto given = entry.find("plane")) {
      const TensorShape shape({units.inputs}, file.network.node(0).shape);
      const auto row = [&](const char* key) { return expand(read_tensor(given->get(key)), shape, key).front(); };
      plane = plane_through(row("origin"), row("u"), row("v"));
    }
    std::size_t cells = 0, near = 0;
    const double exact = seconds([&] { cells = for_each_cell(units, plane, [](const auto&, const auto&) {}); }),
                 plain = seconds([&] { near = count_cells_in_double(units, plane); });
    fmt::print("| `{}` | {}{} | {:.2f} | {:.2f} | {:.2f} |\n", file.name, cells,
               near == cells ? "" : fmt::format(" (in doubles {})", near), exact, plain, exact / plain);
  }
}
