// Paths that are written down: every piece is verified as a whole, and Phi is bounded on it.
#include <algorithm>
#include <bit>
#include <optional>

#include "evaluate/convex_loss.h"
#include "evaluate/features.h"
#include "evaluate/segment.h"
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

// "cells" of a straight piece, a power of 2, and "bits".
struct Cells {
  std::size_t cells;
  unsigned bits;
};
Cells read_cells(const Value& json) {
  const auto cells = static_cast<std::size_t>(json.at("cells").number(1 << 16));
  if (!std::has_single_bit(cells)) json.at("cells").bad("a power of 2, at most 65536");
  const auto bits = static_cast<unsigned>(json.at("bits").number(48));
  if (bits < 8) json.at("bits").bad("8 to 48");
  return {cells, bits};
}

// The point with other tensors of the layers that an object names; their nodes have to be free.
Point with_layers(const Context& c, std::size_t output, Point point, const Value& layers) {
  const std::vector<std::size_t> known = linear_nodes(c.network, output);
  for (const std::string& name : layers.keys()) {
    const std::size_t i = c.network.find(name);
    if (std::find(known.begin(), known.end(), i) == known.end()) layers.at(name).bad("a linear layer below the output");
    require(!c.network.node(i).frozen(), "frozen", "layer " + name + " has frozen tensors");
    point[i] = read_parameters(c, i, layers.at(name));
  }
  return point;
}

// A walk from the claim's first point: the current point is held exactly.
class Walk {
 public:
  // `levels`: the claim has a loss and a level that no point exceeds; `descends`: a loss, and no move may raise it.
  enum class Kind { levels, descends, constant };
  Walk(const Question& q, Kind kind)
      : c_(q.c),
        kind_(kind),
        output_(c_.network.find(q.claim.at("output").text())),
        bits_(kind == Kind::constant ? 0 : read_precision(q.proof)),
        point_(read_point(c_.network, output_, q.claim.at("from"), c_.budget)) {
    if (kind != Kind::constant) loss_.emplace(q, output_);
    if (kind != Kind::levels) return;
    const Value level = q.claim.at("level");
    if (level.is_text() && level.text() == "max") {
      // Below both ends' values, but for what constant moves join to the ends.
      const Point to = read_point(c_.network, output_, q.claim.at("to"), c_.budget);
      level_ = std::max(loss_->below(point_, bits_), loss_->below(to, bits_));
      ends_exempt_ = true;
    } else {
      level_ = level.rational();
      compare("the first point");
    }
  }

  void move(const Value& move) {
    const std::string kind = move.at("move").text();
    ++moves_;
    const bool moving = kind == "top" || kind == "straight";
    require(!moving || too_high_.empty(), "level", too_high_);
    if (kind == "unused") {
      unused(move);
    } else if (kind == "kernel") {
      kernel(move);
    } else if (kind == "scale") {
      scale(move);
    } else if (kind == "top" && kind_ != Kind::constant) {
      top(move);
    } else if (kind == "straight" && kind_ == Kind::levels) {
      straight(move);
    } else {
      move.at("move").bad(kind_ == Kind::levels     ? "top, unused, kernel, scale or straight"
                          : kind_ == Kind::descends ? "top, unused, kernel or scale"
                                                    : "unused, kernel or scale");
    }
  }
  void arrive(const Value& to) {
    const Point end = read_point(c_.network, output_, to, c_.budget);
    for (const auto& [i, tensors] : end)
      require(
          same(point_.at(i).weights, tensors.weights, c_.budget) && same(point_.at(i).bias, tensors.bias, c_.budget),
          "end-point", "the moves do not end at the second point: layer " + c_.network.node(i).name);
    if (!ends_exempt_) compare("the second point");
  }
  void end_below(const mpq_class& floor) const {
    const mpq_class phi = loss_->above(point_, bits_);
    require(phi <= floor, "floor", "the last point has Phi <= " + show_above(phi) + " only");
  }
  // For all t >= 0, the direction times t is added to one layer: as an unused or kernel move, whichever `json` says.
  void ray(const Value& json) {
    const std::string kind = json.at("move").text();
    if (kind != "unused" && kind != "kernel") json.at("move").bad("unused or kernel");
    ++moves_;
    const std::size_t layer = c_.network.find(json.at("layer").text());
    free_layer(layer);
    require_below(layer);
    const Parameters direction = read_parameters(c_, layer, json);
    require(!direction.weights.zero() || !direction.bias.zero(), "direction", "the direction of the ray is 0");
    const Parameters next{sum_of(point_.at(layer).weights, direction.weights, c_.budget),
                          sum_of(point_.at(layer).bias, direction.bias, c_.budget)};
    kind == "unused" ? to_unused(layer, next) : to_kernel(layer, next);
  }
  std::size_t moves() const { return moves_; }
  std::string in_words() const { return loss_->in_words() + ", F_L = F(" + output_name() + ")"; }
  const std::string& output_name() const { return c_.network.node(output_).name; }
  std::string theta() const { return theta_in_words(c_.network, output_); }
  std::string level() const { return ends_exempt_ ? "the larger of its values at them" : show_above(level_); }

