#include "kernel/csv.h"

#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr const char* kBlanks = " \t";

bool blank(const std::string& text) { return text.find_first_not_of(kBlanks) == std::string::npos; }

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(kBlanks);
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

// Up to the separator or the end; quotes around a field, doubled ones for one in it.
std::vector<std::string> fields_of(const std::string& line, char separator, const std::string& place) {
  std::vector<std::string> fields;
  for (std::size_t at = 0;; ++at) {
    std::size_t end = std::min(line.find(separator, at), line.size());
    std::string field = line.substr(at, end - at);
    const auto quote = line.find_first_not_of(separator == '\t' ? " " : kBlanks, at);
    if (quote != std::string::npos && quote < end && line[quote] == '"') {
      field.clear();
      std::size_t next = quote + 1;
      for (; next < line.size() && (line[next] != '"' || (next + 1 < line.size() && line[next + 1] == '"')); ++next) {
        if (line[next] == '"') ++next;
        field += line[next];
      }
      if (next == line.size()) throw Malformed("data", place + ": a quote that is not closed on its line");
      end = std::min(line.find(separator, next), line.size());
      if (!blank(line.substr(next + 1, end - next - 1)))
        throw Malformed("data", place + ": something after a closing quote");
    }
    fields.push_back(trimmed(field));
    if (end == line.size()) return fields;
    at = end;
  }
}

// What reading a number with so many digits takes: common factors of numerator and denominator go.
Products digits_cost(std::size_t digits) { return 400 + 4 * (Products(digits) / 19) * (Products(digits) / 19); }

}  // namespace

Csv read_csv(const Value& json) {
  Csv csv;
  if (json.has("header")) csv.header = json.at("header").boolean();
  if (json.has("label_column")) csv.label_column = static_cast<long>(json.at("label_column").number(1'000'000));
  if (json.has("column")) {
    csv.column = static_cast<long>(json.at("column").number(1'000'000));
    if (csv.label_column >= 0) json.at("column").bad("no label_column beside it");
  }
  if (json.has("separator")) {
    const std::string text = json.at("separator").text();
    if (text != "," && text != ";" && text != "\t") json.at("separator").bad("a comma, a semicolon or a tab");
    csv.separator = text[0];
  }
  return csv;
}

std::string in_words(const Csv& csv) {
  std::string text;
  if (csv.separator != ',') text += csv.separator == ';' ? ", separated by semicolons" : ", separated by tabs";
  if (csv.header) text += ", below a header line";
  if (csv.label_column >= 0) text += ", column " + std::to_string(csv.label_column + 1) + " (labels) left out";
  if (csv.column >= 0) text += ", column " + std::to_string(csv.column + 1) + " alone";
  return text;
}

void for_each_line(Stream& in, const Csv& csv, Budget& budget,
                   const std::function<void(std::size_t, const std::vector<std::string>&, const std::string&)>& visit) {
  std::string line;
  std::size_t number = 0, samples = 0, columns = 0;
  bool blank_before = false;
  const auto take = [&]() {
    ++number;
    if (number == 1 && line.starts_with("\xef\xbb\xbf")) line.erase(0, 3);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const std::string place = in.name() + ":" + std::to_string(number);
    if (blank(line)) {
      blank_before = true;
      return;
    }
    if (blank_before) throw Malformed("data", place + ": a blank line before it");
    if (number == 1 && csv.header) return;
    if (trimmed(line)[0] == '#') throw Malformed("data", place + ": a comment");
    std::vector<std::string> fields = fields_of(line, csv.separator, place);
    if (columns == 0) columns = fields.size();
    if (fields.size() != columns) throw Malformed("data", place + ": another number of fields than before");
    if (csv.label_column >= static_cast<long>(columns)) throw Malformed("data", place + ": no column for the labels");
    if (csv.label_column >= 0) fields.erase(fields.begin() + csv.label_column);
    if (csv.column >= static_cast<long>(columns)) throw Malformed("data", place + ": no such column");
    if (csv.column >= 0) fields = {fields[static_cast<std::size_t>(csv.column)]};
    visit(samples++, fields, place);
  };
  std::vector<char> buffer(1 << 16);
  for (;;) {
    const std::size_t got = in.read(buffer.data(), buffer.size());
    budget.spend(30 * Products(got));
    for (std::size_t b = 0; b < got; ++b) {
      if (buffer[b] == '\n') {
        take();
        line.clear();
      } else {
        line += buffer[b];
        if (line.size() > (std::size_t{1} << 26)) throw Malformed("data", in.name() + ": a line too long");
      }
    }
    if (got < buffer.size()) break;
  }
  if (!line.empty()) take();
}

mpq_class parse_decimal(std::string text, const std::string& place, Budget& budget) {
  const auto bad = [&]() { return Malformed("data", place + ": not a finite number"); };
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos || text.size() > 10'000) throw bad();
  budget.spend(digits_cost(text.size()));
  text = text.substr(first, text.find_last_not_of(" \t") - first + 1);
  bool negative = false;
  if (text[0] == '-' || text[0] == '+') {
    negative = text[0] == '-';
    text.erase(0, 1);
  }
  const auto digits = [&](const std::string& s) {
    if (s.empty() || s.find_first_not_of("0123456789") != std::string::npos) throw bad();
    return mpz_class(s, 10);
  };
  mpq_class value;
  if (const auto slash = text.find('/'); slash != std::string::npos) {
    const mpz_class q = digits(text.substr(slash + 1));
    if (q == 0) throw bad();
    value = mpq_class(digits(text.substr(0, slash)), q);
    value.canonicalize();
  } else {
    long exponent = 0;
    if (const auto e = text.find_first_of("eE"); e != std::string::npos) {
      std::string power = text.substr(e + 1);
      const bool down = !power.empty() && power[0] == '-';
      if (down || (!power.empty() && power[0] == '+')) power.erase(0, 1);
      const mpz_class magnitude = digits(power);
      if (magnitude > 10'000) throw bad();
      exponent = magnitude.get_si() * (down ? -1 : 1);
      budget.spend(digits_cost(magnitude.get_ui()));
      text.resize(e);
    }
    if (const auto dot = text.find('.'); dot != std::string::npos) {
      exponent -= static_cast<long>(text.size() - dot - 1);
      text.erase(dot, 1);
    }
    mpz_class scale;
    mpz_ui_pow_ui(scale.get_mpz_t(), 10, static_cast<unsigned long>(std::labs(exponent)));
    value = digits(text);
    if (exponent < 0)
      value /= scale;
    else
      value *= scale;
  }
  return negative ? mpq_class(-value) : value;
}

}  // namespace widecheck
