// Parameters as networks are initialised, but rational and seeded: weights uniform in about +- sqrt(6 /
// fan-in), biases uniform in [-1, 1], multiples of a small step.
#pragma once

#include <widecert/network/point.h>

namespace widecert {

// The free tensors of the linear nodes that `target` depends on.
PointSpec random_point(const Architecture& network, std::size_t target, std::uint64_t seed);

}  // namespace widecert
