// The bytes of a data file with the SHA-256 of everything read: plain, gzip, or one member of a zip archive.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernel/digest.h"

namespace widecheck {

class Stream {
 public:
  // `member`, if not empty, is the name of a member of a zip archive. Throw Malformed.
  explicit Stream(const std::string& path, const std::string& member = "");
  ~Stream();

  const std::string& name() const { return name_; }
  std::size_t read(void* out, std::size_t size);  // fewer bytes at the end only
  void need(void* out, std::size_t size);
  // Exactly `size` bytes; memory grows as they arrive, whatever a header promises.
  std::vector<unsigned char> all(std::size_t size);
  void skip(std::size_t size);
  // All that is left, at most so many bytes.
  std::string rest(std::size_t most);
  std::size_t stored() const { return stored_; }  // bytes of the file, whatever of them is read
  std::size_t total() const { return total_; }    // bytes read so far
  // There are no more bytes, and the digest of all of them is the expected one. Throws Malformed or
  // Rejected("data-digest").
  void finish(const std::string& expected);

  struct Source;

 private:
  std::string name_;
  std::unique_ptr<Source> source_;
  std::size_t total_ = 0, stored_ = 0;
  Sha256 hash_;
};

}  // namespace widecheck
