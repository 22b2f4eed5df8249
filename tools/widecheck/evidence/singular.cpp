#include "evidence/singular.h"

#include <algorithm>
#include <cstdint>

#include "evaluate/features.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

mpq_class square(const mpq_class& q) { return q * q; }

// A vector of so many integers that is not 0.
std::vector<mpz_class> read_vector(const Value& json, std::size_t length) {
  std::vector<mpz_class> v = read_integers(json, length);
  for (const mpz_class& x : v)
    if (mpz_sizeinbase(x.get_mpz_t(), 2) > 4096) json.bad("integers of at most 4096 bits");
  require(!zero(v), "zero-vector", json.place() + " is 0");
  return v;
}

// Their sum, its square and what is made of it.
void pay_for_bound(const Context& c, const mpq_class& bound, const mpq_class& slack) {
  const Products words = Products::words(bound.get_num()) + Products::words(bound.get_den()) +
                         Products::words(slack.get_num()) + Products::words(slack.get_den());
  c.budget.spend(500 + 16 * words * words);
}

}  // namespace

void require_positive(const mpq_class& low) { require(low > 0, "smallest", "a lower bound of 0 proves nothing"); }

void require_smallest(const Context& c, const ScaledMatrix& m, const mpq_class& low) {
  if (low == 0) return;
  pay_for_bound(c, low, m.slack);
  const mpz_class t = ceil_of(square(m.scale * (low + m.slack)));
  if (m.rows.gram_at_least(t, c.budget)) return;
  throw Rejected("smallest", "it is not shown that the smallest singular value is at least " + show_above(low));
}

void require_largest(const Context& c, const ScaledMatrix& m, const mpq_class& high) {
  pay_for_bound(c, high, m.slack);
  if (high >= m.slack && m.rows.gram_at_most(floor_of(square(m.scale * (high - m.slack))), c.budget)) return;
  throw Rejected("largest", "it is not shown that the largest singular value is at most " + show_below(high));
}

void require_size(std::size_t rows, std::size_t cols) {
  if (rows > (std::size_t{1} << 25) / std::max<std::size_t>(1, cols))
    throw Malformed("too-large", "a matrix of more than 2^25 entries; refused");
}

mpz_class root_up(std::size_t rows, std::size_t cols) {
  const mpz_class entries = mpz_class(static_cast<unsigned long>(rows)) * static_cast<unsigned long>(cols);
  return sqrt(entries) + 1;
}

Interval read_range(const Value& json) {
  const auto list = json.list();
  if (list.size() != 2) json.bad("[low, high]");
  const Interval range{list[0].rational(), list[1].rational()};
  if (range.low < 0 || range.high < range.low) json.bad("0 <= low <= high");
  return range;
}

std::string show(const Interval& range) {
  std::string text = "[";
  return text.append(show_below(range.low)).append(", ").append(show_above(range.high)).append("]");
}

std::vector<mpz_class> scaled(const std::vector<mpz_class>& v, const mpz_class& divisor, unsigned bits,
                              Budget& budget) {
  const Products words = Products::words(largest(v)) + Products(bits) / 64;
  budget.spend((100 + 3 * words * Products::words(divisor)) * v.size());
  std::vector<mpz_class> row;
  row.reserve(v.size());
  for (const mpz_class& x : v) row.push_back(floor_div(x << bits, divisor));
  return row;
}

FeatureScaler::FeatureScaler(const Context& c, std::size_t samples, std::size_t width, unsigned bits, bool ones)
    : c_(c),
      matrix_{IntegerRows(width + (ones ? 1 : 0)), mpz_class(1) << bits, 0},
      bits_(bits),
      ones_(ones),
      root_(root_up(samples, width)) {
  require_size(samples, width);
}

void FeatureScaler::add(const Values& values) {
  std::vector<mpz_class> row = scaled(values.v, values.divisor, bits_, c_.budget);
  if (ones_) row.push_back(matrix_.scale);
  matrix_.rows.add(std::move(row));
  // An entry is off by its radius and by less than 1 from rounding down; the radius is that of all.
  matrix_.slack = (mpq_class(values.radius) / values.divisor + mpq_class(1) / matrix_.scale) * root_;
}

ScaledMatrix FeatureScaler::take() {
  matrix_.rows.transpose_if_tall();
  return std::move(matrix_);
}

ScaledMatrix feature_matrix(const Context& c, std::size_t node, const std::map<std::size_t, Parameters>& theta,
                            unsigned precision, unsigned bits, bool ones) {
  FeatureScaler scaler(c, c.data.size(), c.network.node(node).width, bits, ones);
  const Forward forward = make_forward(c, c.network, node, theta, precision);
  c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) { scaler.add(forward(x)); });
  return scaler.take();
}

ScaledMatrix weight_matrix(const Context& c, const Node& node, const Tensor& weights, unsigned bits) {
  const std::size_t inputs = c.network.node(node.inputs[0]).width;
  require_size(inputs, node.width);
  c.budget.spend(Products(60) * inputs * node.width);
  ScaledMatrix m{IntegerRows(node.width), mpz_class(1) << bits, mpq_class(root_up(inputs, node.width))};
  m.slack /= m.scale;
  std::vector<std::vector<mpz_class>> filters;
  for (const auto& row : weights.rows) filters.push_back(scaled(row, weights.divisor, bits, c.budget));
  std::vector<std::vector<mpz_class>> rows(inputs, std::vector<mpz_class>(node.width));
  for (std::size_t p = 0; p < node.patches.count(); ++p) {
    const auto* bank = &filters[node.patches.bank(p) * node.filters];
    node.patches.for_each_seen(p, [&](std::size_t r, std::size_t input) {
      for (std::size_t t = 0; t < node.filters; ++t) rows[input][p * node.filters + t] = bank[t][r];
    });
  }
  for (auto& row : rows) m.rows.add(std::move(row));
  m.rows.transpose_if_tall();
  return m;
}

void require_bounds(const Context& c, const ScaledMatrix& m, const Interval& smallest, const Interval& largest,
                    const Value& proof) {
  require_smallest(c, m, smallest.low);
  require_largest(c, m, largest.high);
  const mpq_class scale = m.scale;
  const auto length = [&](const char* key, mpz_class& norm) {
    const std::vector<mpz_class> v = read_vector(proof.at(key), m.rows.rows());
    norm = squares(v);
    return squares(m.rows.combine(v, c.budget));
  };
  mpz_class norm;
  const mpq_class least = length("smallest", norm);
  require(smallest.high >= m.slack && square(scale * (smallest.high - m.slack)) * norm >= least, "smallest",
          "the vector does not show that the smallest singular value is at most " + show_below(smallest.high));
  const mpq_class most = length("largest", norm);
  require(largest.low == 0 || square(scale * (largest.low + m.slack)) * norm <= most, "largest",
          "the vector does not show that the largest singular value is at least " + show_above(largest.low));
}

}  // namespace widecheck
