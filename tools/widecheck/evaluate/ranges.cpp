#include "evaluate/ranges.h"

#include <map>
#include <optional>

#include "evaluate/activation.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::size_t kDeepest = 1'000;

// A closed interval; a missing end is infinite.
struct Range {
  std::optional<mpq_class> low, high;
};

// Of sources, by number, and a constant.
struct Form {
  std::vector<std::pair<std::size_t, mpq_class>> terms;
  mpq_class constant;
};

class Facet {
 public:
  Facet(const Units& network, std::size_t j, const Polyhedron& p, std::size_t facet, const Value& tree, unsigned bits,
        Budget& budget)
      : network_(network),
        p_(p),
        row_(p.rows[facet]),
        pivot_(p.pivot(facet)),
        nodes_(tree.list()),
        place_(tree),
        bits_(bits),
        budget_(budget) {
    for (std::size_t c = 0; c < network.inputs; ++c)
      if (c != pivot_ && row_[c] != 0) others_.push_back(c);
    budget.spend(100 * Products(network.inputs) * (p.rows.size() + 1));
    merge(j);
    box_.resize(network.inputs);
  }
  void run() {
    subtree(0);
    if (next_ != nodes_.size()) nodes_[next_].bad("nothing after the tree");
  }

 private:
  // A form of sources that stand for all that are equal to them on the facet.
  template <class Terms>
  Form merged(const Terms& terms, const mpq_class& constant, const mpz_class& divisor) const {
    std::map<std::size_t, mpq_class> sum;
    Form form;
    form.constant = constant / divisor;
    const auto add = [&](std::size_t source, const mpq_class& v) { widecheck::add(sum[source], v, budget_); };
    for (const auto& [source, weight] : terms) {
      budget_.spend(200);
      mpq_class w(weight, divisor);
      w.canonicalize();
      if (source != pivot_ || source >= network_.inputs) {
        add(source < network_.inputs ? source : stands_for_[source - network_.inputs], w);
        continue;
      }
      // x_pivot = (r - sum of the others) / a_pivot.
      budget_.spend(50 * Products(others_.size()));
      for (std::size_t c : others_) add(c, -w * row_[c] / row_[pivot_]);
      widecheck::add(form.constant, w * row_.back() / row_[pivot_], budget_);
    }
    for (auto& [source, w] : sum)
      if (w != 0) form.terms.emplace_back(source, std::move(w));
    return form;
  }
  void merge(std::size_t j) {
    for (std::size_t l = 0; l + 1 < network_.layers.size(); ++l) {
      const Units::Layer& layer = network_.layers[l];
      const Activation& f = layer.function;
      const Trend t = trend(f, 0, 1);
      require((strictly_monotone(f) && t.up != t.down) || f.function == Function::relu, "unsupported",
              f.name + " is not continuous and monotone, or not known to be");
      std::map<std::pair<std::vector<std::pair<std::size_t, mpq_class>>, mpq_class>, std::size_t> seen;
      for (std::size_t h = 0; h < layer.rows.size(); ++h) {
        Form form = merged(layer.rows[h].terms, layer.rows[h].constant, layer.divisor);
        budget_.spend(1'000 + 500 * Products(form.terms.size()));
        const auto [at, is_new] = seen.try_emplace({form.terms, form.constant}, layer.first + h);
        stands_for_.push_back(at->second);
        if (is_new) units_.push_back({layer.first + h, &f, std::move(form)});
      }
    }
    const Units::Layer& out = network_.layers.back();
    for (const Units::Row& row : out.rows) {
      auto terms = out.rows[j].terms;
      for (const auto& [source, weight] : row.terms) terms.emplace_back(source, -weight);
      budget_.spend(100 * Products(terms.size()));
      margins_.push_back(merged(terms, out.rows[j].constant - row.constant, out.divisor));
    }
    mine_ = j;
    for (std::size_t k = 0; k < p_.rows.size(); ++k) {
      std::vector<std::pair<std::size_t, mpz_class>> terms;
      for (std::size_t c = 0; c < network_.inputs; ++c) terms.emplace_back(c, -p_.rows[k][c]);
      slacks_.push_back(merged(terms, p_.rows[k].back(), 1));
    }
  }

  void subtree(std::size_t depth) {
    if (depth > kDeepest) throw Malformed("too-large", "boxes within more than 1,000 boxes");
    if (next_ == nodes_.size()) place_.bad("more nodes: each cut has two parts");
    const Value& node = nodes_[next_++];
    if (!node.is_object()) {
      const std::size_t k = node.number(margins_.size() - 1);
      if (k == mine_) node.bad("another class");
      require(!above(margins_[k], true), "not-below",
              "class " + number(k) + " may be below the claimed one (" + node.place() + ")");
      return;
    }
    if (node.has("outside")) {
      const std::size_t row = node.at("outside").number(p_.rows.size() - 1);
      require(!above(slacks_[row], false), "not-outside",
              "row " + number(row) + " may hold there (" + node.place() + ")");
      return;
    }
    const std::size_t c = node.at("coordinate").number(network_.inputs - 1);
    if (c == pivot_) node.at("coordinate").bad("an input that the facet is not solved for");
    const mpq_class at = node.at("at").rational();
    const Range whole = box_[c];
    if ((whole.low && at <= *whole.low) || (whole.high && at >= *whole.high))
      node.at("at").bad("a number inside of the box");
    box_[c].high = at;
    subtree(depth + 1);
    box_[c] = {at, whole.high};
    subtree(depth + 1);
    box_[c] = whole;
  }

  // Whether the form may be above 0 on the box, or 0 where that is asked for.
  bool above(const Form& form, bool strictly) const {
    budget_.spend(2'000 * (1 + Products(units_.size())));
    std::map<std::size_t, Range> of_units;
    const auto range = [&](const Form& f) -> Range {
      Range sum{f.constant, f.constant};
      for (const auto& [source, weight] : f.terms) {
        const Range& x = source < network_.inputs ? box_[source] : of_units.at(source);
        const auto &low = weight > 0 ? x.low : x.high, &high = weight > 0 ? x.high : x.low;
        budget_.spend(100);
        if (low && sum.low)
          widecheck::add(*sum.low, weight * *low, budget_);
        else
          sum.low.reset();
        if (high && sum.high)
          widecheck::add(*sum.high, weight * *high, budget_);
        else
          sum.high.reset();
      }
      return sum;
    };
    for (const Unit& unit : units_) of_units[unit.source] = applied(*unit.function, range(unit.reads));
    const std::optional<mpq_class> high = range(form).high;
    return !high || (strictly ? *high > 0 : *high >= 0);
  }
  Range applied(const Activation& f, const Range& x) const {
    if (f.function == Function::relu)
      return {x.low && *x.low > 0 ? *x.low : mpq_class(0),
              x.high ? std::optional(*x.high > 0 ? *x.high : mpq_class(0)) : std::nullopt};
    const bool up = trend(f, 0, 1).up;
    const Image image = *monotone_image(f);  // of R
    const auto &first = up ? x.low : x.high, &last = up ? x.high : x.low;
    return {first ? std::optional(at(f, *first).low) : image.low, last ? std::optional(at(f, *last).high) : image.high};
  }
  Interval at(const Activation& f, const mpq_class& x) const {
    if (f.function == Function::leaky_relu) {
      const mpq_class v = x < 0 ? mpq_class(x * f.parameter) : x;
      return {v, v};
    }
    const Products words = 1 + Products::words(x.get_num()) + Products::words(x.get_den()) + Products(bits_) / 64;
    budget_.spend(series_cost(f, bits_) + 100 * words * words);
    return value(f, x, bits_);
  }

  struct Unit {
    std::size_t source;
    const Activation* function;
    Form reads;
  };
  const Units& network_;
  const Polyhedron& p_;
  const std::vector<mpz_class>& row_;
  std::size_t pivot_, mine_ = 0;
  std::vector<std::size_t> others_;  // inputs that the row has beside the pivot
  std::vector<Value> nodes_;
  const Value& place_;
  unsigned bits_;
  Budget& budget_;
  std::size_t next_ = 0;
  std::vector<std::size_t> stands_for_;  // by unit, a source
  std::vector<Unit> units_;              // of which no two of a layer are equal
  std::vector<Form> margins_, slacks_;
  std::vector<Range> box_;  // by input
};

}  // namespace

void check_ranges(const Units& network, std::size_t j, const Polyhedron& p, std::size_t facet, const Value& tree,
                  unsigned bits, Budget& budget) {
  Facet(network, j, p, facet, tree, bits, budget).run();
}

}  // namespace widecheck
