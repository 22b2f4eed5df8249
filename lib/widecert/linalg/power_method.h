// The power method in floating point, for estimates of norms and of extreme singular values. Nothing found by it is
// a bound: it tells what is worth trying to certify, and finds vectors whose quotients are then evaluated rigorously.
//
// Internal to singular_bounds.h.
#pragma once

#include <widecert/number/rounding.h>

#include <Eigen/Core>

namespace widecert {

// An estimate of the largest eigenvalue of the symmetric map `apply` (in place) by some steps from v on, which leave
// the last vector in v, whose length is the estimate; from below, or not finite. Ends early once a step adds no more
// than this part of it.
template <class Map>
double power_method(Eigen::VectorXd& v, int steps, const Map& apply, double part = 0) {
  double growth = 0;
  for (int k = 0; k < steps; ++k) {
    const double length = v.norm();
    if (!(length > 0) || !(length < kInfinity)) break;
    v /= length;
    apply(v);
    const double before = growth;
    growth = v.norm();
    if (part > 0 && k > 2 && growth - before <= part * growth) break;
  }
  return growth;
}

// A start for it, with a part in every direction.
inline Eigen::VectorXd generic_vector(Eigen::Index size) {
  Eigen::VectorXd v(size);
  for (Eigen::Index i = 0; i < size; ++i) v[i] = 1 + static_cast<double>((i * 104729) % 97) / 97;
  return v;
}

}  // namespace widecert
