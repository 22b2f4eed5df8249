// Components of regions against a brute-force test of all meets of pieces, and against fine grids, which are wrong now
// and then; integers of 128 bits and longer ones; slices.
#include <widecert/linalg/disjoint_sets.h>
#include <widecert/number/error.h>

#include "../catch.h"
#include "../random.h"
#include "proofs/regions/pieces.h"

using namespace widecert;
using widecert::test::Random;

namespace {

// Random layers as units; biases up to `size`, weights multiplied by `scale` where numbers shall be long.
Units random_units(Random& random, const std::vector<std::size_t>& widths, const Activation& f, long size,
                   const Rational& scale = 1) {
  Units units;
  units.inputs = widths.front();
  std::size_t first = 0, next = units.inputs;
  for (std::size_t l = 1; l < widths.size(); ++l) {
    Units::Layer layer{l + 1 == widths.size() ? Activation{} : f, next, {}};
    for (std::size_t h = 0; h < widths[l]; ++h) {
      Units::Row row;
      for (std::size_t i = 0; i < widths[l - 1]; ++i)
        if (const long w = random.integer(-size, size); w != 0) row.terms.emplace_back(first + i, w * scale);
      row.constant = random.integer(-size, size);
      layer.rows.push_back(std::move(row));
    }
    first = l == 1 ? units.inputs : first + widths[l - 1];
    next += widths[l];
    units.layers.push_back(std::move(layer));
  }
  return units;
}
// The same in doubles, which are exact here for points and weights of few bits.
class NearUnits {
 public:
  explicit NearUnits(const Units& units) {
    for (const Units::Layer& layer : units.layers) {
      layers_.push_back(
          {layer.function.kind == ActivationKind::relu ? 0 : layer.function.parameter.convert_to<double>(), {}});
      for (const Units::Row& row : layer.rows) {
        layers_.back().rows.push_back({{}, row.constant.convert_to<double>()});
        for (const auto& [source, weight] : row.terms)
          layers_.back().rows.back().terms.emplace_back(source, weight.convert_to<double>());
      }
    }
  }
  std::vector<double> operator()(std::vector<double> x) const {
    for (const Layer& layer : layers_) {
      std::vector<double> sums;
      for (const Row& row : layer.rows) {
        double sum = row.constant;
        for (const auto& [source, weight] : row.terms) sum += weight * x[source];
        sums.push_back(&layer != &layers_.back() && sum < 0 ? layer.slope * sum : sum);
      }
      if (&layer == &layers_.back()) return sums;
      x.insert(x.end(), sums.begin(), sums.end());
    }
    return {};
  }

