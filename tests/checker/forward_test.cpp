// Irrational values on a grid, by whatever arithmetic the sizes of numbers allow, against those on a much finer grid,
// which rational series give.
#include <evaluate/forward.h>

#include "../catch.h"
#include "../random.h"
#include "mixed_network.h"

using namespace widecheck;
using nlohmann::json;
using test::document;

TEST_CASE("sums of products near 2^125, within and beyond, are those of big integers") {
  widecert::test::Random random(157);
  Budget budget;
  std::size_t wide = 0, large = 0, beyond = 0;
  for (int round = 0; round < widecert::test::rounds(2000); ++round) {
    const std::size_t inputs = static_cast<std::size_t>(random.integer(1, 24));
    const Network network(document({{"input", {{"name", "x"}, {"shape", {inputs}}}},
                                    {"nodes", {{{"name", "d"}, {"op", "dense"}, {"filters", 2}, {"bias", "none"}}}}}),
                          budget);
    // Just below 2^60, 2^61, 2^62; most products of one sign.
    const auto number = [&, sign = random.integer(0, 1)] {
      const mpz_class size = (mpz_class(1) << static_cast<unsigned>(random.integer(60, 62))) - 1;
      return mpz_class(random.integer(0, 9) == sign ? mpz_class(-size) : size);
    };
    const auto theta = test::fill_parameters(
        network, [] { return mpz_class(1); }, number, number);
    std::vector<mpz_class> x;
    for (std::size_t h = 0; h < inputs; ++h) x.push_back(number());
    const Forward forward(network, 1, theta, 1, (mpz_class(1) << 62) - 1, 1);
    const Values values = forward(x);
    INFO("seed 157, round " << round);
    for (std::size_t t = 0; t < 2; ++t) {
      mpz_class sum = 0;
      for (std::size_t h = 0; h < inputs; ++h) sum += theta.at(1).weights.rows[t][h] * x[h];
      CHECK(values.v[t] == sum);
      large += forward.steps()[1].wide && abs(sum) >= mpz_class(1) << 124 ? 1 : 0;
      beyond += abs(sum) >= mpz_class(1) << 125 ? 1 : 0;
    }
    wide += forward.steps()[1].wide ? 1 : 0;
  }
  CHECK(wide > 50);
  CHECK(large > 5);
  CHECK(beyond > 50);
}

TEST_CASE("values on a coarse grid, by machine integers or not, lie where those on a fine grid do") {
  widecert::test::Random random(156);
  Budget budget;
  const std::vector<json> functions{"sigmoid", "tanh", "elu", "silu", "mish", "gaussian", "gelu", "softsign"};
  std::size_t wide = 0, not_wide = 0, direct = 0, by_grid = 0, by_series = 0, small = 0;
  for (int round = 0; round < widecert::test::rounds(150); ++round) {
    const auto activation = [&](const char* name) {
      json node{{"name", name}, {"op", "activation"}};
      const auto which = static_cast<std::size_t>(random.integer(0, static_cast<long>(functions.size()) + 2));
      if (which < functions.size()) {
        node["function"] = functions[which];
      } else {
        node["function"] = "softplus";
        node["sharpness"] = std::vector<json>{1, 20, "7/3"}[which - functions.size()];
      }
      return node;
    };
    const Network network(
        document({{"input", {{"name", "x"}, {"shape", {5, 4, 1}}}},
                  {"nodes",
                   {{{"name", "conv"},
                     {"op", "conv2d"},
                     {"size", {3, 2}},
                     {"filters", 4},
                     {"bias", "channel"},
                     {"padding", "same"}},
                    activation("first"),
                    {{"name", "dense"}, {"op", "dense"}, {"filters", 7}, {"bias", "neuron"}},
                    activation("second"),
                    {{"name", "both"}, {"op", "select"}, {"inputs", {"first", "second"}}, {"count", 20}, {"seed", 1}},
                    {{"name", "last"}, {"op", "dense"}, {"filters", 3}, {"bias", "none"}}}}}),
        budget);
    const long length = random.integer(1, 45);  // of the weights, in bits
    const auto number = [&] { return mpz_class(static_cast<long>(random.integer(-(1L << length), 1L << length))); };
    const bool binary = random.integer(0, 1) == 0;
    const auto divisor = [&] {
      const mpz_class d = mpz_class(1) << static_cast<unsigned>(length + 1);
      return binary ? d : mpz_class(d + static_cast<long>(random.integer(1, 1L << length)));
    };
    const auto theta = test::fill_parameters(network, divisor, number, number);
    const auto bits = static_cast<unsigned>(random.integer(8, 60));
    const Forward coarse(network, network.size() - 1, theta, 16, 500, bits),
        fine(network, network.size() - 1, theta, 16, 500, 260);
    for (const Forward::Step& step : coarse.steps()) {
      const Node& node = network.node(step.node);
      if (node.op == Op::linear) ++(step.wide ? wide : not_wide);
      if (node.op == Op::activation) ++(step.grid ? by_grid : step.fixed ? direct : by_series);
    }
    for (int sample = 0; sample < 4; ++sample) {
      std::vector<mpz_class> x;
      for (int h = 0; h < 20; ++h) x.emplace_back(static_cast<long>(random.integer(-500, 500)));
      std::map<std::size_t, Values> exact;
      fine(x, [&](std::size_t node, const auto& v, const mpz_class& d, const mpz_class& r) {
        exact[node] = {v, d, r};
      });
      INFO("seed 156, round " << round << ", " << bits << " bits");
      const auto compare = [&](std::size_t node, const auto& values, const mpz_class& d, const mpz_class& radius) {
        const Values& e = exact.at(node);
        for (std::size_t h = 0; h < values.size(); ++h) {
          const mpz_class off = abs(mpz_class(values[h]) * e.divisor - e.v[h] * d);
          CHECK(off <= radius * e.divisor + e.radius * d);
        }
      };
      coarse(x, compare);
      if (!coarse.small()) continue;
      ++small;
      std::vector<std::int64_t> narrow;
      for (const mpz_class& v : x) narrow.push_back(v.get_si());
      std::vector<mpz_class> last;
      for (std::int64_t v : coarse(narrow)) last.emplace_back(static_cast<long>(v));
      compare(network.size() - 1, last, coarse.divisor(), coarse.radius());
    }
  }
  for (const std::size_t count : {wide, not_wide, direct, by_grid, by_series, small}) CHECK(count > 20);
}
