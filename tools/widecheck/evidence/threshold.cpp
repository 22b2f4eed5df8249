#include "evidence/threshold.h"

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr unsigned kBits = 128;  // of the enclosures

}  // namespace

void require_threshold(const std::string& rule, const Activation& f, const Gaps& gaps, const mpq_class& beta,
                       const mpq_class& alpha_0, std::size_t n, bool saturated) {
  const auto wrong_activation = [&]() {
    return Rejected("activation", "rule " + rule + " does not hold for " + f.name);
  };
  const mpq_class count(mpz_class(std::to_string(n)));
  const mpq_class& delta = gaps.delta;
  const mpq_class& d = gaps.diagonal_low;
  require(alpha_0 > 0, "threshold", "alpha_0 must be positive");
  const mpq_class reach = alpha_0 * delta;
  const auto enough = [&](bool condition, const std::string& what) {
    require(condition, "threshold", "alpha_0 = " + show_below(alpha_0) + " is too small: " + what);
  };

  if (rule == "triangular-ray") {
    const bool hard_swish = f.function == Function::hard_swish;
    if (!hard_swish && f.function != Function::relu) throw wrong_activation();
    require(d >= 0, "diagonal", "the diagonal must not be negative");
    require(beta > 0, "beta", "beta must be positive");
    // Below the diagonal arguments are at most beta - alpha delta, where hard-swish is 0 up to -3, relu up to 0.
    if (hard_swish)
      enough(reach >= beta + 3, "alpha_0 delta < beta + 3");
    else
      enough(reach >= beta, "alpha_0 delta < beta");
    return;
  }
  if (rule == "row-difference-ray") {
    const bool is_tanh = f.function == Function::tanh;
    if (!is_tanh && f.function != Function::sigmoid) throw wrong_activation();
    require(d >= 0, "diagonal", "the diagonal must not be negative");
    require(beta >= 0, "beta", "beta must not be negative");
    const mpq_class m = is_tanh ? 2 : 1, x = m * (reach - beta);
    enough(x > 0, "alpha_0 delta <= beta");
    mpq_class least = 1 / (1 + exp_minus(m * beta, kBits).high);
    if (is_tanh && saturated && least > mpq_class(1, 2)) least = mpq_class(1, 2);
    const mpq_class s = least - exp_minus(x, kBits).high;
    enough(s > 0, "the diagonal of the differences is not positive");
    enough(x >= count * log(1 + 1 / s, kBits).high, "m (alpha_0 delta - beta) < n ln(1 + 1/s)");
    return;
  }
  // h-matrix-ray
  switch (f.function) {
    case Function::sigmoid:
    case Function::one_minus_sigmoid: {
      require(d >= 0, "diagonal", "the diagonal must not be negative");
      require(beta >= 0, "beta", "beta must not be negative");
      const mpq_class x = reach - beta;
      enough(x > 0, "alpha_0 delta <= beta");
      // 1 + e^x >= (2 + e^-beta)^n.
      const mpq_class left = x + log(1 + exp_minus(x, kBits).low, kBits).low;
      enough(left >= count * log(2 + exp_minus(beta, kBits).high, kBits).high,
             "1 + e^(alpha_0 delta - beta) < (2 + e^-beta)^n");
      return;
    }
    case Function::softplus: {
      require(beta == 0, "beta", "beta must be 0");
      require(d > 0, "diagonal", "the diagonal must be positive");
      require(gaps.upper >= d, "upper", "Delta must be at least the diagonal's lower bound");
      const mpq_class ln2 = log(2, kBits).low;
      const mpq_class right = count * log(1 + gaps.upper / d, kBits).high - log(ln2, kBits).low;
      enough(f.parameter * reach >= right, "a alpha_0 delta < n ln(1 + Delta/d) - ln ln 2");
      return;
    }
    case Function::silu:
    case Function::mish:
    case Function::gelu: {
      require(beta == 0, "beta", "beta must be 0");
      require(d > 0, "diagonal", "the diagonal must be positive");
      require(gaps.upper >= d && gaps.upper >= delta, "upper",
              "Delta must be at least delta and the diagonal's lower bound");
      enough(reach >= 1, "alpha_0 delta < 1");
      const mpq_class right = count * log(1 + 2 * gaps.upper / d, kBits).high;
      if (f.function == Function::gelu)
        enough(reach * reach >= 2 * right, "(alpha_0 delta)^2 < 2 n ln(1 + 2 Delta/d)");
      else
        enough(reach >= right, "alpha_0 delta < n ln(1 + 2 Delta/d)");
      return;
    }
    case Function::gaussian: {
      require(beta == 0, "beta", "beta must be 0");
      const mpq_class radius = std::max(mpq_class(abs(d)), mpq_class(abs(gaps.diagonal_high)));
      const mpq_class room = delta * delta - count * radius * radius;
      require(room > 0, "diagonal", "the diagonal's radius must stay below delta / sqrt(n)");
      enough(alpha_0 * alpha_0 * room >= count * log(2, kBits).high, "alpha_0^2 (delta^2 - n r^2) < n ln 2");
      return;
    }
    default:
      throw wrong_activation();
  }
}

std::vector<mpz_class> distances(const mpq_class& b, const std::vector<mpz_class>& centres, const mpz_class& divisor,
                                 const mpz_class& units, bool up, Budget& budget) {
  const mpz_class all = b.get_num() * divisor * units, factor = b.get_den() * units, over = b.get_den() * divisor;
  const Products words = Products::words(all) + Products::words(factor) + Products::words(largest(centres));
  budget.spend((200 + 4 * words * words) * centres.size());
  std::vector<mpz_class> out;
  for (const mpz_class& centre : centres) {
    const mpz_class d = all - centre * factor;
    out.push_back(up ? ceil_div(d, over) : floor_div(d, over));
  }
  return out;
}

}  // namespace widecheck
