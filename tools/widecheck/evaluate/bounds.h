// Rational enclosures of exp, log, pi and the normal distribution function, from power series with
// explicit remainders. Integers of GMP only: every lower end is rounded down, every upper end up.
#pragma once

#include <gmpxx.h>

namespace widecheck {

struct Interval {
  mpq_class low, high;
};

// e^-q for q >= 0, absolute width at most about 2^-bits.
Interval exp_minus(const mpq_class& q, unsigned bits);
// ln x for x > 0, absolute width about 2^-bits.
Interval log(const mpq_class& x, unsigned bits);
Interval pi(unsigned bits);
// Phi(-t) for t >= 0 (the standard normal distribution function), absolute width about 2^-bits.
Interval normal_tail(const mpq_class& t, unsigned bits);
// Its derivative phi(t) = e^{-t^2/2}/sqrt(2 pi), absolute width about 2^-bits.
Interval normal_density(const mpq_class& t, unsigned bits);

}  // namespace widecheck
