#include "evaluate/convex_loss.h"

#include <algorithm>

#include "evaluate/bounds.h"
#include "evaluate/features.h"
#include "kernel/integers.h"
#include "kernel/targets.h"
#include "kernel/verdict.h"

namespace widecheck {

ConvexLoss::ConvexLoss(const Question& q, std::size_t output) : c_(q.c), output_(output) {
  const Value loss = q.claim.at("loss");
  const std::size_t outputs = c_.network.node(output).width;
  if (loss.is_text()) {
    if (loss.text() != "square") loss.bad("square, {\"cross-entropy\": classes} or {\"hinge\": classes}");
    targets_ = read_targets(q.claim.at("targets"), c_, outputs);
    words_ = "Phi = ||F_L - Y||^2 / 2";
    return;
  }
  const auto keys = loss.keys();
  if (keys.size() != 1 || (keys[0] != "cross-entropy" && keys[0] != "hinge"))
    loss.bad("square, cross-entropy or hinge");
  kind_ = keys[0] == "hinge" ? Kind::hinge : Kind::cross_entropy;
  classes_ = read_classes(loss.at(keys[0]), c_);
  for (std::size_t k : classes_)
    if (k >= outputs) loss.at(keys[0]).bad("classes below the number of outputs");
  words_ = kind_ == Kind::hinge ? "Phi = the hinge loss (sum over samples and other classes)"
                                : "Phi = the cross-entropy (sum over samples)";
}

mpq_class ConvexLoss::of_sample(const Values& f, std::size_t sample, unsigned bits, Side side) const {
  const std::size_t m = f.v.size();
  const Products words = Products::words(largest(f.v)) + Products::words(f.divisor) + Products::words(f.radius) + 1;
  c_.budget.spend((500 + 10 * words * words) * m);
  const bool up = side == Side::above;
  const auto shortened = [&](const mpq_class& q) { return up ? short_above(q) : short_below(q); };
  mpq_class sum = 0;
  if (kind_ == Kind::square) {
    mpz_class squares = 0;
    const mpz_class radius = f.radius * targets_.divisor;
    for (std::size_t j = 0; j < m; ++j) {
      const mpz_class middle = abs(f.v[j] * targets_.divisor - targets_.rows[sample][j] * f.divisor),
                      off = up ? mpz_class(middle + radius) : std::max(mpz_class(0), mpz_class(middle - radius));
      squares += off * off;
    }
    sum = mpq_class(squares, 2 * f.divisor * f.divisor * targets_.divisor * targets_.divisor);
    sum.canonicalize();
    return sum;
  }
  // d_k on this side of f_k - f_c for every class k, 0 for the sample's own.
  const std::size_t mine = classes_[sample];
  std::vector<mpq_class> d;
  for (std::size_t k = 0; k < m; ++k) {
    const mpz_class off = up ? mpz_class(2 * f.radius) : mpz_class(-2 * f.radius);
    d.emplace_back(k == mine ? mpz_class(0) : mpz_class(f.v[k] - f.v[mine] + off), f.divisor);
    d.back().canonicalize();
  }
  if (kind_ == Kind::hinge) {
    for (std::size_t k = 0; k < m; ++k)
      if (k != mine && d[k] > -1) sum += d[k] + 1;
    return sum;
  }
  // ln sum_k e^(d_k) = D + ln sum_k e^-(D - d_k), for a D that is at least all of them.
  const mpq_class most = short_above(*std::max_element(d.begin(), d.end()));
  const Products series = 1 + Products(bits) / 64;
  c_.budget.spend((12'000 + 800 * series * series) * (m + 1));
  for (const mpq_class& v : d) {
    const Interval power = exp_minus(most - v, bits);
    sum += shortened(up ? power.high : power.low);
  }
  const Interval logarithm = log(sum, bits);
  if (up) return most + short_above(logarithm.high);
  return std::max(mpq_class(0), mpq_class(most + logarithm.low));
}

const Tensor& ConvexLoss::targets() const {
  require(kind_ == Kind::square, "loss", "this rule is for the square loss");
  return targets_;
}

mpq_class ConvexLoss::least_of_constants(unsigned bits) const {
  if (kind_ == Kind::square) {
    mpz_class squares = 0, of_sums = 0;
    const std::size_t n = targets_.rows.size(), m = n == 0 ? 0 : targets_.rows[0].size();
    for (const auto& row : targets_.rows) {
      const Products words = Products::words(largest(row)) + 1;
      c_.budget.spend((200 + 2 * words * words) * m);
    }
    for (std::size_t j = 0; j < m; ++j) {
      mpz_class sum = 0;
      for (const auto& row : targets_.rows) {
        sum += row[j];
        squares += row[j] * row[j];
      }
      of_sums += sum * sum;
    }
    const mpz_class count = static_cast<unsigned long>(n);
    mpq_class beta(count * squares - of_sums, 2 * count * targets_.divisor * targets_.divisor);
    beta.canonicalize();
    return beta;
  }
  std::map<std::size_t, unsigned long> counts;  // of the classes that occur
  for (std::size_t k : classes_) ++counts[k];
  mpq_class sum = 0;
  const Products series = 1 + Products(bits) / 64;
  c_.budget.spend((12'000 + 800 * series * series) * counts.size() + 20 * Products(counts.size()) * counts.size());
  for (auto one = counts.begin(); one != counts.end(); ++one) {
    if (kind_ == Kind::cross_entropy) {
      mpq_class share(static_cast<unsigned long>(classes_.size()), one->second);
      share.canonicalize();
      sum += one->second * log(share, bits).low;
      continue;
    }
    // N_a max(0, 1 - t) + N_b max(0, 1 + t) for t = c_a - c_b: least at t = 1 or -1.
    for (auto other = std::next(one); other != counts.end(); ++other) sum += 2 * std::min(one->second, other->second);
  }
  return sum;
}

mpq_class ConvexLoss::bound(const std::map<std::size_t, Parameters>& theta, unsigned bits, Side side) const {
  const Forward forward = make_forward(c_, c_.network, output_, theta, bits);
  mpq_class sum = 0;
  const bool exact = forward.exact() && kind_ != Kind::cross_entropy;
  c_.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
    sum += of_sample(forward(x), i, bits, side);
    if (!exact) sum = side == Side::above ? short_above(sum) : short_below(sum);
    const Products words = Products::words(sum.get_num()) + Products::words(sum.get_den());
    c_.budget.spend(200 + 4 * words * words);
  });
  return sum;
}

namespace {

Interval around(const mpz_class& v, const mpz_class& radius, const mpz_class& divisor) {
  Interval interval{mpq_class(v - radius, divisor), mpq_class(v + radius, divisor)};
  interval.low.canonicalize();
  interval.high.canonicalize();
  return interval;
}
Interval minus(const Interval& a, const Interval& b) { return {a.low - b.high, a.high - b.low}; }
mpq_class most_of_product(const Interval& a, const Interval& b) {
  return std::max(
      {mpq_class(a.low * b.low), mpq_class(a.low * b.high), mpq_class(a.high * b.low), mpq_class(a.high * b.high)});
}

}  // namespace

mpq_class ConvexLoss::slope_of_sample(const Values& f, const Values& g, std::size_t sample, unsigned bits) const {
  const std::size_t m = g.v.size();
  std::vector<Interval> end, step;
  for (std::size_t k = 0; k < m; ++k) {
    end.push_back(around(g.v[k], g.radius, g.divisor));
    step.push_back(minus(end[k], around(f.v[k], f.radius, f.divisor)));
  }
  mpq_class sum = 0;
  if (kind_ == Kind::square) {
    for (std::size_t k = 0; k < m; ++k)
      sum += most_of_product(minus(end[k], around(targets_.rows[sample][k], 0, targets_.divisor)), step[k]);
    return sum;
  }
  const std::size_t mine = classes_[sample];
  if (kind_ == Kind::hinge) {
    // max(0, a), a = 1 + f_k - f_mine at the end and s its slope: s where a > 0, min(0, s) at a = 0, 0 where a < 0.
    for (std::size_t k = 0; k < m; ++k) {
      if (k == mine) continue;
      const Interval a = minus(end[k], end[mine]);
      const mpq_class s = minus(step[k], step[mine]).high;
      if (a.high < -1) continue;
      if (a.low > -1)
        sum += s;
      else
        sum += a.high > -1 ? std::max(mpq_class(0), s) : a.low < -1 ? mpq_class(0) : std::min(mpq_class(0), s);
    }
    return sum;
  }
  // The gradient: probabilities, of the middles by series, and changed by at most the radius, minus 1 for its own
  // class.
  mpq_class most = end[0].low + end[0].high;
  for (const Interval& e : end) most = std::max(most, mpq_class(e.low + e.high));
  std::vector<Interval> powers;
  Interval total{0, 0};
  for (const Interval& e : end) {
    powers.push_back(exp_minus((most - e.low - e.high) / 2, bits));
    total = {total.low + powers.back().low, total.high + powers.back().high};
  }
  const mpq_class radius(g.radius, g.divisor);
  for (std::size_t k = 0; k < m; ++k) {
    const mpq_class own = k == mine ? 1 : 0;
    const Interval gradient{powers[k].low / total.high - radius - own, powers[k].high / total.low + radius - own};
    sum += most_of_product(gradient, step[k]);
  }
  return sum;
}

mpq_class ConvexLoss::slope_above(const std::map<std::size_t, Parameters>& from,
                                  const std::map<std::size_t, Parameters>& to, unsigned bits) const {
  const Forward before = make_forward(c_, c_.network, output_, from, bits),
                after = make_forward(c_, c_.network, output_, to, bits);
  const bool exact = before.exact() && after.exact() && kind_ != Kind::cross_entropy;
  mpq_class sum = 0;
  const mpz_class grid = mpz_class(1) << (bits + 64);
  c_.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
    const Values f = before(x), g = after(x);
    const Products words = Products::words(largest(f.v)) + Products::words(largest(g.v)) + Products::words(f.divisor) +
                           Products::words(g.divisor) + 1 + Products(bits) / 64;
    c_.budget.spend((20'000 + 1'000 * words * words) * g.v.size());
    sum += slope_of_sample(f, g, i, bits);
    if (!exact) sum = mpq_class(ceil_of(sum * mpq_class(grid)), grid);
    sum.canonicalize();
    const Products length = Products::words(sum.get_num()) + Products::words(sum.get_den());
    c_.budget.spend(200 + 4 * length * length);
  });
  return sum;
}

LossOnGrid::LossOnGrid(const ConvexLoss& loss, unsigned bits) : loss_(loss), bits_(bits) {
  if (loss.kind_ != ConvexLoss::Kind::square) return;
  const Tensor& y = loss.targets_;
  for (const auto& row : y.rows) {
    const Products words = Products::words(largest(row)) + Products::words(y.divisor) + 1;
    loss.c_.budget.spend((60 + 4 * words * words) * row.size());
    auto& out = targets_.emplace_back();
    for (const mpz_class& v : row) {
      const mpz_class near = floor_div((v << (bits + 1)) + y.divisor, 2 * y.divisor);
      require(abs(near) < mpz_class(1) << 60, "range", "a target of 2^60 units: with fewer bits it would be smaller");
      out.push_back(near.get_si());
    }
  }
}

mpz_class LossOnGrid::operator()(const std::vector<std::int64_t>& f, std::int64_t radius, std::size_t sample) const {
  if (loss_.kind_ == ConvexLoss::Kind::square) {
    mpz_class sum = 0;
    for (std::size_t k = 0; k < f.size(); ++k) {
      const mpz_class off = abs(mpz_class(f[k]) - targets_[sample][k]) + radius + 1;
      sum += off * off;
    }
    return ceil_shift(sum, bits_ + 1);
  }
  const std::size_t mine = loss_.classes_[sample];
  const std::int64_t both = 2 * radius, one = std::int64_t{1} << bits_;
  if (loss_.kind_ == ConvexLoss::Kind::hinge) {
    mpz_class sum = 0;
    for (std::size_t k = 0; k < f.size(); ++k)
      if (k != mine) sum += std::max<std::int64_t>(0, one + f[k] - f[mine] + both);
    return sum;
  }
  // ln sum_k e^(d_k), d_k = f_k - f_mine raised; = D + ln sum_k e^-(D - d_k).
  std::int64_t most = 0;
  for (std::size_t k = 0; k < f.size(); ++k)
    if (k != mine) most = std::max(most, f[k] - f[mine] + both);
  std::vector<std::uint64_t> t;
  const std::int64_t far = 64 * one;
  for (std::size_t k = 0; k < f.size(); ++k) {
    const std::int64_t below = k == mine ? most : most - (f[k] - f[mine] + both);
    t.push_back(static_cast<std::uint64_t>(std::min(below, far)) << (56 - bits_));
  }
  const std::int64_t log = log_sum_above(t), unit = std::int64_t{1} << (56 - bits_);
  return mpz_class(most) + (log + unit - 1) / unit;
}

}  // namespace widecheck
