#include "evaluate/loss.h"

#include <algorithm>

#include "kernel/integers.h"
#include "kernel/targets.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

// Short, so that a sentence names the very number.
mpq_class read_parameter(const Value& json) {
  const mpq_class q = json.rational();
  if (q < 0 || q.get_str().size() > 40) json.bad("a number that is not negative, of at most 40 characters");
  return q;
}
mpq_class read_positive(const Value& json) {
  const mpq_class q = read_parameter(json);
  if (q == 0) json.bad("a positive number");
  return q;
}

}  // namespace

std::string five_losses() {
  return "the sum over all entries a of F_L - Y of a^2, of 2 d^2 (sqrt(1 + a^2/d^2) - 1), of -ln(e^(-a^2) + d), of the "
         "corrupted Gaussian or of d^2 ln(1 + a^2/d^2)";
}

Loss::Loss(const Value& json, const Context& c, std::size_t outputs) {
  if (json.is_text()) {
    if (json.text() != "square") json.bad("square, or an object with the name of a loss");
    return;
  }
  const auto keys = json.keys();
  if (keys.size() != 1) json.bad("one loss");
  const Value of = json.at(keys[0]);
  words_ = "Phi by the loss " + keys[0];
  if (keys[0] == "pseudo-huber" || keys[0] == "blake-zisserman" || keys[0] == "cauchy") {
    kind_ = keys[0] == "cauchy"         ? LossKind::cauchy
            : keys[0] == "pseudo-huber" ? LossKind::pseudo_huber
                                        : LossKind::blake_zisserman;
    words_ += " with d = " + show_below(read_positive(of));
  } else if (keys[0] == "corrupted-gaussian") {
    kind_ = LossKind::corrupted_gaussian;
    const auto list = of.list();
    if (list.size() != 2 || read_parameter(list[0]) > 1) of.bad("[alpha in [0, 1], w > 0]");
    words_ += " with alpha = " + show_below(list[0].rational()) + ", w = " + show_below(read_positive(list[1]));
  } else if (keys[0] == "one-sided") {
    kind_ = LossKind::one_sided;
    classes_ = read_classes(of, c);
    for (std::size_t i : classes_)
      if (i >= outputs && outputs != 1) of.bad("classes below the number of outputs");
    words_ =
        "Phi = the sum of min(F_ij - Y_ij, 0)^2 for the class j of sample i and max(F_ij - Y_ij, 0)^2 for the others";
  } else {
    json.bad("square, pseudo-huber, blake-zisserman, corrupted-gaussian, cauchy or one-sided");
  }
}

std::vector<bool> Loss::counted(std::size_t sample, const Ln2Vector& residual, Budget& budget) const {
  std::vector<bool> counts;
  for (std::size_t j = 0; j < residual.size(); ++j) {
    const int sign = residual.at(j, budget).sign(budget);
    counts.push_back(j == classes_[sample] ? sign < 0 : sign > 0);
  }
  return counts;
}

Ln2 Loss::value(std::size_t sample, const Ln2Vector& residual, Budget& budget) const {
  require(kind_ == LossKind::square || kind_ == LossKind::one_sided, "loss",
          "this loss is not polynomial: its values are not compared");
  const std::vector<bool> counts =
      kind_ == LossKind::one_sided ? counted(sample, residual, budget) : std::vector<bool>(residual.size(), true);
  Ln2 sum;
  for (std::size_t j = 0; j < residual.size(); ++j) {
    if (!counts[j]) continue;
    const Ln2 r = residual.at(j, budget);
    sum = sum.plus(r.times(r, budget), budget);
  }
  return kind_ == LossKind::square ? sum.times(Ln2(mpq_class(1, 2)), budget) : sum;
}

Ln2Vector Loss::derivative(std::size_t sample, const Ln2Vector& residual, Budget& budget) const {
  if (kind_ == LossKind::square || residual.zero()) return residual;
  require(kind_ == LossKind::one_sided, "loss",
          "this loss is not polynomial: only where F_L = Y is its derivative known");
  const std::vector<bool> counts = counted(sample, residual, budget);
  std::vector<mpz_class> twice;
  for (const bool counts_here : counts) twice.emplace_back(counts_here ? 2 : 0);
  return residual.times(Ln2Vector(twice, 1), budget);
}

Objective::Objective(const Question& q)
    : c(q.c),
      output(c.network.find(q.claim.at("output").text())),
      loss(q.claim.at("loss"), c, c.network.node(output).width),
      targets_(read_targets(q.claim.at("targets"), c, c.network.node(output).width)) {}

Ln2Vector Objective::residual(std::size_t sample, const Ln2Forward::Values& values) const {
  Ln2Vector r = Ln2Vector(targets_.rows[sample], targets_.divisor).negative(c.budget);
  r.add(values.at(output), c.budget);
  return r;
}

Ln2 Objective::value(const Value& parameters) const {
  const Ln2Forward forward(c, output, parameters);
  Ln2 phi;
  forward.for_each([&](std::size_t i, const Ln2Forward::Values& values) {
    phi = phi.plus(loss.value(i, residual(i, values), c.budget), c.budget);
  });
  return phi;
}

std::string in_words(const Ln2& phi) {
  const std::string low = show_below(phi), high = show_above(phi);
  return low == high ? low : "[" + low + ", " + high + "]";
}

bool Loss::least(std::size_t sample, const Ln2Vector& residual, Budget& budget) const {
  if (kind_ != LossKind::one_sided) return residual.zero();
  const std::vector<bool> counts = counted(sample, residual, budget);
  return std::find(counts.begin(), counts.end(), true) == counts.end();
}

}  // namespace widecheck
