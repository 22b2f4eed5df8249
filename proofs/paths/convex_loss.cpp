#include "proofs/paths/convex_loss.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <cmath>

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

double ConvexLoss::phi(const Eigen::MatrixXd& f) const {
  if (kind_ == "square") return (f - y_).squaredNorm() / 2;
  double sum = 0;
  for (Eigen::Index i = 0; i < f.rows(); ++i) {
    const auto mine = static_cast<Eigen::Index>(classes_[static_cast<std::size_t>(i)]);
    double part = 0;
    const double most = f.row(i).maxCoeff();
    for (Eigen::Index k = 0; k < f.cols(); ++k) {
      if (kind_ == "hinge") {
        part += k == mine ? 0 : std::max(0.0, 1 - f(i, mine) + f(i, k));
      } else {
        part += std::exp(f(i, k) - most);
      }
    }
    sum += kind_ == "hinge" ? part : most + std::log(part) - f(i, mine);
  }
  return sum;
}

std::vector<Eigen::MatrixXd> ConvexLoss::aims() const {
  if (kind_ == "square") return {y_};
  std::vector<Eigen::MatrixXd> all;
  for (double scale : {20.0, 10.0, 5.0, 2.0}) all.push_back(scale * y_);
  return all;
}

}  // namespace widecert
