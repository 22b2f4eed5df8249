#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <random>

#include "proofs/output.h"
#include "proofs/paths/fit.h"
#include "proofs/paths/paths.h"

namespace widecert {
namespace {

using Mat = Eigen::MatrixXd;
constexpr int kMostRounds = 12;

struct Asked {
  std::size_t output;
  PointSpec from;
  ConvexLossSpec loss;
  std::optional<Rational> floor;
};

class Descent {
 public:
  Descent(const Instance& instance, const Asked& asked, const Options& options)
      : instance_(instance),
        asked_(asked),
        options_(options),
        loss_(asked.loss, instance.data.size(), instance.network.node(asked.output).width),
        walk_(instance, asked.output, asked.from, {}, options),
        random_(options.seed) {}

  Outcome run() {
    const std::size_t layers = walk_.layers();
    const double start = loss_.phi(walk_.values(layers));
    const double floor = asked_.floor ? asked_.floor->convert_to<double>() : start / 1000;
    if (start <= floor * (1 - 1e-9)) return ended(start, start);
    if (!(start > 0)) return undecided("floor", "Phi is 0 at the point, and the floor is not above that");
    double here = start;
    for (int round = 0; round < kMostRounds; ++round) {
      options_.progress("descent", static_cast<std::size_t>(round), kMostRounds);
      Mat f = walk_.values(layers - 1);
      if (layers == 2 && drop_dead_units(f)) f = walk_.values(1);
      const Units used = basis(f, all_units(walk_.width(layers - 1)), walk_.width(layers - 1));
      // Down to the floor if the features allow that, and as far as they do else; with few units, so that others may
      // move after that.
      const double reached = lower(f, used, here, floor);
      if (reached <= floor * (1 - 1e-9)) return ended(start, reached);
      const bool fell = reached < here / 4;
      here = std::min(here, reached);
      const std::size_t columns = used.size() + (walk_.dense().has_biases(layers) ? 1 : 0);
      const bool replaced = layers >= 2 && columns < instance_.data.size() && replace_unused();
      if (!fell && !replaced) break;
    }
    if (!asked_.floor && here < start) return ended(start, here);
    return undecided("floor", fmt::format("Phi comes from {:.6g} down to {:.6g}, not to the floor {:.6g}: the features "
                                          "have too small a rank, or moves that never rise are not found",
                                          start, here, floor));
  }

 private:
  Outcome ended(double start, double phi) {
    const Rational floor = asked_.floor ? *asked_.floor : walk_.above(phi, asked_.loss);
    Outcome outcome = walk_.claim(
        fmt::format("{} moves along which Phi never increases: from {:.6g} to {:.6g}", walk_.moves(), start, phi),
        "descends-to", asked_.loss, {{"floor", floor}});
    outcome.numbers = {{"floor", floor}};
    return outcome;
  }

  // Out-weights of units that are 0 on all samples become 0: outputs stay, exactly.
  bool drop_dead_units(const Mat& f) {
    const Activation& function = walk_.dense().function(1);
    if (!facts(function.kind).piecewise_affine || !facts(function.kind).continuous) return false;
    DenseTensors top = walk_.now(2);
    bool any = false;
    for (Eigen::Index j = 0; j < f.cols(); ++j) {
      if (!f.col(j).isZero(0)) continue;
      for (auto& row : top.weights) {
        any = any || row[static_cast<std::size_t>(j)] != 0;
        row[static_cast<std::size_t>(j)] = 0;
      }
    }
    if (any) walk_.top(std::move(top));
    return any;
  }

