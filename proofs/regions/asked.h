// What every claim about one decision region says: an output, parameters, a class.
#pragma once

#include <optional>

#include "proofs/prover.h"

namespace widecert {

struct AskedRegion {
  std::size_t output, mine;
  PointSpec point;

  // Why there is no such region.
  std::optional<Outcome> obstacle(const Architecture& network) const;
  // Why some function is not piecewise linear and continuous.
  std::optional<Outcome> bent(const Architecture& network) const;
  // Why the network is no sum of units that are: that, or max pooling.
  std::optional<Outcome> not_piecewise_linear(const Architecture& network) const;
  // "output", "parameters", "class".
  Keys keys(const Architecture& network) const;
  // A tensor of one row, as long as an input.
  std::vector<Rational> row(const Architecture& network, const TensorSpec& spec, const std::string& what) const;
};
AskedRegion read_asked_region(const Entry& entry);
extern const std::pair<std::string, std::string> kRegionParametersKey, kClassKey;

}  // namespace widecert
