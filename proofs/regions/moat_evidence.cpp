#include "proofs/regions/moat_evidence.h"

#include <widecert/linalg/exact_program.h>

#include <cmath>
#include <limits>
#include <map>

namespace widecert {
namespace {

constexpr std::size_t kMostNodes = 20'000;

// The first coordinate that a row has: the facet is solved for it.
std::size_t pivot_of(const std::vector<Rational>& row) {
  std::size_t q = 0;
  while (row[q] == 0) ++q;
  return q;
}

// Throws this to give up a search.
struct NotEmpty {};

class Branches {
 public:
  Branches(const Units& network, std::size_t j, const Halfspaces& p, std::size_t facet)
      : network_(network), j_(j), p_(p), facet_(facet), decided_(network.sources() - network.inputs) {}
  std::vector<Value> run() {
    subtree();
    return std::move(nodes_);
  }

 private:
  using Form = std::vector<Rational>;  // of the inputs, then the constant

  void subtree() {
    poll();
    if (nodes_.size() > kMostNodes) throw NotEmpty();
    if (leaf()) return;
    // The first unit that reads decided ones only.
    for (std::size_t l = 0; l + 1 < network_.layers.size(); ++l) {
      const Units::Layer& layer = network_.layers[l];
      for (std::size_t h = 0; h < layer.rows.size(); ++h) {
        const std::size_t unit = layer.first - network_.inputs + h;
        if (decided_[unit]) continue;
        const auto reads = form(layer.rows[h]);
        if (!reads) continue;
        const Rational slope = layer.function.kind == ActivationKind::relu ? Rational(0) : layer.function.parameter;
        nodes_.emplace_back(unit);
        for (const bool above : {true, false}) {
          decided_[unit] = times(*reads, above ? Rational(1) : slope);
          signs_.push_back(times(*reads, above ? 1 : -1));
          subtree();
          signs_.pop_back();
        }
        decided_[unit].reset();
        return;
      }
    }
    throw NotEmpty();
  }
  static Form times(Form f, const Rational& by) {
    for (Rational& v : f) v *= by;
    return f;
  }
  std::optional<Form> form(const Units::Row& row) const {
    Form f(network_.inputs + 1);
    f.back() = row.constant;
    for (const auto& [source, weight] : row.terms) {
      if (source < network_.inputs) {
        f[source] += weight;
        continue;
      }
      const auto& unit = decided_[source - network_.inputs];
      if (!unit) return std::nullopt;
      for (std::size_t k = 0; k < f.size(); ++k) f[k] += weight * (*unit)[k];
    }
    return f;
  }
  Form slack(std::size_t row) const {
    Form f = times(p_[row], -1);
    f.back() = p_[row].back();
    return f;
  }

  // Multipliers whose sum is the constant -1, else 0 with multipliers of classes that add up to 1.
  bool leaf() {
    std::vector<Form> forms;  // rows, signs, then classes
    for (std::size_t k = 0; k < p_.size(); ++k)
      if (k != facet_) forms.push_back(slack(k));
    const std::size_t rows = forms.size();
    forms.insert(forms.end(), signs_.begin(), signs_.end());
    const auto& out = network_.layers.back().rows;
    std::vector<std::size_t> classes;  // those whose margins are decided, counted without j
    for (std::size_t k = 0, other = 0; k < out.size(); ++k) {
      if (k == j_) continue;
      if (auto margin = form(combination(1, out[j_], -1, out[k]))) {
        forms.push_back(std::move(*margin));
        classes.push_back(other);
      }
      ++other;
    }
    const std::size_t first_class = rows + signs_.size();
    const Form equation = slack(facet_);
    for (const bool strict : {true, false}) {
      if (!strict && classes.empty()) return false;
      std::vector<ProgramColumn> columns;
      const auto column = [&](const Form& f, const Rational& by, bool of_class) {
        ProgramColumn c;
        for (std::size_t k = 0; k < f.size(); ++k)
          if (f[k] != 0) c.emplace_back(k, by * f[k]);
        if (of_class && !strict) c.emplace_back(f.size(), 1);
        columns.push_back(std::move(c));
      };
      for (std::size_t k = 0; k < forms.size(); ++k) column(forms[k], 1, k >= first_class);
      column(equation, 1, false);
      column(equation, -1, false);
      std::vector<Rational> b(network_.inputs + (strict ? 1 : 2));
      b[network_.inputs] = strict ? -1 : 0;
      if (!strict) b.back() = 1;
      const auto x = nonnegative_solution(columns, b);
      if (!x) continue;
      const auto part = [&](std::size_t from, std::size_t to) {
        return std::vector<Rational>(x->begin() + static_cast<std::ptrdiff_t>(from),
                                     x->begin() + static_cast<std::ptrdiff_t>(to));
      };
      std::vector<Rational> of_classes(out.size() - 1);
      for (std::size_t k = 0; k < classes.size(); ++k) of_classes[classes[k]] = (*x)[first_class + k];
      nodes_.push_back(Value::object({{"class", of_classes},
                                      {"equation", Rational((*x)[forms.size()] - (*x)[forms.size() + 1])},
                                      {"rows", part(0, rows)},
                                      {"signs", part(rows, first_class)}}));
      return true;
    }
    return false;
  }

