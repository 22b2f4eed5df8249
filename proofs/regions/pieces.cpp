#include "proofs/regions/pieces.h"

#include <widecert/linalg/disjoint_sets.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <tuple>

namespace widecert {
namespace {

// An edge on a line through the plane, whose normal has a positive first entry, from one ray to the next in the sense
// of the normal. Edges of one line in one quadrant are in order by their rays.
struct Edge {
  Ray normal;
  std::array<int, 2> quadrant;
  Ray from, to;
  bool turned;  // against the order of the polygon's corners
  std::size_t piece;
  auto line() const { return std::tie(normal, quadrant); }
};
bool before(const Ray& normal, const Ray& a, const Ray& b) { return dot(normal, cross(a, b)) > 0; }

// Without those at infinity, by lines, each from beginning to end.
std::vector<Edge> edges_of(const std::vector<const Polygon*>& polygons) {
  std::vector<Edge> edges;
  for (std::size_t s = 0; s < polygons.size(); ++s) {
    const Polygon& p = *polygons[s];
    for (std::size_t i = 0; i < p.size(); ++i) {
      const Ray &a = p[i], &b = p[(i + 1) % p.size()];
      if (a[2] == 0 && b[2] == 0) continue;
      Edge edge{primitive(cross(a, b)), {Integer(a[0] + b[0]).sign(), Integer(a[1] + b[1]).sign()}, a, b, false, s};
      if (edge.normal < Ray{0, 0, 0}) {
        for (Integer& v : edge.normal) v = -v;
        std::swap(edge.from, edge.to);
        edge.turned = true;
      }
      edges.push_back(std::move(edge));
    }
  }
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    if (a.line() != b.line()) return a.line() < b.line();
    return before(a.normal, a.from, b.from);
  });
  return edges;
}

using Point = std::array<Rational, 2>;
Point point_of(const Ray& r) { return {Rational(r[0], r[2]), Rational(r[1], r[2])}; }
Rational turn(const Point& a, const Point& b) { return a[0] * b[1] - a[1] * b[0]; }
Point minus(const Point& a, const Point& b) { return {a[0] - b[0], a[1] - b[1]}; }

// Vertices between collinear neighbours go out.
PlaneCurve straightened(std::vector<Ray> way) {
  PlaneCurve curve;
  const bool open = way.front()[2] == 0;
  std::vector<Ray> kept;
  const std::size_t n = way.size();
  for (std::size_t i = 0; i < n; ++i) {
    const bool end = open && (i == 0 || i + 1 == n);
    const Ray &last = kept.empty() ? way[(i + n - 1) % n] : kept.back(), &next = way[(i + 1) % n];
    if (end || dot(way[i], cross(last, next)) != 0 || (open && kept.size() == 1 && i + 2 == n)) kept.push_back(way[i]);
  }
  if (open) {
    curve.from = {kept.front()[0], kept.front()[1]};
    curve.to = {kept.back()[0], kept.back()[1]};
    kept.pop_back();
    kept.erase(kept.begin());
  }
  for (const Ray& r : kept) curve.vertices.push_back(point_of(r));
  return curve;
}

}  // namespace

void Region::add(const Polygon& cell, const std::vector<Ray>& outputs) {
  Piece piece{cell, {}};
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    if (k == mine_) continue;
    piece.margins.push_back(difference(outputs[mine_], outputs[k]));
    piece.corners = clip(piece.corners, piece.margins.back());
    if (piece.corners.empty()) return;
  }
  pieces_.push_back(std::move(piece));
}

Region region_on(const Units& network, const CellPlane& plane, std::size_t mine) {
  Region region(mine);
  for_each_cell(network, plane,
                [&](const Polygon& cell, const std::vector<Ray>& outputs) { region.add(cell, outputs); });
  return region;
}

std::vector<std::size_t> Region::components(std::size_t& count) const {
  std::vector<const Polygon*> polygons;
  for (const Piece& piece : pieces_) polygons.push_back(&piece.corners);
  const std::vector<Edge> edges = edges_of(polygons);
  DisjointSets sets(pieces_.size());
  for (std::size_t a = 0; a < edges.size(); ++a) {
    poll();
    for (std::size_t b = a + 1; b < edges.size() && edges[b].line() == edges[a].line(); ++b) {
      const Ray& normal = edges[a].normal;
      if (!before(normal, edges[b].from, edges[a].to)) break;
      // They share what lies between the later beginning and the earlier end.
      const Ray &from = edges[b].from, &to = before(normal, edges[a].to, edges[b].to) ? edges[a].to : edges[b].to;
      const Ray middle{from[0] + to[0], from[1] + to[1], from[2] + to[2]};
      const auto& margins = pieces_[edges[a].piece].margins;
      if (std::all_of(margins.begin(), margins.end(), [&](const Ray& m) { return dot(m, middle) > 0; }))
        sets.join(edges[a].piece, edges[b].piece);
    }
  }
  std::vector<std::size_t> component;
  count = 0;
  for (std::size_t s = 0; s < pieces_.size(); ++s)
    component.push_back(sets.least(s) == s ? count++ : component[sets.least(s)]);
  return component;
}

