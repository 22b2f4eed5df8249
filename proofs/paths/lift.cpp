#include "proofs/paths/lift.h"

#include <fmt/format.h>

#include <Eigen/QR>
#include <algorithm>
#include <cmath>

#include "proofs/paths/fit.h"

namespace widecert {
namespace {

using Mat = Eigen::MatrixXd;
constexpr int kBits = 32;
constexpr double kShortest = 1.0 / 1024;
constexpr std::size_t kMostCells = 64;

// Layers 1, ..., L in doubles: W_l with a column for each unit, and the biases.
struct Layers {
  std::vector<Mat> w;
  std::vector<Eigen::RowVectorXd> b;
};

class Lift {
 public:
  Lift(Walk walk, const ConvexLoss& loss, double level)
      : walk_(std::move(walk)), loss_(loss), level_(level), below_(walk_.values(0)) {
    const std::size_t layers = walk_.layers();
    for (std::size_t l = 1; l < layers; ++l) {
      const Activation& f = walk_.dense().function(l);
      if (!homeomorphism(f)) throw not_applicable("not-onto", describe(f) + " is not a homeomorphism of R");
      slopes_.push_back(f.kind == ActivationKind::identity ? 1 : f.parameter.convert_to<double>());
      if (walk_.width(l) <= walk_.width(l + 1))
        throw not_applicable("not-decreasing", "the widths of the layers do not decrease");
    }
    with_ones_ = walk_.dense().has_biases(1);
    Mat a(below_.rows(), below_.cols() + (with_ones_ ? 1 : 0));
    a.leftCols(below_.cols()) = below_;
    if (with_ones_) a.col(below_.cols()).setOnes();
    const Eigen::CompleteOrthogonalDecomposition<Mat> factored(a);
    if (factored.rank() < a.rows())
      throw undecided("rank", fmt::format("what layer 1 reads has rank {}, not N = {}", factored.rank(), a.rows()));
    inverse_ = factored.pseudoInverse();
  }

  Walk run() {
    const std::size_t layers = walk_.layers();
    // The output layers alone first: Phi is convex in them, and after that there is slack.
    const std::vector<DenseTensors> last = with_better_top(end());
    walk_.top(with_better_top(now()).back());
    const Layers a = now(), b = read(last);
    const Mat aim = goal();
    // Both networks reach the aim; the second one's way is gone backwards.
    const auto to_aim = [&](const Layers& from) {
      return [this, from, aim, g = outputs(from), layers](double t) {
        return pull(from, from, layers, Mat((1 - t) * g + t * aim));
      };
    };
    const auto first = to_aim(a), second = to_aim(b);
    go(first);
    const Layers goal = rounded_layers(second(1));
    // The upper layers of the second one, with these outputs.
    const Layers start = now();
    go([&, z = outputs(start)](double t) {
      Layers upper = start;
      for (std::size_t l = 1; l < layers; ++l) {
        upper.w[l] = (1 - t) * start.w[l] + t * goal.w[l];
        upper.b[l] = (1 - t) * start.b[l] + t * goal.b[l];
      }
      return pull(start, upper, layers, z);
    });
    // From above to below the features become those of the second one.
    for (std::size_t k = layers; k >= 2; --k) {
      const Layers here = now();
      const Mat f = features(here, k - 1), wanted = features(goal, k - 1);
      go([&](double t) {
        const Mat between = (1 - t) * f + t * wanted;
        return pull(here, here, k - 1, undo(k - 1, between));
      });
    }
    go([&, here = now()](double t) {
      Layers next = here;
      for (std::size_t l = 0; l < layers; ++l) {
        next.w[l] = (1 - t) * here.w[l] + t * goal.w[l];
        next.b[l] = (1 - t) * here.b[l] + t * goal.b[l];
      }
      return next;
    });
    go([&](double t) { return second(1 - t); }, &last);
    walk_.top(walk_.end(layers));
    return walk_;
  }

 private:
  static Layers read(const std::vector<DenseTensors>& tensors) {
    Layers out;
    for (const DenseTensors& t : tensors) {
      out.w.push_back(near_doubles(t.weights).transpose());
      out.b.emplace_back(Eigen::RowVectorXd::Zero(out.w.back().cols()));
      for (std::size_t j = 0; j < t.bias.size(); ++j)
        out.b.back()(static_cast<Eigen::Index>(j)) = t.bias[j].convert_to<double>();
    }
    return out;
  }
  Layers now() const {
    std::vector<DenseTensors> all;
    for (std::size_t l = 1; l <= walk_.layers(); ++l) all.push_back(walk_.now(l));
    return read(all);
  }
  Layers end() const {
    std::vector<DenseTensors> all;
    for (std::size_t l = 1; l <= walk_.layers(); ++l) all.push_back(walk_.end(l));
    return read(all);
  }
  static Layers rounded_layers(Layers layers) {
    for (Mat& w : layers.w) w = rounded(w, kBits);
    for (auto& b : layers.b) b = rounded(b, kBits);
    return layers;
  }
  DenseTensors tensors(const Layers& layers, std::size_t l) const {
    const Mat &w = layers.w[l - 1], b = layers.b[l - 1];
    DenseTensors out = walk_.now(l);
    for (Eigen::Index j = 0; j < w.cols(); ++j) {
      for (Eigen::Index i = 0; i < w.rows(); ++i)
        out.weights[static_cast<std::size_t>(j)][static_cast<std::size_t>(i)] = exactly(w(i, j));
      if (!out.bias.empty()) out.bias[static_cast<std::size_t>(j)] = exactly(b(j));
    }
    return out;
  }