 private:
  std::string at() const { return "move " + number(moves_) + ": "; }
  void compare(const std::string& where) {
    if (kind_ != Kind::levels) return;
    const mpq_class phi = loss_->above(point_, bits_);
    if (phi <= level_) return;
    const std::string words = where + " has Phi <= " + show_above(phi) + " only, above the level";
    // The last move of this kind may lead there, if F_L is then that of the second point.
    if (!ends_exempt_) throw Rejected("level", words);
    too_high_ = words;
  }
  // A dense layer without frozen tensors.
  const Node& free_layer(std::size_t i) const {
    const Node& node = dense_node(c_, i);
    require(!node.frozen(), "frozen", at() + "layer " + node.name + " has frozen tensors");
    return node;
  }
  std::size_t lower_layer(const Value& move) const { return c_.network.find(move.at("layer").text()); }

  // The output layer, straight: F_L is affine in its tensors, and Phi convex, so at most the larger end. (The move's
  // beginning is below the level: nothing since the last comparison raised Phi above it.) If its slope at the end is
  // not positive, Phi does not increase.
  void top(const Value& move) {
    free_layer(output_);
    Point next = point_;
    next[output_] = read_parameters(c_, output_, move);
    if (kind_ == Kind::descends) {
      const mpq_class slope = loss_->slope_above(point_, next, bits_);
      require(slope <= 0, "rises", at() + "the slope of Phi at its end is at most " + show_above(slope) + " only");
    }
    point_ = std::move(next);
    compare("the end of move " + number(moves_));
  }

  // Any layers, straight, between the points of a grid.
  void straight(const Value& move) {
    const Cells grid = read_cells(move);
    Point next = with_layers(c_, output_, point_, move.at("layers"));
    const mpq_class phi = above_on_segment(c_, output_, point_, next, *loss_, grid.cells, grid.bits);
    require(phi <= level_, "level",
            "on move " + number(moves_) + " Phi <= " + show_above(phi) + " only, above the level");
    point_ = std::move(next);
  }

  // What reads a layer's units: an activation, and that one dense layer alone.
  struct Above {
    std::size_t activation = 0, layer = 0;
  };
  Above above(std::size_t lower) const {
    Above found;
    const std::string& name = c_.network.node(lower).name;
    const auto reads = [&](std::size_t i, std::size_t what) {
      const auto& inputs = c_.network.node(i).inputs;
      return std::find(inputs.begin(), inputs.end(), what) != inputs.end();
    };
    for (std::size_t i : c_.network.below(output_)) {
      if (!reads(i, lower)) continue;
      require(found.activation == 0 && c_.network.node(i).op == Op::activation, "not-a-chain",
              at() + "layer " + name + " is not read by one activation alone");
      found.activation = i;
    }
    require(found.activation != 0 && found.activation != output_, "not-a-chain",
            at() + "no activation reads layer " + name);
    for (std::size_t i : c_.network.below(output_)) {
      if (!reads(i, found.activation)) continue;
      require(found.layer == 0, "not-a-chain", at() + "two layers read the units of " + name);
      found.layer = i;
    }
    require(found.layer != 0, "not-a-chain", at() + "nothing reads the units of " + name);
    dense_node(c_, found.layer);
    return found;
  }

