// Opening what is named by a stranger's claim: regular files only, and without waiting (for the writer of a pipe, say).
// What has been opened is asked for its kind and place, so that nothing can be exchanged in between.
#pragma once

#include <cstddef>
#include <string>

namespace widecheck {

class File {
 public:
  // Throws Malformed(reason), Malformed("outside").
  File(const std::string& path, const char* reason);
  ~File();
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  std::size_t size() const { return size_; }
  // The bytes from `begin` on, fewer at the end only.
  std::size_t read(void* out, std::size_t count, std::size_t begin) const;
  int release();  // the descriptor, now the caller's

 private:
  int descriptor_;
  std::size_t size_ = 0;
};

// From now on no file outside this folder is read, whatever links lead there; there is no way back.
void confine(const std::string& folder);

}  // namespace widecheck
