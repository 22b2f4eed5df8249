// Networks that depend on their inputs by one or two linear forms only.
#pragma once

#include <optional>

#include "proofs/regions/cells.h"

namespace widecert {

// forms_k directions_l is 1 for k = l and 0 else, and all rows that read inputs are combinations of the forms.
struct Factor {
  std::vector<std::vector<Rational>> directions, forms;
};
// Nothing if more than two forms are needed.
std::optional<Factor> factor_of(const Units& network);
// The plane of all combinations of the directions.
CellPlane plane_of(const Factor& factor, std::size_t inputs);

}  // namespace widecert
