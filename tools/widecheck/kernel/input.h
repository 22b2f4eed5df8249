// Strict reading of the two JSON files: objects without duplicate or unknown keys, integers only,
// exact rationals in lowest terms, bounded depth, digits and bytes.
//
// Every key of a file has to be asked for by whoever gives it a meaning. One set for each document
// remembers which were, shared by all its values and their copies; require_all_asked compares it
// with all that stands there, so that no reader of an object can forget to.
#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace widecheck {

// The keys of the objects of one document that were asked for.
struct Asked;

// Where the files are that a claim names: from a folder on, or all in one pack.
struct Source {
  std::string folder, pack;
};

// One value of a file with its place, for messages. The document must outlive it.
class Value {
 public:
  // A whole document.
  Value(const nlohmann::json& json, std::string place, std::shared_ptr<const Source> source);

  Value at(const std::string& key) const;  // required; the key is then asked for
  bool has(const std::string& key) const;  // of an optional key; does not ask for it
  // Throws Malformed("unknown-key") where a key of this object, or of an object at any depth in it,
  // was never asked for. What stands under the keys `later` is compared by another call.
  void require_all_asked(std::initializer_list<std::string_view> later = {}) const;
  std::vector<std::string> keys() const;  // does not ask for them
  std::vector<Value> list() const;
  // Notes what a file says that is read here, and gives all that was noted in this document, each once.
  void note(const std::string& file) const;
  const std::set<std::string>& noted() const;
  // The canonical text: keys sorted, no blanks.
  std::string compact() const;
  std::string text() const;
  bool boolean() const;
  bool is_null() const;
  bool is_list() const;
  bool is_object() const;
  bool is_text() const;
  mpq_class rational() const;
  mpz_class integer() const;
  std::uint64_t number(std::uint64_t most) const;  // 0..most
  const std::string& place() const { return place_; }
  const Source& source() const { return *source_; }
  [[noreturn]] void bad(const std::string& expected) const;

 private:
  Value(const nlohmann::json& json, std::string place, const Value& parent);

  const nlohmann::json* json_;
  std::string place_;
  std::shared_ptr<const Source> source_;
  std::shared_ptr<Asked> asked_;
};

// A regular file of at most 256 MiB. Throws Malformed.
std::string read_file(const std::string& path);
// A member of a pack, a zip archive.
std::string read_member(const std::string& pack, const std::string& member);
nlohmann::json parse(const std::string& text, const std::string& path);

// A name of a layer or tensor: 1 to 100 letters, digits, '_', '.', '-', so that it can be printed.
std::string read_name(const Value& value);
// 64 lower-case hexadecimal digits.
std::string read_digest(const Value& value);

}  // namespace widecheck
