// Families of parameters: theta(alpha) = constant + alpha slope, with every tensor of the linear nodes.
#pragma once

#include <widecert/network/point.h>

namespace widecert {

struct NodeFamily {
  NodeTensors constant, slope;
};
using Family = std::map<std::string, NodeFamily>;

// The member of a family at one alpha, its tensors written out.
PointSpec point_at(const Architecture& network, const Family& family, const Rational& alpha);

}  // namespace widecert
