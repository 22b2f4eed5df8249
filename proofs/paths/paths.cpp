#include "proofs/paths/paths.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <algorithm>

#include "proofs/output.h"
#include "proofs/paths/exchange.h"
#include "proofs/paths/fit.h"
#include "proofs/paths/lift.h"

namespace widecert {
namespace {

using Mat = Eigen::MatrixXd;
constexpr std::size_t kMostCells = 256;

struct Asked {
  std::size_t output;
  PointSpec from, to;
  ConvexLossSpec loss;
  std::optional<Rational> level;
};

// A part of a network: some units of each hidden layer 1, ..., L - 1.
using Parts = std::vector<Units>;

class Finder {
 public:
  Finder(const Instance& instance, const Asked& asked, const Options& options)
      : instance_(instance),
        asked_(asked),
        options_(options),
        loss_(asked.loss, instance.data.size(), instance.network.node(asked.output).width) {}

  Outcome run() {
    Walk walk(instance_, asked_.output, asked_.from, asked_.to, options_);
    const std::size_t layers = walk.layers();
    at_from_ = loss_.phi(walk.values(layers));
    at_to_ = loss_.phi(walk.values(layers, asked_.to));
    const double higher = std::max(at_from_, at_to_);
    level_ = asked_.level ? *asked_.level : walk.above(higher, asked_.loss);
    // The claim says "max" where the checker can tell both values from the way points'.
    const bool exact = walk.rational(asked_.loss);
    says_max_ = !asked_.level && (exact || higher > 1e-9);
    const double level = says_max_ ? higher : level_.convert_to<double>();
    if (higher > level * (1 + 1e-12))
      return undecided("level", fmt::format("Phi is {:.6g} and {:.6g} at the points, above the level {:.6g}", at_from_,
                                            at_to_, level));
    if (layers == 1) {
      walk.top(walk.end(1));
      return joined(walk, "one move of the output layer");
    }
    Outcome failed = undecided("no-path", "");
    // Two layers need no rounding but that of tops.
    for (int bits : layers == 2 ? std::vector{0} : std::vector{8, 14, 20, 28, 40})
      if (auto path = by_parts(walk, bits, failed)) return *path;
    Outcome other;
    const auto too = [&](const char* how) {
      if (!other.explanation.empty()) failed.explanation += fmt::format("; {}: {}", how, other.explanation);
      other = {};
    };
    if (auto path = exchange(instance_, walk, asked_.to, other)) {
      says_max_ = says_max_ && exact;  // way points have the same value, which is only enclosed
      return joined(*path, "units exchanged one by one, exactly");
    }
    too("unit by unit");
    if (auto path = lift(walk, loss_, level, other)) return joined(*path, "outputs followed by the first layer");
    too("as in a pyramid");
    return failed;
  }

 private:
  Outcome joined(Walk& walk, const std::string& how) const {
    Outcome outcome =
        walk.claim(fmt::format("{}: {} moves; Phi is {:.4g} and {:.4g} at the ends; level {:.6g}", how, walk.moves(),
                               at_from_, at_to_, level_.convert_to<double>()),
                   "path-below", asked_.loss, {{"to", asked_.to}, {"level", says_max_ ? Value("max") : Value(level_)}});
    outcome.numbers = {{"level", level_}};
    return outcome;
  }

  // Of layer l: other weights of some units, 0 or those of the second network for the others.
  enum class Others { zero, end, kept };
  static DenseTensors with(const Walk& walk, std::size_t l, const Units& units, const DenseTensors* of_units,
                           Others others) {
    DenseTensors next = walk.now(l);
    std::vector<bool> mine(walk.width(l), false);
    for (std::size_t k = 0; k < units.size(); ++k) {
      mine[units[k]] = true;
      if (of_units == nullptr) continue;
      next.weights[units[k]] = of_units->weights[k];
      if (!next.bias.empty()) next.bias[units[k]] = of_units->bias.empty() ? Rational(0) : of_units->bias[k];
    }
    for (std::size_t j = 0; j < mine.size(); ++j) {
      if (mine[j] || others == Others::kept) continue;
      if (others == Others::end) {
        next.weights[j] = walk.end(l).weights[j];
        if (!next.bias.empty()) next.bias[j] = walk.end(l).bias[j];
      } else {
        std::fill(next.weights[j].begin(), next.weights[j].end(), Rational(0));
        if (!next.bias.empty()) next.bias[j] = 0;
      }
    }
    return next;
  }

