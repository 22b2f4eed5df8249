// The checker's threshold conditions, each as a pair: the last alpha_0 accepted, the first
// rejected, and each side condition with its reason.
#include <widecheck/evidence/threshold.h>
#include <widecheck/kernel/verdict.h>

#include <cmath>

#include "../catch.h"

using widecheck::Activation;
using widecheck::Function;
using widecheck::Gaps;

namespace {

std::string reason(const std::string& rule, Function f, const Gaps& gaps, const mpq_class& beta,
                   const mpq_class& alpha_0, std::size_t n, bool saturated = false) {
  try {
    widecheck::require_threshold(rule, Activation{f, 1, "f"}, gaps, beta, alpha_0, n, saturated);
  } catch (const widecheck::Rejected& rejected) {
    return rejected.reason;
  }
  return "accepted";
}

// Brackets the threshold by bisection and compares it with the formula in double.
void check_threshold(const std::string& rule, Function f, const Gaps& gaps, const mpq_class& beta, std::size_t n,
                     bool saturated, double expected) {
  mpq_class low(1, 1000), high(1'000'000);
  REQUIRE(reason(rule, f, gaps, beta, high, n, saturated) == "accepted");
  REQUIRE(reason(rule, f, gaps, beta, low, n, saturated) == "threshold");
  for (int k = 0; k < 60; ++k) {
    const mpq_class middle = (low + high) / 2;
    (reason(rule, f, gaps, beta, middle, n, saturated) == "accepted" ? high : low) = middle;
  }
  CHECK(high.get_d() == Approx(expected).epsilon(1e-9));
}

const Gaps kGaps{mpq_class(1, 2), 0, 0, 5};
const Gaps kLifted{mpq_class(1, 2), mpq_class(1, 2), mpq_class(1, 2), 5};

}  // namespace

TEST_CASE("thresholds are those of the formulas") {
  const double n = 40, d = 0.5;
  check_threshold("triangular-ray", Function::relu, kGaps, 3, 40, false, 3 / d);
  check_threshold("h-matrix-ray", Function::sigmoid, kGaps, 2, 40, false,
                  (2 + std::log(std::pow(2 + std::exp(-2.0), n) - 1)) / d);
  check_threshold("h-matrix-ray", Function::sigmoid, {1, 0, 0, 1}, 0, 8, false,
                  std::log(6560.0));  // 8.79
  check_threshold("h-matrix-ray", Function::one_minus_sigmoid, {1, 0, 0, 1}, 0, 8, false, std::log(6560.0));
  check_threshold("h-matrix-ray", Function::softplus, kLifted, 0, 40, false,
                  (n * std::log(1 + 5 / 0.5) - std::log(std::log(2.0))) / d);
  check_threshold("h-matrix-ray", Function::silu, kLifted, 0, 40, false, n * std::log(1 + 10 / 0.5) / d);
  check_threshold("h-matrix-ray", Function::mish, kLifted, 0, 40, false, n * std::log(1 + 10 / 0.5) / d);
  check_threshold("h-matrix-ray", Function::gelu, kLifted, 0, 40, false, std::sqrt(2 * n * std::log(1 + 10 / 0.5)) / d);
  check_threshold("h-matrix-ray", Function::gaussian, kGaps, 0, 40, false, std::sqrt(n * std::log(2.0)) / d);
}

TEST_CASE("row differences: thresholds near n ln(1 + 1/s)") {
  const double n = 40, d = 0.5;
  check_threshold("row-difference-ray", Function::tanh, kGaps, 0, 40, true, n * std::log(3.0) / 2 / d);
  check_threshold("row-difference-ray", Function::tanh, kGaps, 0, 40, false, n * std::log(3.0) / 2 / d);
  check_threshold("row-difference-ray", Function::sigmoid, kGaps, 2, 40, false,
                  (2 + n * std::log(1 + 1 / (1 / (1 + std::exp(-2.0))))) / d);
}

TEST_CASE("side conditions are named") {
  const mpq_class big = 1'000'000;
  CHECK(reason("triangular-ray", Function::sigmoid, kGaps, 1, big, 4) == "activation");
  CHECK(reason("h-matrix-ray", Function::relu, kGaps, 1, big, 4) == "activation");
  CHECK(reason("h-matrix-ray", Function::tanh, kGaps, 1, big, 4) == "activation");
  CHECK(reason("h-matrix-ray", Function::leaky_relu, kGaps, 1, big, 4) == "activation");
  CHECK(reason("row-difference-ray", Function::relu, kGaps, 1, big, 4) == "activation");
  CHECK(reason("triangular-ray", Function::relu, kGaps, 0, big, 4) == "beta");
  CHECK(reason("h-matrix-ray", Function::sigmoid, kGaps, -1, big, 4) == "beta");
  CHECK(reason("h-matrix-ray", Function::softplus, kLifted, 1, big, 4) == "beta");
  CHECK(reason("h-matrix-ray", Function::gaussian, kGaps, 1, big, 4) == "beta");
  Gaps negative = kGaps;
  negative.diagonal_low = mpq_class(-1, 1000);
  CHECK(reason("triangular-ray", Function::relu, negative, 1, big, 4) == "diagonal");
  CHECK(reason("h-matrix-ray", Function::sigmoid, negative, 1, big, 4) == "diagonal");
  CHECK(reason("row-difference-ray", Function::tanh, negative, 1, big, 4) == "diagonal");
  CHECK(reason("h-matrix-ray", Function::softplus, kGaps, 0, big, 4) == "diagonal");
  Gaps wide = kGaps;
  wide.diagonal_high = mpq_class(1, 4);  // delta / sqrt(4): the boundary
  CHECK(reason("h-matrix-ray", Function::gaussian, wide, 0, big, 4) == "diagonal");
  CHECK(reason("h-matrix-ray", Function::gaussian, wide, 0, big, 3) == "accepted");
  Gaps reach = kLifted;
  reach.upper = mpq_class(1, 4);
  CHECK(reason("h-matrix-ray", Function::softplus, reach, 0, big, 4) == "upper");
  CHECK(reason("h-matrix-ray", Function::silu, reach, 0, big, 4) == "upper");
  CHECK(reason("h-matrix-ray", Function::sigmoid, kGaps, 1, -1, 4) == "threshold");
  CHECK(reason("h-matrix-ray", Function::sigmoid, kGaps, 1, 0, 4) == "threshold");
}
