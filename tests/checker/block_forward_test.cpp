// Blocks of samples in machine integers, against the forward pass in big integers.
#include <evaluate/block_forward.h>

#include "../catch.h"
#include "../random.h"
#include "mixed_network.h"

using namespace widecheck;
using test::document, test::kNetwork;

TEST_CASE("blocks of samples have the exact values, or none where numbers may get beyond 2^62") {
  widecert::test::Random random(155);
  Budget budget;
  const Network network(document(kNetwork), budget);
  constexpr std::size_t kSamples = BlockForward::kSamples, kInputs = 72;
  std::size_t told = 0, by_bounds = 0, beyond = 0, impossible = 0, worthwhile = 0;
  for (int round = 0; round < widecert::test::rounds(400); ++round) {
    const int bits = static_cast<int>(random.integer(1, 26));
    const bool sparse = random.integer(0, 1) == 1;
    const auto number = [&]() -> mpz_class {
      if (sparse && random.integer(0, 7) != 0) return 0;
      return static_cast<long>(random.integer(-(1L << bits), 1L << bits));
    };
    auto theta = test::fill_parameters(
        network, [] { return mpz_class(1); }, number, number);
    if (round % 10 == 9)
      for (auto& [i, parameters] : theta) parameters.weights.rows[0][0] = mpz_class(1) << 70;
    const auto target = static_cast<std::size_t>(random.integer(1, static_cast<long>(network.size()) - 1));
    std::vector<std::int64_t> x;
    for (std::size_t k = 0; k < kInputs * kSamples; ++k) x.push_back(random.integer(-500, 500));
    x[0] = 500;
    const Forward exact(network, target, theta, 1, 500, 1);
    const BlockForward blocks(network, exact);
    impossible += blocks.possible() ? 0 : 1;
    CHECK((!exact.small() || blocks.possible()));
    if (!blocks.possible()) continue;
    worthwhile += blocks.worthwhile() ? 1 : 0;
    const auto found = blocks(x);
    CHECK((!exact.small() || found));
    if (!found) {
      ++beyond;
      continue;
    }
    ++(exact.small() ? by_bounds : told);
    INFO("seed 155, round " << round << ", to " << network.node(target).name);
    bool equal = found->size() == network.node(target).width * kSamples;
    for (std::size_t s = 0; s < kSamples && equal; ++s) {
      std::vector<mpz_class> sample;
      for (std::size_t e = 0; e < kInputs; ++e) sample.emplace_back(static_cast<long>(x[e * kSamples + s]));
      const Values values = exact(sample);
      for (std::size_t h = 0; h < values.v.size(); ++h)
        equal = equal && values.v[h] == static_cast<long>((*found)[h * kSamples + s]);
    }
    CHECK(equal);
  }
  CHECK(told > 5);
  CHECK(by_bounds > 30);
  CHECK(beyond > 5);
  CHECK(impossible > 5);
  CHECK(worthwhile > 5);
}
