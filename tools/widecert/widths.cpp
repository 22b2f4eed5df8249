// widecert widths: the widest hidden layer of each case against a number of samples, and against
// what a paper prints.
#include <fmt/format.h>
#include <widecert/certificate/json.h>
#include <nlohmann/json.hpp>
#include "proofs/case_file.h"

#include "commands.h"

namespace widecert::tool {
namespace {

std::string grouped(std::size_t value) {
  if (value < 1000) return fmt::format("{}", value);
  return fmt::format("{},{:03}", grouped(value / 1000), value % 1000);
}

}  // namespace

int run_widths(const Common& common, const WidthsOptions& options) {
  Json out = Json::array();
  std::string table =
      "| network | M = max n_k | at layer | hidden neurons | M > N | printed | |\n"
      "|---|---|---|---|---|---|---|\n";
  for (const std::string& path : options.paths) {
    for (const std::string& one : find_cases(path)) {
      const CaseFile file = read_case(one);
      const auto& nodes = file.network.nodes();
      // Hidden: neither the input nor the last layer. Layers of linear nodes count once, without
      // the activations after them.
      std::size_t widest = 0, neurons = 0;
      for (std::size_t i = 1; i + 1 < nodes.size(); ++i) {
        if (widest == 0 || nodes[i].width > nodes[widest].width) widest = i;
        if (std::holds_alternative<LinearSpec>(nodes[i].spec)) neurons += nodes[i].width;
      }
      const std::size_t width = widest == 0 ? 0 : nodes[widest].width;
      const bool exceeds = width > options.samples;
      Json row{{"case", file.name},
               {"width", width},
               {"layer", widest == 0 ? "" : nodes[widest].name},
               {"neurons", neurons},
               {"exceeds", exceeds}};
      std::string printed, flag;
      if (file.printed) {
        const Printed& p = *file.printed;
        if (!p.width.empty()) printed = p.width;
        if (p.exceeds) {
          printed += *p.exceeds ? ", yes" : ", no";
          if (*p.exceeds != exceeds) flag = "**differs**";
        }
        if (p.neurons) {
          printed += grouped(*p.neurons) + " neurons";
          if (*p.neurons != neurons) flag = "**differs**";
        }
        row["printed"] = {{"table", p.table}, {"text", printed}, {"differs", !flag.empty()}};
        printed = fmt::format("{} ({})", printed, p.table);
      }
      table += fmt::format("| {} | {} | {} | {} | {} | {} | {} |\n", file.name, grouped(width),
                           row["layer"].get<std::string>(), grouped(neurons), exceeds ? "yes" : "no", printed, flag);
      out.push_back(std::move(row));
    }
  }
  if (common.json) {
    fmt::print("{}", to_text(Json{{"samples", options.samples}, {"networks", out}}));
  } else {
    fmt::print("N = {}\n\n{}", grouped(options.samples), table);
  }
  return kProved;
}

}  // namespace widecert::tool
