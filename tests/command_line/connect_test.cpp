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
