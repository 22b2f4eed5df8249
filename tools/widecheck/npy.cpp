#include "npy.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "verdict.h"

namespace widecheck {
namespace {

std::uint64_t little_endian(const unsigned char* bytes, std::size_t n) {
  std::uint64_t v = 0;
  for (std::size_t b = n; b-- > 0;) v = v << 8 | bytes[b];
  return v;
}

// The text after "'key':" up to the comma that ends it.
std::string entry_of(const std::string& header, const std::string& key, const std::string& name) {
  const std::string quoted = "'" + key + "':";
  const auto at = header.find(quoted);
  if (at == std::string::npos || header.find(quoted, at + 1) != std::string::npos) {
    throw Malformed("data", name + ": an NPY header without one " + quoted);
  }
  std::size_t from = at + quoted.size();
  while (from < header.size() && header[from] == ' ') ++from;
  const bool tuple = from < header.size() && header[from] == '(';
  const auto end = tuple ? header.find(')', from) : header.find_first_of(",}", from);
  if (end == std::string::npos) throw Malformed("data", name + ": an NPY header without an end");
  return header.substr(from, end - from + (tuple ? 1 : 0));
}

}  // namespace

NpyHeader read_npy_header(Stream& in) {
  const auto bad = [&](const std::string& what) { return Malformed("data", in.name() + ": " + what); };
  unsigned char start[8], length[4] = {};
  in.need(start, 8);
  if (std::string(start, start + 6) != "\x93NUMPY" || start[6] < 1 || start[6] > 3) {
    throw bad("not an NPY array");
  }
  in.need(length, start[6] == 1 ? 2 : 4);
  const std::uint64_t size = little_endian(length, 4);
  if (size > (1u << 16)) throw bad("an NPY header of more than 64 KiB");
  std::string text(size, '\0');
  in.need(text.data(), size);
  NpyHeader header;
  const std::string type = entry_of(text, "descr", in.name());
  static const char* const known[] = {"'|i1'", "'|u1'", "'<i2'", "'<u2'", "'<i4'", "'<u4'",
                                      "'<i8'", "'<u8'", "'<f4'", "'<f8'"};
  if (std::find(std::begin(known), std::end(known), type) == std::end(known)) {
    throw bad("element type " + type.substr(0, 20) + "; expected little-endian integers or floats");
  }
  header.kind = type[2];
  header.bytes = static_cast<std::size_t>(type[3] - '0');
  const std::string order = entry_of(text, "fortran_order", in.name());
  if (order != "True" && order != "False") throw bad("fortran_order is neither True nor False");
  header.fortran = order == "True";
  const std::string shape = entry_of(text, "shape", in.name());
  std::size_t total = header.bytes;
  for (std::size_t at = 1; at + 1 < shape.size();) {
    const auto end = shape.find_first_of(",)", at);
    std::string digits = shape.substr(at, end - at);
    digits.erase(0, digits.find_first_not_of(' '));
    at = end + 1;
    if (digits.empty() && at >= shape.size()) break;  // "(3,)" and "(3, )"
    if (digits.empty() || digits.size() > 12 ||
        digits.find_first_not_of("0123456789") != std::string::npos) {
      throw bad("an NPY shape that cannot be read");
    }
    const std::size_t extent = std::stoull(digits);
    if (extent == 0 || extent > (std::size_t{1} << 33) / total || header.shape.size() == 32) {
      throw bad("extents beyond 8 GiB, 0, or more than 32 of them");
    }
    total *= extent;
    header.shape.push_back(extent);
  }
  return header;
}

std::int64_t npy_integer(const NpyHeader& header, const unsigned char* bytes) {
  const std::uint64_t v = little_endian(bytes, header.bytes);
  if (header.kind == 'u') {
    if (v > INT64_MAX) throw Malformed("data", "an integer of 2^63 or more");
    return static_cast<std::int64_t>(v);
  }
  const unsigned shift = 64 - 8 * static_cast<unsigned>(header.bytes);
  return static_cast<std::int64_t>(v << shift) >> shift;
}

mpq_class npy_float(const NpyHeader& header, const unsigned char* bytes, const std::string& name) {
  // Binary floats: a sign, an exponent and an integer significand, read exactly.
  const std::uint64_t bits = little_endian(bytes, header.bytes);
  const double d = header.bytes == 4 ? std::bit_cast<float>(static_cast<std::uint32_t>(bits))
                                     : std::bit_cast<double>(bits);
  if (!std::isfinite(d)) throw Malformed("data", name + ": a non-finite value");
  mpq_class exact;
  mpq_set_d(exact.get_mpq_t(), d);
  return exact;
}

NpyFile read_npy_place(Value& json) {
  const std::string path = json.at("path").text();
  if (path.empty() || path[0] == '/' || path.find('\0') != std::string::npos) {
    json.at("path").bad("a path relative to the claim file");
  }
  NpyFile file{json.folder() + "/" + path, "", read_digest(json.at("sha256"))};
  if (json.has("member")) {
    file.member = json.at("member").text();
    if (file.member.empty()) json.at("member").bad("the name of an array");
  }
  return file;
}

std::vector<mpq_class> read_npy(const NpyFile& file, const std::vector<std::size_t>& axes,
                                std::vector<std::size_t>& extents, std::size_t most) {
  Stream in(file.path, file.member);
  const NpyHeader header = read_npy_header(in);
  const std::size_t rank = header.shape.size();
  std::size_t count = 1;
  for (std::size_t extent : header.shape) count *= extent;
  if (count > most) throw Malformed("shape", in.name() + ": more numbers than are asked for");
  std::vector<mpq_class> given;
  std::vector<unsigned char> element(header.bytes);
  for (std::size_t i = 0; i < count; ++i) {
    in.need(element.data(), element.size());
    given.push_back(header.kind == 'f'
                        ? npy_float(header, element.data(), in.name())
                        : mpq_class(static_cast<long>(npy_integer(header, element.data()))));
  }
  in.finish(file.sha256);
  // Strides of the file's axes, then of the permuted ones.
  std::vector<std::size_t> stride_of(rank), strides, order = axes;
  std::size_t stride = 1;
  for (std::size_t k = 0; k < rank; ++k) {
    const std::size_t axis = header.fortran ? k : rank - 1 - k;
    stride_of[axis] = stride;
    stride *= header.shape[axis];
  }
  if (axes.empty())
    for (std::size_t k = 0; k < rank; ++k) order.push_back(k);
  std::vector<bool> used(rank, false);
  extents.clear();
  for (std::size_t axis : order) {
    if (axis >= rank || used[axis] || order.size() != rank) {
      throw Malformed("shape", in.name() + ": axes must permute those of the array");
    }
    used[axis] = true;
    strides.push_back(stride_of[axis]);
    extents.push_back(header.shape[axis]);
  }
  std::vector<mpq_class> values;
  std::vector<std::size_t> index(rank, 0);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t from = 0;
    for (std::size_t k = 0; k < rank; ++k) from += index[k] * strides[k];
    values.push_back(given[from]);
    for (std::size_t k = rank; k-- > 0 && ++index[k] == extents[k];) index[k] = 0;
  }
  return values;
}

}  // namespace widecheck
