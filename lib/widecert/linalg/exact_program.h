// Systems of linear equations in numbers that are not negative, exactly, by QSopt_ex.
#pragma once

#include <widecert/number/rational.h>

#include <optional>
#include <vector>

namespace widecert {

// A column of the system: row and entry, rows increasing.
using ProgramColumn = std::vector<std::pair<std::size_t, Rational>>;

// x >= 0 with A x = b, at a vertex: at most as many entries other than 0 as there are rows. Nothing if there is none,
// or none was found. What QSopt_ex returns is multiplied back. Polls; solved in a child process, since QSopt_ex
// changes the memory functions of GMP for the process that it runs in.
std::optional<std::vector<Rational>> nonnegative_solution(const std::vector<ProgramColumn>& columns,
                                                          const std::vector<Rational>& b);

}  // namespace widecert
