// The bytes of a file, one after the other: plain, gzip-compressed, or a member of a zip archive.
//
// Only regular files are opened; whoever reads says how much is expected, so that no stream is
// followed without end. Every error names the file, the offset and what was expected.
#pragma once

#include <widecert/number/sha256.h>

#include <memory>
#include <string>
#include <vector>

namespace widecert {

class ByteSource {
 public:
  // Throw InputError if there is no such file (or member).
  explicit ByteSource(const std::string& path);
  ByteSource(const std::string& path, const std::string& member);
  ~ByteSource();

  const std::string& name() const { return name_; }  // for messages
  std::size_t offset() const { return offset_; }
  // Reads up to `size` bytes and returns how many there were. Throws InputError on damaged data.
  std::size_t read(void* out, std::size_t size);
  // Exactly `size` bytes, else InputError: truncated, expected that many bytes of `what`.
  void need(void* out, std::size_t size, const std::string& what);
  // Exactly `count` bytes, the last ones, which a header has promised. Memory grows as they arrive,
  // so that a small file with a boastful header costs little.
  std::vector<unsigned char> last(std::size_t count);
  // SHA-256 of everything that has been read.
  Digest digest() { return hash_.finish(); }

  struct Reader;  // gzip or zip

 private:
  std::string name_;
  std::unique_ptr<Reader> reader_;
  std::size_t offset_ = 0;
  Sha256 hash_;
};

// The names of the members of a zip archive, in its order. Throws InputError.
std::vector<std::string> zip_members(const std::string& path);

// Where a path relative to a folder leads, ".." resolved in the text; from the working directory on, where that is
// shorter: people read it.
std::string located(const std::string& folder, const std::string& path);
// The same for people, with the member of an archive if one is named: "a.npz[conv1.weight]".
std::string located_member(const std::string& folder, const std::string& path, const std::string& member);

// Throws InputError unless `expected` is empty or the digest in hexadecimal.
void compare_digest(const std::string& file, const std::string& expected, const Digest& found);

// The bytes of a file, decompressed if it is gzip, or of a member of a zip archive; at most `limit` of them (else
// InputError).
std::string read_bytes(const std::string& path, std::size_t limit, const std::string& member = "");

}  // namespace widecert
