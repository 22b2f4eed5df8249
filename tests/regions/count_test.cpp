// Components of decision regions: networks of one input, counted anew by their breakpoints; the same networks in the
// plane, turned; pyramids, whose regions have one component at most.
#include <widecert/certificate/model_json.h>

#include <map>
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../random.h"
#include "proofs/catalogue.h"

using namespace widecert;
using widecert::test::Random;

namespace {

struct Layer {
  Tensor weights;
  std::vector<Rational> bias;
};
using Layers = std::vector<Layer>;

Layers random_layers(Random& random, const std::vector<std::size_t>& widths) {
  Layers layers;
  for (std::size_t l = 1; l < widths.size(); ++l) {
    Layer layer;
    for (std::size_t j = 0; j < widths[l]; ++j) {
      layer.weights.emplace_back();
      for (std::size_t i = 0; i < widths[l - 1]; ++i) layer.weights.back().emplace_back(random.integer(-4, 4));
      layer.bias.emplace_back(random.integer(-4, 4));
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

// Values of all outputs at breakpoints of [-10^9, 10^9], between which they are affine; the ends stand for infinity.
std::size_t count_on_line(const Layers& layers, const Rational& slope, std::size_t mine) {
  std::vector<std::vector<Rational>> points{{Rational(-1'000'000'000)}, {Rational(1'000'000'000)}};
  for (std::size_t l = 0; l < layers.size(); ++l) {
    for (auto& v : points) {
      std::vector<Rational> sums;
      for (std::size_t j = 0; j < layers[l].bias.size(); ++j) {
        Rational sum = layers[l].bias[j];
        for (std::size_t i = 0; i < v.size(); ++i) sum += layers[l].weights[j][i] * v[i];
        sums.push_back(sum);
      }
      v = sums;
    }
    if (l + 1 == layers.size()) break;
    for (std::size_t j = 0; j < points.front().size(); ++j) {
      std::vector<std::vector<Rational>> finer;
      for (const auto& v : points) {
        if (!finer.empty() && finer.back()[j] * v[j] < 0) {
          const Rational share = finer.back()[j] / (finer.back()[j] - v[j]);
          std::vector<Rational> zero;
          for (std::size_t i = 0; i < v.size(); ++i) zero.push_back(finer.back()[i] + share * (v[i] - finer.back()[i]));
          zero[j] = 0;
          finer.push_back(zero);
        }
        finer.push_back(v);
      }
      points = finer;
    }
    for (auto& v : points)
      for (Rational& x : v)
        if (x < 0) x *= slope;
  }
  // On each piece the region is an interval (low, high) of the share of its second end.
  std::size_t count = 0;
  bool open = false;  // the region reaches the end of the piece before, that end included
  for (std::size_t p = 0; p + 1 < points.size(); ++p) {
    Rational low = 0, high = 1;
    bool empty = false, at_low = true, at_high = true;  // whether the ends belong to it
    for (std::size_t k = 0; k < points[p].size(); ++k) {
      if (k == mine) continue;
      const Rational a = points[p][mine] - points[p][k], b = points[p + 1][mine] - points[p + 1][k];
      if (a <= 0 && b <= 0) empty = true;
      at_low = at_low && a > 0;
      at_high = at_high && b > 0;
      if (a < 0 && b > 0) low = std::max(low, Rational(a / (a - b)));
      if (a > 0 && b < 0) high = std::min(high, Rational(a / (a - b)));
    }
    empty = empty || low >= high;
    if (!empty && !(open && at_low)) ++count;
    open = !empty && at_high;
  }
  return count;
}

Json network_of(const Layers& layers, std::size_t inputs, const std::string& function, const Json& slope) {
  Json nodes = Json::array();
  for (std::size_t l = 0; l < layers.size(); ++l) {
    nodes.push_back(
        {{"name", "l" + std::to_string(l)}, {"op", "dense"}, {"filters", layers[l].bias.size()}, {"bias", "neuron"}});
    if (l + 1 == layers.size()) break;
    Json f{{"name", "f" + std::to_string(l)}, {"op", "activation"}, {"function", function}};
    if (function == "leaky-relu") f["slope"] = slope;
    nodes.push_back(f);
  }
  return {{"input", {{"shape", {inputs}}}}, {"nodes", nodes}};
}
Outcome count(const Layers& layers, std::size_t inputs, const std::string& function, const Json& slope,
              std::size_t mine) {
  const Architecture network = read_network(JsonReader(network_of(layers, inputs, function, slope), "test"));
  const auto text = [](const Rational& v) { return Json(to_string(v)); };
  Json parameters;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    Json w = Json::array(), b = Json::array();
    for (const auto& row : layers[l].weights) {
      Json line = Json::array();
      for (const Rational& v : row) line.push_back(text(v));
      w.push_back(line);
    }
    for (const Rational& v : layers[l].bias) b.push_back(text(v));
    parameters["l" + std::to_string(l)] = {{"weights", {{"rows", w}}}, {"bias", {{"rows", Json::array({b})}}}};
  }
  const Instance instance{network, {}, {}};
  return prove_entry(instance, Json{{"theorem", "component-count"},
                                    {"node", "l" + std::to_string(layers.size() - 1)},
                                    {"parameters", parameters},
                                    {"class", mine}}
                                   .dump());
}
std::size_t claimed(const Outcome& outcome) {
  REQUIRE(outcome.verdict == Verdict::proved);
  return outcome.findings[0].claim.json().at("count").get<std::size_t>();
}

}  // namespace

TEST_CASE("components of regions on a line, and of the same ones in the plane") {
  Random random(192);
  std::map<std::size_t, int> seen;
  for (int round = 0; round < test::rounds(150); ++round) {
    INFO("seed 192, round " << round);
    const auto outputs = static_cast<std::size_t>(random.integer(2, 4));
    std::vector<std::size_t> widths{1, static_cast<std::size_t>(random.integer(1, 5))};
    if (round % 2 == 0) widths.push_back(static_cast<std::size_t>(random.integer(1, 4)));
    widths.push_back(outputs);
    const Layers layers = random_layers(random, widths);
    const bool relu = round % 3 == 0;
    const Rational slope = relu ? Rational(0) : round % 3 == 1 ? Rational(1, 3) : Rational(-2);
    const char* function = relu ? "relu" : "leaky-relu";
    const Json written = to_string(slope);
    const auto mine = static_cast<std::size_t>(random.integer(0, static_cast<long>(outputs) - 1));
    const std::size_t expected = count_on_line(layers, slope, mine);
    ++seen[expected];
    CHECK(claimed(count(layers, 1, function, written, mine)) == expected);
    // In the direction (a, b), with constants across it.
    Layers turned = layers;
    const long a = random.integer(1, 3), b = random.integer(-3, 3);
    for (auto& row : turned[0].weights) row = {row[0] * a, row[0] * b};
    CHECK(claimed(count(turned, 2, function, written, mine)) == expected);
  }
  CHECK(seen.size() >= 3);
}

TEST_CASE("regions of pyramids have one component at most") {
  Random random(193);
  for (int round = 0; round < test::rounds(60); ++round) {
    INFO("seed 193, round " << round);
    Layers layers = random_layers(
        random, round % 2 == 0 ? std::vector<std::size_t>{2, 2, 3} : std::vector<std::size_t>{2, 2, 2, 3});
    bool full = true;
    for (std::size_t l = 0; l + 1 < layers.size(); ++l) {
      const Tensor& w = layers[l].weights;
      full = full && w[0][0] * w[1][1] != w[0][1] * w[1][0];
    }
    if (!full) continue;
    for (std::size_t mine = 0; mine < 3; ++mine) CHECK(claimed(count(layers, 2, "leaky-relu", "1/4", mine)) <= 1);
  }
}
