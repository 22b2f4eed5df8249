// rank F < N on an open set of parameters (the counterexamples to Theorem 3.5 for relu, leaky relu
// and ELU): a box of parameters on which no unit comes near its kink, so that every feature is 0 or
// an affine function of the input.
#pragma once

#include "proofs/prover.h"

namespace widecert {

struct DependentBox {
  Finding finding;  // "dependent-on-open-set", by units-without-kinks
  PointSpec centre;
  Rational radius;  // every free tensor differs from the centre by less in each entry
};
// A box for the values of a node: with all units dead (relu, step) or all on their linear
// side. Nothing if the layer has no free bias, or where affine features may still be independent.
std::optional<DependentBox> dependent_on_open_set(const Instance& instance, std::size_t node);

namespace theorems {
Theorem open_set();
}

}  // namespace widecert
