// ScaledFeatures: the values of a node on every sample as integers over one common divisor, with
// one error radius: the exact value lies in [number - radius, number + radius] / divisor.
//
// The radius is 0 where the values are rational (computed exactly); elsewhere they are put on the grid of multiples of
// 2^-bits, by doubles with error bounds where there are many of them and the grid allows, else by ball arithmetic. From
// here on every computation is integer arithmetic.
#pragma once

#include <widecert/data/dataset.h>
#include <widecert/network/exact_forward.h>
#include <widecert/network/point.h>

#include <functional>
#include <vector>

namespace widecert {

struct ScaledFeatures {
  std::size_t samples = 0, width = 0;
  Integer divisor = 1, radius = 0;
  // Row by row; exactly one of the two is used: `small` if every number fits into 64 bits.
  std::vector<std::int64_t> small;
  std::vector<Integer> large;

  bool is_small() const { return large.empty(); }
  Integer max_abs() const;
};

// The values of `node` on all samples at given parameters of the linear nodes below it. `bits` is the grid where values
// are irrational. `tick(done)` is called now and then.
ScaledFeatures scaled_features(const Architecture& network, const PointSpec& point, const Dataset& data,
                               std::size_t node, int bits, const std::function<void(std::size_t)>& tick);

}  // namespace widecert
