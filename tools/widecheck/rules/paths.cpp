// Paths that are written down: every piece is verified as a whole, and Phi is bounded on it.
#include <algorithm>

#include "evaluate/convex_loss.h"
#include "evaluate/features.h"
#include "evidence/spread.h"
#include "kernel/integers.h"
#include "kernel/parameters.h"
#include "kernel/verdict.h"
#include "rules/topics.h"

namespace widecheck {
namespace {

using Point = std::map<std::size_t, Parameters>;

bool same(const Tensor& a, const Tensor& b, Budget& budget) {
  if (a.rows.size() != b.rows.size()) return false;
  for (std::size_t r = 0; r < a.rows.size(); ++r)
    if (!rows_equal(a, r, b, r, budget)) return false;
  return true;
}

// A walk from the claim's first point: the current point is held exactly.
class Walk {
 public:
  explicit Walk(const Question& q)
      : c_(q.c),
        output_(c_.network.find(q.claim.at("output").text())),
        loss_(q, output_),
        level_(q.claim.at("level").rational()),
        bits_(read_precision(q.proof)),
        point_(read_point(c_.network, output_, q.claim.at("from"), c_.budget)) {
    compare("the first point");
  }

  void move(const Value& move) {
    const std::string kind = move.at("move").text();
    ++moves_;
    if (kind == "top") {
      top(move);
    } else if (kind == "unused") {
      unused(move);
    } else {
      move.at("move").bad("top or unused");
    }
  }
  void arrive(const Value& to) {
    const Point end = read_point(c_.network, output_, to, c_.budget);
    for (const auto& [i, tensors] : end)
      require(
          same(point_.at(i).weights, tensors.weights, c_.budget) && same(point_.at(i).bias, tensors.bias, c_.budget),
          "end-point", "the moves do not end at the second point: layer " + c_.network.node(i).name);
    compare("the second point");
  }
  void end_below(const mpq_class& floor) const {
    const mpq_class phi = loss_.above(point_, bits_);
    require(phi <= floor, "floor", "the last point has Phi <= " + show_above(phi) + " only");
  }
  std::size_t moves() const { return moves_; }
  std::string in_words() const { return loss_.in_words() + ", F_L = F(" + c_.network.node(output_).name + ")"; }
  std::string theta() const { return theta_in_words(c_.network, output_); }
  const mpq_class& level() const { return level_; }

 private:
  std::string at() const { return "move " + number(moves_) + ": "; }
  void compare(const std::string& where) const {
    const mpq_class phi = loss_.above(point_, bits_);
    require(phi <= level_, "level", where + " has Phi <= " + show_above(phi) + " only, above the level");
  }
  // A dense layer without frozen tensors.
  const Node& free_layer(std::size_t i) const {
    const Node& node = dense_node(c_, i);
    require(!node.frozen(), "frozen", at() + "layer " + node.name + " has frozen tensors");
    return node;
  }

  // The output layer, straight: F_L is affine in its tensors, and Phi convex, so at most the larger end. (The move's
  // beginning is below the level: nothing since the last comparison changed F_L.)
  void top(const Value& move) {
    free_layer(output_);
    point_[output_] = read_parameters(c_, output_, move);
    compare("the end of move " + number(moves_));
  }

  // Units that the layer above does not use, straight.
  void unused(const Value& move) {
    const std::size_t lower = c_.network.find(move.at("layer").text());
    const Node& layer = free_layer(lower);
    // What reads them: an activation, and that one dense layer.
    std::size_t activation = 0, upper = 0;
    for (std::size_t i : c_.network.below(output_)) {
      const auto& inputs = c_.network.node(i).inputs;
      if (std::find(inputs.begin(), inputs.end(), lower) == inputs.end()) continue;
      require(activation == 0 && c_.network.node(i).op == Op::activation, "not-a-chain",
              at() + "layer " + layer.name + " is not read by one activation alone");
      activation = i;
    }
    require(activation != 0 && activation != output_, "not-a-chain", at() + "no activation reads layer " + layer.name);
    for (std::size_t i : c_.network.below(output_)) {
      const auto& inputs = c_.network.node(i).inputs;
      if (std::find(inputs.begin(), inputs.end(), activation) == inputs.end()) continue;
      require(upper == 0, "not-a-chain", at() + "two layers read the units of " + layer.name);
      upper = i;
    }
    require(upper != 0, "not-a-chain", at() + "nothing reads the units of " + layer.name);
    dense_node(c_, upper);
    const Parameters next = read_parameters(c_, lower, move);
    const Parameters& now = point_.at(lower);
    const Tensor& out = point_.at(upper).weights;
    for (std::size_t j = 0; j < layer.width; ++j) {
      const bool kept = rows_equal(now.weights, j, next.weights, j, c_.budget) &&
                        (layer.bias == Bias::none || entries_equal(now.bias, j, next.bias, j, c_.budget));
      if (kept) continue;
      for (const auto& row : out.rows)
        require(row[j] == 0, "unit-is-used",
                at() + "unit " + number(j + 1) + " of layer " + layer.name + " moves while it is used");
    }
    point_[lower] = next;
  }

  const Context& c_;
  std::size_t output_, moves_ = 0;
  ConvexLoss loss_;
  mpq_class level_;
  unsigned bits_;
  Point point_;
};

Verdict path_below(const Question& q) {
  Walk walk(q);
  for (const Value& move : q.proof.at("moves").list()) walk.move(move);
  walk.arrive(q.claim.at("to"));
  return "the claim's two points are joined by a path of " + number(walk.moves()) + " straight pieces of parameters (" +
         walk.theta() + ") on which " + walk.in_words() + ", is at most " + show_above(walk.level());
}

Verdict reaches_below(const Question& q) {
  Walk walk(q);
  const mpq_class floor = q.claim.at("floor").rational();
  for (const Value& move : q.proof.at("moves").list()) walk.move(move);
  walk.end_below(floor);
  return "from the claim's point a path of " + number(walk.moves()) + " straight pieces of parameters (" +
         walk.theta() + ") on which " + walk.in_words() + ", is at most " + show_above(walk.level()) +
         " leads to a point where it is at most " + show_above(floor);
}

constexpr Rule kRules[] = {{"path-below", "moves", path_below}, {"reaches-below", "moves", reaches_below}};

}  // namespace

constinit const Topic topics::paths{"paths", kRules};

}  // namespace widecheck
