// Claims from a stranger may be small and ask for years of work: that is refused before it is begun.
// All claims of a file together get 10^12 products of 64-bit numbers, or
// so many times that as --work says. Every function of kernel/,
// evaluate/ and evidence/ that works for long pays for it before its loop; rules count no costs.
#pragma once

#include <gmpxx.h>

#include <concepts>

namespace widecheck {

// An estimate of work, in products of numbers of 64 bits. In floating point, which no statement rests on.
class Products {
 public:
  template <std::integral T>
  Products(T n) : n_(static_cast<double>(n)) {}
  explicit Products(const mpz_class& n) : n_(n.get_d()) {}
  // 1 and the number of 64-bit words of v.
  static Products words(const mpz_class& v) { return 1 + Products(mpz_sizeinbase(v.get_mpz_t(), 2)) / 64; }
  friend Products operator+(Products a, Products b) { return Raw{a.n_ + b.n_}; }
  friend Products operator*(Products a, Products b) { return Raw{a.n_ * b.n_}; }
  friend Products operator/(Products a, Products b) { return Raw{a.n_ / b.n_}; }
  friend bool operator<(Products a, Products b) { return a.n_ < b.n_; }
  Products& operator+=(Products b) { return *this = *this + b; }

 private:
  struct Raw {
    double n;
  };
  Products(Raw raw) : n_(raw.n) {}
  friend class Budget;
  double n_;
};

class Budget {
 public:
  // So many times 10^12 products.
  explicit Budget(unsigned times = 1) : times_(times), most_(Products(1'000'000'000'000) * times) {}
  // Throws Malformed("too-large") once more is asked for than all claims get.
  void spend(Products work);

 private:
  unsigned times_;
  Products most_;
  Products granted_ = 0;
};

}  // namespace widecheck
