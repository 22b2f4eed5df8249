// Charts as SVG: axes with round numbers, and a frame with a grid.
#pragma once

#include <string>
#include <vector>

namespace widecert::tool {

struct Axis {
  double low = 0, high = 1;
  bool log = false;
  double from = 0, length = 1;  // in pixels; length < 0 points up

  double at(double v) const;  // where v stands
  std::vector<double> ticks() const;
};
// A little wider than the values.
Axis axis(double low, double high, bool log);

struct Chart {
  Axis x, y;
  Chart(const Axis& across, const Axis& up);
  double left() const { return x.from; }
  double right() const { return x.from + x.length; }
  double top() const { return y.from + y.length; }
  double bottom() const { return y.from; }
  // The beginning of an <svg>: grid, numbers and the names of the axes.
  std::string frame(const std::string& across, const std::string& up) const;
};

// One after the other.
const char* chart_colour(std::size_t series);

}  // namespace widecert::tool
