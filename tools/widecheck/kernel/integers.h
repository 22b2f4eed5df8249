// Integers in files and in sentences.
#pragma once

#include <gmpxx.h>

#include <cstddef>
#include <string>
#include <vector>

#include "kernel/budget.h"
#include "kernel/input.h"

namespace widecheck {

std::string number(std::size_t n);
// In sentences: the rational itself if that is short, else a decimal with exponent that is at most, at least the
// number, so that what is printed has been proved.
std::string show_below(const mpq_class& q);
std::string show_above(const mpq_class& q);

// A list of so many integers; of any number of them.
std::vector<mpz_class> read_integers(const Value& json, std::size_t length);
std::vector<mpz_class> read_integers(const Value& json);
// Strictly increasing indices below a limit.
std::vector<std::size_t> read_indices(const Value& json, std::size_t limit);
bool zero(const std::vector<mpz_class>& v);

// v / 2^bits, rounded down, rounded up.
mpz_class floor_shift(const mpz_class& v, unsigned bits);
mpz_class ceil_shift(const mpz_class& v, unsigned bits);
mpz_class floor_div(const mpz_class& a, const mpz_class& b);
mpz_class ceil_div(const mpz_class& a, const mpz_class& b);
mpz_class ceil_of(const mpq_class& q);
mpz_class floor_of(const mpq_class& q);
// A number that is at most, at least q >= 0, with about 512 significant bits: products of many stay short.
mpq_class short_below(const mpq_class& q);
mpq_class short_above(const mpq_class& q);
// At least the root of q >= 0, with about 512 significant bits.
mpq_class root_above(const mpq_class& q);
// sum += a. Pays for itself. Throws Malformed("too-large") beyond 65,536 bits.
void add(mpq_class& sum, const mpq_class& a, Budget& budget);
mpz_class squares(const std::vector<mpz_class>& v);  // their sum
// The largest absolute value, 0 of none.
mpz_class largest(const std::vector<mpz_class>& v);

// The sum of a^T b over pairs of vectors. Pays for itself.
class OuterProducts {
 public:
  OuterProducts(Budget& budget, std::size_t rows, std::size_t cols)
      : budget_(&budget), cols_(cols), sum_(rows * cols) {}
  void add(const std::vector<mpz_class>& a, const std::vector<mpz_class>& b);
  const std::vector<mpz_class>& sum() const { return sum_; }

 private:
  Budget* budget_;
  std::size_t cols_;
  std::vector<mpz_class> sum_;
};

}  // namespace widecheck
