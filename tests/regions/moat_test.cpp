// Random networks: pairs of points of a class are in one component or in two, and where moats are found the checker
// accepts them, by cells, trees and intervals.
#include <widecert/certificate/model_json.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../paths.h"
#include "../random_rows.h"
#include "../shell.h"
#include "proofs/regions/pieces.h"

using namespace widecert;
using namespace widecert::test;

namespace {

struct Sweep {
  std::size_t inputs, pairs;
  Json function;
  std::vector<std::size_t> hidden;
  std::string evidence;
};

}  // namespace

TEST_CASE("moats of random networks: what is proved is accepted, and it is proved often") {
  Random random(199);
  const std::string folder = scratch("moats");
  const Json relu{{"function", "relu"}}, leaky{{"function", "leaky-relu"}, {"slope", "-1/2"}},
      tanh{{"function", "tanh"}}, elu{{"function", "elu"}};
  const Sweep sweeps[] = {{1, 6, relu, {5, 3}, ""},       {2, 6, relu, {8, 6}, ""},  {2, 6, leaky, {8, 4}, ""},
                          {2, 6, leaky, {5}, "branches"}, {2, 40, tanh, {4, 3}, ""}, {2, 40, elu, {3, 3}, ""}};
  std::map<std::string, std::size_t> rules;
  std::size_t separate = 0;
  for (const Sweep& sweep : sweeps) {
    for (int round = 0; round < rounds(sweep.pairs <= 6 ? 50 : 5); ++round) {
      INFO("seed 199, " << sweep.function.dump() << " of " << sweep.inputs << " inputs, round " << round);
      Json nodes = Json::array(), parameters = Json::object();
      std::size_t below = sweep.inputs;
      const auto dense = [&](const std::string& name, std::size_t units) {
        nodes.push_back({{"name", name}, {"op", "dense"}, {"filters", units}, {"bias", "neuron"}});
        parameters[name] = {{"weights", random_rows(random, units, below, 3)},
                            {"bias", random_rows(random, 1, units, 3)}};
        below = units;
      };
      for (std::size_t l = 0; l < sweep.hidden.size(); ++l) {
        dense("l" + std::to_string(l), sweep.hidden[l]);
        Json node = sweep.function;
        node["name"] = "f" + std::to_string(l);
        node["op"] = "activation";
        nodes.push_back(node);
      }
      dense("out", 2);
      const Json written{{"input", {{"shape", {sweep.inputs}}}}, {"nodes", nodes}};
      // Points of piecewise linear networks: of different components, as far as there are such.
      std::vector<std::array<Json, 2>> pairs;
      const Json number = random.integer(0, 1);
      if (sweep.pairs <= 6) {
        const Architecture network = read_network(JsonReader(written, "test"));
        const Units units = units_of(network, read_point(JsonReader(parameters, "test")), network.index_of("out"));
        const Region region = region_on(units, plane_of_inputs(sweep.inputs), number.get<std::size_t>());
        std::size_t count = 0;
        const auto component = region.components(count);
        const auto inside = [&](std::size_t s) {
          Ray sum{0, 0, 0};
          for (const Ray& r : region.pieces()[s].corners)
            for (std::size_t k = 0; k < 3; ++k) sum[k] += r[k];
          Json row = Json::array();
          for (std::size_t k = 0; k < sweep.inputs; ++k) row.push_back(to_string(Rational(sum[k], sum[2])));
          return Json{{"rows", Json::array({row})}};
        };
        for (std::size_t c = 1; c < count && pairs.size() < sweep.pairs; ++c) {
          const auto of = [&](std::size_t which) {
            return static_cast<std::size_t>(std::find(component.begin(), component.end(), which) - component.begin());
          };
          pairs.push_back({inside(of(c)), inside(of(c - 1))});
        }
        separate += pairs.size();
      } else {
        while (pairs.size() < sweep.pairs)
          pairs.push_back({random_rows(random, 1, sweep.inputs, 5), random_rows(random, 1, sweep.inputs, 5)});
      }
      if (pairs.empty()) continue;
      Json entries = Json::array();
      for (const auto& [a, b] : pairs) {
        Json entry{{"theorem", "disconnected"},
                   {"node", "out"},
                   {"parameters", parameters},
                   {"class", number},
                   {"points", Json::array({a, b})}};
        if (!sweep.evidence.empty()) entry["evidence"] = sweep.evidence;
        entries.push_back(std::move(entry));
      }
      spill(folder + "/random.case.json", Json{{"format", "widecert-case"},
                                               {"version", 1},
                                               {"title", "random"},
                                               {"network", written},
                                               {"prove", entries}}
                                              .dump());
      std::filesystem::remove(folder + "/random.claim.json");
      std::filesystem::remove(folder + "/random.cert.json");
      const Ran ran = run(programs() + "/widecert prove " + folder + "/random.case.json -o " + folder);
      if (ran.output.find("REJECTED") != std::string::npos || ran.exit > 3) FAIL_CHECK(ran.output);
      if (!std::filesystem::exists(folder + "/random.cert.json")) continue;
      const Json proofs = Json::parse(slurp(folder + "/random.cert.json"))["proofs"];
      if (sweep.pairs <= 6 && sweep.evidence.empty()) {
        CHECK(proofs.size() == pairs.size());
      }
      for (const Json& proof : proofs)
        ++rules[proof["rule"].get<std::string>() + (proof["moat"].contains("curve") ? " curve" : " half spaces")];
    }
  }
  for (const auto& [rule, count] : rules) UNSCOPED_INFO(rule << " " << count);
  CHECK(separate > 20);
  CHECK(rules["moat-cells curve"] > 5);
  CHECK(rules["moat-cells half spaces"] > 5);
  CHECK(rules["moat-branches half spaces"] > 0);
  std::filesystem::remove_all(folder);
}