  // Units that the layer above does not use, straight.
  void unused(const Value& move) {
    const std::size_t lower = lower_layer(move);
    free_layer(lower);
    require_below(lower);
    above(lower);
    to_unused(lower, read_parameters(c_, lower, move));
  }
  void to_unused(std::size_t lower, const Parameters& next) {
    const Node& layer = c_.network.node(lower);
    const Tensor& out = point_.at(above(lower).layer).weights;
    const Parameters& now = point_.at(lower);
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

  // A layer whose values on all samples do not change, straight: they are linear in its tensors.
  void kernel(const Value& move) {
    const std::size_t layer = lower_layer(move);
    require(!linear_node(c_, layer).frozen(), "frozen",
            at() + "layer " + c_.network.node(layer).name + " has frozen tensors");
    to_kernel(layer, read_parameters(c_, layer, move));
  }
  void to_kernel(std::size_t layer, const Parameters& next) {
    const std::string& name = c_.network.node(layer).name;
    require_below(layer);
    Parameters& tensors = point_.at(layer);
    tensors = {difference_of(tensors.weights, next.weights, c_.budget),
               difference_of(tensors.bias, next.bias, c_.budget)};
    const Forward forward = make_forward(c_, c_.network, layer, point_, bits_);
    require(forward.exact(), "not-rational", at() + "values below layer " + name + " are irrational");
    c_.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
      require(zero(forward(x).v), "not-a-kernel-direction",
              at() + "the values of layer " + name + " change on sample " + number(i + 1));
    });
    tensors = next;
  }
  void require_below(std::size_t layer) const {
    require(point_.contains(layer), "not-a-chain",
            at() + "the output does not depend on layer " + c_.network.node(layer).name);
  }

  // A unit is multiplied by t, from 1 to `factor`, and its out-weights divided by it: s(t x) = t s(x) for t > 0.
  void scale(const Value& move) {
    const std::size_t lower = lower_layer(move);
    const Node& layer = free_layer(lower);
    require_below(lower);
    const Above up = above(lower);
    const Activation& f = c_.network.node(up.activation).activation;
    require(piecewise_linear(f.function), "activation", at() + f.name + " is not positively homogeneous");
    free_layer(up.layer);
    const std::uint64_t unit = move.at("unit").number(layer.width - 1);
    const mpq_class factor = move.at("factor").rational();
    if (factor <= 0) move.at("factor").bad("a positive number");
    multiply_row(point_[lower].weights, unit, factor, c_.budget);
    multiply_column(point_[lower].bias, unit, factor, c_.budget);
    multiply_column(point_[up.layer].weights, unit, 1 / factor, c_.budget);
  }

  const Context& c_;
  Kind kind_;
  std::size_t output_, moves_ = 0;
  std::optional<ConvexLoss> loss_;
  mpq_class level_;
  bool ends_exempt_ = false;  // the level is "max"
  std::string too_high_;      // why the last top move has to be the last one
  unsigned bits_;
  Point point_;
};

Verdict path_below(const Question& q) {
  Walk walk(q, Walk::Kind::levels);
  for (const Value& move : q.proof.at("moves").list()) walk.move(move);
  walk.arrive(q.claim.at("to"));
  return "the claim's two points are joined by a path of " + number(walk.moves()) + " pieces of parameters (" +
         walk.theta() + ") on which " + walk.in_words() + ", is at most " + walk.level();
}

Verdict descends_to(const Question& q) {
  Walk walk(q, Walk::Kind::descends);
  const mpq_class floor = q.claim.at("floor").rational();
  for (const Value& move : q.proof.at("moves").list()) walk.move(move);
  walk.end_below(floor);
  return "from the claim's point a path of " + number(walk.moves()) + " pieces of parameters (" + walk.theta() +
         ") along which " + walk.in_words() + ", never increases leads to a point where it is at most " +
         show_above(floor);
}

Verdict level_component(const Question& q) {
  Walk walk(q, Walk::Kind::constant);
  for (const Value& move : q.proof.at("moves").list()) walk.move(move);
  walk.ray(q.proof.at("ray"));
  return "through the claim's point passes an unbounded connected set of parameters (" + walk.theta() +
         ") on which F(" + walk.output_name() + ") is constant: with every loss of it, a connected part of a level set";
}

// A polygon whose corners the claim names.
Verdict polygon(const Question& q) {
  const Context& c = q.c;
  const std::size_t output = c.network.find(q.claim.at("output").text());
  const ConvexLoss loss(q, output);
  const mpq_class level = q.claim.at("level").rational();
  const auto corners = q.claim.at("corners").list(), pieces = q.proof.at("pieces").list();
  if (pieces.size() != corners.size()) q.proof.at("pieces").bad("one piece for each corner");
  require(!corners.empty(), "end-point", "a polygon of no pieces");
  Point point = read_point(c.network, output, q.claim.at("from"), c.budget);
  for (std::size_t k = 0; k < corners.size(); ++k) {
    const Cells grid = read_cells(pieces[k]);
    Point next = with_layers(c, output, point, corners[k]);
    const mpq_class phi = above_on_segment(c, output, point, next, loss, grid.cells, grid.bits);
    require(phi <= level, "level",
            "on piece " + number(k + 1) + " Phi <= " + show_above(phi) + " only, above the level");
    point = std::move(next);
  }
  return "on the polygon of the claim's " + number(corners.size() + 1) + " points of parameters (" +
         theta_in_words(c.network, output) + ") " + loss.in_words() + ", F_L = F(" + c.network.node(output).name +
         "), is at most " + show_above(level);
}

constexpr Rule kRules[] = {{"path-below", "moves", path_below},
                           {"descends-to", "moves", descends_to},
                           {"level-component-unbounded", "moves", level_component},
                           {"max-loss-on-path", "chords", polygon}};

}  // namespace

constinit const Topic topics::paths{"paths", kRules};

}  // namespace widecheck
