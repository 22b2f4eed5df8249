#include "proofs/paths/paths.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/enclosed_forward.h>
#include <widecert/number/error.h>

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numeric>

#include "proofs/interpolation/full_row_rank.h"
#include "proofs/output.h"
#include "proofs/paths/convex_loss.h"

namespace widecert {
namespace {

using Mat = Eigen::MatrixXd;

struct Asked {
  std::size_t output;
  PointSpec from;
  std::optional<PointSpec> to;  // none: down to the floor
  ConvexLossSpec loss;
  std::optional<Rational> level, floor;
};

Mat values_of(const Instance& instance, const PointSpec& point, std::size_t node, const Options& options) {
  const PointSpec below = point_below(instance.network, point, node);
  const EnclosedValues values = EnclosedForward(instance.network, integer_point(instance.network, below, node), node,
                                                instance.data)(0, instance.data.size());
  options.progress("features", instance.data.size(), instance.data.size());
  return values.middle;
}

// The columns of F that a basis of so many consists of, by pivoted QR of what is left after the mean.
std::vector<std::size_t> basis(const Mat& f, const std::vector<std::size_t>& allowed, std::size_t most) {
  Mat part(f.rows(), static_cast<Eigen::Index>(allowed.size()));
  for (std::size_t k = 0; k < allowed.size(); ++k)
    part.col(static_cast<Eigen::Index>(k)) = f.col(static_cast<Eigen::Index>(allowed[k]));
  const Eigen::RowVectorXd mean = part.colwise().mean();
  part.rowwise() -= mean;
  const Eigen::ColPivHouseholderQR<Mat> qr(part);
  std::vector<std::size_t> chosen;
  const auto rank = static_cast<std::size_t>(qr.rank());
  for (std::size_t k = 0; k < std::min({most, rank, allowed.size()}); ++k)
    chosen.push_back(allowed[static_cast<std::size_t>(qr.colsPermutation().indices()(static_cast<Eigen::Index>(k)))]);
  return chosen;
}

// Output tensors supported on these units, with the smallest rounding 2^-k whose loss stays below the level.
struct Top {
  ExplicitTensor weights, bias;
  double phi = 0;
  int bits = 0;
};
std::optional<Top> fit(const Mat& f, const std::vector<std::size_t>& units, const ConvexLoss& loss, bool with_bias,
                       double level, double& best) {
  const auto used = static_cast<Eigen::Index>(units.size());
  Mat a(f.rows(), used + (with_bias ? 1 : 0));
  for (Eigen::Index k = 0; k < used; ++k)
    a.col(k) = f.col(static_cast<Eigen::Index>(units[static_cast<std::size_t>(k)]));
  if (with_bias) a.col(used).setOnes();
  const Eigen::ColPivHouseholderQR<Mat> qr(a);
  best = std::numeric_limits<double>::infinity();
  // (A loss of 0, as the hinge loss has it, may be the level.)
  const auto below = [&](double phi) { return level > 0 ? phi < level * (1 - 1e-9) : phi == 0; };
  for (const Mat& aim : loss.aims()) {
    const Mat w = qr.solve(aim);
    const double exact = loss.phi(a * w);
    best = std::min(best, exact);
    if (!below(exact)) continue;
    for (int bits = 2; bits <= 48; bits += 2) {
      const double unit = std::ldexp(1.0, bits);
      const Mat rounded = (w * unit).array().round() / unit;
      const double phi = loss.phi(a * rounded);
      if (!below(phi)) continue;
      Top top;
      top.phi = phi;
      top.bits = bits;
      top.weights.rows.assign(static_cast<std::size_t>(w.cols()),
                              std::vector<Rational>(static_cast<std::size_t>(f.cols()), 0));
      if (with_bias) top.bias.rows.assign(1, std::vector<Rational>(static_cast<std::size_t>(w.cols()), 0));
      for (Eigen::Index t = 0; t < w.cols(); ++t) {
        for (Eigen::Index k = 0; k < used; ++k)
          top.weights.rows[static_cast<std::size_t>(t)][units[static_cast<std::size_t>(k)]] = exactly(rounded(k, t));
        if (with_bias) top.bias.rows[0][static_cast<std::size_t>(t)] = exactly(rounded(used, t));
      }
      return top;
    }
  }
  return std::nullopt;
}

class Finder {
 public:
  Finder(const Instance& instance, const Asked& asked, const Options& options)
      : instance_(instance),
        asked_(asked),
        options_(options),
        loss_(asked.loss, instance.data.size(), instance.network.node(asked.output).width) {}