  const Units& network_;
  std::size_t j_;
  const Halfspaces& p_;
  std::size_t facet_;
  std::vector<std::optional<Form>> decided_;
  std::vector<Form> signs_;
  std::vector<Value> nodes_;
};

// On the facet, in double precision: the checker encloses.
class Ranges {
 public:
  Ranges(const Units& network, std::size_t j, const Halfspaces& p, std::size_t facet)
      : network_(network), j_(j), p_(p), facet_(facet), pivot_(pivot_of(p[facet])), box_(network.inputs) {
    // Units that read the same on the facet are one.
    for (std::size_t l = 0; l + 1 < network.layers.size(); ++l) {
      const Units::Layer& layer = network.layers[l];
      std::map<std::pair<Terms, Rational>, std::size_t> seen;
      for (std::size_t h = 0; h < layer.rows.size(); ++h) {
        Form f = merged(layer.rows[h]);
        const auto [at, is_new] = seen.try_emplace({f.terms, f.constant}, layer.first + h);
        stands_for_.push_back(at->second);
        if (is_new) units_.push_back({layer.first + h, layer.function, rounded(f)});
      }
    }
    const auto& out = network.layers.back().rows;
    for (const Units::Row& row : out) margins_.push_back(rounded(merged(combination(1, out[j], -1, row))));
    for (const auto& row : p) {
      Units::Row slack{{}, row.back()};
      for (std::size_t c = 0; c < network.inputs; ++c)
        if (row[c] != 0) slack.terms.emplace_back(c, -row[c]);
      slacks_.push_back(rounded(merged(slack)));
    }
  }
  std::vector<Value> run() {
    subtree(0);
    return std::move(nodes_);
  }

 private:
  static constexpr double kInfinity = std::numeric_limits<double>::infinity();
  struct Range {
    double low = -kInfinity, high = kInfinity;
  };
  using Terms = std::vector<std::pair<std::size_t, Rational>>;
  struct Form {
    Terms terms;
    Rational constant;
  };
  struct NearForm {
    std::vector<std::pair<std::size_t, double>> terms;
    double constant;
  };
  struct Unit {
    std::size_t source;
    Activation function;
    NearForm reads;
  };

  Form merged(const Units::Row& row) const {
    std::map<std::size_t, Rational> sum;
    Form f{{}, row.constant};
    const auto& facet = p_[facet_];
    for (const auto& [source, weight] : row.terms) {
      if (source >= network_.inputs) {
        sum[stands_for_[source - network_.inputs]] += weight;
      } else if (source != pivot_) {
        sum[source] += weight;
      } else {
        for (std::size_t c = 0; c < network_.inputs; ++c)
          if (c != pivot_ && facet[c] != 0) sum[c] -= weight * facet[c] / facet[pivot_];
        f.constant += weight * facet.back() / facet[pivot_];
      }
    }
    for (const auto& [source, weight] : sum)
      if (weight != 0) f.terms.emplace_back(source, weight);
    return f;
  }
  static NearForm rounded(const Form& f) {
    NearForm near{{}, f.constant.convert_to<double>()};
    for (const auto& [source, weight] : f.terms) near.terms.emplace_back(source, weight.convert_to<double>());
    return near;
  }

  Range range(const NearForm& f, const std::map<std::size_t, Range>& units) const {
    Range sum{f.constant, f.constant};
    for (const auto& [source, weight] : f.terms) {
      const Range& x = source < network_.inputs ? box_[source] : units.at(source);
      sum.low += weight * (weight > 0 ? x.low : x.high);
      sum.high += weight * (weight > 0 ? x.high : x.low);
    }
    return sum;
  }
  static Range applied(const Activation& f, const Range& x) {
    const bool up = trend(f, 0, 1).up;
    const OpenInterval image = f.kind == ActivationKind::relu ? OpenInterval{0, {}} : *monotone_image(f);
    const auto at = [&](double v) {
      if (v == kInfinity || v == -kInfinity) {
        const auto& limit = (v > 0) == up ? image.high : image.low;
        return limit ? limit->convert_to<double>() : (v > 0) == up ? kInfinity : -kInfinity;
      }
      return evaluate(f, v);
    };
    return up ? Range{at(x.low), at(x.high)} : Range{at(x.high), at(x.low)};
  }
  static bool below(double v) { return v <= -1e-9 || v == 0; }

