// CSV files of exact numbers: one sample a line, fields that may stand in double quotes. A byte-order mark and blank
// lines at the end are no data; blank lines elsewhere and comments are errors, so that every line counts for one
// sample.
#pragma once

#include <gmpxx.h>

#include <functional>
#include <string>
#include <vector>

#include "kernel/budget.h"
#include "kernel/input.h"
#include "kernel/stream.h"

namespace widecheck {

struct Csv {
  bool header = false;     // the first line holds names
  long label_column = -1;  // from 0 on, left out; -1: none
  long column = -1;        // from 0 on, the only one that is read; -1: all
  char separator = ',';
};
Csv read_csv(const Value& json);  // the optional keys "header", "label_column", "column", "separator"
std::string in_words(const Csv& csv);

// Calls visit(index, fields that are read, place) for every line with a sample. Throws Malformed("data").
void for_each_line(Stream& in, const Csv& csv, Budget& budget,
                   const std::function<void(std::size_t, const std::vector<std::string>&, const std::string&)>& visit);

// "12", "-3/4", "0.25", "1e-3", exactly.
mpq_class parse_decimal(std::string text, const std::string& place, Budget& budget);

}  // namespace widecheck
