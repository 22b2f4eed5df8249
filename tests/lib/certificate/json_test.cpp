#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/claim_file.h>
#include <widecert/certificate/json.h>
#include <widecert/data/byte_source.h>
#include <widecert/number/error.h>

#include <nlohmann/json.hpp>

#include <filesystem>

#include "../../catch.h"
#include "../../paths.h"

using namespace widecert;
using widecert::test::Contains;

namespace {

std::string error_of(const std::string& text) {
  try {
    parse_json(text, "file.json");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("JSON from strangers: limits and clear errors") {
  CHECK_THAT(error_of("{\"a\": 1, \"a\": 2}"), Contains("\"a\" occurs twice"));
  CHECK(error_of("{\"a\": {\"a\": 1}}") == "no error");
  CHECK_THAT(error_of("[0.5]"), Contains("0.5") && Contains("strings"));
  CHECK_THAT(error_of("[123456789012345678901234567890]"), Contains("strings"));
  CHECK_THAT(error_of("[1,"), Contains("file.json") && Contains("byte"));
  CHECK_THAT(error_of("{} {}"), Contains("not JSON"));
  CHECK(error_of(std::string(32, '[') + std::string(32, ']')) == "no error");
  CHECK_THAT(error_of(std::string(33, '[') + std::string(33, ']')), Contains("32 levels"));
  CHECK_THAT(error_of(std::string(1'000'000, '[')), Contains("32 levels"));
  CHECK_THAT(error_of("[\"" + std::string(1'000'000, '9') + "\"]"), Contains("10,000 characters"));
}

TEST_CASE("a reader names the place and the unknown key") {
  const Json json = parse_json(R"({"outer": [{"size": "x"}], "typo": 1})", "f.json");
  JsonReader in(json, "f.json");
  const auto list = in.get("outer").list();
  JsonReader item = list[0];
  try {
    item.get("size").integer(0, 9);
    FAIL("a string is no integer");
  } catch (const InputError& error) {
    CHECK_THAT(error.what(), Contains("f.json: outer[0].size"));
  }
  try {
    in.done();
    FAIL("the key typo is unknown");
  } catch (const InputError& error) {
    CHECK_THAT(error.what(), Contains("\"typo\"") && Contains("outer"));
  }
}

TEST_CASE("numbers in claims: integers below 2^53 are JSON integers, all else are strings") {
  CHECK(to_json(Integer("9007199254740991")).dump() == "9007199254740991");
  CHECK(to_json(Integer("9007199254740992")).dump() == "\"9007199254740992\"");
  CHECK(to_json(Rational(-6, 4)).dump() == "\"-3/2\"");
}

TEST_CASE("a file appears whole or not at all") {
  const std::string folder = test::scratch("atomic");
  write_atomically(folder + "/new/file", "contents");
  CHECK(read_bytes(folder + "/new/file", 100) == "contents");
  CHECK_THROWS_AS(read_bytes(folder + "/new/file", 7), InputError);
  CHECK_THROWS_AS(write_atomically("/proc/nowhere/file", "x"), InputError);
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/new")) {
    CHECK(entry.path().filename() == "file");
  }
}