  Outcome run() {
    const Architecture& network = instance_.network;
    const Node& last = network.node(asked_.output);
    if (auto obstacle = not_solvable(network, asked_.output)) return *obstacle;
    const std::size_t features = last.inputs[0];
    const auto* f = std::get_if<ActivationSpec>(&network.node(features).spec);
    if (f == nullptr) return not_applicable("layer-kind", "the output layer does not read an activation");
    if (!asked_.to) return descend(features);
    lower_ = network.node(features).inputs[0];
    if (auto obstacle = not_solvable(network, lower_)) return *obstacle;
    for (std::size_t i : {asked_.output, lower_}) {
      const auto& spec = std::get<LinearSpec>(network.node(i).spec);
      if (spec.frozen_bias)
        return not_applicable("frozen", fmt::format("the biases of layer {} are frozen", network.node(i).name));
    }
    for (std::size_t i : linear_nodes(network, asked_.output)) {
      if (i == asked_.output || i == lower_) continue;
      const std::string& name = network.node(i).name;
      if (asked_.from.contains(name) && asked_.to->contains(name) &&
          to_text(to_json(PointSpec{{name, asked_.from.at(name)}})) !=
              to_text(to_json(PointSpec{{name, asked_.to->at(name)}})))
        return not_applicable("other-layers",
                              fmt::format("layer {} differs, and only the two uppermost layers are moved", name));
    }
    const Mat a = values_of(instance_, asked_.from, features, options_),
              b = values_of(instance_, *asked_.to, features, options_);
    const double at_a = loss_.phi(values_of(instance_, asked_.from, asked_.output, options_)),
                 at_b = loss_.phi(values_of(instance_, *asked_.to, asked_.output, options_)),
                 higher = std::max(at_a, at_b);
    level_ =
        asked_.level ? *asked_.level : (higher > 0 ? short_upper_bound(exactly(higher * (1 + 1e-6)), 20) : Rational(0));
    const double level = level_.convert_to<double>();
    if (higher > level)
      return undecided(
          "level", fmt::format("Phi is {:.6g} and {:.6g} at the points, above the level {:.6g}", at_a, at_b, level));
    with_bias_ = std::get<LinearSpec>(last.spec).free_bias();
    const std::size_t n = instance_.data.size(), width = network.node(features).width;
    std::vector<std::size_t> all(width);
    std::iota(all.begin(), all.end(), std::size_t{0});
    // Units of both points in places of their own: a basis for the first, one of the others for the second.
    const std::size_t share = std::min(n, width / 2);
    const std::vector<std::size_t> mine = basis(a, all, share);
    std::vector<std::size_t> others;
    for (std::size_t j : all)
      if (std::find(mine.begin(), mine.end(), j) == mine.end()) others.push_back(j);
    const std::vector<std::size_t> theirs = basis(b, others, others.size());
    double best = 0;
    const auto first = fit(a, mine, loss_, with_bias_, level, best);
    if (!first) return too_high("first", mine.size(), best, level);
    const auto second = fit(b, theirs, loss_, with_bias_, level, best);
    if (!second) return too_high("second", theirs.size(), best, level);
    // top, unused, top, unused, top.
    top(first->weights, first->bias);
    const NodeTensors &from = asked_.from.at(network.node(lower_).name), &to = asked_.to->at(network.node(lower_).name);
    const Tensor w = expand(*from.weights, network.weights_shape(lower_), "weights"),
                 v = expand(*to.weights, network.weights_shape(lower_), "weights");
    const bool biased = from.bias.has_value();
    const Tensor c = biased ? expand(*from.bias, network.bias_shape(lower_), "bias") : Tensor{},
                 d = biased ? expand(*to.bias, network.bias_shape(lower_), "bias") : Tensor{};
    ExplicitTensor between{w}, shift{c};
    for (std::size_t j : theirs) {
      between.rows[j] = v[j];
      if (biased) shift.rows[0][j] = d[0][j];
    }
    unused(between, biased ? std::optional<TensorSpec>(shift) : std::nullopt);
    top(second->weights, second->bias);
    unused(*to.weights, to.bias);
    const NodeTensors& end = asked_.to->at(last.name);
    top(*end.weights, end.bias.value_or(FillTensor{0}));
    return walked(fmt::format("{} moves; Phi {:.4g} -> {:.4g} -> {:.4g} -> {:.4g}, numbers of {} and {} bits behind "
                              "the point; level {:.6g}",
                              moves_.size(), at_a, first->phi, second->phi, at_b, first->bits, second->bits, level),
                  "path-below", {{"to", *asked_.to}, {"level", level_}});
  }

