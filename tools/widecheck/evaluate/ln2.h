// The ring Q[l], l = ln 2, exactly: polynomials in l with rational coefficients. l is transcendental (Lindemann), so
// that such a number is 0 only if its coefficients are; its sign is that of an enclosure.
#pragma once

#include <gmpxx.h>

#include <cstddef>
#include <string>
#include <vector>

#include "kernel/budget.h"

namespace widecheck {

// The coefficients of 1, l, l^2, ...; the last one is not 0, and 0 has none.
class Ln2 {
 public:
  Ln2() = default;
  Ln2(const mpq_class& rational) : Ln2(std::vector<mpq_class>{rational}) {}
  explicit Ln2(std::vector<mpq_class> coefficients);

  bool zero() const { return coefficients_.empty(); }
  bool rational() const { return coefficients_.size() <= 1; }
  mpq_class constant() const { return zero() ? mpq_class(0) : coefficients_[0]; }
  const std::vector<mpq_class>& coefficients() const { return coefficients_; }
  // Of more than one power, by enclosures of l of up to 4096 bits. Throws Rejected("sign") where they do not decide.
  int sign(Budget& budget) const;
  // Each pays for itself. Throw Malformed("too-large") beyond a degree of 64 or 65,536 bits.
  Ln2 plus(const Ln2& other, Budget& budget) const;
  Ln2 times(const Ln2& other, Budget& budget) const;
  Ln2 negative() const;

 private:
  std::vector<mpq_class> coefficients_;
};
// Enclosed in decimals where it is not a short rational number.
std::string show_below(const Ln2& x);
std::string show_above(const Ln2& x);

// Vectors of such numbers: for each power of l integers over one divisor.
class Ln2Vector {
 public:
  struct Part {
    std::vector<mpz_class> v;  // empty: all are 0
    mpz_class divisor = 1;
    bool zero() const { return v.empty(); }
  };

  explicit Ln2Vector(std::size_t size) : size_(size) {}
  Ln2Vector(std::vector<mpz_class> v, mpz_class divisor);  // rational

  std::size_t size() const { return size_; }
  const std::vector<Part>& parts() const { return parts_; }  // by power
  Ln2 at(std::size_t h, Budget& budget) const;               // pays for itself
  bool zero() const;
  // <h, [this, 1]>. Pays for itself.
  Ln2 affine(const std::vector<mpz_class>& h, Budget& budget) const;
  // The one power of l that entry h has, and its numerator over the divisor of that part; -1 if the entry is 0, -2 if
  // it has several.
  int power(std::size_t h) const;

  // The sum with l^power v / divisor, where v has the size of this vector. Pays for itself and throws as Ln2 does.
  void add(std::size_t power, const std::vector<mpz_class>& v, const mpz_class& divisor, Budget& budget);
  void add(const Ln2Vector& other, Budget& budget);
  Ln2Vector negative(Budget& budget) const { return times(mpz_class(-1), budget); }
  Ln2Vector times(const mpz_class& factor, Budget& budget) const;
  // Entry by entry.
  Ln2Vector times(const Ln2Vector& other, Budget& budget) const;
  // What a map that is linear over Z makes of it: each part by `map`, which pays for itself.
  template <class Map>
  Ln2Vector mapped(std::size_t size, const mpz_class& divisor, Map map, Budget& budget) const {
    Ln2Vector y(size);
    for (std::size_t e = 0; e < parts_.size(); ++e)
      if (!parts_[e].zero()) y.add(e, map(parts_[e].v), parts_[e].divisor * divisor, budget);
    return y;
  }

 private:
  std::size_t size_;
  std::vector<Part> parts_;
};

}  // namespace widecheck
