#include <widecert/number/ln2.h>

#include <algorithm>

namespace widecert {

Ln2::Ln2(std::vector<Rational> coefficients) : coefficients_(std::move(coefficients)) { trim(); }

void Ln2::trim() {
  while (!coefficients_.empty() && coefficients_.back() == 0) coefficients_.pop_back();
}

Ball Ln2::enclosure() const {
  const Ball l = log(Ball(2));
  Ball y(0);
  for (std::size_t e = coefficients_.size(); e-- > 0;) y = y * l + Ball::enclosing(coefficients_[e]);
  return y;
}

double Ln2::near_double() const {
  const PrecisionScope scope(128);
  return widecert::near_double(enclosure());
}

int Ln2::sign() const {
  if (is_zero()) return 0;
  const bool one = std::all_of(coefficients_.begin(), coefficients_.end() - 1, [](const auto& q) { return q == 0; });
  if (one) return coefficients_.back() > 0 ? 1 : -1;
  for (long bits = 64;; bits *= 2) {  // it is not 0
    const PrecisionScope scope(bits);
    const Ball y = enclosure();
    if (certainly_positive(y)) return 1;
    if (certainly_negative(y)) return -1;
  }
}

Ln2& Ln2::operator+=(const Ln2& other) {
  if (coefficients_.size() < other.coefficients_.size()) coefficients_.resize(other.coefficients_.size());
  for (std::size_t e = 0; e < other.coefficients_.size(); ++e) coefficients_[e] += other.coefficients_[e];
  trim();
  return *this;
}

Ln2& Ln2::operator-=(const Ln2& other) { return *this += -other; }

Ln2& Ln2::operator*=(const Ln2& other) {
  if (is_zero() || other.is_zero()) return *this = {};
  if (coefficients_.size() == 1 && other.coefficients_.size() == 1) {
    coefficients_[0] *= other.coefficients_[0];
    return *this;
  }
  std::vector<Rational> product(coefficients_.size() + other.coefficients_.size() - 1);
  for (std::size_t e = 0; e < coefficients_.size(); ++e)
    for (std::size_t f = 0; f < other.coefficients_.size(); ++f)
      product[e + f] += coefficients_[e] * other.coefficients_[f];
  coefficients_ = std::move(product);
  trim();
  return *this;
}

Ln2 Ln2::operator-() const {
  Ln2 y = *this;
  for (Rational& q : y.coefficients_) q = -q;
  return y;
}

}  // namespace widecert
