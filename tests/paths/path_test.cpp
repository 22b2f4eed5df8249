// Random small networks: what the checker accepts about paths holds at random points of them, where Phi is evaluated
// exactly (in doubles for smooth functions).
#include <widecert/certificate/model_json.h>
#include <widecert/network/forward.h>
#include <widecert/network/point.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../paths.h"
#include "../random_rows.h"
#include "../shell.h"

using namespace widecert;
using namespace widecert::test;
namespace fs = std::filesystem;

namespace {

Json dense(const std::string& name, std::size_t units, const std::string& bias = "neuron") {
  return {{"name", name}, {"op", "dense"}, {"filters", units}, {"bias", bias}};
}
Json function(const std::string& name, const std::string& what) {
  Json node{{"name", name}, {"op", "activation"}, {"function", what}};
  if (what == "leaky-relu") node["slope"] = "-1/3";
  return node;
}

struct Model {
  Json network;
  std::vector<std::size_t> input;
  std::size_t outputs;
};

Architecture architecture(const Json& network) { return read_network(JsonReader(network, "test")); }

Json point(Random& random, const Architecture& network, std::size_t output, long size) {
  Json all = Json::object();
  for (std::size_t i : linear_nodes(network, output)) {
    const auto tensor = [&](const TensorShape& shape) {
      Json list = Json::array();
      for (std::size_t length : shape) list.push_back(random_rows(random, 1, length, size)["rows"][0]);
      return Json{{"rows", list}};
    };
    Json& layer = all[network.node(i).name] = {{"weights", tensor(network.weights_shape(i))}};
    if (!network.bias_shape(i).empty()) layer["bias"] = tensor(network.bias_shape(i));
  }
  return all;
}

// Phi at a point, of the losses that are exact; in doubles with the function's values in doubles.
struct Problem {
  Architecture network;
  std::size_t output;
  std::vector<std::vector<Rational>> samples;
  Json claim;

