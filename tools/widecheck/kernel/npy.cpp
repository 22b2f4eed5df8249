#include "kernel/npy.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cmath>
#include <string_view>

#include "kernel/verdict.h"

namespace widecheck {
namespace {

std::uint64_t little_endian(const unsigned char* bytes, std::size_t n) {
  std::uint64_t v = 0;
  for (std::size_t b = n; b-- > 0;) v = v << 8 | bytes[b];
  return v;
}

// A path as it is, in quotes if it holds more than Latin letters, digits, blanks and a few signs: so that it cannot be
// taken for what follows it, nor by a letter that looks like a comma.
std::string shown(std::string text) {
  const bool plain = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c < 0x80 && std::isalnum(c) != 0) ||
           std::string_view("_-./+=@% ").find(static_cast<char>(c)) != std::string_view::npos;
  });
  if (plain) return text;
  std::replace(text.begin(), text.end(), '"', '?');
  std::string quoted(1, '"');
  quoted += text;
  quoted += '"';
  return quoted;
}

// The dictionary {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), } and nothing else: what
// NumPy writes, with the keys in any order.
class HeaderText {
 public:
  HeaderText(const std::string& text, const std::string& name) : text_(text), name_(name) {}

  void read(std::string& type, bool& fortran, std::vector<std::string>& shape) {
    bool seen[3] = {};
    take('{');
    while (peek() != '}') {
      const std::string key = quoted();
      take(':');
      const std::size_t which = key == "descr" ? 0 : key == "fortran_order" ? 1 : 2;
      if ((which == 2 && key != "shape") || seen[which]) bad();
      seen[which] = true;
      if (which == 0) {
        type = quoted();
      } else if (which == 1) {
        const std::string word = letters();
        if (word != "True" && word != "False") bad();
        fortran = word == "True";
      } else {
        shape = tuple();
      }
      if (peek() != '}') take(',');
    }
    take('}');
    if (text_.find_first_not_of(' ', at_) != text_.size() - 1 || text_.back() != '\n') bad();
    if (!seen[0] || !seen[1] || !seen[2]) bad();
  }

 private:
  [[noreturn]] void bad() const { throw Malformed("data", name_ + ": an NPY header that NumPy would not write"); }
  char peek() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    if (at_ == text_.size()) bad();
    return text_[at_];
  }
  void take(char c) {
    if (peek() != c) bad();
    ++at_;
  }
  std::string quoted() {
    take('\'');
    const auto end = text_.find('\'', at_);
    if (end == std::string::npos) bad();
    const std::string inside = text_.substr(at_, end - at_);
    at_ = end + 1;
    return inside;
  }
  std::string letters() {
    peek();
    const std::size_t from = at_;
    while (at_ < text_.size() && text_[at_] >= 'A' && text_[at_] <= 'z') ++at_;
    return text_.substr(from, at_ - from);
  }
  std::vector<std::string> tuple() {
    std::vector<std::string> extents;
    bool comma = true;
    take('(');
    while (peek() != ')') {
      if (!comma) bad();
      const std::size_t from = at_;
      while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
      extents.push_back(text_.substr(from, at_ - from));
      if (extents.back().empty() || extents.back()[0] == '0') bad();
      comma = peek() == ',';
      if (comma) ++at_;
    }
    take(')');
    if (extents.size() == 1 && !comma) bad();  // (3) is a number, not a tuple
    return extents;
  }

  const std::string &text_, &name_;
  std::size_t at_ = 0;
};

}  // namespace

