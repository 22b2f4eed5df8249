// CSV files of exact numbers: integers, p/q and finite decimals, one sample a line, plain or gzip. Fields may stand in
// double quotes; a byte-order mark and blank lines at the end are no data; blank lines elsewhere are errors.
#pragma once

#include <widecert/number/rational.h>
#include <widecert/number/sha256.h>

#include <optional>
#include <string>
#include <vector>

namespace widecert {

struct CsvOptions {
  bool header = false;                      // the first line holds column names
  std::optional<std::size_t> label_column;  // 0-based; left out of the features
  std::optional<std::size_t> column;        // 0-based; the only one that is read
  char separator = ',';                     // or ';' or a tab
};

struct CsvFile {
  std::vector<std::vector<Rational>> samples;
  Digest digest;  // of the decompressed bytes
};

// Throws InputError naming file, line, column and what was expected.
CsvFile read_csv(const std::string& path, const CsvOptions& options);

// What the first lines look like, for a first case. Throws InputError if they are no CSV of numbers.
struct CsvGuess {
  CsvOptions options;              // without a label column
  std::vector<std::string> names;  // of the columns, if the header has them
  std::size_t columns = 0;
  bool counts_columns = false;  // the first line is 0, 1, 2, ...: names, as pandas writes them, or a sample
  // Columns that are no features by their looks: words, or at an end labels and indices (few different integers, 0, 1,
  // 2, ..., names like "target").
  std::vector<std::size_t> labels;
};
CsvGuess look_at_csv(const std::string& path);

// ", separated by semicolons, without the header line, without column 5 (labels)": only what is not the default.
std::string describe(const CsvOptions& options);

}  // namespace widecert
