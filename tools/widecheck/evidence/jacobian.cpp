#include "evidence/jacobian.h"

#include <algorithm>

#include "evaluate/activation.h"
#include "kernel/integers.h"

namespace widecheck {

ScaledMatrix jacobian_of(const Backward& backward, const Sample& sample, unsigned bits) {
  const std::size_t m = backward.outputs(), first = backward.first_width();
  const mpz_class scale = mpz_class(1) << bits;
  ScaledMatrix jacobian{IntegerRows(first), scale, 0};
  mpz_class radius = 0;
  for (std::size_t h = 0; h < m; ++h) {
    Approximate unit{std::vector<mpz_class>(m), 0};
    unit.v[h] = scale;
    Approximate row = backward.down(std::move(unit), sample);
    radius = std::max(radius, row.radius);
    jacobian.rows.add(std::move(row.v));
  }
  jacobian.slack = mpq_class(radius) / scale * mpq_class(root_up(m, first));
  return jacobian;
}

mpq_class jacobian_lipschitz(const Context& c, const Backward& backward) {
  const Above& above = backward.above();
  // Of s_1, ..., s_q and A_1, ..., A_q in turns.
  mpq_class all = 1, below = 1, sum = 0;
  for (std::size_t j = 0; j < above.activation.size(); ++j) {
    const Activation& f = c.network.node(above.activation[j]).activation;
    const Node& linear = c.network.node(above.linear[j + 1]);
    const Tensor& w = backward.theta().at(above.linear[j + 1]).weights;
    mpz_class square = 0;
    for (std::size_t p = 0; p < linear.patches.count(); ++p) {
      const auto* bank = &w.rows[linear.patches.bank(p) * linear.filters];
      for (std::size_t t = 0; t < linear.filters; ++t) {
        const Products words = Products::words(largest(bank[t]));
        c.budget.spend((100 + words * words) * bank[t].size());
        linear.patches.for_each_seen(p, [&](std::size_t r, std::size_t) { square += bank[t][r] * bank[t][r]; });
      }
    }
    mpq_class norm(square, w.divisor * w.divisor);
    norm.canonicalize();
    const mpq_class a = root_above(norm), s = lipschitz(f);
    sum += slope_lipschitz(f) / s * below;
    all = short_above(all * a * s);
    below = short_above(below * a * s);
  }
  return short_above(all * sum);
}

}  // namespace widecheck
