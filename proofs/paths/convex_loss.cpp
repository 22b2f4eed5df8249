#include "proofs/paths/convex_loss.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/enclosed_forward.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace widecert {

ConvexLossSpec read_convex_loss(const Entry& entry) {
  ConvexLossSpec loss;
  const auto given = entry.json.find("loss"), targets = entry.json.find("targets");
  if (given && !given->is_text()) {
    JsonReader in = *given;
    for (const char* kind : {"cross-entropy", "hinge"}) {
      if (const auto classes = in.find(kind)) {
        loss.kind = kind;
        loss.classes = read_classes(*classes);
      }
    }
    if (!loss.classes) given->fail("\"square\", {\"cross-entropy\": classes} or {\"hinge\": classes}");
    in.done();
    if (targets) throw InputError(targets->place() + ": this loss takes classes, no targets");
    return loss;
  }
  if (given && given->text() != "square")
    given->fail("\"square\", {\"cross-entropy\": classes} or {\"hinge\": classes}");
  if (!targets) throw InputError(entry.json.place() + ": the square loss needs \"targets\"");
  loss.targets = read_targets(*targets);
  return loss;
}

Value loss_key(const ConvexLossSpec& loss) {
  if (loss.targets) return "square";
  return Value::object({{loss.kind == "hinge" ? "hinge" : "cross-entropy", *loss.classes}});
}

ConvexLoss::ConvexLoss(const ConvexLossSpec& spec, std::size_t samples, std::size_t outputs) : kind_(spec.kind) {
  if (spec.targets) {
    y_ = near_doubles(expand_targets(*spec.targets, samples, outputs));
    return;
  }
  y_ = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(samples), static_cast<Eigen::Index>(outputs));
  classes_ = expand_classes(*spec.classes, samples);
  for (std::size_t i = 0; i < samples; ++i) {
    if (classes_[i] >= outputs) throw InputError(fmt::format("loss: class {} of {} outputs", classes_[i], outputs));
    y_(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(classes_[i])) = 1;
  }
}

double ConvexLoss::phi(const Eigen::MatrixXd& f) const { return phi(f, Eigen::VectorXd::Zero(f.rows())); }

double ConvexLoss::phi(const Eigen::MatrixXd& f, const Eigen::VectorXd& radius) const {
  if (kind_ == "square") return ((f - y_).cwiseAbs().colwise() + radius).squaredNorm() / 2;
  double sum = 0;
  for (Eigen::Index i = 0; i < f.rows(); ++i) {
    const auto mine = static_cast<Eigen::Index>(classes_[static_cast<std::size_t>(i)]);
    // How far each output is above that of the sample's own class.
    Eigen::ArrayXd above = f.row(i).array() - f(i, mine) + 2 * radius(i);
    above(mine) = 0;
    if (kind_ == "hinge") {
      sum += (1 + above).max(0).sum() - 1;
    } else {
      const double most = above.maxCoeff();
      sum += most + std::log((above - most).exp().sum());
    }
  }
  return sum;
}

std::vector<Eigen::MatrixXd> ConvexLoss::aims() const {
  if (kind_ == "square") return {y_};
  std::vector<Eigen::MatrixXd> all;
  for (double scale : {20.0, 10.0, 5.0, 2.0, 40.0}) all.push_back(scale * y_);
  return all;
}

double ConvexLoss::least_of_constants() const {
  if (kind_ == "square") return (y_.rowwise() - y_.colwise().mean()).squaredNorm() / 2;
  std::map<std::size_t, double> counts;
  for (std::size_t k : classes_) ++counts[k];
  double sum = 0;
  for (auto one = counts.begin(); one != counts.end(); ++one) {
    if (kind_ == "cross-entropy")
      sum += one->second * std::log(static_cast<double>(classes_.size()) / one->second);
    else
      for (auto other = std::next(one); other != counts.end(); ++other) sum += 2 * std::min(one->second, other->second);
  }
  return sum;
}

Eigen::MatrixXd outputs_at(const Instance& instance, const PointSpec& point, std::size_t output) {
  const PointSpec below = point_below(instance.network, point, output);
  return EnclosedForward(instance.network, integer_point(instance.network, below, output), output, instance.data)(
             0, instance.data.size())
      .middle;
}

}  // namespace widecert
