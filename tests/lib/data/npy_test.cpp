// NumPy arrays: element types, orders, axes, archives, and everything that has to be refused.
#include <widecert/data/dataset.h>
#include <widecert/data/npy.h>
#include <widecert/network/integer_tensor.h>
#include <widecert/number/error.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>

#include "../../catch.h"
#include "../../paths.h"

using namespace widecert;
using widecert::test::Contains;

namespace {

std::string npy(const std::string& header, const std::string& payload, int version = 1) {
  std::string text = header;
  text += '\n';
  std::string out = "\x93NUMPY";
  out += static_cast<char>(version);
  out += '\0';
  for (int b = 0; b < (version == 1 ? 2 : 4); ++b) out += static_cast<char>(text.size() >> 8 * b);
  return out + text + payload;
}
std::string dictionary(const std::string& type, const std::string& shape, bool fortran = false) {
  return "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
}
template <class T>
std::string bytes_of(const std::vector<T>& values) {
  std::string out(values.size() * sizeof(T), '\0');
  std::memcpy(out.data(), values.data(), out.size());
  return out;
}

class Folder {
 public:
  Folder() : path_(test::scratch("npy")) {}
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& bytes) const {
    std::ofstream(path_ + "/a.npy", std::ios::binary) << bytes;
    return path_ + "/a.npy";
  }
  std::string path() const { return path_; }

 private:
  std::string path_;
};

std::string error_of(const std::string& bytes) {
  const Folder folder;
  try {
    read_npy(folder.write(bytes), "");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

template <class T>
std::vector<T> values(const NpyArray& array) {
  return std::get<std::vector<T>>(array.values);
}

}  // namespace

TEST_CASE("every integer and float type is read exactly") {
  const Folder folder;
  const auto integers = [&]<class T>(const char* type, T) {
    const std::vector<T> v{std::numeric_limits<T>::min(), 0, 1, static_cast<T>(std::numeric_limits<T>::max() / 2)};
    const NpyArray array = read_npy(folder.write(npy(dictionary(type, "(4,)"), bytes_of(v))), "");
    CHECK(array.shape == std::vector<std::size_t>{4});
    CHECK(values<std::int64_t>(array) == std::vector<std::int64_t>(v.begin(), v.end()));
  };
  integers("|i1", std::int8_t{});
  integers("<i1", std::int8_t{});
  integers("|u1", std::uint8_t{});
  integers("<i2", std::int16_t{});
  integers("<u2", std::uint16_t{});
  integers("<i4", std::int32_t{});
  integers("<u4", std::uint32_t{});
  integers("<i8", std::int64_t{});
  integers("<u8", std::uint64_t{});
  const std::vector<float> f{0.1f, -0x1p-149f, 0x1.fffffep127f};
  CHECK(values<double>(read_npy(folder.write(npy(dictionary("<f4", "(3, )"), bytes_of(f))), "")) ==
        std::vector<double>(f.begin(), f.end()));
  // Half precision: 1, -2, the least positive number; and one that is not finite.
  const std::vector<std::uint16_t> halves{0x3c00, 0xc000, 1}, infinite{0x7c00};
  CHECK(values<double>(read_npy(folder.write(npy(dictionary("<f2", "(3,)"), bytes_of(halves))), "")) ==
        std::vector<double>{1, -2, 0x1p-24});
  CHECK_THROWS_WITH(read_npy(folder.write(npy(dictionary("<f2", "(1,)"), bytes_of(infinite))), ""),
                    Contains("not finite"));
  const std::vector<double> d{0.1, -0x1p-1074, 0x1.fffffffffffffp1023};
  for (int version : {1, 2, 3}) {
    CHECK(values<double>(read_npy(folder.write(npy(dictionary("<f8", "(1, 3)"), bytes_of(d), version)), "")) == d);
  }
  // A single number, keys in another order.
  const NpyArray one = read_npy(
      folder.write(npy("{'shape': (), 'fortran_order': False, 'descr': '<f8'}", bytes_of(std::vector<double>{2}))), "");
  CHECK(one.shape.empty());
  CHECK(values<double>(one) == std::vector<double>{2});
}

TEST_CASE("Fortran order and permuted axes") {
  const Folder folder;
  // a[i][j][k] = 100 i + 10 j + k, of shape 2 x 3 x 4.
  std::vector<std::int16_t> c, fortran;
  for (int i = 0; i < 2; ++i)
    for (int j = 0; j < 3; ++j)
      for (int k = 0; k < 4; ++k) c.push_back(static_cast<std::int16_t>(100 * i + 10 * j + k));
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) fortran.push_back(static_cast<std::int16_t>(100 * i + 10 * j + k));
  const NpyArray a = read_npy(folder.write(npy(dictionary("<i2", "(2, 3, 4)"), bytes_of(c))), "");
  const NpyArray b = read_npy(folder.write(npy(dictionary("<i2", "(2, 3, 4)", true), bytes_of(fortran))), "");
  CHECK(a.values == b.values);
  CHECK(a.digest != b.digest);  // of the file, not of the values
  const NpyArray moved = transposed(a, {2, 0, 1}, "test");
  CHECK(moved.shape == std::vector<std::size_t>{4, 2, 3});
  const auto v = values<std::int64_t>(moved);
  for (std::size_t k = 0; k < 4; ++k)
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t j = 0; j < 3; ++j)
        CHECK(v[(k * 2 + i) * 3 + j] == static_cast<std::int64_t>(100 * i + 10 * j + k));
  CHECK_THROWS_AS(transposed(a, {0, 1}, "test"), InputError);
  CHECK_THROWS_AS(transposed(a, {0, 1, 1}, "test"), InputError);
  CHECK_THROWS_AS(transposed(a, {0, 1, 3}, "test"), InputError);
}

