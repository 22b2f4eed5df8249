#include "evaluate/cells.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <numeric>

#include "kernel/int128.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

using Wide = Int128;

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
bool zero(const Ray& a) { return a[0] == 0 && a[1] == 0 && a[2] == 0; }
Products words(const Ray& a) { return Products::words(a[0]) + Products::words(a[1]) + Products::words(a[2]); }

// Numbers of 128 bits, where sums of them are below 2^124 in absolute value.
using Narrow = std::array<Wide, 3>;
constexpr std::size_t kNarrowBits = 124;

// What the first bits of a vector are: |v - bits 2^s| < 2^s for an s that signs do not depend on.
struct First {
  std::array<std::int64_t, 3> bits;
  bool all;  // s = 0: they are all

  explicit First(const Ray& v) {
    const std::size_t length = longest(v);
    all = length <= kShortBits;
    for (std::size_t k = 0; k < 3; ++k) bits[k] = (all ? v[k] : mpz_class(v[k] >> (length - kShortBits))).get_si();
  }
  explicit First(const Narrow& v) {
    unsigned __int128 size = 0;
    for (Wide x : v) size |= static_cast<unsigned __int128>(x < 0 ? -x : x);
    unsigned shift = 0;
    while ((size >> shift) >> kShortBits != 0) ++shift;
    all = shift == 0;
    for (std::size_t k = 0; k < 3; ++k) bits[k] = static_cast<std::int64_t>(v[k] >> shift);
  }
};

// A row's form, one of the sums of its layer, which owns it.
struct Form {
  First first;
  const Narrow* n;  // or v
  const Ray* v;
  explicit Form(const Narrow& form) : first(form), n(&form), v(nullptr) {}
  explicit Form(const Ray& form) : first(form), n(nullptr), v(&form) {}
  Ray exact() const { return n != nullptr ? Ray{to_big((*n)[0]), to_big((*n)[1]), to_big((*n)[2])} : *v; }
};
struct Vertex {
  Ray exact;
  First first;
  explicit Vertex(Ray r) : exact(std::move(r)), first(exact) {}
};
using Corner = std::shared_ptr<const Vertex>;  // of several cells

// The sign of the product, from the first bits where these tell it: with |bits| <= 2^61 the error of the product of
// two vectors is below 3 (2^61 + 2^61 + 1) < 2^64.
int sign(const Form& form, const Vertex& ray, Budget& budget) {
  Wide v = 0;
  for (std::size_t k = 0; k < 3; ++k) v += static_cast<Wide>(form.first.bits[k]) * ray.first.bits[k];
  constexpr Wide error = static_cast<Wide>(1) << 64;
  if ((form.first.all && ray.first.all) || v >= error || v <= -error) return v > 0 ? 1 : v < 0 ? -1 : 0;
  const Ray exact = form.exact();
  budget.spend(300 + 2 * words(exact) * words(ray.exact));
  return sgn(dot(exact, ray.exact));
}

using Cone = std::vector<Corner>;  // rays in cyclic order

