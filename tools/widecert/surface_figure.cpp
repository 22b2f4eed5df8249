#include "surface_figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "markup.h"

namespace widecert::tool {
namespace {

constexpr double kPanel = 430, kLeft = 70, kTop = 70, kGap = 50, kBar = 22;
constexpr std::size_t kLevels = 14;

// From dark to light: blue, green, yellow (colours of one lightness each, told apart in grey too).
std::string colour(double share) {
  constexpr std::array<std::array<double, 3>, 5> kStops{
      {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}};
  const double at = std::clamp(share, 0.0, 1.0) * (kStops.size() - 1);
  const auto k = std::min(static_cast<std::size_t>(at), kStops.size() - 2);
  std::array<int, 3> c{};
  for (std::size_t i = 0; i < 3; ++i)
    c[i] =
        static_cast<int>(std::lround(kStops[k][i] + (at - static_cast<double>(k)) * (kStops[k + 1][i] - kStops[k][i])));
  return fmt::format("#{:02x}{:02x}{:02x}", c[0], c[1], c[2]);
}

// What is drawn of a value: itself, or its logarithm where values differ by orders of magnitude.
struct Scale {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  bool log = false;
  double share(double v) const {
    const auto f = [&](double x) { return log ? std::log(x) : x; };
    return high > low ? (f(v) - f(low)) / (f(high) - f(low)) : 0.5;
  }
  double value(double share) const { return log ? low * std::pow(high / low, share) : low + share * (high - low); }
};

// Where the values, linear along the edges of each square of the grid, have one level.
std::string contour(const std::vector<double>& v, std::size_t side, double level, double step) {
  std::string path;
  for (std::size_t y = 0; y + 1 < side; ++y) {
    for (std::size_t x = 0; x + 1 < side; ++x) {
      struct Corner {
        double value, x, y;
      };
      const auto corner = [&](std::size_t i, std::size_t j) -> Corner {
        return {v[j * side + i] - level, static_cast<double>(i) * step, static_cast<double>(side - 1 - j) * step};
      };
      const std::array<Corner, 4> c{corner(x, y), corner(x + 1, y), corner(x + 1, y + 1), corner(x, y + 1)};
      std::vector<std::array<double, 2>> cuts;
      for (std::size_t k = 0; k < 4; ++k) {
        const Corner &a = c[k], &b = c[(k + 1) % 4];
        if ((a.value < 0) == (b.value < 0)) continue;
        const double share = a.value / (a.value - b.value);
        cuts.push_back({a.x + share * (b.x - a.x), a.y + share * (b.y - a.y)});
      }
      for (std::size_t k = 0; k + 1 < cuts.size(); k += 2)
        path += fmt::format("M{:.1f} {:.1f}L{:.1f} {:.1f}", cuts[k][0], cuts[k][1], cuts[k + 1][0], cuts[k + 1][1]);
    }
  }
  return path;
}

}  // namespace

std::string draw_surface(const SurfaceFigure& figure) {
  Scale scale;
  for (const SurfacePanel& panel : figure.panels) {
    for (double v : panel.values) {
      if (!std::isfinite(v)) continue;
      scale.low = std::min(scale.low, v);
      scale.high = std::max(scale.high, v);
    }
  }
  scale.log = scale.low > 0 && scale.high > 20 * scale.low;
  const auto panels = static_cast<double>(figure.panels.size());
  const double bar = kLeft + panels * (kPanel + kGap), width = std::max(bar + 150, 900.0),
               height = kTop + kPanel + 70 + 20 * static_cast<double>(figure.captions.size());
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "font-family=\"sans-serif\" font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
      width, height);
  const double cell = kPanel / static_cast<double>(figure.side), step = kPanel / static_cast<double>(figure.side - 1);
  for (std::size_t k = 0; k < figure.panels.size(); ++k) {
    const SurfacePanel& panel = figure.panels[k];
    const double left = kLeft + static_cast<double>(k) * (kPanel + kGap);
    svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" font-weight=\"bold\">{}</text>\n", left, kTop - 16,
                       escape_markup(panel.title));
    svg += fmt::format("<g transform=\"translate({:.0f} {:.0f})\" shape-rendering=\"crispEdges\">\n", left, kTop);
    for (std::size_t y = 0; y < figure.side; ++y) {
      for (std::size_t x = 0; x < figure.side; ++x) {
        const double v = panel.values[y * figure.side + x];
        svg += fmt::format("<rect x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" fill=\"{}\"/>\n",
                           static_cast<double>(x) * cell, static_cast<double>(figure.side - 1 - y) * cell, cell, cell,
                           std::isfinite(v) ? colour(scale.share(v)) : "#ccc");
      }
    }
    svg += "</g>\n";
    // (Contours run through the middles of the outer squares.)
    svg += fmt::format(
        "<g transform=\"translate({:.2f} {:.2f}) scale({:.5f})\" fill=\"none\" stroke=\"#fff\" "
        "stroke-width=\"1.1\">\n",
        left + cell / 2, kTop + cell / 2, (kPanel - cell) / kPanel);
    for (std::size_t level = 1; level < kLevels; ++level) {
      const double at = scale.value(static_cast<double>(level) / kLevels);
      const std::string path = contour(panel.values, figure.side, at, step);
      if (!path.empty()) svg += fmt::format("<path d=\"{}\"><title>{:.4g}</title></path>\n", path, at);
    }
    svg += "</g>\n";
    for (const double share : {0.0, 0.5, 1.0}) {
      const double at = (2 * share - 1) * figure.extent;
      svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.0f}\" text-anchor=\"middle\">{:.3g}</text>\n",
                         left + cell / 2 + share * (kPanel - cell), kTop + kPanel + 18, at);
      if (k == 0)
        svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.3g}</text>\n", left - 8,
                           kTop + kPanel - cell / 2 - share * (kPanel - cell) + 4, at);
    }
    svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"middle\">s, along the first direction</text>\n",
                       left + kPanel / 2, kTop + kPanel + 38);
  }
  svg += fmt::format(
      "<text transform=\"translate(22 {:.0f}) rotate(-90)\" text-anchor=\"middle\">t, along the second</text>\n",
      kTop + kPanel / 2);
  for (int k = 0; k < 100; ++k)
    svg += fmt::format("<rect x=\"{:.0f}\" y=\"{:.1f}\" width=\"{:.0f}\" height=\"{:.1f}\" fill=\"{}\"/>\n", bar,
                       kTop + kPanel * (99 - k) / 100, kBar, kPanel / 100 + 0.5, colour((k + 0.5) / 100));
  for (const double share : {0.0, 0.25, 0.5, 0.75, 1.0})
    svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\">{:.4g}</text>\n", bar + kBar + 8,
                       kTop + kPanel * (1 - share) + 4, scale.value(share));
  svg +=
      fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\">Phi{}</text>\n", bar, kTop - 16, scale.log ? ", logarithmic" : "");
  for (std::size_t k = 0; k < figure.captions.size(); ++k)
    svg += fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\">{}</text>\n", kLeft,
                       kTop + kPanel + 66 + 20 * static_cast<double>(k), escape_markup(figure.captions[k]));
  return svg + "</svg>\n";
}

}  // namespace widecert::tool
