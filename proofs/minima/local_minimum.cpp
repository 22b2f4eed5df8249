#include "proofs/minima/local_minimum.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/curvature.h>
#include <widecert/number/error.h>

#include <algorithm>

#include "proofs/critical/better.h"
#include "proofs/interpolation/exact.h"
#include "proofs/minima/coupling.h"
#include "proofs/output.h"

namespace widecert {
namespace {

struct Asked {
  std::size_t output;
  std::string claim;
  PointSpec parameters;
  TargetsSpec targets;
  std::optional<Rational> radius;
  std::optional<BetterEntry> better;
};

// How Phi is shown to be least on a box.
struct Shown {
  const char* rule = "";
  Keys proof = {};
  std::string why = {};  // not
};

bool orthogonal(const Dataset& data, const Tensor& residual, bool to_inputs) {
  for (std::size_t j = 0; j < residual[0].size(); ++j) {
    for (std::size_t k = 0; k <= (to_inputs ? data.width() : 0); ++k) {
      Rational sum = 0;
      for (std::size_t i = 0; i < data.size(); ++i) sum += residual[i][j] * (k == 0 ? Rational(1) : data.at(i, k - 1));
      if (sum != 0) return false;
    }
  }
  return true;
}

class Search {
 public:
  Search(const Instance& instance, const Asked& asked, const Tensor& residual)
      : instance_(instance),
        asked_(asked),
        residual_(residual),
        theta_(ln2_parameters(instance.network, asked.parameters, asked.output)) {
    against_inputs_ = orthogonal(instance.data, residual, true);
    against_ones_ = against_inputs_ || orthogonal(instance.data, residual, false);
  }

  Shown at(const Rational& radius) {
    const Curvature curvature(instance_.network, instance_.data, theta_, radius, asked_.output);
    const auto& labels = curvature.outputs();
    const bool affine = std::all_of(labels.begin(), labels.end(), [](const BendLabel& l) { return l.affine; });
    const bool constant = std::all_of(labels.begin(), labels.end(), [](const BendLabel& l) { return l.constant; });
    if ((affine && against_inputs_) || (constant && against_ones_)) return {"affine-on-data", {}, ""};
    std::string why = "the residuals are not in convex order for any direction tried";
    if (affine) why = "the outputs are affine in x on the samples, and the residuals are not orthogonal to x and 1";
    const auto allowed = [&](const std::vector<Rational>& u) {
      const BendLabel label = curvature.of(u);
      if (!label.convex && !label.lost.empty()) why = label.lost;
      return label.convex;
    };
    // Couplings do not depend on the radius.
    if (terms_) {
      if (std::all_of(terms_->begin(), terms_->end(), [&](const CouplingTerm& t) { return allowed(t.u); }))
        return {"convex-order", {{"terms", as_value(*terms_)}}, ""};
    } else if ((terms_ = couple(instance_.data, residual_, allowed))) {
      return {"convex-order", {{"terms", as_value(*terms_)}}, ""};
    }
    return {"", {}, why};
  }

