// What a data file is, by its content: names lie.
#pragma once

#include <string>

namespace widecert {

enum class FileFormat { idx, npy, npz, csv };

// Of a file, plain or gzip. Throws InputError, saying what is read, if it is none of these.
FileFormat file_format(const std::string& path);

}  // namespace widecert
