// Keys that nobody asked for: found by one recursive comparison, wherever they stand.
#include <widecheck/kernel/input.h>
#include <widecheck/kernel/verdict.h>

#include <nlohmann/json.hpp>

#include "../catch.h"

using nlohmann::json;
using widecheck::Value;

namespace {

std::string complaint(const Value& value, std::initializer_list<std::string_view> later = {}) {
  try {
    value.require_all_asked(later);
  } catch (const widecheck::Malformed& malformed) {
    return malformed.reason + ": " + malformed.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a key that was never asked for is named with its place") {
  const json document{{"a", 1}, {"b", {{"c", 2}}}, {"d", {{{"e", 3}}, 7}}};
  const Value value(document, "claim", nullptr);
  CHECK(complaint(value) == "unknown-key: claim: unknown key \"a\"");
  value.at("a");
  CHECK(complaint(value) == "unknown-key: claim: unknown key \"b\"");
  const Value copy = value;
  copy.at("b");  // of which nothing is read
  CHECK(complaint(value) == "unknown-key: claim.b: unknown key \"c\"");
  value.at("b").at("c");  // another value of the same object
  CHECK(complaint(value) == "unknown-key: claim: unknown key \"d\"");
  const auto list = value.at("d").list();
  CHECK(complaint(value) == "unknown-key: claim.d[0]: unknown key \"e\"");
  CHECK(complaint(value, {"d"}).empty());
  CHECK(complaint(list[0]) == "unknown-key: claim.d[0]: unknown key \"e\"");
  CHECK(complaint(list[1]).empty());
  list[0].at("e");
  CHECK(complaint(value).empty());
}

TEST_CASE("looking whether a key is there, listing keys and the canonical text ask for nothing") {
  const json document{{"a", {{"b", 1}}}};
  const Value value(document, "proof", nullptr);
  CHECK(value.has("a"));
  CHECK(value.keys() == std::vector<std::string>{"a"});
  CHECK(value.compact() == "{\"a\":{\"b\":1}}");
  CHECK(complaint(value) == "unknown-key: proof: unknown key \"a\"");
  CHECK(!value.at("a").has("c"));
  CHECK(complaint(value) == "unknown-key: proof.a: unknown key \"b\"");
}

TEST_CASE("an empty object and deep lists hide no key") {
  const json document{{"empty", json::object()}, {"deep", {{{1, {{"x", 0}}}}}}};
  const Value value(document, "claim", nullptr);
  value.at("empty");
  value.at("deep");
  CHECK(complaint(value) == "unknown-key: claim.deep[0][0][1]: unknown key \"x\"");
}