  using Theta = std::map<std::string, std::pair<Tensor, Tensor>>;
  Theta read(const Json& json) const {
    Theta theta;
    for (const auto& [name, layer] : json.items()) {
      const std::size_t i = network.index_of(name);
      const auto get = [&](const char* key, const TensorShape& shape) {
        if (!layer.contains(key)) return Tensor{};
        return expand(read_tensor(JsonReader(layer[key], "test")), shape, key);
      };
      theta[name] = {get("weights", network.weights_shape(i)), get("bias", network.bias_shape(i))};
    }
    return theta;
  }
  static Theta between(const Theta& a, const Theta& b, const Rational& t) {
    Theta c = a;
    for (auto& [name, tensors] : c) {
      for (auto part : {&std::pair<Tensor, Tensor>::first, &std::pair<Tensor, Tensor>::second})
        for (std::size_t r = 0; r < (tensors.*part).size(); ++r)
          for (std::size_t k = 0; k < (tensors.*part)[r].size(); ++k)
            (tensors.*part)[r][k] += t * ((b.at(name).*part)[r][k] - (a.at(name).*part)[r][k]);
    }
    return c;
  }
  template <class S>
  S phi(const Theta& theta) const {
    Parameters<S> parameters;
    for (const auto& [name, tensors] : theta)
      parameters[network.index_of(name)] = convert_parameters<S>(tensors.first, tensors.second);
    S sum(0);
    const Json& loss = claim.at("loss");
    for (std::size_t i = 0; i < samples.size(); ++i) {
      std::vector<S> x;
      for (const Rational& v : samples[i]) x.push_back(from_rational<S>(v));
      const std::vector<S> f = node_value(network, parameters, x, output);
      if (loss == "square") {
        for (std::size_t k = 0; k < f.size(); ++k) {
          const S off = f[k] - S(claim["targets"]["rows"][i][k].get<int>());
          sum += off * off / 2;
        }
        continue;
      }
      const bool hinge = loss.contains("hinge");
      const auto mine = (hinge ? loss["hinge"] : loss["cross-entropy"])[i].get<std::size_t>();
      if (hinge) {
        for (std::size_t k = 0; k < f.size(); ++k)
          if (k != mine) sum += std::max(S(0), S(1 - f[mine] + f[k]));
      } else if constexpr (std::is_same_v<S, double>) {
        const double most = *std::max_element(f.begin(), f.end());
        double total = 0;
        for (double v : f) total += std::exp(v - most);
        sum += std::log(total) + most - f[mine];
      }
    }
    return sum;
  }
  // Phi is at most the level there.
  bool holds(const Theta& theta, const Rational& level, bool exact) const {
    if (exact && !(claim.at("loss").is_object() && claim["loss"].contains("cross-entropy")))
      return phi<Rational>(theta) <= level;
    return phi<double>(theta) <= level.convert_to<double>() * (1 + 1e-9) + 1e-9;
  }
};

Rational number(const Json& v) {
  return v.is_string() ? parse_rational(v.get<std::string>()) : Rational(v.get<std::int64_t>());
}

struct Counts {
  std::map<std::string, std::size_t> accepted, moves;
  std::size_t points = 0;
};

// Proves the entries, has them checked, and looks at points of what was accepted.
void look(Random& random, const Json& network, const Json& samples, const std::vector<Json>& entries, bool exact,
          const std::string& folder, Counts& counts) {
  const Json file{{"format", "widecert-case"},
                  {"version", 1},
                  {"title", "random"},
                  {"network", network},
                  {"data", {{"format", "inline"}, {"samples", samples}}},
                  {"prove", entries}};
  spill(folder + "/random.case.json", file.dump());
  const Ran ran = run(programs() + "/widecert prove " + folder + "/random.case.json -o " + folder);
  if (ran.exit > 5) FAIL_CHECK(ran.output);
  REQUIRE((ran.exit == 0 || ran.exit == 2 || ran.exit == 3 || ran.exit == 1));
  if (!fs::exists(folder + "/random.claim.json")) return;
  if (ran.output.find("REJECTED") != std::string::npos) FAIL_CHECK(ran.output);
  const Json claims = Json::parse(slurp(folder + "/random.claim.json")),
             proofs = Json::parse(slurp(folder + "/random.cert.json"));
  const Json report = Json::parse(run(programs() + "/widecheck --json " + folder + "/random.claim.json").output);
  for (std::size_t k = 0; k < claims["claims"].size(); ++k) {
    if (report["claims"][k]["verdict"] != "PROVED") continue;
    const Json &claim = claims["claims"][k], &proof = proofs["proofs"][k];
    const std::string kind = claim["kind"];
    ++counts.accepted[kind];
    Problem problem{architecture(network), 0, {}, claim};
    problem.output = problem.network.index_of(claim["output"]);
    for (const Json& x : samples) {
      problem.samples.emplace_back();
      for (const Json& v : x) problem.samples.back().emplace_back(v.get<int>());
    }
    auto now = problem.read(claim["from"]);
    const Json steps = kind == "max-loss-on-path" ? claim["corners"] : proof["moves"];
    Rational level = 0;
    if (claim.contains("level") && claim["level"] == "max") {
      for (const char* end : {"from", "to"}) {
        const auto theta = problem.read(claim[end]);
        level =
            std::max(level, exact && !claim["loss"].contains("cross-entropy") ? problem.phi<Rational>(theta)
                                                                              : exactly(problem.phi<double>(theta)));
      }
    } else if (claim.contains("level")) {
      level = number(claim["level"]);
    }
    double before = problem.phi<double>(now);
    for (const Json& step : steps) {
      auto next = now;
      Json layers = step;
      if (kind != "max-loss-on-path") {
        ++counts.moves[step["move"]];
        if (step["move"] == "straight") {
          layers = step["layers"];
        } else {
          Json tensors{{"weights", step["weights"]}};
          if (step.contains("bias")) tensors["bias"] = step["bias"];
          layers = {{step.contains("layer") ? step["layer"].get<std::string>() : claim["output"].get<std::string>(),
                     tensors}};
        }
      }
      for (const auto& [name, tensors] : problem.read(layers)) next[name] = tensors;
      if (kind == "descends-to") {
        // Along a fine grid Phi does not rise.
        for (int t = 1; t <= 8; ++t) {
          const double phi = problem.phi<double>(Problem::between(now, next, Rational(t, 8)));
          CHECK(phi <= before * (1 + 1e-9) + 1e-12);
          before = phi;
          ++counts.points;
        }
      } else {
        INFO(claim["kind"] << ", piece " << step.value("move", "") << " of " << claim["from"].size() << " layers");
        for (int t = 0; t < 3; ++t) {
          CHECK(problem.holds(Problem::between(now, next, Rational(random.integer(0, 64), 64)), level, exact));
          ++counts.points;
        }
      }
      now = next;
    }
    if (kind == "path-below") CHECK(now == problem.read(claim["to"]));
    if (kind == "descends-to") CHECK(problem.holds(now, number(claim["floor"]), exact));
  }
}

Json classes(Random& random, std::size_t n, std::size_t outputs) {
  Json all = Json::array();
  for (std::size_t i = 0; i < n; ++i) all.push_back(random.integer(0, static_cast<long>(outputs) - 1));
  return all;
}
// One of the three losses.
void add_loss(Random& random, Json& entry, std::size_t n, std::size_t outputs, bool targets_are_outputs) {
  const long which = outputs < 2 ? 0 : random.integer(0, 2);
  if (which == 0 || targets_are_outputs)
    entry["targets"] = random_rows(random, n, outputs, 3);
  else
    entry["loss"] = {{which == 1 ? "hinge" : "cross-entropy", classes(random, n, outputs)}};
}

}  // namespace

