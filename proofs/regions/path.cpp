#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/layers_above.h>
#include <widecert/network/point_parameters.h>
#include <widecert/network/targets.h>
#include <widecert/number/error.h>

#include <Eigen/QR>
#include <algorithm>
#include <cmath>

#include "proofs/output.h"
#include "proofs/regions/asked.h"
#include "proofs/regions/regions.h"

namespace widecert {
namespace {

using Vector = std::vector<double>;
constexpr int kBits = 20, kDeepest = 45, kMostPieces = 256;

struct Asked : AskedRegion {
  std::vector<TensorSpec> points;
  std::optional<Rational> confidence;
};

class Finder {
 public:
  Finder(const Instance& instance, const Asked& asked, const Options& options)
      : network_(instance.network),
        asked_(asked),
        options_(options),
        theta_(parameters_at<double>(network_, asked.point, asked.output)) {}

  Outcome run() {
    for (const auto& obstacle : {asked_.obstacle(network_), asked_.bent(network_)})
      if (obstacle) return *obstacle;
    std::vector<TensorSpec> way;
    std::vector<Vector> ends;
    for (const TensorSpec& spec : asked_.points) {
      ends.emplace_back();
      for (const Rational& v : asked_.row(network_, spec, "points")) ends.back().push_back(v.convert_to<double>());
    }
    for (std::size_t k = 0; k < ends.size(); ++k) {
      if (margin(ends[k]) <= 0) return refuse(fmt::format("point {} has another class, or a tie", k + 1));
      if (!confident(ends[k])) return refuse(fmt::format("point {} has a smaller softmax", k + 1));
      if (k > 0 && !straight(ends[k - 1], ends[k])) {
        // Around: through the images of a straight line between the outputs of the last hidden layer.
        const auto between = pull_back(ends[k - 1], ends[k]);
        if (!between)
          return undecided("no-path",
                           fmt::format("the straight segment from point {} to point {} leaves the region, and "
                                       "no path is known (connected or not)",
                                       k, k + 1));
        for (const Vector& x : *between) {
          ExplicitTensor row;
          row.rows.emplace_back();
          for (double v : x) row.rows[0].push_back(exactly(v));
          way.emplace_back(row);
        }
      }
      way.push_back(asked_.points[k]);
    }
    std::vector<Value> points(way.begin(), way.end());
    Keys keys = asked_.keys(network_);
    keys.emplace_back("points", points);
    if (asked_.confidence) keys.emplace_back("confidence", *asked_.confidence);
    Keys proof;
    if (asked_.confidence) proof.emplace_back("precision", 64);
    return proved(
        fmt::format("a polyline of {} points; the least margin that is seen is {:.4g}{}", points.size(), least_,
                    asked_.confidence ? fmt::format(", the least softmax {:.6g}", 1 / (1 + most_)) : ""),
        {{Claim("path-in-region", keys), Proof("walker", proof)}});
  }

 private:
  static Outcome refuse(const std::string& why) { return undecided("margin", why); }

