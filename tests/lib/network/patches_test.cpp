#include <widecert/network/filter_map.h>
#include <widecert/network/forward.h>

#include "../../catch.h"
#include "../../random.h"

using namespace widecert;

namespace {

Architecture one_linear(std::size_t inputs, std::vector<Patch> patches, std::size_t filters, BiasMode bias) {
  Architecture network("x", {inputs});
  LinearSpec linear;
  linear.form = PatchListSpec{std::move(patches), filters};
  linear.bias = bias;
  network.add("layer", linear, {"x"});
  return network;
}

LinearSpec conv(int dimensions, std::array<std::size_t, 2> size, std::size_t filters) {
  ConvSpec spec;
  spec.window.dimensions = dimensions;
  spec.window.size = size;
  spec.filters = filters;
  LinearSpec linear;
  linear.form = spec;
  return linear;
}

}  // namespace

TEST_CASE("the worked example of five neurons: U^T has the paper's rows") {
  const Architecture network = one_linear(5, {{{0, 1, 2}}, {{1, 2, 3}}, {{2, 3, 4}}}, 2, BiasMode::none);
  // W = [[a, d], [b, e], [c, f]] as filters (rows) of primes.
  const std::vector<std::vector<Rational>> w{{2, 3, 5}, {7, 11, 13}};
  const Matrix<Rational> u = full_weight_matrix<Rational>(network, 1, w);
  const int expected[6][5] = {{2, 3, 5, 0, 0},   {7, 11, 13, 0, 0}, {0, 2, 3, 5, 0},
                              {0, 7, 11, 13, 0}, {0, 0, 2, 3, 5},   {0, 0, 7, 11, 13}};
  REQUIRE(u.rows() == 5);
  REQUIRE(u.cols() == 6);
  for (int h = 0; h < 6; ++h)
    for (int i = 0; i < 5; ++i) CHECK(u(i, h) == expected[h][i]);
}

TEST_CASE("the patch index behind every entry of U names the filter entry that stands there") {
  const Architecture network = one_linear(5, {{{0, 1, 2}}, {{1, 2, 3}}, {{2, 3, 4}}}, 2, BiasMode::none);
  std::size_t entries = 0;
  visit_filter_map(network, 1, [&](std::size_t in, std::size_t out, FilterEntry e) {
    CHECK(e.filter == out % 2);
    CHECK(e.position == in - out / 2);
    ++entries;
  });
  CHECK(entries == 18);
}

TEST_CASE("G = F U + 1 b^T agrees with the definition by patches on random structures") {
  test::Random random(31);
  for (int round = 0; round < test::rounds(60); ++round) {
    const auto inputs = static_cast<std::size_t>(random.integer(2, 7));
    const auto count = static_cast<std::size_t>(random.integer(1, 5));
    const auto filters = static_cast<std::size_t>(random.integer(1, 3));
    const auto banks = static_cast<std::size_t>(random.integer(1, std::min<long>(2, static_cast<long>(count))));
    std::vector<Patch> patches(count);
    std::vector<std::size_t> length(banks);
    for (auto& l : length) l = static_cast<std::size_t>(random.integer(1, static_cast<long>(inputs)));
    for (std::size_t p = 0; p < count; ++p) {
      patches[p].bank = p % banks;
      std::vector<std::int64_t> pool;
      for (std::size_t i = 0; i < inputs; ++i) pool.push_back(static_cast<std::int64_t>(i));
      for (std::size_t r = 0; r < length[p % banks]; ++r) {
        const auto pick = static_cast<std::size_t>(random.integer(0, static_cast<long>(pool.size()) - 1));
        // Some entries are padding, never all.
        const bool pad = r > 0 && random.integer(0, 4) == 0;
        patches[p].entries.push_back(pad ? kPadding : pool[pick]);
        if (!pad) pool.erase(pool.begin() + static_cast<std::ptrdiff_t>(pick));
      }
    }
    const auto mode = static_cast<BiasMode>(random.integer(0, 2));
    const Architecture network = one_linear(inputs, patches, filters, mode);
    Tensor w, b;
    for (std::size_t l : network.weights_shape(1)) {
      auto& row = w.emplace_back();
      for (std::size_t r = 0; r < l; ++r) row.push_back(random.rational(9));
    }
    for (std::size_t l : network.bias_shape(1)) {
      auto& row = b.emplace_back();
      for (std::size_t r = 0; r < l; ++r) row.push_back(random.rational(9));
    }
    std::vector<Rational> x;
    for (std::size_t i = 0; i < inputs; ++i) x.push_back(random.rational(9));
    Parameters<Rational> theta;
    theta[1] = convert_parameters<Rational>(w, b);
    const auto g = node_value(network, theta, x, 1);
    const auto u = full_weight_matrix<Rational>(network, 1, w);
    INFO("seed 31, round " << round << ": " << inputs << " inputs, " << count << " patches, " << filters << " filters, "
                           << banks << " banks");
    REQUIRE(g.size() == count * filters);
    for (std::size_t p = 0; p < count; ++p) {
      for (std::size_t t = 0; t < filters; ++t) {
        const std::size_t h = p * filters + t;
        Rational by_matrix = 0, by_definition = 0;
        for (std::size_t i = 0; i < inputs; ++i) {
          by_matrix += x[i] * u(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(h));
        }
        const auto& entries = patches[p].entries;
        for (std::size_t r = 0; r < entries.size(); ++r) {
          if (entries[r] != kPadding) {
            by_definition += w[patches[p].bank * filters + t][r] * x[static_cast<std::size_t>(entries[r])];
          }
        }
        const Rational bias = mode == BiasMode::none      ? Rational(0)
                              : mode == BiasMode::channel ? b[0][patches[p].bank * filters + t]
                                                          : b[0][h];
        CHECK(g[h] == by_matrix + bias);
        CHECK(g[h] == by_definition + bias);
      }
    }
  }
}

