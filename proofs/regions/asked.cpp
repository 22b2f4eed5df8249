#include "proofs/regions/asked.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>

#include "proofs/output.h"

namespace widecert {

const std::pair<std::string, std::string> kRegionParametersKey{"parameters",
                                                               "tensors of the linear nodes up to the output"},
    kClassKey{"class", "j, from 0 on"};

std::optional<Outcome> AskedRegion::obstacle(const Architecture& network) const {
  const std::size_t width = network.node(output).width;
  if (width < 2) return not_applicable("width", "one output has no regions");
  if (mine >= width) return not_applicable("width", fmt::format("class {} of {} outputs", mine, width));
  return std::nullopt;
}

std::optional<Outcome> AskedRegion::bent(const Architecture& network) const {
  for (std::size_t i : network.ancestors(output)) {
    const auto* f = std::get_if<ActivationSpec>(&network.node(i).spec);
    if (f != nullptr && !(facts(f->function.kind).piecewise_affine && facts(f->function.kind).continuous))
      return not_applicable("activation", fmt::format("{} is not piecewise linear", describe(f->function)));
  }
  return std::nullopt;
}

std::optional<Outcome> AskedRegion::not_piecewise_linear(const Architecture& network) const {
  if (auto why = bent(network)) return why;
  for (std::size_t i : network.ancestors(output)) {
    const Node& node = network.node(i);
    const auto* pool = std::get_if<PoolSpec>(&node.spec);
    if (pool != nullptr && pool->kind == PoolSpec::Kind::max)
      return not_applicable("max-pooling",
                            fmt::format("layer {} is a max pooling, which is not cut into cells", node.name));
  }
  return std::nullopt;
}

Keys AskedRegion::keys(const Architecture& network) const {
  return {{"output", network.node(output).name}, {"parameters", point}, {"class", mine}};
}

std::vector<Rational> AskedRegion::row(const Architecture& network, const TensorSpec& spec,
                                       const std::string& what) const {
  return expand(spec, TensorShape({network.input_width()}, network.node(0).shape), what).front();
}

AskedRegion read_asked_region(const Entry& entry) {
  const std::size_t output = read_output(entry);
  return {output, entry.json.get("class").size(), read_point(entry.json.get("parameters"))};
}

}  // namespace widecert
