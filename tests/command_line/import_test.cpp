// widecert import: models of PyTorch become cases whose outputs are PyTorch's, and whose claims hold.
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../paths.h"
#include "../shell.h"

using namespace widecert::test;
using json = nlohmann::json;

TEST_CASE("imported models compute what PyTorch computes, and are proved about") {
  // What the framework's own folding in float32, or its rounded constants, leave as a difference.
  const std::map<std::string, double> largest{{"lenet", 1e-15},    {"residual", 1e-13}, {"separable", 1e-7},
                                              {"sequence", 1e-12}, {"rows", 1e-8},      {"decoder", 1e-15}};
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
  CHECK_THAT(import("rows", "--check " + models + "rows-io.npz[x] " + models + "lenet-io.npz[y]"),
             Contains("expected samples along the first axis, each of 3"));
  std::filesystem::remove_all(folder);
}

TEST_CASE("tensors of PyTorch become the parameters of layers that are said, or nothing does") {
  const std::string folder = scratch("import-tensors"), base = cases() + "/imported/tensors";
  const std::string words =
      "conv2d:3x3:6:pad1 batchnorm relu maxpool2d:2x2 conv2d:3x3:8:stride2 tanh dense:20 relu dense:20 relu dense:4";
  int number = 0;
  const auto import = [&](const std::string& file, const std::string& layers, const std::string& more = "") {
    return run("cd " + folder + " && " + programs() + "/widecert --json import " + file + " -o " +
               std::to_string(++number) + ".case.json --shape 10x10x3 --architecture '" + layers + "' --check '" +
               base + "-io.npz[x]' '" + base + "-io.npz[y]' " + more);
  };
  for (const char* kind : {".npz", ".safetensors"}) {
    const Ran ran = import(base + kind, words, "--data " + base + "-io.npz --member x");
    INFO(ran.output);
    REQUIRE(ran.exit == 0);
    CHECK(json::parse(ran.output)["largest_difference"].get<double>() < 1e-15);
    CHECK_THAT(ran.output,
               Contains("images below are flattened channels first") && Contains("conv1 from 0, norm1 from 1"));
    CHECK(run("cd " + folder + " && " + programs() + "/widecert prove " + std::to_string(number) + ".case.json").exit ==
          0);
  }
  CHECK(slurp(folder + "/1.npz") == slurp(folder + "/2.npz"));
  // Another padding, which no shape shows: the check does.
  const Ran other = import(base + ".npz",
                           "conv2d:3x3:6:pad1 relu batchnorm maxpool2d:2x2 conv2d:3x3:8:stride2 tanh dense:20 relu "
                           "dense:20 relu dense:4");
  CHECK(other.exit == 4);
  CHECK_THAT(other.output, Contains("this is another network than the framework's"));
  const auto refused = [&](const Ran& ran, const std::string& what) {
    INFO(ran.output);
    CHECK(ran.exit == 4);
    CHECK_THAT(ran.output, Contains(what));
  };
  refused(import(base + ".npz", "conv2d:3x3:6:pad1 batchnorm relu dense:4"), "--module LAYER=MODULE");
  refused(import(base + ".npz", words + " dense:4"), "7 layers with parameters");
  const auto swap = words.find("3x3:8");
  refused(import(base + ".npz", std::string(words).replace(swap, 5, "3x3:9")),
          "expects a weight of 9 x 6 x 3 x 3; 4 has 8 x 6 x 3 x 3");
  refused(import(base + ".npz", words, "--module conv1=0 --module norm1=none"), "there are no such tensors");
  refused(import(base + ".npz", words, "--module conv1=0"), "of every layer");
  CHECK(import(
            base + ".npz", words,
            "--module conv1=0 --module norm1=1 --module conv2=4 --module dense1=7 --module dense2=9 --module dense3=11")
            .exit == 0);
  refused(run("cd " + folder + " && " + programs() + "/widecert import " + base + ".npz"), "--architecture says them");
  // Two layers that could be exchanged, in a file without an order.
  const std::string whole = slurp(base + ".safetensors");
  std::uint64_t length = 0;
  std::memcpy(&length, whole.data(), 8);
  const json header = json::parse(whole.substr(8, length));
  const auto with = [&](const json& changed, const std::string& data) {
    const std::string text = changed.dump();
    const std::uint64_t size = text.size();
    spill(folder + "/w.safetensors", std::string(reinterpret_cast<const char*>(&size), 8) + text + data);
    return import("w.safetensors", words);
  };
  const std::string data = whole.substr(8 + length);
  json exchanged = header;  // 11 is a copy of 9, and dense3 has its size
  for (const char* part : {".weight", ".bias"}) exchanged[std::string("11") + part] = header[std::string("9") + part];
  const std::string text = exchanged.dump();
  const std::uint64_t size = text.size();
  spill(folder + "/w.safetensors", std::string(reinterpret_cast<const char*>(&size), 8) + text + data);
  refused(import("w.safetensors", std::string(words).replace(words.rfind(":4"), 2, ":20")), "both fit the layers");
  // Damaged or hostile headers.
  json broken = header;
  broken["0.weight"]["data_offsets"] = {0, 1 << 30};
  refused(with(broken, data), "lie outside the file");
  broken = header;
  broken["0.weight"]["shape"] = {1 << 20, 1 << 20, 3, 3};
  refused(with(broken, data), "2^27");
  broken = header;
  broken["0.weight"]["dtype"] = "F8_E4M3";
  refused(with(broken, data), "expected F16");
  broken = header;
  broken["0.weight"]["shape"] = {6, 3, 3, 4};
  refused(with(broken, data), "bytes of data");
  spill(folder + "/w.safetensors", whole.substr(0, 5));
  refused(import("w.safetensors", words), "cut off");
  spill(folder + "/w.safetensors", std::string(8, '\xff') + whole.substr(8));
  refused(import("w.safetensors", words), "longer than the file");
  spill(folder + "/w.safetensors", whole.substr(0, whole.size() - 10));
  refused(import("w.safetensors", words), "lie outside the file");
  std::filesystem::remove_all(folder);
}

