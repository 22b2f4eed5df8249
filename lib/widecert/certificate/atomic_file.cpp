#include <unistd.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/number/error.h>

#include <filesystem>
#include <fstream>

namespace widecert {

void write_atomically(const std::string& path, const std::string& contents) {
  namespace fs = std::filesystem;
  const fs::path target(path);
  std::error_code error;
  if (target.has_parent_path()) fs::create_directories(target.parent_path(), error);
  if (fs::is_directory(target, error)) {
    throw InputError(path + ": is a folder; expected the name of a file to write");
  }
  const fs::path temporary = path + ".part" + std::to_string(getpid());
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << contents;
    out.close();
    if (!out) {
      fs::remove(temporary, error);
      throw InputError(path + ": cannot be written; is the folder writable and the disk not full?");
    }
  }
  fs::rename(temporary, target, error);
  if (error) {
    fs::remove(temporary, error);
    throw InputError(path + ": cannot be written (" + error.message() + ")");
  }
}

}  // namespace widecert
