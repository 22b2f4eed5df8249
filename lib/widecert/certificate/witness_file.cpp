#include <widecert/certificate/model_json.h>
#include <widecert/certificate/witness_file.h>
#include <widecert/number/error.h>

#include <nlohmann/json.hpp>

namespace widecert {

std::string witness_text(const Architecture& network, const PointSpec& point, const std::optional<Rational>& alpha) {
  Json nodes = Json::object();
  for (const auto& [name, tensors] : point) {
    const std::size_t index = network.index_of(name);
    const auto rational = [&](const TensorSpec& tensor, const TensorShape& shape) {
      return to_json(TensorSpec(ExplicitTensor{expand(tensor, shape, name)}))["rows"];
    };
    const auto rows = [&](const TensorSpec& tensor, const TensorShape& shape) {
      const auto* sum = std::get_if<Ln2Tensor>(&tensor);
      if (sum == nullptr) return rational(tensor, shape);
      Json parts{{"ln2", rational(as_spec(sum->ln2), shape)}};
      if (sum->plus) parts["plus"] = rational(as_spec(*sum->plus), shape);
      return parts;
    };
    Json& out = nodes[name];
    if (tensors.weights) out["weights"] = rows(*tensors.weights, network.weights_shape(index));
    if (tensors.bias) out["bias"] = rows(*tensors.bias, network.bias_shape(index));
  }
  Json out{{"format", "widecert-witness"}, {"version", 1}, {"parameters", nodes}};
  if (alpha) out["alpha"] = widecert::to_json(*alpha);
  return to_text(out);
}

std::map<std::string, NpyIntegers> witness_arrays(const Architecture& network, const PointSpec& point) {
  std::map<std::string, NpyIntegers> arrays;
  for (const auto& [name, tensors] : point) {
    const std::size_t index = network.index_of(name);
    const auto add = [&](const std::string& what, const TensorSpec& spec, const TensorShape& shape) {
      if (std::holds_alternative<Ln2Tensor>(spec))
        throw InputError(what + " has multiples of ln 2; write the witness as .json");
      const IntegerTensor tensor = expand_integers(spec, shape, what);
      const std::size_t length = shape.empty() ? 0 : shape.front();
      if (!tensor.is_small() || tensor.divisor >= Integer(1) << 62) {
        throw InputError(what + " has numbers of more than 63 bits; write the witness as .json");
      }
      // Filters of several lengths (banks) stand one after the other.
      const bool even = tensor.small.size() == length * shape.size();
      arrays[what] = {
          even ? std::vector<std::size_t>{shape.size(), length} : std::vector<std::size_t>{tensor.small.size()},
          tensor.small};
      arrays[what + ".divisor"] = {{}, {tensor.divisor.convert_to<std::int64_t>()}};
    };
    if (tensors.weights) add(name + ".weights", *tensors.weights, network.weights_shape(index));
    if (tensors.bias) add(name + ".bias", *tensors.bias, network.bias_shape(index));
  }
  return arrays;
}

}  // namespace widecert
