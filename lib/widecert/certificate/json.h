// Strict JSON for the library's own reading: no duplicate keys, no floats, bounded depth, digits
// and bytes, unknown keys are errors, and every error names the file and the place inside it. (The
// checker has a reader of its own, on purpose.)
#pragma once

#include <widecert/number/rational.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace widecert {

using Json = nlohmann::json;

// Throws InputError.
Json parse_json(const std::string& text, const std::string& file);
Json read_json_file(const std::string& path);

// Canonical text: keys sorted, objects indented, arrays and short objects on one line, final
// newline.
std::string to_text(const Json& value);

Json to_json(const Integer& value);   // a JSON integer below 2^53, else a string
Json to_json(const Rational& value);  // likewise; "p/q" in lowest terms otherwise

// A value together with its place ("case.json: network.nodes[2].filters"), for reading.
class JsonReader {
 public:
  // The root of a file at `place`. Paths in it are relative to its folder; they are read as relative
  // to `folder`, if that is given (a claim made from a case stands in another folder).
  JsonReader(const Json& value, std::string place, std::string folder = "");

  [[noreturn]] void fail(const std::string& expected) const;
  const Json& json() const { return *value_; }
  const std::string& place() const { return place_; }

  // Objects. `get` requires the key; `find` returns nothing if it is absent. done() throws if a key
  // was never asked for, naming it.
  JsonReader get(const char* key);
  std::optional<JsonReader> find(const char* key);
  void done() const;
  const std::set<std::string>& asked() const { return asked_; }
  std::vector<std::string> keys() const;

  std::vector<JsonReader> list() const;
  std::string text() const;
  bool boolean() const;
  bool is_list() const;
  bool is_text() const;
  bool is_null() const;
  std::int64_t integer(std::int64_t low, std::int64_t high) const;
  std::size_t size(std::size_t high = std::size_t{1} << 40) const;
  Integer big_integer() const;
  Rational rational() const;
  // A path, made relative to folder().
  std::string path() const;
  const std::string& folder() const { return folders_->to; }

 private:
  struct Folders {
    std::string from, to;
  };
  JsonReader(const Json& value, std::string place, std::shared_ptr<const Folders> folders)
      : value_(&value), place_(std::move(place)), folders_(std::move(folders)) {}

  const Json* value_;
  std::string place_;
  std::shared_ptr<const Folders> folders_;
  std::set<std::string> asked_;
};

}  // namespace widecert
