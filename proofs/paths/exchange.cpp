#include "proofs/paths/exchange.h"

#include <fmt/format.h>
#include <widecert/linalg/exact_solve.h>
#include <widecert/linalg/independent_lines.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/network/point_parameters.h>

#include <algorithm>
#include <numeric>

#include "proofs/paths/fit.h"

namespace widecert {
namespace {

using Column = std::vector<Rational>;  // of F: a number for each sample
constexpr std::size_t kMostSamples = 128, kMostStrangers = 200;

struct Unit {
  std::vector<Rational> weights;
  Rational bias;
};

class Exchange {
 public:
  Exchange(const Instance& instance, Walk walk, const PointSpec& to) : walk_(std::move(walk)) {
    const Architecture& network = instance.network;
    const std::size_t base = walk_.dense().values(0);
    const auto theta = parameters_at<Rational>(network, to, base);
    for (std::size_t i = 0; i < instance.data.size(); ++i)
      below_.push_back(node_value(network, theta, instance.data.sample(i), base));
    with_ones_ = walk_.dense().has_biases(2);
    ones_ = Column(below_.size(), Rational(1));
  }

  // Throws Outcome where it cannot be done.
  Walk run() {
    const std::size_t n = below_.size(), width = walk_.width(1);
    for (const DenseTensors* t : {&walk_.now(1), &walk_.end(1)})
      for (std::size_t j = 0; j < width; ++j)
        (t == &walk_.now(1) ? mine_ : theirs_)
            .push_back(feature({t->weights[j], t->bias.empty() ? Rational(0) : t->bias[j]}));
    const Tensor from = outputs(mine_, walk_.now(2)), to = outputs(theirs_, walk_.end(2));

    // Units that add nothing to the span become others that do: in both networks, if that is needed.
    const DenseTensors last = walk_.end(1);
    DenseTensors raised_end = last;
    const Units basis_of_end = basis(theirs_, all_units(width));
    const DenseTensors top_of_end = solve(theirs_, basis_of_end, to);
    if (basis_of_end.size() + ones() < n) raised_end = raise(raised_end, theirs_, basis_of_end, mine_, walk_.now(1));
    if (const Units used = basis(mine_, all_units(width)); used.size() + ones() < n) {
      walk_.top(solve(mine_, used, from));
      walk_.unused(1, raise(walk_.now(1), mine_, used, theirs_, raised_end));
    }
    place(from, raised_end);
    walk_.top(top_of_end);
    walk_.unused(1, last);
    walk_.top(walk_.end(2));
    return walk_;
  }

 private:
  std::size_t ones() const { return with_ones_ ? 1 : 0; }
  const Activation& function() const { return walk_.dense().function(1); }
  Column feature(const Unit& unit) const {
    Column f;
    for (const auto& x : below_) {
      Rational sum = unit.bias;
      for (std::size_t k = 0; k < x.size(); ++k) sum += x[k] * unit.weights[k];
      f.push_back(evaluate(function(), sum));
    }
    return f;
  }
  Tensor outputs(const std::vector<Column>& f, const DenseTensors& top) const {
    Tensor g;
    for (std::size_t i = 0; i < below_.size(); ++i) {
      auto& row = g.emplace_back();
      for (std::size_t t = 0; t < top.weights.size(); ++t) {
        Rational sum = top.bias.empty() ? Rational(0) : top.bias[t];
        for (std::size_t j = 0; j < f.size(); ++j) sum += top.weights[t][j] * f[j][i];
        row.push_back(sum);
      }
    }
    return g;
  }
  static std::vector<std::uint32_t> residues(const Column& column) {
    std::vector<std::uint32_t> line;
    for (const Rational& v : column) line.push_back(static_cast<std::uint32_t>(residue_of(v, kRankPrime)));
    return line;
  }
  // Of these units, in this order: each that is independent of those before it, and of the ones.
  Units basis(const std::vector<Column>& f, const Units& order) const {
    poll();
    ResidueLines rows(below_.size());
    const auto add = [&](const Column& column) {
      const auto line = residues(column);
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i].push_back(line[i]);
    };
    if (with_ones_) add(ones_);
    for (std::size_t j : order) add(f[j]);
    Units chosen;
    for (std::size_t k : independent_positions(rows, kRankPrime))
      if (k >= ones()) chosen.push_back(order[k - ones()]);
    return chosen;
  }

