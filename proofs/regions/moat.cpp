#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "proofs/output.h"
#include "proofs/regions/asked.h"
#include "proofs/regions/moat_evidence.h"
#include "proofs/regions/pieces.h"
#include "proofs/regions/regions.h"

namespace widecert {
namespace {

using Vector = std::vector<Rational>;

Rational product(const Vector& a, const Vector& b) {
  Rational sum = 0;
  for (std::size_t i = 0; i < b.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// Those of a box by its corners.
Halfspaces box_of(const Vector& low, const Vector& high) {
  Halfspaces box;
  for (std::size_t i = 0; i < low.size(); ++i) {
    for (int sign : {1, -1}) {
      Vector row(low.size() + 1);
      row[i] = sign;
      row.back() = sign > 0 ? high[i] : Rational(-low[i]);
      box.push_back(std::move(row));
    }
  }
  return box;
}

struct AskedMoat {
  AskedRegion region;
  std::vector<TensorSpec> points;
  std::optional<Halfspaces> halfspaces;
  std::optional<PlaneCurve> curve;
  std::string evidence;  // or what serves
};

class Finder {
 public:
  Finder(const Instance& instance, const AskedMoat& asked, const Options& options)
      : network_(instance.network), asked_(asked), mine_(asked.region.mine), options_(options) {}

  Outcome run() {
    if (const auto obstacle = asked_.region.obstacle(network_)) return *obstacle;
    for (std::size_t i : network_.ancestors(asked_.region.output)) {
      const auto* pool = std::get_if<PoolSpec>(&network_.node(i).spec);
      if (pool != nullptr && pool->kind == PoolSpec::Kind::max)
        return not_applicable("max-pooling", fmt::format("layer {} is a max pooling", network_.node(i).name));
      const auto* f = std::get_if<ActivationSpec>(&network_.node(i).spec);
      if (f == nullptr || f->function.kind == ActivationKind::relu) continue;
      if (!facts(f->function.kind).continuous || !injective(f->function))
        if (f->function.kind != ActivationKind::leaky_relu)
          return not_applicable("activation", fmt::format("{} is not continuous and monotone", describe(f->function)));
    }
    linear_ = !asked_.region.not_piecewise_linear(network_);
    for (std::size_t k = 0; k < 2; ++k) {
      ends_.push_back(asked_.region.row(network_, asked_.points[k], "points"));
      if (!inside(ends_.back()))
        return undecided("margin", fmt::format("point {} has another class, or a tie, or is too near to one", k + 1));
    }
    units_ = units_of(network_, asked_.region.point, asked_.region.output);
    if (asked_.curve) return from_curve(*asked_.curve, "the given curve");
    if (asked_.halfspaces) {
      if (!separates(*asked_.halfspaces))
        return undecided("moat", "the given moat does not have one point strictly inside, the other strictly outside");
      if (auto found = evidence(*asked_.halfspaces)) return *found;
      return undecided("moat", "the given moat has points of the region, or that is not decided");
    }
    return search();
  }

 private:
  bool inside(const Vector& x) const {
    const auto margins = [&]<class S>(const S&) {
      std::vector<S> at;
      for (const Rational& v : x) at.push_back(from_rational<S>(v));
      return node_value(network_, parameters_at<S>(network_, asked_.region.point, asked_.region.output), at,
                        asked_.region.output);
    };
    if (linear_) {
      const auto f = margins(Rational());
      for (std::size_t k = 0; k < f.size(); ++k)
        if (k != mine_ && f[k] >= f[mine_]) return false;
      return true;
    }
    const auto f = margins(Ball());
    for (std::size_t k = 0; k < f.size(); ++k)
      if (k != mine_ && Ball(f[mine_] - f[k]).lower_bound() < Rational(1, 1'000'000)) return false;
    return true;
  }
  bool separates(const Halfspaces& p) const {
    const auto in = [&](const Vector& x) {
      return std::all_of(p.begin(), p.end(), [&](const Vector& row) { return product(row, x) < row.back(); });
    };
    const auto out = [&](const Vector& x) {
      return std::any_of(p.begin(), p.end(), [&](const Vector& row) { return product(row, x) > row.back(); });
    };
    return (in(ends_[0]) && out(ends_[1])) || (in(ends_[1]) && out(ends_[0]));
  }
  Claim claim() const {
    Keys keys = asked_.region.keys(network_);
    keys.emplace_back("points", asked_.points);
    return Claim("disconnected", keys);
  }

  // With what convinces the checker, if something does.
  std::optional<Outcome> evidence(const Halfspaces& p) const {
    const std::size_t d = units_.inputs;
    const std::string& want = asked_.evidence;
    const auto outcome = [&](const char* rule, Keys keys, const char* by) {
      std::vector<Value> rows;
      for (const Vector& row : p) rows.emplace_back(row);
      keys.emplace_back("moat", Value::object({{"halfspaces", rows}}));
      return proved(fmt::format("{} has no point of the region, by {}", shown(p), by), {{claim(), Proof(rule, keys)}});
    };
    if (linear_ && d <= 3 && (want.empty() || want == "cells")) {
      if (empty_by_cells(units_, mine_, p)) return outcome("moat-cells", {}, "the cells of its facets");
      return std::nullopt;
    }
    if (linear_ && (want.empty() || want == "branches")) {
      if (auto trees = trees_of_branches(units_, mine_, p, options_))
        return outcome("moat-branches", {{"trees", *trees}}, "trees of units");
    }
    if (want.empty() || want == "ranges") {
      if (auto trees = trees_of_ranges(units_, mine_, p))
        return outcome("moat-ranges", {{"precision", 64}, {"trees", *trees}}, "intervals");
    }
    return std::nullopt;
  }
  static std::string shown(const Halfspaces& p) {
    if (p.size() > 1) return fmt::format("the boundary of a polyhedron of {} facets", p.size());
    std::string text;
    for (std::size_t i = 0; i + 1 < p[0].size() && p[0].size() <= 6; ++i)
      if (p[0][i] != 0)
        text += fmt::format("{}{}x_{}", text.empty() ? "" : " + ",
                            p[0][i] == 1 ? std::string() : "(" + to_string(p[0][i]) + ") ", i + 1);
    return "the hyperplane" + (text.empty() ? "" : " " + text + " = " + to_string(p[0].back()));
  }
  Outcome from_curve(const PlaneCurve& curve, const std::string& what) const {
    if (units_.inputs != 2 || !linear_)
      return not_applicable("dimension", "a curve is a moat of piecewise linear networks of two inputs");
    if (crossings(curve, {ends_[0][0], ends_[0][1]}, {ends_[1][0], ends_[1][1]}) == 0)
      return undecided("moat", what + " does not separate the points");
    std::vector<Value> vertices;
    for (const auto& v : curve.vertices) vertices.emplace_back(std::vector<Rational>{v[0], v[1]});
    std::vector<std::pair<const char*, Value>> keys{{"vertices", vertices}};
    if (curve.from) {
      keys.emplace_back("from", std::vector<Integer>{(*curve.from)[0], (*curve.from)[1]});
      keys.emplace_back("to", std::vector<Integer>{(*curve.to)[0], (*curve.to)[1]});
    }
    return proved(fmt::format("{} of {} vertices{} has no point of the region", what, curve.vertices.size(),
                              curve.from ? " and two rays" : ""),
                  {{claim(), Proof("moat-cells", {{"moat", Value::object({{"curve", Value::object(keys)}})}})}});
  }

  Outcome search() {
    std::vector<Halfspaces> candidates = hyperplanes();
    const auto boxes = this->boxes();
    candidates.insert(candidates.end(), boxes.begin(), boxes.end());
    const auto theta = parameters_at<double>(network_, asked_.region.point, asked_.region.output);
    std::size_t tried = 0;
    for (const Halfspaces& p : candidates) {
      poll();
      options_.progress("moats", tried++, candidates.size());
      if (!separates(p) || seen_inside(p, theta)) continue;
      if (auto found = evidence(p)) return *found;
    }
    if (units_.inputs <= 2 && linear_) {
      try {
        return around_component();
      } catch (const Outcome& why) {
        return why;
      }
    }
    return undecided("no-moat", fmt::format("none of {} hyperplanes and boxes is known to be a moat (the points may "
                                            "lie in one component)",
                                            candidates.size()));
  }

  // Normals: what the first units read, their sums and differences, axes, the way between the points. Levels: where
  // those units have their kinks, 0, the middle.
  std::vector<Halfspaces> hyperplanes() const {
    const std::size_t d = units_.inputs;
    std::vector<Vector> normals;
    std::vector<Rational> kinks;
    const auto add = [&](const Vector& n) {
      if (std::any_of(n.begin(), n.end(), [](const Rational& v) { return v != 0; }) && normals.size() < 500)
        normals.push_back(n);
    };
    std::vector<Vector> reads;
    for (const Units::Row& row : units_.layers.front().rows) {
      Vector n(d);
      for (const auto& [source, weight] : row.terms)
        if (source < d) n[source] = weight;
      reads.push_back(n);
      kinks.push_back(-row.constant);
    }
    const auto pairs = [&](const std::vector<Vector>& all) {
      for (std::size_t a = 0; a < all.size(); ++a)
        for (std::size_t b = 0; b < a; ++b)
          for (int sign : {-1, 1}) {
            Vector n = all[a];
            for (std::size_t i = 0; i < d; ++i) n[i] += sign * all[b][i];
            add(n);
          }
    };
    for (const Vector& n : reads) add(n);
    Vector way = ends_[1];
    for (std::size_t i = 0; i < d; ++i) way[i] -= ends_[0][i];
    add(way);
    std::vector<Vector> axes;
    for (std::size_t i = 0; i < d && d <= 32; ++i) {
      axes.emplace_back(d);
      axes.back()[i] = 1;
      add(axes.back());
    }
    if (reads.size() <= 16) pairs(reads);
    if (d <= 8) pairs(axes);
    std::vector<Halfspaces> all;
    for (const Vector& n : normals) {
      Vector row = n;
      Rational from = product(n, ends_[0]), to = product(n, ends_[1]);
      if (from == to) continue;
      if (from > to) {
        for (Rational& v : row) v = -v;
        from = -from;
        to = -to;
      }
      std::vector<Rational> levels{0};
      for (const Rational& k : kinks) {
        levels.push_back(k);
        levels.push_back(-k);
      }
      levels.push_back((from + to) / 2);
      std::vector<Rational> used;
      for (const Rational& level : levels) {
        if (level <= from || level >= to || std::find(used.begin(), used.end(), level) != used.end()) continue;
        used.push_back(level);
        all.push_back({row});
        all.back()[0].push_back(level);
      }
    }
    return all;
  }
  std::vector<Halfspaces> boxes() const {
    const std::size_t d = units_.inputs;
    std::vector<Halfspaces> all;
    if (d > 8) return all;
    std::vector<Rational> radii;
    for (int k = 6; k >= -6; --k) radii.push_back(power_of_two(k));
    for (const Units::Row& row : units_.layers.front().rows)
      if (row.constant != 0) radii.emplace_back(abs(row.constant));
    for (const Vector& centre : ends_) {
      for (const Rational& r : radii) {
        Vector low = centre, high = centre;
        for (Rational& v : low) v -= r;
        for (Rational& v : high) v += r;
        all.push_back(box_of(low, high));
      }
    }
    return all;
  }
  // Whether some random point of the boundary has the class, as far as doubles tell.
  bool seen_inside(const Halfspaces& p, const Parameters<double>& theta) {
    const std::size_t d = units_.inputs;
    std::vector<double> a, b;
    double distance = 0;
    for (std::size_t i = 0; i < d; ++i) {
      a.push_back(ends_[0][i].convert_to<double>());
      b.push_back(ends_[1][i].convert_to<double>());
      distance += (a[i] - b[i]) * (a[i] - b[i]);
    }
    std::normal_distribution<double> normal;
    for (int round = 0; round < 200; ++round) {
      const auto& row = p[static_cast<std::size_t>(round) % p.size()];
      std::vector<double> n;
      for (std::size_t i = 0; i < d; ++i) n.push_back(row[i].convert_to<double>());
      const double scale = std::sqrt(distance) * std::exp2(round % 7 - 3);
      std::vector<double> x;
      double at = 0, length = 0;
      for (std::size_t i = 0; i < d; ++i) {
        x.push_back((a[i] + b[i]) / 2 + scale * normal(random_));
        at += n[i] * x[i];
        length += n[i] * n[i];
      }
      const double back = (at - row.back().convert_to<double>()) / length;
      for (std::size_t i = 0; i < d; ++i) x[i] -= back * n[i];
      const bool on_facet = std::all_of(p.begin(), p.end(), [&](const Vector& other) {
        double v = -other.back().convert_to<double>();
        for (std::size_t i = 0; i < d; ++i) v += other[i].convert_to<double>() * x[i];
        return v <= 1e-9;
      });
      if (!on_facet) continue;
      const auto f = node_value(network_, theta, x, asked_.region.output);
      bool mine = true;
      for (std::size_t k = 0; k < f.size(); ++k) mine = mine && (k == mine_ || f[mine_] - f[k] > 1e-9);
      if (mine) return true;
    }
    return false;
  }

  // The boundary of a component of one of the points, a curve of which is around it or beside it.
  Outcome around_component() const {
    const Region region = region_on(units_, plane_of_inputs(units_.inputs), mine_);
    std::size_t count = 0;
    const auto component = region.components(count);
    std::array<std::array<Rational, 2>, 2> ends;
    std::array<std::size_t, 2> mine{};
    for (std::size_t k = 0; k < 2; ++k) {
      std::copy(ends_[k].begin(), ends_[k].end(), ends[k].begin());
      mine[k] = component[region.piece_at(integral({ends[k][0], ends[k][1], 1}))];
    }
    if (mine[0] == mine[1])
      return not_applicable("same-component",
                            fmt::format("both points lie in one component of the {} of this region", count));
    std::optional<PlaneCurve> best;
    for (std::size_t which : mine) {
      std::vector<const Polygon*> pieces;
      for (std::size_t s = 0; s < component.size(); ++s)
        if (component[s] == which) pieces.push_back(&region.pieces()[s].corners);
      for (PlaneCurve& curve : boundary(pieces))
        if ((!best || curve.vertices.size() < best->vertices.size()) && crossings(curve, ends[0], ends[1]) != 0)
          best = std::move(curve);
    }
    if (!best) throw std::logic_error("a component without a curve between it and another point");
    if (units_.inputs == 2) return from_curve(*best, "a curve along the boundary of a component");
    // On a line the curve goes through a point between.
    for (const auto& v : best->vertices) {
      const Halfspaces p{{ends_[0][0] < v[0] ? 1 : -1, ends_[0][0] < v[0] ? v[0] : Rational(-v[0])}};
      if (!separates(p)) continue;
      if (auto found = evidence(p)) return *found;
    }
    throw std::logic_error("a component of a line without an end");
  }

  const Architecture& network_;
  const AskedMoat& asked_;
  std::size_t mine_;
  const Options& options_;
  Units units_;
  bool linear_ = true;
  std::vector<Vector> ends_;
  std::mt19937_64 random_{options_.seed};
};

Vector read_row(const JsonReader& json, std::size_t length) {
  const auto list = json.list();
  if (list.size() != length) json.fail(fmt::format("{} numbers", length));
  Vector row;
  for (const JsonReader& v : list) row.push_back(v.rational());
  return row;
}

// {"hyperplane": [a, c]}, {"box": [low, high]}, {"halfspaces": rows}, {"curve": {"vertices", "from", "to"}}.
void read_moat(JsonReader json, std::size_t inputs, AskedMoat& asked) {
  const auto normal = [&](const JsonReader& at, const Vector& row) {
    if (std::all_of(row.begin(), row.end() - 1, [](const Rational& v) { return v == 0; }))
      at.fail("a normal other than 0");
    return row;
  };
  if (const auto plane = json.find("hyperplane")) {
    asked.halfspaces = Halfspaces{normal(*plane, read_row(*plane, inputs + 1))};
  } else if (const auto box = json.find("box")) {
    const auto ends = box->list();
    if (ends.size() != 2) box->fail("two rows, the least and the largest coordinates");
    asked.halfspaces = box_of(read_row(ends[0], inputs), read_row(ends[1], inputs));
  } else if (const auto rows = json.find("halfspaces")) {
    asked.halfspaces.emplace();
    for (const JsonReader& row : rows->list()) asked.halfspaces->push_back(normal(row, read_row(row, inputs + 1)));
  } else {
    JsonReader curve = json.get("curve");
    asked.curve.emplace();
    for (const JsonReader& v : curve.get("vertices").list()) {
      const Vector row = read_row(v, 2);
      asked.curve->vertices.push_back({row[0], row[1]});
    }
    const auto direction = [&](const char* key) -> std::optional<std::array<Integer, 2>> {
      const auto given = curve.find(key);
      if (!given) return std::nullopt;
      const auto list = given->list();
      if (list.size() != 2) given->fail("two integers");
      return std::array<Integer, 2>{list[0].big_integer(), list[1].big_integer()};
    };
    asked.curve->from = direction("from");
    asked.curve->to = direction("to");
    if (asked.curve->from.has_value() != asked.curve->to.has_value() || asked.curve->vertices.empty())
      curve.fail("vertices, and \"from\" and \"to\" both or none");
    curve.done();
  }
  json.done();
}

}  // namespace

Theorem theorems::disconnected() {
  return {
      .id = "disconnected",
      .title = "Two points in different components of a decision region",
      .source = "Q. Nguyen's thesis (2019), examples 5.3.1 to 5.3.3, as certificates",
      .statement =
          "A closed set without points of the region, a moat, has the two points on different sides: a hyperplane, the "
          "boundary of a box or of a polyhedron, a polygon or a chain of segments between two rays. That it has no "
          "point "
          "of the region is shown by cells (up to three inputs), by trees of units with vectors of Farkas (any "
          "number), or "
          "by intervals (smooth functions, too). Without a \"moat\" in the entry, hyperplanes and boxes are tried, and "
          "in "
          "the plane the boundaries of components.",
      .hypotheses = {"relu, leaky-relu, identity, or strictly monotone functions; no max pooling"},
      .claims = {"disconnected"},
      .rules = {"moat-branches", "moat-cells", "moat-ranges"},
      .reasons = {"width", "max-pooling", "activation", "dimension", "margin", "moat", "no-moat", "same-component",
                  "too-large"},
      .keys =
          {kOutputKey,
           kRegionParametersKey,
           kClassKey,
           {"points", "two inputs of that class: a list of tensors with one row each"},
           {"moat",
            "{\"hyperplane\": [a, c]} for a x = c, {\"box\": [low, high]}, {\"halfspaces\": rows [a, r] for a x <= r}, "
            "or "
            "{\"curve\": {\"vertices\", \"from\", \"to\"}} in the plane, closed without the directions of its rays; "
            "searched for if absent"},
           {"evidence", "\"cells\", \"branches\" or \"ranges\"; what serves if absent"}},
      .needs_data = false,
      .read = [](const Entry& entry) -> Prover {
        AskedMoat asked{read_asked_region(entry), {}, {}, {}, {}};
        const JsonReader points = entry.json.get("points");
        for (const JsonReader& point : points.list()) asked.points.push_back(read_tensor(point));
        if (asked.points.size() != 2) points.fail("two points");
        if (const auto moat = entry.json.find("moat")) read_moat(*moat, entry.network.input_width(), asked);
        if (const auto evidence = entry.json.find("evidence")) {
          asked.evidence = evidence->text();
          if (asked.evidence != "cells" && asked.evidence != "branches" && asked.evidence != "ranges")
            evidence->fail("\"cells\", \"branches\" or \"ranges\"");
        }
        return [asked](const Instance& instance, const Options& options) {
          return Finder(instance, asked, options).run();
        };
      }};
}

}  // namespace widecert
