// The order of the entries of images in files: nothing is guessed where two orders are possible.
#include <widecert/data/dataset.h>
#include <widecert/data/layout.h>
#include <widecert/network/integer_tensor.h>
#include <widecert/network/point.h>
#include <widecert/number/error.h>

#include <filesystem>
#include <numeric>

#include "../../catch.h"
#include "../../paths.h"

using namespace widecert;
using widecert::test::Contains;

namespace {

constexpr auto kFirst = Flattening::channels_first, kLast = Flattening::channels_last;

// An array of 0, 1, 2, ...
NpyIntegers counted(std::vector<std::size_t> shape) {
  std::size_t n = 1;
  for (std::size_t extent : shape) n *= extent;
  std::vector<std::int64_t> values(n);
  std::iota(values.begin(), values.end(), 0);
  return {std::move(shape), std::move(values)};
}

class Archive {
 public:
  explicit Archive(const std::map<std::string, NpyIntegers>& arrays) : path_(test::scratch("layout")) {
    write_npz(path_ + "/a.npz", arrays);
  }
  ~Archive() { std::filesystem::remove_all(path_); }
  FileTensor tensor(const std::string& member, Layout layout) const {
    FileTensor tensor{"a.npz", member, "", std::move(layout), nullptr};
    load_array(tensor, path_);
    return tensor;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::vector<std::int64_t> entries(const TensorSpec& spec, const TensorShape& shape) {
  const IntegerTensor tensor = expand_integers(spec, shape, "w");
  const Tensor rows = expand(spec, shape, "w");
  std::size_t at = 0;
  for (const auto& row : rows)
    for (const Rational& v : row) CHECK(v == Rational(tensor.at(at++)));
  return tensor.small;
}

}  // namespace

TEST_CASE("two orders of an image: several channels and several places") {
  CHECK(has_two_orders({2, 2, 2}));
  CHECK(has_two_orders({1, 2, 2}));
  CHECK(has_two_orders({5, 2}));
  CHECK_FALSE(has_two_orders({28, 28, 1}));
  CHECK_FALSE(has_two_orders({1, 1, 512}));
  CHECK_FALSE(has_two_orders({784}));
  CHECK_FALSE(has_two_orders({}));
}

TEST_CASE("rows of images: flattened, with axes, or refused") {
  // Entry (y, x, c) of a 1 x 3 x 2 image is entry 3 c + x of its channels-first row.
  const std::vector<std::size_t> order{0, 3, 1, 4, 2, 5};
  CHECK(row_order({6}, {{}, kFirst}, {1, 3, 2}, "f") == order);
  CHECK(row_order({6}, {{}, kFirst}, {3, 2}, "f") == order);
  CHECK(row_order({6}, {{}, kLast}, {1, 3, 2}, "f").empty());
  CHECK_THROWS_WITH(row_order({6}, {}, {1, 3, 2}, "f"),
                    Contains("f: a row of 6 numbers") && Contains("1 x 3 x 2 (height x width x channels)") &&
                        Contains("\"flatten\": \"channels-first\"") && Contains("\"channels-last\""));
  CHECK(row_order({9}, {}, {3, 3, 1}, "f").empty());
  CHECK(row_order({9}, {{}, kFirst}, {3, 3, 1}, "f").empty());
  CHECK(row_order({9}, {{}, kFirst}, {9}, "f").empty());
  CHECK_THROWS_WITH(row_order({8}, {}, {9}, "f"), Contains("rows of 8 number(s); expected 9"));

  CHECK(row_order({3, 3}, {}, {3, 3, 1}, "f").empty());
  CHECK(row_order({2, 3, 2}, {{0, 1, 2, 3}, {}}, {2, 3, 2}, "f").empty());
  CHECK_THROWS_WITH(row_order({2, 3, 2}, {}, {2, 3, 2}, "f"), Contains("\"axes\"") && Contains("[0, 2, 3, 1]"));
  CHECK_THROWS_WITH(row_order({2, 2, 3}, {{0, 1, 2, 3}, {}}, {2, 3, 2}, "f"), Contains("2 x 2 x 3"));
  CHECK_THROWS_WITH(row_order({4, 2}, {}, {2, 4, 1}, "f"), Contains("4 x 2"));
  // The axis of one channel is missing, or where it belongs: elsewhere the images would be turned over in silence.
  CHECK(row_order({3, 3, 1}, {{0, 2, 3, 1}, {}}, {3, 3, 1}, "f").empty());
  CHECK(row_order({3, 3}, {{0, 2, 1}, {}}, {3, 3, 1}, "f").empty());
  CHECK_THROWS_WITH(row_order({3, 1, 3}, {{0, 2, 3, 1}, {}}, {3, 3, 1}, "f"), Contains("3 x 1 x 3, the axes permuted"));
  CHECK_THROWS_WITH(row_order({1, 3, 3}, {{0, 1, 2, 3}, {}}, {3, 3, 1}, "f"), Contains("1 x 3 x 3, the axes permuted"));
  CHECK_THROWS_WITH(row_order({2, 3, 2}, {{0, 1, 2, 3}, kFirst}, {2, 3, 2}, "f"), Contains("no rows"));
  // A network that reads numbers takes small arrays as they lie, and asks about images.
  CHECK(row_order({4, 2}, {}, {8}, "f").empty());
  CHECK_THROWS_WITH(row_order({2, 2, 2}, {}, {8}, "f"), Contains("\"axes\""));
  CHECK(row_order({2, 2, 2}, {{0, 1, 2, 3}, {}}, {8}, "f").empty());

  CHECK(only_axes({5, 3, 4, 4}, {4, 4, 3}) == std::vector<std::size_t>{0, 2, 3, 1});
  CHECK(only_axes({5, 4, 4, 3}, {4, 4, 3}) == std::vector<std::size_t>{0, 1, 2, 3});
  CHECK(only_axes({5, 3, 7}, {7, 3}) == std::vector<std::size_t>{0, 2, 1});
  CHECK(only_axes({5, 3, 3, 3}, {3, 3, 3}).empty());   // both fit
  CHECK(only_axes({5, 4, 3, 4}, {4, 4, 3}).empty());   // none does
  CHECK(only_axes({5, 28, 28}, {28, 28, 1}).empty());  // one order
}

TEST_CASE("weights from a file with more than two dimensions need axes, and their extents must be those of the layer") {
  Architecture network("x", {3, 4, 2});
  LinearSpec conv;
  conv.form = ConvSpec{{2, {2, 3}, {1, 1}, {1, 1}, {}}, 2, 1};
  network.add("conv1", conv, {"x"});
  LinearSpec dense;
  dense.form = DenseSpec{3};
  network.add("dense2", dense, {"conv1"});  // 2 x 2 x 2 below
  const TensorShape shape = network.weights_shape(1);
  CHECK(shape.image() == Extents{2, 3, 2});

  const Archive a({{"torch", counted({2, 2, 2, 3})},
                   {"keras", counted({2, 3, 2, 2})},
                   {"flat", counted({2, 12})},
                   {"dense", counted({3, 8})},
                   {"dense4", counted({3, 2, 2, 2})},
                   {"bias", counted({8})},
                   {"bias3", counted({2, 2, 2})}});
  CHECK_THROWS_WITH(expand(a.tensor("torch", {}), shape, "w"), Contains("\"axes\": [0, 2, 3, 1]"));
  CHECK_THROWS_WITH(expand(a.tensor("keras", {}), shape, "w"), Contains("[3, 0, 1, 2]"));
  const std::vector<std::int64_t> torch = entries(a.tensor("torch", {{0, 2, 3, 1}, {}}), shape);
  // Filter 1, place (1, 0), channel 1 is entry ((1 * 2 + 1) * 2 + 1) * 3 + 0 of (out, in, height, width).
  CHECK(torch[12 + (1 * 3 + 0) * 2 + 1] == 21);
  const std::vector<std::int64_t> keras = entries(a.tensor("keras", {{3, 0, 1, 2}, {}}), shape);
  CHECK(keras[12 + (1 * 3 + 0) * 2 + 1] == ((1 * 3 + 0) * 2 + 1) * 2 + 1);
  // The same count, another order of axes: the extents tell.
  CHECK_THROWS_WITH(expand(a.tensor("torch", {{0, 1, 2, 3}, {}}), shape, "w"), Contains("2 x 2 x 3"));
  CHECK_THROWS_WITH(expand(a.tensor("torch", {{0, 3, 2, 1}, {}}), shape, "w"), Contains("expected"));
  // A convolution kept as a matrix was flattened in one of two ways.
  CHECK_THROWS_WITH(expand(a.tensor("flat", {}), shape, "w"), Contains("flatten"));
  CHECK(entries(a.tensor("flat", {{}, kFirst}), shape) == torch);
  CHECK(entries(a.tensor("flat", {{}, kLast}), shape)[13] == 13);

  const TensorShape above = network.weights_shape(2);
  CHECK_THROWS_WITH(expand(a.tensor("dense", {}), above, "w"),
                    Contains("channels-first") && Contains("channels-last") && Contains("2 x 2 x 2"));
  const std::vector<std::int64_t> first = entries(a.tensor("dense", {{}, kFirst}), above);
  CHECK(first[8 + 1] == 8 + 4);  // place 0, channel 1
  CHECK(entries(a.tensor("dense", {{}, kLast}), above)[8 + 1] == 8 + 1);
  CHECK(entries(a.tensor("dense4", {{0, 2, 3, 1}, {}}), above) == first);

  // A bias for every neuron is an image, one for every channel is none.
  CHECK_THROWS_WITH(expand(a.tensor("bias", {}), network.bias_shape(1), "b"), Contains("flatten"));
  CHECK(entries(a.tensor("bias", {{}, kFirst}), network.bias_shape(1))[1] == 4);
  CHECK(entries(a.tensor("bias3", {{1, 2, 0}, {}}), network.bias_shape(1))[1] == 4);

  // In a word.
  const Layout by_torch{{}, {}, Convention::torch}, by_keras{{}, {}, Convention::keras};
  CHECK(entries(a.tensor("torch", by_torch), shape) == torch);
  CHECK(entries(a.tensor("keras", by_keras), shape) == keras);
  CHECK(entries(a.tensor("dense", by_torch), above) == first);
  CHECK_THROWS_WITH(expand(a.tensor("keras", by_torch), shape, "w"), Contains("expected"));
  CHECK_THROWS_WITH(expand(a.tensor("dense", by_keras), above, "w"), Contains("the 3 filters"));
}

TEST_CASE("samples of images: the only order that fits, or the one that is said") {
  const Archive a({{"first", counted({3, 2, 2, 3})},
                   {"both", counted({3, 2, 2, 2})},
                   {"flat", counted({3, 12})},
                   {"grey", counted({3, 2, 3})},
                   {"grey-last", counted({3, 3, 3, 1})}});
  DatasetSpec spec, resolved;
  const auto read = [&](const std::string& member, Layout layout, const Extents& sample) {
    spec.source = NpySource{"a.npz", "", member};
    spec.layout = std::move(layout);
    return load(spec, a.path(), sample, &resolved);
  };
  const Dataset first = read("first", {}, {2, 3, 2});
  CHECK(resolved.layout.axes == std::vector<std::size_t>{0, 2, 3, 1});
  CHECK_THAT(describe(resolved, ""), Contains("a.npz[first], axes [0, 2, 3, 1], samples 1 to 3"));
  CHECK(first.numerator(1, 1) == 12 + 6);  // channel 1 of place 0
  CHECK(read("first", {}, {2, 2, 3}).numerator(1, 1) == 13);
  CHECK(resolved.layout.axes == std::vector<std::size_t>{0, 1, 2, 3});
  CHECK_THROWS_WITH(read("first", {}, {3, 2, 2}), Contains("axes"));
  CHECK_THROWS_WITH(read("both", {}, {2, 2, 2}), Contains("axes"));
  CHECK(read("both", {{0, 2, 3, 1}, {}}, {2, 2, 2}).numerator(2, 1) == 16 + 4);
  CHECK_THROWS_WITH(read("flat", {}, {2, 3, 2}), Contains("flatten"));
  const Dataset flat = read("flat", {{}, kFirst}, {2, 3, 2});
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 12; ++j) CHECK(flat.numerator(i, j) == first.numerator(i, j));
  CHECK_THAT(describe(resolved, ""), Contains("rows flattened channels-first"));
  CHECK(read("flat", {}, {12}).numerator(2, 5) == 29);
  // In a word; images without an axis for their one channel are not turned over.
  const Layout channels_first{{}, {}, Convention::torch}, channels_last{{}, {}, Convention::keras};
  for (const auto& [member, sample] : {std::pair{"first", Extents{2, 3, 2}}, {"flat", Extents{2, 3, 2}}}) {
    const Dataset said = read(member, channels_first, sample);
    CHECK_FALSE(resolved.layout.convention);
    for (std::size_t j = 0; j < 12; ++j) CHECK(said.numerator(2, j) == first.numerator(2, j));
  }
  CHECK(read("first", channels_last, {2, 2, 3}).numerator(1, 1) == 13);
  CHECK_THROWS_WITH(read("first", channels_first, {2, 2, 3}), Contains("2 x 3 x 2"));
  for (const Layout& said : {channels_first, channels_last}) {
    CHECK(read("grey", said, {2, 3, 1}).numerator(1, 4) == 10);
    CHECK(read("grey", said, {6}).numerator(1, 4) == 10);
    CHECK(read("flat", said, {12}).numerator(2, 5) == 29);
  }
  CHECK(read("grey-last", channels_last, {3, 3, 1}).numerator(1, 1) == 10);
  CHECK_THROWS_WITH(read("grey-last", channels_first, {3, 3, 1}), Contains("3 x 1 x 3"));
  // The noise goes by the place in the image, not in the file.
  spec.noise = NoiseSpec{1, 0, 255};
  const Dataset noisy = read("flat", {{}, kFirst}, {2, 3, 2}), plain = read("flat", {}, {12});
  for (std::size_t j = 0; j < 12; ++j)
    CHECK(noisy.numerator(1, j) - first.numerator(1, j) == plain.numerator(1, j) - Integer(12 + j));
}
