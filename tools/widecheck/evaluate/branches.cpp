#include "evaluate/branches.h"

#include <optional>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::size_t kDeepest = 1'000;

using Form = std::vector<mpq_class>;  // of the inputs, then the constant

class Tree {
 public:
  Tree(const Units& network, std::size_t j, const Polyhedron& p, std::size_t facet, const Value& tree, Budget& budget)
      : network_(network), j_(j), p_(p), facet_(facet), nodes_(tree.list()), place_(tree), budget_(budget) {
    for (const Units::Layer& layer : network.layers)
      require(piecewise_linear(layer.function.function), "unsupported",
              layer.function.name + " is not piecewise linear and continuous");
    decided_.resize(network.sources() - network.inputs);
  }
  void run() {
    subtree();
    if (next_ != nodes_.size()) nodes_[next_].bad("nothing after the tree");
  }

 private:
  void subtree() {
    if (next_ == nodes_.size()) place_.bad("more nodes: each unit has two parts");
    const Value& node = nodes_[next_++];
    if (node.is_object()) return leaf(node);
    if (decided_.empty()) node.bad("a leaf: there are no units");
    branch(node.number(decided_.size() - 1));
  }
  void branch(std::size_t unit) {
    if (signs_.size() == kDeepest) throw Malformed("too-large", "a tree of more than 1,000 units on a way");
    std::size_t l = 0;
    while (network_.layers[l].first + network_.layers[l].rows.size() <= network_.inputs + unit) ++l;
    const Units::Layer& layer = network_.layers[l];
    const Form reads = form(layer.rows[network_.inputs + unit - layer.first], layer.divisor);
    const Activation& f = layer.function;
    const mpq_class slope = f.function == Function::relu ? mpq_class(0) : f.parameter;
    // (A unit may stand on the way again: its part is only smaller then.)
    const std::optional<Form> before = decided_[unit];
    for (const bool above : {true, false}) {
      decided_[unit] = above ? reads : times(reads, slope);
      signs_.push_back(above ? reads : times(reads, -1));
      subtree();
      signs_.pop_back();
    }
    decided_[unit] = before;
  }

  void add(Form& to, const Form& of, const mpq_class& by) const {
    budget_.spend(20 * Products(to.size()));
    for (std::size_t k = 0; k < to.size(); ++k)
      if (of[k] != 0 && by != 0) widecheck::add(to[k], of[k] * by, budget_);
  }
  Form times(const Form& f, const mpq_class& by) const {
    Form made = zero();
    add(made, f, by);
    return made;
  }
  Form zero() const {
    budget_.spend(100 * (1 + Products(network_.inputs)));
    return Form(network_.inputs + 1);
  }
  // Where all units that it reads are decided.
  void add_row(Form& to, const Units::Row& row, const mpq_class& by) const {
    budget_.spend(50 * Products(row.terms.size() + 1));
    for (const auto& [source, weight] : row.terms) {
      if (source < network_.inputs) {
        widecheck::add(to[source], weight * by, budget_);
        continue;
      }
      const auto& unit = decided_[source - network_.inputs];
      require(unit.has_value(), "undecided-unit",
              "unit " + number(source - network_.inputs) + " is read, and not on the way");
      add(to, *unit, weight * by);
    }
    widecheck::add(to.back(), row.constant * by, budget_);
  }
  Form form(const Units::Row& row, const mpz_class& divisor) const {
    Form f = zero();
    add_row(f, row, mpq_class(1, divisor));
    return f;
  }
  // r - a x.
  Form slack(std::size_t row) const {
    budget_.spend(100 * (1 + Products(network_.inputs)));
    Form f;
    for (const mpz_class& v : p_.rows[row]) f.emplace_back(-v);
    f.back() = -f.back();
    return f;
  }

  void leaf(const Value& json) {
    const auto read = [&](const char* key, std::size_t count) {
      const auto list = json.at(key).list();
      if (list.size() != count) json.at(key).bad(number(count) + " multipliers");
      std::vector<mpq_class> v;
      for (const Value& one : list) {
        v.push_back(one.rational());
        require(v.back() >= 0, "multiplier", "a multiplier is negative (" + one.place() + ")");
      }
      return v;
    };
    const Units::Layer& out = network_.layers.back();
    budget_.spend(100 * (1 + Products(network_.inputs + out.rows.size() + p_.rows.size() + signs_.size())));
    const auto classes = read("class", out.rows.size() - 1), rows = read("rows", p_.rows.size() - 1),
               signs = read("signs", signs_.size());
    Form sum = zero();
    add(sum, slack(facet_), json.at("equation").rational());
    for (std::size_t k = 0, other = 0; k < p_.rows.size(); ++k)
      if (k != facet_) add(sum, slack(k), rows[other++]);
    for (std::size_t k = 0; k < signs.size(); ++k) add(sum, signs_[k], signs[k]);
    bool some_class = false;
    for (std::size_t k = 0, other = 0; k < out.rows.size(); ++k) {
      if (k == j_) continue;
      const mpq_class& by = classes[other++];
      if (by == 0) continue;
      some_class = true;
      add_row(sum, difference(out.rows[j_], out.rows[k]), by / out.divisor);
    }
    for (std::size_t c = 0; c < network_.inputs; ++c)
      require(sum[c] == 0, "not-constant",
              "the sum of a leaf depends on input " + number(c) + " (" + json.place() + ")");
    require(sum.back() < 0 || (sum.back() == 0 && some_class), "no-contradiction",
            "the sum of a leaf is not below 0, nor 0 with a class (" + json.place() + ")");
  }
  Units::Row difference(const Units::Row& a, const Units::Row& b) const {
    budget_.spend(100 * Products(a.terms.size() + b.terms.size() + 1));
    Units::Row row;
    row.constant = a.constant - b.constant;
    std::size_t x = 0, y = 0;
    while (x < a.terms.size() || y < b.terms.size()) {
      const bool of_a = y == b.terms.size() || (x < a.terms.size() && a.terms[x].first <= b.terms[y].first),
                 of_b = x == a.terms.size() || (y < b.terms.size() && b.terms[y].first <= a.terms[x].first);
      const std::size_t source = of_a ? a.terms[x].first : b.terms[y].first;
      mpz_class weight = 0;
      if (of_a) weight += a.terms[x++].second;
      if (of_b) weight -= b.terms[y++].second;
      if (weight != 0) row.terms.emplace_back(source, std::move(weight));
    }
    return row;
  }

  const Units& network_;
  std::size_t j_;
  const Polyhedron& p_;
  std::size_t facet_;
  std::vector<Value> nodes_;
  const Value& place_;
  Budget& budget_;
  std::size_t next_ = 0;
  std::vector<std::optional<Form>> decided_;  // what a unit on the way gives, by number
  std::vector<Form> signs_;                   // what the units on the way say to be >= 0
};

}  // namespace

void check_branches(const Units& network, std::size_t j, const Polyhedron& p, std::size_t facet, const Value& tree,
                    Budget& budget) {
  Tree(network, j, p, facet, tree, budget).run();
}

}  // namespace widecheck