// The forms of a layer.
struct Sums {
  std::vector<Narrow> n;
  std::vector<Ray> v;  // one of the two
  std::size_t size() const { return std::max(n.size(), v.size()); }
  Form form(std::size_t row) const { return v.empty() ? Form(n[row]) : Form(v[row]); }
};
Sums make_sums(std::vector<Ray> rows, bool fit) {
  if (!fit) return {{}, std::move(rows)};
  Sums sums;
  for (const Ray& r : rows) sums.n.push_back({to_128(r[0]), to_128(r[1]), to_128(r[2])});
  return sums;
}

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
        for (const Ray& r : {Ray{s, 0, 0}, Ray{0, t, 0}, Ray{0, 0, 1}})
          cell.push_back(std::make_shared<const Vertex>(r));
        for (const Ray& limit : plane_.limits)  // (0 >= 0 holds everywhere)
          if (!cell.empty() && !zero(limit)) cell = split(cell, Form(limit)).first;
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
  using Forms = std::shared_ptr<Sums>;  // copied where one that others hold is changed
  struct Reading {
    Forms sums;
    std::vector<Form> forms;  // of these
  };

  // A cell on which the units of all layers before this one have signs, and so have those of this one but the open
  // ones.
  struct Task {
    std::size_t layer;
    Cone cell;
    std::vector<Forms> sums;  // what the rows of this layer and later ones read of all these units and the inputs
    std::shared_ptr<const Reading> reading;  // the rows of this layer, once they are complete
    std::vector<std::size_t> open;           // their sums take them for negative
  };

  // What a unit's form is multiplied by: a number where the sums that it is for are narrow, else one that is kept.
  struct Weight {
    std::int64_t n = 0;
    const mpz_class* v = nullptr;
    bool zero() const { return n == 0 && v == nullptr; }
  };
  // What a unit adds to a row that reads it.
  struct Reads {
    std::uint32_t layer, row;
    Weight above, below, difference;  // where the form is >= 0, and <= 0
  };

  // The rows of a layer are computed as integers over one divisor for all cells: signs do not depend on it. Forms are
  // multiplied by `above` or `below` where they are read.
  void plan() {
    const std::size_t layers = network_.layers.size();
    std::vector<mpz_class> divisors, slopes_above, slopes_below;  // of forms; what they are multiplied by over that
    std::vector<mpz_class> most{0};                               // of forms: their entries are at most this
    readers_.resize(network_.sources());
    std::size_t rows = 0;  // of all layers, which every task that waits may hold
    mpz_class most_weight = 0;
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
      rows += layer.rows.size();
      budget_.spend(40 * Products(l + 1));
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
      struct Term {
        std::size_t source, row;
        mpz_class above, below;
      };
      std::vector<Term> read_terms;
      std::vector<mpz_class> bounds(layer.rows.size());  // of what units add to rows, over all signs
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
            Term term{source, h, by * slopes_above[k], by * slopes_below[k]};
            const mpz_class both = abs(term.above) + abs(term.below);
            bounds[h] += both * most[k];
            if (both > most_weight) most_weight = both;
            read_terms.push_back(std::move(term));
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
      // Narrow where no sum, of any of these signs, can reach the limit, nor a form below, nor a weight up to here.
      mpz_class largest_sum = *std::max_element(most.begin(), most.end());
      for (std::size_t h = 0; h < sums.size(); ++h) {
        mpz_class sum = bounds[h];
        for (const mpz_class& v : sums[h]) sum += abs(v);
        if (sum > largest_sum) largest_sum = sum;
      }
      const bool fit = mpz_sizeinbase(largest_sum.get_mpz_t(), 2) <= kNarrowBits &&
                       mpz_sizeinbase(most_weight.get_mpz_t(), 2) < kShortBits;
      most.push_back(largest_sum);
      const auto weight = [&](const mpz_class& w) {
        if (w == 0) return Weight{};
        return fit ? Weight{w.get_si(), nullptr} : Weight{0, &kept_weights_.emplace_back(w)};
      };
      for (const Term& t : read_terms)
        readers_[t.source].push_back({static_cast<std::uint32_t>(l), static_cast<std::uint32_t>(t.row), weight(t.above),
                                      weight(t.below), weight(t.above - t.below)});
      start_.push_back(std::make_shared<Sums>(make_sums(std::move(sums), fit)));
      const mpz_class num = f.function == Function::relu ? mpz_class(0) : f.parameter.get_num(),
                      den = f.function == Function::relu ? mpz_class(1) : f.parameter.get_den();
      divisors.push_back(common * layer.divisor * den);
      slopes_above.push_back(den);
      slopes_below.push_back(num);
      if (mpz_sizeinbase(divisors.back().get_mpz_t(), 2) > kMaxBits) too_long();
      if (!output) layer_of.resize(layer_of.size() + layer.rows.size(), l + 1);
    }
    most_todo_ = kMostHeld / std::max<std::size_t>(rows, 100);
  }
  [[noreturn]] static void too_long() { throw Malformed("too-large", "forms of more than 65,536 bits"); }

  // The parts where a form is >= 0, and <= 0; without interior they are empty.
  std::pair<Cone, Cone> split(const Cone& cone, const Form& form) const {
    std::vector<int> v;
    for (const Corner& r : cone) v.push_back(sign(form, *r, budget_));
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
      const Ray &here = cone[i]->exact, &there = cone[next]->exact, exact = form.exact();
      const Products length = words(here) + words(there) + words(exact);
      budget_.spend(1'000 + 80 * length * length);
      const mpz_class a = abs(dot(exact, there)), b = abs(dot(exact, here));
      Ray meet;
      for (std::size_t k = 0; k < 3; ++k) meet[k] = a * here[k] + b * there[k];
      make_primitive(meet);
      parts.first.push_back(std::make_shared<const Vertex>(std::move(meet)));
      parts.second.push_back(parts.first.back());
    }
    return parts;
  }

  // The unit's part of what later layers read.
  void contribute(Task& task, std::size_t h, const Weight Reads::*part) const {
    const Form& form = task.reading->forms[h];
    const std::vector<Reads>& readers = readers_[network_.layers[task.layer].first + h];
    budget_.spend(10 * Products(readers.size()));
    for (const Reads& r : readers) {
      const Weight& by = r.*part;
      if (by.zero()) continue;
      Forms& forms = task.sums[r.layer];
      if (forms.use_count() > 1) {
        budget_.spend((forms->v.empty() ? 10 : 100) * Products(forms->size()));
        forms = std::make_shared<Sums>(*forms);
      }
      if (forms->v.empty()) {  // and so is the form, which is smaller
        for (std::size_t k = 0; k < 3; ++k) forms->n[r.row][k] += by.n * (*form.n)[k];
        continue;
      }
      const Ray exact = form.exact();
      budget_.spend(60 + Products::words(*by.v) * words(exact));
      add_multiple(forms->v[r.row], *by.v, exact);
    }
  }
  // 1 where the form is >= 0 on the cell, -1 where it is <= 0 and not 0, 0 where it has both signs.
  int side(const Form& form, const Cone& cone) const {
    budget_.spend(10 * Products(cone.size()));
    bool above = false, below = false;
    for (const Corner& r : cone) {
      const int v = sign(form, *r, budget_);
      above = above || v > 0;
      below = below || v < 0;
      if (above && below) return 0;
    }
    return below ? -1 : 1;
  }
  // All rows of the layer are complete: units with one sign on the cell add what they are, others are open.
  void enter(Task& task) const {
    auto reading = std::make_shared<Reading>();
    reading->sums = std::move(task.sums[task.layer]);
    budget_.spend(100 * Products(reading->sums->size()));
    for (const Ray& form : reading->sums->v)
      if (longest(form) > kMaxBits) too_long();
    for (std::size_t h = 0; h < reading->sums->size(); ++h) reading->forms.push_back(reading->sums->form(h));
    task.reading = std::move(reading);
    task.open.clear();
    for (std::size_t h = 0; h < task.reading->forms.size(); ++h) {
      const int at = side(task.reading->forms[h], task.cell);
      if (at == 0) task.open.push_back(h);
      contribute(task, h, at > 0 ? &Reads::above : &Reads::below);
    }
  }
  // Units that have one sign on the smaller cell are open no longer.
  void settle(Task& task) const {
    std::erase_if(task.open, [&](std::size_t h) {
      const int at = side(task.reading->forms[h], task.cell);
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
        auto [above, below] = split(task.cell, task.reading->forms[h]);
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
  void finish(Cone cell, const Sums& margins) {
    if (++cells_ > kMostCells) throw Malformed("too-large", "more than a million cells");
    for (std::size_t k = 0; k < margins.size(); ++k) {
      budget_.spend(100);
      if (!margins.v.empty() && longest(margins.v[k]) > kMaxBits) too_long();
      cell = split(cell, margins.form(k)).first;
      if (cell.empty()) return;
    }
    kept_ += margins.size() + cell.size();
    if (kept_ > kMostKept) throw Malformed("too-large", "pieces of more than 5 million forms");
    budget_.spend(200 * Products(margins.size() + cell.size()));
    Piece piece;
    for (std::size_t k = 0; k < margins.size(); ++k) piece.margins.push_back(margins.form(k).exact());
    for (const Corner& r : cell) piece.rays.push_back(r->exact);
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
  std::deque<mpz_class> kept_weights_;
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
