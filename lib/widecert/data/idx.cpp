#include <widecert/data/byte_source.h>
#include <widecert/data/idx.h>
#include <widecert/number/error.h>

#include <bit>

namespace widecert {
namespace {

// Larger payloads are refused before anything is allocated.
constexpr std::size_t kMaxPayload = std::size_t{1} << 33;

template <class T>
T big_endian(const unsigned char* bytes) {
  std::make_unsigned_t<T> value = 0;
  for (std::size_t b = 0; b < sizeof(T); ++b) value = static_cast<decltype(value)>(value << 8 | bytes[b]);
  return static_cast<T>(value);
}

template <class T>
std::vector<std::int64_t> integers(const std::vector<unsigned char>& bytes) {
  std::vector<std::int64_t> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = big_endian<T>(&bytes[i * sizeof(T)]);
  return values;
}

template <class Float, class Bits>
std::vector<double> floats(const std::string& path, std::size_t header, const std::vector<unsigned char>& bytes) {
  std::vector<double> values(bytes.size() / sizeof(Bits));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = std::bit_cast<Float>(big_endian<Bits>(&bytes[i * sizeof(Bits)]));
    if (!(values[i] - values[i] == 0)) {
      throw InputError(path + ": a non-finite value at offset " + std::to_string(header + i * sizeof(Bits)) +
                       "; expected finite numbers");
    }
  }
  return values;
}

}  // namespace

NpyArray read_idx(const std::string& path) {
  ByteSource in(path);
  unsigned char magic[4];
  in.need(magic, 4, "IDX magic number");
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
  NpyArray result;
  std::size_t count = width;
  for (int d = 0; d < dimensions; ++d) {
    unsigned char bytes[4];
    in.need(bytes, 4, "extent " + std::to_string(d));
    const auto extent = static_cast<std::size_t>(big_endian<std::uint32_t>(bytes));
    if (extent == 0) throw InputError(path + ": no samples: extent " + std::to_string(d + 1) + " is 0");
    if (extent > kMaxPayload / count) {
      throw InputError(path + ": extent " + std::to_string(d + 1) + " at offset " + std::to_string(4 + 4 * d) + " is " +
                       std::to_string(extent) + "; expected at most 8 GiB in all");
    }
    count *= extent;
    result.shape.push_back(extent);
  }
  const std::size_t header = in.offset();
  const std::vector<unsigned char> bytes = in.last(count);
  result.digest = in.digest();
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

}  // namespace widecert
