// The small models that ONNX ships with their inputs and outputs (Debian: libonnx-testdata): every one whose operators
// are ours computes the same, and the others are refused with a reason. Skipped aloud where they are not installed.
#include <widecert/import/onnx_file.h>
#include <widecert/number/error.h>

#include <filesystem>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "../../catch.h"
#include "../../paths.h"
#include "../../shell.h"

using namespace widecert;
using namespace widecert::test;
namespace fs = std::filesystem;

TEST_CASE("ONNX: the models of libonnx-testdata compute what they should, or are refused") {
  const fs::path root = "/usr/share/libonnx-testdata/data";
  if (!fs::exists(root)) {
    std::cout << "SKIPPED: no " << root.string() << " (apt-get install libonnx-testdata)\n";
    return;
  }
  const std::set<std::string> ours{"Conv",          "Gemm",
                                   "MatMul",        "Add",
                                   "Sub",           "Mul",
                                   "Div",           "BatchNormalization",
                                   "Relu",          "LeakyRelu",
                                   "PRelu",         "Elu",
                                   "Selu",          "Sigmoid",
                                   "Tanh",          "Softplus",
                                   "Softsign",      "HardSigmoid",
                                   "Clip",          "MaxPool",
                                   "AveragePool",   "GlobalAveragePool",
                                   "Concat",        "Flatten",
                                   "Reshape",       "Transpose",
                                   "Squeeze",       "Unsqueeze",
                                   "Pad",           "Constant",
                                   "HardSwish",     "Gelu",
                                   "Mish",          "Neg",
                                   "Sum",           "Identity",
                                   "Dropout",       "Cast",
                                   "GlobalMaxPool", "ReduceMean"};
  const std::string folder = scratch("testdata");
  std::size_t agree = 0, models = 0, supported = 0;
  std::map<std::string, std::size_t> reasons;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().filename() != "model.onnx") continue;
    ++models;
    const fs::path sets = entry.path().parent_path() / "test_data_set_0";
    onnx::Graph graph;
    try {
      graph = onnx::read_onnx(entry.path());
    } catch (const InputError&) {
      ++reasons["not read: another opset, or constants that are no numbers"];
      continue;
    }
    std::string command =
        programs() + "/widecert --json import " + entry.path().string() + " -o " + folder + "/m.case.json";
    bool complete = fs::exists(sets / "output_0.pb") && fs::exists(sets / "input_0.pb");
    for (std::size_t k = 1; k < graph.inputs.size(); ++k) {
      const fs::path file = sets / ("input_" + std::to_string(k) + ".pb");
      complete = complete && fs::exists(file);
      command += " --constant '" + graph.inputs[k].name + "=" + file.string() + "'";
    }
    if (!complete) continue;
    const bool known =
        std::all_of(graph.nodes.begin(), graph.nodes.end(), [&](const auto& node) { return ours.contains(node.op); });
    if (!known) {
      ++reasons["other operators"];
      continue;
    }
    ++supported;
    fs::remove(folder + "/m.case.json");
    fs::remove(folder + "/m.npz");
    const Ran ran = run(command + " --check " + (sets / "input_0.pb").string() + " " + (sets / "output_0.pb").string() +
                        " 2> /dev/null");
    INFO(entry.path().string() << "\n" << ran.output);
    if (ran.exit == 0) {
      // (Outputs are in float32.)
      CHECK(nlohmann::json::parse(ran.output)["largest_difference"].get<double>() < 1e-3);
      ++agree;
    } else {
      CHECK(ran.exit == 4);
      // The reason of the first operator, without its name.
      std::string message = nlohmann::json::parse(ran.output)["error"].get<std::string>();
      if (const auto list = message.find("\n  "); list != std::string::npos)
        message = message.substr(list + 3, message.find('\n', list + 3) - list - 3);
      const auto colon = message.find(": ");
      const std::string reason = message.substr(colon == std::string::npos ? 0 : colon + 2, 80);
      CHECK_FALSE(reason.starts_with("this is another network"));
      ++reasons[reason];
    }
  }
  std::cout << models << " models; " << supported << " of operators like ours; " << agree << " agree\n";
  for (const auto& [reason, count] : reasons) std::cout << "  " << count << "  " << reason << "\n";
  CHECK(models > 1000);
  CHECK(agree >= 115);
  fs::remove_all(folder);
}
