#include "proofs/critical/loss.h"

#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <algorithm>

namespace widecert {
namespace {

bool is_zero(const Ln2Rows& rows) {
  return std::all_of(rows.begin(), rows.end(), [](const auto& row) {
    return std::all_of(row.begin(), row.end(), [](const Ln2& v) { return v.is_zero(); });
  });
}

// For the pair: min(a, 0) for the output of the sample's class, max(a, 0) for the others.
Ln2Rows one_sided(const LossSpec& loss, const Ln2Rows& residuals) {
  const std::vector<std::size_t> classes = expand_classes(*loss.classes, residuals.size());
  Ln2Rows part = residuals;
  for (std::size_t i = 0; i < part.size(); ++i) {
    for (std::size_t j = 0; j < part[i].size(); ++j) {
      const int sign = part[i][j].sign();
      if (j == classes[i] ? sign > 0 : sign < 0) part[i][j] = Ln2();
    }
  }
  return part;
}

}  // namespace

LossSpec read_loss(JsonReader in) {
  LossSpec loss;
  if (in.is_text()) {
    if (in.text() != "square") in.fail("\"square\" or an object with the name of a loss");
    return loss;
  }
  const auto keys = in.keys();
  if (keys.size() != 1) in.fail("one loss");
  loss.kind = keys[0];
  const JsonReader of = in.get(loss.kind.c_str());
  if (loss.kind == "one-sided") {
    loss.classes = read_classes(of);
  } else if (loss.kind == "corrupted-gaussian") {
    for (const JsonReader& v : of.list()) loss.parameters.push_back(v.rational());
    if (loss.parameters.size() != 2 || loss.parameters[0] < 0 || loss.parameters[0] > 1 || loss.parameters[1] <= 0)
      of.fail("[alpha in [0, 1], w > 0]");
  } else if (loss.kind == "pseudo-huber" || loss.kind == "blake-zisserman" || loss.kind == "cauchy") {
    loss.parameters = {of.rational()};
    if (loss.parameters[0] <= 0) of.fail("a positive number");
  } else {
    in.fail("square, one-sided, pseudo-huber, blake-zisserman, corrupted-gaussian or cauchy");
  }
  return loss;
}

Value loss_value(const LossSpec& loss) {
  if (loss.kind == "square") return Value("square");
  if (loss.classes) return Value::object({{loss.kind.c_str(), *loss.classes}});
  if (loss.parameters.size() == 1) return Value::object({{loss.kind.c_str(), loss.parameters[0]}});
  return Value::object({{loss.kind.c_str(), loss.parameters}});
}

Ln2Rows residuals_of(const Ln2Rows& values, const Tensor& targets) {
  Ln2Rows residuals = values;
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = 0; j < values[i].size(); ++j) residuals[i][j] -= Ln2(targets[i][j]);
  return residuals;
}

Ln2 loss_of(const LossSpec& loss, const Ln2Rows& residuals) {
  if (loss.kind != "square" && !loss.classes) throw InputError("the values of loss " + loss.kind + " are not compared");
  Ln2 sum;
  for (const auto& row : loss.classes ? one_sided(loss, residuals) : residuals)
    for (const Ln2& r : row) sum += r * r;
  return loss.classes ? sum : sum * Ln2(Rational(1, 2));
}

Ln2Rows loss_derivative(const LossSpec& loss, const Ln2Rows& residuals) {
  if (loss.kind == "square" || is_zero(residuals)) return residuals;
  if (!loss.classes) throw InputError("the derivative of loss " + loss.kind + " is exact only where F_L = Y");
  Ln2Rows d = one_sided(loss, residuals);
  for (auto& row : d)
    for (Ln2& v : row) v *= Ln2(2);
  return d;
}

bool has_least_loss(const LossSpec& loss, const Ln2Rows& residuals) {
  return is_zero(loss.classes ? one_sided(loss, residuals) : residuals);
}

}  // namespace widecert
