// Writes a file as a whole or not at all: into a temporary neighbour, then renamed.
#pragma once

#include <string>

namespace widecert {

// Throws InputError naming the path if it cannot be written. Creates the folder if needed.
void write_atomically(const std::string& path, const std::string& contents);

}  // namespace widecert
