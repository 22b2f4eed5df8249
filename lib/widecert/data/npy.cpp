#include <widecert/data/byte_source.h>
#include <widecert/data/npy.h>
#include <widecert/data/zip_file.h>
#include <widecert/number/error.h>
#include <widecert/number/half.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

namespace widecert {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are read as little-endian");

constexpr std::size_t kMaxPayload = std::size_t{1} << 33, kMostExtent = std::size_t{1} << 40,
                      kMaxHeader = std::size_t{1} << 16, kMaxDimensions = 32;

// The dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
class HeaderParser {
 public:
  HeaderParser(const std::string& text, const std::string& file) : text_(text), file_(file) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (peek() != '}') {
      const std::string key = quoted();
      expect(':');
      if (key == "descr" && !has_type) {
        if (peek() == '[') fail("a plain element type (structured arrays are not read)");
        header.type = quoted();
        has_type = true;
      } else if (key == "fortran_order" && !has_order) {
        header.fortran = truth();
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        header.shape = extents();
        has_shape = true;
      } else {
        fail("the keys descr, fortran_order and shape, once each");
      }
      if (peek() != '}') expect(',');
    }
    expect('}');
    const bool ends = text_.find_first_not_of(' ', at_) == text_.size() - 1 && text_.back() == '\n';
    if (!ends || !has_type || !has_order || !has_shape) {
      fail("the keys descr, fortran_order and shape, once each");
    }
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& expected) const {
    throw InputError(file_ + ": NPY header: expected " + expected + " at character " + std::to_string(at_) + " of \"" +
                     text_.substr(0, 80) + "\"");
  }
  char peek() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ == text_.size()) fail("a closing bracket");
    return text_[at_];
  }
  void expect(char c) {
    if (peek() != c) fail(std::string("'") + c + "'");
    ++at_;
  }
  std::string quoted() {
    if (peek() != '\'') fail("a quoted string");
    const auto end = text_.find('\'', at_ + 1);
    if (end == std::string::npos) fail("the end of a quoted string");
    const std::string inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
  }
  bool truth() {
    for (const char* word : {"True", "False"}) {
      if (peek() == word[0] && text_.compare(at_, std::strlen(word), word) == 0) {
        at_ += std::strlen(word);
        return word[0] == 'T';
      }
    }
    fail("True or False");
  }
  std::vector<std::size_t> extents() {
    std::vector<std::size_t> shape;
    bool comma = true;
    expect('(');
    while (peek() != ')') {
      std::size_t extent = 0;
      if (!comma || std::isdigit(static_cast<unsigned char>(peek())) == 0) fail("an extent");
      if (text_[at_] == '0' && std::isdigit(static_cast<unsigned char>(text_[at_ + 1])) == 0) {
        throw InputError(file_ + ": no samples, no entries: an extent of the array is 0");
      }
      if (text_[at_] == '0') fail("an extent of 1 or more without leading zeros");
      for (; at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0; ++at_) {
        extent = 10 * extent + static_cast<std::size_t>(text_[at_] - '0');
        if (extent > kMostExtent) fail("at most 2^40 entries");
      }
      shape.push_back(extent);
      if (shape.size() > kMaxDimensions) fail("at most 32 dimensions");
      comma = peek() == ',';
      if (comma) ++at_;
    }
    if (shape.size() == 1 && !comma) fail("a comma after the only extent");
    expect(')');
    return shape;
  }

  const std::string& text_;
  const std::string& file_;
  std::size_t at_ = 0;
};

template <class T, class Wide>
std::vector<Wide> widen(const std::vector<unsigned char>& bytes, const std::string& file) {
  std::vector<Wide> values(bytes.size() / sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    T value;
    std::memcpy(&value, &bytes[i * sizeof(T)], sizeof(T));
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) {
        throw InputError(file + ": entry " + std::to_string(i + 1) +
                         " (in file order) is not finite; expected finite numbers");
      }
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
        throw InputError(file + ": entry " + std::to_string(i + 1) + " (in file order) is 2^63 or more");
      }
    }
    values[i] = static_cast<Wide>(value);
  }
  return values;
}

