#include <widecert/number/error.h>
#include <widecert/number/sha256.h>
#include <widecert/number/stream.h>

#include <set>

#include "../../catch.h"

using namespace widecert;

TEST_CASE("SHA-256 of abc is the published value") {
  CHECK(to_hex(sha256("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// The same vectors stand in tools/widecheck/FORMAT.md; they were computed with Python's hashlib.
TEST_CASE("seeded integers reproduce the published test vectors") {
  const auto at = [](const char* domain, std::uint64_t seed, const char* name, std::int64_t low, std::int64_t high,
                     std::uint64_t row,
                     std::uint64_t column) { return SeededIntegers(domain, seed, name, low, high).at(row, column); };
  CHECK(at("noise", 1, "x", 0, 255, 0, 0) == 166);
  CHECK(at("noise", 1, "x", 0, 255, 0, 1) == 51);
  CHECK(at("noise", 1, "x", 0, 255, 1796, 63) == 129);
  CHECK(at("tensor", 1, "conv1", -1000, 1000, 0, 0) == 871);
  CHECK(at("tensor", 1, "conv1", -1000, 1000, 49, 8) == -365);
  const std::int64_t big = std::int64_t{3} << 60;
  CHECK(at("tensor", 7, "w", -big, big, 0, 0) == -1013175699634019392);
  CHECK(at("tensor", 7, "w", -big, big, 5, 2) == -1972546697233212289);
}

TEST_CASE("seeded integers do not depend on the order of asking and stay in range") {
  SeededIntegers forward("test", 5, "t", -3, 3), backward("test", 5, "t", -3, 3);
  std::vector<std::int64_t> a, b;
  for (int i = 0; i < 200; ++i) a.push_back(forward.at(i / 20, i % 20));
  for (int i = 199; i >= 0; --i) b.insert(b.begin(), backward.at(i / 20, i % 20));
  CHECK(a == b);
  CHECK(std::set<std::int64_t>(a.begin(), a.end()) == std::set<std::int64_t>{-3, -2, -1, 0, 1, 2, 3});
}

TEST_CASE("an empty or oversized range is refused") {
  CHECK_THROWS_AS(SeededIntegers("t", 1, "t", 1, 0), InputError);
  CHECK_THROWS_AS(SeededIntegers("t", 1, "t", INT64_MIN, INT64_MAX), InputError);
}

TEST_CASE("seeded data reproduce the published test vectors, from any feature on") {
  struct Vector {
    std::uint64_t seed;
    std::int64_t low, high;
    std::uint64_t sample;
    std::size_t feature;
    std::int64_t value;
  };
  for (const Vector& v : {Vector{1, 0, 255, 0, 0, 216}, Vector{1, 0, 255, 0, 33, 185},
                          Vector{1, 0, 255, 1281166, 150527, 206}, Vector{7, -3, 3, 5, 100, 0},
                          Vector{7, -3, 3, 5, 2, -2}, Vector{9, 0, 200, 3, 9, 150}, Vector{7, 0, 4095, 2, 9, 2217}}) {
    const SeededData data(v.seed, v.low, v.high);
    std::int64_t one = 0;
    data.read(v.sample, v.feature, v.feature + 1, &one);
    CHECK(one == v.value);
    std::vector<std::int64_t> row(v.feature + 50);
    data.read(v.sample, 0, row.size(), row.data());
    CHECK(row[v.feature] == v.value);
    for (std::int64_t x : row) CHECK((v.low <= x && x <= v.high));
  }
  CHECK_THROWS_AS(SeededData(1, 2, 1), InputError);
}
