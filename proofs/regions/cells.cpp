#include "proofs/regions/cells.h"

#include <fmt/format.h>

#include "proofs/prover.h"
#include "proofs/regions/cell_numbers.h"

namespace widecert {
namespace {

using namespace cells;

// What the enumeration is made of, for comparison: doubles.
struct Plain {
  struct Vertex {
    Near v;
  };
  using Form = Vertex;
  struct Sums {
    std::vector<Near> near;
    std::size_t rows() const { return near.size(); }
    Form form(std::size_t row) const { return {near[row]}; }
  };
  static bool narrow_sums(const Integer&, const Integer&) { return true; }
  static Sums sums(const std::vector<Ray>& rows, bool, const Integer&) {
    Sums sums;
    for (const Ray& r : rows)
      sums.near.push_back({r[0].convert_to<double>(), r[1].convert_to<double>(), r[2].convert_to<double>()});
    return sums;
  }
  struct Weight {
    double n = 0;
    bool zero() const { return n == 0; }
  };
  struct Kept {};
  static Weight weight(const Integer& w, bool, Kept&) { return {w.convert_to<double>()}; }
  static void add(Sums& sums, std::size_t row, const Weight& by, const Form& form) {
    for (std::size_t k = 0; k < 3; ++k) sums.near[row][k] += by.n * form.v[k];
  }
  static int sign(const Form& form, const Vertex& ray) {
    const double v = near_dot(form.v, ray.v), size = std::abs(form.v[0]) + std::abs(form.v[1]) + std::abs(form.v[2]);
    return v > 1e-12 * size ? 1 : v < -1e-12 * size ? -1 : 0;
  }
  using Line = Vertex;
  static Line line(const Form& form) { return {nearby(form.v)}; }
  static Vertex meet(const Line& a, const Line& b, bool swapped) {
    const Near &x = swapped ? b.v : a.v, &y = swapped ? a.v : b.v;
    return {nearby(Near{x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]})};
  }
  static Vertex vertex(int s, int t, int z) { return {{double(s), double(t), double(z)}}; }
};

template <class Kind>
class Enumeration {
 public:
  using Form = typename Kind::Form;
  // A corner, and the line to the next one, counter-clockwise; whether the line's form is positive in the cell, or
  // negative.
  struct Side {
    typename Kind::Vertex corner;
    typename Kind::Line line;
    bool positive;
  };
  using Cell = std::vector<Side>;
  using Finish = std::function<void(Cell&, const typename Kind::Sums&)>;

