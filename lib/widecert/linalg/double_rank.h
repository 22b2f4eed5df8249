// The exact rank of a matrix of doubles.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

namespace widecert {

struct DoubleRank {
  std::size_t rank = 0;  // modulo some prime: a lower bound of the exact rank over Q
  bool exact = false;    // the rank is full, hence exact
};

// `values` are `rows` rows of `cols` finite doubles. They are integers times powers of two, which are
// units modulo an odd prime: full rank modulo a prime is full rank, whatever the condition number.
// Tries 127 and, if the rank is not full there (which happens by chance once in 126 for square
// matrices), a prime near 2^23. A rank below min(rows, cols) that is left is the exact one with high
// probability only. Cost: one elimination in floats as a rule; 4 bytes an entry, then 8. Throws
// InputError on NaN and infinities.
DoubleRank rank_of_doubles(std::span<const double> values, std::size_t rows, std::size_t cols,
                           const std::function<void(std::size_t, std::size_t)>& tick);

}  // namespace widecert