 private:
  // One move of the output layer, to the best fit.
  Outcome descend(std::size_t features) {
    const Node& last = instance_.network.node(asked_.output);
    if (std::get<LinearSpec>(last.spec).frozen_bias)
      return not_applicable("frozen", fmt::format("the biases of layer {} are frozen", last.name));
    const Mat f = values_of(instance_, asked_.from, features, options_);
    const double here = loss_.phi(values_of(instance_, asked_.from, asked_.output, options_));
    if (!(here > 0)) return undecided("level", "Phi is 0 at the point");
    level_ = asked_.level ? *asked_.level : short_upper_bound(exactly(here * (1 + 1e-6)), 20);
    const double level = level_.convert_to<double>();
    if (here > level)
      return undecided("level", fmt::format("Phi is {:.6g} at the point, above the level {:.6g}", here, level));
    with_bias_ = std::get<LinearSpec>(last.spec).free_bias();
    std::vector<std::size_t> all(static_cast<std::size_t>(f.cols()));
    std::iota(all.begin(), all.end(), std::size_t{0});
    const std::vector<std::size_t> units = basis(f, all, all.size());
    const double wanted = asked_.floor ? asked_.floor->convert_to<double>() : level;
    double best = 0;
    auto end = fit(f, units, loss_, with_bias_, std::min(level, wanted), best);
    if (!asked_.floor && end) {  // as far down as the fit goes, not just below the level
      if (auto lower = fit(f, units, loss_, with_bias_, best * 1.001 + 1e-9 * level, best)) end = lower;
    }
    if (!end) return too_high("given", all.size(), best, wanted);
    top(end->weights, end->bias);
    const Rational floor =
        asked_.floor ? *asked_.floor : short_upper_bound(exactly(end->phi * (1 + 1e-6) + 1e-12 * level), 20);
    return walked(fmt::format("one move of the output layer: Phi {:.6g} -> {:.6g}, numbers of {} bits behind the point",
                              here, end->phi, end->bits),
                  "reaches-below", {{"level", level_}, {"floor", floor}});
  }

  // The moves so far, as the proof of a claim about the first point, its loss and what else is said.
  Outcome walked(const std::string& text, const char* claim, const Keys& rest) {
    Keys keys{{"output", instance_.network.node(asked_.output).name}, {"loss", loss_key()}};
    if (asked_.loss.targets) keys.emplace_back("targets", *asked_.loss.targets);
    keys.emplace_back("from", asked_.from);
    keys.insert(keys.end(), rest.begin(), rest.end());
    Outcome outcome = proved(text, {{Claim(claim, keys), Proof("moves", {{"moves", moves_}, {"precision", 64}})}});
    outcome.files = std::move(files_);
    outcome.numbers = {{"level", level_}};
    return outcome;
  }

