// Random piecewise linear networks: at random points of polylines that the checker accepts, the class is the one that
// is claimed, exactly.
#include <widecert/certificate/model_json.h>
#include <widecert/network/forward.h>
#include <widecert/network/point.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../paths.h"
#include "../random_rows.h"
#include "../shell.h"

using namespace widecert;
using namespace widecert::test;

TEST_CASE("accepted paths in regions of random networks stay there, refused ones do not all") {
  Random random(191);
  const std::string folder = scratch("regions");
  std::size_t accepted = 0, refused = 0;
  for (int round = 0; round < rounds(30); ++round) {
    INFO("seed 191, round " << round);
    std::vector<std::size_t> shape{2};
    Json nodes = Json::array();
    const auto dense = [&](const char* name, std::size_t units) {
      nodes.push_back({{"name", name}, {"op", "dense"}, {"filters", units}, {"bias", "neuron"}});
    };
    const auto function = [&](const char* name) {
      Json node{{"name", name}, {"op", "activation"}, {"function", round % 2 == 0 ? "relu" : "leaky-relu"}};
      if (round % 2 == 1) node["slope"] = "-1/2";
      nodes.push_back(node);
    };
    if (round % 3 == 0) {
      shape = {3, 3, 1};
      nodes.push_back({{"name", "one"}, {"op", "conv2d"}, {"size", {2, 2}}, {"filters", 2}, {"bias", "channel"}});
      function("f");
      nodes.push_back({{"name", "pool"}, {"op", "maxpool2d"}, {"size", {2, 2}}});
    } else {
      dense("one", 5);
      function("f");
      if (round % 3 == 1) {
        dense("two", 4);
        function("g");
      }
    }
    const auto outputs = static_cast<std::size_t>(random.integer(2, 3));
    dense("out", outputs);
    const Json json{{"input", {{"shape", shape}}}, {"nodes", nodes}};
    const Architecture network = read_network(JsonReader(json, "test"));
    const std::size_t output = network.index_of("out");
    Json parameters = Json::object();
    for (std::size_t i : linear_nodes(network, output)) {
      const auto tensor = [&](const TensorShape& lengths) {
        Json list = Json::array();
        for (std::size_t length : lengths) list.push_back(random_rows(random, 1, length, 3)["rows"][0]);
        return Json{{"rows", list}};
      };
      parameters[network.node(i).name] = {{"weights", tensor(network.weights_shape(i))},
                                          {"bias", tensor(network.bias_shape(i))}};
    }
    Parameters<Rational> theta;
    for (const auto& [name, layer] : parameters.items()) {
      const std::size_t i = network.index_of(name);
      theta[i] = convert_parameters<Rational>(
          expand(read_tensor(JsonReader(layer["weights"], "test")), network.weights_shape(i), "weights"),
          expand(read_tensor(JsonReader(layer["bias"], "test")), network.bias_shape(i), "bias"));
    }
    Json entries = Json::array();
    for (int k = 0; k < 20; ++k) {
      Json points = Json::array();
      for (int p = 0; p < 2; ++p) points.push_back(random_rows(random, 1, network.input_width(), 6));
      entries.push_back({{"theorem", "path-in-region"},
                         {"node", "out"},
                         {"parameters", parameters},
                         {"class", random.integer(0, static_cast<long>(outputs) - 1)},
                         {"points", points},
                         {"expect", {{"outcome", "proved"}}}});
    }
    const Json file{
        {"format", "widecert-case"}, {"version", 1}, {"title", "random"}, {"network", json}, {"prove", entries}};
    spill(folder + "/random.case.json", file.dump());
    std::filesystem::remove(folder + "/random.claim.json");
    const Ran ran = run(programs() + "/widecert prove " + folder + "/random.case.json -o " + folder);
    if (ran.output.find("REJECTED") != std::string::npos || ran.exit > 5) FAIL_CHECK(ran.output);
    if (!std::filesystem::exists(folder + "/random.claim.json")) {
      refused += 20;
      continue;
    }
    const Json claims = Json::parse(slurp(folder + "/random.claim.json"))["claims"];
    refused += 20 - claims.size();
    for (const Json& claim : claims) {
      ++accepted;
      std::vector<std::vector<Rational>> points;
      for (const Json& point : claim["points"])
        points.push_back(expand(read_tensor(JsonReader(point, "test")), {network.input_width()}, "point").front());
      const auto mine = claim["class"].get<std::size_t>();
      for (std::size_t s = 0; s + 1 < points.size(); ++s) {
        for (int t = 0; t <= 16; ++t) {
          std::vector<Rational> x = points[s];
          for (std::size_t i = 0; i < x.size(); ++i) x[i] += Rational(t, 16) * (points[s + 1][i] - points[s][i]);
          const auto f = node_value(network, theta, x, output);
          for (std::size_t k = 0; k < f.size(); ++k)
            if (k != mine) CHECK(f[mine] > f[k]);
        }
      }
    }
  }
  CHECK(accepted > 40);
  CHECK(refused > 40);
  std::filesystem::remove_all(folder);
}
