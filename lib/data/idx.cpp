#include <widecert/data/idx.h>
#include <widecert/number/error.h>
#include <zlib.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <memory>

namespace widecert {
namespace {

// Larger payloads are refused before anything is allocated.
constexpr std::size_t kMaxPayload = std::size_t{1} << 33;

struct Stream {
  std::string path;
  std::unique_ptr<gzFile_s, decltype(&gzclose)> file;
  std::size_t offset = 0;

  explicit Stream(const std::string& name) : path(name), file(open(name), &gzclose) {
    if (!file) {
      throw InputError(name + ": cannot be opened; expected a regular file that is readable");
    }
    gzbuffer(file.get(), 1 << 18);
  }

  static gzFile open(const std::string& name) {
    std::error_code error;
    return std::filesystem::is_regular_file(name, error) ? gzopen(name.c_str(), "rb") : nullptr;
  }

  // Reads up to `size` bytes and returns how many there were.
  std::size_t read(void* out, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
      const auto chunk = static_cast<unsigned>(std::min<std::size_t>(size - done, 1u << 30));
      const int got = gzread(file.get(), static_cast<char*>(out) + done, chunk);
      if (got < 0) {
        int code = 0;
        throw InputError(path + ": damaged gzip data after " + std::to_string(offset + done) +
                         " decompressed bytes (" + gzerror(file.get(), &code) + ")");
      }
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    offset += done;
    return done;
  }

  void need(void* out, std::size_t size, const std::string& what) {
    const std::size_t start = offset;
    const std::size_t got = read(out, size);
    if (got != size) {
      throw InputError(path + ": truncated: expected " + std::to_string(size) + " bytes of " +
                       what + " at offset " + std::to_string(start) + ", found " +
                       std::to_string(got));
    }
  }
};

template <class T>
T big_endian(const unsigned char* bytes) {
  std::make_unsigned_t<T> value = 0;
  for (std::size_t b = 0; b < sizeof(T); ++b)
    value = static_cast<decltype(value)>(value << 8 | bytes[b]);
  return static_cast<T>(value);
}

template <class T>
std::vector<std::int64_t> integers(const std::vector<unsigned char>& bytes) {
  std::vector<std::int64_t> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = big_endian<T>(&bytes[i * sizeof(T)]);
  return values;
}

template <class Float, class Bits>
std::vector<double> floats(const std::string& path, std::size_t header,
                           const std::vector<unsigned char>& bytes) {
  std::vector<double> values(bytes.size() / sizeof(Bits));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = std::bit_cast<Float>(big_endian<Bits>(&bytes[i * sizeof(Bits)]));
    if (!(values[i] - values[i] == 0)) {
      throw InputError(path + ": a non-finite value at offset " +
                       std::to_string(header + i * sizeof(Bits)) + "; expected finite numbers");
    }
  }
  return values;
}

}  // namespace

IdxFile read_idx(const std::string& path) {
  Stream in(path);
  std::string all_header(4, '\0');
  in.need(all_header.data(), 4, "IDX magic number");
  const auto* magic = reinterpret_cast<const unsigned char*>(all_header.data());
  const int type = magic[2], dimensions = magic[3];
  const std::size_t width = type == 0x08 || type == 0x09   ? 1
                            : type == 0x0B                 ? 2
                            : type == 0x0C || type == 0x0D ? 4
                            : type == 0x0E                 ? 8
                                                           : 0;
  if (magic[0] != 0 || magic[1] != 0 || width == 0 || dimensions < 1 || dimensions > 4) {
    throw InputError(path +
                     ": not an IDX file: at offset 0 expected 00 00, a type of 08 09 0b 0c "
                     "0d 0e and 1 to 4 dimensions");
  }
  IdxFile result;
  std::size_t count = width;
  for (int d = 0; d < dimensions; ++d) {
    unsigned char bytes[4];
    in.need(bytes, 4, "extent " + std::to_string(d));
    all_header.append(reinterpret_cast<const char*>(bytes), 4);
    const auto extent = static_cast<std::size_t>(big_endian<std::uint32_t>(bytes));
    if (extent == 0 || extent > kMaxPayload / count) {
      throw InputError(path + ": extent " + std::to_string(d) + " at offset " +
                       std::to_string(4 + 4 * d) + " is " + std::to_string(extent) +
                       "; expected a positive number and at most 8 GiB in all");
    }
    count *= extent;
    result.extents.push_back(extent);
  }
  const std::size_t header = in.offset;
  // Grow as the bytes arrive, so that a small file with a boastful header costs little memory.
  std::vector<unsigned char> bytes;
  while (bytes.size() < count) {
    const std::size_t chunk = std::min<std::size_t>(count - bytes.size(), std::size_t{1} << 24);
    const std::size_t start = bytes.size();
    bytes.resize(start + chunk);
    const std::size_t got = in.read(&bytes[start], chunk);
    if (got != chunk) {
      throw InputError(path + ": truncated: the header promises " + std::to_string(count) +
                       " bytes from offset " + std::to_string(header) + ", found " +
                       std::to_string(start + got));
    }
  }
  char extra = 0;
  if (in.read(&extra, 1) != 0) {
    throw InputError(path + ": oversized: the header promises " + std::to_string(count) +
                     " bytes from offset " + std::to_string(header) +
                     ", but more follow at offset " + std::to_string(header + count));
  }
  Sha256 hash;
  hash.update(all_header);
  hash.update(bytes);
  result.digest = hash.finish();
  switch (type) {
    case 0x08:
      result.values = integers<std::uint8_t>(bytes);
      break;
    case 0x09:
      result.values = integers<std::int8_t>(bytes);
      break;
    case 0x0B:
      result.values = integers<std::int16_t>(bytes);
      break;
    case 0x0C:
      result.values = integers<std::int32_t>(bytes);
      break;
    case 0x0D:
      result.values = floats<float, std::uint32_t>(path, header, bytes);
      break;
    default:
      result.values = floats<double, std::uint64_t>(path, header, bytes);
      break;
  }
  return result;
}

std::string read_bytes(const std::string& path, std::size_t limit) {
  Stream in(path);
  std::string bytes;
  for (;;) {
    const std::size_t start = bytes.size();
    bytes.resize(start + (1 << 20));
    const std::size_t got = in.read(&bytes[start], 1 << 20);
    bytes.resize(start + got);
    if (bytes.size() > limit) {
      throw InputError(path + ": more than " + std::to_string(limit) + " bytes; refused");
    }
    if (got == 0) return bytes;
  }
}

}  // namespace widecert
