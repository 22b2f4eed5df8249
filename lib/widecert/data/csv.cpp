#include <widecert/data/byte_source.h>
#include <widecert/data/csv.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>

namespace widecert {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 32;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// The lines without a byte-order mark and without blank ones at the end.
std::vector<std::string_view> lines_of(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  while (!lines.empty() && trim(lines.back()).empty()) lines.pop_back();
  return lines;
}

// The fields of a line without blanks around them and without quotes. Throws InputError with the reason alone.
std::vector<std::string> fields_of(std::string_view line, char separator) {
  std::vector<std::string> fields;
  for (;;) {
    while (!line.empty() && line.front() != separator && (line.front() == ' ' || line.front() == '\t'))
      line.remove_prefix(1);
    std::string field;
    if (line.starts_with('"')) {
      std::size_t at = 1;
      for (;; ++at) {
        if (at == line.size()) throw InputError("a quote that is not closed on its line");
        if (line[at] == '"') {
          if (at + 1 == line.size() || line[at + 1] != '"') break;
          ++at;
        }
        field += line[at];
      }
      line.remove_prefix(at + 1);
      const auto end = std::min(line.find(separator), line.size());
      if (!trim(line.substr(0, end)).empty()) throw InputError("something after a closing quote");
      line.remove_prefix(end);
      field = trim(field);
    } else {
      const auto end = std::min(line.find(separator), line.size());
      field = trim(line.substr(0, end));
      line.remove_prefix(end);
    }
    fields.push_back(std::move(field));
    if (line.empty()) return fields;
    line.remove_prefix(1);
  }
}

std::string place_of(const std::string& path, std::size_t line) { return path + ":" + std::to_string(line + 1); }

// What is known of a column whose role is guessed.
class Column {
 public:
  void take(const std::string& field) {
    if (text_ > 1000 || (!integral_ && text_ == 0 && seen_.size() > kFew)) return;
    try {
      const Rational value = parse_rational(field);
      integral_ = integral_ && denominator(value) == 1;
      counts_ = counts_ && (numbers_ == 0 || value == last_ + 1);
      last_ = value;
      ++numbers_;
      if (seen_.size() <= kFew) seen_.insert(value);
    } catch (const InputError&) {
      ++text_;
    }
  }
  // Words; a number that is missing here and there is a mistake to be named, not a label.
  bool is_text(std::size_t samples) const { return 2 * text_ > std::min<std::size_t>(samples, 1000); }
  // A label or an index: by its name, by few different integers, or 0, 1, 2, ...
  bool is_no_measurement(std::string name, std::size_t samples) const {
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    for (const char* known : {"", "label", "labels", "target", "class", "y", "id", "index", "species"})
      if (name == known) return true;
    if (text_ != 0 || !integral_) return false;
    return (seen_.size() > 1 && seen_.size() <= kFew && seen_.size() < samples) || (counts_ && samples > 2);
  }

