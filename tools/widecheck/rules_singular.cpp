// Rules about singular values: of feature matrices at given parameters, of weight matrices.
// Everything is reduced to a matrix of integers A and a bound of the distance of A / 2^bits from
// what is spoken of; then |sigma(F) - sigma(A) / 2^bits| is at most that distance for each singular
// value (Weyl).
#include <algorithm>
#include <optional>

#include "rules.h"
#include "scaled.h"
#include "verdict.h"

namespace widecheck {
namespace {

mpz_class ceil_of(const mpq_class& q) {
  mpz_class r;
  mpz_cdiv_q(r.get_mpz_t(), q.get_num_mpz_t(), q.get_den_mpz_t());
  return r;
}
mpz_class floor_of(const mpq_class& q) {
  mpz_class r;
  mpz_fdiv_q(r.get_mpz_t(), q.get_num_mpz_t(), q.get_den_mpz_t());
  return r;
}
std::vector<mpz_class> read_vector(const Value& json, std::size_t length) {
  const auto list = json.list();
  if (list.size() != length) json.bad(number(length) + " integers");
  std::vector<mpz_class> v;
  bool zero = true;
  for (const Value& entry : list) {
    v.push_back(entry.integer());
    if (mpz_sizeinbase(v.back().get_mpz_t(), 2) > 4096) entry.bad("at most 4096 bits");
    zero = zero && v.back() == 0;
  }
  require(!zero, "zero-vector", json.place() + " is 0");
  return v;
}

mpz_class squares(const std::vector<mpz_class>& v) {
  mpz_class sum = 0;
  for (const mpz_class& x : v) mpz_addmul(sum.get_mpz_t(), x.get_mpz_t(), x.get_mpz_t());
  return sum;
}

mpq_class square(const mpq_class& q) { return q * q; }

// Whether a claim speaks of [F, 1].
bool read_ones(Value& claim) {
  const std::string name = claim.at("matrix").text();
  if (name != "F" && name != "[F, 1]") claim.at("matrix").bad("\"F\" or \"[F, 1]\"");
  return name != "F";
}

mpq_class read_lower(Value& proof) {
  const mpq_class lower = proof.at("lower").rational();
  require_positive(lower);
  return lower;
}

// What a claim says about the smallest and largest singular value, and the vectors in the proof for
// the bounds that a vector proves.
void check_bounds(const Context& c, const ScaledMatrix& m, const Range& smallest, const Range& largest, Value& proof) {
  require_smallest(c, m, smallest.low);
  require_largest(c, m, largest.high);
  const mpq_class scale = m.scale;
  const auto length = [&](const char* key, mpz_class& norm) {
    const std::vector<mpz_class> v = read_vector(proof.at(key), m.rows.rows());
    spend(c, static_cast<double>(m.rows.rows()) * static_cast<double>(m.rows.cols()) * 64);
    norm = squares(v);
    return squares(m.rows.combine(v));
  };
  mpz_class norm;
  const mpq_class least = length("smallest", norm);
  require(smallest.high >= m.slack && square(scale * (smallest.high - m.slack)) * norm >= least, "smallest",
          "the vector does not show that the smallest singular value is at most " + show(smallest.high));
  const mpq_class most = length("largest", norm);
  require(square(scale * (largest.low + m.slack)) * norm <= most, "largest",
          "the vector does not show that the largest singular value is at least " + show(largest.low));
}

}  // namespace

unsigned read_bits(Value& proof) {
  const std::uint64_t bits = proof.at("bits").number(4096);
  if (bits == 0) proof.at("bits").bad("1 to 4096 bits");
  return static_cast<unsigned>(bits);
}

void require_positive(const mpq_class& low) { require(low > 0, "smallest", "a lower bound of 0 proves nothing"); }

void require_smallest(const Context& c, const ScaledMatrix& m, const mpq_class& low) {
  if (low == 0) return;
  const mpz_class t = ceil_of(square(m.scale * (low + m.slack)));
  spend(c, m.rows.work(t));
  require(m.rows.gram_at_least(t), "smallest",
          "it is not shown that the smallest singular value is at least " + show(low));
}

void require_largest(const Context& c, const ScaledMatrix& m, const mpq_class& high) {
  const std::string what = "it is not shown that the largest singular value is at most " + show(high);
  require(high >= m.slack, "largest", what);
  const mpz_class t = floor_of(square(m.scale * (high - m.slack)));
  spend(c, m.rows.work(t));
  require(m.rows.gram_at_most(t), "largest", what);
}

void require_size(std::size_t rows, std::size_t cols) {
  if (rows > (std::size_t{1} << 25) / std::max<std::size_t>(1, cols))
    throw Malformed("too-large", "a matrix of more than 2^25 entries; refused");
}

mpz_class root_up(std::size_t rows, std::size_t cols) {
  const mpz_class entries = mpz_class(static_cast<unsigned long>(rows)) * static_cast<unsigned long>(cols);
  return sqrt(entries) + 1;
}

Range read_range(const Value& json) {
  const auto list = json.list();
  if (list.size() != 2) json.bad("[low, high]");
  const Range range{list[0].rational(), list[1].rational()};
  if (range.low < 0 || range.high < range.low) json.bad("0 <= low <= high");
  return range;
}

std::string show(const Range& range) { return "[" + show(range.low) + ", " + show(range.high) + "]"; }

std::vector<mpz_class> scaled(const std::vector<mpz_class>& v, const mpz_class& divisor, unsigned bits) {
  std::vector<mpz_class> row;
  row.reserve(v.size());
  for (const mpz_class& x : v) {
    mpz_class& out = row.emplace_back(x << bits);
    mpz_fdiv_q(out.get_mpz_t(), out.get_mpz_t(), divisor.get_mpz_t());
  }
  return row;
}

FeatureScaler::FeatureScaler(std::size_t samples, std::size_t width, unsigned bits, bool ones)
    : matrix_{IntegerRows(width + (ones ? 1 : 0)), mpz_class(1) << bits, 0},
      bits_(bits),
      ones_(ones),
      root_(root_up(samples, width)) {
  require_size(samples, width);
}

void FeatureScaler::add(const Values& values) {
  std::vector<mpz_class> row = scaled(values.v, values.divisor, bits_);
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
  FeatureScaler scaler(c.data.size(), c.network.node(node).width, bits, ones);
  const Forward forward = make_forward(c, c.network, node, theta, precision);
  c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) { scaler.add(forward(x)); });
  return scaler.take();
}

