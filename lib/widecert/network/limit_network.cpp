#include <widecert/network/limit_network.h>
#include <widecert/number/overloaded.h>

#include <algorithm>

namespace widecert {
namespace {

struct Refused {
  std::string why;
};

// Zero for every entry.
bool is_zero(const TensorSpec& spec) {
  const auto* fill = std::get_if<FillTensor>(&spec);
  if (fill != nullptr) return fill->value == 0;
  if (const auto* file = std::get_if<FileTensor>(&spec)) {
    return std::visit(
        [](const auto& values) { return std::all_of(values.begin(), values.end(), [](auto v) { return v == 0; }); },
        file->array->values);
  }
  const auto* rows = std::get_if<ExplicitTensor>(&spec);
  if (rows == nullptr) return false;
  return std::all_of(rows->rows.begin(), rows->rows.end(), [](const auto& row) {
    return std::all_of(row.begin(), row.end(), [](const Rational& v) { return v == 0; });
  });
}

ActivationKind limit_of(const Node& node, ActivationKind f, LimitKind kind, int degree) {
  if (f == ActivationKind::identity) return f;
  const std::string name(facts(f).name);
  if (degree != 1) {
    throw Refused{"activation \"" + node.name + "\" (" + name + ") acts on values that do not grow with alpha"};
  }
  const bool relu_like = f == ActivationKind::softplus || f == ActivationKind::silu || f == ActivationKind::gelu ||
                         f == ActivationKind::mish;
  if (kind == LimitKind::relu && relu_like) return ActivationKind::relu;
  if (kind == LimitKind::step && f == ActivationKind::sigmoid) return ActivationKind::half_step;
  if (kind == LimitKind::step && f == ActivationKind::tanh) return ActivationKind::sign;
  throw Refused{name + " at \"" + node.name + "\" has no " + (kind == LimitKind::relu ? "relu" : "step") + " limit"};
}

LinearSpec limit_of(const Node& node, LinearSpec spec, LimitKind kind, int degree) {
  const bool scaled = kind == LimitKind::step || degree == 0;
  if (scaled && spec.frozen_weights) {
    throw Refused{"the weights of \"" + node.name + "\" are frozen, but would have to grow"};
  }
  if (kind == LimitKind::step && degree == 1) {
    throw Refused{"linear layer \"" + node.name + "\" follows another without an activation"};
  }
  if (spec.frozen_bias && !is_zero(*spec.frozen_bias)) {
    if (kind == LimitKind::step) {
      throw Refused{"the bias of \"" + node.name + "\" is frozen, but would have to grow"};
    }
    spec.frozen_bias = FillTensor{0};
  }
  return spec;
}

Architecture build(const Architecture& network, std::size_t target, LimitKind kind) {
  Architecture limit(network.node(0).name, network.node(0).shape);
  std::map<std::size_t, int> degree{{0, 0}};
  for (std::size_t i : network.ancestors(target)) {
    if (i == 0) continue;
    const Node& node = network.node(i);
    std::vector<std::string> inputs;
    int least = 1, most = 0;
    for (std::size_t input : node.inputs) {
      least = std::min(least, degree.at(input));
      most = std::max(most, degree.at(input));
    }
    NodeSpec spec = node.spec;
    degree[i] = most;
    const auto refuse_mixed = [&] {
      if (least != most) throw Refused{"\"" + node.name + "\" joins values that grow and values that do not"};
    };
    std::visit(overloaded{[](InputSpec&) {},
                          [&](LinearSpec& linear) {
                            linear = limit_of(node, linear, kind, most);
                            degree[i] = 1;
                          },
                          [&](ActivationSpec& activation) {
                            const bool identity = activation.function.kind == ActivationKind::identity;
                            activation.function = {limit_of(node, activation.function.kind, kind, most), 1};
                            if (kind == LimitKind::step && !identity) degree[i] = 0;
                          },
                          [&](PoolSpec& pool) {
                            if (pool.kind == PoolSpec::Kind::max) {
                              throw Refused{"max pooling at \"" + node.name + "\" is not analytic"};
                            }
                          },
                          [&](SumSpec&) {
                            if (kind == LimitKind::step) refuse_mixed();
                          },
                          [&](ConcatSpec&) { refuse_mixed(); }, [&](SelectSpec&) { refuse_mixed(); },
                          [&](BatchNormSpec& norm) {
                            if (most == 0 || is_zero(norm.shift)) return;
                            if (kind == LimitKind::step) {
                              throw Refused{"the shift of batch norm \"" + node.name + "\" is frozen and not 0"};
                            }
                            norm.shift = FillTensor{0};
                          }},
               spec);
    for (std::size_t input : node.inputs) {
      if (!std::holds_alternative<SumSpec>(spec) || degree.at(input) == most) {
        inputs.push_back(network.node(input).name);
      }
    }
    if (std::holds_alternative<SumSpec>(spec) && inputs.size() == 1) {
      spec = ActivationSpec{{ActivationKind::identity, 1}};
    }
    limit.add(node.name, spec, inputs);
  }
  return limit;
}

}  // namespace

LimitNetwork limit_network(const Architecture& network, std::size_t target, LimitKind kind) {
  try {
    return {build(network, target, kind), ""};
  } catch (const Refused& refused) {
    return {std::nullopt, refused.why};
  }
}

}  // namespace widecert