// The two-channel 3x3 example of the conventions page (tools/widecheck/FORMAT.md).
TEST_CASE("conventions: a 2x2 window on a 3x3 image with two channels") {
  Architecture network("x", {3, 3, 2});
  network.add("conv", conv(2, {2, 2}, 3), {"x"});
  const Node& node = network.node(1);
  CHECK(node.shape == Shape{2, 2, 3});
  REQUIRE(node.patches->count() == 4);
  CHECK(node.patches->entries(0) == std::vector<std::int64_t>{0, 1, 2, 3, 6, 7, 8, 9});
  CHECK(node.patches->entries(1) == std::vector<std::int64_t>{2, 3, 4, 5, 8, 9, 10, 11});
  CHECK(node.patches->entries(3) == std::vector<std::int64_t>{8, 9, 10, 11, 14, 15, 16, 17});
}

TEST_CASE("same padding, strides, dilation and groups place their windows as frameworks do") {
  WindowGeometry g;
  g.height = g.width = 5;
  g.channels = 4;
  g.groups = 2;
  g.size = {3, 3};
  g.stride = {2, 2};
  g.pad_same();
  CHECK(g.padding == std::array<std::size_t, 4>{1, 1, 1, 1});
  const PatchLayout layout = PatchLayout::window(g);
  CHECK(layout.count() == 3 * 3 * 2);
  CHECK(layout.banks() == 2);
  // Patch (0, 0), group 1: the first row of the window is padding; then (0,0), (0,1) channels 2, 3.
  const auto entries = layout.entries(1);
  REQUIRE(entries.size() == 18);
  CHECK(entries[0] == kPadding);
  CHECK(entries[6] == kPadding);
  CHECK(entries[8] == 2);
  CHECK(entries[9] == 3);
  CHECK(entries[10] == 6);

  WindowGeometry even;
  even.height = 1;
  even.width = 6;
  even.size = {1, 3};
  even.stride = {1, 2};
  even.pad_same();
  CHECK(even.padding == std::array<std::size_t, 4>{0, 0, 0, 1});  // the smaller half first
  even.dilation = {1, 2};
  even.pad_same();
  CHECK(PatchLayout::window(even).entries(0) == std::vector<std::int64_t>{kPadding, 1, 3});
}

TEST_CASE("shape errors name the layer and what was expected") {
  Architecture network("x", {4, 4, 1});
  const auto message = [&](const std::string& name, NodeSpec spec, std::vector<std::string> inputs) {
    try {
      network.add(name, std::move(spec), inputs);
    } catch (const ShapeError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  using widecert::test::Contains;
  CHECK_THAT(message("big", conv(2, {5, 5}, 1), {"x"}), Contains("layer \"big\"") && Contains("does not fit"));
  CHECK_THAT(message("flat", conv(1, {1, 3}, 1), {"x"}), Contains("[length, channels]"));
  CHECK_THAT(message("lost", conv(2, {1, 1}, 1), {"y"}), Contains("\"y\" is not an earlier layer"));
  LinearSpec dense;
  dense.form = DenseSpec{0};
  CHECK_THAT(message("none", dense, {"x"}), Contains("0 neurons"));
  CHECK_THAT(message("sum", SumSpec{}, {"x"}), Contains("two or more inputs"));
  CHECK_THAT(message("x", SumSpec{}, {"x", "x"}), Contains("taken"));
  LinearSpec list;
  list.form = PatchListSpec{{{{0, 0}}}, 1};
  CHECK_THAT(message("twice", list, {"x"}), Contains("twice"));
  list.form = PatchListSpec{{{{16}}}, 1};
  CHECK_THAT(message("range", list, {"x"}), Contains("expected 0 to 15"));
  list.form = PatchListSpec{{{{15}}}, 1};
  CHECK(message("last", list, {"x"}) == "no error");
}

TEST_CASE("a 224 x 224 layer costs no memory to describe") {
  Architecture network("x", {224, 224, 3});
  LinearSpec first = conv(2, {3, 3}, 64);
  std::get<ConvSpec>(first.form).window.padding.kind = Padding::Kind::same;
  network.add("conv1", first, {"x"});
  CHECK(network.node(1).width == 3211264);
  CHECK(network.node(1).patches->entries(224 * 224 - 1).back() == kPadding);
}
