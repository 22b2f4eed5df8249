// IDX files (the format of MNIST), plain or gzip-compressed.
//
// The header says how many bytes follow; exactly that many are read, never more, whatever a
// compressed stream would expand to. Every error names the file, the offset and what was expected.
#pragma once

#include <widecert/number/sha256.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace widecert {

struct IdxFile {
  std::vector<std::size_t> extents;  // the first counts the samples
  // Integer types as int64, float and double as double: both exact.
  std::variant<std::vector<std::int64_t>, std::vector<double>> values;
  Digest digest;  // SHA-256 of the decompressed file, header included
};

// Throws InputError on a missing, truncated, oversized or malformed file.
IdxFile read_idx(const std::string& path);

}  // namespace widecert
