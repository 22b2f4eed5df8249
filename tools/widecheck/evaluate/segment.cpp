#include "evaluate/segment.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "evaluate/activation.h"
#include "evaluate/fixed_point.h"
#include "evaluate/forward_int64.h"
#include "kernel/int128.h"
#include "kernel/integers.h"
#include "kernel/parallel.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

using Wide = Int128;
using Values64 = std::vector<std::int64_t>;
using Theta = std::map<std::size_t, Parameters>;

constexpr std::int64_t kRange = std::int64_t{1} << 58;  // of values and radii
constexpr int kNarrow = 30, kSums = 31;                 // bits of factors; of the sum of a row of weights
constexpr int kNormBits = 40, kBoundBits = 8;

std::int64_t in_range(Wide v) {
  require(v < kRange && v > -kRange, "range", "values of 2^58 units: with fewer bits they would be smaller");
  return static_cast<std::int64_t>(v);
}
Wide size(std::int64_t v) { return v < 0 ? -Wide{v} : Wide{v}; }
// v 2^-shift, rounded to the nearest; upwards. A negative shift multiplies.
Wide near(Wide v, int shift) { return shift > 0 ? (v + (Wide{1} << (shift - 1))) >> shift : v << -shift; }
Wide up(Wide v, int shift) { return shift > 0 ? (v + (Wide{1} << shift) - 1) >> shift : v << -shift; }
// A quotient of integers, d > 0, to the nearest.
mpz_class quotient(const mpz_class& n, const mpz_class& d) { return floor_div(2 * n + d, 2 * d); }
std::int64_t to_range(const mpz_class& v) {
  require(mpz_sizeinbase(v.get_mpz_t(), 2) <= 58, "range",
          "a number of 2^58 units: with fewer bits it would be smaller");
  return v.get_si();
}
std::int64_t most(const Values64& v) {
  Wide all = 0;
  for (std::int64_t x : v) all = std::max(all, size(x));
  return static_cast<std::int64_t>(all);
}

// Numbers of at most 30 bits and a shift: to the nearest, or upwards.
struct Narrow {
  std::vector<std::int32_t> v;
  int shift = 0;
};
Narrow narrow(const Values64& v, bool upwards) {
  Narrow out;
  const auto length = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(most(v))));
  out.shift = std::max(0, length - kNarrow);
  out.v.reserve(v.size());
  for (std::int64_t x : v) out.v.push_back(static_cast<std::int32_t>(upwards ? up(x, out.shift) : near(x, out.shift)));
  return out;
}

// How one node makes chords; `at`: one for each point of the grid, or one for all, or those at both ends.
struct Layer {
  std::size_t node = 0;
  std::vector<std::size_t> inputs;   // layers
  bool moves = false;                // its values do
  bool own = false, affine = false;  // its tensors do; and nothing below it does
  // Linear: by bank, position in the patch, filter, over 2^scale.
  int scale = 0;
  std::vector<std::vector<std::vector<std::int32_t>>> weights;
  std::vector<std::vector<std::int32_t>> bounds;  // at least |W| on the segment
  std::int64_t row_sum = 0, terms = 0;            // at least that of |W| + 1
  std::vector<Values64> bias;
  std::int64_t length = 1;               // of the patches of a pool
  Values64 factors, shifts;              // of a batch norm
  std::optional<FixedPoint> fixed;       // smooth functions; else by series
  std::int64_t lipschitz = 0, bend = 0;  // over 2^8, rounded up
};

// Chords of one node on one sample: values at two points of the grid, and what they may be off by as functions of
// the values below; the radius between.
struct Chord {
  Values64 v[2], radius, ends[2];
  std::int64_t slip[2] = {0, 0}, end_slip = 0;
};