  // Weights of units of layer l on the units below that give what `g` says, in numbers of so many bits behind the
  // point.
  static DenseTensors on_part(const Walk& walk, std::size_t l, const Mat& below, const Units& part, const Mat& g,
                              const Units& units, int bits) {
    const Fit fit(below, part, walk.dense().has_biases(l));
    Mat wanted(g.rows(), static_cast<Eigen::Index>(units.size()));
    for (std::size_t k = 0; k < units.size(); ++k)
      wanted.col(static_cast<Eigen::Index>(k)) = g.col(static_cast<Eigen::Index>(units[k]));
    return fit.tensors(rounded(fit.solve(wanted), bits), walk.width(l - 1));
  }
  // G_l at a point.
  static Mat sums(const Walk& walk, std::size_t l, const DenseTensors& tensors, const Mat& below) {
    Mat w(static_cast<Eigen::Index>(walk.width(l - 1)), static_cast<Eigen::Index>(walk.width(l)));
    for (Eigen::Index j = 0; j < w.cols(); ++j)
      for (Eigen::Index i = 0; i < w.rows(); ++i)
        w(i, j) = tensors.weights[static_cast<std::size_t>(j)][static_cast<std::size_t>(i)].convert_to<double>();
    Mat g = below * w;
    for (std::size_t j = 0; j < tensors.bias.size(); ++j)
      g.col(static_cast<Eigen::Index>(j)).array() += tensors.bias[j].convert_to<double>();
    return g;
  }

  // Both networks have a part that is good enough, beside each other: README.md.
  std::optional<Outcome> by_parts(Walk walk, int bits, Outcome& failed) const {
    const std::size_t layers = walk.layers(), n = instance_.data.size();
    const double level = says_max_ ? std::max(at_from_, at_to_) : level_.convert_to<double>();
    const bool with_bias = walk.dense().has_biases(layers);
    Parts mine(layers), theirs(layers);
    std::vector<Mat> theirs_below(layers);
    for (std::size_t l = 1; l < layers; ++l) {
      options_.progress("units", l, layers - 1);
      const std::size_t width = walk.width(l);
      mine[l] = basis(walk.values(l), all_units(width), std::min(n, width / 2));
      theirs_below[l] = walk.values(l, asked_.to);
      const Units others = other_units(mine[l], width);
      theirs[l] = basis(theirs_below[l], others, others.size());
    }
    const auto straight = [&](std::size_t l, DenseTensors next) {
      if (walk.straight(l, std::move(next), loss_, level, kMostCells)) return true;
      failed =
          undecided("no-path", fmt::format("layer {} cannot be moved to a part of the units below it with the loss "
                                           "below {:.6g}",
                                           walk.dense().linear(l).name, level));
      return false;
    };
    double best = 0;
    int bits_of_tops = 0;
    std::vector<double> tops;
    const auto fitted = [&](const Units& units, const char* which) {
      const auto top = fit_below(walk.values(layers - 1), units, with_bias, loss_, level, best);
      if (!top) {
        failed = undecided("no-path", fmt::format("with {} units of the {} point the loss comes down to {:.6g} only, "
                                                  "not below {:.6g}: there is too little slack (theorem joined may "
                                                  "tell without a path)",
                                                  units.size(), which, best, level));
        return false;
      }
      tops.push_back(top->phi);
      bits_of_tops = std::max(bits_of_tops, top->bits);
      walk.top(top->tensors);
      return true;
    };
    // The first network shrinks to its part.
    if (!fitted(mine[layers - 1], "first")) return std::nullopt;
    for (std::size_t l = layers - 1; l >= 2; --l) {
      const Mat below = walk.values(l - 1);
      const DenseTensors on = on_part(walk, l, below, mine[l - 1], sums(walk, l, walk.now(l), below), mine[l], bits);
      if (!straight(l, with(walk, l, mine[l], &on, Others::zero))) return std::nullopt;
    }
    // Beside it that of the second one grows.
    walk.unused(1, with(walk, 1, mine[1], nullptr, Others::end));
    for (std::size_t l = 2; l < layers; ++l) {
      const Mat g = sums(walk, l, walk.end(l), theirs_below[l - 1]);
      const DenseTensors on = on_part(walk, l, walk.values(l - 1), theirs[l - 1], g, theirs[l], bits);
      walk.unused(l, with(walk, l, theirs[l], &on, Others::kept));
    }
    if (!fitted(theirs[layers - 1], "second")) return std::nullopt;
    // The first one goes, the rest of the second one comes.
    for (std::size_t l = layers - 1; l >= 2; --l) walk.unused(l, with(walk, l, theirs[l], nullptr, Others::zero));
    walk.unused(1, walk.end(1));
    for (std::size_t l = 2; l < layers; ++l) walk.unused(l, with(walk, l, theirs[l], nullptr, Others::end));
    for (std::size_t l = 2; l < layers; ++l)
      if (!straight(l, walk.end(l))) return std::nullopt;
    walk.top(walk.end(layers));
    return joined(walk, fmt::format("on parts of the units Phi comes down to {:.4g} and {:.4g}, numbers of {} bits "
                                    "behind the point",
                                    tops[0], tops[1], std::max(bits_of_tops, bits)));
  }