TEST_CASE("arrays that are not read, each with a reason") {
  const std::string four = bytes_of(std::vector<float>{1, 2, 3, 4});
  for (const char* type : {">f4", ">i8", ">f2", "<c8", "|b1", "|O", "<U4", "|V8", "<f16", "<m8[s]"}) {
    CHECK_THAT(error_of(npy(dictionary(type, "(4,)"), four)), Contains("astype('<f4')"));
  }
  CHECK_THAT(error_of(npy("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (4,)}", four)),
             Contains("structured"));
  CHECK_THAT(error_of(npy(dictionary("<f4", "(5,)"), four)), Contains("truncated"));
  CHECK_THAT(error_of(npy(dictionary("<f4", "(3,)"), four)), Contains("oversized"));
  CHECK_THAT(error_of(npy(dictionary("<f4", "(4, 0)"), four)), Contains("no entries"));
  // What NumPy would not write is not guessed at: another reader might guess otherwise.
  for (const char* shape : {"(4)", "(04,)", "4", "[4]", "(4,)[::-1]", "(2 2)", "(4,,)", "(4.0,)", "(1,)*4"}) {
    INFO(shape);
    CHECK_THAT(error_of(npy(dictionary("<f4", shape), four)), Contains("NPY header: expected"));
  }
  for (const std::string& text :
       {dictionary("<f4", "(4,)") + "#", std::string("#").append(dictionary("<f4", "(4,)")),
        dictionary("<f4", "(4,)") + "\n", std::string("{\"descr\": '<f4', 'fortran_order': False, 'shape': (4,)}"),
        std::string("{'descr': '<f4' 'fortran_order': False, 'shape': (4,)}"),
        std::string("{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'x': 1}"),
        std::string("'descr': '<f4', 'fortran_order': False, 'shape': (4,)"),
        std::string("{'descr': '<f4', 'fortran_order': false, 'shape': (4,)}")}) {
    INFO(text);
    CHECK_THAT(error_of(npy(text, four)), Contains("NPY header: expected"));
  }
  CHECK_THAT(error_of(npy(dictionary("<f4", "(4000000000, 4000000000)"), four)), Contains("2^40"));
  CHECK_THAT(error_of(npy(dictionary("<f4", "(99999999999999999999,)"), four)), Contains("2^40"));
  CHECK_THAT(error_of(npy(dictionary("<f4", "(4000000000,)"), four)), Contains("8 GiB"));
  CHECK_THAT(error_of(npy(dictionary("<f4", "(-4,)"), four)), Contains("an extent"));
  CHECK_THAT(error_of(npy("{'descr': '<f4', 'shape': (4,)}", four)), Contains("once each"));
  CHECK_THAT(error_of(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (4,)}", four)),
             Contains("once each"));
  CHECK_THAT(error_of(npy("{'descr': '<f4", four)), Contains("quoted"));
  CHECK_THAT(error_of(npy(dictionary("<f4", "(4,"), four)), Contains("extent"));
  CHECK_THAT(error_of("\x93NUMPZ\1"), Contains("truncated"));
  CHECK_THAT(error_of("not an array at all"), Contains("not an NPY array"));
  CHECK_THAT(error_of("PK\3\4 and so on"), Contains("member"));
  CHECK_THAT(error_of(npy(dictionary("<f4", "(4,)"), four, 4)), Contains("version"));
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = HUGE_VAL;
  for (double bad : {nan, inf, -inf}) {
    CHECK_THAT(error_of(npy(dictionary("<f8", "(2,)"), bytes_of(std::vector<double>{1, bad}))),
               Contains("entry 2 (in file order") && Contains("not finite"));
  }
  CHECK_THAT(error_of(npy(dictionary("<u8", "(1,)"), bytes_of(std::vector<std::uint64_t>{std::uint64_t{1} << 63}))),
             Contains("2^63"));
}

