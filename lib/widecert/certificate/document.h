// Claims and proofs as documents: one JSON object each, as it will stand in the file. A prover makes them, and nobody
// on this side takes them apart; what they mean, and what each rule demands, is the checker's (tools/widecheck). Knows
// no kind of claim and no rule.
#pragma once

#include <widecert/certificate/json.h>
#include <widecert/linalg/rank_evidence.h>
#include <widecert/network/family.h>
#include <widecert/network/targets.h>
#include <widecert/number/range.h>

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace widecert {

class Document;

// One value of a document, from what claims and proofs are made of. Cheap to copy.
class Value {
 public:
  Value(bool value);
  template <std::integral Number>
  Value(Number value) : Value(Integer(value)) {}
  Value(const Integer& value);   // a JSON integer below 2^53, else a string
  Value(const Rational& value);  // likewise; "p/q" in lowest terms otherwise
  Value(const char* text);
  Value(const std::string& text);
  Value(const Range& range);  // [low, high]
  Value(const TensorSpec& tensor);
  Value(const TargetsSpec& targets);
  Value(const Classes& classes);
  Value(const DatasetSpec& data);
  Value(const PointSpec& point);
  Value(const Family& family);
  Value(const RankEvidence& evidence);
  Value(const std::vector<Value>& list);
  template <class Entry>
  Value(const std::vector<Entry>& list) : Value(std::vector<Value>(list.begin(), list.end())) {}
  Value(const Document& document);
  // An object of these keys.
  static Value object(const std::vector<std::pair<const char*, Value>>& keys);
  const Json& json() const { return *json_; }

 private:
  explicit Value(Json json);
  std::shared_ptr<const Json> json_;
};

using Keys = std::vector<std::pair<const char*, Value>>;

class Document {
 public:
  const Json& json() const { return *json_; }
  // Canonical, keys sorted: equal exactly if the documents are. Evidence for rank is bound to its digest.
  std::string text() const;

 protected:
  Document(const char* tag, const char* name, const Keys& keys);
  Document(const char* tag, const JsonReader& in);
  std::string named(const char* tag) const;

 private:
  std::shared_ptr<const Json> json_;
};

struct Claim : Document {
  Claim(const char* kind, const Keys& keys) : Document("kind", kind, keys) {}
  // Of a claim file: an object with a kind; the rest is the checker's.
  explicit Claim(const JsonReader& in) : Document("kind", in) {}
  std::string kind() const { return named("kind"); }
};

struct Proof : Document {
  Proof(const char* rule, const Keys& keys = {}) : Document("rule", rule, keys) {}
  explicit Proof(const JsonReader& in) : Document("rule", in) {}
  std::string rule() const { return named("rule"); }
};

}  // namespace widecert
