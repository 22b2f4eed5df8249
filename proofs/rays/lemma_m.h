// Lemma M and the explicit alpha_0: from gaps to "nonsingular for every alpha >= alpha_0".
//
// Lemma M. Let |A_ii| >= s, |A_ij| <= U above the diagonal, |A_ij| <= eps below it, 0 < eps < U. If
// eps (s+U)^n < U (s+eps)^n, then A (n x n) is nonsingular. Proof: the matrix with s on the
// diagonal, -U above and -eps below has leading minors (U (s+eps)^m - eps (s+U)^m)/(U-eps),
// positive for all m <= n because (s+U)/(s+eps) >= 1; so it is a nonsingular M-matrix, it bounds
// the comparison matrix of A from below, and A is an H-matrix. We use the sufficient form
//     ln(U/eps) >= n ln(1 + U/s),
// which is strict in Lemma M since (s+eps)^n > s^n.
//
// Below, z_jj in [d, d'], z_ij <= -delta for i > j, z_ij <= Delta for i < j, and A_ij =
// sigma(alpha z_ij + beta) (one-minus-sigmoid: sigma(-(alpha z_ij + beta)), which is the sigmoid).
//
//   relu, beta = 1, d >= 0: eps = 0 once alpha delta >= beta; A is exactly upper triangular with
//     diagonal >= beta. alpha_0 = beta/delta.
//   sigmoid, d >= 0: U = 1, s = S(beta), eps = S(beta - alpha delta), 1/eps = 1 + e^{alpha
//   delta-beta}.
//     alpha_0 = (beta + ln((2+e^-beta)^n - 1))/delta; beta = ln((n-1)/2) is near-best.
//   softplus_a, beta = 0, d > 0: softplus(x)/x decreases for x > 0, so U/s <= Delta/d for
//     U = softplus(a alpha Delta), s = softplus(a alpha d); eps <= e^{-a alpha delta}, U >= ln 2.
//     alpha_0 = (n ln(1 + Delta/d) - ln ln 2)/(a delta).
//   silu, gelu, mish, beta = 0, d > 0, alpha delta >= 1: t/2 <= s(t) <= t for t >= 0 (mish: 3t/5,
//   as
//     tanh(ln 2) = 3/5), |s| < 1 <= alpha Delta for t < 0, so U/s <= 2 Delta/d with U = alpha
//     Delta; eps = alpha delta e^{-alpha delta} (gelu: alpha delta e^{-(alpha delta)^2/2}/2), the
//     tail bound of the table, and eps/U <= e^{-alpha delta} (gelu: e^{-(alpha delta)^2/2}) as
//     delta <= Delta. alpha_0 delta = max(1, L), gelu max(1, sqrt(2L)), with L = n ln(1 + 2
//     Delta/d).
//   gaussian, beta = 0, |z_jj| <= r: U = 1, s = e^{-(alpha r)^2}, eps = e^{-(alpha delta)^2};
//     ln(1+e^x) <= ln 2 + x for x >= 0, so alpha^2 (delta^2 - n r^2) >= n ln 2 suffices.
// Every condition is monotone in alpha: it holds for all alpha >= alpha_0.
//
// Row differences (Lemma 4.3, Nguyen & Hein 2017), for sigmoid (m = 1) and tanh (m = 2). Scale tanh
// to S(2t) = (1 + tanh t)/2. In [1, A] or, with one saturated neuron (z >= delta) in place of the
// ones, subtract from each row the next. With e = exp(-m (alpha delta - beta)): the differences are
// at most e below the diagonal and at most 1 above it, and at least S(m beta) - e on it; the last
// row with the saturated (or constant) column goes first, with diagonal entry at least 1 - e (tanh:
// in units of 2, 1/2 - e). Lemma M with U = 1, eps = e, s = min(S(m beta), corner) - e.
#pragma once

#include <widecert/network/activation.h>

#include "proofs/rays/ray_proof.h"
#include "proofs/rays/separation.h"

namespace widecert {

struct RayThreshold {
  Rational beta;     // the constant in the pre-activation alpha z + beta
  Rational alpha_0;  // a short upper bound of the formula above
};

// How the family is built for this activation: where the centres go and the sign of the ray.
Centre centre_for(ActivationKind kind);
int orientation(ActivationKind kind);  // -1 for one-minus-sigmoid (mu_+ = 0), else +1
RayRule rule_for(ActivationKind kind);
// The formula behind ray_threshold() or row_difference_threshold(), for people.
const char* ray_formula(ActivationKind kind, RayRule rule);
bool has_ray_threshold(ActivationKind kind);   // Theorem 3.4's construction
bool has_row_difference(ActivationKind kind);  // bounded increasing: sigmoid, tanh

// alpha_0 for n neurons. Throws InternalError for an activation without a threshold.
RayThreshold ray_threshold(const Activation& f, const Separation& gaps, std::size_t n);

// alpha_0 of the row-difference argument for a matrix of size n (after adding the saturated
// neuron).
RayThreshold row_difference_threshold(const Activation& f, const Separation& gaps, std::size_t n, bool saturated);

}  // namespace widecert