  // The output layer moves to weights on these units; Phi at its end, or infinity if none was found that is lower with
  // a slope below 0.
  double lower(const Mat& f, const Units& units, double here, double floor) {
    const std::size_t layers = walk_.layers();
    const Mat g = walk_.values(layers);
    const Fit fit(f, units, walk_.dense().has_biases(layers));
    double best = here;
    std::optional<DenseTensors> found;
    for (const Mat& aim : loss_.aims()) {
      const Mat step = fit.values(fit.solve(aim)) - g;
      // Convex along the step: to where it is lowest, but not quite.
      const double share = lowest(g, step) * 0.999;
      if (!(share > 0)) continue;
      const Mat w = fit.solve(g + share * step);
      for (int bits = 4; bits <= 48; bits += 4) {
        const Mat short_ones = rounded(w, bits);
        const Mat end = fit.values(short_ones);
        const double phi = loss_.phi(end);
        // A convex function that falls behind the end has not risen before it.
        const Mat behind = end + (end - g) * 1e-4;
        if (!(phi < best) || !(loss_.phi(behind) < phi * (1 - 1e-12))) continue;
        // Short numbers where they suffice, else the last ones that are lower.
        found = fit.tensors(short_ones, walk_.width(layers - 1));
        best = phi;
        if (phi <= floor * (1 - 1e-9)) break;
      }
      if (best <= floor * (1 - 1e-9)) break;
    }
    if (found) walk_.top(std::move(*found));
    return best;
  }
  // The t in [0, 1] at which the convex Phi(g + t step) is least.
  double lowest(const Mat& g, const Mat& step) const {
    double low = 0, high = 1;
    for (int k = 0; k < 60; ++k) {
      const double a = low + (high - low) / 3, b = high - (high - low) / 3;
      if (loss_.phi(g + a * step) <= loss_.phi(g + b * step)) {
        high = b;
      } else {
        low = a;
      }
    }
    return high > 1 - 1e-9 ? 1 : low;
  }

  // Units of the uppermost hidden layer that the output does not use become random ones.
  bool replace_unused() {
    const std::size_t l = walk_.layers() - 1;
    const DenseTensors& top = walk_.now(l + 1);
    DenseTensors next = walk_.now(l);
    const Mat below = walk_.values(l - 1);
    const auto n = static_cast<std::size_t>(below.rows());
    bool any = false;
    for (std::size_t j = 0; j < walk_.width(l); ++j) {
      if (std::any_of(top.weights.begin(), top.weights.end(), [&](const auto& row) { return row[j] != 0; })) continue;
      any = true;
      // Short numbers, with the kink or the steepest part near a sample.
      std::uniform_int_distribution<std::size_t> pick(0, n - 1);
      std::uniform_int_distribution<int> entry(-16, 16);
      const auto at = static_cast<Eigen::Index>(pick(random_));
      double sum = 0;
      for (std::size_t i = 0; i < next.weights[j].size(); ++i) {
        const double w = entry(random_) / 16.0;
        next.weights[j][i] = exactly(w);
        sum += w * below(at, static_cast<Eigen::Index>(i));
      }
      if (!next.bias.empty()) next.bias[j] = exactly(std::round((entry(random_) / 64.0 - sum) * 1024) / 1024);
    }
    if (any) walk_.unused(l, std::move(next));
    return any;
  }

  const Instance& instance_;
  const Asked& asked_;
  const Options& options_;
  ConvexLoss loss_;
  Walk walk_;
  std::mt19937_64 random_;
};

}  // namespace

Theorem theorems::descent() {
  return {
      .id = "descent",
      .title = "A path from a network down to a small loss, along which the loss never increases",
      .source = "Q. Nguyen's thesis (2019), Theorem 3.4.13, for one network",
      .statement =
          "The output layer moves straight to weights on a part of the units with a smaller loss; Phi is convex on the "
          "way, and its slope at the end is not positive, so that it never increases. Units that are not used become "
          "others, with constant outputs, until the features suffice for the floor.",
      .hypotheses = {"a dense output layer above an activation on a dense layer, both free"},
      .claims = {"descends-to"},
      .rules = {"moves"},
      .reasons = {"floor", "layer-kind", "frozen", "not-a-chain"},
      .keys = {kOutputKey,
               kTargetsKey,
               kConvexLossKey,
               {"from", "the point: tensors of the linear nodes up to the output"},
               {"floor",
                "a level of Phi at the end; a thousandth of its value at the point if absent, or as low as it comes"}},
      .numbers = {{"floor", Side::above}},
      .read = [](const Entry& entry) -> Prover {
        Asked asked{read_output(entry), read_point(entry.json.get("from")), read_convex_loss(entry), {}};
        if (const auto floor = entry.json.find("floor")) asked.floor = floor->rational();
        return [asked](const Instance& instance, const Options& options) -> Outcome {
          try {
            return Descent(instance, asked, options).run();
          } catch (const Outcome& obstacle) {
            return obstacle;
          }
        };
      }};
}

}  // namespace widecert
