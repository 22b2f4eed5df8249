#include "evaluate/ln2.h"

#include <algorithm>

#include "evaluate/bounds.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::size_t kMostBits = 65'536, kMostDegree = 64;

void require_moderate(const mpz_class& v) {
  if (mpz_sizeinbase(v.get_mpz_t(), 2) > kMostBits)
    throw Malformed("too-large", "exact values of more than 65,536 bits; refused");
}
void require_degree(std::size_t size) {
  if (size > kMostDegree + 1) throw Malformed("too-large", "a power of ln 2 beyond the 64th; refused");
}
Products words(const mpq_class& q) { return Products::words(q.get_num()) + Products::words(q.get_den()); }

// Of the value, by Horner's rule.
Interval enclosure(const std::vector<mpq_class>& coefficients, unsigned bits) {
  const Interval l = log(2, bits);  // positive
  Interval y{0, 0};
  for (std::size_t e = coefficients.size(); e-- > 0;) {
    y.low *= y.low < 0 ? l.high : l.low;
    y.high *= y.high < 0 ? l.low : l.high;
    y.low += coefficients[e];
    y.high += coefficients[e];
  }
  return y;
}

}  // namespace

Ln2::Ln2(std::vector<mpq_class> coefficients) : coefficients_(std::move(coefficients)) {
  while (!coefficients_.empty() && coefficients_.back() == 0) coefficients_.pop_back();
}

int Ln2::sign(Budget& budget) const {
  if (zero()) return 0;
  const bool one = std::all_of(coefficients_.begin(), coefficients_.end() - 1, [](const auto& q) { return q == 0; });
  if (one) return sgn(coefficients_.back());
  for (unsigned bits = 64; bits <= 4096; bits *= 4) {
    Products most = Products(bits) / 64;
    for (const mpq_class& q : coefficients_) most += words(q);
    const Products digits = Products(coefficients_.size()) * (most + Products(bits) / 8);
    budget.spend(2'000'000 + 40 * digits * digits);
    const Interval y = enclosure(coefficients_, bits);
    if (y.low > 0) return 1;
    if (y.high < 0) return -1;
  }
  throw Rejected("sign", "the sign of a number with powers of ln 2 stays open");
}

Ln2 Ln2::plus(const Ln2& other, Budget& budget) const {
  std::vector<mpq_class> sum(std::max(coefficients_.size(), other.coefficients_.size()));
  for (std::size_t e = 0; e < sum.size(); ++e) {
    const mpq_class a = e < coefficients_.size() ? coefficients_[e] : mpq_class(0),
                    b = e < other.coefficients_.size() ? other.coefficients_[e] : mpq_class(0);
    const Products size = words(a) + words(b);
    budget.spend(100 + 20 * size * size);
    sum[e] = a + b;
    require_moderate(sum[e].get_den());
  }
  return Ln2(std::move(sum));
}

Ln2 Ln2::times(const Ln2& other, Budget& budget) const {
  if (zero() || other.zero()) return {};
  require_degree(coefficients_.size() + other.coefficients_.size() - 1);
  Ln2 product;
  for (std::size_t e = 0; e < coefficients_.size(); ++e) {
    for (std::size_t f = 0; f < other.coefficients_.size(); ++f) {
      if (coefficients_[e] == 0 || other.coefficients_[f] == 0) continue;
      const Products size = words(coefficients_[e]) + words(other.coefficients_[f]);
      budget.spend(100 + 20 * size * size);
      std::vector<mpq_class> term(e + f + 1);
      term[e + f] = coefficients_[e] * other.coefficients_[f];
      product = product.plus(Ln2(std::move(term)), budget);
    }
  }
  return product;
}

Ln2 Ln2::negative() const {
  Ln2 y = *this;
  for (mpq_class& q : y.coefficients_) q = -q;
  return y;
}

std::string show_below(const Ln2& x) {
  return show_below(x.rational() ? x.constant() : enclosure(x.coefficients(), 256).low);
}
std::string show_above(const Ln2& x) {
  return show_above(x.rational() ? x.constant() : enclosure(x.coefficients(), 256).high);
}

Ln2Vector::Ln2Vector(std::vector<mpz_class> v, mpz_class divisor) : size_(v.size()) {
  if (!widecheck::zero(v)) parts_.push_back({std::move(v), std::move(divisor)});
}

