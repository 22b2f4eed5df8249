// Residues beside fixed-point integers, against the forward pass in big integers.
#include <evaluate/residues.h>
#include <kernel/verdict.h>

#include "../catch.h"
#include "../random.h"
#include "mixed_network.h"

using namespace widecheck;
using test::document, test::kNetwork;

TEST_CASE("residues of float networks are those of the exact values, or open") {
  widecert::test::Random random(154);
  Budget budget;
  const Network network(document(kNetwork), budget);
  std::size_t decided = 0, open = 0, decided_by_longer = 0, open_to_longer = 0, ties = 0;
  for (int round = 0; round < widecert::test::rounds(80); ++round) {
    // Numbers as floats have them: 24 bits times a power of two; sometimes whole small ones, so that values meet and
    // are 0.
    const bool small = random.integer(0, 3) == 0;
    const auto number = [&](int scale) {
      if (small) return mpz_class(static_cast<long>(random.integer(-2, 2)));
      return mpz_class(mpz_class(static_cast<long>(random.integer(-(1 << 24), 1 << 24)))
                       << static_cast<unsigned>(random.integer(0, scale)));
    };
    const auto theta = test::fill_parameters(
        network,
        [&] { return mpz_class(mpz_class(1) << (small ? 0U : static_cast<unsigned>(random.integer(24, 60)))); },
        [&] { return number(8); }, [&] { return number(4); });
    const std::size_t target = static_cast<std::size_t>(random.integer(1, static_cast<long>(network.size()) - 1));
    const mpz_class divisor = mpz_class(1) << (small ? 0U : 30U);
    const std::uint64_t primes[] = {2, 101, 8388593, 2147483647};
    const std::uint64_t p = primes[random.integer(0, 3)];
    std::vector<std::vector<mpz_class>> xs(12);
    for (auto& x : xs) {
      const bool zero = random.integer(0, 7) == 0, large = &x > &xs[1] && random.integer(0, 7) == 0;
      for (std::size_t h = 0; h < 72; ++h) {
        mpz_class v = zero ? mpz_class(0) : number(6);
        if (large) v <<= 40;  // beyond what the examples show
        x.push_back(v);
      }
    }
    mpz_class most = 1;
    for (const auto& x : xs)
      for (const mpz_class& v : x) most = std::max(most, mpz_class(abs(v)));
    const Forward exact(network, target, theta, divisor, most, 1);
    const ResidueForward<std::int32_t> shorter(network, exact, p, {xs[0], xs[1]});
    const ResidueForward<std::int64_t> longer(network, exact, p, {xs[0], xs[1]});
    for (const auto& x : xs) {
      const Values values = exact(x);
      const auto compare = [&](const auto& residues, std::size_t& decided, std::size_t& open) {
        const auto found = residues(residues.enter(x));
        if (!found) return ++open;
        REQUIRE(found->size() == values.v.size());
        INFO("seed 154, round " << round << ", to " << network.node(target).name << " modulo " << p);
        bool equal = true;
        for (std::size_t h = 0; h < found->size(); ++h)
          equal = equal && (*found)[h] == mpz_fdiv_ui(values.v[h].get_mpz_t(), p);
        CHECK(equal);
        ties += small ? 1 : 0;
        return ++decided;
      };
      compare(shorter, decided, open);
      compare(longer, decided_by_longer, open_to_longer);
    }
  }
  CHECK(decided > 300);
  CHECK(open > 10);
  CHECK(decided_by_longer >= decided);
  CHECK(open_to_longer > 10);
  CHECK(ties > 10);
}
