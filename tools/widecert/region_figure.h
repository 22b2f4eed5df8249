// Decision regions of a plane as SVG: the cells' pieces of each class, components labelled, moats and paths on top.
#pragma once

#include <array>
#include <string>
#include <vector>

namespace widecert::tool {

using PlanePoint = std::array<double, 2>;
// A piece of a region, as far as the view shows it.
struct ShownPiece {
  std::vector<PlanePoint> corners;
  std::size_t of_class, component;
};
struct ShownLine {
  std::vector<PlanePoint> points;
  std::string words;
  bool moat;
};
struct RegionFigure {
  PlanePoint low, high;  // the view
  std::string across, up;
  std::vector<ShownPiece> pieces;
  std::vector<std::vector<PlanePoint>> cells;  // outlines; empty where there are too many
  std::vector<ShownLine> lines;
  std::vector<PlanePoint> points;     // data
  std::vector<std::string> legend;    // by class
  std::vector<std::string> captions;  // below, a line each
};
std::string draw_regions(const RegionFigure& figure);

// The part of a polygon where a x + b y + c >= 0.
std::vector<PlanePoint> clipped(const std::vector<PlanePoint>& polygon, const std::array<double, 3>& form);

}  // namespace widecert::tool
