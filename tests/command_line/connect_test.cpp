// widecert connect: two trained networks in, a verdict and a path out.
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../paths.h"
#include "../shell.h"

using namespace widecert::test;
using json = nlohmann::json;
namespace fs = std::filesystem;

TEST_CASE("two trained networks are connected, and what is written about it holds") {
  const std::string folder = scratch("connect"), data = cases() + "/paths/data/",
                    labels = " --labels " + cases() + "/digits/data/labels-idx1-ubyte.gz",
                    layers = " --case " + cases() + "/paths/digits-100-relu";
  int number = 0;
  const auto connect = [&](const std::string& a, const std::string& b, const std::string& more) {
    return run(programs() + "/widecert --json connect " + data + a + " " + data + b + " -o " + folder + "/" +
               std::to_string(++number) + ".case.json" + more);
  };
  for (const char* loss : {"cross-entropy", "hinge", "square"}) {
    const Ran ran = connect("relu-a.npz", "relu-b.npz",
                            layers + labels + " --loss " + loss + (loss == std::string("hinge") ? " --onnx" : ""));
    INFO(ran.output);
    REQUIRE(ran.exit == 0);
    const json said = json::parse(ran.output);
    CHECK(said["joined"] == true);
    CHECK(said["path"] == true);
    CHECK(said["not_joined"] == false);
    const std::string base = folder + "/" + std::to_string(number);
    CHECK(run(programs() + "/widecheck " + base + ".claim.json").exit == 0);
    CHECK(fs::file_size(base + ".path.npz") > 100'000);
    CHECK_THAT(slurp(base + ".svg"), Contains("certified on every piece"));
    CHECK(said.contains("models") == (loss == std::string("hinge")));
    if (!said.contains("models")) continue;
    // Each way point is a model of its own; the last one is the second network.
    REQUIRE(said["models"].size() > 2);
    for (const json& model : said["models"]) {
      CHECK_THAT(model["about"].get<std::string>(), Contains("an ONNX model in float"));
      CHECK(run(programs() + "/widecert import " + model["file"].get<std::string>() + " -o " +
                model["file"].get<std::string>() + ".case.json")
                .exit == 0);
    }
  }
  // Three layers; renamed networks that no path joins, and with a unit more.
  const auto pair = [&](const std::string& name, const std::string& layer_case, const std::string& loss) {
    return connect(name + "-a.npz", name + "-b.npz",
                   " --case " + cases() + "/" + layer_case + labels + " --loss " + loss);
  };
  const Ran three = pair("three", "paths/digits-60-three-layers", "cross-entropy");
  CHECK(three.exit == 0);
  CHECK(json::parse(three.output)["path"] == true);
  const Ran apart = pair("fitted", "moats/digits-10-renamed", "square");
  INFO(apart.output);
  CHECK(apart.exit == 1);
  CHECK(json::parse(apart.output)["not_joined"] == true);
  CHECK(json::parse(apart.output)["path"] == false);
  CHECK_THAT(slurp(json::parse(apart.output)["profile"].get<std::string>()), Contains("every path rises above 0.4995"));
  const Ran more = pair("fitted-more", "paths/digits-10-renamed-and-one-more", "square");
  CHECK(more.exit == 0);
  CHECK(json::parse(more.output)["path"] == true);
  CHECK(json::parse(more.output)["not_joined"] == false);
  // What is not decided leaves no case behind.
  const Ran open = pair("fitted", "moats/digits-10-renamed", "hinge");
  CHECK(open.exit == 3);
  CHECK(!fs::exists(folder + "/" + std::to_string(number) + ".case.json"));
  // A level that is below an end: joined all the same, without a path.
  const Ran low = connect("relu-a.npz", "relu-b.npz", layers + labels + " --loss cross-entropy --level 1/100");
  CHECK(low.exit == 0);
  CHECK(json::parse(low.output)["path"] == false);
  const auto refused = [&](const Ran& ran, const std::string& what, int exit = 4) {
    INFO(ran.output);
    CHECK(ran.exit == exit);
    CHECK_THAT(ran.output, Contains(what));
  };
  refused(connect("relu-a.npz", "wide-b.npz", layers + labels + " --loss hinge"), "expects a weight of 200 x 64");
  refused(connect("relu-a.npz", "none.npz", layers + labels + " --loss hinge"), "none.npz");
  refused(connect("relu-a.npz", "relu-b.npz", layers + " --labels none.npy --loss hinge"), "none.npy");
  refused(connect("relu-a.npz", "relu-b.npz", layers + labels), "--loss", 2);
  refused(connect("relu-a.npz", "relu-b.npz", layers + labels + " --loss hinge --module fc1"), "LAYER=MODULE");
  number = 0;
  refused(connect("relu-a.npz", "relu-b.npz", layers + labels + " --loss hinge"), "exists already");
  fs::remove_all(folder);
}

TEST_CASE("a trained network is led down, and the loss never increases") {
  const std::string folder = scratch("descend"), labels = " --labels " + cases() + "/digits/data/labels-idx1-ubyte.gz";
  int number = 0;
  const auto descend = [&](const std::string& more) {
    return run(programs() + "/widecert --json descend " + cases() + "/paths/data/relu-a.npz --case " + cases() +
               "/paths/digits-100-relu" + labels + " -o " + folder + "/" + std::to_string(++number) + ".case.json" +
               more);
  };
  for (const char* loss : {"cross-entropy", "square"}) {
    const Ran ran = descend(std::string(" --onnx --loss ") + loss + " --floor 1/100000");
    INFO(ran.output);
    REQUIRE(ran.exit == 0);
    const json said = json::parse(ran.output);
    CHECK(said["down"] == true);
    CHECK(said["floor"] == "1/100000");
    const std::string base = folder + "/" + std::to_string(number);
    CHECK(run(programs() + "/widecheck " + base + ".claim.json").exit == 0);
    CHECK(fs::file_size(base + ".path.npz") > 100'000);
    CHECK_THAT(slurp(base + ".svg"), Contains("never increases"));
    CHECK(said["models"].size() > 1);
  }
  // As low as it comes; a floor that is out of reach leaves nothing behind.
  CHECK(descend(" --loss hinge").exit == 0);
  const Ran low = descend(" --loss cross-entropy --floor 1/1000000000000000000000000000000");
  CHECK(low.exit == 3);
  CHECK(!fs::exists(folder + "/" + std::to_string(number) + ".case.json"));
  fs::remove_all(folder);
}
