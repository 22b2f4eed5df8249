#include <widecert/number/error.h>
#include <widecert/number/rational.h>
#include <widecert/number/residue.h>

#include "../../catch.h"
#include "../../random.h"

using namespace widecert;

TEST_CASE("decimals, fractions and integers are read exactly") {
  CHECK(parse_rational("0.1") == Rational(1, 10));
  CHECK(parse_rational("-1.25e-2") == Rational(-1, 80));
  CHECK(parse_rational("6/4") == Rational(3, 2));
  CHECK(parse_rational("+007") == 7);
  CHECK(parse_rational("1e3") == 1000);
  CHECK(to_string(parse_rational("-6/4")) == "-3/2");
}

TEST_CASE("what is not a finite number is refused, quoting it") {
  for (const char* text : {"", "nan", "inf", "-", "1/0", "1/-2", "0x10", "1.2.3", "1e", "1e99999", " 1", "--1"}) {
    INFO(text);
    CHECK_THROWS_AS(parse_rational(text), InputError);
  }
  CHECK_NOTHROW(parse_rational(std::string(kMaxDigits, '9')));
  CHECK_THROWS_AS(parse_rational(std::string(kMaxDigits + 1, '9')), InputError);
}

TEST_CASE("binary floats enter as what they are") {
  CHECK(exactly(static_cast<double>(0.1f)) == Rational(13421773, 134217728));
  CHECK(exactly(0.1) == Rational(Integer("3602879701896397"), Integer("36028797018963968")));
  CHECK_THROWS_AS(exactly(std::numeric_limits<double>::infinity()), InputError);
  CHECK_THROWS_AS(exactly(std::numeric_limits<double>::quiet_NaN()), InputError);
}

TEST_CASE("rounding goes the way its name says and by less than one step") {
  test::Random random(7);
  for (int round = 0; round < test::rounds(300); ++round) {
    const Rational x = random.rational(1'000'000);
    const int bits = static_cast<int>(random.integer(-8, 40));
    INFO("seed 7, round " << round << ", x = " << x << ", bits = " << bits);
    const Rational down = round_down(x, bits), up = round_up(x, bits);
    CHECK(down <= x);
    CHECK(x <= up);
    CHECK(x - down < power_of_two(-bits));
    CHECK(up - x < power_of_two(-bits));
    CHECK(denominator(Rational(down * power_of_two(bits))) == 1);
    if (x > 0) {
      const Rational low = short_lower_bound(x, 16), high = short_upper_bound(x, 16);
      CHECK((low > 0 && low <= x && x <= high));
      CHECK(high - low < x / 10'000);
    }
    for (int digits : {1, 5, 17}) {
      const Rational below = parse_rational(decimal_below(x, digits)), above = parse_rational(decimal_above(x, digits));
      CHECK((below <= x && x <= above));
      CHECK(above - below <= abs(x) * 10 / boost::multiprecision::pow(Integer(10), static_cast<unsigned>(digits)));
    }
  }
}

TEST_CASE("decimals on the safe side, as people write them") {
  CHECK(decimal_below(Rational(39, 256), 4) == "0.1523");
  CHECK(decimal_above(Rational(39, 256), 4) == "0.1524");
  CHECK(decimal_above(Rational(1629, 16), 6) == "101.813");
  CHECK(decimal_below(Rational(-1, 3), 3) == "-0.334");
  CHECK(decimal_above(Rational(9999, 10), 3) == "1000");
  CHECK(decimal_below(Rational(1, 3) / boost::multiprecision::pow(Integer(10), 30), 3) == "3.33e-31");
  CHECK(decimal_above(Rational(boost::multiprecision::pow(Integer(10), 20)), 3) == "1e20");
  CHECK(decimal_below(Rational(1, 100000), 2) == "0.00001");
  CHECK(decimal_below(0, 3) == "0");
}

TEST_CASE("residues are a ring homomorphism on rationals with admissible denominators") {
  using R = Residue<101>;
  test::Random random(8);
  for (int round = 0; round < test::rounds(200); ++round) {
    const Rational x = random.rational(100), y = random.rational(100);
    INFO("seed 8, x = " << x << ", y = " << y);
    CHECK(R::from_rational(x) + R::from_rational(y) == R::from_rational(x + y));
    CHECK(R::from_rational(x) * R::from_rational(y) == R::from_rational(x * y));
    CHECK(R::from_rational(x) - R::from_rational(y) == R::from_rational(x - y));
  }
  CHECK_THROWS_AS(R::from_rational(Rational(1, 101)), InputError);
}
