#include <widecert/data/byte_source.h>
#include <widecert/data/file_format.h>
#include <widecert/number/error.h>

#include <algorithm>

namespace widecert {

FileFormat file_format(const std::string& path) {
  ByteSource in(path);
  std::string start(4096, '\0');
  start.resize(in.read(start.data(), start.size()));
  if (start.empty()) throw InputError(path + ": an empty file");
  if (start.starts_with("\x93NUMPY")) return FileFormat::npy;
  if (start.starts_with("PK\x03\x04")) return FileFormat::npz;
  if (start.size() >= 4 && start[0] == '\0' && start[1] == '\0') return FileFormat::idx;
  const bool text = std::none_of(start.begin(), start.end(), [](unsigned char c) {
    return c == 0x7f || (c < 0x20 && c != '\t' && c != '\n' && c != '\r');
  });
  const bool other = start[0] == '{' || start[0] == '[' || start[0] == '<' || start.starts_with("@relation");
  if (text && !other) return FileFormat::csv;
  throw InputError(path +
                   ": not a format that is read, by its first bytes; expected IDX (as MNIST), NPY or NPZ (numpy.save, "
                   "numpy.savez) or CSV, each of the first, second and last plain or gzip");
}

}  // namespace widecert
