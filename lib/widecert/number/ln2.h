// Ln2: the ring Q[l], l = ln 2, exactly: polynomials in l with rational coefficients. l is transcendental (Lindemann),
// so that such a number is 0 only if its coefficients are; its order is that of enclosures (Arb).
#pragma once

#include <widecert/number/ball.h>
#include <widecert/number/rational.h>

#include <vector>

namespace widecert {

class Ln2 {
 public:
  Ln2() = default;
  explicit Ln2(int rational) : Ln2(Rational(rational)) {}
  explicit Ln2(const Rational& rational) : Ln2(std::vector<Rational>{rational}) {}
  explicit Ln2(std::vector<Rational> coefficients);  // of 1, l, l^2, ...
  static Ln2 from_rational(const Rational& x) { return Ln2(x); }

  bool is_zero() const { return coefficients_.empty(); }
  bool is_rational() const { return coefficients_.size() <= 1; }
  Rational constant() const { return is_zero() ? Rational(0) : coefficients_[0]; }
  const std::vector<Rational>& coefficients() const { return coefficients_; }  // the last one is not 0
  int sign() const;
  Ball enclosure() const;  // at the working precision
  double near_double() const;

  Ln2& operator+=(const Ln2& other);
  Ln2& operator-=(const Ln2& other);
  Ln2& operator*=(const Ln2& other);
  Ln2 operator-() const;
  friend Ln2 operator+(Ln2 a, const Ln2& b) { return a += b; }
  friend Ln2 operator-(Ln2 a, const Ln2& b) { return a -= b; }
  friend Ln2 operator*(Ln2 a, const Ln2& b) { return a *= b; }
  friend bool operator==(const Ln2& a, const Ln2& b) { return a.coefficients_ == b.coefficients_; }
  friend bool operator<(const Ln2& a, const Ln2& b) { return (a - b).sign() < 0; }

 private:
  void trim();
  std::vector<Rational> coefficients_;
};

}  // namespace widecert
