#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <widecert/data/mapped_npy.h>
#include <widecert/number/error.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <cstring>
#include <fstream>

namespace widecert {
namespace {

template <class T>
void gather_as(const unsigned char* bytes, std::span<const std::size_t> places, std::int64_t* out) {
  for (std::size_t k = 0; k < places.size(); ++k) {
    T value;
    std::memcpy(&value, bytes + places[k] * sizeof(T), sizeof(T));
    out[k] = value;
  }
}

}  // namespace

std::shared_ptr<const MappedNpy> MappedNpy::open(const std::string& path, std::size_t least) {
  ByteSource in(path);  // a regular file, plain or compressed
  char start[6] = {};
  std::ifstream(path, std::ios::binary).read(start, sizeof start);
  if (std::memcmp(start, "\x93NUMPY", sizeof start) != 0) return nullptr;
  std::shared_ptr<MappedNpy> file(new MappedNpy);
  file->header_ = read_npy_header(in);
  file->begin_ = in.offset();
  std::size_t entries = 1;
  for (std::size_t extent : file->header_.shape) entries *= extent;
  const std::string& type = file->header_.type;
  if (type[1] == 'f' || file->header_.bytes > 4 || file->header_.shape.empty() || entries <= least) return nullptr;
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (descriptor < 0 || fstat(descriptor, &status) != 0) throw InputError(path + ": cannot be opened");
  file->size_ = static_cast<std::size_t>(status.st_size);
  if (file->size_ != file->begin_ + entries * file->header_.bytes) {
    close(descriptor);
    throw InputError(path + ": " + std::to_string(file->size_) + " bytes; its header promises " +
                     std::to_string(file->begin_ + entries * file->header_.bytes));
  }
  void* map = mmap(nullptr, file->size_, PROT_READ, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (map == MAP_FAILED) throw InputError(path + ": cannot be mapped into memory");
  file->bytes_ = static_cast<const unsigned char*>(map);
  return file;
}

MappedNpy::~MappedNpy() {
  if (bytes_ != nullptr) munmap(const_cast<unsigned char*>(bytes_), size_);
}

void MappedNpy::gather(std::size_t first, std::span<const std::size_t> places, std::int64_t* out) const {
  const unsigned char* bytes = bytes_ + begin_ + first * header_.bytes;
  const bool is_signed = header_.type[1] == 'i';
  if (header_.bytes == 1)
    return is_signed ? gather_as<std::int8_t>(bytes, places, out) : gather_as<std::uint8_t>(bytes, places, out);
  if (header_.bytes == 2)
    return is_signed ? gather_as<std::int16_t>(bytes, places, out) : gather_as<std::uint16_t>(bytes, places, out);
  return is_signed ? gather_as<std::int32_t>(bytes, places, out) : gather_as<std::uint32_t>(bytes, places, out);
}

Digest MappedNpy::digest() const {
  constexpr std::size_t kBlock = std::size_t{1} << 22;
  Sha256 hash;
  for (std::size_t at = 0; at < size_; at += kBlock) {
    poll();
    hash.update(std::span(bytes_ + at, std::min(kBlock, size_ - at)));
  }
  return hash.finish();
}

}  // namespace widecert
