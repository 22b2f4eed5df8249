#include <widecert/certificate/json.h>
#include <widecert/data/byte_source.h>
#include <widecert/number/error.h>

#include <filesystem>
#include <nlohmann/json.hpp>

namespace widecert {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 28;
constexpr std::size_t kMaxDepth = 32;

// Builds the document through nlohmann's own DOM builder while enforcing the limits.
class StrictBuilder : public nlohmann::json_sax<Json> {
 public:
  StrictBuilder(Json& root, const std::string& file) : dom_(root, true), file_(file) {}

  bool null() override { return dom_.null(); }
  bool boolean(bool v) override { return dom_.boolean(v); }
  bool number_integer(number_integer_t v) override { return dom_.number_integer(v); }
  bool number_unsigned(number_unsigned_t v) override { return dom_.number_unsigned(v); }
  bool number_float(number_float_t, const string_t& text) override {
    throw InputError(file_ + ": the number " + text.substr(0, 40) +
                     " is not a 64-bit integer; write decimals, fractions and large integers as "
                     "strings, \"1/10\" or \"0.1\", which are read exactly");
  }
  bool string(string_t& v) override {
    if (v.size() > kMaxDigits) throw InputError(file_ + ": a string of more than 10,000 characters");
    return dom_.string(v);
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t n) override {
    deeper();
    keys_.emplace_back();
    return dom_.start_object(n);
  }
  bool key(string_t& v) override {
    if (!keys_.back().insert(v).second) {
      throw InputError(file_ + ": the key \"" + v + "\" occurs twice in one object");
    }
    return dom_.key(v);
  }
  bool end_object() override {
    --depth_;
    keys_.pop_back();
    return dom_.end_object();
  }
  bool start_array(std::size_t n) override {
    deeper();
    return dom_.start_array(n);
  }
  bool end_array() override {
    --depth_;
    return dom_.end_array();
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& error) override {
    throw InputError(file_ + ": not JSON at byte " + std::to_string(position) + " (" + error.what() + ")");
  }

 private:
  void deeper() {
    if (++depth_ > kMaxDepth) throw InputError(file_ + ": nested deeper than 32 levels");
  }
  nlohmann::detail::json_sax_dom_parser<Json> dom_;
  std::string file_;
  std::vector<std::set<std::string>> keys_;
  std::size_t depth_ = 0;
};

void print(const Json& value, int indent, std::string& out) {
  const auto newline = [&](int level) { out += '\n' + std::string(2 * level, ' '); };
  // On one line: scalars, arrays without objects (tensors), and whatever is short.
  const auto without_objects = [](const Json& array) {
    return std::none_of(array.begin(), array.end(), [](const Json& e) { return e.is_object(); });
  };
  const auto scalars = [](const Json& object) {
    return std::none_of(object.begin(), object.end(), [](const Json& e) { return e.is_structured(); });
  };
  const bool flat = !value.is_structured() || (value.is_array() && without_objects(value)) ||
                    (value.is_object() && scalars(value) && value.dump().size() <= 80);
  if (flat) {
    out += value.dump();
    return;
  }
  out += value.is_array() ? '[' : '{';
  bool first = true;
  for (const auto& item : value.items()) {
    if (!first) out += ',';
    first = false;
    newline(indent + 1);
    if (value.is_object()) out += Json(item.key()).dump() + ": ";
    print(item.value(), indent + 1, out);
  }
  newline(indent);
  out += value.is_array() ? ']' : '}';
}

}  // namespace

Json parse_json(const std::string& text, const std::string& file) {
  if (text.size() > kMaxBytes) throw InputError(file + ": more than 256 MiB of JSON; refused");
  // The JSON reader takes a NUL for the end of input.
  if (text.find('\0') != std::string::npos) throw InputError(file + ": a NUL byte; expected JSON text");
  Json root;
  StrictBuilder builder(root, file);
  Json::sax_parse(text, &builder);
  return root;
}

Json read_json_file(const std::string& path) { return parse_json(read_bytes(path, kMaxBytes), path); }

std::string to_text(const Json& value) {
  std::string out;
  print(value, 0, out);
  return out + '\n';
}

