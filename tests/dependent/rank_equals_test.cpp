// "rank-equals" against the rank by FLINT of the same matrices.
#include <widecert/linalg/modular_matrix.h>

#include "../catch.h"
#include "../dense_instance.h"
#include "../random.h"
#include "proofs/catalogue.h"

using namespace widecert;

TEST_CASE("the rank that is proved is the rank, for dead, twin and dependent units and samples") {
  test::Random random(101);
  for (int round = 0; round < test::rounds(60); ++round) {
    const auto samples = static_cast<std::size_t>(random.integer(1, 9)),
               units = static_cast<std::size_t>(random.integer(1, 9)),
               inputs = static_cast<std::size_t>(random.integer(1, 4));
    std::vector<std::vector<Rational>> data(samples, std::vector<Rational>(inputs)), weights(units, data.front());
    for (Tensor* rows : {&data, &weights}) test::fill(random, *rows, -2, 2);
    std::vector<Rational> bias(units);
    for (Rational& b : bias) b = random.integer(-3, 1);
    const bool linear = random.integer(0, 2) == 0;
    const Instance instance =
        test::dense_instance(data, weights, bias, linear ? ActivationKind::identity : ActivationKind::relu);
    ModularMatrix f(samples, units, kRankPrime);
    for (std::size_t i = 0; i < samples; ++i) {
      for (std::size_t h = 0; h < units; ++h) {
        Rational sum = bias[h];
        for (std::size_t k = 0; k < inputs; ++k) sum += weights[h][k] * data[i][k];
        f.set(i, h, residue_of(linear || sum > 0 ? sum : Rational(0), kRankPrime));
      }
    }
    INFO("seed 101, round " << round);
    const Outcome outcome = prove(instance, "rank-equals", "f");
    INFO(outcome.explanation);
    REQUIRE(outcome.verdict == Verdict::proved);  // small numbers: the rank modulo the prime is the rank
    CHECK(outcome.numbers.at("rank") == Rational(Integer(f.rank())));
  }
}
