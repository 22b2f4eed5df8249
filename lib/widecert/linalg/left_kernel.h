// A left kernel vector over the integers of a dense integer matrix.
#pragma once

#include <widecert/linalg/matrix.h>

#include <optional>

namespace widecert {

// v != 0 with v A = 0, or nothing if the rows are independent (or no lift was found, which says
// nothing). A modular elimination picks a dependent row and a nonsingular block, Dixon lifting
// (FLINT) solves for the combination, and the result is multiplied back before it is returned.
// Meant for a few thousand rows.
std::optional<std::vector<Integer>> left_kernel_vector(const std::vector<std::vector<Integer>>& a);

}  // namespace widecert
