#include "sweep_figure.h"

#include <fmt/format.h>
#include <widecert/number/error.h>
#include <widecert/number/rational.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "chart.h"
#include "markup.h"

namespace widecert::tool {
namespace {

struct Figure {
  std::string title, x, y, series, theorem, claim, outcome;  // outcome: of "fraction of OUTCOME"
  bool log_x = false, log_y = false;
};

std::vector<Figure> figures(const SweepSpec& spec) {
  std::vector<Figure> all;
  if (spec.figure.is_null()) return all;
  const Json list = spec.figure.is_array() ? spec.figure : Json::array({spec.figure});
  for (const Json& json : list) {
    JsonReader in(json, spec.place + ": figure");
    Figure f;
    f.x = in.get("x").text();
    f.y = in.get("y").text();
    const auto variable = [&](const JsonReader& at, const std::string& name) {
      if (std::none_of(spec.variables.begin(), spec.variables.end(),
                       [&](const SweepVariable& v) { return v.name == name; })) {
        at.fail("the name of a variable");
      }
    };
    variable(in.get("x"), f.x);
    if (f.y.starts_with("fraction of ")) {
      f.outcome = f.y.substr(12);
      if (std::none_of(std::begin(kVerdicts), std::end(kVerdicts),
                       [&](Verdict v) { return f.outcome == to_string(v); })) {
        in.get("y").fail("\"fraction of proved\", or another outcome");
      }
    } else {
      const auto columns = sweep_columns(spec);
      if (std::find(columns.begin(), columns.end(), f.y) == columns.end()) {
        in.get("y").fail("a column of the table or \"fraction of OUTCOME\"");
      }
    }
    if (const auto series = in.find("series")) variable(*series, f.series = series->text());
    if (const auto theorem = in.find("theorem")) f.theorem = theorem->text();
    if (const auto claim = in.find("claim")) f.claim = claim->text();
    if (const auto log = in.find("log_x")) f.log_x = log->boolean();
    if (const auto log = in.find("log_y")) f.log_y = log->boolean();
    if (const auto title = in.find("title")) f.title = title->text();
    in.done();
    all.push_back(std::move(f));
  }
  return all;
}

std::optional<double> number_in(const Json& row, const std::string& column) {
  const auto found = row.find(column);
  if (found == row.end()) return std::nullopt;
  try {
    return parse_rational(found->is_string() ? found->get<std::string>() : found->dump()).convert_to<double>();
  } catch (const InputError&) {
    return std::nullopt;
  }
}

std::string draw(const SweepSpec& spec, const Figure& f, const std::vector<Json>& rows) {
  std::vector<std::string> labels{""};  // of the series, in the order of the spec
  for (const SweepVariable& variable : spec.variables)
    if (variable.name == f.series) labels = variable.labels;
  // series -> x -> the values of y (or 0 and 1).
  std::map<std::size_t, std::map<double, std::vector<double>>> data;
  for (const Json& row : rows) {
    if (!f.theorem.empty() && row.value("theorem", "") != f.theorem) continue;
    if (!f.claim.empty() && row.value("claim", "") != f.claim) continue;
    const auto x = number_in(row, f.x);
    if (!x) throw InputError("figure: the values of \"" + f.x + "\" are not numbers");
    const std::string label = f.series.empty() ? "" : row.at(f.series).get<std::string>();
    const auto series = static_cast<std::size_t>(std::find(labels.begin(), labels.end(), label) - labels.begin());
    if (!f.outcome.empty()) {
      data[series][*x].push_back(row.value("outcome", "") == f.outcome ? 1 : 0);
    } else if (const auto y = number_in(row, f.y); y && (!f.log_y || *y > 0)) {
      data[series][*x].push_back(*y);
    }
  }
  struct Point {
    double x, middle, low, high;
  };
  std::map<std::size_t, std::vector<Point>> lines;
  double x_low = HUGE_VAL, x_high = -HUGE_VAL, y_low = HUGE_VAL, y_high = -HUGE_VAL;
  for (auto& [series, columns] : data) {
    for (auto& [x, values] : columns) {
      std::sort(values.begin(), values.end());
      Point p{x, 0, 0, 0};
      if (!f.outcome.empty()) {
        double sum = 0;
        for (double v : values) sum += v;
        p.middle = p.low = p.high = sum / static_cast<double>(values.size());
      } else {
        p = {x, values[values.size() / 2], values.front(), values.back()};
      }
      if (f.log_y && !(p.low > 0)) continue;
      lines[series].push_back(p);
      x_low = std::min(x_low, x);
      x_high = std::max(x_high, x);
      y_low = std::min(y_low, p.low);
      y_high = std::max(y_high, p.high);
    }
  }
  if (lines.empty()) return "";
  const Chart chart(axis(x_low, x_high, f.log_x && x_low > 0), axis(y_low, y_high, f.log_y));
  const Axis &x = chart.x, &y = chart.y;
  std::string svg = chart.frame(f.x, f.y);
  std::size_t k = 0;
  double legend = chart.left();  // where its next entry starts
  for (const auto& [number, points] : lines) {
    const std::string& series = labels.at(number);
    const char* colour = chart_colour(k++);
    std::string line, band;
    for (const Point& p : points) line += fmt::format("{:.1f},{:.1f} ", x.at(p.x), y.at(p.middle));
    for (const Point& p : points) band += fmt::format("{:.1f},{:.1f} ", x.at(p.x), y.at(p.high));
    for (auto p = points.rbegin(); p != points.rend(); ++p)
      band += fmt::format("{:.1f},{:.1f} ", x.at(p->x), y.at(p->low));
    svg += fmt::format("<polygon points=\"{}\" fill=\"{}\" opacity=\"0.13\"/>", band, colour);
    svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>", line, colour);
    for (const Point& p : points) {
      svg += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"{}\"><title>{}{} = {:.6g}: {:.6g}</title></circle>",
          x.at(p.x), y.at(p.middle), colour, series.empty() ? "" : escape_markup(series) + ", ", escape_markup(f.x),
          p.x, p.middle);
    }
    if (!series.empty()) {
      svg += fmt::format(
          "<rect x=\"{:.1f}\" y=\"10\" width=\"11\" height=\"11\" fill=\"{}\"/><text x=\"{:.1f}\" y=\"20\">{}</text>",
          legend, colour, legend + 16, escape_markup(series));
      legend += 30 + 7.0 * static_cast<double>(series.size());
    }
  }
  return svg + "</svg>";
}

std::string caption(const Figure& f) {
  return !f.title.empty()     ? f.title
         : !f.outcome.empty() ? f.y + " against " + f.x
                              : f.y + " against " + f.x + ": median, lowest and highest";
}

}  // namespace

