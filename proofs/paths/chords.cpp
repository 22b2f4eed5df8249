#include "proofs/paths/chords.h"

#include <fmt/format.h>
#include <widecert/network/enclosed_forward.h>
#include <widecert/number/clones.h>
#include <widecert/number/overloaded.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>

#include <algorithm>
#include <cmath>

namespace widecert {
namespace {

using Numbers = std::vector<double>;

// sums[t] += sum over r of x[patch[r]] ((1 - s) a + s b)[r * filters + t].
WIDECERT_CLONES void add_patch(double* sums, const double* x, const std::int64_t* patch, std::size_t length,
                               const double* a, const double* b, double s, std::size_t filters) {
  for (std::size_t r = 0; r < length; ++r) {
    const double v = patch[r] == kPadding ? 0 : x[patch[r]];
    if (v == 0) continue;
    const double of_a = v * (1 - s), of_b = v * s;
    if (s == 0) {
      for (std::size_t t = 0; t < filters; ++t) sums[t] += v * a[r * filters + t];
    } else {
      for (std::size_t t = 0; t < filters; ++t) sums[t] += of_a * a[r * filters + t] + of_b * b[r * filters + t];
    }
  }
}

double bulge(double x, double y) { return x > 0 && y > 0 ? x * y / (x + y) : 0; }

}  // namespace

struct Chords::Layer {
  std::size_t node = 0;
  std::vector<std::size_t> inputs;
  bool moves = false, own = false, affine = false;
  // Linear: by bank (begin), position, filter, at both ends; their difference, and the larger absolute value.
  Numbers a, b, difference, sizes, bias_a, bias_b;
  std::vector<std::size_t> bank_begin;
  PatchLayout::Flat patches;
  double slip = 0;  // of sums with weights of so many bits as the checker takes, for each unit of the largest input
  Numbers factors, shifts;
  double lipschitz = 0, bend = 0;  // of smooth functions
};

namespace {

// The checker rounds weights to 2^-scale, so that rows sum to less than 2^30, and values to 30 bits.
double slip(const Chords::Layer& layer, const Node& node) {
  double most = 0;
  for (std::size_t bank = 0; bank < node.patches->banks(); ++bank) {
    const std::size_t begin = layer.bank_begin[bank], length = node.patches->length(bank);
    for (std::size_t t = 0; t < node.filters; ++t) {
      double sum = 0;
      for (std::size_t r = 0; r < length; ++r) sum += layer.sizes[begin + r * node.filters + t];
      most = std::max(most, sum);
    }
  }
  const double scale = 29 - std::floor(std::log2(std::max(1.0, std::ceil(most)))) - 1;
  return static_cast<double>(node.patches->longest()) * std::exp2(-scale - 1) + most * std::exp2(-30);
}

}  // namespace

Chords::~Chords() = default;

Chords::Chords(const Architecture& network, std::size_t output, const PointSpec& from, const PointSpec& to,
               const Dataset& data)
    : network_(network), data_(data), output_(output) {
  const IntegerPoint start = integer_point(network, from, output), end = integer_point(network, to, output);
  std::map<std::size_t, std::size_t> place;
  for (std::size_t i : network.ancestors(output)) {
    const Node& node = network.node(i);
    Layer layer;
    layer.node = i;
    for (std::size_t input : node.inputs) {
      layer.inputs.push_back(place.at(input));
      layer.moves = layer.moves || layers_[place.at(input)].moves;
    }
    if (node.patches) layer.patches = node.patches->flat();
    std::visit(overloaded{[&](const LinearSpec&) {
                            const auto read = [&](const IntegerParameters& theta, Numbers& weights, Numbers& bias) {
                              std::size_t entry = 0;
                              layer.bank_begin.clear();
                              for (std::size_t bank = 0; bank < node.patches->banks(); ++bank) {
                                const std::size_t length = node.patches->length(bank), begin = weights.size();
                                layer.bank_begin.push_back(begin);
                                weights.resize(begin + length * node.filters);
                                for (std::size_t t = 0; t < node.filters; ++t)
                                  for (std::size_t r = 0; r < length; ++r, ++entry)
                                    weights[begin + r * node.filters + t] =
                                        quotient_near(theta.weights.at(entry), theta.weights.divisor);
                              }
                              bias.assign(node.width, 0);
                              if (!theta.bias.shape.empty())
                                for (std::size_t h = 0; h < node.width; ++h)
                                  bias[h] = quotient_near(theta.bias.at(network.bias_index(i, h)), theta.bias.divisor);
                            };
                            read(start.at(i), layer.a, layer.bias_a);
                            read(end.at(i), layer.b, layer.bias_b);
                            for (std::size_t k = 0; k < layer.a.size(); ++k) {
                              layer.difference.push_back(layer.b[k] - layer.a[k]);
                              layer.sizes.push_back(std::max(std::abs(layer.a[k]), std::abs(layer.b[k])));
                            }
                            layer.slip = slip(layer, node);
                            layer.own = layer.a != layer.b || layer.bias_a != layer.bias_b;
                            layer.affine = layer.own && !layer.moves;
                            layer.moves = layer.moves || layer.own;
                          },
                          [&](const ActivationSpec& spec) {
                            if (facts(spec.function.kind).piecewise_affine && facts(spec.function.kind).continuous)
                              return;
                            if (!facts(spec.function.kind).continuous || !has_lipschitz_slope(spec.function)) {
                              obstacle_ = fmt::format("no bound is known on how far {} of layer {} bends",
                                                      describe(spec.function), node.name);
                              return;
                            }
                            // As the checker takes them: over 2^8, rounded up.
                            layer.lipschitz =
                                std::ceil(lipschitz_constant(spec.function).convert_to<double>() * 256) / 256;
                            layer.bend = std::ceil(slope_lipschitz(spec.function).convert_to<double>() * 256) / 256;
                          },
                          [&](const BatchNormSpec& norm) {
                            const TensorShape shape = network.norm_shape(i);
                            const IntegerTensor scale = expand_integers(norm.scale, shape, "scale"),
                                                shift = expand_integers(norm.shift, shape, "shift");
                            for (std::size_t c = 0; c < shape[0]; ++c) {
                              layer.factors.push_back(quotient_near(scale.at(c), scale.divisor));
                              layer.shifts.push_back(quotient_near(shift.at(c), shift.divisor));
                            }
                          },
                          [](const auto&) {}},
               node.spec);
    place[i] = layers_.size();
    layers_.push_back(std::move(layer));
  }
}

// The chords of one sample (evaluate/segment.h of the checker says what they are).
struct Chords::Sample {
  const Architecture& network;
  const std::vector<Layer>& layers;
  const Numbers& x;
  double largest = 0;
  struct Chord {
    Numbers v[2], radius, ends[2];
  };
  std::vector<Chord> chords = std::vector<Chord>(layers.size());

