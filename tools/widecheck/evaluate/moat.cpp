#include "evaluate/moat.h"

#include <algorithm>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

Products length_of(const std::vector<mpz_class>& v) { return Products::words(largest(v)); }

// r - a x of a row at a point, up to a positive factor. Pays for itself.
mpz_class slack(const std::vector<mpz_class>& row, const Values& x, Budget& budget) {
  budget.spend((30 + length_of(row) * (length_of(x.v) + Products::words(x.divisor))) * row.size());
  mpz_class v = row.back() * x.divisor;
  for (std::size_t i = 0; i < x.v.size(); ++i) v -= row[i] * x.v[i];
  return v;
}

// A list of rows of so many numbers, over one divisor.
Tensor read_rows(const Value& list, std::size_t length, Budget& budget) {
  return read_tensor_rows(list, {std::vector<std::size_t>(list.list().size(), length)}, budget);
}

struct Point {
  mpq_class x, y;
};
Point operator-(const Point& a, const Point& b) { return {a.x - b.x, a.y - b.y}; }
mpq_class dot(const Point& a, const Point& b) { return a.x * b.x + a.y * b.y; }
mpq_class turn(const Point& a, const Point& b) { return a.x * b.y - a.y * b.x; }

// Signed crossings of the segment from a to b, moved to its right by less than anything: what lies on its line counts
// as to the left of it.
class Crossings {
 public:
  Crossings(Point a, const Point& b) : a_(std::move(a)), along_(b - a_), length_(dot(along_, along_)) {}
  int of_edge(const Point& from, const Point& to) const { return crossing(from, to - from, left_of(to)); }
  // From its base to infinity.
  int of_ray(const Point& base, const Point& direction) const {
    const mpq_class rise = turn(along_, direction);
    return crossing(base, direction, rise == 0 ? left_of(base) : rise > 0);
  }

 private:
  bool left_of(const Point& p) const { return turn(along_, p - a_) >= 0; }
  int crossing(const Point& from, const Point& way, bool ends_left) const {
    const bool begins_left = left_of(from);
    if (begins_left == ends_left) return 0;
    const Point begin = from - a_;
    const mpq_class share = -turn(along_, begin) / turn(along_, way),
                    at = dot(along_, begin) + share * dot(along_, way);  // where it meets the line, times its length
    return at > 0 && at < length_ ? (ends_left ? 1 : -1) : 0;
  }

  Point a_, along_;
  mpq_class length_;
};

}  // namespace

std::size_t Polyhedron::pivot(std::size_t i) const {
  std::size_t q = 0;
  while (rows[i][q] == 0) ++q;
  return q;
}

Polyhedron read_polyhedron(const Value& moat, const Values& a, const Values& b, Budget& budget) {
  const std::size_t d = a.v.size();
  const Value list = moat.at("halfspaces");
  const Polyhedron p{read_rows(list, d + 1, budget).rows};
  bool inside[2] = {true, true}, outside[2] = {false, false};
  for (std::size_t i = 0; i < p.rows.size(); ++i) {
    const auto& row = p.rows[i];
    if (std::all_of(row.begin(), row.end() - 1, [](const mpz_class& v) { return v == 0; }))
      list.list()[i].bad("a normal other than 0, and a bound");
    for (std::size_t k = 0; k < 2; ++k) {
      const mpz_class left = slack(row, k == 0 ? a : b, budget);
      inside[k] = inside[k] && left > 0;
      outside[k] = outside[k] || left < 0;
    }
  }
  require((inside[0] && outside[1]) || (inside[1] && outside[0]), "same-side",
          "it is not so that one point is strictly inside of all half spaces, the other strictly outside of one");
  return p;
}

