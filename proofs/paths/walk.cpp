#include "proofs/paths/walk.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/exact_forward.h>

#include <nlohmann/json.hpp>

namespace widecert {

DenseLayers Walk::differing(const Instance& instance, std::size_t output, const PointSpec& from,
                            const std::optional<PointSpec>& to) {
  const Architecture& network = instance.network;
  const auto alike = [&](const std::string& name) {
    if (!from.contains(name) || !to->contains(name)) return true;
    const auto text = [&](const PointSpec& point) { return to_text(to_json(PointSpec{{name, point.at(name)}})); };
    return text(from) == text(*to);
  };
  std::size_t lowest = output;
  if (to) {
    for (std::size_t i : linear_nodes(network, output)) {
      if (alike(network.node(i).name)) continue;
      lowest = i;
      break;
    }
  } else if (const std::size_t below = network.node(output).inputs[0]; below != 0) {
    if (std::holds_alternative<ActivationSpec>(network.node(below).spec)) lowest = network.node(below).inputs[0];
  }
  if (network.node(lowest).inputs.empty()) throw not_applicable("not-a-chain", "no layer moves");
  return {instance, network.node(lowest).inputs[0], output};
}

Walk::Walk(const Instance& instance, std::size_t output, const PointSpec& from, const std::optional<PointSpec>& to,
           const Options& options)
    : instance_(instance),
      options_(options),
      output_(output),
      dense_(differing(instance, output, from, to)),
      from_(from),
      point_(from),
      to_(to) {
  for (std::size_t l = 1; l <= layers(); ++l) {
    now_.push_back(read(l, from_));
    end_.push_back(to_ ? read(l, *to_) : now_.back());
  }
}

DenseTensors Walk::read(std::size_t l, const PointSpec& point) const {
  const Architecture& network = instance_.network;
  const std::size_t node = network.index_of(dense_.linear(l).name);
  const PointTensors given = tensors_of(network, point, node);
  DenseTensors out{expand(given.weights, network.weights_shape(node), given.weights_name), {}};
  if (given.bias) out.bias = expand(*given.bias, network.bias_shape(node), given.bias_name).front();
  return out;
}

Eigen::MatrixXd Walk::values(std::size_t l, const PointSpec& point) const {
  Eigen::MatrixXd values = outputs_at(instance_, point, dense_.values(l));
  options_.progress("features", instance_.data.size(), instance_.data.size());
  return values;
}

// What is in a file of the case is named, not written again.
NodeTensors Walk::spec(std::size_t l, const DenseTensors& tensors) {
  const std::string& name = dense_.linear(l).name;
  if (to_ && tensors == end(l)) return to_->at(name);
  NodeTensors out;
  out.weights = wide_tensor_for_claim(ExplicitTensor{tensors.weights},
                                      fmt::format("move-{}.weights", moves_.size() + 1), options_, files_);
  if (!tensors.bias.empty()) out.bias = ExplicitTensor{{tensors.bias}};
  return out;
}

void Walk::put(const char* move, std::size_t l, DenseTensors next, const Keys& more) {
  if (next == now(l)) return;
  const NodeTensors written = spec(l, next);
  Keys tensors{{"weights", *written.weights}};
  if (written.bias) tensors.emplace_back("bias", *written.bias);
  Keys keys{{"move", move}};
  const std::string& name = dense_.linear(l).name;
  if (more.empty()) {
    if (l < layers()) keys.emplace_back("layer", name);
    keys.insert(keys.end(), tensors.begin(), tensors.end());
  } else {
    keys.emplace_back("layers", Value::object({{name.c_str(), Value::object(tensors)}}));
    keys.insert(keys.end(), more.begin(), more.end());
  }
  moves_.push_back(Value::object(keys));
  // In files of their own: the moves name the long ones by bytes that are not written yet.
  NodeTensors& here = point_[name];
  here.weights = ExplicitTensor{next.weights};
  if (!next.bias.empty()) here.bias = ExplicitTensor{{next.bias}};
  now_[l - 1] = std::move(next);
}

bool Walk::straight(std::size_t l, DenseTensors next, const ConvexLoss& loss, double level, std::size_t most_cells) {
  if (next == now(l)) return true;
  PointSpec after = point_;
  NodeTensors& there = after[dense_.linear(l).name];
  there.weights = ExplicitTensor{next.weights};
  if (!next.bias.empty()) there.bias = ExplicitTensor{{next.bias}};
  const Chords chords(instance_.network, output_, point_, after, instance_.data);
  if (!chords.obstacle().empty()) throw not_applicable("no-chords", chords.obstacle());
  const auto piece = fewest_cells(chords, loss, level, most_cells);
  if (!piece) return false;
  put("straight", l, std::move(next), {{"cells", piece->cells}, {"bits", piece->bits}});
  return true;
}

Rational Walk::above(double phi, const ConvexLossSpec& loss) const {
  const bool exact = loss.kind != "cross-entropy" && rational_valued(instance_.network, output_);
  if (exact && phi == 0) return 0;
  const double slack = exact ? 0 : 1e-12 * static_cast<double>(instance_.data.size());
  return short_upper_bound(exactly(phi * (1 + 1e-6) + slack), 20);
}

Outcome Walk::claim(const std::string& text, const char* kind, const ConvexLossSpec& loss, const Keys& rest) {
  Keys keys{{"output", instance_.network.node(output_).name}, {"loss", loss_key(loss)}};
  if (loss.targets) keys.emplace_back("targets", *loss.targets);
  keys.emplace_back("from", from_);
  keys.insert(keys.end(), rest.begin(), rest.end());
  Outcome outcome = proved(text, {{Claim(kind, keys), Proof("moves", {{"moves", moves_}, {"precision", 64}})}});
  outcome.files = files_;
  return outcome;
}

}  // namespace widecert
