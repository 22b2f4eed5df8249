// The left kernel of a dense integer matrix, exactly.
#pragma once

#include <widecert/linalg/matrix.h>

#include <optional>

namespace widecert {

using IntegerRows = std::vector<std::vector<Integer>>;

struct LeftKernel {
  // These rows and columns make a nonsingular block modulo the prime: rank A is at least their number.
  std::vector<std::size_t> rows, columns;
  std::uint64_t prime = 0;
  // v A = 0, exactly, for each of the other rows: v is not 0 there, and 0 at the rest of them. So the vectors are
  // independent, and the rank is rows.size().
  IntegerRows basis;
};

// Nothing if no lift was found (which says nothing). A modular elimination picks the block, Dixon lifting (FLINT)
// solves for the combinations, and each is multiplied back before it is returned. With more than `most` other rows the
// basis is not looked for, and stays empty. Meant for a few thousand rows.
std::optional<LeftKernel> left_kernel(const IntegerRows& a, std::size_t most);

// v != 0 with v A = 0, or nothing if the rows are independent (or no lift was found).
std::optional<std::vector<Integer>> left_kernel_vector(const IntegerRows& a);

}  // namespace widecert
