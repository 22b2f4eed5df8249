// widecert import: models of PyTorch become cases whose outputs are PyTorch's, and whose claims hold.
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../paths.h"
#include "../shell.h"

using namespace widecert::test;
using json = nlohmann::json;

TEST_CASE("imported models compute what PyTorch computes, and are proved about") {
  // What the framework's own folding in float32, or its rounded constants, leave as a difference.
  const std::map<std::string, double> largest{
      {"lenet", 1e-15}, {"residual", 1e-13}, {"separable", 1e-7}, {"sequence", 1e-12}, {"rows", 1e-8}};
  for (const auto& [name, most] : largest) {
    INFO(name);
    const std::string folder = scratch("import-" + name), model = cases() + "/imported/" + name;
    const Ran ran =
        run("cd " + folder + " && " + programs() + "/widecert --json import " + model + ".onnx --data " + model +
            "-io.npz --member x --check '" + model + "-io.npz[x]' '" + model + "-io.npz[y]' -o m.case.json");
    INFO(ran.output);
    REQUIRE(ran.exit == 0);
    const json said = json::parse(ran.output);
    CHECK(said["largest_difference"].get<double>() < most);
    CHECK(said["samples"] == 6);
    const Ran proved = run("cd " + folder + " && " + programs() + "/widecert prove m.case.json");
    INFO(proved.output);
    CHECK(proved.exit == 0);
    // Never over what is there.
    const Ran again = run("cd " + folder + " && " + programs() + "/widecert import " + model + ".onnx -o m.case.json");
    CHECK(again.exit == 4);
    CHECK_THAT(again.output, Contains("exists already"));
    // Without data: about the weights.
    CHECK(run("cd " + folder + " && " + programs() + "/widecert import " + model + ".onnx -o weights.case.json").exit ==
          0);
    std::filesystem::remove_all(folder);
  }
}

TEST_CASE("import says what it left off, rounded or read in another order") {
  const std::string folder = scratch("import-notes"), models = cases() + "/imported/";
  const auto import = [&](const std::string& name, const std::string& more = "") {
    return run("cd " + folder + " && " + programs() + "/widecert import " + models + name + ".onnx -o " + name +
               ".case.json " + more)
        .output;
  };
  CHECK_THAT(import("lenet"), Contains("LogSoftmax at the output is left off"));
  CHECK_THAT(import("residual"), Contains("batch norm with its running mean and variance") &&
                                     Contains("rounded to float64") &&
                                     Contains("gelu, which the model spells with Erf"));
  CHECK_THAT(import("sequence"), Contains("alpha 1.5 is not 1; written as 1.5 elu(x) + -0.5 relu(x)"));
  CHECK_THAT(import("separable"), Contains("clipping is written as a difference of relus"));
  const json lenet = json::parse(slurp(folder + "/lenet.case.json"));
  CHECK_THAT(lenet["about"].get<std::string>(), Contains("LogSoftmax at the output is left off"));
  // The flattened image: channels first, which the case says.
  CHECK_THAT(lenet.dump(), Contains("\"flatten\":\"channels-first\"") && Contains("\"axes\":[0,2,3,1]"));
  // The cases of the repository are what import writes.
  for (const char* name : {"lenet", "residual"}) {
    const std::string again = folder + "/again/" + name;
    std::filesystem::create_directories(folder + "/again");
    std::filesystem::copy(models + name + "-io.npz", again + "-io.npz");
    CHECK(run("cd " + folder + "/again && " + programs() + "/widecert import " + models + name + ".onnx --data " +
              name + "-io.npz --member x -o " + name + ".case.json")
              .exit == 0);
    CHECK(slurp(again + ".npz") == slurp(models + name + ".npz"));
    json kept = json::parse(slurp(models + name + ".case.json"));
    for (json& entry : kept["prove"]) entry.erase("expect");
    CHECK(json::parse(slurp(again + ".case.json")) == kept);
  }
  CHECK_THAT(import("none"), Contains("there is no such file"));
  CHECK_THAT(import("rows", "--check " + models + "rows-io.npz[x] " + models + "lenet-io.npz[y]"), Contains("samples"));
  std::filesystem::remove_all(folder);
}
