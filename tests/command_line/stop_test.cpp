// Whatever is being proved ends when it is told to: every prover of the catalogue, at random moments, on inputs that
// would take much longer. Nothing here is a benchmark: the bounds of time are for a busy machine.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "../catch.h"
#include "../paths.h"
#include "../shell.h"

using nlohmann::json;
using namespace widecert::test;
namespace fs = std::filesystem;

namespace {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int integer(int low, int high) { return std::uniform_int_distribution<int>(low, high)(engine_); }

 private:
  std::mt19937 engine_;
};

// Two seconds, several times over.
constexpr double kMostSeconds = 12;

// A .npy file of random floats from 0 to 1.
void write_floats(const std::string& path, std::size_t rows, std::size_t cols, Random& random) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + std::to_string(rows) + ", " +
                       std::to_string(cols) + "), }";
  header.append(64 - (10 + header.size() + 1) % 64, ' ').append("\n");
  std::string file("\x93NUMPY\x01\x00", 8);
  file.push_back(static_cast<char>(header.size() % 256));
  file.push_back(static_cast<char>(header.size() / 256));
  file += header;
  for (std::size_t k = 0; k < rows * cols; ++k) {
    const float value = static_cast<float>(random.integer(1, 1 << 24)) / (1 << 24);
    char bytes[sizeof value];
    std::memcpy(bytes, &value, sizeof value);
    file.append(bytes, sizeof value);
  }
  spill(path, file);
}

json dense(const char* name, int filters) {
  return {{"name", name}, {"op", "dense"}, {"filters", filters}, {"bias", "neuron"}};
}
json activation(const char* name, const std::string& function) {
  return {{"name", name}, {"op", "activation"}, {"function", function}};
}

// A case in `folder` with one entry.
std::string write_case(const std::string& folder, const std::string& theorem, const std::string& function) {
  json entry{{"theorem", theorem}, {"node", "f2"}};
  json network{
      {"input", {{"shape", {500}}}},
      {"nodes", {dense("dense1", 300), activation("f1", function), dense("dense2", 1200), activation("f2", function)}}};
  json out{{"format", "widecert-case"}, {"version", 1}, {"title", theorem}};
  if (theorem == "full-rank-weights" || theorem == "weights-rank-at") {
    entry["node"] = "conv";
    network = {{"input", {{"shape", {64, 64, 16}}}},
               {"nodes",
                {{{"name", "conv"}, {"op", "conv2d"}, {"size", {5, 5}}, {"filters", 15}, {"bias", "none"}},
                 activation("f", "relu")}}};
  } else {
    out["data"] = {{"format", "npy"}, {"path", "x.npy"}};
  }
  const auto any_of = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return theorem == name; });
  };
  const bool at_point = any_of({"zero-loss-nearby", "gradient-flow", "critical-point", "local-minimum"});
  if (at_point || any_of({"in-s-k", "gradients", "corollary-3.6", "theorem-4.5", "critical-points", "theorem-3.8"}))
    network["nodes"].push_back(dense("dense3", 2));
  if (theorem == "gradients") entry["claim"] = "gradient-enclosure";
  if (theorem == "corollary-3.6" && function == "relu") entry["claim"] = "interpolates";
  if (theorem == "critical-point") entry["claim"] = "critical-at";
  if (theorem == "local-minimum") entry["claim"] = "local-minimum";
  if (theorem == "critical-points") entry["exceptional-set-null"] = true;
  if (at_point || entry.contains("claim"))
    for (int i = 0; i < 1000; ++i) entry["targets"]["rows"].push_back({i % 2, 1});
  if (theorem == "separable")
    for (int i = 0; i < 1000; ++i) entry["classes"].push_back(i % 2);
  if (at_point || theorem == "separable") {
    for (const char* layer : {"dense1", "dense2", "dense3"}) {
      if (theorem == "separable" && layer == std::string("dense3")) continue;
      const json seeded{{"name", layer}, {"seed", 1}, {"low", -9}, {"high", 9}, {"divisor", 100}};
      entry["parameters"][layer] = {{"weights", {{"seeded", seeded}}}, {"bias", {{"fill", 0}}}};
    }
  }
  if (any_of({"sublevel-sets", "local-extrema", "joined", "not-joined", "bad-valley", "path-below", "descent",
              "level-ray", "polygon", "regions-connected", "path-in-region", "component-count", "slice-component-count",
              "disconnected"})) {
    entry["node"] = "x";
    network["nodes"].push_back(dense("dense3", 2));
    const auto point = [&](int seed) {
      json all;
      for (const char* layer : {"dense1", "dense2", "dense3"}) {
        const json seeded{{"name", layer}, {"seed", seed}, {"low", -9}, {"high", 9}, {"divisor", 100}};
        all[layer] = {{"weights", {{"seeded", seeded}}}, {"bias", {{"fill", 0}}}};
      }
      return all;
    };
    if (any_of({"joined", "not-joined", "path-below", "descent", "level-ray", "polygon"})) entry["from"] = point(1);
    if (any_of({"joined", "not-joined", "path-below"})) entry["to"] = point(2);
    if (theorem == "polygon") entry["corners"] = {point(2)};
    const bool on_region = any_of({"path-in-region", "component-count", "slice-component-count", "disconnected"});
    if (on_region || theorem == "regions-connected") entry["parameters"] = point(1);
    if (on_region) entry["class"] = 0;
    if (any_of({"path-in-region", "disconnected"})) entry["points"] = {{{"fill", 0}}, {{"fill", 1}}};
    if (theorem == "slice-component-count")
      entry["plane"] = {{"origin", {{"fill", 0}}}, {"u", {{"fill", 1}}}, {"v", {{"fill", 2}}}};
    if (theorem == "bad-valley") {
      entry["parameters"] = point(1);
      entry["better"] = point(2);
    }
    if (any_of({"not-joined", "bad-valley", "path-below", "descent", "polygon"}))
      for (int i = 0; i < 1000; ++i) entry["targets"]["rows"].push_back({i % 2, 1});
  }
  out["network"] = network;
  out["prove"] = {entry};
  const std::string path = folder + "/" + theorem + "-" + function + ".case.json";
  spill(path, out.dump());
  return path;
}

