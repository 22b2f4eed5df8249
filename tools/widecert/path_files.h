// Paths of parameters for people: their way points as files, the loss along them as a picture. In doubles; the
// certificate has the path exactly.
#pragma once

#include <string>
#include <vector>

#include "proofs/paths/convex_loss.h"

namespace widecert::tool {

struct Path {
  std::vector<PointSpec> points;
  std::vector<bool> constant;  // of each piece: the outputs do not change
};
// The moves of a proof, from the claim's first point on.
Path read_path(const Outcome& outcome, const PointSpec& from, const std::string& output, const std::string& claim);

// Arrays K.LAYER.weight, K.LAYER.bias of way point K, in float64.
void write_way_points(const std::string& file, const Path& path, const Architecture& network, std::size_t output);

// The loss along the path as SVG; a dashed line at a level, with its words. `across` names the axis. A moat is a level
// from below: the loss rises above it, and the axis begins at 0.
struct Level {
  double at;
  std::string words;
  bool moat = false;
};
void draw_profile(const std::string& file, const Instance& instance, const Path& path, std::size_t output,
                  const ConvexLossSpec& loss, const Level& level, const std::string& across);

}  // namespace widecert::tool
