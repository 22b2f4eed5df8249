#include "picture.h"

#include <zlib.h>

#include <stdexcept>

namespace widecert::tool {
namespace {

std::string big_endian(std::uint32_t v) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(v >> shift & 255);
  return bytes;
}

std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big_endian(static_cast<std::uint32_t>(data.size())) + body + big_endian(static_cast<std::uint32_t>(crc));
}

std::string base64(const std::string& bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k <= bytes.size() ? kDigits[group >> (18 - 6 * k) & 63] : '=';
    }
  }
  return out;
}

}  // namespace

std::string png_data_uri(std::size_t size, const std::vector<std::uint8_t>& pixels) {
  std::string raw;
  for (std::size_t y = 0; y < size; ++y) {
    raw += '\0';  // no filter
    raw.append(reinterpret_cast<const char*>(&pixels[y * size]), size);
  }
  uLongf length = compressBound(raw.size());
  std::string packed(length, '\0');
  if (compress2(reinterpret_cast<Bytef*>(packed.data()), &length, reinterpret_cast<const Bytef*>(raw.data()),
                raw.size(), 9) != Z_OK) {
    throw std::runtime_error("zlib cannot compress a picture");
  }
  packed.resize(length);
  const auto side = big_endian(static_cast<std::uint32_t>(size));
  // 8 bits, grey scale, deflate, no filter, no interlace.
  const std::string header = side + side + std::string("\x08\x00\x00\x00\x00", 5);
  const std::string png = "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + chunk("IDAT", packed) + chunk("IEND", "");
  return "data:image/png;base64," + base64(png);
}

}  // namespace widecert::tool