TEST_CASE("at random points of paths between random networks Phi is at most the level") {
  Random random(181);
  Counts counts;
  const std::string folder = scratch("paths");
  for (int round = 0; round < rounds(50); ++round) {
    INFO("seed 181, round " << round);
    const auto n = static_cast<std::size_t>(random.integer(2, 5)),
               width = static_cast<std::size_t>(random.integer(2, 12)),
               outputs = static_cast<std::size_t>(random.integer(1, 3));
    const char* functions[] = {"relu", "leaky-relu", "relu", "tanh", "softplus"};
    const std::string f = functions[random.integer(0, 4)];
    const bool deep = random.integer(0, 2) == 0, exact = f == "relu" || f == "leaky-relu";
    Json nodes = Json::array({dense("one", width), function("f", f)});
    if (deep) {
      nodes.push_back(dense("two", static_cast<std::size_t>(random.integer(2, 12))));
      nodes.push_back(function("g", f));
    }
    nodes.push_back(dense("out", outputs));
    const Json network{{"input", {{"shape", {2}}}}, {"nodes", nodes}}, samples = random_rows(random, n, 2, 4)["rows"];
    const Architecture a = architecture(network);
    const std::size_t output = a.index_of("out");
    std::vector<Json> entries;
    for (int k = 0; k < 25; ++k) {
      Json entry{{"theorem", k % 5 == 4 ? "descent" : "path-below"},
                 {"node", "out"},
                 {"from", point(random, a, output, 3)},
                 {"expect", {{"outcome", "proved"}}}};
      add_loss(random, entry, n, outputs, false);
      if (k % 5 != 4) {
        entry["to"] = point(random, a, output, 3);
        // Sometimes only the order of units differs, with units that are dead or equal.
        if (!deep && random.integer(0, 2) == 0) {
          entry["to"] = entry["from"];
          for (const char* key : {"weights", "bias"})
            for (Json& row : entry["to"]["one"][key]["rows"])
              if (std::string(key) == "bias") std::reverse(row.begin(), row.end());
          auto& hidden = entry["to"]["one"]["weights"]["rows"];
          std::reverse(hidden.begin(), hidden.end());
          for (Json& row : entry["to"]["out"]["weights"]["rows"]) std::reverse(row.begin(), row.end());
        }
      }
      entries.push_back(std::move(entry));
    }
    look(random, network, samples, entries, exact, folder, counts);
  }
  CHECK(counts.accepted["path-below"] > 300);
  CHECK(counts.accepted["descends-to"] > 100);
  CHECK(counts.moves["straight"] > 50);
  CHECK(counts.points > 5000);
  fs::remove_all(folder);
}

