#include <widecert/data/dataset.h>
#include <widecert/data/idx.h>
#include <widecert/data/patch_distinctness.h>
#include <widecert/number/error.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "../../catch.h"
#include "../../paths.h"
#include "../../random.h"

using namespace widecert;
using widecert::test::Contains;

namespace {

std::string be32(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}
std::string idx(int type, std::vector<std::uint32_t> extents, const std::string& payload) {
  std::string bytes{0, 0, static_cast<char>(type), static_cast<char>(extents.size())};
  for (std::uint32_t e : extents) bytes += be32(e);
  return bytes + payload;
}

class Folder {
 public:
  Folder() : path_(test::scratch("data")) {}
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ + "/" + name, std::ios::binary) << bytes;
    return path_ + "/" + name;
  }
  std::string path() const { return path_; }

 private:
  std::string path_;
};

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

DatasetSpec digits_spec(bool noise) {
  DatasetSpec spec;
  spec.source = IdxSource{"images-idx3-ubyte.gz", "", "labels-idx1-ubyte.gz"};
  if (noise) {
    spec.multiply = spec.divide = 256;
    spec.noise = NoiseSpec{1, 0, 255};
  }
  return spec;
}

}  // namespace

TEST_CASE("IDX: all types are read exactly") {
  const Folder folder;
  const auto integers = [&](int type, const std::string& payload, std::uint32_t n) {
    return std::get<std::vector<std::int64_t>>(read_idx(folder.write("a", idx(type, {n}, payload))).values);
  };
  CHECK(integers(0x08, "\xff\x01", 2) == std::vector<std::int64_t>{255, 1});
  CHECK(integers(0x09, "\xff\x01", 2) == std::vector<std::int64_t>{-1, 1});
  CHECK(integers(0x0B, std::string("\xff\xfe\x01\x00", 4), 2) == std::vector<std::int64_t>{-2, 256});
  CHECK(integers(0x0C, be32(0xfffffffd), 1) == std::vector<std::int64_t>{-3});
  const auto floats = read_idx(folder.write("f", idx(0x0D, {1}, be32(0x3dcccccd))));
  CHECK(exactly(std::get<std::vector<double>>(floats.values)[0]) == Rational(13421773, 134217728));
}

TEST_CASE(
    "IDX: truncated, oversized, mislabelled and non-finite input names file, offset and "
    "expectation") {
  const Folder folder;
  const auto read = [&](const std::string& bytes) {
    return error_of([&] { read_idx(folder.write("broken", bytes)); });
  };
  CHECK_THAT(read(idx(8, {2, 3}, "12345")),
             Contains("broken") && Contains("truncated") && Contains("offset 12") && Contains("found 5"));
  CHECK(read(idx(8, {2, 3}, "123456")) == "no error");
  CHECK_THAT(read(idx(8, {2, 3}, "1234567")), Contains("oversized") && Contains("offset 18"));
  CHECK_THAT(read("\x1f"), Contains("truncated"));
  CHECK_THAT(read("IDX!data"), Contains("not an IDX file") && Contains("offset 0"));
  CHECK_THAT(read(idx(8, {0}, "")), Contains("no samples"));
  CHECK_THAT(read(idx(8, {0xffffffff, 0xffffffff}, "")), Contains("8 GiB"));
  CHECK_THAT(read(idx(0x0D, {2}, be32(0) + be32(0x7f800000))), Contains("non-finite") && Contains("offset 12"));
  CHECK_THAT(error_of([] { read_idx("/nonexistent/file"); }), Contains("cannot be opened"));

  folder.write("images", idx(8, {3, 1}, "abc"));
  folder.write("labels", idx(8, {2}, "ab"));
  DatasetSpec spec;
  spec.source = IdxSource{"images", "", "labels"};
  CHECK_THAT(error_of([&] { load(spec, folder.path(), {}); }),
             Contains("labels") && Contains("3 samples") && Contains("found 2"));
  spec.source = IdxSource{"images", std::string(64, '0'), ""};
  CHECK_THAT(error_of([&] { load(spec, folder.path(), {}); }),
             Contains("SHA-256") && Contains("is this the right file?"));
}

TEST_CASE("IDX: a damaged gzip stream is an error, not data") {
  const Folder folder;
  std::string bytes;
  {
    std::ifstream in(test::cases() + "/digits/data/images-idx3-ubyte.gz", std::ios::binary);
    bytes.assign(std::istreambuf_iterator<char>(in), {});
  }
  CHECK_THAT(error_of([&] { read_idx(folder.write("cut.gz", bytes.substr(0, bytes.size() / 2))); }),
             Contains("cut.gz"));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x55);
  CHECK_THAT(error_of([&] { read_idx(folder.write("bad.gz", bytes)); }), Contains("bad.gz"));
}

TEST_CASE("CSV: exact numbers, header, label column, errors name line and field") {
  const Folder folder;
  folder.write("good.csv", "a,b,label\n0.1, 2/3 ,7\n-1e-1,4,8\r\n");
  DatasetSpec spec;
  CsvOptions options;
  options.header = true;
  options.label_column = 2;
  spec.source = CsvSource{"good.csv", "", options};
  const Dataset data = load(spec, folder.path(), {});
  CHECK(data.sample(0) == std::vector<Rational>{Rational(1, 10), Rational(2, 3)});
  CHECK(data.sample(1) == std::vector<Rational>{Rational(-1, 10), 4});
  const auto read = [&](const std::string& text) {
    folder.write("bad.csv", text);
    return error_of([&] { read_csv(folder.path() + "/bad.csv", {}); });
  };
  CHECK_THAT(read("1,2\n3,nan\n"), Contains("bad.csv:2: field 2") && Contains("\"nan\""));
  CHECK_THAT(read("1,2\n3\n"), Contains("bad.csv:2") && Contains("1 fields"));
  CHECK_THAT(read("1,2\n\n3,4\n"), Contains("bad.csv:2"));
  CHECK_THAT(read(""), Contains("no samples"));
}

