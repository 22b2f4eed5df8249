// JSON of parameters at a point and of families theta(alpha).
#include <widecert/certificate/model_json.h>

#include <nlohmann/json.hpp>

namespace widecert {
namespace {

Json to_json(const NodeTensors& tensors) {
  Json out = Json::object();
  if (tensors.weights) out["weights"] = widecert::to_json(*tensors.weights);
  if (tensors.bias) out["bias"] = widecert::to_json(*tensors.bias);
  return out;
}

NodeTensors read_tensors(JsonReader in) {
  NodeTensors tensors;
  if (const auto weights = in.find("weights")) tensors.weights = read_tensor(*weights);
  if (const auto bias = in.find("bias")) tensors.bias = read_tensor(*bias);
  in.done();
  return tensors;
}

// The tensors of a family are all there.
NodeTensors read_weights_and_bias(JsonReader in) {
  in.get("weights");
  return read_tensors(in);
}

}  // namespace

Json to_json(const PointSpec& point) {
  Json out = Json::object();
  for (const auto& [name, tensors] : point) out[name] = to_json(tensors);
  return out;
}

PointSpec read_point(JsonReader in) {
  PointSpec point;
  for (const std::string& name : in.keys()) point[name] = read_tensors(in.get(name.c_str()));
  return point;
}

Json to_json(const Family& family) {
  Json out = Json::object();
  for (const auto& [name, node] : family) {
    out[name] = Json{{"constant", to_json(node.constant)}, {"slope", to_json(node.slope)}};
  }
  return out;
}

Family read_family(JsonReader in) {
  Family family;
  for (const std::string& name : in.keys()) {
    JsonReader node = in.get(name.c_str());
    family[name] = {read_weights_and_bias(node.get("constant")), read_weights_and_bias(node.get("slope"))};
    node.done();
  }
  return family;
}

}  // namespace widecert
