// Convex losses of outputs that are enclosed, in doubles with error bounds.
#pragma once

#include <widecert/network/enclosed_forward.h>

#include "proofs/paths/convex_loss.h"

namespace widecert::tool {

struct Enclosure {
  double low, high;
};

class EnclosedLoss {
 public:
  // Targets are one-hot rows, or others that doubles hold exactly; else throws InputError.
  EnclosedLoss(const ConvexLossSpec& spec, std::size_t samples, std::size_t outputs);
  // Phi of all outputs within the radii: a sum over the samples, one a row. Rigorous, rounding of the bounds included;
  // infinite where a radius is.
  Enclosure operator()(const EnclosedValues& outputs) const;

 private:
  std::string kind_;
  std::vector<double> y_;  // targets, row by row
  std::vector<std::size_t> classes_;
};

}  // namespace widecert::tool