struct Type {
  const char* name;
  std::size_t size;
  NpyValues (*read)(const std::vector<unsigned char>&, const std::string&);
};
template <class T>
NpyValues read_integers(const std::vector<unsigned char>& bytes, const std::string& file) {
  return widen<T, std::int64_t>(bytes, file);
}
template <class T>
NpyValues read_floats(const std::vector<unsigned char>& bytes, const std::string& file) {
  return widen<T, double>(bytes, file);
}
NpyValues read_halves(const std::vector<unsigned char>& bytes, const std::string& file) {
  const std::vector<std::int64_t> patterns = widen<std::uint16_t, std::int64_t>(bytes, file);
  std::vector<double> values;
  for (std::int64_t bits : patterns) {
    values.push_back(from_half(static_cast<std::uint16_t>(bits)));
    if (!std::isfinite(values.back()))
      throw InputError(file + ": entry " + std::to_string(values.size()) +
                       " (in file order) is not finite; expected finite numbers");
  }
  return values;
}
constexpr Type kTypes[] = {{"|i1", 1, read_integers<std::int8_t>},
                           {"|u1", 1, read_integers<std::uint8_t>},
                           {"<i2", 2, read_integers<std::int16_t>},
                           {"<u2", 2, read_integers<std::uint16_t>},
                           {"<i4", 4, read_integers<std::int32_t>},
                           {"<u4", 4, read_integers<std::uint32_t>},
                           {"<i8", 8, read_integers<std::int64_t>},
                           {"<u8", 8, read_integers<std::uint64_t>},
                           {"<f2", 2, read_halves},
                           {"<f4", 4, read_floats<float>},
                           {"<f8", 8, read_floats<double>}};

// values[index in C order of the result] = given[sum of index_k * stride_k].
template <class T>
std::vector<T> gather(const std::vector<T>& given, const std::vector<std::size_t>& shape,
                      const std::vector<std::size_t>& strides) {
  std::vector<T> values(given.size());
  std::vector<std::size_t> index(shape.size(), 0);
  std::size_t from = 0;
  for (T& value : values) {
    value = given[from];
    for (std::size_t k = shape.size(); k-- > 0;) {
      from += strides[k];
      if (++index[k] < shape[k]) break;
      from -= strides[k] * shape[k];
      index[k] = 0;
    }
  }
  return values;
}

void reorder(NpyValues& values, const std::vector<std::size_t>& shape, const std::vector<std::size_t>& strides) {
  std::visit([&](auto& v) { v = gather(v, shape, strides); }, values);
}

}  // namespace

NpyHeader read_npy_header(ByteSource& in) {
  const std::string& file = in.name();
  unsigned char start[8];
  in.need(start, 8, "NPY magic");
  if (std::memcmp(start, "\x93NUMPY", 6) != 0 || start[6] < 1 || start[6] > 3) {
    const bool zip = start[0] == 'P' && start[1] == 'K';
    throw InputError(file + (zip ? ": an .npz archive: \"member\" says which array is meant"
                                 : ": not an NPY array: expected 93 'NUMPY' and a version of 1 to 3"));
  }
  unsigned char length[4] = {};
  in.need(length, start[6] == 1 ? 2 : 4, "header length");
  std::size_t size = 0;
  for (int b = 4; b-- > 0;) size = size << 8 | length[b];
  if (size > kMaxHeader) throw InputError(file + ": a header of more than 64 KiB; refused");
  std::string text(size, '\0');
  in.need(text.data(), size, "header");
  NpyHeader header = HeaderParser(text, file).parse();
  const auto type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Type& known) {
    return header.type == known.name ||
           (header.type.size() == 3 && known.size == 1 && header.type.substr(1) == known.name + 1);
  });
  if (type == std::end(kTypes)) {
    throw InputError(file + ": element type '" + header.type +
                     "'; expected little-endian integers of 1 to 8 bytes or floats of 2, 4 or 8: convert "
                     "with array.astype('<f4'), '<f8' or '<i8'");
  }
  header.type = type->name;
  header.bytes = type->size;
  std::size_t count = header.bytes;
  for (std::size_t extent : header.shape) {
    if (extent > kMostExtent / count) {
      throw InputError(file + ": an extent of " + std::to_string(extent) + "; expected at most 2^40 bytes in all");
    }
    count *= extent;
  }
  return header;
}

