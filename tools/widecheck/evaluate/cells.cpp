#include "evaluate/cells.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::size_t kMostCells = 1'000'000, kMostKept = 5'000'000;
constexpr std::ptrdiff_t kMostLayers = 1'000;  // cells are cut by recursion

using Ray = std::array<mpz_class, 3>;  // also a linear form on R^3

mpz_class dot(const Ray& a, const Ray& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
Ray cross(const Ray& a, const Ray& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
Ray minus(const Ray& a, const Ray& b) { return {a[0] - b[0], a[1] - b[1], a[2] - b[2]}; }
void make_primitive(Ray& a) {
  const mpz_class common = gcd(gcd(a[0], a[1]), a[2]);
  if (common > 1)
    for (mpz_class& v : a) mpz_divexact(v.get_mpz_t(), v.get_mpz_t(), common.get_mpz_t());
}
Products words(const Ray& a) { return Products::words(a[0]) + Products::words(a[1]) + Products::words(a[2]); }

// The values of a node on a cell: forms over one positive divisor.
struct Forms {
  std::vector<Ray> v;
  mpz_class divisor = 1;
};
using Cone = std::vector<Ray>;  // in cyclic order

struct Piece {
  Cone cone;
  std::vector<Ray> margins;  // F_j - F_k, up to a positive factor
};

class Cells {
 public:
  Cells(const Context& c, std::size_t output, const std::map<std::size_t, Parameters>& theta, std::size_t j)
      : c_(c), nodes_(c.network.below(output)), theta_(theta), j_(j) {
    const auto layers = std::count_if(nodes_.begin(), nodes_.end(),
                                      [&](std::size_t i) { return c.network.node(i).op == Op::activation; });
    for (std::size_t i : nodes_)
      for (std::size_t input : c.network.node(i).inputs) last_use_[input] = i;
    if (layers > kMostLayers) throw Malformed("too-large", "more than 1,000 layers of activations");
  }

  RegionCount run() {
    const std::size_t d = c_.network.node(0).width;
    require(d <= 2, "dimension", "components are counted for one or two inputs");
    for (int x : {1, -1}) {
      for (int y : {1, -1}) {
        std::map<std::size_t, Forms> forms;
        Forms& input = forms[nodes_.front()];
        input.v = {{1, 0, 0}, {0, 1, 0}};
        input.v.resize(d);
        descend(1, {{x, 0, 0}, {0, y, 0}, {0, 0, 1}}, std::move(forms));
      }
    }
    return {groups(), cells_, pieces_.size()};
  }

 private:
  std::vector<mpz_class> values(const Ray& form, const Cone& cone) const {
    Products all = 0;
    for (const Ray& r : cone) all += 200 + 2 * words(form) * words(r);
    c_.budget.spend(all);
    std::vector<mpz_class> v;
    for (const Ray& r : cone) v.push_back(dot(form, r));
    return v;
  }
  // The parts where a form with these values is >= 0, and <= 0; without interior they are empty.
  std::pair<Cone, Cone> split(const Cone& cone, const std::vector<mpz_class>& v) const {
    const bool some_above = std::any_of(v.begin(), v.end(), [](const mpz_class&x) { return x > 0; }),
               some_below = std::any_of(v.begin(), v.end(), [](const mpz_class&x) { return x < 0; });
    if (!some_below) return {some_above ? cone : Cone{}, Cone{}};
    if (!some_above) return {Cone{}, cone};
    std::pair<Cone, Cone> parts;
    for (std::size_t i = 0; i < cone.size(); ++i) {
      const std::size_t next = (i + 1) % cone.size();
      if (v[i] >= 0) parts.first.push_back(cone[i]);
      if (v[i] <= 0) parts.second.push_back(cone[i]);
      if (sgn(v[i]) * sgn(v[next]) >= 0) continue;
      const mpz_class a = abs(v[next]), b = abs(v[i]);
      Ray meet;
      for (std::size_t k = 0; k < 3; ++k) meet[k] = a * cone[i][k] + b * cone[next][k];
      const Products length = words(cone[i]) + words(cone[next]) + Products::words(a) + Products::words(b);
      c_.budget.spend(400 + 40 * length * length);
      make_primitive(meet);
      parts.first.push_back(meet);
      parts.second.push_back(meet);
    }
    return parts;
  }

  // Nodes from `at` on, on one cell.
  void descend(std::size_t at, Cone cell, std::map<std::size_t, Forms> forms) {
    for (; at < nodes_.size(); ++at) {
      const std::size_t i = nodes_[at];
      const Node& node = c_.network.node(i);
      if (node.op != Op::activation || node.activation.function == Function::identity) {
        Forms made = affine(node, i, forms);
        forget(forms, i);
        forms[i] = std::move(made);
        continue;
      }
      require(piecewise_linear(node.activation.function), "unsupported",
              "layer " + node.name + ": " + node.activation.name + " is not piecewise linear and continuous");
      const Forms& in = forms.at(node.inputs[0]);
      struct Part {
        Cone cone;
        std::vector<int> signs;
      };
      std::vector<Part> parts{{std::move(cell), {}}};
      for (const Ray& form : in.v) {
        std::vector<Part> finer;
        for (Part& part : parts) {
          auto [above, below] = split(part.cone, values(form, part.cone));
          if (above.empty() || below.empty()) {
            // One side, or the form is 0 on the cell.
            part.signs.push_back(above.empty() ? (below.empty() ? 0 : -1) : 1);
            finer.push_back(std::move(part));
            continue;
          }
          c_.budget.spend(200 + Products(part.signs.size()));
          finer.push_back({std::move(above), part.signs});
          finer.back().signs.push_back(1);
          part.signs.push_back(-1);
          finer.push_back({std::move(below), std::move(part.signs)});
        }
        parts = std::move(finer);
        if (parts.size() > kMostCells) throw Malformed("too-large", "more than a million cells");
      }
      const Forms read = in;
      forget(forms, i);
      Products held = read.v.size();
      for (const auto& [k, f] : forms) held += f.v.size();
      for (Part& part : parts) {
        c_.budget.spend(100 * held);
        std::map<std::size_t, Forms> inside = forms;
        inside[i] = activated(node.activation, read, part.signs);
        descend(at + 1, std::move(part.cone), std::move(inside));
      }
      return;
    }
    finish(std::move(cell), forms.at(nodes_.back()));
  }

  // What no node after this one reads.
  void forget(std::map<std::size_t, Forms>& forms, std::size_t at) const {
    for (std::size_t input : c_.network.node(at).inputs)
      if (last_use_.at(input) == at) forms.erase(input);
  }

  Forms activated(const Activation& f, const Forms& in, const std::vector<int>& signs) const {
    const mpz_class num = f.function == Function::relu ? mpz_class(0) : f.parameter.get_num(),
                    den = f.function == Function::relu ? mpz_class(1) : f.parameter.get_den();
    Forms out;
    out.divisor = in.divisor * den;
    for (std::size_t h = 0; h < in.v.size(); ++h) {
      c_.budget.spend(300 + words(in.v[h]) * (Products::words(num) + Products::words(den)));
      Ray r = in.v[h];
      for (mpz_class& v : r) v *= signs[h] < 0 ? num : den;
      out.v.push_back(std::move(r));
    }
    return shortened(std::move(out));
  }
  Forms shortened(Forms f) const {
    constexpr std::size_t kMaxBits = 65'536;
    mpz_class common = f.divisor;
    for (const Ray& r : f.v) {
      const Products size = words(r) + Products::words(f.divisor);
      c_.budget.spend(100 + size * size);
      for (const mpz_class& v : r)
        if (mpz_sizeinbase(v.get_mpz_t(), 2) > kMaxBits) throw Malformed("too-large", "forms of more than 65,536 bits");
    }
    if (mpz_sizeinbase(common.get_mpz_t(), 2) > kMaxBits)
      throw Malformed("too-large", "forms of more than 65,536 bits");
    for (const Ray& r : f.v)
      for (const mpz_class& v : r) {
        if (common == 1) return f;
        common = gcd(common, v);
      }
    for (Ray& r : f.v)
      for (mpz_class& v : r) mpz_divexact(v.get_mpz_t(), v.get_mpz_t(), common.get_mpz_t());
    f.divisor /= common;
    return f;
  }
  static Products length(const Forms& f) {
    Products most = Products::words(f.divisor);
    for (const Ray& r : f.v) most = std::max(most, words(r));
    return most;
  }

  Forms affine(const Node& node, std::size_t i, const std::map<std::size_t, Forms>& forms) const {
    const auto in = [&](std::size_t n) -> const Forms& { return forms.at(node.inputs[n]); };
    Forms out;
    out.v.resize(node.width);
    Products long_ones = 1;
    for (std::size_t n = 0; n < node.inputs.size(); ++n) long_ones += length(in(n));
    switch (node.op) {
      case Op::linear: {
        const Parameters& theta = theta_.at(i);
        Products of_weights = Products::words(theta.weights.divisor) + Products::words(theta.bias.divisor);
        for (const auto& row : theta.weights.rows) of_weights = std::max(of_weights, Products::words(largest(row)));
        c_.budget.spend((300 + 3 * long_ones * of_weights) * Products(node.terms() + 4) * node.width);
        const mpz_class common = lcm(theta.weights.divisor, theta.bias.divisor),
                        of_sum = common / theta.weights.divisor, of_bias = common / theta.bias.divisor * in(0).divisor;
        for (std::size_t h = 0; h < node.width; ++h) {
          const auto& w = theta.weights.rows[c_.network.filter_of(i, h)];
          Ray& sum = out.v[h];
          node.patches.for_each_seen(h / node.filters, [&](std::size_t r, std::size_t input) {
            for (std::size_t k = 0; k < 3; ++k) sum[k] += w[r] * in(0).v[input][k];
          });
          for (mpz_class& v : sum) v *= of_sum;
          if (node.bias != Bias::none) sum[2] += theta.bias.rows[0][c_.network.bias_of(i, h)] * of_bias;
        }
        out.divisor = in(0).divisor * common;
        return shortened(std::move(out));
      }
      case Op::activation:  // the identity
        return in(0);
      case Op::average_pool:
        c_.budget.spend((100 + 3 * long_ones) * Products(node.terms()) * node.width);
        for (std::size_t h = 0; h < node.width; ++h)
          node.patches.for_each_seen(h, [&](std::size_t, std::size_t input) {
            for (std::size_t k = 0; k < 3; ++k) out.v[h][k] += in(0).v[input][k];
          });
        out.divisor = in(0).divisor * static_cast<unsigned long>(pool_length(node));
        return shortened(std::move(out));
      case Op::sum:
      case Op::concat: {
        for (std::size_t n = 0; n < node.inputs.size(); ++n) out.divisor = lcm(out.divisor, in(n).divisor);
        std::size_t offset = 0;
        for (std::size_t n = 0; n < node.inputs.size(); ++n) {
          const mpz_class factor = out.divisor / in(n).divisor;
          const std::size_t channels = c_.network.node(node.inputs[n]).shape.back();
          c_.budget.spend((100 + 3 * long_ones * Products::words(factor)) * in(n).v.size());
          for (std::size_t h = 0; h < in(n).v.size(); ++h) {
            const std::size_t to = node.op == Op::sum ? h : h / channels * node.shape.back() + offset + h % channels;
            for (std::size_t k = 0; k < 3; ++k) out.v[to][k] += in(n).v[h][k] * factor;
          }
          offset += channels;
        }
        return out;
      }
      case Op::batch_norm: {
        const mpz_class common = lcm(node.scale->divisor, node.shift->divisor), of_scale = common / node.scale->divisor,
                        of_shift = common / node.shift->divisor * in(0).divisor;
        c_.budget.spend((200 + 6 * long_ones *
                                   (Products::words(largest(node.scale->rows[0])) +
                                    Products::words(largest(node.shift->rows[0])))) *
                        node.width);
        for (std::size_t h = 0; h < node.width; ++h) {
          const std::size_t at = node.norm_entry(h);
          for (std::size_t k = 0; k < 3; ++k) out.v[h][k] = in(0).v[h][k] * node.scale->rows[0][at] * of_scale;
          out.v[h][2] += node.shift->rows[0][at] * of_shift;
        }
        out.divisor = in(0).divisor * common;
        return shortened(std::move(out));
      }
      default:
        throw Rejected("unsupported", "layer " + node.name + ": max pooling is not cut into cells");
    }
  }

  // The region on a cell.
  void finish(Cone cell, const Forms& f) {
    if (++cells_ > kMostCells) throw Malformed("too-large", "more than a million cells");
    Piece piece;
    for (std::size_t k = 0; k < f.v.size(); ++k) {
      if (k == j_) continue;
      c_.budget.spend(300 + words(f.v[j_]) + words(f.v[k]));
      piece.margins.push_back(minus(f.v[j_], f.v[k]));
      cell = split(cell, values(piece.margins.back(), cell)).first;
      if (cell.empty()) return;
    }
    piece.cone = std::move(cell);
    kept_ += piece.margins.size() + piece.cone.size();
    if (kept_ > kMostKept) throw Malformed("too-large", "pieces of more than 5 million forms");
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
  static Ray sum(const Ray& a, const Ray& b) { return {a[0] + b[0], a[1] + b[1], a[2] + b[2]}; }

  std::size_t groups() {
    std::vector<Edge> edges;
    for (std::size_t s = 0; s < pieces_.size(); ++s) {
      const Cone& cone = pieces_[s].cone;
      for (std::size_t i = 0; i < cone.size(); ++i) {
        Edge edge{cross(cone[i], cone[(i + 1) % cone.size()]), 0, cone[i], cone[(i + 1) % cone.size()], s};
        const Ray middle = sum(edge.first, edge.last);
        if (middle[2] == 0) continue;                                         // at infinity
        c_.budget.spend(4'000 + 200 * words(edge.first) * words(edge.last));  // sorting included
        make_primitive(edge.normal);
        const auto first =
            std::find_if(edge.normal.begin(), edge.normal.end(), [](const mpz_class& v) { return v != 0; });
        if (*first < 0) {
          for (mpz_class& v : edge.normal) v = -v;
          std::swap(edge.first, edge.last);
        }
        edge.quarter = 3 * (sgn(middle[0]) + 1) + sgn(middle[1]) + 1;
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
        c_.budget.spend(200 + 20 * words(one.last) * words(other.first));
        if (other.normal != one.normal || other.quarter != one.quarter || !before(one, other.first, one.last)) break;
        // They share what lies between the later beginning, of the other one, and the earlier end.
        const Ray middle = sum(other.first, before(one, one.last, other.last) ? one.last : other.last);
        const auto& margins = pieces_[one.piece].margins;
        const bool inside =
            std::all_of(margins.begin(), margins.end(), [&](const Ray& m) { return dot(m, middle) > 0; });
        if (inside) group[root(one.piece)] = root(other.piece);
      }
    }
    std::size_t count = 0;
    for (std::size_t s = 0; s < group.size(); ++s) count += root(s) == s ? 1 : 0;
    return count;
  }

  const Context& c_;
  std::vector<std::size_t> nodes_;
  const std::map<std::size_t, Parameters>& theta_;
  std::map<std::size_t, std::size_t> last_use_;  // by node
  std::size_t j_, cells_ = 0, kept_ = 0;
  std::vector<Piece> pieces_;
};

}  // namespace

RegionCount count_components(const Context& c, std::size_t output, const std::map<std::size_t, Parameters>& theta,
                             std::size_t j) {
  return Cells(c, output, theta, j).run();
}

}  // namespace widecheck
