// Activations on arrays of doubles with error bounds, vectorised: midpoints and radii in, midpoints and
// radii out. libm is not used. u = 2^-53 throughout; "relative error c u" means c u |computed| + 2^-1000
// where values may underflow.
//
// exp(-q), q >= 0, relative error 8u. q = k ln2 + r, |r| <= ln2/2 + 2^-40, with ln2 in two parts of which
//   k times the first is exact (k < 2^11; it has 42 bits): the two subtractions lose at most u (|r| + 2^-52)
//   each, the rest of ln2 less than 2^-90 k; so r is known up to 0.8 u and e^-r up to 0.8 u relatively. Taylor
//   to degree 13: the rest is below 0.347^14/14! e^0.347 < 2^-57. Horner: the last step 1 + s q_1 loses u (1.42
//   + 0.42), the one before 0.35 * 1.7 u, in all less than 2.5 u, relatively to e^-0.347 less than 3.6 u. The
//   power of two is exact for q <= 708; beyond, the value is replaced by e^-708 < 2^-1021.
// log1p(y), 0 <= y <= 1, relative error 8u: 2 atanh(s), s = y/(2 + y) <= 1/3 (2 u and what y brings), series
//   in z = s^2 (5 u) to z^16/33: the rest is below z^17/35 * 9/8 < 2^-58; Horner from the small end loses
//   less than 2 u, the product 2 u.
// Phi(-t), t >= 0 (normal distribution): Taylor polynomials of degree 10 around the middles of cells of
//   width 1/8 up to t = 16, their coefficients computed by Arb and rounded; the error of a cell is the
//   enclosed rest plus 16 u sum |c_n| 16^-n, in a table beside. Beyond 16 it is 0 up to 2^-180.
//
// A radius r of the argument becomes L r with a Lipschitz constant L of the function on R (the kinks of relu
// and the like need nothing else; jumps within the radius give an interval that contains both sides).
#pragma once

#include <widecert/network/activation.h>

#include <span>

namespace widecert {

// Replaces each middle[i] +- radius[i] by an enclosure of the activation on it. Radii are >= 0; NaN and
// infinite radii stay so. A parameter beyond 2^-1000 .. 2^1000 gives infinite radii. The spans have one length. Cost:
// some tens of operations each, no branches.
void enclose_activation(const Activation& f, std::span<double> middle, std::span<double> radius);

}  // namespace widecert
