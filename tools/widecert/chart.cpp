#include "chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "markup.h"

namespace widecert::tool {
namespace {

constexpr double kWidth = 640, kHeight = 400, kLeft = 78, kRight = 18, kTop = 34, kBottom = 52;

constexpr const char* kColours[] = {"#0b6e99", "#c1440e", "#4a7c2c", "#7a4fa3", "#a67c00",
                                    "#b0306a", "#2f4858", "#888888", "#5fb3b3", "#d98880"};

}  // namespace

double Axis::at(double v) const {
  const double t =
      log ? (std::log10(v) - std::log10(low)) / (std::log10(high) - std::log10(low)) : (v - low) / (high - low);
  return from + length * t;
}

std::vector<double> Axis::ticks() const {
  std::vector<double> out;
  if (log) {
    const int first = static_cast<int>(std::ceil(std::log10(low) - 1e-9)),
              last = static_cast<int>(std::floor(std::log10(high) + 1e-9));
    const int step = std::max(1, (last - first + 5) / 6);
    for (int e = first; e <= last; e += step) out.push_back(std::pow(10.0, e));
    if (out.size() >= 2) return out;
    out.clear();
    for (double base = std::pow(10.0, std::floor(std::log10(low))); base <= high; base *= 10)
      for (double m : {1.0, 2.0, 5.0})
        if (m * base >= low * 0.999 && m * base <= high * 1.001) out.push_back(m * base);
    return out;
  }
  const double raw = (high - low) / 5, power = std::pow(10.0, std::floor(std::log10(raw)));
  const double step = raw / power < 1.5   ? power
                      : raw / power < 3.5 ? 2 * power
                      : raw / power < 7.5 ? 5 * power
                                          : 10 * power;
  for (double v = std::ceil(low / step - 1e-9) * step; v <= high + 1e-9 * step; v += step) {
    out.push_back(std::abs(v) < 1e-9 * step ? 0 : v);
  }
  return out;
}

Axis axis(double low, double high, bool log) {
  Axis a;
  a.log = log;
  if (log) {
    a.low = low / 1.15;
    a.high = high * 1.15;
  } else {
    const double margin = high > low ? 0.04 * (high - low) : 1;
    a.low = low - margin;
    a.high = high + margin;
  }
  return a;
}

Chart::Chart(const Axis& across, const Axis& up) : x(across), y(up) {
  x.from = kLeft;
  x.length = kWidth - kLeft - kRight;
  y.from = kHeight - kBottom;
  y.length = -(kHeight - kTop - kBottom);
}

std::string Chart::frame(const std::string& across, const std::string& up) const {
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" "
      "aria-label=\"{2} against {3}\" font-family=\"system-ui,sans-serif\" font-size=\"12\" fill=\"#444\">"
      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
      kWidth, kHeight, escape_markup(up), escape_markup(across));
  for (double v : x.ticks()) {
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\" stroke=\"#e3e3e3\"/>"
        "<text x=\"{0:.1f}\" y=\"{3:.1f}\" text-anchor=\"middle\">{4:.6g}</text>",
        x.at(v), kTop, kHeight - kBottom, kHeight - kBottom + 18, v);
  }
  for (double v : y.ticks()) {
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#e3e3e3\"/>"
        "<text x=\"{3:.1f}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.6g}</text>",
        kLeft, kWidth - kRight, y.at(v), kLeft - 6, y.at(v) + 4, v);
  }
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" font-weight=\"600\">{}</text>",
                     kLeft + x.length / 2, kHeight - 12, escape_markup(across));
  return svg + fmt::format(
                   "<text transform=\"translate(16 {:.1f}) rotate(-90)\" text-anchor=\"middle\" "
                   "font-weight=\"600\">{}</text>",
                   kTop - y.length / 2, escape_markup(up));
}

const char* chart_colour(std::size_t series) { return kColours[series % std::size(kColours)]; }

}  // namespace widecert::tool
