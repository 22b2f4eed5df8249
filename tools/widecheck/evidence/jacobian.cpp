#include "evidence/jacobian.h"

#include <algorithm>

#include "evaluate/activation.h"
#include "evaluate/features.h"
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

Tower tower_above(const Context& c, const Backward& backward) {
  const Above& above = backward.above();
  Tower tower;
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
    const bool kink = has_kink(f.function);
    const mpq_class bend = kink ? mpq_class(0) : slope_lipschitz(f);
    tower.floors.push_back({root_above(norm), lipschitz(f), bend, kink});
  }
  return tower;
}

mpq_class jacobian_lipschitz(const Tower& tower) {
  mpq_class all = 1, below = 1, sum = 0;
  for (const Tower::Floor& f : tower.floors) {
    sum = short_above(sum + f.bend / f.slope * below);
    all = short_above(all * f.norm * f.slope);
    below = short_above(below * f.norm * f.slope);
  }
  return short_above(all * sum);
}

bool off_kinks(const Tower& tower, const Sample& sample, const mpq_class& r) {
  mpq_class reach = r;
  for (std::size_t j = 0; j < tower.floors.size(); ++j) {
    const Tower::Floor& f = tower.floors[j];
    if (f.kink && reach >= *sample.off_kinks[j]) return false;
    reach = short_above(reach * f.norm * f.slope);
  }
  return true;
}

// (a_j + tau) (v_j + t_j gamma_j), one factor after the other, less what it was: ||prod (X + dX) - prod X|| is at most
// prod (x + e) - prod x for x >= ||X||, e >= ||dX||. gamma_j bounds how far G_j moves.
mpq_class jacobian_drift(const Tower& tower, const Sample& sample, const mpq_class& tau, unsigned bits,
                         Budget& budget) {
  const auto with_one = [&](const Values& v) {  // at least ||[v, 1]||
    return root_above(1 + residual_square_above(v, std::vector<mpz_class>(v.v.size()), 1, budget));
  };
  mpq_class before = 1, moved = 0, gamma = tau * with_one(sample.features);
  const auto factor = [&](const mpq_class& x, const mpq_class& e) {
    moved = short_above(moved * (x + e) + before * e);
    before = short_above(before * x);
  };
  for (std::size_t j = 0; j < tower.floors.size(); ++j) {
    const Tower::Floor& f = tower.floors[j];
    const Approximate& slopes = sample.slopes[j];
    budget.spend(10'000 + 10 * Products(slopes.v.size()));
    mpq_class steepest(largest(slopes.v) + slopes.radius, mpz_class(1) << bits);
    steepest.canonicalize();
    factor(steepest, short_above(f.bend * gamma));
    factor(f.norm, tau);
    gamma = short_above((f.norm + tau) * f.slope * gamma + tau * with_one(sample.values[j]));
  }
  return moved;
}

}  // namespace widecheck