std::vector<std::string> theorems() {
  std::stringstream list(run(programs() + "/widecert explain").output);
  std::vector<std::string> names;
  for (std::string line; std::getline(list, line);)
    if (!line.empty() && line[0] != ' ') names.push_back(line.substr(0, line.find(' ')));
  return names;
}

struct Stopped {
  int exit;
  double seconds;
  std::string output;
};
Stopped timed(const std::string& command) {
  const auto start = std::chrono::steady_clock::now();
  const Ran ran = run(command);
  return {ran.exit, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), ran.output};
}

}  // namespace

TEST_CASE("a time limit or an interruption ends every prover of the catalogue soon") {
  Random random(141);
  const std::string folder = scratch("stop");
  write_floats(folder + "/x.npy", 1000, 500, random);
  const auto names = theorems();
  REQUIRE(names.size() >= 14);
  int late = 0, interrupted = 0;
  for (const std::string& theorem : names) {
    for (const char* function : {"sigmoid", "relu"}) {
      const std::string path = write_case(folder, theorem, function);
      const double limit = 0.05 + 0.01 * static_cast<double>(random.integer(0, 95));
      INFO("seed 141: " << theorem << ", " << function << ", " << limit << " s");
      const std::string out = " --json prove " + path + " -o " + folder + "/out";
      const Stopped a = timed(programs() + "/widecert --timeout " + std::to_string(limit) + out);
      INFO(a.output);
      CHECK(a.seconds < limit + kMostSeconds);
      // It may have been quick, too, or have found a claim that is too large for the checker.
      CHECK((a.exit == 124 || a.output.find("results") != std::string::npos));
      late += a.exit == 124 ? 1 : 0;
      if (a.exit == 124) CHECK_THAT(a.output, Contains(R"("exit":124)"));
      const Stopped b = timed("timeout --signal=INT --preserve-status " + std::to_string(limit) + " " + programs() +
                              "/widecert" + out);
      INFO(b.output);
      CHECK(b.seconds < limit + kMostSeconds);
      CHECK((b.exit == 130 || b.output.find("results") != std::string::npos));
      interrupted += b.exit == 130 ? 1 : 0;
    }
  }
  INFO(late << " time limits, " << interrupted << " interruptions");
  CHECK(late >= 8);
  CHECK(interrupted >= 8);
  fs::remove_all(folder);
}

TEST_CASE("bounds that are known at half of the time are given, and checked") {
  // Two units whose difference is below 2^-106 of them: doubles, and pairs of them, find no full rank; balls do in
  // time.
  const std::string folder = scratch("partial");
  Random random(142);
  json samples = json::array(), weights = json::array(), bias = json::array();
  for (int i = 0; i < 150; ++i) {
    samples.push_back(json::array());
    weights.push_back(json::array());
    for (int k = 0; k < 4; ++k) {
      samples.back().push_back(random.integer(-9, 9));
      weights.back().push_back(random.integer(-3, 3));
    }
    bias.push_back(-400 * (i % 2));
  }
  spill(folder + "/hard.case.json",
        json{{"format", "widecert-case"},
             {"version", 1},
             {"network", {{"input", {{"shape", {4}}}}, {"nodes", {dense("dense1", 150), activation("f", "sigmoid")}}}},
             {"data", {{"format", "inline"}, {"samples", samples}}},
             {"prove",
              {{{"theorem", "singular-values"},
                {"node", "f"},
                {"parameters", {{"dense1", {{"weights", {{"rows", weights}}}, {"bias", {{"rows", {bias}}}}}}}}}}}}
            .dump());
  const Stopped ran =
      timed(programs() + "/widecert --json --timeout 8 prove " + folder + "/hard.case.json -o " + folder);
  INFO(ran.output);
  CHECK((ran.exit == 0 || ran.exit == 124));  // on a busy machine the checker may come too late
  if (ran.exit == 0) {
    const json result = json::parse(ran.output)["results"][0];
    CHECK(result["accepted_by_widecheck"] == true);
  }
  fs::remove_all(folder);
}
