// Polynomials with integer coefficients in many variables, as lists of terms: small things that
// stand in certificates. Expanding and comparing is all that is done with them.
#pragma once

#include <widecert/number/rational.h>

#include <cstdint>
#include <map>
#include <vector>

namespace widecert {

// A product of variables, by increasing number, a power being a repetition.
using Monomial = std::vector<std::uint32_t>;
// Terms whose coefficients are not 0.
using Polynomial = std::map<Monomial, Integer>;
// The entries of a vector that are not 0.
using PolynomialVector = std::map<std::size_t, Polynomial>;

Monomial times(Monomial monomial, std::uint32_t variable);
// a += factor * b.
void add(Polynomial& a, const Polynomial& b, const Integer& factor);
// a += factor * variable * b.
void add_multiple(Polynomial& a, const Polynomial& b, std::uint32_t variable, const Integer& factor);
Polynomial product(const Polynomial& a, const Polynomial& b);
// The value modulo a prime below 2^31 where variable k has the residue values[k].
std::uint64_t evaluate(const Polynomial& a, const std::vector<std::uint32_t>& values, std::uint64_t prime);

}  // namespace widecert