ScaledMatrix weight_matrix(const Context& c, const Node& node, const Tensor& weights, unsigned bits) {
  const std::size_t inputs = c.network.node(node.inputs[0]).width;
  require_size(inputs, node.width);
  ScaledMatrix m{IntegerRows(node.width), mpz_class(1) << bits, mpq_class(root_up(inputs, node.width))};
  m.slack /= m.scale;
  std::vector<std::vector<mpz_class>> filters;
  for (const auto& row : weights.rows) filters.push_back(scaled(row, weights.divisor, bits));
  std::vector<std::vector<mpz_class>> rows(inputs, std::vector<mpz_class>(node.width));
  for (std::size_t p = 0; p < node.patches.count(); ++p) {
    const std::vector<long>& entries = node.patches.entries()[p];
    for (std::size_t r = 0; r < entries.size(); ++r) {
      if (entries[r] == kPad) continue;
      for (std::size_t t = 0; t < node.filters; ++t) {
        rows[static_cast<std::size_t>(entries[r])][p * node.filters + t] =
            filters[node.patches.bank(p) * node.filters + t][r];
      }
    }
  }
  for (auto& row : rows) m.rows.add(std::move(row));
  m.rows.transpose_if_tall();
  return m;
}

std::string independent_at_by_cholesky(const Context& c, std::size_t node, std::size_t rank, Value& claim,
                                       Value& proof) {
  const unsigned precision = read_precision(proof), bits = read_bits(proof);
  const mpq_class lower = read_lower(proof);
  require_feasible(c, node, precision);
  const auto theta = read_point(c.network, node, claim.at("parameters"));
  require_smallest(c, feature_matrix(c, node, theta, precision, bits, false), lower);
  return "rank F(" + c.network.node(node).name + ") = " + number(rank) +
         (rank == c.data.size() ? "" : " (full column rank)") +
         " at the given parameters, with sigma_min >= " + show(lower);
}