TEST_CASE("at random points of random polygons Phi is at most the bound, for every kind of layer") {
  Random random(182);
  Counts counts;
  const std::string folder = scratch("polygons");
  const char* functions[] = {"relu", "leaky-relu", "identity", "sigmoid",  "tanh",     "softplus",     "silu",
                             "gelu", "elu",        "mish",     "softsign", "gaussian", "cubic-sigmoid"};
  for (int round = 0; round < rounds(52); ++round) {
    INFO("seed 182, round " << round);
    const std::string f = functions[round % 13];
    const auto n = static_cast<std::size_t>(random.integer(1, 4)),
               outputs = static_cast<std::size_t>(random.integer(1, 3));
    Json nodes;
    std::vector<std::size_t> shape{2};
    switch (round % 4) {
      case 0:
        nodes = Json::array({dense("one", 3), function("f", f), dense("two", 3, "none"), function("g", f)});
        break;
      case 1: {
        shape = {4, 4, 1};
        Json conv{{"name", "one"}, {"op", "conv2d"},    {"size", {2, 2}},
                  {"filters", 2},  {"bias", "channel"}, {"padding", "same"}},
            pool{{"name", "p"}, {"op", round % 8 == 1 ? "maxpool2d" : "avgpool2d"}, {"size", {2, 2}}};
        nodes = Json::array({conv, function("f", f), pool});
        break;
      }
      case 2:  // beside each other, with a norm
        nodes =
            Json::array({dense("one", 3),
                         {{"name", "norm"},
                          {"op", "batchnorm"},
                          {"scale", {{"rows", {{1, "-1/2", 2}}}}},
                          {"shift", {{"rows", {{0, 1, "1/3"}}}}}},
                         function("f", f),
                         dense("two", 3),
                         {{"name", "sum"}, {"op", "sum"}, {"inputs", {"f", "two"}}},
                         function("g", "relu"),
                         {{"name", "both"}, {"op", "concat"}, {"inputs", {"g", "f"}}},
                         {{"name", "some"}, {"op", "select"}, {"inputs", {"both", "f"}}, {"count", 7}, {"seed", 3}}});
        break;
      default:
        nodes = Json::array({dense("one", 4), function("f", f)});
    }
    nodes.push_back(dense("out", outputs));
    std::size_t inputs = 1;
    for (std::size_t e : shape) inputs *= e;
    const Json network{{"input", {{"shape", shape}}}, {"nodes", nodes}},
        samples = random_rows(random, n, inputs, 2)["rows"];
    const Architecture a = architecture(network);
    const std::size_t output = a.index_of("out");
    std::vector<Json> entries;
    for (int k = 0; k < 8; ++k) {
      Json entry{{"theorem", "polygon"},
                 {"node", "out"},
                 {"from", point(random, a, output, 2)},
                 {"expect", {{"outcome", "proved"}}}};
      add_loss(random, entry, n, outputs, false);
      for (int corner = 0; corner < 2; ++corner) {
        Json next = point(random, a, output, 2);
        // All layers at once, or one of them.
        if (random.integer(0, 1) == 0) {
          const auto keep = static_cast<std::size_t>(random.integer(0, static_cast<long>(next.size()) - 1));
          Json one = Json::object();
          std::size_t at = 0;
          for (const auto& [name, tensors] : next.items())
            if (at++ == keep) one[name] = tensors;
          next = one;
        }
        entry["corners"].push_back(next);
      }
      entries.push_back(std::move(entry));
    }
    look(random, network, samples, entries, f == "relu" || f == "leaky-relu" || f == "identity", folder, counts);
  }
  CHECK(counts.accepted["max-loss-on-path"] > 350);
  CHECK(counts.points > 2000);
  fs::remove_all(folder);
}

