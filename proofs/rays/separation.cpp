#include "proofs/rays/separation.h"
#include <widecert/number/error.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace widecert {
namespace {

using Wide = __int128;

Integer widen(std::int64_t v) { return Integer(v); }
Integer widen(Wide v) {
  const bool negative = v < 0;
  const auto u = negative ? -static_cast<unsigned __int128>(v) : static_cast<unsigned __int128>(v);
  const Integer magnitude =
      (Integer(static_cast<std::uint64_t>(u >> 64)) << 64) + Integer(static_cast<std::uint64_t>(u));
  return negative ? Integer(-magnitude) : magnitude;
}
Integer widen(const Integer& v) { return v; }

template <class T>
T narrow(const Integer& v) {
  if constexpr (std::is_same_v<T, Integer>) {
    return v;
  } else if constexpr (std::is_same_v<T, Wide>) {
    const Integer u = abs(v);
    const auto high = Integer(u >> 64).convert_to<std::uint64_t>();
    const auto low = Integer(u & Integer(std::numeric_limits<std::uint64_t>::max())).convert_to<std::uint64_t>();
    const auto magnitude = static_cast<Wide>((static_cast<unsigned __int128>(high) << 64) | low);
    return v < 0 ? -magnitude : magnitude;
  } else {
    return v.convert_to<std::int64_t>();
  }
}

// Everything measured on integers: t_j(i) = <v^t, f^p(x_i)> in units of 1/unit, error at most
// `error`.
struct Measured {
  std::vector<std::size_t> order;
  std::vector<Integer> largest;   // per neuron: max of t over unused samples, attained at order[j]
  Integer gap;                    // min over j of largest - runner-up
  std::vector<Integer> used_max;  // per neuron: max of t over the samples used before
  Integer saturated_min;          // min of t over all samples, for the saturated neuron
};

template <class T>
std::optional<Measured> measure(const Architecture& network, std::size_t node_index,
                                const std::vector<std::vector<Integer>>& filters, const ScaledFeatures& features,
                                std::size_t neurons, bool saturated, const Progress& progress) {
  const Node& node = network.node(node_index);
  std::vector<T> f;
  f.reserve(features.samples * features.width);
  for (std::int64_t v : features.small) f.push_back(T(v));
  for (const Integer& v : features.large) f.push_back(narrow<T>(v));

  Measured m;
  m.order.resize(features.samples);  // order[0..j) used, the rest unused
  std::iota(m.order.begin(), m.order.end(), std::size_t{0});
  std::vector<T> t(features.samples);
  std::vector<std::int64_t> entries;
  for (std::size_t j = 0; j < neurons + (saturated ? 1 : 0); ++j) {
    if (j % 64 == 0) progress("ordering the samples", j, neurons);
    node.patches->expand(j / node.filters, entries);
    const auto& filter = filters[network.filter_index(node_index, j)];
    std::vector<T> v;
    for (const Integer& w : filter) v.push_back(narrow<T>(w));
    for (std::size_t i = 0; i < features.samples; ++i) {
      const T* row = &f[i * features.width];
      T sum = T(0);
      for (std::size_t r = 0; r < entries.size(); ++r)
        if (entries[r] != kPadding) sum += v[r] * row[entries[r]];
      t[i] = sum;
    }
    if (j == neurons) {
      m.saturated_min = widen(*std::min_element(t.begin(), t.end()));
      break;
    }
    std::size_t best = j;
    for (std::size_t r = j + 1; r < m.order.size(); ++r)
      if (t[m.order[best]] < t[m.order[r]]) best = r;
    std::swap(m.order[j], m.order[best]);
    const T top = t[m.order[j]];
    m.largest.push_back(widen(top));
    if (j + 1 < m.order.size()) {
      T second = t[m.order[j + 1]];
      for (std::size_t r = j + 2; r < m.order.size(); ++r) second = std::max(second, t[m.order[r]]);
      const Integer gap = widen(T(top - second));
      if (j == 0 || gap < m.gap) m.gap = gap;
    }
    T used = top;
    for (std::size_t r = 0; r < j; ++r) used = std::max(used, t[m.order[r]]);
    m.used_max.push_back(widen(used));
  }
  return m;
}

}  // namespace

