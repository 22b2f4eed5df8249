#include "proofs/regions/cells.h"

#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "proofs/prover.h"

namespace widecert {
namespace {

using Near = std::array<double, 3>;

mpz_ptr raw(Integer& v) { return v.backend().data(); }
mpz_srcptr raw(const Integer& v) { return v.backend().data(); }

// Scaled to at most 1, each entry up to 2^-52.
Near nearby(const Ray& v) {
  std::array<long, 3> exponent{};
  Near near{};
  long most = std::numeric_limits<long>::min();
  for (std::size_t k = 0; k < 3; ++k) {
    near[k] = mpz_get_d_2exp(&exponent[k], raw(v[k]));
    if (near[k] != 0) most = std::max(most, exponent[k]);
  }
  for (std::size_t k = 0; k < 3; ++k)
    near[k] = exponent[k] - most < -1'000 ? 0 : std::ldexp(near[k], static_cast<int>(exponent[k] - most));
  return near;
}
double near_dot(const Near& a, const Near& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
// Of products of vectors whose entries are at most 1.
constexpr double kError = 0x1p-48;

// What the enumeration is made of: integers with a filter, or doubles.
struct Exact {
  using Number = Integer;
  struct Vector {
    Ray v;
    Near near;
    Vector() = default;
    explicit Vector(Ray r) : v(std::move(r)), near(nearby(v)) {}
  };
  static int sign(const Vector& form, const Vector& ray) {
    const double v = near_dot(form.near, ray.near);
    if (v > kError) return 1;
    if (v < -kError) return -1;
    return dot(form.v, ray.v).sign();
  }
  static Vector meet(const Vector& here, const Vector& there, const Vector& form) {
    const Integer a = abs(dot(form.v, there.v)), b = abs(dot(form.v, here.v));
    Ray r;
    for (std::size_t k = 0; k < 3; ++k) {
      mpz_mul(raw(r[k]), raw(a), raw(here.v[k]));
      mpz_addmul(raw(r[k]), raw(b), raw(there.v[k]));
    }
    return Vector(primitive(std::move(r)));
  }
  static void add(Ray& sum, const Integer& by, const Vector& form) {
    for (std::size_t k = 0; k < 3; ++k) mpz_addmul(raw(sum[k]), raw(by), raw(form.v[k]));
  }
  static Integer from(const Rational& v) { return numerator(v); }
};
struct Plain {
  using Number = double;
  struct Vector {
    Near v;
    Vector() = default;
    explicit Vector(const Near& r) : v(r) {}
  };
  static int sign(const Vector& form, const Vector& ray) {
    const double v = near_dot(form.v, ray.v), size = std::abs(form.v[0]) + std::abs(form.v[1]) + std::abs(form.v[2]);
    return v > 1e-12 * size ? 1 : v < -1e-12 * size ? -1 : 0;
  }
  static Vector meet(const Vector& here, const Vector& there, const Vector& form) {
    const double a = std::abs(near_dot(form.v, there.v)), b = std::abs(near_dot(form.v, here.v));
    Near r{};
    for (std::size_t k = 0; k < 3; ++k) r[k] = a * here.v[k] + b * there.v[k];
    const double most = std::max({std::abs(r[0]), std::abs(r[1]), std::abs(r[2])});
    for (double& x : r) x /= most;
    return Vector(r);
  }
  static void add(Near& sum, double by, const Vector& form) {
    for (std::size_t k = 0; k < 3; ++k) sum[k] += by * form.v[k];
  }
  static double from(const Rational& v) { return v.convert_to<double>(); }
};

template <class Kind>
class Enumeration {
 public:
  using Number = typename Kind::Number;
  using Vector = typename Kind::Vector;
  using Triple = std::array<Number, 3>;
  using Cell = std::vector<Vector>;
  using Finish = std::function<void(Cell&, const std::vector<Triple>&)>;

  // Sums of rows are integers over a divisor of each layer, which signs do not depend on.
  Enumeration(const Units& network, const CellPlane& plane, Finish finish)
      : network_(network), finish_(std::move(finish)) {
    std::vector<Integer> divisors;  // by layer, of what its units are
    readers_.resize(network.sources());
    Integer of_plane = 1;
    for (const auto& form : plane.inputs)
      for (const Rational& v : form) of_plane = lcm(of_plane, denominator(v));
    for (const Units::Layer& layer : network.layers) {
      const bool relu = layer.function.kind == ActivationKind::relu;
      const Rational slope = relu ? Rational(0) : layer.function.parameter;
      // A multiple of all denominators, of weights times units.
      Integer common = of_plane;
      for (std::size_t l = 0; l < divisors.size(); ++l) common = lcm(common, divisors[l]);
      Integer of_weights = 1;
      for (const Units::Row& row : layer.rows) {
        of_weights = lcm(of_weights, denominator(row.constant));
        for (const auto& [source, weight] : row.terms) of_weights = lcm(of_weights, denominator(weight));
      }
      const Integer divisor = common * of_weights;
      std::vector<Triple> start(layer.rows.size());
      for (std::size_t h = 0; h < layer.rows.size(); ++h) {
        std::array<Rational, 3> sum{0, 0, layer.rows[h].constant};
        for (const auto& [source, weight] : layer.rows[h].terms) {
          if (source < network.inputs) {
            for (std::size_t k = 0; k < 3; ++k)
              if (plane.inputs[source][k] != 0) sum[k] += weight * plane.inputs[source][k];
            continue;
          }
          std::size_t l = 0;
          while (network.layers[l + 1].first <= source) ++l;
          const Units::Layer& below = network.layers[l];
          const Rational by = weight * divisor / divisors[l],
                         bent = by *
                                (below.function.kind == ActivationKind::relu ? Rational(0) : below.function.parameter);
          readers_[source].push_back({divisors.size(), h, Kind::from(by * denominators_[l]),
                                      Kind::from(bent * denominators_[l]), Kind::from((by - bent) * denominators_[l])});
        }
        for (std::size_t k = 0; k < 3; ++k) start[h][k] = Kind::from(sum[k] * divisor);
      }
      start_.push_back(std::make_shared<std::vector<Triple>>(std::move(start)));
      divisors.push_back(divisor * denominator(slope));
      denominators_.emplace_back(denominator(slope));
    }
    for (const auto& limit : plane.limits) {
      Integer common = 1;
      for (const Rational& v : limit) common = lcm(common, denominator(v));
      Triple form;
      for (std::size_t k = 0; k < 3; ++k) form[k] = Kind::from(limit[k] * common);
      limits_.emplace_back(form);
    }
  }

  std::size_t run() {
    for (int s : {1, -1}) {
      for (int t : {1, -1}) {
        Cell cell;
        for (const Triple& r : {Triple{Number(s), 0, 0}, Triple{0, Number(t), 0}, Triple{0, 0, 1}})
          cell.emplace_back(r);
        for (const Vector& limit : limits_)
          if (!cell.empty()) cell = halves(cell, limit).first;
        if (!cell.empty()) todo_.push_back({0, std::move(cell), start_, nullptr, {}});
      }
    }
    while (!todo_.empty()) {
      Task task = std::move(todo_.back());
      todo_.pop_back();
      work(std::move(task));
    }
    return cells_;
  }

 private:
  using Sums = std::shared_ptr<std::vector<Triple>>;
  // A cell, the layer whose units are looked at, what it and later ones read of the units before; units of it that have
  // both signs on the cell are open, and so far counted as negative.
  struct Task {
    std::size_t layer;
    Cell cell;
    std::vector<Sums> sums;
    std::shared_ptr<const std::vector<Vector>> reading;
    std::vector<std::size_t> open;
  };
  struct Reads {
    std::size_t layer, row;
    Number above, below, change;
  };

  static int side(const Vector& form, const Cell& cell) {
    bool above = false, below = false;
    for (const Vector& r : cell) {
      const int v = Kind::sign(form, r);
      above = above || v > 0;
      below = below || v < 0;
      if (above && below) return 0;
    }
    return below ? -1 : 1;
  }
  static std::pair<Cell, Cell> halves(const Cell& cell, const Vector& form) {
    std::vector<int> v;
    bool some_above = false, some_below = false;
    for (const Vector& r : cell) {
      v.push_back(Kind::sign(form, r));
      some_above = some_above || v.back() > 0;
      some_below = some_below || v.back() < 0;
    }
    if (!some_below) return {some_above ? cell : Cell{}, Cell{}};
    if (!some_above) return {Cell{}, cell};
    std::pair<Cell, Cell> parts;
    for (std::size_t i = 0; i < cell.size(); ++i) {
      const std::size_t next = (i + 1) % cell.size();
      if (v[i] >= 0) parts.first.push_back(cell[i]);
      if (v[i] <= 0) parts.second.push_back(cell[i]);
      if (v[i] * v[next] >= 0) continue;
      const Vector meet = Kind::meet(cell[i], cell[next], form);
      parts.first.push_back(meet);
      parts.second.push_back(meet);
    }
    return parts;
  }
  void contribute(Task& task, std::size_t h, const Number Reads::*part) const {
    for (const Reads& r : readers_[network_.layers[task.layer].first + h]) {
      if (r.*part == 0) continue;
      Sums& sums = task.sums[r.layer];
      if (sums.use_count() > 1) sums = std::make_shared<std::vector<Triple>>(*sums);
      Kind::add((*sums)[r.row], r.*part, (*task.reading)[h]);
    }
  }
  void enter(Task& task) const {
    auto reading = std::make_shared<std::vector<Vector>>();
    reading->reserve(task.sums[task.layer]->size());
    for (const Triple& form : *task.sums[task.layer]) reading->emplace_back(form);
    task.sums[task.layer] = nullptr;
    task.reading = std::move(reading);
    task.open.clear();
    for (std::size_t h = 0; h < task.reading->size(); ++h) {
      const int at = side((*task.reading)[h], task.cell);
      if (at == 0) task.open.push_back(h);
      contribute(task, h, at > 0 ? &Reads::above : &Reads::below);
    }
  }
  // Units that have one sign on a smaller cell.
  void settle(Task& task) const {
    std::erase_if(task.open, [&](std::size_t h) {
      const int at = side((*task.reading)[h], task.cell);
      if (at > 0) contribute(task, h, &Reads::change);
      return at != 0;
    });
  }
  void work(Task task) {
    for (; task.layer + 1 < network_.layers.size(); ++task.layer) {
      if (task.reading) {
        settle(task);
      } else {
        poll();
        enter(task);
      }
      while (!task.open.empty()) {
        const std::size_t h = task.open.back();
        task.open.pop_back();
        auto [above, below] = halves(task.cell, (*task.reading)[h]);
        todo_.push_back({task.layer, std::move(below), task.sums, task.reading, task.open});
        task.cell = std::move(above);
        contribute(task, h, &Reads::change);
        settle(task);
      }
      task.reading = nullptr;
    }
    if (++cells_ > kMostCells) throw undecided("too-large", fmt::format("more than {} cells", kMostCells));
    finish_(task.cell, *task.sums.back());
  }

  const Units& network_;
  Finish finish_;
  std::vector<Sums> start_;  // of constants and inputs, by layer
  std::vector<std::vector<Reads>> readers_;
  std::vector<Rational> denominators_;  // of the slopes of layers
  std::vector<Vector> limits_;
  std::vector<Task> todo_;
  std::size_t cells_ = 0;
};

}  // namespace

Integer dot(const Ray& a, const Ray& b) {
  Integer v;
  for (std::size_t k = 0; k < 3; ++k) mpz_addmul(raw(v), raw(a[k]), raw(b[k]));
  return v;
}
Ray cross(const Ray& a, const Ray& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Ray primitive(Ray r) {
  const Integer content = gcd(gcd(r[0], r[1]), r[2]);
  if (content > 1)
    for (Integer& v : r) mpz_divexact(raw(v), raw(v), raw(content));
  return r;
}
Ray difference(const Ray& a, const Ray& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

Polygon clip(const Polygon& cell, const Ray& form) {
  std::vector<Integer> v;
  bool above = false, below = false;
  const Near near = nearby(form);
  for (const Ray& r : cell) {
    const double guess = near_dot(near, nearby(r));
    v.push_back(guess > kError ? Integer(1) : guess < -kError ? Integer(-1) : dot(form, r));
    above = above || v.back() > 0;
    below = below || v.back() < 0;
  }
  if (!above) return {};
  if (!below) return cell;
  Polygon part;
  const Exact::Vector cut(form);
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const std::size_t next = (i + 1) % cell.size();
    if (v[i] >= 0) part.push_back(cell[i]);
    if ((v[i] < 0 && v[next] > 0) || (v[i] > 0 && v[next] < 0))
      part.push_back(Exact::meet(Exact::Vector(cell[i]), Exact::Vector(cell[next]), cut).v);
  }
  return part;
}

CellPlane plane_of_inputs(std::size_t inputs) {
  CellPlane plane{{{1, 0, 0}, {0, 1, 0}}, {}};
  plane.inputs.resize(inputs);
  return plane;
}

CellPlane plane_through(const std::vector<Rational>& origin, const std::vector<Rational>& u,
                        const std::vector<Rational>& v) {
  CellPlane plane;
  for (std::size_t i = 0; i < origin.size(); ++i) plane.inputs.push_back({u[i], v[i], origin[i]});
  return plane;
}

std::size_t for_each_cell(const Units& network, const CellPlane& plane, const CellVisit& visit) {
  Polygon corners;
  return Enumeration<Exact>(network, plane,
                            [&](Enumeration<Exact>::Cell& cell, const std::vector<Ray>& outputs) {
                              corners.clear();
                              for (auto& r : cell) corners.push_back(std::move(r.v));
                              visit(corners, outputs);
                            })
      .run();
}
std::size_t count_cells_in_double(const Units& network, const CellPlane& plane) {
  return Enumeration<Plain>(network, plane, [](auto&, const auto&) {}).run();
}

}  // namespace widecert