  const Instance& instance_;
  const Asked& asked_;
  const Options& options_;
  ConvexLoss loss_;
  Rational level_;
  bool says_max_ = false;
  double at_from_ = 0, at_to_ = 0;
};

}  // namespace

Theorem theorems::path_below() {
  return {
      .id = "path-below",
      .title = "A path between two networks, written down, on which the loss stays below a level",
      .source = "Q. Nguyen's thesis (2019), Lemma 3.4.15, with short numbers",
      .statement =
          "For the square loss, cross-entropy or hinge loss: the first network shrinks to a part of its units that "
          "fits "
          "the targets well enough, such a part of the second one grows beside it, the output layer goes over from one "
          "to "
          "the other, and the rest follows. Phi is convex in the output layer, constant while unused units move, and "
          "bounded by chords where a hidden layer moves. In a pyramid of homeomorphisms above independent samples "
          "paths of outputs are followed by the first layer. Without slack units are exchanged one by one, exactly, "
          "with "
          "constant outputs (two layers, rational values).",
      .hypotheses = {"dense layers from the lowest one that differs up to the output; all else equal at both points",
                     "slack, and units enough for two fits beside each other; or slack, and a pyramid; or N + 1 "
                     "columns of two layers"},
      .claims = {"path-below"},
      .rules = {"moves"},
      .reasons = {"level", "no-path", "layer-kind", "frozen", "not-a-chain", "no-chords"},
      .keys = {kOutputKey,
               kTargetsKey,
               kConvexLossKey,
               {"from", "one point: tensors of the linear nodes up to the output"},
               {"to", "the other one"},
               {"level", "a level of Phi; the larger of its values at the points if absent"}},
      .numbers = {{"level", Side::above}},
      .read = [](const Entry& entry) -> Prover {
        Asked asked{read_output(entry),
                    read_point(entry.json.get("from")),
                    read_point(entry.json.get("to")),
                    read_convex_loss(entry),
                    {}};
        if (const auto level = entry.json.find("level")) asked.level = level->rational();
        return [asked](const Instance& instance, const Options& options) -> Outcome {
          try {
            return Finder(instance, asked, options).run();
          } catch (const Outcome& obstacle) {
            return obstacle;
          }
        };
      }};
}

}  // namespace widecert
