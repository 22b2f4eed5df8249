// Zip archives that are written as a whole or not at all; the same members give the same bytes.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace widecert {

// Writes members of these names and contents; `done` hears now and then which part is written, and throws nothing.
// Throws InputError if the file cannot be written.
void write_zip(const std::string& path, const std::map<std::string, std::string>& members,
               const std::function<void(double)>& done = {});

}  // namespace widecert