TEST_CASE("raw samples are normalized by a first layer of the case, exactly") {
  const std::string folder = scratch("import-normalized");
  const auto import = [&](const std::string& more) {
    return run("cd " + folder + " && " + programs() + "/widecert --json import " + cases() +
               "/imported/residual.onnx --data " + cases() + "/imported/residual-io.npz --member x -o m.case.json " +
               more);
  };
  const Ran ran = import("--mean 0.5,0.25,0 --std 2,0.3081,1");
  INFO(ran.output);
  REQUIRE(ran.exit == 0);
  const json first = json::parse(slurp(folder + "/m.case.json"))["network"]["nodes"][0];
  CHECK(first["name"] == "normalize");
  CHECK(first["scale"] == json::parse(R"({"rows": [["1/2", "10000/3081", 1]]})"));
  CHECK(first["shift"] == json::parse(R"({"rows": [["-1/4", "-2500/3081", 0]]})"));
  CHECK(run("cd " + folder + " && " + programs() + "/widecert prove m.case.json").exit == 0);
  CHECK(import("--mean 1,2 -o n.case.json").exit != 0);
  CHECK(run("cd " + folder + " && " + programs() + "/widecert import " + cases() +
            "/imported/residual.onnx --std 0 -o z.case.json")
            .exit == 4);
  std::filesystem::remove_all(folder);
}

TEST_CASE("labels of samples: targets of a claim about the loss, or a reason why there is none") {
  const std::string folder = scratch("import-labels"), base = cases() + "/imported/lenet";
  int number = 0;
  const auto import = [&](const std::string& more) {
    return run("cd " + folder + " && " + programs() + "/widecert --json import " + base + ".onnx --data " + base +
               "-io.npz --member x -o " + std::to_string(++number) + ".case.json " + more);
  };
  REQUIRE(import("--labels " + cases() + "/imported/labels.npy").exit == 0);
  const json entry = json::parse(slurp(folder + "/1.case.json"))["prove"].back();
  CHECK(entry["theorem"] == "zero-loss-nearby");
  CHECK(entry["output"] == "fc2");
  CHECK(entry["targets"]["rows"][9][9] == 1);
  CHECK(run("cd " + folder + " && " + programs() + "/widecert prove 1.case.json").exit == 0);
  const auto refused = [&](const std::string& labels, const std::string& what) {
    const Ran ran = import(labels);
    INFO(ran.output);
    CHECK(ran.exit == 4);
    CHECK_THAT(ran.output, Contains(what));
    CHECK_FALSE(std::filesystem::exists(folder + "/" + std::to_string(number) + ".case.json"));
  };
  const auto csv = [&](const std::string& text) {
    spill(folder + "/l.csv", text);
    return "--labels " + folder + "/l.csv";
  };
  CHECK(import(csv("3\n0\n9\n1\n1\n7\n")).exit == 0);
  refused(csv("3\n0\n10\n1\n1\n7\n"), "class 10, but only 10");
  refused(csv("3\n0\n1\n1\n7\n"), "5 of them for 6 samples");
  refused(csv("3\n0\n1\n1\n7\n1\n1\n"), "7 of them for 6 samples");
  refused(csv("3\n0\n0.5\n1\n1\n7\n"), "integers from 0 on");
  refused("--labels column", "a CSV file of data with a --label-column is expected");
  refused("--labels none.npy", "none.npy");
  refused("--labels " + base + "-io.npz", "member");
  // An output that is no dense layer: said.
  CHECK_THAT(import("--labels " + cases() + "/imported/labels.npy --output-value /conv1/Conv_output_0").output,
             Contains("is no dense layer"));
  std::filesystem::remove_all(folder);
}

TEST_CASE("forward prints exact values, or enclosures, of the layer that is asked for") {
  const std::string forward = programs() + "/widecert --json forward " + cases();
  const json exact = json::parse(run(forward + "/critical/convolutional-layer --sample 2").output);
  CHECK(exact["samples"][0]["sample"] == 2);
  // All outputs are the frequencies of the classes: 1/3, and 1/4, 1/2, 1/4.
  const json one_hot = json::parse(run(forward + "/critical/theorem-5.3-one-hot --count 7").output);
  CHECK(one_hot["exact"] == false);
  CHECK_THAT(one_hot["samples"][0]["values"][0].get<std::string>(), Contains("[0.33333333333333333"));
  CHECK_THAT(one_hot["samples"][6]["values"][1].get<std::string>(), Contains("0.5"));
  const json digits = json::parse(run(forward + "/digits/trained").output);
  CHECK(digits["exact"] == true);
  CHECK(digits["samples"][0]["values"].size() == 2304);
  CHECK(run(forward + "/digits/trained --sample 1798").exit == 4);
  CHECK(run(forward + "/digits/trained --node none").exit == 4);
  CHECK(run(forward + "/digits/relu").exit == 4);
}
