#include <widecert/data/byte_source.h>
#include <widecert/data/csv.h>
#include <widecert/number/error.h>

namespace widecert {
namespace {

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

}  // namespace

CsvFile read_csv(const std::string& path, const CsvOptions& options) {
  const std::string bytes = read_bytes(path, std::size_t{1} << 32);
  CsvFile file;
  file.digest = sha256(bytes);
  std::size_t line_number = 0, fields = 0, start = 0;
  while (start < bytes.size()) {
    auto end = bytes.find('\n', start);
    if (end == std::string::npos) end = bytes.size();
    std::string_view line(&bytes[start], end - start);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    start = end + 1;
    ++line_number;
    if (line_number == 1 && options.header) continue;
    const auto at = [&](std::size_t column) {
      return path + ":" + std::to_string(line_number) + ": field " + std::to_string(column + 1);
    };
    std::vector<Rational> sample;
    std::size_t column = 0;
    for (std::size_t from = 0; from <= line.size(); ++column) {
      auto comma = line.find(',', from);
      if (comma == std::string_view::npos) comma = line.size();
      if (options.label_column != column) {
        try {
          sample.push_back(parse_rational(trim(line.substr(from, comma - from))));
        } catch (const InputError& error) {
          throw InputError(at(column) + ": " + error.what());
        }
      }
      from = comma + 1;
    }
    if (fields == 0) fields = column;
    if (column != fields) {
      throw InputError(path + ":" + std::to_string(line_number) + ": " + std::to_string(column) +
                       " fields; the lines before have " + std::to_string(fields));
    }
    if (options.label_column && *options.label_column >= column) {
      throw InputError(path + ": there is no column " + std::to_string(*options.label_column) +
                       " (0-based) for the labels; a line has " + std::to_string(column));
    }
    if (sample.empty()) throw InputError(at(0) + ": a sample without features");
    file.samples.push_back(std::move(sample));
  }
  if (file.samples.empty()) throw InputError(path + ": no samples; expected one per line");
  return file;
}

}  // namespace widecert
