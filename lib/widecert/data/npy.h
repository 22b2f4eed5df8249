// NumPy arrays: .npy files (plain or gzip) and members of .npz archives. Little-endian integers of 1
// to 8 bytes and floats of 2, 4 or 8, in C or Fortran order; anything else is an error that says how to
// convert it.
#pragma once

#include <widecert/data/byte_source.h>
#include <widecert/number/sha256.h>

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace widecert {

// Integers as int64, floats as double: both exact, in C order (last index fastest).
using NpyValues = std::variant<std::vector<std::int64_t>, std::vector<double>>;

struct NpyHeader {
  std::string type;       // "|u1", "<f4"
  std::size_t bytes = 1;  // of an entry
  bool fortran = false;
  std::vector<std::size_t> shape;  // at most 2^40 bytes in all
};
// The source then stands at the first entry. Throws InputError.
NpyHeader read_npy_header(ByteSource& in);
// By axis: how far two neighbours lie apart, in entries.
std::vector<std::size_t> npy_strides(const NpyHeader& header);

struct NpyArray {
  std::vector<std::size_t> shape;  // empty for a single number
  NpyValues values;
  Digest digest;  // SHA-256 of the .npy file (of the member), header included, decompressed
};

// An array in a file; `member` is the name of the array in an .npz archive, empty for .npy files. Throws InputError
// naming the file, the place and what was expected: also for values that are not finite, or 2^63 and more.
NpyArray read_npy(const std::string& path, const std::string& member);

// The same array with axis k of the result being axis axes[k] of the given one. Throws InputError
// (after `what`) unless `axes` is a permutation.
NpyArray transposed(NpyArray array, const std::vector<std::size_t>& axes, const std::string& what);

struct NpyIntegers {
  std::vector<std::size_t> shape;
  std::vector<std::int64_t> values;
};
// An .npy file of 64-bit integers; and an .npz archive of such, written atomically. The same arrays give the same
// bytes. Throws InputError if the file cannot be written.
std::string npy_bytes(const NpyIntegers& array);
// The same of raw elements of a type in NumPy's words ("|u1").
std::string npy_bytes(const std::string& type, const std::vector<std::size_t>& shape, std::string_view elements);
void write_npz(const std::string& path, const std::map<std::string, NpyIntegers>& arrays);

}  // namespace widecert