std::vector<Plane> facets(const Polyhedron& p, Budget& budget) {
  if (p.rows.size() > 1'000)
    throw Malformed("too-large", "more than 1,000 half spaces, whose facets are cut into cells");
  std::vector<Plane> planes;
  for (std::size_t i = 0; i < p.rows.size(); ++i) {
    const auto& row = p.rows[i];
    const std::size_t d = row.size() - 1, q = p.pivot(i);
    require(d <= 3, "dimension", "facets are cut into cells for three inputs at most");
    budget.spend((1'000 + length_of(row) * length_of(row)) * p.rows.size());
    Plane plane;
    plane.divisor = abs(row[q]);
    plane.inputs.resize(d);
    const int sign = sgn(row[q]);
    plane.inputs[q][2] = sign * row[d];
    std::size_t k = 0;  // s, t: the other coordinates
    for (std::size_t c = 0; c < d; ++c) {
      if (c == q) continue;
      plane.inputs[c][k] = plane.divisor;
      plane.inputs[q][k++] = -sign * row[c];
    }
    for (std::size_t other = 0; other < p.rows.size(); ++other) {
      if (other == i) continue;
      budget.spend(200 + 12 * length_of(p.rows[other]) * length_of(row));
      Ray limit{0, 0, p.rows[other][d] * plane.divisor};
      for (std::size_t c = 0; c < d; ++c)
        for (std::size_t n = 0; n < 3; ++n) limit[n] -= p.rows[other][c] * plane.inputs[c][n];
      plane.limits.push_back(std::move(limit));
    }
    planes.push_back(std::move(plane));
  }
  return planes;
}

std::vector<Plane> read_curve(const Value& moat, const Values& one, const Values& other, Budget& budget) {
  require(one.v.size() == 2, "dimension", "curves are moats in the plane");
  const Value curve = moat.at("curve");
  const Tensor vertices = read_rows(curve.at("vertices"), 2, budget);
  const bool open = curve.has("from") || curve.has("to");
  const std::size_t count = vertices.rows.size();
  if (count < (open ? 1 : 3)) curve.at("vertices").bad("a vertex between rays, or three of a closed curve");
  const auto point = [&](const std::vector<mpz_class>& v, const mpz_class& divisor) {
    Point p{mpq_class(v[0], divisor), mpq_class(v[1], divisor)};
    p.x.canonicalize();
    p.y.canonicalize();
    return p;
  };
  const Crossings crossings(point(one.v, one.divisor), point(other.v, other.divisor));
  Products words = length_of(one.v) + length_of(other.v) + Products::words(one.divisor * other.divisor) +
                   Products::words(vertices.divisor);
  for (const auto& v : vertices.rows) words = words + length_of(v);
  budget.spend((3'000 + 60 * words * words) * (count + 2));

  std::vector<Plane> planes;
  int sum = 0;
  // x = (base + s way) / divisor, 0 <= s, and s <= 1 on an edge.
  const auto piece = [&](const std::vector<mpz_class>& base, const std::vector<mpz_class>& way,
                         const mpz_class& divisor, bool edge) {
    Plane plane;
    plane.divisor = divisor;
    for (std::size_t k = 0; k < 2; ++k) plane.inputs.push_back({way[k], 0, base[k]});
    plane.limits.push_back({1, 0, 0});
    if (edge) plane.limits.push_back({-1, 0, 1});
    planes.push_back(std::move(plane));
  };
  for (std::size_t k = 0; k + (open ? 1 : 0) < count; ++k) {
    const auto &from = vertices.rows[k], &to = vertices.rows[(k + 1) % count];
    sum += crossings.of_edge(point(from, vertices.divisor), point(to, vertices.divisor));
    piece(from, {to[0] - from[0], to[1] - from[1]}, vertices.divisor, true);
  }
  if (open) {
    for (const char* end : {"from", "to"}) {
      const bool first = end == std::string("from");
      const Value direction = curve.at(end);
      const std::vector<mpz_class> way = read_integers(direction, 2), &base = vertices.rows[first ? 0 : count - 1];
      if (way[0] == 0 && way[1] == 0) direction.bad("a direction other than 0");
      sum += (first ? -1 : 1) * crossings.of_ray(point(base, vertices.divisor), point(way, 1));
      piece(base, {way[0] * vertices.divisor, way[1] * vertices.divisor}, vertices.divisor, false);
    }
  }
  require(sum != 0, "same-side", "the curve's crossings of the segment between the points add up to 0");
  return planes;
}

void require_inside(const Context& c, std::size_t output, const std::map<std::size_t, Parameters>& theta, std::size_t j,
                    const Values& x, unsigned bits) {
  const Forward forward(c.network, output, theta, x.divisor, largest(x.v), bits);
  c.budget.spend(forward.work());
  const Values f = forward(x.v);
  for (std::size_t k = 0; k < f.v.size(); ++k)
    require(k == j || f.v[j] - f.v[k] > 2 * f.radius, "margin",
            "at a point of the claim class " + number(k) + " is not below class " + number(j));
}

}  // namespace widecheck