  // What decides on which piece a point lies: the values that functions with a kink read, and for each pool the values
  // of its patch.
  struct Seen {
    double margin = 0, powers = 0;  // min over others of F_j - F_k; sum of e^-(F_j - F_k)
    std::vector<double> read;
    std::vector<std::vector<double>> pooled;
  };
  Seen look(const Vector& x) const {
    const auto values = forward(network_, theta_, x, asked_.output);
    Seen seen;
    std::vector<std::int64_t> entries;
    for (std::size_t i : network_.ancestors(asked_.output)) {
      const Node& node = network_.node(i);
      if (const auto* f = std::get_if<ActivationSpec>(&node.spec)) {
        const Vector& in = values[node.inputs[0]];
        if (f->function.kind != ActivationKind::identity) seen.read.insert(seen.read.end(), in.begin(), in.end());
      } else if (const auto* pool = std::get_if<PoolSpec>(&node.spec); pool && pool->kind == PoolSpec::Kind::max) {
        for (std::size_t p = 0; p < node.patches->count(); ++p) {
          node.patches->expand(p, entries);
          seen.pooled.emplace_back();
          for (std::int64_t e : entries)
            if (e != kPadding) seen.pooled.back().push_back(values[node.inputs[0]][static_cast<std::size_t>(e)]);
        }
      }
    }
    const Vector& f = values[asked_.output];
    seen.margin = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < f.size(); ++k) {
      if (k == asked_.mine) continue;
      seen.margin = std::min(seen.margin, f[asked_.mine] - f[k]);
      seen.powers += std::exp(f[k] - f[asked_.mine]);
    }
    return seen;
  }
  // Where between two points (from 0 to 1) something changes, if all is affine so far; none at the ends.
  static std::vector<double> changes(const Seen& a, const Seen& b) {
    std::vector<double> shares;
    const auto between = [&](double v, double w) {
      constexpr double kEnd = 1e-9;
      const double share = v / (v - w);
      if (v * w < 0 && share > kEnd && share < 1 - kEnd) shares.push_back(share);
    };
    for (std::size_t h = 0; h < a.read.size(); ++h) between(a.read[h], b.read[h]);
    for (std::size_t p = 0; p < a.pooled.size(); ++p) {
      const auto largest = [](const std::vector<double>& v) {
        return static_cast<std::size_t>(std::max_element(v.begin(), v.end()) - v.begin());
      };
      const std::size_t first = largest(a.pooled[p]), last = largest(b.pooled[p]);
      between(a.pooled[p][first] - a.pooled[p][last], b.pooled[p][first] - b.pooled[p][last]);
    }
    return shares;
  }
  double allowed() const { return 1 / asked_.confidence->convert_to<double>() - 1; }
  bool inside(const Seen& seen) {
    if (!(seen.margin > 1e-9) || (asked_.confidence && !(seen.powers <= allowed() * (1 - 1e-9)))) return false;
    least_ = std::min(least_, seen.margin);
    most_ = std::max(most_, seen.powers);
    return true;
  }
  double margin(const Vector& x) const { return look(x).margin; }
  bool confident(const Vector& x) const { return !asked_.confidence || look(x).powers <= allowed(); }

  // Cut at the changes that are foreseen, the middle one first, until there are none: as far as doubles tell, margins
  // at all these points are those of the segment.
  bool straight(const Vector& a, const Vector& b) {
    const double least = least_, most = most_;
    if (within(a, look(a), b, look(b), 0)) return true;
    least_ = least;
    most_ = most;
    return false;
  }
  bool within(const Vector& a, const Seen& at_a, const Vector& b, const Seen& at_b, int depth) {
    poll();
    if (!inside(at_a) || !inside(at_b)) return false;
    std::vector<double> shares = changes(at_a, at_b);
    if (shares.empty() || depth == kDeepest) return true;
    const auto middle = shares.begin() + static_cast<std::ptrdiff_t>(shares.size() / 2);
    std::nth_element(shares.begin(), middle, shares.end());
    Vector x(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) x[i] = a[i] + *middle * (b[i] - a[i]);
    const Seen seen = look(x);
    return within(a, at_a, x, seen, depth + 1) && within(x, seen, b, at_b, depth + 1);
  }

  // Layers below the output, where the network is a pyramid of homeomorphisms with dense layers; else none.
  struct Layer {
    Eigen::MatrixXd w, inverse;
    Eigen::RowVectorXd bias;
    double slope;
  };
  std::vector<Layer> pyramid() const {
    std::string why;
    std::vector<Layer> layers;
    const auto above = layers_above(network_, 0, asked_.output, why);
    if (!above) return {};
    for (std::size_t l = 0; l + 1 < above->linear.size(); ++l) {
      const std::size_t i = above->linear[l];
      const Node& node = network_.node(i);
      const Activation& f = std::get<ActivationSpec>(network_.node(above->activation[l]).spec).function;
      if (!network_.is_dense(i) || !homeomorphism(f) || node.width > node.patches->inputs()) return {};
      Layer& layer = layers.emplace_back();
      layer.slope = f.kind == ActivationKind::identity ? 1 : f.parameter.convert_to<double>();
      layer.w =
          near_doubles(expand(*asked_.point.at(node.name).weights, network_.weights_shape(i), "weights")).transpose();
      layer.inverse = layer.w.completeOrthogonalDecomposition().pseudoInverse();
      layer.bias = Eigen::RowVectorXd::Zero(layer.w.cols());
      const auto& bias = theta_.at(i).bias;
      for (std::size_t h = 0; h < bias.size(); ++h) layer.bias(static_cast<Eigen::Index>(h)) = bias[h];
    }
    return layers;
  }