 private:
  static constexpr std::size_t kFew = 20;  // different values of a label
  std::size_t numbers_ = 0, text_ = 0;
  bool integral_ = true, counts_ = true;
  Rational last_ = 0;
  std::set<Rational> seen_;
};

// What a field that is no number may be.
std::string hint(std::size_t line, const std::string& field) {
  if (line == 0) return " (a line of names? \"header\": true in the case skips it)";
  if (field.find(';') != std::string::npos) {
    return " (fields separated by semicolons, with decimal commas? Commas are not read as decimal points: write 0.5)";
  }
  const bool is_word = !field.empty() && std::all_of(field.begin(), field.end(), [](unsigned char c) {
    return std::isalpha(c) != 0 || c == ' ' || c == '_' || c == '-';
  });
  return is_word ? " (a label? \"label_column\" in the case, --label-column of init, leaves one column out)" : "";
}

bool is_number(const std::string& field) {
  try {
    parse_rational(field);
    return true;
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace

CsvFile read_csv(const std::string& path, const CsvOptions& options) {
  const std::string bytes = read_bytes(path, kMaxBytes);
  CsvFile file;
  file.digest = sha256(bytes);
  std::size_t columns = 0;
  const std::vector<std::string_view> lines = lines_of(bytes);
  for (std::size_t k = options.header ? 1 : 0; k < lines.size(); ++k) {
    const std::string place = place_of(path, k);
    if (trim(lines[k]).empty()) throw InputError(place + ": a blank line; expected one sample a line");
    std::vector<std::string> fields;
    try {
      fields = fields_of(lines[k], options.separator);
    } catch (const InputError& error) {
      throw InputError(place + ": " + error.what());
    }
    if (columns == 0) columns = fields.size();
    if (fields.size() != columns) {
      throw InputError(place + ": " + std::to_string(fields.size()) + " fields; the lines before have " +
                       std::to_string(columns));
    }
    if (options.label_column && *options.label_column >= columns) {
      throw InputError(path + ": there is no column " + std::to_string(*options.label_column) +
                       " (\"label_column\" counts from 0) for the labels; a line has " + std::to_string(columns));
    }
    if (options.column && *options.column >= columns) {
      throw InputError(path + ": there is no column " + std::to_string(*options.column) +
                       " (\"column\" counts from 0); a line has " + std::to_string(columns));
    }
    std::vector<Rational> sample;
    sample.reserve(columns);
    for (std::size_t column = 0; column < columns; ++column) {
      if (options.label_column == column || (options.column && options.column != column)) continue;
      try {
        sample.push_back(parse_rational(fields[column]));
      } catch (const InputError& error) {
        throw InputError(place + ": field " + std::to_string(column + 1) + ": " + error.what() +
                         hint(k, fields[column]));
      }
    }
    if (sample.empty()) throw InputError(place + ": a sample without features");
    file.samples.push_back(std::move(sample));
  }
  if (file.samples.empty()) throw InputError(path + ": no samples; expected one a line");
  return file;
}

CsvGuess look_at_csv(const std::string& path) {
  const std::string bytes = read_bytes(path, kMaxBytes);
  const std::vector<std::string_view> lines = lines_of(bytes);
  if (lines.empty()) throw InputError(path + ": no samples; expected one a line");
  CsvGuess guess;
  // A line of data: the second one, where there is one. The separator is the one that gives it most fields.
  const std::string_view sample = lines[lines.size() > 1 ? 1 : 0];
  std::vector<std::string> values;
  for (char separator : {',', ';', '\t'}) {
    try {
      std::vector<std::string> fields = fields_of(sample, separator);
      if (fields.size() <= values.size()) continue;
      values = std::move(fields);
      guess.options.separator = separator;
    } catch (const InputError&) {  // quotes that make sense with another one
    }
  }
  if (values.empty())
    throw InputError(path + ":" + std::to_string(lines.size() > 1 ? 2 : 1) + ": quotes that do not close");
  guess.columns = values.size();
  // A first line of names has words where numbers follow, or another number of fields.
  const std::vector<std::string> first = fields_of(lines[0], guess.options.separator);
  guess.options.header = first.size() != values.size() && lines.size() > 2;
  for (std::size_t c = 0; c < std::min(first.size(), values.size()); ++c)
    guess.options.header = guess.options.header || (!is_number(first[c]) && is_number(values[c]));
  if (lines.size() == 1 && std::none_of(first.begin(), first.end(), is_number)) {
    throw InputError(path + ": one line, of words; expected samples");
  }
  if (guess.options.header && first.size() == values.size()) guess.names = first;
  if (lines[0].find(';') != std::string_view::npos && guess.options.separator == ',' &&
      sample.find(';') != std::string_view::npos) {
    throw InputError(path + ": semicolons and commas: if the commas are decimal ones, write points (0.5)");
  }
  bool counts = first.size() > 1 && lines.size() > 2;
  for (std::size_t c = 0; c < first.size(); ++c) counts = counts && first[c] == std::to_string(c);
  guess.counts_columns = counts && !guess.options.header;

  if (guess.columns == 1 && trim(sample).find_first_of(" \t") != std::string_view::npos) {
    throw InputError(path + ": fields separated by blanks are not read; expected commas, semicolons or tabs");
  }
  std::size_t samples = 0;
  std::vector<Column> columns(guess.columns);
  for (std::size_t k = guess.options.header ? 1 : 0; k < lines.size(); ++k) {
    if (trim(lines[k]).empty()) continue;  // read_csv says so
    const std::vector<std::string> fields = fields_of(lines[k], guess.options.separator);
    ++samples;
    for (std::size_t c = 0; c < std::min(fields.size(), guess.columns); ++c) columns[c].take(fields[c]);
  }
  for (std::size_t c = 0; c < guess.columns; ++c) {
    const bool at_an_end = c == 0 || c + 1 == guess.columns;
    const std::string name = guess.names.empty() ? "features" : guess.names[c];
    if (columns[c].is_text(samples) || (at_an_end && columns[c].is_no_measurement(name, samples)))
      guess.labels.push_back(c);
  }
  return guess;
}

std::string describe(const CsvOptions& options) {
  std::string text;
  if (options.separator != ',') text += options.separator == ';' ? ", separated by semicolons" : ", separated by tabs";
  if (options.header) text += ", without the header line";
  if (options.label_column) text += ", without column " + std::to_string(*options.label_column + 1) + " (labels)";
  if (options.column) text += ", column " + std::to_string(*options.column + 1) + " alone";
  return text;
}

}  // namespace widecert