std::vector<std::size_t> npy_strides(const NpyHeader& header) {
  std::vector<std::size_t> strides(header.shape.size());
  std::size_t stride = 1;
  for (std::size_t k = 0; k < strides.size(); ++k) {
    const std::size_t axis = header.fortran ? k : strides.size() - 1 - k;
    strides[axis] = stride;
    stride *= header.shape[axis];
  }
  return strides;
}

NpyArray read_npy(const std::string& path, const std::string& member) {
  auto in = member.empty() ? ByteSource(path) : ByteSource(path, member + ".npy");
  const std::string& file = in.name();
  const NpyHeader header = read_npy_header(in);
  const auto type =
      std::find_if(std::begin(kTypes), std::end(kTypes), [&](const Type& known) { return header.type == known.name; });
  std::size_t count = header.bytes;
  for (std::size_t extent : header.shape) count *= extent;
  if (count > kMaxPayload) {
    throw InputError(file +
                     ": more than 8 GiB, which are not kept in memory: an uncompressed .npy file of integers of 1 "
                     "to 4 bytes, without noise, may be longer");
  }
  NpyArray array{header.shape, type->read(in.last(count), file), {}};
  array.digest = in.digest();
  if (header.fortran && header.shape.size() > 1) {
    reorder(array.values, header.shape, npy_strides(header));
  }
  return array;
}

NpyArray transposed(NpyArray array, const std::vector<std::size_t>& axes, const std::string& what) {
  std::vector<std::size_t> sorted = axes, all(array.shape.size());
  std::sort(sorted.begin(), sorted.end());
  std::iota(all.begin(), all.end(), std::size_t{0});
  if (sorted != all) {
    throw InputError(what + ": axes must be a permutation of 0.." + std::to_string(all.size() - 1) +
                     ", the axes of the array");
  }
  std::vector<std::size_t> stride_of(all.size()), shape, strides;
  std::size_t stride = 1;
  for (std::size_t k = all.size(); k-- > 0; stride *= array.shape[k]) stride_of[k] = stride;
  for (std::size_t axis : axes) {
    shape.push_back(array.shape[axis]);
    strides.push_back(stride_of[axis]);
  }
  reorder(array.values, shape, strides);
  array.shape = shape;
  return array;
}

std::string npy_bytes(const std::string& type, const std::vector<std::size_t>& extents, std::string_view elements) {
  std::string shape;
  for (std::size_t extent : extents) shape += std::to_string(extent) + ", ";
  std::string header = "{'descr': '" + type + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes = "\x93NUMPY\x01";
  bytes += '\0';
  bytes += static_cast<char>(header.size() & 255);
  bytes += static_cast<char>(header.size() >> 8);
  bytes += header;
  bytes += elements;
  return bytes;
}

std::string npy_bytes(const NpyIntegers& array) {
  return npy_bytes("<i8", array.shape, {reinterpret_cast<const char*>(array.values.data()), 8 * array.values.size()});
}

void write_npz(const std::string& path, const std::map<std::string, NpyIntegers>& arrays) {
  std::map<std::string, std::string> members;
  for (const auto& [name, array] : arrays) members[name + ".npy"] = npy_bytes(array);
  write_zip(path, members);
}

}  // namespace widecert