  // F_l and G_l at layers.
  Mat sums(const Layers& at, std::size_t l) const {
    return (features(at, l - 1) * at.w[l - 1]).rowwise() + at.b[l - 1];
  }
  Mat features(const Layers& at, std::size_t l) const {
    if (l == 0) return below_;
    const double slope = slopes_[l - 1];
    return sums(at, l).unaryExpr([slope](double v) { return v < 0 ? slope * v : v; });
  }
  Mat outputs(const Layers& at) const { return sums(at, walk_.layers()); }
  // s^-1 of layer l.
  Mat undo(std::size_t l, const Mat& f) const {
    const double slope = slopes_[l - 1];
    return f.unaryExpr([slope](double v) { return v < 0 ? v / slope : v; });
  }

  // Layers as `upper`, with a first one such that G_k = z: features are those of `reference`, and what is missing by
  // left inverses.
  Layers pull(const Layers& reference, const Layers& upper, std::size_t k, Mat z) const {
    for (std::size_t l = k; l >= 2; --l) {
      const Mat f = features(reference, l - 1), &w = upper.w[l - 1];
      const Mat missing = (z.rowwise() - upper.b[l - 1]) - f * w;
      z = undo(l - 1, f + missing * w.completeOrthogonalDecomposition().pseudoInverse());
    }
    Layers out = upper;
    const Mat change = inverse_ * (z - sums(reference, 1));
    out.w[0] = reference.w[0] + change.topRows(below_.cols());
    out.b[0] = reference.b[0];
    if (with_ones_) out.b[0] += change.row(below_.cols());
    return out;
  }

  // Outputs with a tenth of the loss that is allowed.
  Mat goal() const {
    const auto aims = loss_.aims();
    const Mat* best = nullptr;
    for (const Mat& aim : aims)
      if (loss_.phi(aim) <= level_ / 10 && (best == nullptr || aim.squaredNorm() < best->squaredNorm())) best = &aim;
    if (best == nullptr) throw undecided("no-path", "no outputs to aim at have a tenth of the loss that is allowed");
    return *best;
  }

  // The tensors of all layers, the output's moved towards a fit, not farther than is needed: large weights cost bits.
  std::vector<DenseTensors> with_better_top(const Layers& at) const {
    const std::size_t layers = walk_.layers();
    const Mat f = features(at, layers - 1);
    const double enough = loss_.phi(outputs(at)) * 0.7;
    const Fit fit(f, all_units(walk_.width(layers - 1)), walk_.dense().has_biases(layers));
    Layers better = at;
    double least = loss_.phi(outputs(at));
    for (double share : {0.01, 0.03, 0.1, 0.25, 0.5, 1.0}) {
      for (const Mat& aim : loss_.aims()) {
        if (least <= enough) break;
        const Mat w = fit.solve(aim);
        Layers next = at;
        next.w.back() = rounded((1 - share) * at.w.back() + share * w.topRows(f.cols()), kBits);
        if (walk_.dense().has_biases(layers))
          next.b.back() = rounded((1 - share) * at.b.back() + share * w.row(f.cols()), kBits);
        if (const double phi = loss_.phi(outputs(next)); phi < least) {
          least = phi;
          better = next;
        }
      }
    }
    std::vector<DenseTensors> all;
    for (std::size_t l = 1; l <= layers; ++l) all.push_back(tensors(better, l));
    return all;
  }

  // Goes along layers that depend on t, in pieces as long as their bound allows; the last piece to these tensors, if
  // they are given.
  template <class Way>
  void go(const Way& way, const std::vector<DenseTensors>* last = nullptr) {
    double t = 0, step = 0.25;
    while (t < 1) {
      poll();
      const double next = std::min(1.0, t + step);
      const Layers there = rounded_layers(way(next));
      std::vector<DenseTensors> all;
      for (std::size_t l = 1; l <= walk_.layers(); ++l)
        all.push_back(last != nullptr && next == 1 ? (*last)[l - 1] : tensors(there, l));
      if (walk_.straight(all, loss_, level_, kMostCells)) {
        t = next;
        step *= 2;
        continue;
      }
      step /= 2;
      if (step < kShortest)
        throw undecided("no-path",
                        "a lifted path has to be cut into more than a thousand pieces: layers are nearly "
                        "deficient, or there is too little slack");
    }
  }

  Walk walk_;
  const ConvexLoss& loss_;
  double level_;
  Mat below_, inverse_;
  std::vector<double> slopes_;
  bool with_ones_ = false;
};

}  // namespace

std::optional<Walk> lift(Walk walk, const ConvexLoss& loss, double level, Outcome& failed) {
  try {
    return Lift(std::move(walk), loss, level).run();
  } catch (const Outcome& why) {
    failed = why;
    return std::nullopt;
  }
}

}  // namespace widecert
