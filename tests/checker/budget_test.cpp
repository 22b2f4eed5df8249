// What the claims of a file may cost together: the last accepted, the first refused.
#include <widecheck/kernel/budget.h>
#include <widecheck/kernel/verdict.h>

#include "../catch.h"

using widecheck::Budget;
using widecheck::Products;

TEST_CASE("10^12 products are granted, one more is refused, whatever it is made of") {
  Budget budget;
  budget.spend(Products(1'000'000) * 999'999);
  budget.spend(1'000'000);
  budget.spend(0);
  try {
    budget.spend(1);
    FAIL("one more product was granted");
  } catch (const widecheck::Malformed& refused) {
    CHECK(refused.reason == "too-large");
  }
  // Far beyond 64 bits, where a product of integers would come out small.
  const Products huge = Products(std::uint64_t{1} << 40) * (std::uint64_t{1} << 40) * (std::uint64_t{1} << 40);
  CHECK_THROWS_AS(Budget().spend(huge), widecheck::Malformed);
  CHECK_THROWS_AS(Budget().spend(Products(mpz_class(1) << 2000)), widecheck::Malformed);
}

TEST_CASE("a number counts its words of 64 bits, and one more") {
  const auto same = [](Products a, Products b) { return !(a < b) && !(b < a); };
  CHECK(same(Products::words(mpz_class(1) << 127), 3));
  CHECK(same(Products::words(-(mpz_class(1) << 63)), 2));
}
