// Random networks: pairs of points of a class are in one component or in two, and where moats are found the checker
// accepts them, by cells, trees and intervals.
#include <widecert/certificate/model_json.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../paths.h"
#include "../random.h"
#include "../shell.h"

using namespace widecert;
using namespace widecert::test;

namespace {

Json tensor(Random& random, std::size_t rows, std::size_t length, long size) {
  Json all = Json::array();
  for (std::size_t i = 0; i < rows; ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < length; ++j) row.push_back(random.integer(-size, size));
    all.push_back(std::move(row));
  }
  return {{"rows", all}};
}

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
  const Sweep sweeps[] = {{1, 60, relu, {5, 3}, ""},          {2, 150, relu, {8, 6}, ""}, {2, 150, leaky, {8}, ""},
                          {2, 60, leaky, {4, 3}, "branches"}, {3, 40, relu, {4, 3}, ""},  {4, 30, relu, {4}, ""},
                          {2, 60, tanh, {4, 3}, "ranges"},    {2, 60, elu, {3, 3}, ""}};
  std::map<std::string, std::size_t> rules;
  for (const Sweep& sweep : sweeps) {
    for (int round = 0; round < rounds(4); ++round) {
      INFO("seed 199, " << sweep.function.dump() << " of " << sweep.inputs << " inputs, round " << round);
      Json nodes = Json::array(), parameters = Json::object();
      std::size_t below = sweep.inputs;
      const auto dense = [&](const std::string& name, std::size_t units) {
        nodes.push_back({{"name", name}, {"op", "dense"}, {"filters", units}, {"bias", "neuron"}});
        parameters[name] = {{"weights", tensor(random, units, below, 3)}, {"bias", tensor(random, 1, units, 3)}};
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
      Json entries = Json::array();
      for (std::size_t k = 0; k < sweep.pairs; ++k) {
        Json entry{{"theorem", "disconnected"},
                   {"node", "out"},
                   {"parameters", parameters},
                   {"class", random.integer(0, 1)},
                   {"points", Json::array({tensor(random, 1, sweep.inputs, 5), tensor(random, 1, sweep.inputs, 5)})}};
        if (!sweep.evidence.empty()) entry["evidence"] = sweep.evidence;
        entries.push_back(std::move(entry));
      }
      spill(folder + "/random.case.json", Json{{"format", "widecert-case"},
                                               {"version", 1},
                                               {"title", "random"},
                                               {"network", {{"input", {{"shape", {sweep.inputs}}}}, {"nodes", nodes}}},
                                               {"prove", entries}}
                                              .dump());
      std::filesystem::remove(folder + "/random.claim.json");
      std::filesystem::remove(folder + "/random.cert.json");
      const Ran ran = run(programs() + "/widecert prove " + folder + "/random.case.json -o " + folder);
      if (ran.output.find("REJECTED") != std::string::npos || ran.exit > 3) FAIL_CHECK(ran.output);
      if (!std::filesystem::exists(folder + "/random.cert.json")) continue;
      const Json proofs = Json::parse(slurp(folder + "/random.cert.json"))["proofs"];
      for (const Json& proof : proofs)
        ++rules[proof["rule"].get<std::string>() + (proof["moat"].contains("curve") ? " curve" : " half spaces")];
    }
  }
  for (const auto& [rule, count] : rules) UNSCOPED_INFO(rule << " " << count);
  CHECK(rules["moat-cells curve"] > 5);
  CHECK(rules["moat-cells half spaces"] > 5);
  CHECK(rules["moat-branches half spaces"] > 5);
  CHECK(rules["moat-ranges half spaces"] > 0);
  std::filesystem::remove_all(folder);
}
