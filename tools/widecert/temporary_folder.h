// A folder that is removed again.
#pragma once

#include <stdlib.h>
#include <widecert/number/error.h>

#include <filesystem>
#include <string>

namespace widecert::tool {

class TemporaryFolder {
 public:
  // Throws InputError if none can be made.
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "widecert-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw InputError("no temporary folder can be made");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace widecert::tool
