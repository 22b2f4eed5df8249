// The page about a sweep: one figure and what was found, self-contained.
#pragma once

#include "sweep_spec.h"

#include <string>

namespace widecert::tool {

// The spec's "figure": "y" is a column of the table, of which the median is drawn in a band from the lowest to the
// highest, or "fraction of OUTCOME". "x" is a variable, "series" one more; "theorem" selects rows; log_x, log_y. A list
// draws several. Throws InputError naming what is wrong in the spec.
std::string sweep_page(const SweepSpec& spec, const std::vector<Json>& rows);

// The figures alone, as SVG; empty where no row has a value.
std::vector<std::string> sweep_figures(const SweepSpec& spec, const std::vector<Json>& rows);

// Reads the figure without drawing it, so that mistakes are found before hours of work.
void check_figure(const SweepSpec& spec);

}  // namespace widecert::tool