TEST_CASE("points that a moat keeps apart are joined by no path below its level") {
  Random random(183);
  const std::string folder = scratch("moats");
  std::size_t moats = 0, paths = 0;
  for (int round = 0; round < rounds(40); ++round) {
    INFO("seed 183, round " << round);
    const auto n = static_cast<std::size_t>(random.integer(3, 4));
    const Json samples = random_rows(random, n, 1, 5)["rows"];
    std::vector<Json> entries;
    const Json network{{"input", {{"shape", {1}}}},
                       {"nodes", {dense("one", n - 1), function("f", "relu"), dense("out", n)}}};
    const Architecture a = architecture(network);
    for (int k = 0; k < 10; ++k) {
      Json from = point(random, a, a.index_of("out"), 2), to = from;
      // Two units are exchanged.
      std::swap(to["one"]["weights"]["rows"][0], to["one"]["weights"]["rows"][1]);
      std::swap(to["one"]["bias"]["rows"][0][0], to["one"]["bias"]["rows"][0][1]);
      for (Json& row : to["out"]["weights"]["rows"]) std::swap(row[0], row[1]);
      // Targets are the outputs; sometimes one of them is not.
      Json targets = Json::array();
      for (const Json& x : samples) {
        Json row = Json::array();
        for (std::size_t t = 0; t < n; ++t) {
          int sum = from["out"]["bias"]["rows"][0][t];
          for (std::size_t j = 0; j + 1 < n; ++j)
            sum += from["out"]["weights"]["rows"][t][j].get<int>() *
                   std::max(0, from["one"]["weights"]["rows"][j][0].get<int>() * x[0].get<int>() +
                                   from["one"]["bias"]["rows"][0][j].get<int>());
          row.push_back(sum);
        }
        targets.push_back(row);
      }
      if (random.integer(0, 2) == 0) targets[0][0] = targets[0][0].get<int>() + 1;
      const Json apart{{"theorem", "not-joined"},
                       {"node", "out"},
                       {"targets", {{"rows", targets}}},
                       {"from", from},
                       {"to", to},
                       {"expect", {{"outcome", "proved"}}}};
      Json joined = apart;
      joined["theorem"] = "path-below";
      entries.push_back(apart);
      entries.push_back(joined);
    }
    const Json file{{"format", "widecert-case"},
                    {"version", 1},
                    {"title", "random"},
                    {"network", network},
                    {"data", {{"format", "inline"}, {"samples", samples}}},
                    {"prove", entries}};
    spill(folder + "/random.case.json", file.dump());
    fs::remove(folder + "/random.claim.json");
    const Ran ran = run(programs() + "/widecert prove " + folder + "/random.case.json -o " + folder);
    if (ran.output.find("REJECTED") != std::string::npos || ran.exit > 5) FAIL_CHECK(ran.output);
    if (!fs::exists(folder + "/random.claim.json")) continue;
    const Json claims = Json::parse(slurp(folder + "/random.claim.json"))["claims"];
    std::vector<const Json*> apart;
    for (const Json& claim : claims)
      if (claim["kind"] == "not-joined") apart.push_back(&claim);
    moats += apart.size();
    for (const Json& claim : claims) {
      if (claim["kind"] != "path-below") continue;
      ++paths;
      for (const Json* moat : apart)
        if ((*moat)["from"] == claim["from"] && (*moat)["to"] == claim["to"] && (*moat)["targets"] == claim["targets"])
          CHECK((claim["level"] != "max" && number(claim["level"]) > number((*moat)["level"])));
    }
  }
  CHECK(moats > 10);
  CHECK(paths > 10);
  fs::remove_all(folder);
}
