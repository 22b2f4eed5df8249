#include "kernel/input.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_map>

#include "kernel/file.h"
#include "kernel/stream.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxBytes = std::size_t{1} << 28;  // of a file
constexpr std::size_t kMaxText = 20'000;                 // of a string, hence of a number
constexpr std::size_t kMaxKey = 100;
constexpr std::uint64_t kMostPlain = (std::uint64_t{1} << 53) - 1;  // of an integer that is no string
constexpr std::size_t kMaxDepth = 32;

// Assembles the document itself, so that every limit holds before anything is stored.
class Assembler : public nlohmann::json_sax<json> {
 public:
  Assembler(json& root, const std::string& path) : path_(path) { slots_.push_back(&root); }

  bool null() override { return put(nullptr); }
  bool boolean(bool v) override { return put(v); }
  bool number_integer(number_integer_t v) override {  // a negative one
    if (-static_cast<std::uint64_t>(v) > kMostPlain) bad_number();
    return put(v);
  }
  bool number_unsigned(number_unsigned_t v) override {
    if (v > kMostPlain) bad_number();
    return put(v);
  }
  bool number_float(number_float_t, const string_t&) override { bad_number(); }
  bool string(string_t& v) override {
    if (v.size() > kMaxText)
      throw Malformed("too-long", path_ + ": a string of " + std::to_string(v.size()) + " characters; at most 20,000");
    return put(v);
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& v) override {
    json& object = *slots_.back();
    if (v.size() > kMaxKey)
      throw Malformed("too-long", path_ + ": a key of " + std::to_string(v.size()) + " characters; at most 100");
    if (object.contains(v)) {  // (not yet known to be a claim: nothing of it is shown)
      throw Malformed("duplicate-key",
                      path_ + ": a key of " + std::to_string(v.size()) + " characters occurs twice in one object");
    }
    pending_ = &(object[v] = nullptr);
    return true;
  }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception&) override {
    throw Malformed("not-json",
                    path_ + ": not JSON at byte " + std::to_string(at) + " (truncated, or something follows the end?)");
  }

 private:
  [[noreturn]] void bad_number() const {
    throw Malformed("number", path_ + ": a number that is not an integer below 2^53; others are strings");
  }
  json* place(json v) {
    json& top = *slots_.back();
    if (slots_.size() == 1) {
      top = std::move(v);
      return &top;
    }
    if (top.is_array()) {
      top.push_back(std::move(v));
      return &top.back();
    }
    *pending_ = std::move(v);
    return pending_;
  }
  bool put(json v) {
    place(std::move(v));
    return true;
  }
  bool open(json v) {
    if (slots_.size() > kMaxDepth) throw Malformed("too-deep", path_ + ": nested deeper than 32 levels");
    slots_.push_back(place(std::move(v)));
    return true;
  }
  bool close() {
    slots_.pop_back();
    return true;
  }

  const std::string& path_;
  std::vector<json*> slots_;  // the root, then the open objects and arrays
  json* pending_ = nullptr;   // where the value of the last key goes
};

// An unknown key and the way to its object, which is put together on the way back.
struct Unknown {
  std::string key, way;
};

}  // namespace

// By the address of the object. Lists have no entry, whatever they hold: a file of a million numbers
// costs nothing here.
struct Asked {
  std::unordered_map<const json*, std::set<std::string>> keys;
  std::set<std::string> notes;
};

namespace {

std::optional<Unknown> never_asked(const json& value, const Asked& asked,
                                   std::initializer_list<std::string_view> later) {
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (!value[i].is_structured()) continue;
      if (auto unknown = never_asked(value[i], asked, {})) {
        unknown->way = "[" + std::to_string(i) + "]" + unknown->way;
        return unknown;
      }
    }
    return {};
  }
  if (!value.is_object()) return {};
  const auto found = asked.keys.find(&value);
  for (const auto& item : value.items()) {
    if (found == asked.keys.end() || found->second.count(item.key()) == 0) return Unknown{item.key(), ""};
    if (std::find(later.begin(), later.end(), item.key()) != later.end()) continue;
    if (auto unknown = never_asked(item.value(), asked, {})) {
      unknown->way = "." + item.key() + unknown->way;
      return unknown;
    }
  }
  return {};
}

}  // namespace

Value::Value(const json& json, std::string place, std::shared_ptr<const Source> source)
    : json_(&json), place_(std::move(place)), source_(std::move(source)), asked_(std::make_shared<Asked>()) {}

Value::Value(const json& json, std::string place, const Value& parent)
    : json_(&json), place_(std::move(place)), source_(parent.source_), asked_(parent.asked_) {}

Value Value::at(const std::string& key) const {
  if (!has(key)) throw Malformed("missing-key", place_ + ": the key \"" + key + "\" is missing");
  asked_->keys[json_].insert(key);
  return Value((*json_)[key], place_ + "." + key, *this);
}