NpyHeader read_npy_header(Stream& in) {
  const auto bad = [&](const std::string& what) { return Malformed("data", in.name() + ": " + what); };
  unsigned char start[8], length[4] = {};
  in.need(start, 8);
  if (std::string(start, start + 6) != "\x93NUMPY" || start[6] < 1 || start[6] > 3) throw bad("not an NPY array");
  in.need(length, start[6] == 1 ? 2 : 4);
  const std::uint64_t size = little_endian(length, 4);
  if (size > (1u << 16)) throw bad("an NPY header of more than 64 KiB");
  std::string text(size, '\0');
  in.need(text.data(), size);
  NpyHeader header;
  std::string type;
  std::vector<std::string> shape;
  HeaderText(text, in.name()).read(type, header.fortran, shape);
  static const char* const known[] = {"|i1", "|u1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"};
  if (std::find(std::begin(known), std::end(known), type) == std::end(known))
    throw bad("another element type than little-endian integers or floats");
  header.kind = type[1];
  header.bytes = static_cast<std::size_t>(type[2] - '0');
  std::size_t total = header.bytes;
  for (const std::string& digits : shape) {
    const std::size_t extent = digits.size() > 12 ? std::size_t{1} << 40 : std::stoull(digits);
    if (extent > (std::size_t{1} << 40) / total || header.shape.size() == 32)
      throw bad("more than 2^40 bytes, or more than 32 extents");
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
  return exact_float(little_endian(bytes, header.bytes), header.bytes, name);
}

mpq_class exact_float(std::uint64_t bits, std::size_t bytes, const std::string& name) {
  if (bytes == 2) {  // sign, 5 bits of exponent, 10 of fraction
    const long exponent = static_cast<long>(bits >> 10 & 31), fraction = static_cast<long>(bits & 1023);
    if (exponent == 31) throw Malformed("data", name + ": a non-finite value");
    mpq_class half = exponent == 0 ? fraction : fraction + 1024;
    half = half * (mpz_class(1) << static_cast<unsigned>(exponent == 0 ? 1 : exponent)) / (mpz_class(1) << 25);
    return bits >> 15 != 0 ? mpq_class(-half) : half;
  }
  const double d = bytes == 4 ? std::bit_cast<float>(static_cast<std::uint32_t>(bits)) : std::bit_cast<double>(bits);
  if (!std::isfinite(d)) throw Malformed("data", name + ": a non-finite value");
  mpq_class exact;
  mpq_set_d(exact.get_mpq_t(), d);
  return exact;
}

DataFile read_file_place(const Value& json) {
  const std::string path = json.at("path").text(), digest = read_digest(json.at("sha256"));
  if (path.empty() || path[0] == '/' || path.find('\0') != std::string::npos)
    json.at("path").bad("a path relative to the claim file");
  if (!json.source().pack.empty()) return {json.source().pack, digest, "files/" + digest, shown(path)};
  return {json.source().folder + "/" + path, digest, "", shown(path)};
}

DataFile read_npy_place(const Value& json) {
  DataFile file = read_file_place(json);
  if (!json.has("member")) return file;
  const std::string member = json.at("member").text();
  if (member.empty()) json.at("member").bad("the name of an array");
  if (json.source().pack.empty()) file.member = member + ".npy";
  file.name.append("[").append(shown(member)).append("]");
  return file;
}

std::string in_words(const DataFile& file) { return file.name + ", SHA-256 " + file.sha256; }

std::vector<mpq_class> read_npy(const DataFile& file, const Layout& layout, Extents& extents, std::size_t most,
                                Budget& budget) {
  Stream in(file.path, file.member);
  budget.spend(8 * Products(in.stored()));
  const NpyHeader header = read_npy_header(in);
  const std::size_t rank = header.shape.size();
  std::size_t count = 1;
  for (std::size_t extent : header.shape) count *= extent;
  if (count > most) throw Malformed("shape", in.name() + ": more numbers than are asked for");
  std::vector<mpq_class> given;
  std::vector<unsigned char> element(header.bytes);
  for (std::size_t i = 0; i < count; ++i) {
    in.need(element.data(), element.size());
    given.push_back(header.kind == 'f' ? npy_float(header, element.data(), in.name())
                                       : mpq_class(static_cast<long>(npy_integer(header, element.data()))));
  }
  in.finish(file.sha256);
  const Axes axes = permuted_axes(header.shape, header.fortran, layout, in.name());
  extents = axes.extents;
  budget.spend(10 * Products(count) * rank);
  std::vector<mpq_class> values;
  std::vector<std::size_t> index(rank, 0);
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t from = 0;
    for (std::size_t k = 0; k < rank; ++k) from += index[k] * axes.strides[k];
    values.push_back(given[from]);
    for (std::size_t k = rank; k-- > 0 && ++index[k] == extents[k];) index[k] = 0;
  }
  return values;
}

std::vector<std::vector<mpz_class>> read_wide_npy(const DataFile& file, std::size_t rows, std::size_t length,
                                                  Budget& budget) {
  Stream in(file.path, file.member);
  budget.spend(8 * Products(in.stored()));
  const NpyHeader header = read_npy_header(in);
  Extents shape = header.shape;
  const std::size_t bytes = shape.empty() ? 0 : shape.back();
  if (!shape.empty()) shape.pop_back();
  if (header.kind != 'u' || header.bytes != 1 || header.fortran || bytes == 0 || bytes > 8200)
    throw Malformed("data", in.name() + ": not an array of unsigned bytes in C order, 1 to 8,200 for each integer");
  if (shape != Extents{rows, length} && (rows != 1 || shape != Extents{length}))
    throw Malformed("shape", in.name() + ": expected " + std::to_string(rows) + " rows of " + std::to_string(length) +
                                 " integers, the bytes of one along the last axis");
  budget.spend((100 + Products(bytes)) * rows * length);
  std::vector<std::vector<mpz_class>> values(rows, std::vector<mpz_class>(length));
  std::vector<unsigned char> buffer(bytes);
  for (auto& row : values) {
    for (mpz_class& v : row) {
      in.need(buffer.data(), bytes);
      mpz_import(v.get_mpz_t(), bytes, -1, 1, 0, 0, buffer.data());
      if (buffer.back() >= 0x80) v -= mpz_class(1) << (8 * bytes);
    }
  }
  in.finish(file.sha256);
  return values;
}

std::vector<std::size_t> read_numbers_below(const Value& json, std::size_t count, Budget& budget) {
  std::vector<std::size_t> numbers;
  if (json.is_list()) {
    for (const Value& entry : json.list()) numbers.push_back(entry.number(count - 1));
    return numbers;
  }
  const DataFile file = read_npy_place(json.at("npy"));
  Stream in(file.path, file.member);
  const NpyHeader header = read_npy_header(in);
  if (header.kind == 'f' || header.shape != Extents{count})
    json.bad("a file of " + std::to_string(count) + " integers");
  budget.spend(8 * Products(in.stored()) + 20 * Products(count));
  std::vector<unsigned char> element(header.bytes);
  for (std::size_t i = 0; i < count; ++i) {
    in.need(element.data(), element.size());
    const std::int64_t v = npy_integer(header, element.data());
    if (v < 0 || static_cast<std::uint64_t>(v) >= count) json.bad("numbers below " + std::to_string(count));
    numbers.push_back(static_cast<std::size_t>(v));
  }
  in.finish(file.sha256);
  return numbers;
}

}  // namespace widecheck
