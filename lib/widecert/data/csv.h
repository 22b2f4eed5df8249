// CSV files of exact numbers: integers, p/q and finite decimals, separated by commas, one sample a
// line, plain or gzip. No quoting, no blank lines; every line has as many fields as the first.
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
};

struct CsvFile {
  std::vector<std::vector<Rational>> samples;
  Digest digest;  // of the decompressed bytes
};

// Throws InputError naming file, line, column and what was expected.
CsvFile read_csv(const std::string& path, const CsvOptions& options);

}  // namespace widecert
