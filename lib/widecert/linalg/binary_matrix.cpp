#include <widecert/linalg/binary_matrix.h>

#include <cstring>

namespace widecert {

std::uint64_t transpose_8x8(std::uint64_t m) {
  // Exchanges of blocks of size 1, 2, 4 across the diagonal.
  std::uint64_t t = (m ^ m >> 7) & 0x00aa00aa00aa00aaULL;
  m ^= t ^ t << 7;
  t = (m ^ m >> 14) & 0x0000cccc0000ccccULL;
  m ^= t ^ t << 14;
  t = (m ^ m >> 28) & 0x00000000f0f0f0f0ULL;
  return m ^ t ^ t << 28;
}

BinaryMatrix::BinaryMatrix(std::size_t rows, std::size_t cols, std::size_t extra)
    : rows_(rows), cols_(cols), extra_(extra), pitch_(rhs() + (extra + 63) / 64 * 64 + 64) {
  storage_.resize(stripes() * pitch_ + 64);
  offset_ = (64 - reinterpret_cast<std::uintptr_t>(storage_.data()) % 64) % 64;
}

void BinaryMatrix::set(std::size_t i, std::size_t j, bool bit) {
  const auto mask = static_cast<std::uint8_t>(1u << i % 8);
  std::uint8_t& byte = stripe(i / 8)[j];
  byte = static_cast<std::uint8_t>(bit ? byte | mask : byte & ~mask);
}

void BinaryMatrix::set_rows(std::size_t s, std::span<const std::uint8_t> packed, std::size_t bytes) {
  std::uint8_t* out = stripe(s);
  const std::size_t count = packed.size() / bytes;
  for (std::size_t group = 0; group < bytes; ++group) {
    std::uint64_t block = 0;
    for (std::size_t r = 0; r < count; ++r) {
      block |= std::uint64_t{packed[r * bytes + group]} << 8 * r;
    }
    block = transpose_8x8(block);
    std::memcpy(out + 8 * group, &block, 8);
  }
}

void BinaryMatrix::set_columns(std::size_t first, std::span<const std::uint8_t> packed) {
  const std::size_t height = stripes(), count = packed.size() / height;
  for (std::size_t s = 0; s < height; ++s) {
    std::uint8_t* out = stripe(s) + first;
    for (std::size_t c = 0; c < count; ++c) out[c] = packed[c * height + s];
  }
}

}  // namespace widecert