std::size_t Region::piece_at(const Ray& point) const {
  for (std::size_t s = 0; s < pieces_.size(); ++s) {
    const Polygon& p = pieces_[s].corners;
    bool left = true, right = true;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const Integer v = dot(point, cross(p[i], p[(i + 1) % p.size()]));
      left = left && v >= 0;
      right = right && v <= 0;
    }
    if (left || right) return s;
  }
  throw std::logic_error("no piece of the region contains a point of it");
}

std::vector<PlaneCurve> boundary(const std::vector<const Polygon*>& pieces) {
  // Counter-clockwise, seen from above.
  std::vector<Polygon> oriented;
  for (const Polygon* p : pieces) {
    oriented.push_back(*p);
    Polygon& corners = oriented.back();
    if (dot(corners[0], cross(corners[1], corners[2])) < 0) std::reverse(corners.begin(), corners.end());
  }
  std::vector<const Polygon*> polygons;
  for (const Polygon& p : oriented) polygons.push_back(&p);
  const std::vector<Edge> edges = edges_of(polygons);
  std::multimap<Ray, Ray> way;  // from a vertex to the next
  for (std::size_t first = 0, last; first < edges.size(); first = last) {
    const Ray& normal = edges[first].normal;
    const auto less = [&](const Ray& a, const Ray& b) { return before(normal, a, b); };
    std::map<Ray, int, decltype(less)> change(less);  // how many more edges run from here on, less those turned
    for (last = first; last < edges.size() && edges[last].line() == edges[first].line(); ++last) {
      const int by = edges[last].turned ? -1 : 1;
      change[edges[last].from] += by;
      change[edges[last].to] -= by;
    }
    int running = 0;
    for (auto here = change.begin(); here != change.end(); ++here) {
      running += here->second;
      const auto next = std::next(here);
      if (running > 0) way.emplace(here->first, next->first);
      if (running < 0) way.emplace(next->first, here->first);
    }
  }
  std::vector<PlaneCurve> curves;
  const auto follow = [&](std::multimap<Ray, Ray>::iterator start) {
    std::vector<Ray> corners{start->first};
    Ray at = start->second;
    way.erase(start);
    while (at != corners.front() && at[2] != 0) {
      corners.push_back(at);
      const auto next = way.find(at);
      at = next->second;
      way.erase(next);
    }
    if (at[2] == 0) corners.push_back(at);
    curves.push_back(straightened(std::move(corners)));
  };
  // Those that come from infinity first.
  for (auto it = way.begin(); it != way.end();) {
    if (it->first[2] == 0) {
      follow(it);
      it = way.begin();
    } else {
      ++it;
    }
  }
  while (!way.empty()) follow(way.begin());
  return curves;
}

int crossings(const PlaneCurve& curve, const Point& a, const Point& b) {
  const Point along = minus(b, a);
  const auto dot_with = [&](const Point& p) { return along[0] * p[0] + along[1] * p[1]; };
  const auto left = [&](const Point& p) { return turn(along, minus(p, a)) >= 0; };
  const auto crossing = [&](const Point& from, const Point& way, bool ends_left) {
    if (left(from) == ends_left) return 0;
    const Point begin = minus(from, a);
    const Rational at = dot_with(begin) - turn(along, begin) / turn(along, way) * dot_with(way);
    return at > 0 && at < dot_with(along) ? (ends_left ? 1 : -1) : 0;
  };
  int sum = 0;
  const std::size_t n = curve.vertices.size();
  for (std::size_t i = 0; i + (curve.from ? 1 : 0) < n; ++i) {
    const Point &from = curve.vertices[i], &to = curve.vertices[(i + 1) % n];
    sum += crossing(from, minus(to, from), left(to));
  }
  const auto ray = [&](const Point& base, const std::array<Integer, 2>& direction) {
    const Point way{Rational(direction[0]), Rational(direction[1])};
    const Rational rise = turn(along, way);
    return crossing(base, way, rise == 0 ? left(base) : rise > 0);
  };
  if (curve.from) sum += ray(curve.vertices.back(), *curve.to) - ray(curve.vertices.front(), *curve.from);
  return sum;
}

}  // namespace widecert