Json to_json(const Integer& value) {
  static const Integer kLimit = Integer(1) << 53;
  if (abs(value) < kLimit) return value.convert_to<std::int64_t>();
  return value.str();
}

Json to_json(const Rational& value) {
  if (denominator(value) == 1) return to_json(Integer(numerator(value)));
  return to_string(value);
}

JsonReader::JsonReader(const Json& value, std::string place, std::string folder)
    : value_(&value), place_(std::move(place)) {
  namespace fs = std::filesystem;
  const fs::path parent = fs::path(place_).parent_path();
  const std::string from = parent.empty() ? "." : parent.string();
  // Canonical, so that ".." leads where it does on disk even if the folder is a link.
  folders_ = std::make_shared<const Folders>(
      Folders{from, folder.empty() ? from : fs::weakly_canonical(fs::absolute(folder)).string()});
}

std::string JsonReader::path() const {
  namespace fs = std::filesystem;
  const std::string given = text();
  if (given.empty()) fail("a path, absolute or from this file on");
  if (folders_->from == folders_->to && given.front() != '/') return given;
  return fs::relative(fs::absolute(fs::path(folders_->from) / given), folders_->to).string();
}

void JsonReader::fail(const std::string& expected) const {
  std::string found = value_->dump();
  if (found.size() > 60) found = found.substr(0, 60) + "...";
  throw InputError(place_ + ": expected " + expected + ", found " + found);
}

std::optional<JsonReader> JsonReader::find(const char* key) {
  if (!value_->is_object()) fail("an object");
  asked_.insert(key);
  const auto found = value_->find(key);
  if (found == value_->end()) return std::nullopt;
  const bool top = place_.find(": ") == std::string::npos;
  return JsonReader(*found, place_ + (top ? ": " : ".") + key, folders_);
}

JsonReader JsonReader::get(const char* key) {
  auto found = find(key);
  if (!found) throw InputError(place_ + ": the key \"" + key + "\" is missing");
  return *found;
}

void JsonReader::done() const {
  for (const auto& item : value_->items()) {
    if (asked_.count(item.key()) == 0) {
      std::string known;
      for (const auto& key : asked_) known += (known.empty() ? "" : ", ") + key;
      throw InputError(place_ + ": unknown key \"" + item.key() + "\"; known here: " + known);
    }
  }
}

std::vector<std::string> JsonReader::keys() const {
  if (!value_->is_object()) fail("an object");
  std::vector<std::string> all;
  for (const auto& item : value_->items()) all.push_back(item.key());
  return all;
}

std::vector<JsonReader> JsonReader::list() const {
  if (!value_->is_array()) fail("a list");
  std::vector<JsonReader> all;
  for (std::size_t i = 0; i < value_->size(); ++i) {
    all.push_back(JsonReader((*value_)[i], place_ + "[" + std::to_string(i) + "]", folders_));
  }
  return all;
}

bool JsonReader::is_list() const { return value_->is_array(); }
bool JsonReader::is_text() const { return value_->is_string(); }
bool JsonReader::is_null() const { return value_->is_null(); }

std::string JsonReader::text() const {
  if (!value_->is_string()) fail("a string");
  return value_->get<std::string>();
}

bool JsonReader::boolean() const {
  if (!value_->is_boolean()) fail("true or false");
  return value_->get<bool>();
}

Integer JsonReader::big_integer() const {
  const Rational value = rational();
  if (denominator(value) != 1) fail("an integer");
  return numerator(value);
}

std::int64_t JsonReader::integer(std::int64_t low, std::int64_t high) const {
  const Integer value = big_integer();
  if (value < low || value > high) {
    fail("an integer from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return value.convert_to<std::int64_t>();
}

std::size_t JsonReader::size(std::size_t high) const {
  return static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(high)));
}

Rational JsonReader::rational() const {
  if (value_->is_number_unsigned()) return Rational(value_->get<std::uint64_t>());
  if (value_->is_number_integer()) return Rational(value_->get<std::int64_t>());
  if (!value_->is_string()) fail("an exact number (an integer, or a string \"p/q\" or \"0.1\")");
  try {
    return parse_rational(value_->get<std::string>());
  } catch (const InputError& error) {
    throw InputError(place_ + ": " + error.what());
  }
}

}  // namespace widecert
