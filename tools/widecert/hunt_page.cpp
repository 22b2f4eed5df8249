#include <fmt/format.h>

#include <map>
#include <set>
#include <tuple>

#include "hunt.h"
#include "markup.h"

namespace widecert::tool {

// One panel for each channels, size and stride: columns are images, rows numbers of filters. A cell
// is green where U has full rank, red with the deficit where it has not, blank where patches do not
// cover the image or do not differ.
std::string rank_map(const nlohmann::json& table) {
  using Panel = std::tuple<std::size_t, std::size_t, std::size_t>;  // size, channels, stride
  struct Cell {
    std::size_t image, filters, rank, full;
  };
  std::map<Panel, std::vector<Cell>> panels;
  std::set<std::size_t> images, filters;
  for (const nlohmann::json& row : table) {
    const auto at = [&](const char* key) { return row[key].get<std::size_t>(); };
    panels[{at("size"), at("channels"), at("stride")}].push_back({at("image"), at("filters"), at("rank"), at("full")});
    images.insert(at("image"));
    filters.insert(at("filters"));
  }
  if (panels.empty()) return "";
  constexpr double kCell = 26, kLeft = 56, kTop = 30;
  const double width = kLeft + kCell * static_cast<double>(images.size()) + 10,
               height = kTop + kCell * static_cast<double>(filters.size()) + 26;
  const auto place = [](const std::set<std::size_t>& all, std::size_t value) {
    return static_cast<double>(std::distance(all.begin(), all.find(value)));
  };
  std::string html = "<div class=\"row\">";
  for (const auto& [panel, cells] : panels) {
    const auto [size, channels, stride] = panel;
    std::string svg = fmt::format(
        "<svg width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" "
        "aria-label=\"rank deficits for size {2}, {3} channels, stride {4}\">"
        "<text x=\"{5}\" y=\"14\" class=\"bold\">size {2}, C = {3}{6}</text>",
        width, height, size, channels, stride, kLeft, stride == 1 ? "" : fmt::format(", stride {}", stride));
    for (std::size_t t : filters) {
      svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">T = {}</text>", kLeft - 6,
                         kTop + kCell * place(filters, t) + 17, t);
    }
    for (std::size_t n : images) {
      svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                         kLeft + kCell * (place(images, n) + 0.5), height - 8, n);
    }
    for (const Cell& cell : cells) {
      const double x = kLeft + kCell * place(images, cell.image), y = kTop + kCell * place(filters, cell.filters);
      svg += fmt::format(
          "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"{}\"><title>image {}, T = "
          "{}: "
          "rank {} of {}</title></rect>",
          x + 1, y + 1, kCell - 2, kCell - 2, cell.rank == cell.full ? "full" : "deficient", cell.image, cell.filters,
          cell.rank, cell.full);
      if (cell.rank != cell.full) {
        svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" class=\"deficit\">{}</text>", x + kCell / 2,
                           y + 17, cell.full - cell.rank);
      }
    }
    html += svg + "</svg>";
  }
  return "<h2>Rank for almost every W</h2><p>Columns: image size. Rows: filters. Green: full rank. Red: the rank that "
         "is missing.</p>" +
         html + "</div>";
}

namespace {

constexpr const char* kStyle = R"(
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #ddd}
svg{font:12px system-ui,sans-serif}.row{display:flex;flex-wrap:wrap;gap:1rem}
.full{fill:#7fbf9a}.deficient{fill:#c0392b}.deficit{fill:#fff;font-weight:bold}.bold{font-weight:bold}
table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:left;vertical-align:top}
pre{background:#f4f4f2;padding:.7rem;overflow:auto}
)";

}  // namespace

std::string hunt_page(const Quarry& quarry, const nlohmann::json& state) {
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>widecert hunt</title><style>{}"
      "</style></head><body>\n<h1>{}</h1>\n<p>{} examined. {}</p><pre>{}</pre>{}",
      kStyle, quarry.heading(), state["examined"].get<std::uint64_t>(), quarry.introduction(),
      escape_markup(state["parameters"].dump()), quarry.figure(state["table"]));
  // The facts of the finds, in the order of their names, between title and verdict.
  std::set<std::string> facts;
  for (const auto& found : state["found"])
    for (const auto& [key, value] : found.items()) facts.insert(key);
  for (const char* other : {"name", "title", "verdict", "exit", "accepted"}) facts.erase(other);
  html += "<h2>Found</h2><table><tr><th></th>";
  for (const std::string& fact : facts) html += "<th>" + escape_markup(fact) + "</th>";
  html += "<th>verdict</th></tr>";
  for (const auto& found : state["found"]) {
    html += "<tr><td>" + escape_markup(found["title"].get<std::string>()) + "</td>";
    for (const std::string& fact : facts) {
      const nlohmann::json value = found.value(fact, nlohmann::json());
      html += "<td>" +
              escape_markup(value.is_string() ? value.get<std::string>()
                            : value.is_null() ? ""
                                              : value.dump()) +
              "</td>";
    }
    html += "<td>" + escape_markup(found.value("verdict", "not kept")) + "</td></tr>";
  }
  return html + "</table></body></html>\n";
}

}  // namespace widecert::tool
