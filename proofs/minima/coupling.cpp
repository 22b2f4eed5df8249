#include "proofs/minima/coupling.h"

#include <widecert/linalg/exact_program.h>

#include <algorithm>

namespace widecert {
namespace {

bool is_zero(const std::vector<Rational>& v) {
  return std::all_of(v.begin(), v.end(), [](const Rational& x) { return x == 0; });
}

std::vector<Rational> times(const Rational& factor, std::vector<Rational> v) {
  for (Rational& x : v) x *= factor;
  return v;
}

// rho and u with R = rho u^T, if there are.
std::optional<std::pair<std::vector<Rational>, std::vector<Rational>>> as_product(const Tensor& r) {
  const auto row = std::find_if(r.begin(), r.end(), [](const auto& v) { return !is_zero(v); });
  if (row == r.end()) return std::nullopt;
  const std::size_t pivot = static_cast<std::size_t>(
      std::find_if(row->begin(), row->end(), [](const Rational& x) { return x != 0; }) - row->begin());
  const std::vector<Rational> u = times(1 / (*row)[pivot], *row);
  std::vector<Rational> rho;
  for (const auto& other : r) {
    rho.push_back(other[pivot]);
    if (times(rho.back(), u) != other) return std::nullopt;
  }
  return std::pair(rho, u);
}

}  // namespace

Value as_value(const std::vector<CouplingTerm>& terms) {
  std::vector<Value> list;
  for (const CouplingTerm& term : terms) {
    std::vector<Value> entries;
    for (const CouplingEntry& e : term.coupling)
      entries.emplace_back(std::vector<Value>{Value(e.s), Value(e.t), Value(e.kappa)});
    list.push_back(Value::object({{"u", term.u}, {"coupling", entries}}));
  }
  return Value(list);
}

std::optional<std::vector<CouplingEntry>> couple(const Dataset& data, const std::vector<Rational>& rho) {
  Rational total = 0;
  std::vector<std::size_t> outer, inner;
  for (std::size_t i = 0; i < rho.size(); ++i) {
    total += rho[i];
    if (rho[i] > 0) outer.push_back(i);
    if (rho[i] < 0) inner.push_back(i);
  }
  if (total != 0) return std::nullopt;
  // Rows: the mass of each sample; the barycentre of each inner one.
  const std::size_t d = data.width();
  std::vector<Rational> b;
  for (std::size_t s : outer) b.push_back(rho[s]);
  for (std::size_t t : inner) b.push_back(-rho[t]);
  b.resize(b.size() + inner.size() * d);
  std::vector<ProgramColumn> columns;
  std::vector<CouplingEntry> places;
  std::vector<std::vector<Rational>> x;
  for (std::size_t i = 0; i < data.size(); ++i) x.push_back(data.sample(i));
  for (std::size_t k = 0; k < inner.size(); ++k) {
    for (std::size_t j = 0; j < outer.size(); ++j) {
      ProgramColumn column{{j, 1}, {outer.size() + k, 1}};
      for (std::size_t c = 0; c < d; ++c) {
        const Rational pull = x[outer[j]][c] - x[inner[k]][c];
        if (pull != 0) column.emplace_back(outer.size() + inner.size() + k * d + c, pull);
      }
      columns.push_back(std::move(column));
      places.push_back({outer[j], inner[k], 0});
    }
  }
  // Rows without entries would be redundant.
  std::vector<bool> used(b.size(), false);
  for (const ProgramColumn& column : columns)
    for (const auto& [row, entry] : column) used[row] = true;
  std::vector<std::size_t> place(b.size(), 0);
  std::vector<Rational> right;
  for (std::size_t r = 0; r < b.size(); ++r) {
    if (!used[r]) {
      if (b[r] != 0) return std::nullopt;
      continue;
    }
    place[r] = right.size();
    right.push_back(b[r]);
  }
  for (ProgramColumn& column : columns)
    for (auto& [row, entry] : column) row = place[row];
  const auto kappa = nonnegative_solution(columns, right);
  if (!kappa) return std::nullopt;
  std::vector<CouplingEntry> coupling;
  for (std::size_t k = 0; k < places.size(); ++k)
    if ((*kappa)[k] != 0) coupling.push_back({places[k].s, places[k].t, (*kappa)[k]});
  return coupling;
}

std::optional<std::vector<CouplingTerm>> couple(const Dataset& data, const Tensor& residual,
                                                const std::function<bool(const std::vector<Rational>&)>& allowed) {
  // A term with one of the two signs.
  const auto term = [&](const std::vector<Rational>& rho,
                        const std::vector<Rational>& u) -> std::optional<CouplingTerm> {
    for (const int sign : {1, -1}) {
      const std::vector<Rational> direction = times(sign, u);
      if (!allowed(direction)) continue;
      if (auto coupling = couple(data, times(sign, rho))) return CouplingTerm{direction, std::move(*coupling)};
    }
    return std::nullopt;
  };
  if (std::all_of(residual.begin(), residual.end(), is_zero)) return std::vector<CouplingTerm>{};
  if (const auto product = as_product(residual))
    if (auto one = term(product->first, product->second)) return std::vector{std::move(*one)};
  std::vector<CouplingTerm> terms;
  for (std::size_t j = 0; j < residual[0].size(); ++j) {
    std::vector<Rational> rho, u(residual[0].size());
    for (const auto& row : residual) rho.push_back(row[j]);
    if (is_zero(rho)) continue;
    u[j] = 1;
    auto one = term(rho, u);
    if (!one) return std::nullopt;
    terms.push_back(std::move(*one));
  }
  return terms;
}

}  // namespace widecert
