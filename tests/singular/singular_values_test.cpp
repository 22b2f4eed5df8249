// "singular-values": the width of what is claimed, and deficient matrices on either side.
#include <chrono>

#include "../catch.h"
#include "../dense_instance.h"
#include "../random.h"
#include "proofs/catalogue.h"

using namespace widecert;

namespace {

// Random small integers, through one dense layer with an activation.
Instance instance_of(test::Random& random, std::size_t samples, std::size_t units, ActivationKind kind,
                     const std::function<void(Tensor& data, Tensor& weights, std::vector<Rational>& bias)>& edit) {
  constexpr std::size_t kInputs = 5;
  Tensor data(samples, std::vector<Rational>(kInputs)), weights(units, std::vector<Rational>(kInputs));
  std::vector<Rational> bias(units);
  for (Tensor* rows : {&data, &weights}) test::fill(random, *rows, -3, 3);
  for (Rational& b : bias) b = random.integer(-2, 2);
  edit(data, weights, bias);
  return test::dense_instance(data, weights, bias, kind);
}

}  // namespace

TEST_CASE("sigma_min is enclosed to one per cent, of tall, wide and square matrices") {
  test::Random random(151);
  for (int round = 0; round < test::rounds(40); ++round) {
    const auto samples = static_cast<std::size_t>(random.integer(2, 20)),
               units = static_cast<std::size_t>(random.integer(2, 20));
    const Instance instance =
        instance_of(random, samples, units, ActivationKind::sigmoid, [](Tensor&, Tensor&, std::vector<Rational>&) {});
    const Outcome outcome = prove(instance, "singular-values", "f");
    INFO("seed 151, round " << round << ": " << samples << " x " << units << ": " << outcome.explanation);
    REQUIRE(outcome.verdict == Verdict::proved);
    const Rational low = outcome.numbers.at("sigma_min_low"), high = outcome.numbers.at("sigma_min_high");
    if (low == 0) continue;  // equal samples or units
    const bool said = outcome.explanation.find("is enclosed to") != std::string::npos;
    CHECK(said == (high - low > high / 100));
    CHECK_FALSE(said);
  }
}

TEST_CASE("zero and equal lines decide at once, on the shorter and on the longer side") {
  test::Random random(152);
  for (const ActivationKind kind : {ActivationKind::relu, ActivationKind::sigmoid, ActivationKind::gaussian}) {
    for (const auto& [samples, units] : {std::pair<std::size_t, std::size_t>{12, 30}, {30, 12}}) {
      const bool tall = samples > units;
      const Instance instance =
          instance_of(random, samples, units, kind, [&](Tensor& data, Tensor& weights, std::vector<Rational>& bias) {
            if (tall) {
              weights[7] = weights[2];
              bias[7] = bias[2];
              if (kind == ActivationKind::relu) bias[4] = -1000;
            } else {
              data[7] = data[2];
            }
          });
      const auto start = std::chrono::steady_clock::now();
      const Outcome bounds = prove(instance, "singular-values", "f");
      INFO("seed 152: " << samples << " x " << units << ", " << bounds.explanation);
      REQUIRE(bounds.verdict == Verdict::proved);
      CHECK(bounds.numbers.at("sigma_min_low") == 0);
      CHECK(bounds.numbers.at("sigma_min_high") < Rational(1, 100'000));
      CHECK(bounds.numbers.at("sigma_max_low") > 0);
      const Outcome rank = prove(instance, "rank-at", "f");
      CHECK(rank.verdict == Verdict::refuted);
      CHECK(rank.reason == "rank-deficient");
      // A hang test: a busy machine has time for this, 4,096 bits have not.
      CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(5));
    }
  }
}