  double most(std::size_t l) const {
    double all = 0;
    for (const Numbers& v : chords[l].v)
      for (double x : v) all = std::max(all, std::abs(x));
    return all;
  }
  const Numbers& value(std::size_t l, std::size_t slot) const { return chords[l].v[layers[l].moves ? slot : 0]; }

  template <class In>
  void join(const Layer& layer, Numbers& y, const In& in) const {
    const Node& node = network.node(layer.node);
    for (std::size_t n = 0; n < node.inputs.size(); ++n)
      for (std::size_t h = 0; h < in(n).size(); ++h)
        if (const std::size_t to = node.place(n, h); to != Node::kNowhere) y[to] += in(n)[h];
  }
  void note(const Numbers& y) {
    for (double v : y) largest = std::max(largest, std::abs(v));
  }
  static void linear(const Layer& layer, const Node& node, const Numbers& in, const Numbers& a, const Numbers& b,
                     double s, Numbers& y) {
    for (std::size_t p = 0; p + 1 < layer.patches.begin.size(); ++p) {
      const std::size_t begin = layer.patches.begin[p], bank = layer.bank_begin[node.patches->bank(p)];
      add_patch(&y[p * node.filters], in.data(), &layer.patches.entries[begin], layer.patches.begin[p + 1] - begin,
                &a[bank], &b[bank], s, node.filters);
    }
  }