 private:
  struct Row {
    std::vector<std::pair<std::size_t, double>> terms;
    double constant;
  };
  struct Layer {
    double slope;
    std::vector<Row> rows;
  };
  std::vector<Layer> layers_;
};

struct Counted {
  std::size_t components = 0, by_meets = 0, cells = 0;
};
bool contains(const Polygon& p, const Ray& r) {
  bool left = true, right = true;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const Integer v = dot(r, cross(p[i], p[(i + 1) % p.size()]));
    left = left && v >= 0;
    right = right && v <= 0;
  }
  return left || right;
}
// Whether two closed pieces have a point in common where the class is strictly the largest: the sum of all candidates
// for corners of what they have in common is such a point, if there is one.
bool meet(const Region::Piece& a, const Region::Piece& b) {
  std::vector<Ray> common;
  for (const Ray& r : a.corners)
    if (contains(b.corners, r)) common.push_back(r);
  for (const Ray& r : b.corners)
    if (contains(a.corners, r)) common.push_back(r);
  for (std::size_t i = 0; i < a.corners.size(); ++i) {
    for (std::size_t k = 0; k < b.corners.size(); ++k) {
      Ray r = primitive(cross(cross(a.corners[i], a.corners[(i + 1) % a.corners.size()]),
                              cross(b.corners[k], b.corners[(k + 1) % b.corners.size()])));
      for (int sign = 0; sign < 2; ++sign) {
        if (r[2] >= 0 && r != Ray{0, 0, 0} && contains(a.corners, r) && contains(b.corners, r)) common.push_back(r);
        for (Integer& v : r) v = -v;
      }
    }
  }
  Ray sum{0, 0, 0};
  for (const Ray& r : common)
    for (std::size_t k = 0; k < 3; ++k) sum[k] += r[k];
  if (sum[2] <= 0) return false;
  for (const Ray& margin : a.margins)
    if (dot(margin, sum) <= 0) return false;
  return true;
}
Counted count(const Units& units, const CellPlane& plane, std::size_t mine) {
  Region region(mine);
  Counted counted;
  counted.cells = for_each_cell(
      units, plane, [&](const Polygon& cell, const std::vector<Ray>& outputs) { region.add(cell, outputs); });
  region.components(counted.components);
  const auto& pieces = region.pieces();
  DisjointSets sets(pieces.size());
  for (std::size_t a = 0; a < pieces.size(); ++a)
    for (std::size_t b = 0; b < a; ++b)
      if (sets.least(a) != sets.least(b) && meet(pieces[a], pieces[b])) sets.join(a, b);
  for (std::size_t a = 0; a < pieces.size(); ++a) counted.by_meets += sets.least(a) == a ? 1 : 0;
  return counted;
}
CellPlane square(long size) {
  CellPlane plane = plane_of_inputs(2);
  for (std::size_t k = 0; k < 2; ++k)
    for (int sign : {1, -1}) {
      std::array<Rational, 3> side{0, 0, size};
      side[k] = sign;
      plane.limits.push_back(side);
    }
  return plane;
}
// Neighbours on a grid of n x n points of the square, joined.
std::size_t count_on_grid(const Units& units, long size, std::size_t n, std::size_t mine) {
  const NearUnits near(units);
  std::vector<bool> in;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t k = 0; k < n; ++k) {
      const auto at = [&](std::size_t p) {
        return static_cast<double>(size) * (2 * (static_cast<double>(p) + 0.5) / static_cast<double>(n) - 1);
      };
      const std::vector<double> f = near({at(i), at(k)});
      bool largest = true;
      for (std::size_t c = 0; c < f.size(); ++c) largest = largest && (c == mine || f[mine] > f[c]);
      in.push_back(largest);
    }
  DisjointSets sets(n * n);
  for (std::size_t p = 0; p < n * n; ++p) {
    if (!in[p]) continue;
    if (p % n + 1 < n && in[p + 1]) sets.join(p, p + 1);
    if (p + n < n * n && in[p + n]) sets.join(p, p + n);
  }
  std::size_t number = 0;
  for (std::size_t p = 0; p < n * n; ++p) number += in[p] && sets.least(p) == p ? 1 : 0;
  return number;
}
const Activation kRelu{ActivationKind::relu, 1}, kLeaky{ActivationKind::leaky_relu, Rational(1, 3)},
    kBent{ActivationKind::leaky_relu, -2};

}  // namespace

TEST_CASE("components agree with the test of all meets, in the plane and in a square") {
  Random random(194);
  std::map<std::size_t, int> seen;
  for (int round = 0; round < test::rounds(150); ++round) {
    INFO("seed 194, round " << round);
    const Activation& f = round % 3 == 0 ? kRelu : round % 3 == 1 ? kLeaky : kBent;
    std::vector<std::size_t> widths{2, static_cast<std::size_t>(random.integer(2, 5))};
    if (round % 2 == 0) widths.push_back(static_cast<std::size_t>(random.integer(2, 4)));
    widths.push_back(static_cast<std::size_t>(random.integer(2, 4)));
    const Units units = random_units(random, widths, f, 4);
    for (std::size_t mine = 0; mine < 2; ++mine) {
      for (const CellPlane& plane : {plane_of_inputs(2), square(3)}) {
        const Counted counted = count(units, plane, mine);
        CHECK(counted.components == counted.by_meets);
        ++seen[counted.components];
      }
    }
  }
  CHECK(seen.size() >= 4);
}

TEST_CASE("numbers of 128 bits and longer ones give the same cells") {
  Random random(195);
  for (int round = 0; round < test::rounds(40); ++round) {
    INFO("seed 195, round " << round);
    const std::vector<std::size_t> widths{2, 4, 4, 3};
    const Units units = random_units(random, widths, round % 2 == 0 ? kRelu : kBent, 5);
    // Weights of later layers, and so all that they read but the constants, times 2^60 and 3^50: the constants too.
    Units longer = units;
    Rational scale = 1;
    for (Units::Layer& layer : longer.layers) {
      const Rational by = power_of_two(60) * (round % 4 < 2 ? Rational(1) : Rational(1, 59049));
      for (Units::Row& row : layer.rows) {
        for (auto& [source, weight] : row.terms) weight *= by;
        row.constant *= by * scale;
      }
      scale *= by;
    }
    for (std::size_t mine = 0; mine < 3; ++mine) {
      const Counted one = count(units, plane_of_inputs(2), mine), other = count(longer, plane_of_inputs(2), mine);
      CHECK(one.components == other.components);
      CHECK(one.cells == other.cells);
    }
    CHECK(count_cells_in_double(units, plane_of_inputs(2)) == count(units, plane_of_inputs(2), 0).cells);
  }
}