  Outcome too_high(const char* which, std::size_t units, double best, double level) const {
    return undecided(
        "no-path",
        fmt::format("with {} units of the {} point the loss comes down to {:.6g} only, not below {:.6g}: there is too "
                    "little slack (theorem joined may tell without a path)",
                    units, which, best, level));
  }
  Value loss_key() const {
    if (asked_.loss.targets) return "square";
    return Value::object({{asked_.loss.kind == "hinge" ? "hinge" : "cross-entropy", *asked_.loss.classes}});
  }
  TensorSpec in_file(const TensorSpec& spec, const std::string& what) {
    return wide_tensor_for_claim(spec, fmt::format("move-{}.{}", moves_.size() + 1, what), options_, files_);
  }
  void top(const TensorSpec& weights, const TensorSpec& bias) {
    Keys keys{{"move", "top"}, {"weights", in_file(weights, "weights")}};
    if (with_bias_) keys.emplace_back("bias", bias);
    moves_.push_back(Value::object(keys));
  }
  void unused(const TensorSpec& weights, const std::optional<TensorSpec>& bias) {
    Keys keys{
        {"move", "unused"}, {"layer", instance_.network.node(lower_).name}, {"weights", in_file(weights, "weights")}};
    if (bias) keys.emplace_back("bias", *bias);
    moves_.push_back(Value::object(keys));
  }

  const Instance& instance_;
  const Asked& asked_;
  const Options& options_;
  ConvexLoss loss_;
  std::size_t lower_ = 0;
  bool with_bias_ = false;
  Rational level_;
  std::vector<Value> moves_;
  std::vector<Attachment> files_;
};

}  // namespace

Theorem theorems::path_below() {
  return {
      .id = "path-below",
      .title = "A path between two networks, written down, on which the loss stays below a level",
      .source = "Q. Nguyen's thesis (2019), Lemma 3.4.15, with short numbers",
      .statement =
          "For the square loss, cross-entropy or hinge loss: the output layer moves straight to weights on a part of "
          "the units that fit "
          "the targets well enough; units that are not used move to those of the other network; the output layer moves "
          "on to these; "
          "the rest follows; the output layer moves to its place. Phi is convex in the output layer, and constant "
          "while unused units move: "
          "it is at most its larger end on every piece, for every activation.",
      .hypotheses = {"a dense output layer above an activation on a dense layer; all else equal at both points",
                     "units enough for two fits beside each other, and slack: the loss of the fits is below the level"},
      .claims = {"path-below", "reaches-below"},
      .rules = {"moves"},
      .reasons = {"level", "no-path", "layer-kind", "frozen", "other-layers"},
      .keys = {kOutputKey,
               kTargetsKey,
               {"loss", "\"square\" (default), {\"cross-entropy\": classes} or {\"hinge\": classes}"},
               {"from", "one point: tensors of the linear nodes up to the output"},
               {"to", "the other one"},
               {"level", "a level of Phi; a little more than the larger of its values at the points if absent"},
               {"floor", "for reaches-below: a level of Phi at the end; as low as the output layer comes if absent"}},
      .numbers = {{"level", Side::above}},
      .read = [](const Entry& entry) -> Prover {
        const auto level = entry.json.find("level"), to = entry.json.find("to"), floor = entry.json.find("floor");
        const bool down = entry.claim == "reaches-below";
        if (down && to) throw InputError(to->place() + ": reaches-below has no second point");
        if (!down && floor) throw InputError(floor->place() + ": path-below ends at \"to\"");
        if (!down && !to) throw InputError(entry.json.place() + ": path-below needs \"from\" and \"to\"");
        Asked asked{read_output(entry), read_point(entry.json.get("from")), {}, read_convex_loss(entry), {}, {}};
        if (to) asked.to = read_point(*to);
        if (level) asked.level = level->rational();
        if (floor) asked.floor = floor->rational();
        return [asked](const Instance& instance, const Options& options) {
          return Finder(instance, asked, options).run();
        };
      }};
}

}  // namespace widecert