  // The output layer with weights on these units alone that has these outputs, exactly.
  DenseTensors solve(const std::vector<Column>& f, const Units& units, const Tensor& outputs) const {
    std::vector<const Column*> columns;
    for (std::size_t j : units) columns.push_back(&f[j]);
    if (with_ones_) columns.push_back(&ones_);
    const std::size_t r = columns.size(), m = walk_.width(2);
    DenseTensors top{Tensor(m, std::vector<Rational>(walk_.width(1), 0)), {}};
    if (with_ones_) top.bias.assign(m, 0);
    ResidueLines lines;
    for (const Column* c : columns) lines.push_back(residues(*c));
    const auto chosen = independent_positions(lines, kRankPrime);  // samples
    if (chosen.size() < r) throw undecided("no-path", "a basis of the features was not found modulo a prime");
    Rational common = 1;
    const auto note = [&](const Rational& v) { common = lcm(numerator(common), denominator(v)); };
    for (std::size_t i : chosen) {
      for (const Column* c : columns) note((*c)[i]);
      for (const Rational& v : outputs[i]) note(v);
    }
    IntegerRows a, b;
    for (std::size_t i : chosen) {
      auto& left = a.emplace_back();
      for (const Column* c : columns) left.push_back(numerator(Rational((*c)[i] * common)));
      auto& right = b.emplace_back();
      for (const Rational& v : outputs[i]) right.push_back(numerator(Rational(v * common)));
    }
    if (r == 0) return top;
    const auto found = solve_exactly(a, b, [](std::size_t, std::size_t) { poll(); });
    if (!found) throw undecided("no-path", "an exact system could not be solved");
    for (std::size_t t = 0; t < m; ++t) {
      for (std::size_t k = 0; k < units.size(); ++k)
        top.weights[t][units[k]] = Rational(found->numerators[k][t], found->divisor);
      if (with_ones_) top.bias[t] = Rational(found->numerators[units.size()][t], found->divisor);
    }
    if (this->outputs(f, top) != outputs)
      throw undecided("no-path", "the outputs do not lie in the span of the features on a basis");
    return top;
  }

  // Units outside a basis become such that N columns are independent: units of the other network, then others. The
  // features are changed too.
  DenseTensors raise(DenseTensors layer, std::vector<Column>& f, const Units& used, const std::vector<Column>& other,
                     const DenseTensors& of_other) const {
    Units span = used;
    std::vector<std::size_t> free = other_units(used, f.size());
    const auto full = [&] { return span.size() + ones() == below_.size(); };
    std::uint64_t state = 1;
    for (std::size_t k = 0; !full() && k < other.size() + kMostStrangers; ++k) {
      if (free.empty())
        throw not_applicable("width", fmt::format("{} units and {} columns of ones are fewer than {} samples", f.size(),
                                                  ones(), below_.size()));
      Unit unit;
      if (k < other.size()) {
        unit = {of_other.weights[k], of_other.bias.empty() ? Rational(0) : of_other.bias[k]};
      } else {
        if (layer.bias.empty()) break;
        // Any will do: a fixed sequence of small integers.
        const auto next = [&] {
          state = state * 6364136223846793005ULL + 1442695040888963407ULL;
          return static_cast<std::int64_t>(state >> 33) % 9 - 4;
        };
        unit.weights.resize(below_.front().size());
        for (Rational& w : unit.weights) w = next();
        // At a sample, so that kinks lie among them.
        unit.bias = next();
        const auto& x = below_[k % below_.size()];
        for (std::size_t i = 0; i < x.size(); ++i) unit.bias -= unit.weights[i] * x[i];
      }
      const std::size_t slot = free.back();
      const Column before = f[slot];
      f[slot] = feature(unit);
      Units longer = span;
      longer.push_back(slot);
      if (basis(f, longer).size() < longer.size()) {
        f[slot] = before;
        continue;
      }
      layer.weights[slot] = unit.weights;
      if (!layer.bias.empty()) layer.bias[slot] = unit.bias;
      span = longer;
      free.pop_back();
    }
    if (!full()) throw undecided("no-path", "no units were found that make the features span all outputs");
    return layer;
  }