class Segment {
 public:
  Segment(const Context& c, std::size_t output, const Theta& from, const Theta& to, std::size_t cells, unsigned bits)
      : c_(c), cells_(cells), bits_(bits) {
    std::map<std::size_t, std::size_t> place;
    for (std::size_t i : c.network.below(output)) {
      Layer layer;
      layer.node = i;
      const Node& node = c.network.node(i);
      for (std::size_t input : node.inputs) {
        layer.inputs.push_back(place.at(input));
        layer.moves = layer.moves || layers_[place.at(input)].moves;
      }
      if (node.op == Op::linear) linear(layer, from.at(i), to.at(i));
      if (node.op == Op::activation) function(layer);
      if (node.op == Op::batch_norm) {
        for (std::size_t k = 0; k < node.scale->rows[0].size(); ++k) {
          layer.factors.push_back(to_range(quotient(node.scale->rows[0][k] << kNormBits, node.scale->divisor)));
          layer.shifts.push_back(to_range(quotient(node.shift->rows[0][k] << bits_, node.shift->divisor)));
        }
      }
      if (node.op == Op::max_pool || node.op == Op::average_pool)
        layer.length = static_cast<std::int64_t>(pool_length(node));
      if (node.patches.count() > 0) node.patches.entries();  // threads only read them
      place[i] = layers_.size();
      layers_.push_back(std::move(layer));
    }
    Products once = 0, each = 0;
    for (const Layer& layer : layers_) {
      const Node& node = c.network.node(layer.node);
      Products work = 40 * Products(node.width) + Products(node.terms()) * node.width * (layer.own ? 3 : 2);
      if (node.activation.function == Function::leaky_relu && node.op == Op::activation) {
        const Products words =
            Products::words(node.activation.parameter.get_num()) + Products::words(node.activation.parameter.get_den());
        work += (1'000 + 20 * words * words) * node.width;
      }
      if (node.op == Op::activation && layer.lipschitz != 0)
        work += (layer.fixed ? FixedPoint::kCost : 30 * series_cost(node.activation, bits_)) * node.width;
      (layer.moves && !layer.affine ? each : once) += work;
      if (layer.affine) each += 10 * Products(node.width);
    }
    each += 400 * Products(c.network.node(output).width);
    c.budget.spend((once + each * (cells + 1)) * c.data.size());
  }

  // Sums over the samples, at each point of the grid.
  std::vector<mpz_class> sums(const LossOnGrid& loss) const {
    std::vector<mpz_class> total(cells_ + 1, 0);
    constexpr std::size_t kBatch = 64;
    std::vector<std::pair<std::size_t, Values64>> batch;
    const auto flush = [&] {
      std::vector<std::vector<mpz_class>> parts(batch.size());
      const Task task = [&](std::size_t k) { parts[k] = of_sample(batch[k].second, batch[k].first, loss); };
      if (by_series_) {
        for (std::size_t k = 0; k < batch.size(); ++k) task(k);
      } else {
        in_parallel(batch.size(), [&] { return task; });
      }
      for (const auto& part : parts)
        for (std::size_t k = 0; k < total.size(); ++k) total[k] += part[k];
      batch.clear();
    };
    const mpz_class divisor = c_.data.divisor();
    c_.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
      Values64 v;
      for (const mpz_class& entry : x) v.push_back(to_range(quotient(entry << bits_, divisor)));
      batch.emplace_back(i, std::move(v));
      if (batch.size() == kBatch) flush();
    });
    flush();
    return total;
  }

 private:
  void linear(Layer& layer, const Parameters& from, const Parameters& to) {
    const Node& node = c_.network.node(layer.node);
    const bool weights_move = !equal(from.weights, to.weights), bias_moves = !equal(from.bias, to.bias);
    layer.own = weights_move || bias_moves;
    layer.affine = layer.own && !layer.moves;
    layer.moves = layer.moves || layer.own;
    layer.terms = static_cast<std::int64_t>(node.patches.longest());
    mpq_class largest_sum = 0;
    for (const Parameters* end : {&from, &to}) {
      for (const auto& row : end->weights.rows) {
        mpq_class sum = 0;
        for (const mpz_class& w : row) sum += abs(w);
        largest_sum = std::max<mpq_class>(largest_sum, sum / end->weights.divisor);
      }
    }
    // Weights, and the differences of two, are below 2^30; rows sum to 2^31 at most, each weight raised by 1.
    const mpz_class whole = ceil_of(largest_sum);
    layer.scale = kSums - 2 - static_cast<int>(mpz_sizeinbase(whole.get_mpz_t(), 2));
    require(layer.scale >= 0, "range", "layer " + node.name + ": weights too large for 64 bits");
    const std::vector<std::size_t> points = grid(layer);
    std::size_t entries = 0;
    for (const auto& row : from.weights.rows) entries += row.size();
    Products words = 0;
    for (const Parameters* end : {&from, &to})
      for (const Tensor* t : {&end->weights, &end->bias}) words += words_of(*t);
    c_.budget.spend((40 + 10 * words * words) * Products(entries + node.width) * (points.size() + 1));
    require(entries + node.width <= kMaxEntries / points.size(), "range", "layer " + node.name + ": too many cells");
    for (std::size_t k : points) {
      auto& banks = layer.weights.emplace_back();
      for (std::size_t bank = 0; bank < node.patches.banks(); ++bank) {
        auto& out = banks.emplace_back();
        const std::size_t length = from.weights.rows[bank * node.filters].size();
        for (std::size_t r = 0; r < length; ++r)
          for (std::size_t t = 0; t < node.filters; ++t)
            out.push_back(static_cast<std::int32_t>(
                between(from.weights, to.weights, bank * node.filters + t, r, k, static_cast<unsigned>(layer.scale))
                    .get_si()));
      }
      Values64 bias;
      if (node.bias != Bias::none)
        for (std::size_t h = 0; h < node.width; ++h)
          bias.push_back(to_range(between(from.bias, to.bias, 0, c_.network.bias_of(layer.node, h), k, bits_)));
      layer.bias.push_back(std::move(bias));
    }
    layer.bounds = layer.weights.front();
    for (std::size_t bank = 0; bank < layer.bounds.size(); ++bank) {
      Values64 sums(node.filters, 0);
      for (std::size_t e = 0; e < layer.bounds[bank].size(); ++e) {
        std::int32_t& bound = layer.bounds[bank][e];
        bound = std::max(std::abs(bound), std::abs(layer.weights.back()[bank][e])) + 1;
        sums[e % node.filters] += bound;
      }
      for (std::int64_t sum : sums) layer.row_sum = std::max(layer.row_sum, sum);
    }
    require(layer.row_sum <= std::int64_t{1} << kSums, "range", "layer " + node.name + ": rows too long for 64 bits");
  }
  // Of the longest number and of the divisor.
  static Products words_of(const Tensor& t) {
    Products most = 0;
    for (const auto& row : t.rows) most = std::max(most, Products::words(largest(row)));
    return most + Products::words(t.divisor);
  }
  static bool equal(const Tensor& a, const Tensor& b) {
    if (a.divisor == b.divisor) return a.rows == b.rows;
    for (std::size_t r = 0; r < a.rows.size(); ++r)
      for (std::size_t k = 0; k < a.rows[r].size(); ++k)
        if (a.rows[r][k] * b.divisor != b.rows[r][k] * a.divisor) return false;
    return true;
  }
  std::vector<std::size_t> grid(const Layer& layer) const {
    if (!layer.own) return {0};
    if (layer.affine) return {0, cells_};
    std::vector<std::size_t> all(cells_ + 1);
    for (std::size_t k = 0; k <= cells_; ++k) all[k] = k;
    return all;
  }
  // An entry at point k of the grid, over 2^scale, to the nearest.
  mpz_class between(const Tensor& a, const Tensor& b, std::size_t row, std::size_t column, std::size_t k,
                    unsigned scale) const {
    const mpz_class sum = a.rows[row][column] * b.divisor * static_cast<unsigned long>(cells_ - k) +
                          b.rows[row][column] * a.divisor * static_cast<unsigned long>(k);
    return quotient(sum << scale, a.divisor * b.divisor * static_cast<unsigned long>(cells_));
  }

  void function(Layer& layer) {
    const Activation& f = c_.network.node(layer.node).activation;
    if (piecewise_linear(f.function)) return;
    const auto over = [&](const mpq_class& q) { return to_range(ceil_of(q * (1 << kBoundBits))); };
    layer.lipschitz = over(lipschitz(f));
    try {
      layer.bend = over(slope_lipschitz(f));
    } catch (const Rejected&) {
      throw Rejected("unsupported", "no bound on how far " + f.name + " bends");
    }
    layer.fixed = FixedPoint::of(f, mpz_class(1) << bits_, mpz_class(kRange), bits_);
    by_series_ = by_series_ || !layer.fixed;
  }

  // ---- one sample ----

  std::vector<mpz_class> of_sample(const Values64& x, std::size_t sample, const LossOnGrid& loss) const {
    std::vector<Chord> chords(layers_.size());
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      if (layers_[l].moves && !layers_[l].affine) continue;
      Chord& chord = chords[l];
      if (layers_[l].affine) {
        for (std::size_t end : {0U, 1U}) {
          make(layers_[l], chord, chords, x, end * cells_, 0);
          chord.ends[end] = chord.v[0];
          chord.end_slip = std::max(chord.end_slip, chord.slip[0] + 1);
        }
        chord.slip[0] = chord.slip[1] = chord.end_slip;
      } else {
        make(layers_[l], chord, chords, x, 0, 0);
      }
      radius(layers_[l], chord, chords, 0);
    }
    const auto at = [&](std::size_t k) {
      for (std::size_t l = 0; l < layers_.size(); ++l)
        if (layers_[l].moves) make(layers_[l], chords[l], chords, x, k, k % 2);
    };
    at(0);
    const Chord& out = chords.back();
    const bool still = !layers_.back().moves;
    std::vector<mpz_class> u(cells_ + 1);
    std::int64_t before = 0;
    Values64 last = out.v[0];
    for (std::size_t k = 0; k < cells_; ++k) {
      at(k + 1);
      for (std::size_t l = 0; l < layers_.size(); ++l)
        if (layers_[l].moves && !layers_[l].affine) radius(layers_[l], chords[l], chords, k);
      const std::int64_t here = most(out.radius);
      u[k] = loss(last, std::max(before, here), sample);
      before = here;
      last = out.v[still ? 0 : (k + 1) % 2];
    }
    u[cells_] = loss(last, before, sample);
    return u;
  }

  const Values64& value(const std::vector<Chord>& chords, std::size_t l, std::size_t slot) const {
    return chords[l].v[layers_[l].moves ? slot : 0];
  }

  // The values at point k of the grid.
  void make(const Layer& layer, Chord& chord, const std::vector<Chord>& chords, const Values64& x, std::size_t k,
            std::size_t slot) const {
    const Node& node = c_.network.node(layer.node);
    Values64& y = chord.v[slot];
    const auto in = [&](std::size_t n) -> const Values64& { return value(chords, layer.inputs[n], slot); };
    y.assign(node.width, 0);
    switch (node.op) {
      case Op::input:
        y = x;
        break;
      case Op::linear: {
        if (!chord.ends[1].empty()) {
          const auto steps = static_cast<std::int64_t>(k);
          for (std::size_t h = 0; h < y.size(); ++h)
            y[h] = chord.ends[0][h] + static_cast<std::int64_t>(Wide{chord.ends[1][h] - chord.ends[0][h]} * steps /
                                                                static_cast<std::int64_t>(cells_));
          break;
        }
        const Narrow narrowed = narrow(in(0), false);
        const std::size_t at = !layer.own ? 0 : layer.affine ? (k == 0 ? 0 : 1) : k;
        add(node, narrowed.v, layer.weights[at], y);
        const int shift = layer.scale - narrowed.shift;
        for (std::size_t h = 0; h < y.size(); ++h)
          y[h] = in_range(near(y[h], shift) + (layer.bias[at].empty() ? 0 : layer.bias[at][h]));
        const Wide rounded_weights = up(Wide{layer.terms} * most(in(0)), layer.scale + 1),
                   rounded_values =
                       narrowed.shift == 0 ? 0 : up(Wide{layer.row_sum} << narrowed.shift, layer.scale + 1);
        chord.slip[slot] = in_range(rounded_weights + rounded_values + 2);
        break;
      }
      case Op::activation:
        for (std::size_t h = 0; h < y.size(); ++h) y[h] = in_range(evaluate(layer, node.activation, in(0)[h]));
        break;
      case Op::max_pool:
      case Op::average_pool:
        for (std::size_t p = 0; p < y.size(); ++p) {
          Wide result = 0;
          bool first = true;
          node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) {
            const std::int64_t v = in(0)[input];
            result = node.op == Op::average_pool ? result + v : first ? v : std::max(result, Wide{v});
            first = false;
          });
          y[p] = in_range(node.op == Op::average_pool ? result / layer.length : result);
        }
        break;
      case Op::sum:
      case Op::concat:
      case Op::select:
        join(layer, y, in);
        break;
      case Op::batch_norm:
        for (std::size_t h = 0; h < y.size(); ++h) {
          const std::size_t c = node.norm_entry(h);
          y[h] = in_range(near(Wide{in(0)[h]} * layer.factors[c], kNormBits) + layer.shifts[c]);
        }
        chord.slip[slot] = in_range(up(most(in(0)), kNormBits + 1) + 2);
        break;
    }
  }
  static void add(const Node& node, const std::vector<std::int32_t>& x,
                  const std::vector<std::vector<std::int32_t>>& weights, Values64& y) {
    const auto& patches = node.patches.entries();
    for (std::size_t p = 0; p < patches.size(); ++p)
      int64::add_patch(&y[p * node.filters], x.data(), patches[p], weights[node.patches.bank(p)].data(), node.filters);
  }
  template <class In>
  void join(const Layer& layer, Values64& y, In in) const {
    const Node& node = c_.network.node(layer.node);
    for (std::size_t n = 0; n < node.inputs.size(); ++n) {
      const Values64& x = in(n);
      for (std::size_t h = 0; h < x.size(); ++h) {
        const std::size_t to = node.place(n, h);
        if (to == Node::kNowhere) continue;
        y[to] = in_range(Wide{y[to]} + x[h]);
      }
    }
  }
  // Within 2 units.
  Wide evaluate(const Layer& layer, const Activation& f, std::int64_t v) const {
    if (f.function == Function::identity || (piecewise_linear(f.function) && v >= 0)) return v;
    if (f.function == Function::relu) return 0;
    if (f.function == Function::leaky_relu) {
      mpz_class scaled;
      mpz_mul_si(scaled.get_mpz_t(), f.parameter.get_num().get_mpz_t(), v);
      return to_range(floor_div(scaled, f.parameter.get_den()));
    }
    if (layer.fixed) return (*layer.fixed)(v);
    mpq_class argument(mpz_class(v), mpz_class(1) << bits_);
    argument.canonicalize();
    const Interval enclosure = widecheck::value(f, argument, bits_);
    const mpz_class one = mpz_class(1) << bits_;
    require((enclosure.high - enclosure.low) * one <= 2, "precision", "an enclosure is too wide");
    return to_range(floor_of((enclosure.low + enclosure.high) / 2 * one));
  }

  // The radii on the cell that begins at point k of the grid.
  void radius(const Layer& layer, Chord& chord, const std::vector<Chord>& chords, std::size_t k) const {
    const Node& node = c_.network.node(layer.node);
    const std::size_t low = k % 2, high = layer.moves ? 1 - low : low;
    Values64& e = chord.radius;
    const auto in = [&](std::size_t n) -> const Values64& { return chords[layer.inputs[n]].radius; };
    const auto a = [&](std::size_t n) -> const Values64& { return value(chords, layer.inputs[n], low); };
    const auto b = [&](std::size_t n) -> const Values64& { return value(chords, layer.inputs[n], high); };
    const std::int64_t slip = std::max(chord.slip[0], layer.moves ? chord.slip[1] : 0);
    e.assign(node.width, 0);
    switch (node.op) {
      case Op::input:
        e.assign(node.width, 1);
        break;
      case Op::linear: {
        const Narrow narrowed = narrow(in(0), true);
        add(node, narrowed.v, layer.bounds, e);
        Values64 bends(node.width, 0);
        Narrow step;
        if (layer.own && !layer.affine) {
          Values64 difference(a(0).size());
          for (std::size_t h = 0; h < difference.size(); ++h) difference[h] = b(0)[h] - a(0)[h];
          step = narrow(difference, false);
          const auto& patches = node.patches.entries();
          for (std::size_t p = 0; p < patches.size(); ++p) {
            const std::size_t bank = node.patches.bank(p);
            int64::add_patch_of_difference(&bends[p * node.filters], step.v.data(), patches[p],
                                           layer.weights[k][bank].data(), layer.weights[k + 1][bank].data(),
                                           node.filters);
          }
        }
        for (std::size_t h = 0; h < e.size(); ++h) {
          Wide bend = size(bends[h]) << step.shift;
          if (step.shift > 0) bend += Wide{layer.row_sum} << step.shift;
          e[h] = in_range(up(e[h], layer.scale - narrowed.shift) + up(bend, layer.scale + 2) + slip);
        }
        break;
      }
      case Op::activation:
        for (std::size_t h = 0; h < e.size(); ++h)
          e[h] = in_range(off(layer, node.activation, a(0)[h], b(0)[h], in(0)[h]));
        break;
      case Op::max_pool:
        for (std::size_t p = 0; p < e.size(); ++p) {
          std::size_t at_a = 0, at_b = 0;
          bool first = true;
          node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) {
            if (first || a(0)[input] > a(0)[at_a]) at_a = input;
            if (first || b(0)[input] > b(0)[at_b]) at_b = input;
            e[p] = std::max(e[p], in(0)[input]);
            first = false;
          });
          e[p] = in_range(Wide{e[p]} + bulge(b(0)[at_b] - b(0)[at_a], a(0)[at_a] - a(0)[at_b]));
        }
        break;
      case Op::average_pool: {
        for (std::size_t p = 0; p < e.size(); ++p) {
          Wide sum = 0;
          node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) { sum += in(0)[input]; });
          e[p] = in_range(sum / layer.length + 2);
        }
        break;
      }
      case Op::sum:
      case Op::concat:
      case Op::select:
        join(layer, e, in);
        break;
      case Op::batch_norm:
        for (std::size_t h = 0; h < e.size(); ++h)
          e[h] = in_range(up(Wide{in(0)[h]} * (size(layer.factors[node.norm_entry(h)]) + 1), kNormBits) + slip);
        break;
    }
  }
  // The same, of any size.
  Wide bent_far(Wide step, std::int64_t bend) const {
    const mpz_class whole(static_cast<long>(step));
    return to_range(ceil_shift(whole * whole * bend, bits_ + kBoundBits + 3)) + 1;
  }
  // At least x y / (x + y), for x, y >= 0.
  static Wide bulge(Wide x, Wide y) { return x == 0 || y == 0 ? Wide{0} : x * y / (x + y) + 1; }
  Wide off(const Layer& layer, const Activation& f, std::int64_t a, std::int64_t b, std::int64_t e) const {
    if (f.function == Function::identity) return e;
    if (!piecewise_linear(f.function)) {
      // Steps below 2^59, and the bend below 2^58: products in big integers where 128 bits might not hold them.
      const Wide step = size(b - a), square = up(step * step, static_cast<int>(bits_));
      const Wide bent = square < Wide{1} << 64 ? up(square * layer.bend, kBoundBits + 3) : bent_far(step, layer.bend);
      return up(Wide{e} * layer.lipschitz, kBoundBits) + bent + 2;
    }
    if (a >= e && b >= e) return e;
    const bool rectified = f.function == Function::relu;
    const mpq_class slope = rectified ? mpq_class(0) : f.parameter, other = abs(1 - slope);
    const bool below = a <= -e && b <= -e;
    if (rectified) {
      if (below) return 0;
      return Wide{e} + ((a < 0) != (b < 0) ? bulge(size(a), size(b)) : 0);
    }
    const mpq_class most = below ? mpq_class(abs(slope)) : std::max(mpq_class(1), mpq_class(abs(slope)));
    const mpz_class carried = ceil_of(most * mpz_class(e));
    const Wide gap = (a < 0) != (b < 0) ? bulge(size(a), size(b)) : 0;
    return Wide{to_range(carried)} + to_range(ceil_of(other * mpz_class(static_cast<long>(in_range(gap))))) + 1;
  }

  const Context& c_;
  std::size_t cells_;
  unsigned bits_;
  bool by_series_ = false;  // some values are; their tables are not for threads
  std::vector<Layer> layers_;
};

}  // namespace

mpq_class above_on_segment(const Context& c, std::size_t output, const Theta& from, const Theta& to,
                           const ConvexLoss& loss, std::size_t cells, unsigned bits) {
  const Segment segment(c, output, from, to, cells, bits);
  const auto sums = segment.sums(LossOnGrid(loss, bits));
  mpq_class bound(*std::max_element(sums.begin(), sums.end()), mpz_class(1) << bits);
  bound.canonicalize();
  return bound;
}

}  // namespace widecheck
