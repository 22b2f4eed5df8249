// Where tests find the repository, the programs under test, and a folder to write in.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

namespace widecert::test {

inline std::string source() { return WIDECERT_SOURCE; }
inline std::string cases() { return source() + "/cases"; }
inline std::string programs() { return WIDECERT_PROGRAMS; }

// A fresh folder, distinct per process and call.
inline std::string scratch(const std::string& name) {
  static int count = 0;
  const auto path = std::filesystem::temp_directory_path() /
                    ("widecert-test-" + name + "-" + std::to_string(getpid()) + "-" + std::to_string(count++));
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path.string();
}

}  // namespace widecert::test
