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
                                      fmt::format("move-{}.{}.weights", moves_.size() + 1, name), options_, files_);
  if (!tensors.bias.empty()) out.bias = ExplicitTensor{{tensors.bias}};
  return out;
}

Keys Walk::written(std::size_t l, const DenseTensors& tensors) {
  const NodeTensors given = spec(l, tensors);
  Keys keys{{"weights", *given.weights}};
  if (given.bias) keys.emplace_back("bias", *given.bias);
  return keys;
}

void Walk::set(std::size_t l, DenseTensors next) {
  // Not as the move names them: its files are not written yet.
  NodeTensors& here = point_[dense_.linear(l).name];
  here.weights = ExplicitTensor{next.weights};
  if (!next.bias.empty()) here.bias = ExplicitTensor{{next.bias}};
  now_[l - 1] = std::move(next);
}

void Walk::put(const char* move, std::size_t l, DenseTensors next) {
  if (next == now(l)) return;
  Keys keys{{"move", move}};
  if (l < layers()) keys.emplace_back("layer", dense_.linear(l).name);
  const Keys tensors = written(l, next);
  keys.insert(keys.end(), tensors.begin(), tensors.end());
  moves_.push_back(Value::object(keys));
  set(l, std::move(next));
}

bool Walk::straight(std::size_t l, DenseTensors next, const ConvexLoss& loss, double level, std::size_t most_cells) {
  std::vector<DenseTensors> all = now_;
  all[l - 1] = std::move(next);
  return straight(all, loss, level, most_cells);
}

bool Walk::straight(const std::vector<DenseTensors>& next, const ConvexLoss& loss, double level,
                    std::size_t most_cells) {
  if (next == now_) return true;
  PointSpec after = point_;
  for (std::size_t l = 1; l <= layers(); ++l) {
    NodeTensors& there = after[dense_.linear(l).name];
    there.weights = ExplicitTensor{next[l - 1].weights};
    if (!next[l - 1].bias.empty()) there.bias = ExplicitTensor{{next[l - 1].bias}};
  }
  const Chords chords(instance_.network, output_, point_, after, instance_.data);
  if (!chords.obstacle().empty()) throw not_applicable("no-chords", chords.obstacle());
  const auto piece = fewest_cells(chords, loss, level, most_cells);
  if (!piece) return false;
  Keys changed;
  for (std::size_t l = 1; l <= layers(); ++l)
    if (next[l - 1] != now(l))
      changed.emplace_back(dense_.linear(l).name.c_str(), Value::object(written(l, next[l - 1])));
  moves_.push_back(Value::object(
      {{"move", "straight"}, {"layers", Value::object(changed)}, {"cells", piece->cells}, {"bits", piece->bits}}));
  for (std::size_t l = 1; l <= layers(); ++l)
    if (next[l - 1] != now(l)) set(l, next[l - 1]);
  return true;
}

bool Walk::rational(const ConvexLossSpec& loss) const {
  return loss.kind != "cross-entropy" && rational_valued(instance_.network, output_);
}

Rational Walk::above(double phi, const ConvexLossSpec& loss) const {
  const bool exact = rational(loss);
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
