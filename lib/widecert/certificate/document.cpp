#include <widecert/certificate/document.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/overloaded.h>

#include <nlohmann/json.hpp>

namespace widecert {
namespace {

// Residues in hexadecimal: bits for p = 2 (entry j in bit j mod 8 of byte j / 8), else numbers of
// 2, 4 or 8 digits.
std::size_t digits_of(std::uint64_t prime) { return prime <= 256 ? 2 : prime <= 65536 ? 4 : 8; }

std::string row_text(const RandomSolve& e, std::size_t row) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const std::uint32_t* w = &e.w[row * e.k];
  std::string text;
  if (e.prime == 2) {
    for (std::size_t j = 0; j < e.k; j += 8) {
      unsigned byte = 0;
      for (std::size_t b = 0; b < 8 && j + b < e.k; ++b) byte |= w[j + b] << b;
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
    return text;
  }
  for (std::size_t j = 0; j < e.k; ++j) {
    for (std::size_t d = digits_of(e.prime); d-- > 0;) text += kDigits[w[j] >> 4 * d & 15];
  }
  return text;
}

Json evidence_json(const RankEvidence& evidence) {
  return std::visit(
      overloaded{[](const Elimination& e) {
                   return Json{{"method", "elimination"}, {"prime", e.prime}};
                 },
                 [](const Minor& e) {
                   return Json{{"method", "minor"}, {"prime", e.prime}, {e.of_rows ? "rows" : "columns", e.lines}};
                 },
                 [](const RandomSolve& e) {
                   Json rows = Json::array();
                   for (std::size_t h = 0; h < e.w.size() / e.k; ++h) rows.push_back(row_text(e, h));
                   return Json{{"method", "random-solve"},
                               {"prime", e.prime},
                               {"k", e.k},
                               {"matrix_sha256", to_hex(e.matrix)},
                               {"w", std::move(rows)}};
                 }},
      evidence);
}

Json list_json(const std::vector<Value>& list) {
  Json out = Json::array();
  for (const Value& value : list) out.push_back(value.json());
  return out;
}

}  // namespace

Value::Value(Json json) : json_(std::make_shared<const Json>(std::move(json))) {}
Value::Value(bool value) : Value(Json(value)) {}
Value::Value(const Integer& value) : Value(to_json(value)) {}
Value::Value(const Rational& value) : Value(to_json(value)) {}
Value::Value(const char* text) : Value(Json(text)) {}
Value::Value(const std::string& text) : Value(Json(text)) {}
Value::Value(const Range& range) : Value(Json::array({to_json(range.low), to_json(range.high)})) {}
Value::Value(const TensorSpec& tensor) : Value(to_json(tensor)) {}
Value::Value(const TargetsSpec& targets) : Value(to_json(targets)) {}
Value::Value(const Classes& classes) : Value(to_json(classes)) {}
Value::Value(const DatasetSpec& data) : Value(to_json(data)) {}
Value::Value(const PointSpec& point) : Value(to_json(point)) {}
Value::Value(const Family& family) : Value(to_json(family)) {}
Value::Value(const RankEvidence& evidence) : Value(evidence_json(evidence)) {}
Value::Value(const std::vector<Value>& list) : Value(list_json(list)) {}
Value::Value(const Document& document) : Value(document.json()) {}
Value Value::object(const Keys& keys) {
  Json json = Json::object();
  for (const auto& [key, value] : keys) json[key] = value.json();
  return Value(std::move(json));
}

Document::Document(const char* tag, const char* name, const Keys& keys) {
  Json json{{tag, name}};
  for (const auto& [key, value] : keys) json[key] = value.json();
  json_ = std::make_shared<const Json>(std::move(json));
}

Document::Document(const char* tag, const JsonReader& in) : json_(std::make_shared<const Json>(in.json())) {
  JsonReader(in).get(tag).text();
}

std::string Document::text() const { return json_->dump(); }
std::string Document::named(const char* tag) const { return (*json_)[tag].get<std::string>(); }

}  // namespace widecert