  // Unit by unit, those of a basis at the end come to their places; outputs stay.
  void place(const Tensor& outputs, const DenseTensors& end) {
    const std::size_t width = walk_.width(1);
    const Units wanted = basis(theirs_, all_units(width));
    if (wanted.size() + ones() < below_.size())
      throw undecided("no-path", "the features of the second network do not span all outputs");
    constexpr std::size_t kOld = static_cast<std::size_t>(-1);
    std::vector<std::size_t> holds(width, kOld);  // a unit of the end
    for (std::size_t j = 0; j < width; ++j)
      if (walk_.now(1).weights[j] == end.weights[j] && (end.bias.empty() || walk_.now(1).bias[j] == end.bias[j]))
        holds[j] = j;
    const auto is_wanted = [&](std::size_t j) { return std::find(wanted.begin(), wanted.end(), j) != wanted.end(); };
    // In their places, waiting where nobody else belongs, waiting elsewhere, old.
    const auto by_holding = [&] {
      Units order = all_units(width);
      const auto rank = [&](std::size_t j) {
        return holds[j] == j && is_wanted(j) ? 0 : holds[j] != kOld && !is_wanted(j) ? 1 : holds[j] != kOld ? 2 : 3;
      };
      std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
      return order;
    };
    Units used = basis(mine_, by_holding());
    for (std::size_t round = 0; round < 4 * width + 4; ++round) {
      poll();
      walk_.top(solve(mine_, used, outputs));
      if (std::all_of(wanted.begin(), wanted.end(), [&](std::size_t j) { return holds[j] == j; })) break;
      std::vector<std::size_t> free = other_units(used, width);
      if (free.empty())
        throw not_applicable("width", fmt::format("{} units and {} columns of ones: for {} samples one more is needed",
                                                  width, ones(), below_.size()));
      std::vector<std::size_t> puts(width, kOld);
      for (std::size_t slot : free)
        if (is_wanted(slot) && holds[slot] != slot) puts[slot] = slot;
      const auto present = [&](std::size_t j) {
        return std::find(holds.begin(), holds.end(), j) != holds.end() ||
               std::find(puts.begin(), puts.end(), j) != puts.end();
      };
      // Other free places hold units whose own places are not free yet.
      for (std::size_t slot : free) {
        if (puts[slot] != kOld || is_wanted(slot)) continue;
        const auto next = std::find_if(wanted.begin(), wanted.end(), [&](std::size_t j) { return !present(j); });
        if (next != wanted.end()) puts[slot] = *next;
      }
      if (std::all_of(puts.begin(), puts.end(), [&](std::size_t j) { return j == kOld; })) {
        // A unit in the place of another one that is waiting: it goes to a free place.
        const auto blocked = std::find_if(wanted.begin(), wanted.end(),
                                          [&](std::size_t j) { return holds[j] != j && holds[j] != kOld; });
        if (blocked == wanted.end()) throw undecided("no-path", "the exchange of units does not go on");
        puts[free.front()] = holds[*blocked];
      }
      DenseTensors next = walk_.now(1);
      for (std::size_t slot = 0; slot < width; ++slot) {
        if (puts[slot] == kOld) continue;
        holds[slot] = puts[slot];
        next.weights[slot] = end.weights[puts[slot]];
        if (!next.bias.empty()) next.bias[slot] = end.bias[puts[slot]];
        mine_[slot] = theirs_[puts[slot]];
      }
      walk_.unused(1, next);
      used = basis(mine_, by_holding());
    }
    walk_.unused(1, end);
  }
  Walk walk_;
  std::vector<std::vector<Rational>> below_;  // F_0, by sample
  bool with_ones_ = false;
  Column ones_;
  std::vector<Column> mine_, theirs_;  // features, now and at the end, raised
};

}  // namespace

std::optional<Walk> exchange(const Instance& instance, Walk walk, const PointSpec& to, Outcome& failed) {
  const std::size_t n = instance.data.size(), node = walk.dense().values(1);
  if (walk.layers() != 2 || n > kMostSamples || !rational_valued(instance.network, node)) return std::nullopt;
  try {
    return Exchange(instance, std::move(walk), to).run();
  } catch (const Outcome& why) {
    failed = why;
    return std::nullopt;
  }
}

}  // namespace widecert
