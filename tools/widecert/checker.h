// Running the independent checker, a separate program found beside widecert or on the PATH.
#pragma once

#include <widecert/certificate/json.h>

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "commands.h"

namespace widecert::tool {

struct CheckerResult {
  int exit = kInternal;
  Json report;  // what widecheck --json printed
};

// "  [error <= 2^-127]" for a line of the report that is not unconditional, else empty.
std::string error_bound(const Json& line);

// Throws InputError if widecheck cannot be found.
CheckerResult run_checker(const std::vector<std::string>& files);

}  // namespace widecert::tool
