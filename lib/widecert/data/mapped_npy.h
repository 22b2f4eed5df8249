// An array of integers that stays on disk, since it is more than memory holds: an uncompressed .npy file of entries of
// at most 4 bytes, mapped.
#pragma once

#include <widecert/data/npy.h>

#include <memory>
#include <span>

namespace widecert {

class MappedNpy {
 public:
  // Null unless it is such a file, of more than `least` entries. Throws InputError if it is damaged.
  static std::shared_ptr<const MappedNpy> open(const std::string& path, std::size_t least);
  ~MappedNpy();
  MappedNpy(const MappedNpy&) = delete;
  MappedNpy& operator=(const MappedNpy&) = delete;

  const NpyHeader& header() const { return header_; }
  // No entry has a larger absolute value.
  std::int64_t bound() const { return std::int64_t{1} << (8 * header_.bytes); }
  // out[k] = entry number first + places[k] of the file.
  void gather(std::size_t first, std::span<const std::size_t> places, std::int64_t* out) const;
  // Of the whole file, which is read for it.
  Digest digest() const;

 private:
  MappedNpy() = default;
  NpyHeader header_;
  const unsigned char* bytes_ = nullptr;
  std::size_t size_ = 0, begin_ = 0;  // of the file; of the entries in it
};

}  // namespace widecert
