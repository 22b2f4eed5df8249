// The gaps along a shared direction, against all pairs of samples.
#include <evidence/projections.h>
#include <kernel/verdict.h>

#include <nlohmann/json.hpp>
#include <set>

#include "../catch.h"
#include "../random.h"

using nlohmann::json;
using namespace widecheck;

namespace {

Value document(const json& j) { return Value(j, "claim", std::make_shared<const Source>()); }

}  // namespace

TEST_CASE("gaps of projections are those of all pairs, in 32 bits and in 64") {
  widecert::test::Random random(153);
  int wide = 0, narrow = 0, none = 0;
  for (int round = 0; round < widecert::test::rounds(300); ++round) {
    const auto pick = [&](int low, int high) { return static_cast<std::size_t>(random.integer(low, high)); };
    const std::size_t samples = pick(1, 75), width = pick(2, 5), size = pick(1, 2), filters = pick(1, 20);
    const json network_json = {{"input", {{"name", "x"}, {"shape", {width, 1}}}},
                               {"nodes",
                                {{{"name", "c"},
                                  {"op", "conv1d"},
                                  {"size", size},
                                  {"filters", filters},
                                  {"padding", {1, 0}},
                                  {"bias", "neuron"}}}}};
    const int exponent = static_cast<int>(random.integer(0, 1)) * 29;
    std::vector<std::vector<std::int64_t>> f(samples, std::vector<std::int64_t>(width));
    json rows = json::array();
    for (auto& row : f) {
      for (auto& v : row) v = random.integer(-40, 40) << exponent;
      rows.push_back(row);
    }
    Budget budget;
    const Network network(document(network_json), budget);
    const json data_json = {{"format", "inline"}, {"samples", rows}, {"count", samples}};
    Data data(document(data_json), {width, 1}, budget);
    data.verify();
    const Context c{network, data, budget};
    const Node& map = network.node(1);
    std::vector<std::size_t> patches;
    for (std::size_t p = 0; p < map.patches.count(); ++p)
      if (p == 0 || random.integer(0, 4) != 0) patches.push_back(p);
    const std::size_t neurons =
        std::min(samples - (samples > 1 && random.integer(0, 1) == 1 ? 1 : 0), patches.size() * filters);
    SharedDirection one{1, {}, 0, 0};
    for (std::size_t r = 0; r < size; ++r) {
      one.direction.push_back(random.integer(-30, 30));
      one.norm += abs(mpz_class(static_cast<long>(one.direction.back())));
    }
    // Any order; the samples are shown in another one.
    std::vector<std::size_t> order(samples), shown(samples);
    for (std::size_t i = 0; i < samples; ++i) order[i] = shown[i] = i;
    for (auto* list : {&order, &shown})
      for (std::size_t i = samples; i-- > 1;) std::swap((*list)[i], (*list)[pick(0, static_cast<int>(i))]);
    Projections projections(c, map, patches, {one}, neurons);
    for (std::size_t r : shown) projections.add(r, f[order[r]]);
    (exponent == 0 ? narrow : wide) += 1;
    const auto s = [&](std::size_t p, std::size_t sample) {
      std::int64_t sum = 0;
      map.patches.for_each_seen(p,
                                [&](std::size_t r, std::size_t input) { sum += one.direction[r] * f[sample][input]; });
      return sum;
    };
    for (std::size_t place = 0; place * filters < neurons; ++place) {
      // The smallest difference to a later sample. Where all are positive it has to be that; else not above it.
      std::optional<std::int64_t> smallest;
      for (std::size_t j = place * filters; j < std::min(neurons, (place + 1) * filters); ++j)
        for (std::size_t r = j + 1; r < samples; ++r) {
          const std::int64_t d = s(patches[place], order[r]) - s(patches[place], order[j]);
          if (!smallest || d < *smallest) smallest = d;
        }
      const auto gap = projections.gap(place);
      REQUIRE(gap.has_value() == smallest.has_value());
      none += smallest ? 0 : 1;
      if (!smallest) continue;
      if (*smallest > 0) CHECK(*gap == mpz_class(static_cast<long>(*smallest)));
      if (*smallest <= 0) CHECK(*gap <= 0);
    }
    std::int64_t most = 0;
    for (const auto& row : f)
      for (std::int64_t v : row) most = std::max(most, std::abs(v));
    CHECK(projections.most() == mpz_class(static_cast<long>(most)));
  }
  CHECK(narrow > 20);
  CHECK(wide > 20);
  CHECK(none > 0);
}

TEST_CASE("projections beyond 62 bits are refused") {
  Budget budget;
  const json network_json = json::parse(
      R"({"input": {"name": "x", "shape": [2]},
          "nodes": [{"name": "d", "op": "dense", "filters": 2, "bias": "neuron"}]})");
  const Network network(document(network_json), budget);
  const json data_json = json::parse(R"({"format": "inline", "samples": [[1, 2], [3, 4]], "count": 2})");
  Data data(document(data_json), {2}, budget);
  data.verify();
  const Context c{network, data, budget};
  SharedDirection one{1, {std::int64_t{1} << 40, 0}, mpz_class(1) << 40, 0};
  Projections projections(c, network.node(1), {0}, {one}, 2);
  projections.add(0, {(1 << 21), 0});
  CHECK_THROWS_AS(projections.add(1, {std::int64_t{1} << 22, 0}), Rejected);
  CHECK_THROWS_AS(projections.add(1, {INT64_MIN, 0}), Rejected);
}
