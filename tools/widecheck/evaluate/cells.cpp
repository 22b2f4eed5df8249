#include "evaluate/cells.h"

#include <algorithm>
#include <memory>
#include <numeric>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

__extension__ typedef __int128 Wide;

constexpr std::size_t kMostCells = 1'000'000, kMostKept = 5'000'000, kMostHeld = 20'000'000, kMaxBits = 65'536;
constexpr std::size_t kShortBits = 61;

mpz_class dot(const Ray& a, const Ray& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Ray cross(const Ray& a, const Ray& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Ray sum(const Ray& a, const Ray& b) { return {a[0] + b[0], a[1] + b[1], a[2] + b[2]}; }
void add_multiple(Ray& to, const mpz_class& by, const Ray& of) {
  for (std::size_t k = 0; k < 3; ++k) mpz_addmul(to[k].get_mpz_t(), by.get_mpz_t(), of[k].get_mpz_t());
}
void make_primitive(Ray& a) {
  const mpz_class common = gcd(gcd(a[0], a[1]), a[2]);
  if (common > 1)
    for (mpz_class& v : a) mpz_divexact(v.get_mpz_t(), v.get_mpz_t(), common.get_mpz_t());
}
std::size_t longest(const Ray& a) {
  std::size_t bits = 0;
  for (const mpz_class& v : a) bits = std::max(bits, mpz_sizeinbase(v.get_mpz_t(), 2));
  return bits;
}
Products words(const Ray& a) { return Products::words(a[0]) + Products::words(a[1]) + Products::words(a[2]); }

// A vector, and what its first bits are: |v - first 2^s| < 2^s for an s that signs do not depend on.
struct Vector {
  Ray exact;
  std::array<std::int64_t, 3> first;
  bool all;  // s = 0: the first bits are all

  Vector() = default;
  explicit Vector(Ray v) : exact(std::move(v)) {
    const std::size_t bits = longest(exact);
    all = bits <= kShortBits;
    for (std::size_t k = 0; k < 3; ++k)
      first[k] = (all ? exact[k] : mpz_class(exact[k] >> (bits - kShortBits))).get_si();
  }
};
// The sign of the product, from the first bits where these tell it: with |first| <= 2^61 the error of the product of
// two vectors is below 3 (2^61 + 2^61 + 1) < 2^64.
int sign(const Vector& a, const Vector& b, Budget& budget) {
  Wide v = 0;
  for (std::size_t k = 0; k < 3; ++k) v += static_cast<Wide>(a.first[k]) * b.first[k];
  constexpr Wide error = static_cast<Wide>(1) << 64;
  if ((a.all && b.all) || v >= error || v <= -error) return v > 0 ? 1 : v < 0 ? -1 : 0;
  budget.spend(200 + 2 * words(a.exact) * words(b.exact));
  return sgn(dot(a.exact, b.exact));
}

using Cone = std::vector<Vector>;  // rays in cyclic order

struct Piece {
  std::vector<Ray> rays, margins;  // F_j - F_k, up to positive factors
};

class Cells {
 public:
  Cells(const Units& network, std::size_t j, const Plane& plane, Budget& budget)
      : network_(network), j_(j), plane_(plane), budget_(budget) {
    plan();
  }

  RegionCount run() {
    for (int s : {1, -1}) {
      for (int t : {1, -1}) {
        Cone cell;
        for (const Ray& r : {Ray{s, 0, 0}, Ray{0, t, 0}, Ray{0, 0, 1}}) cell.emplace_back(r);
        for (const Ray& limit : plane_.limits)
          if (!cell.empty()) cell = split(cell, Vector(limit)).first;
        if (!cell.empty()) todo_.push_back({0, std::move(cell), start_, nullptr, {}});
      }
    }
    while (!todo_.empty()) {
      Task task = std::move(todo_.back());
      todo_.pop_back();
      work(std::move(task));
    }
    return {groups(), cells_, pieces_.size()};
  }

 private:
  using Forms = std::shared_ptr<std::vector<Ray>>;  // copied where one that others hold is changed

  // A cell on which the units of all layers before this one have signs, and so have those of this one but the open
  // ones.
  struct Task {
    std::size_t layer;
    Cone cell;
    std::vector<Forms> sums;  // what the rows of this layer and later ones read of all these units and the inputs
    std::shared_ptr<const std::vector<Vector>> reading;  // the rows of this layer, once they are complete
    std::vector<std::size_t> open;                       // their sums take them for negative
  };

  // What a unit adds to a row that reads it, a multiple of its own form.
  struct Reads {
    std::size_t layer, row;
    mpz_class above, below, difference;  // where the form is >= 0, and <= 0
  };

  // The rows of a layer are computed as integers over one divisor for all cells: signs do not depend on it. Forms are
  // multiplied by `above` or `below` where they are read.
  void plan() {
    const std::size_t layers = network_.layers.size();
    std::vector<mpz_class> divisors, slopes_above, slopes_below;  // of forms; what they are multiplied by over that
    readers_.resize(network_.sources());
    std::size_t widest = 0;
    // Of every source: its layer, counted from 1, or 0 for inputs.
    std::vector<std::size_t> layer_of(network_.inputs, 0);
    divisors.push_back(plane_.divisor);
    slopes_above.push_back(1);
    slopes_below.push_back(1);
    for (std::size_t l = 0; l < layers; ++l) {
      const Units::Layer& layer = network_.layers[l];
      const Activation& f = layer.function;
      require(piecewise_linear(f.function), "unsupported", f.name + " is not piecewise linear and continuous");
      const bool output = l + 1 == layers;
      widest = std::max(widest, layer.rows.size());
      // A common multiple of the divisors of what is read.
      mpz_class common = 1;
      std::vector<bool> read(l + 1, false);
      budget_.spend(100 * Products(layer.rows.size()));
      for (const Units::Row& row : layer.rows) {
        budget_.spend(10 * Products(row.terms.size()));
        for (const auto& [source, weight] : row.terms) read[layer_of[source]] = true;
      }
      for (std::size_t k = 0; k <= l; ++k)
        if (read[k]) common = lcm(common, divisors[k]);
      if (mpz_sizeinbase(common.get_mpz_t(), 2) > kMaxBits) too_long();
      std::vector<Ray> sums(layer.rows.size());
      const auto add = [&](std::size_t h, const Units::Row& row, int factor) {
        sums[h][2] += factor * row.constant * common;
        for (const auto& [source, weight] : row.terms) {
          const std::size_t k = layer_of[source];
          const mpz_class by = factor * weight * (common / divisors[k]);
          budget_.spend(200 + 4 * Products::words(by) * Products::words(common));
          if (k == 0) {
            budget_.spend(Products::words(by) * words(plane_.inputs[source]));
            add_multiple(sums[h], by, plane_.inputs[source]);
          } else {
            readers_[source].push_back(
                {l, h, by * slopes_above[k], by * slopes_below[k], by * (slopes_above[k] - slopes_below[k])});
          }
        }
      };
      if (!output) {
        for (std::size_t h = 0; h < layer.rows.size(); ++h) add(h, layer.rows[h], 1);
      } else {
        // F_j - F_k.
        sums.resize(layer.rows.size() - 1);
        for (std::size_t k = 0, h = 0; k < layer.rows.size(); ++k) {
          if (k == j_) continue;
          add(h, layer.rows[j_], 1);
          add(h++, layer.rows[k], -1);
        }
      }
      start_.push_back(std::make_shared<std::vector<Ray>>(std::move(sums)));
      const mpz_class num = f.function == Function::relu ? mpz_class(0) : f.parameter.get_num(),
                      den = f.function == Function::relu ? mpz_class(1) : f.parameter.get_den();
      divisors.push_back(common * layer.divisor * den);
      slopes_above.push_back(den);
      slopes_below.push_back(num);
      if (mpz_sizeinbase(divisors.back().get_mpz_t(), 2) > kMaxBits) too_long();
      if (!output) layer_of.resize(layer_of.size() + layer.rows.size(), l + 1);
    }
    most_todo_ = kMostHeld / std::max<std::size_t>(widest, 100);
  }
  [[noreturn]] static void too_long() { throw Malformed("too-large", "forms of more than 65,536 bits"); }

  std::vector<int> signs(const Vector& form, const Cone& cone) const {
    budget_.spend(10 * Products(cone.size()));
    std::vector<int> v;
    for (const Vector& r : cone) v.push_back(sign(form, r, budget_));
    return v;
  }
  // The parts where a form is >= 0, and <= 0; without interior they are empty.
  std::pair<Cone, Cone> split(const Cone& cone, const Vector& form) const {
    const std::vector<int> v = signs(form, cone);
    const bool some_above = std::any_of(v.begin(), v.end(), [](int x) { return x > 0; }),
               some_below = std::any_of(v.begin(), v.end(), [](int x) { return x < 0; });
    budget_.spend(100 * Products(cone.size()));
    if (!some_below) return {some_above ? cone : Cone{}, Cone{}};
    if (!some_above) return {Cone{}, cone};
    std::pair<Cone, Cone> parts;
    for (std::size_t i = 0; i < cone.size(); ++i) {
      const std::size_t next = (i + 1) % cone.size();
      if (v[i] >= 0) parts.first.push_back(cone[i]);
      if (v[i] <= 0) parts.second.push_back(cone[i]);
      if (v[i] * v[next] >= 0) continue;
      const Ray &here = cone[i].exact, &there = cone[next].exact;
      const Products length = words(here) + words(there) + words(form.exact);
      budget_.spend(800 + 80 * length * length);
      const mpz_class a = abs(dot(form.exact, there)), b = abs(dot(form.exact, here));
      Ray meet;
      for (std::size_t k = 0; k < 3; ++k) meet[k] = a * here[k] + b * there[k];
      make_primitive(meet);
      parts.first.emplace_back(meet);
      parts.second.emplace_back(std::move(meet));
    }
    return parts;
  }

  // The unit's part of what later layers read.
  void contribute(Task& task, std::size_t h, const mpz_class Reads::*part) const {
    const Ray& form = (*task.reading)[h].exact;
    const Products length = words(form);
    for (const Reads& r : readers_[network_.layers[task.layer].first + h]) {
      const mpz_class& factor = r.*part;
      if (factor == 0) continue;
      Forms& forms = task.sums[r.layer];
      if (forms.use_count() > 1) {
        budget_.spend(100 * Products(forms->size()));
        forms = std::make_shared<std::vector<Ray>>(*forms);
      }
      budget_.spend(30 + Products::words(factor) * length);
      add_multiple((*forms)[r.row], factor, form);
    }
  }
  // 1 where the form is >= 0 on the cell, -1 where it is <= 0 and not 0, 0 where it has both signs.
  int side(const Vector& form, const Cone& cone) const {
    budget_.spend(10 * Products(cone.size()));
    bool above = false, below = false;
    for (const Vector& r : cone) {
      const int v = sign(form, r, budget_);
      above = above || v > 0;
      below = below || v < 0;
      if (above && below) return 0;
    }
    return below ? -1 : 1;
  }
  // All rows of the layer are complete: units with one sign on the cell add what they are, others are open.
  void enter(Task& task) const {
    std::vector<Vector> reading;
    budget_.spend(150 * Products(task.sums[task.layer]->size()));
    for (const Ray& form : *task.sums[task.layer]) {
      if (longest(form) > kMaxBits) too_long();
      reading.emplace_back(form);
    }
    task.sums[task.layer] = nullptr;
    task.reading = std::make_shared<const std::vector<Vector>>(std::move(reading));
    task.open.clear();
    for (std::size_t h = 0; h < task.reading->size(); ++h) {
      const int at = side((*task.reading)[h], task.cell);
      if (at == 0) task.open.push_back(h);
      contribute(task, h, at > 0 ? &Reads::above : &Reads::below);
    }
  }
  // Units that have one sign on the smaller cell are open no longer.
  void settle(Task& task) const {
    std::erase_if(task.open, [&](std::size_t h) {
      const int at = side((*task.reading)[h], task.cell);
      if (at > 0) contribute(task, h, &Reads::difference);
      return at != 0;
    });
  }
  void work(Task task) {
    for (; task.layer + 1 < network_.layers.size(); ++task.layer) {
      if (task.reading) {
        settle(task);
      } else {
        enter(task);
      }
      while (!task.open.empty()) {
        const std::size_t h = task.open.back();
        task.open.pop_back();
        auto [above, below] = split(task.cell, (*task.reading)[h]);
        if (todo_.size() > most_todo_) throw Malformed("too-large", "too many cells that are not cut yet");
        budget_.spend(100 + 10 * Products(task.open.size() + task.sums.size()));
        todo_.push_back({task.layer, std::move(below), task.sums, task.reading, task.open});
        task.cell = std::move(above);
        contribute(task, h, &Reads::difference);
        settle(task);
      }
      task.reading = nullptr;
    }
    finish(std::move(task.cell), *task.sums.back());
  }

  // The region on a cell.
  void finish(Cone cell, const std::vector<Ray>& margins) {
    if (++cells_ > kMostCells) throw Malformed("too-large", "more than a million cells");
    for (const Ray& margin : margins) {
      budget_.spend(100);
      if (longest(margin) > kMaxBits) too_long();
      cell = split(cell, Vector(margin)).first;
      if (cell.empty()) return;
    }
    kept_ += margins.size() + cell.size();
    if (kept_ > kMostKept) throw Malformed("too-large", "pieces of more than 5 million forms");
    budget_.spend(200 * Products(margins.size() + cell.size()));
    Piece piece{{}, margins};
    for (Vector& r : cell) piece.rays.push_back(std::move(r.exact));
    pieces_.push_back(std::move(piece));
  }

  // An edge of a piece, on the plane with this normal, in the quarter of the plane where its middle is; from `first` to
  // `last` in the sense of the normal.
  struct Edge {
    Ray normal;
    int quarter;
    Ray first, last;
    std::size_t piece;
  };

  std::size_t groups() {
    std::vector<Edge> edges;
    for (std::size_t s = 0; s < pieces_.size(); ++s) {
      const std::vector<Ray>& rays = pieces_[s].rays;
      for (std::size_t i = 0; i < rays.size(); ++i) {
        const Ray &here = rays[i], &there = rays[(i + 1) % rays.size()];
        const Ray middle = sum(here, there);
        if (middle[2] == 0) continue;                             // at infinity
        budget_.spend(4'000 + 200 * words(here) * words(there));  // sorting included
        Edge edge{cross(here, there), 3 * (sgn(middle[0]) + 1) + sgn(middle[1]) + 1, here, there, s};
        make_primitive(edge.normal);
        const auto first =
            std::find_if(edge.normal.begin(), edge.normal.end(), [](const mpz_class& v) { return v != 0; });
        if (*first < 0) {
          for (mpz_class& v : edge.normal) v = -v;
          std::swap(edge.first, edge.last);
        }
        edges.push_back(std::move(edge));
      }
    }
    // Along one line: rays of a quarter are in half a turn, so that this is an order.
    const auto before = [](const Edge& of, const Ray& a, const Ray& b) { return dot(of.normal, cross(a, b)) > 0; };
    std::sort(edges.begin(), edges.end(), [&](const Edge& a, const Edge& b) {
      if (a.normal != b.normal) return a.normal < b.normal;
      if (a.quarter != b.quarter) return a.quarter < b.quarter;
      return before(a, a.first, b.first);
    });
    std::vector<std::size_t> group(pieces_.size());
    std::iota(group.begin(), group.end(), std::size_t{0});
    const auto root = [&](std::size_t s) {
      while (group[s] != s) s = group[s] = group[group[s]];
      return s;
    };
    for (std::size_t a = 0; a < edges.size(); ++a) {
      const Edge& one = edges[a];
      for (std::size_t b = a + 1; b < edges.size(); ++b) {
        const Edge& other = edges[b];
        budget_.spend(200 + 20 * words(one.last) * words(other.first));
        if (other.normal != one.normal || other.quarter != one.quarter || !before(one, other.first, one.last)) break;
        // They share what lies between the later beginning, of the other one, and the earlier end.
        const Ray middle = sum(other.first, before(one, one.last, other.last) ? one.last : other.last);
        const auto& margins = pieces_[one.piece].margins;
        const bool inside = std::all_of(margins.begin(), margins.end(), [&](const Ray& m) {
          budget_.spend(50 + words(m) * words(middle));
          return dot(m, middle) > 0;
        });
        if (inside) group[root(one.piece)] = root(other.piece);
      }
    }
    std::size_t count = 0;
    for (std::size_t s = 0; s < group.size(); ++s) count += root(s) == s ? 1 : 0;
    return count;
  }

  const Units& network_;
  std::size_t j_;
  const Plane& plane_;
  Budget& budget_;
  std::vector<Forms> start_;                 // of the inputs, by layer
  std::vector<std::vector<Reads>> readers_;  // by source
  std::size_t most_todo_ = 0, cells_ = 0, kept_ = 0;
  std::vector<Task> todo_;
  std::vector<Piece> pieces_;
};

}  // namespace

Plane plane_of_inputs(std::size_t inputs) {
  Plane plane{{{1, 0, 0}, {0, 1, 0}}, 1, {}};
  plane.inputs.resize(inputs);
  return plane;
}

Plane plane_through(const Tensor& origin, const Tensor& u, const Tensor& v) {
  Plane plane;
  plane.divisor = lcm(lcm(origin.divisor, u.divisor), v.divisor);
  const mpz_class of_origin = plane.divisor / origin.divisor, of_u = plane.divisor / u.divisor,
                  of_v = plane.divisor / v.divisor;
  for (std::size_t i = 0; i < origin.rows[0].size(); ++i)
    plane.inputs.push_back({u.rows[0][i] * of_u, v.rows[0][i] * of_v, origin.rows[0][i] * of_origin});
  return plane;
}

RegionCount count_components(const Units& network, std::size_t j, const Plane& plane, Budget& budget) {
  return Cells(network, j, plane, budget).run();
}

}  // namespace widecheck
