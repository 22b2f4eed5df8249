// A loss on a plane of parameters as SVG: colours and contours from values at the points of a grid, one panel for each
// network.
#pragma once

#include <string>
#include <vector>

namespace widecert::tool {

struct SurfacePanel {
  std::string title;
  std::vector<double> values;  // side * side, t by t upward
};
struct SurfaceFigure {
  std::size_t side;
  double extent;  // s and t go from -extent to extent
  std::vector<SurfacePanel> panels;
  std::vector<std::string> captions;  // below, a line each
};
std::string draw_surface(const SurfaceFigure& figure);

}  // namespace widecert::tool