void check_figure(const SweepSpec& spec) { figures(spec); }

std::vector<std::string> sweep_figures(const SweepSpec& spec, const std::vector<Json>& rows) {
  std::vector<std::string> all;
  for (const Figure& figure : figures(spec)) all.push_back(draw(spec, figure, rows));
  return all;
}

std::string sweep_page(const SweepSpec& spec, const std::vector<Json>& rows) {
  std::string body;
  for (const Figure& figure : figures(spec)) {
    const std::string svg = draw(spec, figure, rows);
    body += svg.empty()
                ? "<p>No row has a value to draw.</p>"
                : fmt::format("<figure>{}<figcaption>{}</figcaption></figure>", svg, escape_markup(caption(figure)));
  }
  std::map<std::string, std::map<std::string, std::size_t>> outcomes;
  std::map<std::string, std::size_t> rungs;
  for (const Json& row : rows) {
    std::string outcome = row["outcome"];
    if (const std::string reason = row["reason"]; !reason.empty()) outcome += " (" + reason + ")";
    ++outcomes[row["theorem"]][outcome];
    if (row.contains("rung")) ++rungs[row["rung"]];
  }
  std::string table = "<table><tr><th>theorem</th><th>outcome</th><th>rows</th></tr>";
  for (const auto& [theorem, of] : outcomes)
    for (const auto& [outcome, count] : of)
      table += fmt::format("<tr><td>{}</td><td>{}</td><td class=\"number\">{}</td></tr>", escape_markup(theorem),
                           escape_markup(outcome), count);
  table += "</table>";
  if (!rungs.empty()) {
    table += "<table><tr><th>rung of the ladder</th><th>rows</th></tr>";
    for (const auto& [rung, count] : rungs)
      table += fmt::format("<tr><td>{}</td><td class=\"number\">{}</td></tr>", escape_markup(rung), count);
    table += "</table>";
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title><style>"
      "body{{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222}}"
      "figure{{margin:1.5rem 0}} figcaption{{color:#555}} table{{border-collapse:collapse;margin:1rem 0}}"
      "td,th{{padding:.2rem .8rem;text-align:left;border-bottom:1px solid #ddd}} .number{{text-align:right}}"
      "</style></head><body><h1>{0}</h1><p>{1}</p>{2}{3}<p>{4} instances, {5} rows. Every number is exact or a bound "
      "by rigorous arithmetic; none was given to the checker (<code>widecert sweep --instance</code> writes any of "
      "them "
      "as a case for <code>widecert prove</code>).</p></body></html>\n",
      escape_markup(spec.title.empty() ? "A sweep" : spec.title), escape_markup(spec.about), body, table, spec.size(),
      rows.size());
}

}  // namespace widecert::tool
