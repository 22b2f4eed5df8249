#include "proofs/regions/cells.h"

#include <fmt/format.h>

#include <cmath>
#include <deque>
#include <memory>

#include "proofs/prover.h"

namespace widecert {
namespace {

__extension__ typedef __int128 Int128;
using Near = std::array<double, 3>;
using Narrow = std::array<Int128, 3>;

mpz_ptr raw(Integer& v) { return v.backend().data(); }
mpz_srcptr raw(const Integer& v) { return v.backend().data(); }

// Scaled to at most 1, each entry up to 2^-51 of the largest.
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
Near nearby(const Narrow& v) {
  Near near{static_cast<double>(v[0]), static_cast<double>(v[1]), static_cast<double>(v[2])};
  const double most = std::max({std::abs(near[0]), std::abs(near[1]), std::abs(near[2])});
  if (most > 0)
    for (double& x : near) x /= most;
  return near;
}
double near_dot(const Near& a, const Near& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
// Of products of vectors whose entries are at most 1.
constexpr double kError = 0x1p-48;

Integer wide(Int128 v) {
  const auto size = static_cast<unsigned __int128>(v < 0 ? -v : v);
  Integer w = static_cast<std::uint64_t>(size >> 64);
  w <<= 64;
  w += static_cast<std::uint64_t>(size);
  return v < 0 ? Integer(-w) : w;
}
Int128 narrow(const Integer& v) {
  const Integer size = abs(v);
  const auto high = static_cast<std::uint64_t>(Integer(size >> 64)),
             low = static_cast<std::uint64_t>(Integer(size & std::numeric_limits<std::uint64_t>::max()));
  const Int128 n = (static_cast<Int128>(high) << 64) | low;
  return v < 0 ? -n : n;
}
bool fits(const Integer& v, unsigned bits) { return v == 0 || msb(Integer(abs(v))) < bits; }

// What the enumeration is made of: integers with a filter, those of a layer of 128 bits where they fit; or doubles.
struct Exact {
  struct Corner {
    Ray v;
    Near near;
  };
  using Vertex = std::shared_ptr<const Corner>;  // of several cells
  static Vertex vertex(Ray r) {
    const Near near = nearby(r);
    return std::make_shared<const Corner>(Corner{std::move(r), near});
  }
  // One of the sums of a layer, which owns it.
  struct Form {
    Near near{};
    const Narrow* n = nullptr;  // or v
    const Ray* v = nullptr;
    Ray ray() const { return n != nullptr ? Ray{wide((*n)[0]), wide((*n)[1]), wide((*n)[2])} : *v; }
  };
  struct Sums {
    std::vector<Narrow> n;
    std::vector<Ray> v;  // one of the two
    std::size_t size() const { return std::max(n.size(), v.size()); }
    Form form(std::size_t row) const {
      if (v.empty()) return {nearby(n[row]), &n[row], nullptr};
      return {nearby(v[row]), nullptr, &v[row]};
    }
  };
  // Whether they may be narrow, where no sum gets beyond a bound, nor a weight beyond another one.
  static bool narrow_sums(const Integer& most, const Integer& most_weight) {
    return fits(most, 124) && fits(most_weight, 61);
  }
  static Sums sums(std::vector<Ray> rows, bool is_narrow) {
    if (!is_narrow) return {{}, std::move(rows)};
    Sums sums;
    for (const Ray& r : rows) sums.n.push_back({narrow(r[0]), narrow(r[1]), narrow(r[2])});
    return sums;
  }
  // A number where the sums that it is for are narrow, else one that is kept elsewhere; nothing where it is 0.
  struct Weight {
    std::int64_t n = 0;
    const Integer* v = nullptr;
    bool zero() const { return n == 0 && v == nullptr; }
  };
  using Kept = std::deque<Integer>;
  static Weight weight(const Integer& w, bool is_narrow, Kept& kept) {
    if (w == 0) return {};
    if (is_narrow) return {static_cast<std::int64_t>(w), nullptr};
    return {0, &kept.emplace_back(w)};
  }
  static void add(Sums& sums, std::size_t row, const Weight& by, const Form& form) {
    if (sums.v.empty()) {  // and so is the form, which is smaller
      for (std::size_t k = 0; k < 3; ++k) sums.n[row][k] += by.n * (*form.n)[k];
      return;
    }
    const Ray r = form.ray();
    for (std::size_t k = 0; k < 3; ++k) mpz_addmul(raw(sums.v[row][k]), raw(*by.v), raw(r[k]));
  }
  static int sign(const Form& form, const Vertex& ray) {
    const double v = near_dot(form.near, ray->near);
    if (v > kError) return 1;
    if (v < -kError) return -1;
    return dot(form.ray(), ray->v).sign();
  }
  static Vertex meet(const Vertex& here, const Vertex& there, const Form& form) {
    return vertex(meet(here->v, there->v, form.ray()));
  }
  static Ray meet(const Ray& here, const Ray& there, const Ray& form) {
    const Integer a = abs(dot(form, there)), b = abs(dot(form, here));
    Ray r;
    for (std::size_t k = 0; k < 3; ++k) {
      mpz_mul(raw(r[k]), raw(a), raw(here[k]));
      mpz_addmul(raw(r[k]), raw(b), raw(there[k]));
    }
    return primitive(std::move(r));
  }
  static Vertex vertex(int s, int t, int z) { return vertex(Ray{s, t, z}); }
};
struct Plain {
  struct Vertex {
    Near v;
  };
  using Form = Vertex;
  struct Sums {
    std::vector<Near> rows;
    std::size_t size() const { return rows.size(); }
    Form form(std::size_t row) const { return {rows[row]}; }
  };
  static bool narrow_sums(const Integer&, const Integer&) { return true; }
  static Sums sums(const std::vector<Ray>& rows, bool) {
    Sums sums;
    for (const Ray& r : rows)
      sums.rows.push_back({r[0].convert_to<double>(), r[1].convert_to<double>(), r[2].convert_to<double>()});
    return sums;
  }
  struct Weight {
    double n = 0;
    bool zero() const { return n == 0; }
  };
  struct Kept {};
  static Weight weight(const Integer& w, bool, Kept&) { return {w.convert_to<double>()}; }
  static void add(Sums& sums, std::size_t row, const Weight& by, const Form& form) {
    for (std::size_t k = 0; k < 3; ++k) sums.rows[row][k] += by.n * form.v[k];
  }
  static int sign(const Form& form, const Vertex& ray) {
    const double v = near_dot(form.v, ray.v), size = std::abs(form.v[0]) + std::abs(form.v[1]) + std::abs(form.v[2]);
    return v > 1e-12 * size ? 1 : v < -1e-12 * size ? -1 : 0;
  }
  static Vertex meet(const Vertex& here, const Vertex& there, const Form& form) {
    const double a = std::abs(near_dot(form.v, there.v)), b = std::abs(near_dot(form.v, here.v));
    Near r{};
    for (std::size_t k = 0; k < 3; ++k) r[k] = a * here.v[k] + b * there.v[k];
    const double most = std::max({std::abs(r[0]), std::abs(r[1]), std::abs(r[2])});
    for (double& x : r) x /= most;
    return {r};
  }
  static Vertex vertex(int s, int t, int z) { return {{double(s), double(t), double(z)}}; }
};

template <class Kind>
class Enumeration {
 public:
  using Form = typename Kind::Form;
  using Cell = std::vector<typename Kind::Vertex>;
  using Finish = std::function<void(Cell&, const typename Kind::Sums&)>;

  // Sums of rows are integers over a divisor of each layer, which signs do not depend on.
  Enumeration(const Units& network, const CellPlane& plane, Finish finish)
      : network_(network), finish_(std::move(finish)) {
    std::vector<Integer> divisors, denominators;  // by layer, of what its units are; of its slope
    std::vector<Integer> largest;                 // by layer, a bound on its sums
    Integer most_weight = 0;                      // up to here: where a layer below does not fit, this one does not
    readers_.resize(network.sources());
    Integer of_plane = 1;
    for (const auto& form : plane.inputs)
      for (const Rational& v : form) of_plane = lcm(of_plane, denominator(v));
    for (const Units::Layer& layer : network.layers) {
      const Rational slope = slope_below(layer.function);
      // A multiple of all denominators, of weights times units.
      Integer common = of_plane;
      for (const Integer& d : divisors) common = lcm(common, d);
      Integer of_weights = 1;
      for (const Units::Row& row : layer.rows) {
        of_weights = lcm(of_weights, denominator(row.constant));
        for (const auto& [source, weight] : row.terms) of_weights = lcm(of_weights, denominator(weight));
      }
      const Integer divisor = common * of_weights;
      std::vector<Ray> start(layer.rows.size());
      struct Term {
        std::size_t source, row;
        Integer above, below;
      };
      std::vector<Term> weights;
      Integer most = 0;
      for (std::size_t h = 0; h < layer.rows.size(); ++h) {
        std::array<Rational, 3> sum{0, 0, layer.rows[h].constant};
        Integer bound = 0;
        for (const auto& [source, weight] : layer.rows[h].terms) {
          if (source < network.inputs) {
            for (std::size_t k = 0; k < 3; ++k)
              if (plane.inputs[source][k] != 0) sum[k] += weight * plane.inputs[source][k];
            continue;
          }
          std::size_t l = 0;
          while (network.layers[l + 1].first <= source) ++l;
          const Rational above = weight * divisor / divisors[l] * denominators[l],
                         below = above * slope_below(network.layers[l].function);
          const Integer up = numerator(above), down = numerator(below);
          bound += (abs(up) + abs(down)) * largest[l];
          most_weight = std::max(most_weight, Integer(abs(up) + abs(down)));
          weights.push_back({source, h, up, down});
        }
        for (std::size_t k = 0; k < 3; ++k) start[h][k] = numerator(Rational(sum[k] * divisor));
        const Integer at_start =
            std::max({Integer(abs(start[h][0])), Integer(abs(start[h][1])), Integer(abs(start[h][2]))});
        most = std::max(most, Integer(bound + at_start));
      }
      for (const Integer& below : largest) most = std::max(most, below);
      const bool narrow = Kind::narrow_sums(most, most_weight);
      const auto at = static_cast<std::uint32_t>(divisors.size());
      for (const Term& t : weights)
        readers_[t.source].push_back({at, static_cast<std::uint32_t>(t.row), Kind::weight(t.above, narrow, kept_),
                                      Kind::weight(t.below, narrow, kept_),
                                      Kind::weight(Integer(t.above - t.below), narrow, kept_)});
      start_.push_back(std::make_shared<typename Kind::Sums>(Kind::sums(std::move(start), narrow)));
      largest.push_back(most);
      divisors.push_back(divisor * denominator(slope));
      denominators.push_back(denominator(slope));
    }
    std::vector<Ray> limits;
    for (const auto& limit : plane.limits)
      if (limit != std::array<Rational, 3>{0, 0, 0}) limits.push_back(integral(limit));  // (0 >= 0 holds everywhere)
    limits_ = Kind::sums(std::move(limits), false);
  }

  std::size_t run() {
    for (int s : {1, -1}) {
      for (int t : {1, -1}) {
        Cell cell{Kind::vertex(s, 0, 0), Kind::vertex(0, t, 0), Kind::vertex(0, 0, 1)};
        for (std::size_t k = 0; k < limits_.size(); ++k)
          if (!cell.empty()) cell = halves(cell, limits_.form(k)).first;
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
  using Sums = std::shared_ptr<typename Kind::Sums>;
  struct Reading {
    Sums sums;
    std::vector<Form> forms;  // of these
  };
  // A cell, the layer whose units are looked at, what it and later ones read of the units before; units of it that have
  // both signs on the cell are open, and so far counted as negative.
  struct Task {
    std::size_t layer;
    Cell cell;
    std::vector<Sums> sums;
    std::shared_ptr<const Reading> reading;
    std::vector<std::size_t> open;
  };
  struct Reads {
    std::uint32_t layer, row;
    typename Kind::Weight above, below, change;
  };

  static Rational slope_below(const Activation& f) {
    return f.kind == ActivationKind::relu ? Rational(0) : f.parameter;
  }
  static int side(const Form& form, const Cell& cell) {
    bool above = false, below = false;
    for (const auto& r : cell) {
      const int v = Kind::sign(form, r);
      above = above || v > 0;
      below = below || v < 0;
      if (above && below) return 0;
    }
    return below ? -1 : 1;
  }
  static std::pair<Cell, Cell> halves(const Cell& cell, const Form& form) {
    std::vector<int> v;
    bool some_above = false, some_below = false;
    for (const auto& r : cell) {
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
      const auto meet = Kind::meet(cell[i], cell[next], form);
      parts.first.push_back(meet);
      parts.second.push_back(meet);
    }
    return parts;
  }
  void contribute(Task& task, std::size_t h, const typename Kind::Weight Reads::*part) const {
    const Form& form = task.reading->forms[h];
    for (const Reads& r : readers_[network_.layers[task.layer].first + h]) {
      if ((r.*part).zero()) continue;
      Sums& sums = task.sums[r.layer];
      if (sums.use_count() > 1) sums = std::make_shared<typename Kind::Sums>(*sums);
      Kind::add(*sums, r.row, r.*part, form);
    }
  }
  void enter(Task& task) const {
    auto reading = std::make_shared<Reading>();
    reading->sums = std::move(task.sums[task.layer]);
    reading->forms.reserve(reading->sums->size());
    for (std::size_t h = 0; h < reading->sums->size(); ++h) reading->forms.push_back(reading->sums->form(h));
    task.reading = std::move(reading);
    task.open.clear();
    for (std::size_t h = 0; h < task.reading->forms.size(); ++h) {
      const int at = side(task.reading->forms[h], task.cell);
      if (at == 0) task.open.push_back(h);
      contribute(task, h, at > 0 ? &Reads::above : &Reads::below);
    }
  }
  // Units that have one sign on a smaller cell.
  void settle(Task& task) const {
    std::erase_if(task.open, [&](std::size_t h) {
      const int at = side(task.reading->forms[h], task.cell);
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
        auto [above, below] = halves(task.cell, task.reading->forms[h]);
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
  typename Kind::Kept kept_;
  std::vector<std::vector<Reads>> readers_;
  typename Kind::Sums limits_;
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
Ray integral(const std::array<Rational, 3>& v) {
  const Integer common = lcm(lcm(denominator(v[0]), denominator(v[1])), denominator(v[2]));
  return {numerator(Rational(v[0] * common)), numerator(Rational(v[1] * common)), numerator(Rational(v[2] * common))};
}
Ray difference(const Ray& a, const Ray& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }

Polygon clip(const Polygon& cell, const Ray& form) {
  std::vector<int> v;
  bool above = false, below = false;
  const Near near = nearby(form);
  for (const Ray& r : cell) {
    const double guess = near_dot(near, nearby(r));
    v.push_back(guess > kError ? 1 : guess < -kError ? -1 : dot(form, r).sign());
    above = above || v.back() > 0;
    below = below || v.back() < 0;
  }
  if (!above) return {};
  if (!below) return cell;
  Polygon part;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const std::size_t next = (i + 1) % cell.size();
    if (v[i] >= 0) part.push_back(cell[i]);
    if (v[i] * v[next] < 0) part.push_back(Exact::meet(cell[i], cell[next], form));
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
  std::vector<Ray> forms(network.outputs());
  return Enumeration<Exact>(network, plane,
                            [&](Enumeration<Exact>::Cell& cell, const Exact::Sums& outputs) {
                              corners.clear();
                              for (const auto& r : cell) corners.push_back(r->v);
                              for (std::size_t k = 0; k < forms.size(); ++k) forms[k] = outputs.form(k).ray();
                              visit(corners, forms);
                            })
      .run();
}
std::size_t count_cells_in_double(const Units& network, const CellPlane& plane) {
  return Enumeration<Plain>(network, plane, [](auto&, const auto&) {}).run();
}

}  // namespace widecert