  void make(std::size_t l, double s, std::size_t slot) {
    const Layer& layer = layers[l];
    const Node& node = network.node(layer.node);
    Numbers y(node.width, 0);
    const auto in = [&](std::size_t n) -> const Numbers& { return value(layer.inputs[n], slot); };
    const auto entries = [&](std::size_t p, const auto& visit) {
      for (std::size_t r = layer.patches.begin[p]; r < layer.patches.begin[p + 1]; ++r)
        if (layer.patches.entries[r] != kPadding) visit(in(0)[static_cast<std::size_t>(layer.patches.entries[r])]);
    };
    std::visit(overloaded{[&](const InputSpec&) { y = x; },
                          [&](const LinearSpec&) {
                            const Chord& chord = chords[l];
                            if (!chord.ends[1].empty()) {
                              for (std::size_t h = 0; h < y.size(); ++h)
                                y[h] = (1 - s) * chord.ends[0][h] + s * chord.ends[1][h];
                              return;
                            }
                            linear(layer, node, in(0), layer.a, layer.b, layer.own ? s : 0, y);
                            for (std::size_t h = 0; h < y.size(); ++h)
                              y[h] += (1 - s) * layer.bias_a[h] + s * layer.bias_b[h];
                          },
                          [&](const ActivationSpec& f) {
                            for (std::size_t h = 0; h < y.size(); ++h) y[h] = evaluate(f.function, in(0)[h]);
                          },
                          [&](const PoolSpec& pool) {
                            for (std::size_t p = 0; p < y.size(); ++p) {
                              if (pool.kind == PoolSpec::Kind::max) {
                                y[p] = -std::numeric_limits<double>::infinity();
                                entries(p, [&](double v) { y[p] = std::max(y[p], v); });
                              } else {
                                entries(p, [&](double v) { y[p] += v; });
                                y[p] /= static_cast<double>(layer.patches.begin[p + 1] - layer.patches.begin[p]);
                              }
                            }
                          },
                          [&](const SumSpec&) { join(layer, y, in); }, [&](const ConcatSpec&) { join(layer, y, in); },
                          [&](const SelectSpec&) { join(layer, y, in); },
                          [&](const BatchNormSpec&) {
                            for (std::size_t h = 0; h < y.size(); ++h) {
                              const std::size_t c = h % layer.factors.size();
                              y[h] = layer.factors[c] * in(0)[h] + layer.shifts[c];
                            }
                          }},
               node.spec);
    note(y);
    chords[l].v[slot] = std::move(y);
  }