bool Value::has(const std::string& key) const {
  if (!json_->is_object()) bad("an object");
  return json_->contains(key);
}

void Value::require_all_asked(std::initializer_list<std::string_view> later) const {
  if (const auto unknown = never_asked(*json_, *asked_, later))
    throw Malformed("unknown-key", place_ + unknown->way + ": unknown key \"" + unknown->key + "\"");
}

std::vector<std::string> Value::keys() const {
  if (!json_->is_object()) bad("an object");
  std::vector<std::string> keys;
  for (const auto& item : json_->items()) keys.push_back(item.key());
  return keys;
}

std::vector<Value> Value::list() const {
  if (!json_->is_array()) bad("a list");
  std::vector<Value> values;
  values.reserve(json_->size());
  for (std::size_t i = 0; i < json_->size(); ++i)
    values.push_back(Value((*json_)[i], place_ + "[" + std::to_string(i) + "]", *this));
  return values;
}

void Value::note(const std::string& file) const { asked_->notes.insert(file); }
const std::set<std::string>& Value::noted() const { return asked_->notes; }

std::string Value::compact() const { return json_->dump(); }

std::string Value::text() const {
  if (!json_->is_string()) bad("a string");
  return json_->get<std::string>();
}

bool Value::boolean() const {
  if (!json_->is_boolean()) bad("true or false");
  return json_->get<bool>();
}

bool Value::is_null() const { return json_->is_null(); }
bool Value::is_list() const { return json_->is_array(); }
bool Value::is_object() const { return json_->is_object(); }
bool Value::is_text() const { return json_->is_string(); }

mpq_class Value::rational() const {
  std::string text;
  if (json_->is_number_integer())
    text = json_->dump();
  else
    text = this->text();
  const auto digits = [](const std::string& s) {
    return !s.empty() && s.find_first_not_of("0123456789") == std::string::npos && (s == "0" || s[0] != '0');
  };
  const std::string magnitude = !text.empty() && text[0] == '-' ? text.substr(1) : text;
  const auto slash = magnitude.find('/');
  const std::string numerator = magnitude.substr(0, slash);
  const std::string denominator = slash == std::string::npos ? "1" : magnitude.substr(slash + 1);
  if (!digits(numerator) || !digits(denominator) || denominator == "0") bad("an integer or \"p/q\"");
  const mpz_class p(numerator, 10), q(denominator, 10);
  if (gcd(p, q) != 1 || (slash != std::string::npos && q == 1)) bad("a rational in lowest terms");
  mpq_class value(p, q);
  if (magnitude.size() != text.size()) value = -value;
  return value;
}

mpz_class Value::integer() const {
  const mpq_class value = rational();
  if (value.get_den() != 1) bad("an integer");
  return value.get_num();
}

std::uint64_t Value::number(std::uint64_t most) const {
  const mpz_class value = integer();
  if (value < 0 || value > mpz_class(std::to_string(most))) bad("an integer from 0 to " + std::to_string(most));
  return value.get_ui();
}

void Value::bad(const std::string& expected) const {
  // What is there stays there: a file may be any, and hold anything.
  std::string found = json_->is_string()  ? "a string of " + std::to_string(json_->get_ref<const std::string&>().size())
                      : json_->is_array() ? "a list of " + std::to_string(json_->size())
                      : json_->is_object() ? "an object of " + std::to_string(json_->size())
                                           : json_->type_name();
  throw Malformed("unexpected", place_ + ": expected " + expected + ", found " + found);
}

std::string read_file(const std::string& path) {
  const File file(path, "no-file");
  if (file.size() > kMaxBytes) throw Malformed("too-long", path + ": more than 256 MiB");
  std::string bytes(file.size(), '\0');
  if (file.read(bytes.data(), bytes.size(), 0) != bytes.size()) throw Malformed("no-file", path + ": cannot be read");
  return bytes;
}

std::string read_member(const std::string& pack, const std::string& member) {
  return Stream(pack, member).rest(kMaxBytes);
}

nlohmann::json parse(const std::string& text, const std::string& path) {
  // The JSON reader takes a NUL for the end of input.
  if (text.find('\0') != std::string::npos) throw Malformed("not-json", path + ": a NUL byte");
  json root;
  Assembler assembler(root, path);
  json::sax_parse(text, &assembler);
  return root;
}

std::string read_name(const Value& value) {
  const std::string name = value.text();
  if (name.empty() || name.size() > 100 ||
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != std::string::npos)
    value.bad("a name of 1 to 100 letters, digits, '_', '.', '-'");
  return name;
}

std::string read_digest(const Value& value) {
  const std::string digest = value.text();
  if (digest.size() != 64 || digest.find_first_not_of("0123456789abcdef") != std::string::npos)
    value.bad("64 lower-case hexadecimal digits");
  return digest;
}

}  // namespace widecheck