  void subtree(int depth) {
    poll();
    if (nodes_.size() > kMostNodes || depth > 60) throw NotEmpty();
    std::map<std::size_t, Range> units;
    for (const Unit& unit : units_) units[unit.source] = applied(unit.function, range(unit.reads, units));
    for (std::size_t k = 0; k < margins_.size(); ++k) {
      if (k == j_ || !below(range(margins_[k], units).high)) continue;
      nodes_.emplace_back(k);
      return;
    }
    for (std::size_t row = 0; row < slacks_.size(); ++row) {
      if (row == facet_ || !(range(slacks_[row], units).high < -1e-9)) continue;
      nodes_.push_back(Value::object({{"outside", row}}));
      return;
    }
    // The widest side; infinite ones are cut at 0, then by doubling.
    std::optional<std::size_t> widest;
    double width = 0;
    for (std::size_t c = 0; c < box_.size(); ++c) {
      if (c == pivot_) continue;
      const double here = box_[c].high - box_[c].low;
      if (widest && here <= width) continue;
      widest = c;
      width = here;
    }
    if (!widest) throw NotEmpty();
    Range& side = box_[*widest];
    const Range whole = side;
    const double cut = whole.low == -kInfinity && whole.high == kInfinity ? 0
                       : whole.low == -kInfinity                          ? std::min(2 * whole.high, whole.high - 1)
                       : whole.high == kInfinity                          ? std::max(2 * whole.low, whole.low + 1)
                                                                          : (whole.low + whole.high) / 2;
    if (!(cut > whole.low && cut < whole.high)) throw NotEmpty();
    nodes_.push_back(Value::object({{"at", exactly(cut)}, {"coordinate", *widest}}));
    side.high = cut;
    subtree(depth + 1);
    box_[*widest] = {cut, whole.high};
    subtree(depth + 1);
    box_[*widest] = whole;
  }

  const Units& network_;
  std::size_t j_;
  const Halfspaces& p_;
  std::size_t facet_, pivot_;
  std::vector<std::size_t> stands_for_;
  std::vector<Unit> units_;
  std::vector<NearForm> margins_, slacks_;
  std::vector<Range> box_;  // by input; that of the pivot is not used
  std::vector<Value> nodes_;
};

}  // namespace

bool empty_by_cells(const Units& network, std::size_t j, const Halfspaces& p) {
  for (std::size_t i = 0; i < p.size(); ++i) {
    const auto& row = p[i];
    const std::size_t d = network.inputs, q = pivot_of(row);
    CellPlane plane;
    plane.inputs.resize(d);
    plane.inputs[q][2] = row[d] / row[q];
    for (std::size_t c = 0, k = 0; c < d; ++c) {
      if (c == q) continue;
      plane.inputs[c][k] = 1;
      plane.inputs[q][k++] = -row[c] / row[q];
    }
    for (std::size_t other = 0; other < p.size(); ++other) {
      if (other == i) continue;
      std::array<Rational, 3> limit{0, 0, p[other][d]};
      for (std::size_t c = 0; c < d; ++c)
        for (std::size_t n = 0; n < 3; ++n) limit[n] -= p[other][c] * plane.inputs[c][n];
      plane.limits.push_back(limit);
    }
    try {
      for_each_cell(network, plane, [&](const Polygon& cell, const std::vector<Ray>& outputs) {
        Polygon part = cell;
        for (std::size_t k = 0; k < outputs.size() && !part.empty(); ++k)
          if (k != j) part = clip(part, difference(outputs[j], outputs[k]));
        if (!part.empty()) throw NotEmpty();
      });
    } catch (const NotEmpty&) {
      return false;
    } catch (const Outcome&) {
      return false;
    }
  }
  return true;
}

std::optional<std::vector<Value>> trees_of_branches(const Units& network, std::size_t j, const Halfspaces& p,
                                                    const Options& options) {
  std::vector<Value> trees;
  try {
    for (std::size_t i = 0; i < p.size(); ++i) {
      options.progress("facets", i, p.size());
      trees.emplace_back(Branches(network, j, p, i).run());
    }
  } catch (const NotEmpty&) {
    return std::nullopt;
  }
  return trees;
}

std::optional<std::vector<Value>> trees_of_ranges(const Units& network, std::size_t j, const Halfspaces& p) {
  std::vector<Value> trees;
  try {
    for (std::size_t i = 0; i < p.size(); ++i) trees.emplace_back(Ranges(network, j, p, i).run());
  } catch (const NotEmpty&) {
    return std::nullopt;
  }
  return trees;
}

}  // namespace widecert