TEST_CASE("archives: written, read back, and the same bytes again") {
  const Folder folder;
  const std::map<std::string, NpyIntegers> arrays = {
      {"conv1.weights", {{2, 3}, {1, -2, 3, std::numeric_limits<std::int64_t>::max(), 0, 6}}},
      {"conv1.bias", {{}, {7}}}};
  const std::string a = folder.path() + "/new/a.npz", b = folder.path() + "/b.npz";
  write_npz(a, arrays);
  write_npz(b, arrays);
  const auto slurp = [](const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  CHECK(slurp(a) == slurp(b));
  const NpyArray weights = read_npy(a, "conv1.weights");
  CHECK(weights.shape == std::vector<std::size_t>{2, 3});
  CHECK(values<std::int64_t>(weights) == arrays.at("conv1.weights").values);
  CHECK(read_npy(a, "conv1.bias").shape.empty());
  CHECK_THROWS_WITH(read_npy(a, "conv2"), Contains("conv1.bias.npy, conv1.weights.npy"));
  CHECK_THROWS_WITH(read_npy(a, ""), Contains("\"member\" says"));
  CHECK_THROWS_WITH(read_npy(folder.write("no archive"), "x"), Contains("not a zip archive"));
  CHECK_THROWS_AS(write_npz("/proc/nowhere/a.npz", arrays), InputError);
  // A compression that the checker does not know is refused here, too: bzip2 has number 12.
  std::string bytes = slurp(a);
  for (const auto& [mark, place] : {std::pair{"PK\3\4", 8}, std::pair{"PK\1\2", 10}}) {
    for (auto at = bytes.find(mark); at != std::string::npos; at = bytes.find(mark, at + 4))
      bytes[at + static_cast<std::size_t>(place)] = 12;
  }
  CHECK_THROWS_WITH(read_npy(folder.write(bytes), "conv1.weights"), Contains("stored or deflated"));
}

TEST_CASE("floats become integers over the least power of two, as tensors and as data") {
  const Folder folder;
  const std::vector<double> v{0.75, -3, 0, 0x1p-1074, 0x1p1000, 1.5, -0.25, 8};
  FileTensor tensor{"a.npy", "", "", {}, nullptr};
  folder.write(npy(dictionary("<f8", "(2, 4)"), bytes_of(v)));
  load_array(tensor, folder.path());
  CHECK(tensor.sha256.size() == 64);
  const IntegerTensor integers = expand_integers(tensor, {4, 4}, "w");
  CHECK(integers.divisor == Integer(1) << 1074);
  const Tensor exact = expand(tensor, {4, 4}, "w");
  for (std::size_t i = 0; i < 8; ++i) {
    CHECK(exact[i / 4][i % 4] == exactly(v[i]));
    CHECK(Rational(integers.large[i], integers.divisor) == exactly(v[i]));
  }
  CHECK_THROWS_WITH(expand(tensor, {8, 8}, "w"), Contains("a.npy: rows of 4 number(s); expected 8"));
  CHECK_THROWS_WITH(expand(tensor, {2, 2, 2, 2}, "w"), Contains("a.npy: 2 x 4") && Contains("the 4 filters"));
  CHECK_NOTHROW(expand(tensor, {8}, "b"));
  tensor.sha256[0] = tensor.sha256[0] == '0' ? '1' : '0';
  CHECK_THROWS_WITH(load_array(tensor, folder.path()), Contains("expected"));

  // Of data, only the selected samples count.
  DatasetSpec spec;
  spec.source = NpySource{"a.npy", "", ""};
  spec.first = 1;
  const Dataset data = load(spec, folder.path(), {});
  CHECK(data.size() == 1);
  CHECK(data.width() == 4);
  for (std::size_t j = 0; j < 4; ++j) CHECK(data.at(0, j) == exactly(v[4 + j]));
  CHECK(data.divisor() == 4);
  spec.first = 0;
  spec.multiply = 3;
  spec.divide = 5;
  spec.noise = NoiseSpec{1, -5, 5};
  const Dataset all = load(spec, folder.path(), {});
  CHECK(all.divisor() == (Integer(1) << 1074) * 5);
  for (std::size_t i = 0; i < 2; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      const Rational noise = all.at(i, j) * 5 - 3 * exactly(v[4 * i + j]);
      CHECK(denominator(noise) == 1);
      CHECK(abs(noise) <= 5);
    }
  }
}
