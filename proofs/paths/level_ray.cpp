#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/linalg/left_kernel.h>
#include <widecert/network/exact_forward.h>

#include <algorithm>

#include "proofs/output.h"
#include "proofs/paths/paths.h"
#include "proofs/paths/walk.h"

namespace widecert {
namespace {

// A direction of one layer's tensors, and the move that it is.
struct Ray {
  const char* move;
  std::size_t layer;
  DenseTensors direction;
};

DenseTensors zero_like(const DenseTensors& t) {
  DenseTensors zero = t;
  for (auto& row : zero.weights) std::fill(row.begin(), row.end(), Rational(0));
  std::fill(zero.bias.begin(), zero.bias.end(), Rational(0));
  return zero;
}

std::optional<Ray> unused_unit(const Walk& walk, std::size_t l) {
  const DenseTensors& above = walk.now(l + 1);
  for (std::size_t j = 0; j < walk.width(l); ++j) {
    if (std::any_of(above.weights.begin(), above.weights.end(), [&](const auto& row) { return row[j] != 0; })) continue;
    DenseTensors direction = zero_like(walk.now(l));
    direction.weights[j].front() = 1;
    return Ray{"unused", l, std::move(direction)};
  }
  return std::nullopt;
}

// v != 0 with [F_{l-1}, 1] v = 0, or F_{l-1} v = 0 where layer l has no biases.
std::optional<Ray> kernel(const Instance& instance, const PointSpec& point, const Walk& walk, std::size_t l) {
  const std::size_t node = walk.dense().values(l - 1);
  if (!rational_valued(instance.network, node)) return std::nullopt;
  const PointSpec below = point_below(instance.network, point, node);
  const ExactForward forward(instance.network, integer_point(instance.network, below, node), node,
                             instance.data.divisor(), instance.data.largest());
  const std::size_t width = walk.width(l - 1);
  const bool biased = walk.dense().has_biases(l);
  IntegerRows columns(width + (biased ? 1 : 0));  // of [F, 1]
  for (std::size_t i = 0; i < instance.data.size(); ++i) {
    std::vector<Integer> x;
    for (std::size_t k = 0; k < instance.data.width(); ++k) x.push_back(instance.data.numerator(i, k));
    const std::vector<Integer> f = forward.large(std::move(x));
    for (std::size_t j = 0; j < width; ++j) columns[j].push_back(f[j]);
    if (biased) columns.back().push_back(forward.divisor());
  }
  const auto v = left_kernel_vector(columns);
  if (!v) return std::nullopt;
  DenseTensors direction = zero_like(walk.now(l));
  for (std::size_t j = 0; j < width; ++j) direction.weights.front()[j] = (*v)[j];
  if (biased) direction.bias.front() = v->back();
  return Ray{"kernel", l, std::move(direction)};
}

Outcome prove(const Instance& instance, std::size_t output, const PointSpec& point, const Options& options) {
  const Walk walk(instance, output, point, {}, options);
  std::optional<Ray> ray;
  for (std::size_t l = walk.layers(); !ray && l >= 1; --l) {
    options.progress("layers", walk.layers() - l, walk.layers());
    if (l < walk.layers()) ray = unused_unit(walk, l);
    if (!ray) ray = kernel(instance, point, walk, l);
  }
  if (!ray)
    return undecided("no-ray",
                     "no unit of the two uppermost layers is unused, and no exact combination of what they "
                     "read is 0 on all samples");
  const std::string& layer = walk.dense().linear(ray->layer).name;
  std::vector<Attachment> files;
  Keys move{{"move", ray->move},
            {"layer", layer},
            {"weights", wide_tensor_for_claim(ExplicitTensor{ray->direction.weights}, "ray.weights", options, files)}};
  if (!ray->direction.bias.empty()) move.emplace_back("bias", TensorSpec(ExplicitTensor{{ray->direction.bias}}));
  const Claim claim("level-component-unbounded", {{"output", instance.network.node(output).name}, {"from", point}});
  Outcome outcome = proved(fmt::format("a line of layer {} on which the output is constant ({})", layer, ray->move),
                           {{claim, Proof("moves", {{"moves", std::vector<Value>{}}, {"ray", Value::object(move)}})}});
  outcome.files = std::move(files);
  return outcome;
}

}  // namespace

Theorem theorems::level_ray() {
  return {.id = "level-ray",
          .title = "A ray of parameters from a given network on which its outputs are constant",
          .source = "Q. Nguyen's thesis (2019), Theorem 3.4.16 (2), at one point",
          .statement =
              "Whatever the loss, the part of its level set in which the network lies is unbounded: the out-weights of "
              "a unit are 0, so that it may go anywhere; or a combination of what a layer reads is 0 on all "
              "samples and may be added to its weights.",
          .hypotheses = {"a dense output layer, free; with an activation on a dense layer below it, that one too"},
          .claims = {"level-component-unbounded"},
          .rules = {"moves"},
          .reasons = {"no-ray", "layer-kind", "frozen", "not-a-chain"},
          .keys = {kOutputKey, {"from", "the point: tensors of the linear nodes up to the output"}},
          .read = [](const Entry& entry) -> Prover {
            return [output = read_output(entry), point = read_point(entry.json.get("from"))](
                       const Instance& instance, const Options& options) -> Outcome {
              try {
                return prove(instance, output, point, options);
              } catch (const Outcome& obstacle) {
                return obstacle;
              }
            };
          }};
}

}  // namespace widecert
