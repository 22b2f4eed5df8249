// Ball: a real number known up to a rigorous error bound, over Arb.
//
// Every operation encloses: if the operands contain x and y, the result contains x op y. Numbers
// enter by explicit name (Ball::exactly, Ball::enclosing); `Ball b = 0.1;` does not compile. The
// working precision is that of the innermost PrecisionScope of the thread (64 bits outside any).
// Comparisons are three-valued in meaning: certainly_less(a, b) == false says nothing about a >= b.
#pragma once

#include <widecert/number/arb.h>
#include <widecert/number/rational.h>

#include <concepts>

namespace widecert {

// Sets the working precision (bits) of this thread's balls for the life of the object.
class PrecisionScope {
 public:
  explicit PrecisionScope(long bits);
  ~PrecisionScope();
  PrecisionScope(const PrecisionScope&) = delete;
  PrecisionScope& operator=(const PrecisionScope&) = delete;
  static long current();

 private:
  long previous_;
};

class Ball {
 public:
  Ball() { arb_init(value_); }
  explicit Ball(std::integral auto n) : Ball() { arb_set_si(value_, static_cast<slong>(n)); }
  explicit Ball(std::floating_point auto) = delete;  // say Ball::exactly
  Ball(const Ball& other) : Ball() { arb_set(value_, other.value_); }
  Ball(Ball&& other) noexcept : Ball() { arb_swap(value_, other.value_); }
  Ball& operator=(const Ball& other) {
    arb_set(value_, other.value_);
    return *this;
  }
  Ball& operator=(Ball&& other) noexcept {
    arb_swap(value_, other.value_);
    return *this;
  }
  ~Ball() { arb_clear(value_); }

  // The double itself, radius 0.
  static Ball exactly(double value);
  // A ball around the rational at the current precision; radius 0 if the rational is a short
  // dyadic.
  static Ball enclosing(const Rational& value);
  static Ball pi();

  arb_ptr data() { return value_; }
  arb_srcptr data() const { return value_; }

  // Exact dyadic rationals with lower_bound() <= x <= upper_bound() for every x in the ball.
  // Throw InternalError if the ball is not finite.
  Rational lower_bound() const;
  Rational upper_bound() const;
  Rational midpoint() const;  // 0 where it is closer to 0 than 2^-2^20
  bool finite() const { return arb_is_finite(value_) != 0; }
  bool contains(const Rational& x) const;
  bool contains_zero() const { return arb_contains_zero(value_) != 0; }

  Ball& operator+=(const Ball& other);
  Ball& operator-=(const Ball& other);
  Ball& operator*=(const Ball& other);
  Ball& operator/=(const Ball& other);
  Ball operator-() const;

 private:
  arb_t value_;
};

Ball operator+(Ball a, const Ball& b);
Ball operator-(Ball a, const Ball& b);
Ball operator*(Ball a, const Ball& b);
Ball operator/(Ball a, const Ball& b);

Ball exp(const Ball& x);
Ball log(const Ball& x);
Ball log1p(const Ball& x);
Ball tanh(const Ball& x);
Ball erf(const Ball& x);
Ball erfc(const Ball& x);
Ball sqrt(const Ball& x);
// Exact on exact input; encloses max(x, y) otherwise.
Ball max(const Ball& x, const Ball& y);

// Into doubles, of a finite ball: near the middle; not above any point; not below the size of any point
// (infinite beyond the range).
double near_double(const Ball& x);
double lower_double(const Ball& x);
double magnitude_up(const Ball& x);

bool certainly_less(const Ball& a, const Ball& b);
bool certainly_positive(const Ball& x);
bool certainly_negative(const Ball& x);

}  // namespace widecert