TEST_CASE("noise is keyed by the sample's index in the file: subsets agree with the whole") {
  const std::string folder = test::cases() + "/digits/data";
  const Dataset whole = load(digits_spec(true), folder, {});
  DatasetSpec part = digits_spec(true);
  part.first = 100;
  part.count = 7;
  DatasetSpec resolved;
  const Dataset subset = load(part, folder, {}, &resolved);
  REQUIRE(subset.size() == 7);
  for (std::size_t i = 0; i < 7; ++i) CHECK(subset.sample(i) == whole.sample(100 + i));
  CHECK(std::get<IdxSource>(resolved.source).sha256.size() == 64);
  // x = (256 pixel + noise)/256 with 0 <= noise <= 255.
  const Dataset raw = load(digits_spec(false), folder, {});
  for (std::size_t j = 0; j < 64; ++j) {
    const Rational noise = (whole.at(3, j) - raw.at(3, j)) * 256;
    CHECK((noise >= 0 && noise <= 255 && denominator(noise) == 1));
  }
  part.first = 1796;
  part.count = 2;
  CHECK_THAT(error_of([&] { load(part, folder, {}); }), Contains("the source has 1797"));
  part.count = 1;
  CHECK(load(part, folder, {}).size() == 1);
}

TEST_CASE("numbers beyond 64 bits keep their exact values") {
  const Rational big(Integer(1) << 100, Integer(3));
  const Dataset data = Dataset::from_samples({{1, big}, {-big, 2}});
  CHECK(data.small_numerators() == nullptr);
  CHECK(data.sample(0) == std::vector<Rational>{1, big});
  CHECK(data.sample(1) == std::vector<Rational>{-big, 2});
}

TEST_CASE("the raw digits collide: 737 images contain the all-zero 3x3 patch, the noisy ones do not") {
  const std::string folder = test::cases() + "/digits/data";
  WindowGeometry g;
  g.height = g.width = 8;
  g.size = {3, 3};
  const PatchLayout layout = PatchLayout::window(g);
  const Dataset raw = load(digits_spec(false), folder, {});
  std::size_t with_zero_patch = 0;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    bool found = false;
    for (std::size_t p = 0; p < layout.count() && !found; ++p) {
      found = true;
      for (std::int64_t e : layout.entries(p)) found = found && raw.numerator(i, static_cast<std::size_t>(e)) == 0;
    }
    with_zero_patch += found;
  }
  CHECK(with_zero_patch == 737);
  CHECK(find_patch_collision(raw, layout).has_value());
  CHECK_FALSE(find_patch_collision(load(digits_spec(true), folder, {}), layout).has_value());
  CHECK_FALSE(find_equal_samples(raw).has_value());
}

TEST_CASE("the first collision in lexicographic order is reported, patches of one sample may be equal") {
  const PatchLayout pairs = PatchLayout::from_list(3, {{{0, 1}}, {{1, 2}}});
  CHECK_FALSE(find_patch_collision(Dataset::from_samples({{1, 1, 1}, {2, 2, 2}}), pairs).has_value());
  const auto c = find_patch_collision(Dataset::from_samples({{9, 8, 7}, {1, 2, 3}, {5, 1, 2}, {2, 3, 0}}), pairs);
  REQUIRE(c.has_value());
  CHECK((c->i == 1 && c->p == 0 && c->j == 2 && c->q == 1));
  const auto equal = find_equal_samples(Dataset::from_samples({{1, 2}, {3, 4}, {1, 2}}));
  REQUIRE(equal.has_value());
  CHECK(*equal == std::pair<std::size_t, std::size_t>{0, 2});
}

TEST_CASE("the collision search agrees with brute force on small alphabets") {
  test::Random random(51);
  for (int round = 0; round < test::rounds(200); ++round) {
    std::vector<std::vector<Rational>> samples(static_cast<std::size_t>(random.integer(2, 5)));
    for (auto& x : samples)
      for (int j = 0; j < 4; ++j) x.push_back(random.integer(0, 2));
    const Dataset data = Dataset::from_samples(samples);
    const PatchLayout layout = PatchLayout::from_list(4, {{{0, 1, kPadding}}, {{1, 2, 3}}, {{3, 0, 2}}});
    std::optional<std::array<std::size_t, 4>> first;
    const auto content = [&](std::size_t i, std::size_t p) {
      std::vector<Rational> values;
      for (std::int64_t e : layout.entries(p))
        values.push_back(e == kPadding ? Rational(0) : samples[i][static_cast<std::size_t>(e)]);
      return values;
    };
    for (std::size_t i = 0; i < samples.size() && !first; ++i)
      for (std::size_t p = 0; p < 3 && !first; ++p)
        for (std::size_t j = i + 1; j < samples.size() && !first; ++j)
          for (std::size_t q = 0; q < 3 && !first; ++q)
            if (content(i, p) == content(j, q)) first = {i, p, j, q};
    const auto found = find_patch_collision(data, layout);
    INFO("seed 51, round " << round);
    REQUIRE(found.has_value() == first.has_value());
    if (first)
      CHECK((found->i == (*first)[0] && found->p == (*first)[1] && found->j == (*first)[2] && found->q == (*first)[3]));
  }
}
