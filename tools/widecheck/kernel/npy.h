// NumPy arrays as the checker reads them: little-endian integers of 1 to 8 bytes, floats of 2, 4 or 8, in C
// or Fortran order.
#pragma once

#include <gmpxx.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernel/budget.h"
#include "kernel/input.h"
#include "kernel/layout.h"
#include "kernel/stream.h"

namespace widecheck {

struct NpyHeader {
  std::vector<std::size_t> shape;  // positive extents
  bool fortran = false;
  char kind = 'i';        // i signed, u unsigned, f float
  std::size_t bytes = 8;  // of an element
};

// Throws Malformed("data").
NpyHeader read_npy_header(Stream& in);
// An element of kind i or u; of kind f.
std::int64_t npy_integer(const NpyHeader& header, const unsigned char* bytes);
mpq_class npy_float(const NpyHeader& header, const unsigned char* bytes, const std::string& name);

// A binary float of 4 or 8 bytes, exactly: a sign, an exponent and an integer significand. Throws
// Malformed("data") if it is not finite.
mpq_class exact_float(std::uint64_t bits, std::size_t bytes, const std::string& name);

// The file that "path" and "sha256" name, from the folder of the claim on; in a pack the member that bears the digest.
struct DataFile {
  std::string path, sha256;
  std::string member;  // of a zip archive, else empty
  std::string name;    // as the claim has it, for people
};
std::string in_words(const DataFile& file);
DataFile read_file_place(const Value& json);
DataFile read_npy_place(const Value& json);  // "member" too
// The elements in C order after the axes are permuted; `extents` receives the permuted shape.
std::vector<mpq_class> read_npy(const DataFile& file, const Layout& layout, Extents& extents, std::size_t most,
                                Budget& budget);
// Integers of any length, rows of so many: an array of bytes, unsigned, in C order, whose last axis holds the bytes of
// one integer (two's complement, the least first), at most 8,200 of them; the other axes are the rows and their
// entries, or of one row its entries. Pays for itself.
std::vector<std::vector<mpz_class>> read_wide_npy(const DataFile& file, std::size_t rows, std::size_t length,
                                                  Budget& budget);
// As many numbers below that: a list, or {"npy": a file with one dimension of integers}.
std::vector<std::size_t> read_numbers_below(const Value& json, std::size_t count, Budget& budget);

}  // namespace widecheck