std::string singular_value_bounds(const Context& c, std::size_t node, Value& claim, Value& proof) {
  const bool ones = read_ones(claim);
  const Range smallest = read_range(claim.at("smallest")), largest = read_range(claim.at("largest"));
  const unsigned precision = read_precision(proof), bits = read_bits(proof);
  require_feasible(c, node, precision);
  const auto theta = read_point(c.network, node, claim.at("parameters"));
  check_bounds(c, feature_matrix(c, node, theta, precision, bits, ones), smallest, largest, proof);
  const std::string matrix =
      !ones ? "F(" + c.network.node(node).name + ")" : "[F(" + c.network.node(node).name + "), 1]";
  return "the singular values of " + matrix + " at the given parameters: smallest in " + show(smallest) +
         ", largest in " + show(largest) + (smallest.low > 0 ? " (full rank)" : "");
}

// A row of every `step` samples: what holds for F holds for these rows.
Verdict recomputed_bounds(const Context& c, std::size_t node, const std::string& kind, Value& claim, Value& proof) {
  constexpr std::size_t kRows = 256;
  const unsigned precision = read_precision(proof), bits = read_bits(proof);
  Range smallest{0, 0};
  std::optional<mpq_class> largest;
  bool ones = false;
  if (kind == "singular-value-bounds") {
    ones = read_ones(claim);
    smallest = read_range(claim.at("smallest"));
    largest = read_range(claim.at("largest")).high;
  } else {
    require(kind == "independent-at", "wrong-rule", "rule recomputed does not speak of " + kind);
    read_rank(c, node, claim);
    smallest.low = read_lower(proof);
  }
  require_feasible(c, node, precision);
  const auto theta = read_point(c.network, node, claim.at("parameters"));
  const std::size_t step = (c.data.size() + kRows - 1) / kRows, width = c.network.node(node).width + (ones ? 1 : 0);
  FeatureScaler scaler((c.data.size() + step - 1) / step, c.network.node(node).width, bits, ones);
  const Forward forward = make_forward(c, c.network, node, theta, precision);
  c.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
    if (i % step == 0) scaler.add(forward(x));
  });
  const ScaledMatrix rows = scaler.take();
  // With fewer columns than samples the smallest singular value is that of the columns: rows tell
  // nothing.
  if (width >= c.data.size()) require_smallest(c, rows, smallest.low);
  if (largest) require_largest(c, rows, *largest);
  Verdict verdict;
  verdict.recomputed = true;
  verdict.sentence = kind + " of layer " + c.network.node(node).name + ": repeated on one of " + number(step) +
                     " samples only; the rest is the prover's floating-point arithmetic";
  return verdict;
}

std::string weights_singular_value_bounds(const Context& c, std::size_t i, Value& claim, Value& proof) {
  const Node& node = linear_node(c, i);
  const Range smallest = read_range(claim.at("smallest")), largest = read_range(claim.at("largest"));
  const unsigned bits = read_bits(proof);
  const Tensor weights = read_tensor(claim.at("weights"), weights_shape(node));
  check_bounds(c, weight_matrix(c, node, weights, bits), smallest, largest, proof);
  return "the singular values of the weight matrix U of layer " + node.name + " at the given filters: smallest in " +
         show(smallest) + ", largest in " + show(largest) + (smallest.low > 0 ? " (full rank)" : "");
}

}  // namespace widecheck