Ln2 Ln2Vector::at(std::size_t h, Budget& budget) const {
  std::vector<mpq_class> coefficients(parts_.size());
  for (std::size_t e = 0; e < parts_.size(); ++e) {
    if (parts_[e].zero()) continue;
    const Products size = Products::words(parts_[e].v[h]) + Products::words(parts_[e].divisor);
    budget.spend(100 + 8 * size * size);  // common factors go
    coefficients[e] = mpq_class(parts_[e].v[h], parts_[e].divisor);
    coefficients[e].canonicalize();
  }
  return Ln2(std::move(coefficients));
}

bool Ln2Vector::zero() const {
  return std::all_of(parts_.begin(), parts_.end(), [](const Part& part) { return part.zero(); });
}

Ln2 Ln2Vector::affine(const std::vector<mpz_class>& h, Budget& budget) const {
  std::vector<mpq_class> sums(std::max<std::size_t>(parts_.size(), 1));
  for (std::size_t e = 0; e < parts_.size(); ++e) {
    if (parts_[e].zero()) continue;
    budget.spend((60 + Products::words(widecheck::largest(h)) * Products::words(widecheck::largest(parts_[e].v))) *
                 size_);
    mpz_class sum = 0;
    for (std::size_t k = 0; k < size_; ++k) sum += h[k] * parts_[e].v[k];
    sums[e] = mpq_class(sum, parts_[e].divisor);
    sums[e].canonicalize();
  }
  sums[0] += h.back();
  return Ln2(std::move(sums));
}

int Ln2Vector::power(std::size_t h) const {
  int found = -1;
  for (std::size_t e = 0; e < parts_.size(); ++e)
    if (!parts_[e].zero() && parts_[e].v[h] != 0) found = found == -1 ? static_cast<int>(e) : -2;
  return found;
}

void Ln2Vector::add(std::size_t power, const std::vector<mpz_class>& v, const mpz_class& divisor, Budget& budget) {
  if (widecheck::zero(v)) return;
  require_degree(power + 1);
  require_moderate(divisor);
  if (parts_.size() <= power) parts_.resize(power + 1);
  Part& part = parts_[power];
  const mpz_class most = widecheck::largest(v);
  require_moderate(most);
  if (part.zero()) {
    budget.spend((20 + Products::words(most)) * size_);
    part.v = v;
    part.divisor = divisor;
    return;
  }
  const Products size = Products::words(divisor) + Products::words(part.divisor);
  budget.spend(100 + 20 * size * size);
  const mpz_class common = lcm(part.divisor, divisor);
  require_moderate(common);
  const mpz_class mine = common / part.divisor, theirs = common / divisor;
  budget.spend((60 + Products::words(mine) * Products::words(widecheck::largest(part.v)) +
                Products::words(theirs) * Products::words(most)) *
               size_);
  for (std::size_t h = 0; h < size_; ++h) {
    if (mine != 1) part.v[h] *= mine;
    mpz_addmul(part.v[h].get_mpz_t(), theirs.get_mpz_t(), v[h].get_mpz_t());
  }
  part.divisor = common;
  require_moderate(widecheck::largest(part.v));
  if (widecheck::zero(part.v)) part = {};
}

void Ln2Vector::add(const Ln2Vector& other, Budget& budget) {
  for (std::size_t e = 0; e < other.parts_.size(); ++e)
    if (!other.parts_[e].zero()) add(e, other.parts_[e].v, other.parts_[e].divisor, budget);
}

Ln2Vector Ln2Vector::times(const mpz_class& factor, Budget& budget) const {
  Ln2Vector y = *this;
  for (Part& part : y.parts_) {
    budget.spend((40 + Products::words(factor) * Products::words(widecheck::largest(part.v))) * part.v.size());
    for (mpz_class& x : part.v) x *= factor;
    if (widecheck::zero(part.v)) part = {};
  }
  return y;
}

Ln2Vector Ln2Vector::times(const Ln2Vector& other, Budget& budget) const {
  Ln2Vector y(size_);
  for (std::size_t e = 0; e < parts_.size(); ++e) {
    for (std::size_t f = 0; f < other.parts_.size(); ++f) {
      const Part &a = parts_[e], &b = other.parts_[f];
      if (a.zero() || b.zero()) continue;
      budget.spend((60 + Products::words(widecheck::largest(a.v)) * Products::words(widecheck::largest(b.v))) * size_);
      std::vector<mpz_class> v(size_);
      for (std::size_t h = 0; h < size_; ++h) v[h] = a.v[h] * b.v[h];
      y.add(e + f, v, a.divisor * b.divisor, budget);
    }
  }
  return y;
}

}  // namespace widecheck