 private:
  const Instance& instance_;
  const Asked& asked_;
  const Tensor& residual_;
  Parameters<Ln2> theta_;
  bool against_inputs_, against_ones_;
  std::optional<std::vector<CouplingTerm>> terms_;
};

Outcome prove(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  const Node& output = network.node(asked.output);
  std::string why;
  const auto values = exact_values(instance, asked.parameters, asked.output, options, why);
  if (!values) return not_applicable("irrational", why);
  const LossSpec square;
  const Ln2Rows exact = residuals_of(*values, expand_targets(asked.targets, instance.data.size(), output.width));
  Tensor residual;
  Ln2 product;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    auto& row = residual.emplace_back();
    for (std::size_t j = 0; j < exact[i].size(); ++j) {
      if (!exact[i][j].is_rational()) return not_applicable("irrational", "the residual F_L - Y is not rational");
      row.push_back(exact[i][j].constant());
      product += exact[i][j] * (*values)[i][j];
    }
  }
  if (!product.is_zero()) {
    return undecided("residual",
                     "<F_L - Y, F_L> is not 0: samples that would be coupled have different outputs, and "
                     "scaling the output changes the loss");
  }
  Search search(instance, asked, residual);
  // A radius that works, unless one is given: doubled as long as that does, then 1 + k / 32 times as much.
  constexpr int kSteps = 28, kLeast = 1 << 20;
  Rational radius = asked.radius ? *asked.radius : Rational(1, kLeast);
  Shown shown = search.at(radius);
  if (shown.rule[0] == '\0') {
    return undecided("not-shown",
                     fmt::format("no local minimum is shown{}: {}", asked.radius ? " for this radius" : "", shown.why));
  }
  const auto works = [&](const Rational& larger) {
    Shown next = search.at(larger);
    if (next.rule[0] == '\0') return false;
    shown = std::move(next);
    radius = larger;
    return true;
  };
  int step = 0;
  if (!asked.radius) {
    for (; radius < 8 && works(2 * radius); ++step) options.progress("radius", static_cast<std::size_t>(step), kSteps);
    for (Rational more = radius / 2; radius < 8 && more * 32 >= radius / 2; more /= 2) {
      options.progress("radius", static_cast<std::size_t>(++step), kSteps);
      works(radius + more);
    }
  }
  const Ln2 phi = loss_of(square, exact);
  const auto claim = [&](const Keys& better) {
    Keys keys{{"output", output.name},
              {"parameters", asked.parameters},
              {"targets", asked.targets},
              {"loss", "square"},
              {"radius", radius}};
    keys.insert(keys.end(), better.begin(), better.end());
    return Claim(asked.claim.c_str(), keys);
  };
  Keys proof = shown.proof;
  proof.emplace_back("precision", 128);
  std::string text = fmt::format("no smaller Phi within {} of any free entry; Phi is about {:.6g}", to_string(radius),
                                 phi.near_double());
  Keys better_keys;
  if (asked.better) {
    Outcome failed;
    const auto better =
        find_better(instance, *asked.better, asked.output, asked.targets, square, phi, claim, options, failed);
    if (!better) return failed;
    better_keys = better->claim;
    proof.insert(proof.end(), better->proof.begin(), better->proof.end());
    text += "; " + better->text;
  }
  Outcome outcome = proved(text, {{claim(better_keys), Proof(shown.rule, proof)}});
  outcome.numbers = {{"radius", radius}};
  return outcome;
}

Prover read(const Entry& entry) {
  const auto parameters = read_parameters(entry);
  const auto targets = entry.json.find("targets"), radius = entry.json.find("radius");
  const std::size_t output = read_output(entry);
  auto better = read_better(entry, entry.claim == "local-minimum-not-global");
  if (!parameters || !targets)
    throw InputError(entry.json.place() + ": " + entry.claim + " needs \"parameters\" and \"targets\"");
  Asked asked{output, entry.claim, *parameters, read_targets(*targets), {}, std::move(better)};
  if (radius) {
    asked.radius = radius->rational();
    if (*asked.radius <= 0) radius->fail("a positive number");
  }
  return [asked](const Instance& instance, const Options& options) { return prove(instance, asked, options); };
}

}  // namespace

Theorem theorems::local_minimum() {
  return {
      .id = "local-minimum",
      .title = "A local minimum that is not global",
      .source = "here; against the conjecture of Nguyen & Hein, ICML 2018, section 4, in its F_k-deficient branch",
      .statement =
          "Phi = ||F_L - Y||^2 / 2 is convex in F_L. If R = F_L - Y at the given parameters is a sum of rho u^T, rho = "
          "sum "
          "kappa_st (e_s - e_t) with kappa >= 0 and sum_s kappa_st (x_s - x_t) = 0, <R, F_L> = 0, and each <u, F_L> is "
          "convex in that sense for all parameters of a box, then Phi has its least value on the box there. Or all "
          "outputs are affine in x on the samples over the box, and R is orthogonal to x and 1.",
      .hypotheses = {"values in Q[ln 2] at the given parameters", "samples that depend affinely on each other",
                     "activations whose curvature is known where the units are"},
      .claims = {"local-minimum-not-global", "local-minimum"},
      .rules = {"convex-order", "affine-on-data"},
      .reasons = {"irrational", "residual", "not-shown", "not-better", "zero-loss"},
      .keys = {kOutputKey,
               {"parameters", "tensors of the linear nodes up to the output"},
               kTargetsKey,
               {"radius", "how far each free entry may move; the largest that works if absent"},
               kBetterKey,
               kZeroLossKey},
      .numbers = {{"radius", Side::below}},
      .read = read};
}

}  // namespace widecert
