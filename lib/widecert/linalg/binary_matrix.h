// BinaryMatrix: a dense matrix over GF(2), stored in stripes of eight rows: byte j of stripe s holds
// the entries (8s, j), ..., (8s + 7, j), the first in bit 0. In this layout eight rows are combined
// by one 8 x 8 matrix acting on bytes, which is what the elimination kernel does
// (binary_elimination.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace widecert {

class BinaryMatrix {
 public:
  // Zero. A right-hand side of `extra` columns may follow the matrix; its columns are numbered from
  // rhs(), a multiple of 64. Takes rows * (cols + extra) / 8 bytes and a little padding.
  BinaryMatrix(std::size_t rows, std::size_t cols, std::size_t extra = 0);

  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }
  std::size_t extra() const { return extra_; }
  std::size_t rhs() const { return (cols_ + 63) / 64 * 64; }
  std::size_t stripes() const { return (rows_ + 7) / 8; }
  // Bytes from one stripe to the next: a multiple of 64, zero where no column is.
  std::size_t pitch() const { return pitch_; }
  std::uint8_t* stripe(std::size_t s) { return bytes() + s * pitch_; }
  const std::uint8_t* stripe(std::size_t s) const { return bytes() + s * pitch_; }

  bool get(std::size_t i, std::size_t j) const { return stripe(i / 8)[j] >> (i % 8) & 1; }
  void set(std::size_t i, std::size_t j, bool bit);

  // Rows 8s, ... of the matrix from packed rows (entry j is bit j mod 8 of byte j / 8) that lie
  // `bytes` apart; at most 8 rows.
  void set_rows(std::size_t s, std::span<const std::uint8_t> packed, std::size_t bytes);
  // Columns first, first + 1, ... from packed columns of ceil(rows / 8) bytes each.
  void set_columns(std::size_t first, std::span<const std::uint8_t> packed);

 private:
  std::uint8_t* bytes() { return storage_.data() + offset_; }
  const std::uint8_t* bytes() const { return storage_.data() + offset_; }

  std::size_t rows_, cols_, extra_, pitch_, offset_ = 0;
  std::vector<std::uint8_t> storage_;
};

// The transpose of an 8 x 8 bit matrix, row r in byte r, entry c of a row in bit c.
std::uint64_t transpose_8x8(std::uint64_t m);

}  // namespace widecert
