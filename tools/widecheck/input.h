// Strict reading of the two JSON files: objects without duplicate or unknown keys, integers only,
// exact rationals in lowest terms, bounded depth, digits and bytes.
#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace widecheck {

// One value of a file with its place, for messages.
class Value {
 public:
  // `folder` is where relative paths in the file start.
  Value(const nlohmann::json& json, std::string place, std::shared_ptr<const std::string> folder)
      : json_(&json), place_(std::move(place)), folder_(std::move(folder)) {}

  Value at(const std::string& key);  // required
  bool has(const std::string& key);  // asks for an optional key
  void only() const;                 // rejects keys that were never asked for
  std::vector<std::string> keys() const;
  std::vector<Value> list() const;
  // The canonical text: keys sorted, no blanks.
  std::string compact() const;
  std::string text() const;
  bool boolean() const;
  bool is_null() const { return json_->is_null(); }
  bool is_list() const { return json_->is_array(); }
  mpq_class rational() const;
  mpz_class integer() const;
  std::uint64_t number(std::uint64_t most) const;  // 0..most
  const std::string& place() const { return place_; }
  const std::string& folder() const { return *folder_; }
  [[noreturn]] void bad(const std::string& expected) const;

 private:
  const nlohmann::json* json_;
  std::string place_;
  std::shared_ptr<const std::string> folder_;
  std::set<std::string> asked_;
};

// Throws Malformed unless the path is a regular file that can be read.
void require_regular_file(const std::string& path);
std::string read_file(const std::string& path);
nlohmann::json parse(const std::string& text, const std::string& path);

// A name of a layer or tensor: 1 to 100 letters, digits, '_', '.', '-', so that it can be printed.
std::string read_name(const Value& value);
// 64 lower-case hexadecimal digits.
std::string read_digest(const Value& value);

}  // namespace widecheck