  // Sums of rows are integers over a divisor of each layer, which signs do not depend on.
  Enumeration(const Units& network, const CellPlane& plane, Finish finish)
      : network_(network), finish_(std::move(finish)) {
    std::vector<Integer> divisors, denominators;  // by layer, of what its units are; of its slope
    std::vector<Integer> largest;                 // by layer, a bound on its sums
    Integer most_weight = 0;                      // up to here: where a layer below does not fit, this one does not
    readers_.resize(network.sources());
    struct Term {
      std::size_t source, row;
      Integer above, below;
    };
    struct Planned {
      std::vector<Ray> start;
      std::vector<Term> weights;
      bool narrow;
    };
    std::vector<Planned> planned;
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
      Planned& plan = planned.emplace_back();
      plan.start.resize(layer.rows.size());
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
          plan.weights.push_back({source, h, up, down});
        }
        for (std::size_t k = 0; k < 3; ++k) plan.start[h][k] = numerator(Rational(sum[k] * divisor));
        most = std::max(most, Integer(bound + largest_entry(plan.start[h])));
      }
      for (const Integer& below : largest) most = std::max(most, below);
      plan.narrow = Kind::narrow_sums(most, most_weight);
      largest.push_back(most);
      divisors.push_back(divisor * denominator(slope));
      denominators.push_back(denominator(slope));
    }
    for (std::size_t l = 0; l < planned.size(); ++l) {
      const bool narrow = planned[l].narrow;
      for (const Term& t : planned[l].weights)
        readers_[t.source].push_back({static_cast<std::uint32_t>(l), static_cast<std::uint32_t>(t.row),
                                      Kind::weight(t.above, narrow, kept_), Kind::weight(t.below, narrow, kept_),
                                      Kind::weight(Integer(t.above - t.below), narrow, kept_)});
      start_.push_back(std::make_shared<typename Kind::Sums>(Kind::sums(planned[l].start, narrow, largest.back())));
    }
    std::vector<Ray> limits;
    Integer most_of_limits = 0;
    for (const auto& limit : plane.limits)
      if (limit != std::array<Rational, 3>{0, 0, 0}) limits.push_back(integral(limit));  // (0 >= 0 holds everywhere)
    for (const Ray& limit : limits) most_of_limits = std::max(most_of_limits, largest_entry(limit));
    limits_ = Kind::sums(limits, false, most_of_limits);
  }

  std::size_t run() {
    for (int s : {1, -1}) {
      for (int t : {1, -1}) {
        const auto x = Kind::vertex(1, 0, 0), y = Kind::vertex(0, 1, 0), z = Kind::vertex(0, 0, 1);
        const auto a = Kind::vertex(s, 0, 0), b = Kind::vertex(0, t, 0);
        Cell cell = s == t ? Cell{{a, z, true}, {b, x, s > 0}, {z, y, t > 0}}
                           : Cell{{b, z, true}, {a, y, t > 0}, {z, x, s > 0}};
        for (std::size_t k = 0; k < limits_.rows(); ++k)
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
    for (const Side& r : cell) {
      const int v = Kind::sign(form, r.corner);
      above = above || v > 0;
      below = below || v < 0;
      if (above && below) return 0;
    }
    return below ? -1 : 1;
  }
  static std::pair<Cell, Cell> halves(const Cell& cell, const Form& form) {
    std::vector<int> v;
    bool some_above = false, some_below = false;
    for (const Side& r : cell) {
      v.push_back(Kind::sign(form, r.corner));
      some_above = some_above || v.back() > 0;
      some_below = some_below || v.back() < 0;
    }
    if (!some_below) return {some_above ? cell : Cell{}, Cell{}};
    if (!some_above) return {Cell{}, cell};
    // One leaves the part above where the part below is entered, and comes back.
    const auto cut = Kind::line(form);
    std::pair<Cell, Cell> parts;
    auto& [above, below] = parts;
    for (std::size_t i = 0; i < cell.size(); ++i) {
      const int next = v[(i + 1) % cell.size()];
      const Side& side = cell[i];
      if (v[i] > 0 || (v[i] == 0 && next > 0)) above.push_back(side);
      if (v[i] < 0 || (v[i] == 0 && next < 0)) below.push_back(side);
      if (v[i] == 0) (next > 0 ? below : above).push_back({side.corner, cut, next < 0});
      if (v[i] * next >= 0) continue;
      const auto corner = Kind::meet(side.line, cut, side.positive == (v[i] < 0));
      above.push_back({corner, v[i] > 0 ? cut : side.line, v[i] > 0 || side.positive});
      below.push_back({corner, v[i] > 0 ? side.line : cut, v[i] > 0 && side.positive});
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
    reading->forms.reserve(reading->sums->rows());
    for (std::size_t h = 0; h < reading->sums->rows(); ++h) reading->forms.push_back(reading->sums->form(h));
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
    if (v[i] * v[next] >= 0) continue;
    const Integer a = abs(dot(form, cell[next])), b = abs(dot(form, cell[i]));
    Ray r;
    for (std::size_t k = 0; k < 3; ++k) r[k] = a * cell[i][k] + b * cell[next][k];
    part.push_back(primitive(std::move(r)));
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
                              corners.resize(cell.size());
                              for (std::size_t k = 0; k < cell.size(); ++k) corners[k] = cell[k].corner->ray();
                              for (std::size_t k = 0; k < forms.size(); ++k) forms[k] = outputs.form(k).ray();
                              visit(corners, forms);
                            })
      .run();
}
std::size_t count_cells_in_double(const Units& network, const CellPlane& plane) {
  return Enumeration<Plain>(network, plane, [](auto&, const auto&) {}).run();
}

}  // namespace widecert
