// Numbers in sentences: exact when short, else on the safe side; never cut. Numbers of 128 bits.
#include <kernel/int128.h>
#include <kernel/integers.h>
#include <widecert/number/rational.h>

#include "../catch.h"
#include "../random.h"

TEST_CASE("numbers of 128 bits are the same as big ones, at all edges") {
  using widecheck::Int128, widecheck::to_128, widecheck::to_big;
  for (unsigned bit = 0; bit < 127; ++bit) {
    for (int off : {-1, 0, 1}) {
      const Int128 v = (Int128{1} << bit) + off;
      const mpz_class big = (mpz_class(1) << bit) + off;
      CHECK(to_big(v) == big);
      CHECK(to_big(-v) == -big);
      CHECK(to_128(big) == v);
      CHECK(to_128(-big) == -v);
    }
  }
  const Int128 least = -(Int128{1} << 126) * 2;
  CHECK(to_big(least) == -(mpz_class(1) << 127));
  CHECK(to_big(-(least + 1)) == (mpz_class(1) << 127) - 1);
}

TEST_CASE("what a sentence says of a number is true, and close") {
  widecert::test::Random random(112);
  for (int round = 0; round < widecert::test::rounds(2000); ++round) {
    const auto big = [&](std::int64_t most) {
      mpz_class n = random.integer(1, 1'000'000'000);
      for (auto k = random.integer(0, most); k > 0; --k) n = n * 1'000'000'007 + random.integer(0, 1'000'000'000);
      return n;
    };
    mpq_class q(big(9), big(9));
    q.canonicalize();
    if (round % 5 == 0) q = mpq_class(big(20));
    if (round % 3 == 0) q = -q;
    const std::string low = widecheck::show_below(q), high = widecheck::show_above(q), exact = q.get_str();
    INFO("seed 112, round " << round << ": " << exact << " in [" << low << ", " << high << "]");
    if (exact.size() <= 40) {
      CHECK(low == exact);
      CHECK(high == exact);
      continue;
    }
    const widecert::Rational value = widecert::parse_rational(exact), below = widecert::parse_rational(low),
                             above = widecert::parse_rational(high);
    CHECK(below <= value);
    CHECK(value <= above);
    CHECK(abs(widecert::Rational(above - below)) <= abs(value) / 10'000'000'000);
    CHECK(low.size() < 30);
  }
  CHECK(widecheck::show_below(0) == "0");
}