TEST_CASE("fine grids find the components of most regions, not of all, the meets side with the cells") {
  Random random(196);
  int wrong = 0, all = 0, fewer = 0;
  for (int round = 0; round < test::rounds(300); ++round) {
    INFO("seed 196, round " << round);
    const Units units = random_units(random, {2, 8, 6, 3}, round % 2 == 0 ? kRelu : kLeaky, 4);
    const std::size_t on_grid = count_on_grid(units, 3, 150, 0);
    const Region region = region_on(units, square(3), 0);
    std::size_t components = 0;
    region.components(components);
    ++all;
    if (on_grid == components) continue;
    ++wrong;
    fewer += on_grid < components ? 1 : 0;
    CHECK(count(units, square(3), 0).by_meets == components);
  }
  CHECK(wrong * 5 < all);
  CHECK(fewer > 0);
  CHECK(fewer < wrong);
}

TEST_CASE("pyramids have one component at most, in a sweep") {
  Random random(197);
  int regions = 0;
  for (int round = 0; round < test::rounds(700); ++round) {
    INFO("seed 197, round " << round);
    const std::vector<std::size_t> widths = round % 3 == 0   ? std::vector<std::size_t>{2, 2, 3}
                                            : round % 3 == 1 ? std::vector<std::size_t>{2, 2, 2, 4}
                                                             : std::vector<std::size_t>{2, 1, 3};
    const Units units = random_units(random, widths, kLeaky, 6);
    bool full = true;
    for (std::size_t l = 0; l + 1 < units.layers.size(); ++l) {
      const auto& rows = units.layers[l].rows;
      const auto weight = [&](std::size_t h, std::size_t i) {
        const std::size_t source = l == 0 ? i : units.layers[l - 1].first + i;
        for (const auto& [s, w] : rows[h].terms)
          if (s == source) return w;
        return Rational(0);
      };
      full = full &&
             (rows.size() == 1 ? !rows[0].terms.empty() : weight(0, 0) * weight(1, 1) != weight(0, 1) * weight(1, 0));
    }
    if (!full) continue;
    for (std::size_t mine = 0; mine < widths.back(); ++mine) {
      ++regions;
      const Region region = region_on(units, plane_of_inputs(2), mine);
      std::size_t components = 0;
      region.components(components);
      CHECK(components <= 1);
    }
  }
  CHECK(regions >= 1'500);
}

TEST_CASE("a curve along the boundary of a component separates it from every point outside") {
  Random random(198);
  int separated = 0;
  for (int round = 0; round < test::rounds(120); ++round) {
    INFO("seed 198, round " << round);
    const Units units = random_units(random, {2, 6, 4, 2}, round % 2 == 0 ? kRelu : kBent, 4);
    const Region region = region_on(units, plane_of_inputs(2), 0);
    std::size_t components = 0;
    const auto component = region.components(components);
    std::vector<std::vector<PlaneCurve>> curves;
    for (std::size_t c = 0; c < components; ++c) {
      std::vector<const Polygon*> pieces;
      for (std::size_t s = 0; s < component.size(); ++s)
        if (component[s] == c) pieces.push_back(&region.pieces()[s].corners);
      curves.push_back(boundary(pieces));
      for (const PlaneCurve& curve : curves.back()) CHECK(curve.vertices.size() >= (curve.from ? 1U : 3U));
    }
    // A point inside of each piece.
    std::vector<std::array<Rational, 2>> inside;
    for (const Region::Piece& piece : region.pieces()) {
      Ray sum{0, 0, 0};
      for (const Ray& r : piece.corners)
        for (std::size_t k = 0; k < 3; ++k) sum[k] += r[k];
      inside.push_back({Rational(sum[0], sum[2]), Rational(sum[1], sum[2])});
    }
    for (std::size_t a = 0; a < inside.size(); ++a) {
      for (std::size_t b = 0; b < a; ++b) {
        int total = 0, some = 0;
        for (const PlaneCurve& curve : curves[component[a]]) {
          const int c = crossings(curve, inside[a], inside[b]);
          total += c;
          some += c != 0 ? 1 : 0;
        }
        CHECK((total != 0) == (component[a] != component[b]));
        if (component[a] == component[b]) CHECK(some == 0);
        separated += some != 0 ? 1 : 0;
      }
    }
  }
  CHECK(separated > 100);
}