  // On the cell between the slots, of which `low` is the earlier; `cell` is its length.
  void radius(std::size_t l, std::size_t low, double cell) {
    const Layer& layer = layers[l];
    const Node& node = network.node(layer.node);
    Numbers e(node.width, 0);
    const auto in = [&](std::size_t n) -> const Numbers& { return chords[layer.inputs[n]].radius; };
    const auto a = [&](std::size_t n) -> const Numbers& { return value(layer.inputs[n], low); };
    const auto b = [&](std::size_t n) -> const Numbers& { return value(layer.inputs[n], 1 - low); };
    std::visit(overloaded{[&](const InputSpec&) {},
                          [&](const LinearSpec&) {
                            linear(layer, node, in(0), layer.sizes, layer.sizes, 0, e);
                            const double slip = layer.slip * most(layer.inputs[0]);
                            for (double& v : e) v += slip;
                            if (!layer.own || layer.affine) return;
                            Numbers step(a(0).size()), bends(node.width, 0);
                            for (std::size_t h = 0; h < step.size(); ++h) step[h] = b(0)[h] - a(0)[h];
                            linear(layer, node, step, layer.difference, layer.difference, 0, bends);
                            for (std::size_t h = 0; h < e.size(); ++h) e[h] += std::abs(bends[h]) * cell / 4;
                          },
                          [&](const ActivationSpec& f) {
                            for (std::size_t h = 0; h < e.size(); ++h)
                              e[h] = off(layer, f.function, a(0)[h], b(0)[h], in(0)[h]);
                          },
                          [&](const PoolSpec& pool) {
                            for (std::size_t p = 0; p < e.size(); ++p) {
                              std::size_t at_a = 0, at_b = 0;
                              bool first = true;
                              for (std::size_t r = layer.patches.begin[p]; r < layer.patches.begin[p + 1]; ++r) {
                                if (layer.patches.entries[r] == kPadding) continue;
                                const auto h = static_cast<std::size_t>(layer.patches.entries[r]);
                                if (pool.kind == PoolSpec::Kind::average) {
                                  e[p] += in(0)[h];
                                  continue;
                                }
                                if (first || a(0)[h] > a(0)[at_a]) at_a = h;
                                if (first || b(0)[h] > b(0)[at_b]) at_b = h;
                                e[p] = std::max(e[p], in(0)[h]);
                                first = false;
                              }
                              if (pool.kind == PoolSpec::Kind::average)
                                e[p] /= static_cast<double>(layer.patches.begin[p + 1] - layer.patches.begin[p]);
                              else
                                e[p] += bulge(b(0)[at_b] - b(0)[at_a], a(0)[at_a] - a(0)[at_b]);
                            }
                          },
                          [&](const SumSpec&) { join(layer, e, in); }, [&](const ConcatSpec&) { join(layer, e, in); },
                          [&](const SelectSpec&) { join(layer, e, in); },
                          [&](const BatchNormSpec&) {
                            for (std::size_t h = 0; h < e.size(); ++h)
                              e[h] = std::abs(layer.factors[h % layer.factors.size()]) * in(0)[h];
                          }},
               node.spec);
    note(e);
    chords[l].radius = std::move(e);
  }
  static double off(const Layer& layer, const Activation& f, double a, double b, double e) {
    if (layer.lipschitz > 0) return layer.lipschitz * e + layer.bend * (b - a) * (b - a) / 8;
    if (f.kind == ActivationKind::identity || (a >= e && b >= e)) return e;
    const double slope = f.kind == ActivationKind::relu ? 0 : f.parameter.convert_to<double>();
    if (a <= -e && b <= -e) return std::abs(slope) * e;
    return std::max(1.0, std::abs(slope)) * e +
           ((a < 0) != (b < 0) ? std::abs(1 - slope) * bulge(std::abs(a), std::abs(b)) : 0);
  }
};

Chords::Bound Chords::operator()(const ConvexLoss& loss, std::size_t cells) const {
  const std::size_t n = data_.size();
  const auto m = static_cast<Eigen::Index>(network_.node(output_).width);
  const Matrix<double> inputs = EnclosedForward(network_, {}, 0, data_)(0, n).middle;
  std::vector<Eigen::MatrixXd> outputs(cells + 1, Eigen::MatrixXd(static_cast<Eigen::Index>(n), m));
  Eigen::MatrixXd radii(static_cast<Eigen::Index>(n), static_cast<Eigen::Index>(cells));
  std::vector<double> largest(n, 0);
  const double cell = 1 / static_cast<double>(cells);
  parallel_for(n, [&](std::size_t i) {
    const auto row = static_cast<Eigen::Index>(i);
    const Numbers x(inputs.row(row).data(), inputs.row(row).data() + inputs.cols());
    Sample sample{network_, layers_, x};
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const Layer& layer = layers_[l];
      if (layer.moves && !layer.affine) continue;
      if (layer.affine) {
        for (std::size_t end : {0U, 1U}) {
          sample.make(l, static_cast<double>(end), 0);
          sample.chords[l].ends[end] = sample.chords[l].v[0];
        }
      } else {
        sample.make(l, 0, 0);
      }
      sample.radius(l, 0, cell);
    }
    const auto at = [&](std::size_t k) {
      poll();
      for (std::size_t l = 0; l < layers_.size(); ++l)
        if (layers_[l].moves) sample.make(l, static_cast<double>(k) * cell, k % 2);
      const Numbers& out = sample.value(layers_.size() - 1, k % 2);
      for (Eigen::Index t = 0; t < m; ++t) outputs[k](row, t) = out[static_cast<std::size_t>(t)];
    };
    at(0);
    for (std::size_t k = 0; k < cells; ++k) {
      at(k + 1);
      for (std::size_t l = 0; l < layers_.size(); ++l)
        if (layers_[l].moves && !layers_[l].affine) sample.radius(l, k % 2, cell);
      const Numbers& e = sample.chords.back().radius;
      radii(row, static_cast<Eigen::Index>(k)) = *std::max_element(e.begin(), e.end());
    }
    largest[i] = sample.largest;
  });
  Bound bound;
  const auto last = static_cast<Eigen::Index>(cells) - 1;
  for (Eigen::Index k = 0; k <= last + 1; ++k) {
    const Eigen::VectorXd radius = radii.col(std::max(k - 1, Eigen::Index{0})).cwiseMax(radii.col(std::min(k, last)));
    const Eigen::MatrixXd& f = outputs[static_cast<std::size_t>(k)];
    bound.profile.push_back(loss.phi(f));
    bound.sampled = std::max(bound.sampled, bound.profile.back());
    bound.bound = std::max(bound.bound, loss.phi(f, radius));
  }
  bound.largest = *std::max_element(largest.begin(), largest.end());
  return bound;
}

unsigned Chords::bits(double largest) {
  const int whole = std::max(0, static_cast<int>(std::ceil(std::log2(largest + 1))));
  return static_cast<unsigned>(std::clamp(56 - whole, 8, 40));
}

std::optional<Piece> fewest_cells(const Chords& chords, const ConvexLoss& loss, double level, std::size_t most) {
  for (std::size_t cells = 4; cells <= most; cells *= 2) {
    Chords::Bound bound = chords(loss, cells);
    if (bound.sampled > level) break;  // finer grids show that too
    if (bound.bound <= level * (1 - 1e-7)) return Piece{cells, Chords::bits(bound.largest), std::move(bound)};
  }
  return std::nullopt;
}

}  // namespace widecert
