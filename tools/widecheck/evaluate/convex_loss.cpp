#include "evaluate/convex_loss.h"

#include <algorithm>

#include "evaluate/bounds.h"
#include "evaluate/features.h"
#include "kernel/integers.h"
#include "kernel/targets.h"
#include "kernel/verdict.h"

namespace widecheck {

ConvexLoss::ConvexLoss(const Question& q, std::size_t output) : c_(q.c), output_(output) {
  const Value loss = q.claim.at("loss");
  const std::size_t outputs = c_.network.node(output).width;
  if (loss.is_text()) {
    if (loss.text() != "square") loss.bad("square, {\"cross-entropy\": classes} or {\"hinge\": classes}");
    targets_ = read_targets(q.claim.at("targets"), c_, outputs);
    words_ = "Phi = ||F_L - Y||^2 / 2";
    return;
  }
  const auto keys = loss.keys();
  if (keys.size() != 1 || (keys[0] != "cross-entropy" && keys[0] != "hinge"))
    loss.bad("square, cross-entropy or hinge");
  kind_ = keys[0] == "hinge" ? Kind::hinge : Kind::cross_entropy;
  classes_ = read_classes(loss.at(keys[0]), c_);
  for (std::size_t k : classes_)
    if (k >= outputs) loss.at(keys[0]).bad("classes below the number of outputs");
  words_ = kind_ == Kind::hinge ? "Phi = the hinge loss (sum over samples and other classes)"
                                : "Phi = the cross-entropy (sum over samples)";
}

mpq_class ConvexLoss::of_sample(const Values& f, std::size_t sample, unsigned bits) const {
  const std::size_t m = f.v.size(), mine = classes_[sample];
  const Products words = Products::words(largest(f.v)) + Products::words(f.divisor) + Products::words(f.radius) + 1;
  c_.budget.spend((500 + 10 * words * words) * m);
  // d_k >= f_k - f_c for every class k, 0 for the sample's own.
  std::vector<mpq_class> d;
  for (std::size_t k = 0; k < m; ++k) {
    mpq_class off(k == mine ? mpz_class(0) : mpz_class(f.v[k] - f.v[mine] + 2 * f.radius), f.divisor);
    off.canonicalize();
    d.push_back(std::move(off));
  }
  mpq_class sum = 0;
  if (kind_ == Kind::hinge) {
    for (std::size_t k = 0; k < m; ++k)
      if (k != mine && d[k] > -1) sum += d[k] + 1;
    return sum;
  }
  // ln sum_k e^(d_k) = D + ln sum_k e^-(D - d_k).
  mpq_class most = *std::max_element(d.begin(), d.end());
  most = short_above(most);
  const Products series = 1 + Products(bits) / 64;
  c_.budget.spend((12'000 + 800 * series * series) * (m + 1));
  for (const mpq_class& v : d) sum += short_above(exp_minus(most - v, bits).high);
  return most + short_above(log(sum, bits).high);
}

mpq_class ConvexLoss::above(const std::map<std::size_t, Parameters>& theta, unsigned bits) const {
  const Forward forward = make_forward(c_, c_.network, output_, theta, bits);
  mpq_class sum = 0;
  const bool exact = forward.exact() && kind_ != Kind::cross_entropy;
  c_.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) {
    const Values f = forward(x);
    if (kind_ != Kind::square) {
      sum += of_sample(f, i, bits);
    } else if (exact) {
      mpz_class squares = 0;
      const Products words =
          Products::words(largest(f.v)) + Products::words(f.divisor) + Products::words(targets_.divisor) + 1;
      c_.budget.spend((200 + 6 * words * words) * f.v.size());
      for (std::size_t j = 0; j < f.v.size(); ++j) {
        const mpz_class off = f.v[j] * targets_.divisor - targets_.rows[i][j] * f.divisor;
        squares += off * off;
      }
      mpq_class part(squares, 2 * f.divisor * f.divisor * targets_.divisor * targets_.divisor);
      part.canonicalize();
      sum += part;
    } else {
      sum += residual_square_above(f, targets_.rows[i], targets_.divisor, c_.budget) / 2;
    }
    if (!exact) sum = short_above(sum);
    const Products words = Products::words(sum.get_num()) + Products::words(sum.get_den());
    c_.budget.spend(200 + 4 * words * words);
  });
  return sum;
}

}  // namespace widecheck
