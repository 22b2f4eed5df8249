#include <widecert/number/ball.h>
#include <widecert/number/error.h>

#include <cmath>

namespace widecert {
namespace {

thread_local long working_precision = 64;
long prec() { return working_precision; }

template <auto Function>
Ball unary(const Ball& x) {
  Ball result;
  Function(result.data(), x.data(), prec());
  return result;
}

// Numbers closer to 0 than 2^-kFinest have too many digits to be written out: e^-t at once for t = 10^15.
constexpr int kFinest = 1 << 20;
bool too_fine(const arf_t x) { return arf_cmpabs_2exp_si(x, -kFinest) < 0; }

Rational to_rational(const arf_t x) {
  check(arf_is_finite(x) != 0, "an infinite ball endpoint has no rational value");
  if (too_fine(x)) return 0;
  fmpq_t exact;
  fmpq_init(exact);
  arf_get_fmpq(exact, x);
  Rational result;
  fmpq_get_mpq(result.backend().data(), exact);
  fmpq_clear(exact);
  return result;
}

}  // namespace

PrecisionScope::PrecisionScope(long bits) : previous_(working_precision) {
  check(bits >= 2, "a precision of at least 2 bits");
  working_precision = bits;
}
PrecisionScope::~PrecisionScope() { working_precision = previous_; }
long PrecisionScope::current() { return working_precision; }

Ball Ball::exactly(double value) {
  if (!std::isfinite(value)) throw InputError("a ball around a non-finite double");
  Ball result;
  arb_set_d(result.value_, value);
  return result;
}

Ball Ball::enclosing(const Rational& value) {
  fmpq_t exact;
  fmpq_init(exact);
  fmpq_set_mpq(exact, value.backend().data());
  Ball result;
  arb_set_fmpq(result.value_, exact, prec());
  fmpq_clear(exact);
  return result;
}

Ball Ball::pi() {
  Ball result;
  arb_const_pi(result.value_, prec());
  return result;
}

Rational Ball::lower_bound() const {
  check(finite(), "bounds of a finite ball");
  arf_t bound;
  arf_init(bound);
  arb_get_lbound_arf(bound, value_, prec());
  const Rational result = too_fine(bound) && arf_sgn(bound) < 0 ? -power_of_two(-kFinest) : to_rational(bound);
  arf_clear(bound);
  return result;
}

Rational Ball::upper_bound() const { return -(-*this).lower_bound(); }
Rational Ball::midpoint() const {
  check(finite(), "midpoint of a finite ball");
  return to_rational(arb_midref(value_));
}

bool Ball::contains(const Rational& x) const {
  fmpq_t exact;
  fmpq_init(exact);
  fmpq_set_mpq(exact, x.backend().data());
  const bool inside = arb_contains_fmpq(value_, exact) != 0;
  fmpq_clear(exact);
  return inside;
}

Ball& Ball::operator+=(const Ball& other) {
  arb_add(value_, value_, other.value_, prec());
  return *this;
}
Ball& Ball::operator-=(const Ball& other) {
  arb_sub(value_, value_, other.value_, prec());
  return *this;
}
Ball& Ball::operator*=(const Ball& other) {
  arb_mul(value_, value_, other.value_, prec());
  return *this;
}
Ball& Ball::operator/=(const Ball& other) {
  arb_div(value_, value_, other.value_, prec());
  return *this;
}
Ball Ball::operator-() const {
  Ball result;
  arb_neg(result.value_, value_);
  return result;
}

Ball operator+(Ball a, const Ball& b) { return a += b; }
Ball operator-(Ball a, const Ball& b) { return a -= b; }
Ball operator*(Ball a, const Ball& b) { return a *= b; }
Ball operator/(Ball a, const Ball& b) { return a /= b; }

Ball exp(const Ball& x) { return unary<arb_exp>(x); }
Ball log(const Ball& x) { return unary<arb_log>(x); }
Ball log1p(const Ball& x) { return unary<arb_log1p>(x); }
Ball tanh(const Ball& x) { return unary<arb_tanh>(x); }
Ball erf(const Ball& x) { return unary<arb_hypgeom_erf>(x); }
Ball erfc(const Ball& x) { return unary<arb_hypgeom_erfc>(x); }
Ball sqrt(const Ball& x) { return unary<arb_sqrt>(x); }

Ball max(const Ball& x, const Ball& y) {
  Ball result;
  arb_max(result.data(), x.data(), y.data(), prec());
  return result;
}

double near_double(const Ball& x) { return arf_get_d(arb_midref(x.data()), ARF_RND_NEAR); }

// An end of the ball, as `end` finds it, rounded on.
static double rounded(void (*end)(arf_t, const arb_t, slong), const Ball& x, arf_rnd_t rounding) {
  arf_t bound;
  arf_init(bound);
  end(bound, x.data(), prec());
  const double result = arf_get_d(bound, rounding);
  arf_clear(bound);
  return result;
}
double lower_double(const Ball& x) { return rounded(arb_get_lbound_arf, x, ARF_RND_FLOOR); }
double magnitude_up(const Ball& x) { return rounded(arb_get_abs_ubound_arf, x, ARF_RND_UP); }

bool certainly_less(const Ball& a, const Ball& b) { return arb_lt(a.data(), b.data()) != 0; }
bool certainly_positive(const Ball& x) { return arb_is_positive(x.data()) != 0; }
bool certainly_negative(const Ball& x) { return arb_is_negative(x.data()) != 0; }

}  // namespace widecert
