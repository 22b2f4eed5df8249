#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/point_parameters.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <array>
#include <map>

#include "proofs/output.h"
#include "proofs/regions/regions.h"

namespace widecert {
namespace {

using Form = std::array<Rational, 3>;  // on (x, y, z); also a ray
constexpr std::size_t kMostCells = 200'000, kMostNeurons = 5'000;

Rational at(const Form& f, const Form& ray) { return f[0] * ray[0] + f[1] * ray[1] + f[2] * ray[2]; }
Form combine(const Rational& a, const Form& f, const Rational& b, const Form& g) {
  return {a * f[0] + b * g[0], a * f[1] + b * g[1], a * f[2] + b * g[2]};
}
Form cross(const Form& a, const Form& b) {
  return {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
}
// A positive multiple: the largest absolute value is 1. The same for all rays of one direction.
Form scaled(const Form& f) {
  const Rational most = std::max({Rational(abs(f[0])), Rational(abs(f[1])), Rational(abs(f[2]))});
  return most == 0 ? f : combine(1 / most, f, 0, f);
}

// Cells are polygons, as their corners: rays over {z = 1}, or of directions. (The checker's twin: evaluate/cells.h.)
using Polygon = std::vector<Form>;

// The part where a form is at least 0; empty if it has no interior.
Polygon clip(const Polygon& cell, const Form& form) {
  Polygon part;
  bool positive = false;
  for (std::size_t i = 0; i < cell.size(); ++i) {
    const Form &here = cell[i], &next = cell[(i + 1) % cell.size()];
    const Rational v = at(form, here), w = at(form, next);
    positive = positive || v > 0;
    if (v >= 0) part.push_back(here);
    if ((v < 0 && w > 0) || (v > 0 && w < 0)) part.push_back(scaled(combine(abs(w), here, abs(v), next)));
  }
  return positive ? part : Polygon{};
}

class Counter {
 public:
  Counter(const Architecture& network, std::size_t output, const PointSpec& point, std::size_t mine)
      : network_(network),
        nodes_(network.ancestors(output)),
        mine_(mine),
        theta_(parameters_at<Rational>(network, point, output)) {}
  std::size_t cells() const { return cells_; }
  std::size_t pieces() const { return pieces_.size(); }

  // Throws Outcome where there are too many cells.
  std::size_t run() {
    for (int x : {1, -1}) {
      for (int y : {1, -1}) {
        Values values(network_.nodes().size());
        values[0] = {{1, 0, 0}, {0, 1, 0}};
        values[0].resize(network_.input_width());
        descend({{x, 0, 0}, {0, 0, 1}, {0, y, 0}}, std::move(values), 1);
      }
    }
    return groups();
  }

 private:
  using Values = std::vector<std::vector<Form>>;  // by node

  void descend(Polygon cell, Values values, std::size_t k) {
    poll();
    for (; k < nodes_.size(); ++k) {
      const std::size_t i = nodes_[k];
      const Node& node = network_.node(i);
      const auto* f = std::get_if<ActivationSpec>(&node.spec);
      if (f == nullptr || f->function.kind == ActivationKind::identity) {
        values[i] = f == nullptr ? affine(i, values) : values[node.inputs[0]];
        continue;
      }
      const Rational slope = f->function.kind == ActivationKind::relu ? Rational(0) : f->function.parameter;
      activate(std::move(cell), std::move(values), k, slope, 0);
      return;
    }
    region(std::move(cell), values[nodes_.back()]);
  }
  // Neurons from h on: one half after the other.
  void activate(Polygon cell, Values values, std::size_t k, const Rational& slope, std::size_t h) {
    const std::size_t i = nodes_[k];
    const std::vector<Form>& in = values[network_.node(i).inputs[0]];
    for (; h < in.size(); ++h) {
      const Form &form = in[h], opposite = combine(-1, form, 0, form);
      Polygon above = clip(cell, form), below = clip(cell, opposite);
      const Form bent = combine(slope, form, 0, form);
      if (!above.empty() && !below.empty()) {
        Values lower = values;
        lower[i].push_back(bent);
        activate(std::move(below), std::move(lower), k, slope, h + 1);
        cell = std::move(above);
        below.clear();
      }
      values[i].push_back(below.empty() ? form : bent);
    }
    descend(std::move(cell), std::move(values), k + 1);
  }

  std::vector<Form> affine(std::size_t i, const Values& values) const {
    const Node& node = network_.node(i);
    const auto in = [&](std::size_t n) -> const std::vector<Form>& { return values[node.inputs[n]]; };
    std::vector<Form> out;
    std::visit(overloaded{[&](const LinearSpec&) {
                            std::vector<std::int64_t> entries;
                            const auto& theta = theta_.at(i);
                            for (std::size_t h = 0; h < node.width; ++h) {
                              node.patches->expand(h / node.filters, entries);
                              const auto& w = theta.weights[network_.filter_index(i, h)];
                              Form sum{0, 0, theta.bias.empty() ? Rational(0) : theta.bias[network_.bias_index(i, h)]};
                              for (std::size_t r = 0; r < entries.size(); ++r)
                                if (entries[r] != kPadding)
                                  sum = combine(1, sum, w[r], in(0)[static_cast<std::size_t>(entries[r])]);
                              out.push_back(std::move(sum));
                            }
                          },
                          [&](const PoolSpec&) {  // an average
                            std::vector<std::int64_t> entries;
                            for (std::size_t h = 0; h < node.width; ++h) {
                              node.patches->expand(h, entries);
                              Form sum{0, 0, 0};
                              for (std::int64_t e : entries)
                                if (e != kPadding) sum = combine(1, sum, 1, in(0)[static_cast<std::size_t>(e)]);
                              out.push_back(combine(Rational(1, static_cast<long>(entries.size())), sum, 0, sum));
                            }
                          },
                          [&](const SumSpec&) {
                            out = in(0);
                            for (std::size_t n = 1; n < node.inputs.size(); ++n)
                              for (std::size_t h = 0; h < out.size(); ++h) out[h] = combine(1, out[h], 1, in(n)[h]);
                          },
                          [&](const ConcatSpec&) {
                            for (std::size_t p = 0; p < node.width / node.shape.back(); ++p) {
                              for (std::size_t n = 0; n < node.inputs.size(); ++n) {
                                const std::size_t channels = network_.node(node.inputs[n]).shape.back();
                                for (std::size_t c = 0; c < channels; ++c) out.push_back(in(n)[p * channels + c]);
                              }
                            }
                          },
                          [&](const BatchNormSpec& norm) {
                            const TensorShape shape = network_.norm_shape(i);
                            const Tensor scale = expand(norm.scale, shape, "scale"),
                                         shift = expand(norm.shift, shape, "shift");
                            for (std::size_t h = 0; h < node.width; ++h) {
                              const std::size_t c = h % shape[0];
                              out.push_back(combine(scale[0][c], in(0)[h], shift[0][c], {0, 0, 1}));
                            }
                          },
                          [](const auto&) {}},
               node.spec);
    return out;
  }

  struct Piece {
    Polygon corners;
    std::vector<Form> margins;
  };
  void region(Polygon cell, const std::vector<Form>& f) {
    if (++cells_ > kMostCells) throw undecided("too-large", fmt::format("more than {} cells", kMostCells));
    Piece piece;
    for (std::size_t k = 0; k < f.size(); ++k) {
      if (k == mine_) continue;
      piece.margins.push_back(combine(1, f[mine_], -1, f[k]));
      cell = clip(cell, piece.margins.back());
      if (cell.empty()) return;
    }
    piece.corners = std::move(cell);
    pieces_.push_back(std::move(piece));
  }

  // Pieces with edges on one line, in one quadrant: joined where these overlap inside the region.
  std::size_t groups() const {
    struct Edge {
      Form from, to;
      std::size_t piece;
    };
    std::map<std::pair<Form, std::array<int, 2>>, std::vector<Edge>> lines;
    for (std::size_t s = 0; s < pieces_.size(); ++s) {
      const Polygon& p = pieces_[s].corners;
      for (std::size_t i = 0; i < p.size(); ++i) {
        Edge edge{p[i], p[(i + 1) % p.size()], s};
        const Form middle = combine(1, edge.from, 1, edge.to);
        if (middle[2] == 0) continue;
        Form normal = scaled(cross(edge.from, edge.to));
        if (normal < Form{0, 0, 0}) {
          normal = combine(-1, normal, 0, normal);
          std::swap(edge.from, edge.to);
        }
        lines[{normal, {sign(middle[0]), sign(middle[1])}}].push_back(std::move(edge));
      }
    }
    std::vector<std::size_t> group(pieces_.size());
    for (std::size_t s = 0; s < group.size(); ++s) group[s] = s;
    const auto root = [&](std::size_t s) {
      while (group[s] != s) s = group[s];
      return s;
    };
    for (const auto& [line, edges] : lines) {
      const auto before = [&, &normal = line.first](const Form& a, const Form& b) {
        return at(normal, cross(a, b)) > 0;
      };
      for (std::size_t a = 0; a < edges.size(); ++a) {
        for (std::size_t b = 0; b < a; ++b) {
          const Edge &one = edges[a], &other = edges[b];
          const Form &from = before(one.from, other.from) ? other.from : one.from,
                     &to = before(one.to, other.to) ? one.to : other.to;
          if (!before(from, to)) continue;
          const Form middle = combine(1, from, 1, to);
          const auto& margins = pieces_[one.piece].margins;
          if (std::all_of(margins.begin(), margins.end(), [&](const Form& m) { return at(m, middle) > 0; }))
            group[root(one.piece)] = root(other.piece);
        }
      }
    }
    std::size_t count = 0;
    for (std::size_t s = 0; s < group.size(); ++s) count += root(s) == s ? 1 : 0;
    return count;
  }
  static int sign(const Rational& v) { return v > 0 ? 1 : v < 0 ? -1 : 0; }

  const Architecture& network_;
  std::vector<std::size_t> nodes_;
  std::size_t mine_;
  Parameters<Rational> theta_;
  std::size_t cells_ = 0;
  std::vector<Piece> pieces_;
};

Outcome prove(const Architecture& network, std::size_t output, const PointSpec& point, std::size_t mine,
              const std::optional<std::size_t>& expected) {
  const Node& out = network.node(output);
  if (out.width < 2) return not_applicable("width", "one output has no regions");
  if (mine >= out.width) return not_applicable("width", fmt::format("class {} of {} outputs", mine, out.width));
  if (network.input_width() > 2)
    return not_applicable("dimension",
                          fmt::format("{} inputs: components are counted for one or two", network.input_width()));
  for (std::size_t i : network.ancestors(output)) {
    const Node& node = network.node(i);
    const auto* f = std::get_if<ActivationSpec>(&node.spec);
    if (f != nullptr && !(facts(f->function.kind).piecewise_affine && facts(f->function.kind).continuous))
      return not_applicable("activation", fmt::format("{} is not piecewise linear", describe(f->function)));
    const auto* pool = std::get_if<PoolSpec>(&node.spec);
    if (pool != nullptr && pool->kind == PoolSpec::Kind::max)
      return not_applicable("max-pooling",
                            fmt::format("layer {} is a max pooling, which is not cut into cells", node.name));
  }
  // Cells are cut by recursion, neuron by neuron.
  std::size_t neurons = 0;
  for (std::size_t i : network.ancestors(output))
    if (std::holds_alternative<ActivationSpec>(network.node(i).spec)) neurons += network.node(i).width;
  if (neurons > kMostNeurons) return undecided("too-large", fmt::format("more than {} neurons", kMostNeurons));
  Counter counter(network, output, point, mine);
  std::size_t count = 0;
  try {
    count = counter.run();
  } catch (const Outcome& why) {
    return why;
  }
  const Claim claim("component-count",
                    {{"output", out.name}, {"parameters", point}, {"class", mine}, {"count", count}});
  const std::string text = fmt::format("{} component{} ({} cells, {} with points of the region)", count,
                                       count == 1 ? "" : "s", counter.cells(), counter.pieces());
  if (expected && *expected != count)
    return refuted("count", fmt::format("{}, not {}", text, *expected), {{claim, Proof("cells")}});
  return proved(text, {{claim, Proof("cells")}});
}

}  // namespace

Theorem theorems::component_count() {
  return {.id = "component-count",
          .title = "How many connected components a decision region has",
          .source = "here; the examples of Q. Nguyen's thesis (2019), section 5.3",
          .statement =
              "A piecewise linear network of one or two inputs is affine on finitely many convex cells that cover the "
              "plane. On a cell the region of a class is convex; pieces of it that share an edge inside it are "
              "joined. The groups are its components, unbounded ones too.",
          .hypotheses = {"one or two inputs; relu, leaky-relu, identity; no max pooling"},
          .claims = {"component-count"},
          .rules = {"cells"},
          .reasons = {"width", "dimension", "activation", "max-pooling", "too-large", "count"},
          .keys = {kOutputKey,
                   {"parameters", "tensors of the linear nodes up to the output"},
                   {"class", "j, from 0 on"},
                   {"count", "how many are expected; refuted by another number. Any if absent"}},
          .needs_data = false,
          .read = [](const Entry& entry) -> Prover {
            std::optional<std::size_t> expected;
            if (const auto count = entry.json.find("count")) expected = count->size();
            return
                [output = read_output(entry), mine = entry.json.get("class").size(),
                 point = read_point(entry.json.get("parameters")), expected](const Instance& instance, const Options&) {
                  return prove(instance.network, output, point, mine, expected);
                };
          }};
}

}  // namespace widecert
