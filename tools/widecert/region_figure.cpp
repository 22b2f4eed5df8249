#include "region_figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "chart.h"
#include "markup.h"

namespace widecert::tool {
namespace {

constexpr double kLeft = 90, kTop = 24, kSide = 860, kLegend = 250, kLine = 20;

double area(const std::vector<PlanePoint>& p) {
  double sum = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const PlanePoint &a = p[i], &b = p[(i + 1) % p.size()];
    sum += a[0] * b[1] - a[1] * b[0];
  }
  return std::abs(sum) / 2;
}
PlanePoint middle(const std::vector<PlanePoint>& p) {
  PlanePoint m{};
  for (const PlanePoint& v : p) {
    m[0] += v[0] / static_cast<double>(p.size());
    m[1] += v[1] / static_cast<double>(p.size());
  }
  return m;
}

}  // namespace

std::vector<PlanePoint> clipped(const std::vector<PlanePoint>& polygon, const std::array<double, 3>& form) {
  std::vector<PlanePoint> kept;
  const auto at = [&](const PlanePoint& p) { return form[0] * p[0] + form[1] * p[1] + form[2]; };
  for (std::size_t i = 0; i < polygon.size(); ++i) {
    const PlanePoint &a = polygon[i], &b = polygon[(i + 1) % polygon.size()];
    const double v = at(a), w = at(b);
    if (v >= 0) kept.push_back(a);
    if ((v < 0 && w > 0) || (v > 0 && w < 0))
      kept.push_back({a[0] + v / (v - w) * (b[0] - a[0]), a[1] + v / (v - w) * (b[1] - a[1])});
  }
  return kept;
}

std::string draw_regions(const RegionFigure& f) {
  const double aspect = std::clamp((f.high[1] - f.low[1]) / (f.high[0] - f.low[0]), 0.25, 1.0);
  const double width = kSide, height = kSide * aspect;
  Axis x, y;
  x.low = f.low[0], x.high = f.high[0], x.from = kLeft, x.length = width;
  y.low = f.low[1], y.high = f.high[1], y.from = kTop + height, y.length = -height;
  const auto path = [&](const std::vector<PlanePoint>& points) {
    std::string text;
    for (const PlanePoint& p : points) text += fmt::format("{:.7g},{:.7g} ", x.at(p[0]), y.at(p[1]));
    return text;
  };
  const double all_width = kLeft + width + kLegend,
               all_height = kTop + height + 64 + kLine * static_cast<double>(f.captions.size());
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" viewBox=\"0 0 {0:.0f} {1:.0f}\" "
      "role=\"img\" aria-label=\"decision regions\" font-family=\"system-ui,sans-serif\" font-size=\"13\" "
      "fill=\"#333\"><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>"
      "<clipPath id=\"view\"><rect x=\"{2}\" y=\"{3}\" width=\"{4}\" height=\"{5:.2f}\"/></clipPath>"
      "<g clip-path=\"url(#view)\">",
      all_width, all_height, kLeft, kTop, width, height);
  // Each component is one path, with a thin stroke of its own colour, so that no gaps show between its pieces.
  std::map<std::pair<std::size_t, std::size_t>, std::string> outlines;
  const auto ring = [&](const std::vector<PlanePoint>& points) { return "M" + path(points) + "z"; };
  for (const ShownPiece& piece : f.pieces) outlines[{piece.of_class, piece.component}] += ring(piece.corners);
  for (const auto& [key, outline] : outlines)
    svg += fmt::format("<path d=\"{0}\" fill=\"{1}\" stroke=\"{1}\" stroke-width=\"0.6\"/>", outline,
                       chart_colour(key.first));
  std::string cells;
  for (const auto& cell : f.cells) cells += ring(cell);
  if (!cells.empty())
    svg += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"#fff\" stroke-width=\"0.5\" opacity=\"0.55\"/>", cells);
  for (const ShownLine& line : f.lines)
    svg += fmt::format(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2.5\"{}><title>{}</title></polyline>",
        path(line.points), line.moat ? "#000" : "#fff", line.moat ? " stroke-dasharray=\"9 5\"" : "",
        escape_markup(line.words));
  for (const PlanePoint& p : f.points)
    svg += fmt::format("<circle cx=\"{:.2f}\" cy=\"{:.2f}\" r=\"3\" fill=\"#fff\" stroke=\"#000\"/>", x.at(p[0]),
                       y.at(p[1]));
  // The number of a component in its largest piece, where there is room.
  std::map<std::pair<std::size_t, std::size_t>, const ShownPiece*> largest;
  for (const ShownPiece& piece : f.pieces) {
    const ShownPiece*& best = largest[{piece.of_class, piece.component}];
    if (best == nullptr || area(piece.corners) > area(best->corners)) best = &piece;
  }
  std::vector<std::array<double, 4>> taken;
  for (const auto& [key, piece] : largest) {
    const PlanePoint at = middle(piece->corners);
    const std::string text = fmt::format("{}.{}", key.first, key.second + 1);
    const double half = 4.2 * static_cast<double>(text.size()) + 3, cx = x.at(at[0]), cy = y.at(at[1]);
    const std::array<double, 4> box{cx - half, cx + half, cy - 10, cy + 10};
    const bool free = box[0] > kLeft && box[1] < kLeft + width && box[2] > kTop && box[3] < kTop + height &&
                      std::none_of(taken.begin(), taken.end(), [&](const auto& other) {
                        return box[0] < other[1] && other[0] < box[1] && box[2] < other[3] && other[2] < box[3];
                      });
    if (!free) continue;
    taken.push_back(box);
    svg += fmt::format(
        "<g class=\"component\"><rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"20\" rx=\"4\" fill=\"#fff\" "
        "opacity=\"0.85\"/><text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text></g>",
        box[0], box[2], 2 * half, cx, cy + 4.5, text);
  }
  svg += fmt::format("</g><rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{:.2f}\" fill=\"none\" stroke=\"#999\"/>",
                     kLeft, kTop, width, height);
  for (double v : x.ticks())
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{:.6g}</text>", x.at(v),
                       kTop + height + 18, v);
  for (double v : y.ticks())
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.6g}</text>", kLeft - 6, y.at(v) + 4, v);
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" font-weight=\"600\">{}</text>",
                     kLeft + width / 2, kTop + height + 40, escape_markup(f.across));
  svg += fmt::format(
      "<text transform=\"translate(20 {:.1f}) rotate(-90)\" text-anchor=\"middle\" font-weight=\"600\">{}</text>",
      kTop + height / 2, escape_markup(f.up));
  for (std::size_t k = 0; k < f.legend.size(); ++k) {
    const double at = kTop + kLine * static_cast<double>(k);
    svg += fmt::format(
        "<rect x=\"{0:.1f}\" y=\"{1:.1f}\" width=\"13\" height=\"13\" fill=\"{2}\"/><text x=\"{3:.1f}\" "
        "y=\"{4:.1f}\">{5}</text>",
        kLeft + width + 16, at, chart_colour(k), kLeft + width + 36, at + 11.5, escape_markup(f.legend[k]));
  }
  for (std::size_t k = 0; k < f.captions.size(); ++k)
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\">{}</text>", kLeft,
                       kTop + height + 64 + kLine * static_cast<double>(k), escape_markup(f.captions[k]));
  return svg + "</svg>\n";
}

}  // namespace widecert::tool
