// widecert forward: the values of a layer on samples of a case, exact where they are rational, else enclosed.
#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/ln2_values.h>
#include <widecert/number/error.h>

#include <nlohmann/json.hpp>

#include "commands.h"
#include "entry_parameters.h"
#include "proofs/case_file.h"
#include "proofs/singular/singular_values.h"

namespace widecert::tool {
int run_forward(const Common& common, const ForwardOptions& options) {
  const CaseFile file = read_case(options.case_path);
  if (!file.data) throw InputError(file.path + ": a case without data has no samples");
  const Instance instance = load_instance(file);
  const Architecture& network = instance.network;
  std::size_t node = 0;
  const PointSpec given = parameters_of_entry(file, options.entry, node);
  if (!options.node.empty()) node = network.index_of(options.node, "--node");
  const PointSpec point = point_below(network, given, node);
  const std::size_t n = instance.data.size(), first = options.sample == 0 ? 1 : options.sample;
  if (first > n) throw InputError(fmt::format("--sample {}: there are {} samples", first, n));
  const std::size_t last = options.count == 0 ? first : std::min(n, first + options.count - 1);
  bool exact = rational_valued(network, node);
  for (const auto& [name, tensors] : point)
    for (const auto* tensor : {&tensors.weights, &tensors.bias})
      exact = exact && !(*tensor && std::holds_alternative<Ln2Tensor>(**tensor));
  Json out{{"node", network.node(node).name},
           {"shape", network.node(node).shape},
           {"exact", exact},
           {"samples", Json::array()}};
  const PrecisionScope precision(128);
  std::optional<ExactForward> forward;
  Parameters<Ball> theta;
  if (exact) {
    forward.emplace(network, integer_point(network, point, node), node, instance.data.divisor(),
                    instance.data.largest());
  } else {
    theta = transformed(ln2_parameters(network, point, node), [](const Ln2& v) { return v.enclosure(); });
  }
  if (!common.json && !common.console.quiet) {
    fmt::print("F({}), {}{}, {}\n", network.node(node).name, describe(network.node(node).shape),
               network.node(node).shape.size() > 1 ? " with the channels last" : "",
               exact ? "exact" : "enclosed: the value lies in the interval");
  }
  for (std::size_t i = first; i <= last; ++i) {
    Json row = Json::array();
    if (exact) {
      std::vector<Integer> x;
      for (std::size_t j = 0; j < instance.data.width(); ++j) x.push_back(instance.data.numerator(i - 1, j));
      for (const Integer& v : forward->large(std::move(x))) row.push_back(to_json(Rational(v, forward->divisor())));
    } else {
      std::vector<Ball> x;
      for (const Rational& v : instance.data.sample(i - 1)) x.push_back(Ball::enclosing(v));
      for (const Ball& v : node_value(network, theta, x, node))
        row.push_back(shown(Range{v.lower_bound(), v.upper_bound()}, 18));
    }
    if (!common.json && !common.console.quiet) {
      fmt::print("sample {}:", i);
      for (const Json& v : row) fmt::print(" {}", v.is_string() ? v.get<std::string>() : v.dump());
      fmt::print("\n");
    }
    out["samples"].push_back({{"sample", i}, {"values", std::move(row)}});
  }
  if (common.json) fmt::print("{}", to_text(out));
  return kProved;
}

}  // namespace widecert::tool