std::optional<Separation> separate(const Architecture& network, std::size_t linear_node, const Tensor& filters,
                                   const ScaledFeatures& features, std::size_t neurons, Centre centre, bool saturated,
                                   const Progress& progress) {
  check(neurons >= 1 && neurons <= features.samples, "between 1 and N neurons are ordered");
  // Integer filters over one divisor.
  Integer divisor = 1;
  for (const auto& row : filters)
    for (const Rational& w : row) divisor = lcm(divisor, Integer(denominator(w)));
  std::vector<std::vector<Integer>> integers;
  Integer norm = 0, entry = 0;
  for (const auto& row : filters) {
    auto& out = integers.emplace_back();
    Integer row_norm = 0;
    for (const Rational& w : row) {
      out.push_back(numerator(w) * (divisor / denominator(w)));
      row_norm += abs(out.back());
      entry = std::max(entry, Integer(abs(out.back())));
    }
    norm = std::max(norm, row_norm);
  }
  const Rational unit(Integer(1), Integer(divisor * features.divisor));
  const Integer error = norm * features.radius;
  const Integer bound = 2 * (norm + 1) * (features.max_abs() + 1);
  std::optional<Measured> m;
  if (bound < (Integer(1) << 62)) {
    m = measure<std::int64_t>(network, linear_node, integers, features, neurons, saturated, progress);
  } else if (bound < (Integer(1) << 126)) {
    m = measure<Wide>(network, linear_node, integers, features, neurons, saturated, progress);
  } else {
    m = measure<Integer>(network, linear_node, integers, features, neurons, saturated, progress);
  }
  // With a single sample there is no gap; any positive number serves.
  if (features.samples == 1) m->gap = divisor * features.divisor;
  // The checker encloses with its own, slightly wider radius: leave it a factor of 8.
  const Integer slack = 8 * error;
  if (m->gap <= 4 * slack) return std::nullopt;

  Separation s;
  s.order = std::move(m->order);
  s.raw_gap = Rational(m->gap) * unit;
  const Rational wiggle = Rational(slack) * unit;
  // Where values are enclosed, centres are rounded up to a grid that is fine against gap / N.
  int grid = 0;
  while (error != 0 && power_of_two(-grid) > s.raw_gap / Rational(Integer(1024 * (neurons + 1)))) {
    ++grid;
  }
  const Rational lift = centre == Centre::mid_gap ? Rational(s.raw_gap / 2) : Rational(0);
  Rational overshoot = 0;  // of the rounded centres
  for (std::size_t j = 0; j < neurons; ++j) {
    const Rational exact = Rational(-m->largest[j]) * unit + wiggle;
    const Rational base = error == 0 ? exact : round_up(exact, grid);
    overshoot = std::max(overshoot, Rational(base - exact));
    s.centres.push_back(base + lift);
    const Rational reach = Rational(m->used_max[j]) * unit + s.centres[j] + wiggle;
    s.upper = j == 0 ? reach : std::max(s.upper, reach);
  }
  s.diagonal_low = lift;
  s.diagonal_high = lift + overshoot + 2 * wiggle;
  s.delta = s.raw_gap - lift - overshoot - 2 * wiggle;
  if (s.delta <= 0) return std::nullopt;
  if (error != 0) {  // short numbers for the certificate, still bounds
    s.delta = short_lower_bound(s.delta, 24);
    s.diagonal_low = s.diagonal_low > 0 ? short_lower_bound(s.diagonal_low, 24) : Rational(0);
    s.diagonal_high = short_upper_bound(s.diagonal_high, 24);
    s.upper = s.upper > 0 ? short_upper_bound(s.upper, 24) : Rational(0);
  }
  s.upper = std::max({s.upper, s.delta, s.diagonal_high});
  if (saturated) {
    s.centres.push_back(Rational(-m->saturated_min) * unit + s.delta + wiggle);
    if (error != 0) s.centres.back() = round_up(s.centres.back(), grid);
  }
  return s;
}

}  // namespace widecert
