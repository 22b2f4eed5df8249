#include <widecert/linalg/polynomial.h>

#include <algorithm>

namespace widecert {
namespace {

void add_term(Polynomial& a, Monomial monomial, const Integer& coefficient) {
  const auto [place, added] = a.try_emplace(std::move(monomial), coefficient);
  if (added) return;
  place->second += coefficient;
  if (place->second == 0) a.erase(place);
}

}  // namespace

Monomial times(Monomial monomial, std::uint32_t variable) {
  monomial.insert(std::upper_bound(monomial.begin(), monomial.end(), variable), variable);
  return monomial;
}

void add(Polynomial& a, const Polynomial& b, const Integer& factor) {
  for (const auto& [monomial, coefficient] : b) add_term(a, monomial, factor * coefficient);
}

void add_multiple(Polynomial& a, const Polynomial& b, std::uint32_t variable, const Integer& factor) {
  for (const auto& [monomial, coefficient] : b) {
    add_term(a, times(monomial, variable), factor * coefficient);
  }
}

Polynomial product(const Polynomial& a, const Polynomial& b) {
  Polynomial c;
  for (const auto& [left, u] : a) {
    for (const auto& [right, v] : b) {
      Monomial both(left.size() + right.size());
      std::merge(left.begin(), left.end(), right.begin(), right.end(), both.begin());
      add_term(c, std::move(both), u * v);
    }
  }
  return c;
}

std::uint64_t evaluate(const Polynomial& a, const std::vector<std::uint32_t>& values, std::uint64_t prime) {
  std::uint64_t sum = 0;
  for (const auto& [monomial, coefficient] : a) {
    std::uint64_t term = mpz_fdiv_ui(coefficient.backend().data(), prime);
    for (std::uint32_t variable : monomial) term = term * values[variable] % prime;
    sum = (sum + term) % prime;
  }
  return sum;
}

}  // namespace widecert