  // Points between, in pieces fine enough.
  std::optional<std::vector<Vector>> pull_back(const Vector& from, const Vector& to) {
    if (!pyramid_) pyramid_ = pyramid();
    if (pyramid_->empty()) return std::nullopt;
    // f_l at both ends, f_0 = x.
    const auto features = [&](const Vector& x) {
      std::vector<Eigen::RowVectorXd> f{
          Eigen::Map<const Eigen::RowVectorXd>(x.data(), static_cast<Eigen::Index>(x.size()))};
      for (const Layer& layer : *pyramid_)
        f.emplace_back(
            (f.back() * layer.w + layer.bias).unaryExpr([&](double v) { return v < 0 ? layer.slope * v : v; }));
      return f;
    };
    const auto a = features(from), b = features(to);
    const auto at = [&](double t) {
      Eigen::RowVectorXd z = (1 - t) * a.back() + t * b.back();
      for (std::size_t l = pyramid_->size(); l-- > 0;) {
        const Layer& layer = (*pyramid_)[l];
        const Eigen::RowVectorXd sum = z.unaryExpr([&](double v) { return v < 0 ? v / layer.slope : v; }),
                                 below = (1 - t) * a[l] + t * b[l];
        z = below + (sum - layer.bias - below * layer.w) * layer.inverse;
      }
      Vector x;
      for (Eigen::Index k = 0; k < z.size(); ++k) x.push_back(std::round(std::ldexp(z(k), kBits)) / std::exp2(kBits));
      return x;
    };
    for (int pieces = 2; pieces <= kMostPieces; pieces *= 2) {
      options_.progress("pieces", static_cast<std::size_t>(pieces), kMostPieces);
      std::vector<Vector> between;
      bool good = true;
      Vector last = from;
      for (int k = 1; good && k <= pieces; ++k) {
        const Vector next = k == pieces ? to : at(static_cast<double>(k) / pieces);
        good = straight(last, next);
        if (k < pieces) between.push_back(next);
        last = next;
      }
      if (good) return between;
    }
    return std::nullopt;
  }

  const Architecture& network_;
  const Asked& asked_;
  const Options& options_;
  Parameters<double> theta_;
  std::optional<std::vector<Layer>> pyramid_;  // once it is asked for
  double least_ = std::numeric_limits<double>::infinity(), most_ = 0;
};

}  // namespace

Theorem theorems::path_in_region() {
  return {
      .id = "path-in-region",
      .title = "A polyline of inputs that stays in one decision region",
      .source = "Q. Nguyen's thesis (2019), section 5.3.5, as a certificate",
      .statement =
          "A piecewise linear network is walked along each segment exactly: between breakpoints differences of outputs "
          "are affine, so that F_j > F_k at all breakpoints suffices; the sum of e^-(F_j - F_k) is convex there, so "
          "that "
          "softmax_j is at least what it is at breakpoints. Where a straight segment leaves the region of a pyramidal "
          "network, the way leads through preimages of a line between the features of its last hidden layer.",
      .hypotheses = {"relu, leaky-relu, identity, pooling; any parameters"},
      .claims = {"path-in-region"},
      .rules = {"walker"},
      .reasons = {"width", "activation", "margin", "no-path"},
      .keys = {kOutputKey,
               kRegionParametersKey,
               kClassKey,
               {"points", "inputs on the way, the ends first and last: a list of tensors with one row each"},
               {"confidence", "softmax_j is at least that all along, a number between 0 and 1"}},
      .needs_data = false,
      .read = [](const Entry& entry) -> Prover {
        Asked asked{read_asked_region(entry), {}, {}};
        const JsonReader points = entry.json.get("points");
        for (const JsonReader& point : points.list()) asked.points.push_back(read_tensor(point));
        if (asked.points.size() < 2) points.fail("two points or more");
        if (const auto confidence = entry.json.find("confidence")) asked.confidence = confidence->rational();
        return [asked](const Instance& instance, const Options& options) {
          return Finder(instance, asked, options).run();
        };
      }};
}

}  // namespace widecert
