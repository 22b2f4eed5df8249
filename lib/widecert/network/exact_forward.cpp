#include <widecert/network/exact_forward.h>
#include <widecert/number/clones.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <type_traits>

namespace widecert {
namespace {

const Integer kSmall = Integer(1) << 62;
const Integer kTiny = Integer(1) << 31;

// sum[t] += x * w[t].
WIDECERT_CLONES void add_multiple(std::int64_t* sum, std::int64_t x, const std::int64_t* w, std::size_t count) {
  for (std::size_t t = 0; t < count; ++t) sum[t] += x * w[t];
}

// y[t] += sum over r of x[entries[r]] w[r][t], in 32 bits.
WIDECERT_CLONES void tiny_patch(std::int64_t* y, const std::int64_t* x, const std::int64_t* entries, std::size_t length,
                                const std::int32_t* w, std::size_t count) {
  constexpr std::size_t kChunk = 64;
  for (std::size_t begin = 0; begin < count; begin += kChunk) {
    const std::size_t size = std::min(kChunk, count - begin);
    std::int32_t sum[kChunk] = {};
    for (std::size_t r = 0; r < length; ++r) {
      const std::int32_t v = entries[r] == kPadding ? 0 : static_cast<std::int32_t>(x[entries[r]]);
      const std::int32_t* row = w + r * count + begin;
      if (size == kChunk) {
        for (std::size_t t = 0; t < kChunk; ++t) sum[t] += v * row[t];
      } else {
        for (std::size_t t = 0; t < size; ++t) sum[t] += v * row[t];
      }
    }
    for (std::size_t t = 0; t < size; ++t) y[begin + t] += sum[t];
  }
}

WIDECERT_CLONES void add(std::int64_t* y, const std::int64_t* bias, std::size_t count) {
  for (std::size_t h = 0; h < count; ++h) y[h] += bias[h];
}

// Values below, at and above 0 become the given constants.
WIDECERT_CLONES void by_sign(std::int64_t* y, std::size_t count, int below, int at, int above) {
  for (std::size_t h = 0; h < count; ++h) {
    y[h] = (y[h] > 0) * above + (y[h] == 0) * at + (y[h] < 0) * below;
  }
}
void by_sign(Integer* y, std::size_t count, int below, int at, int above) {
  for (std::size_t h = 0; h < count; ++h) y[h] = y[h] > 0 ? above : y[h] < 0 ? below : at;
}
WIDECERT_CLONES void relu(std::int64_t* y, std::size_t count) {
  for (std::size_t h = 0; h < count; ++h) y[h] = y[h] > 0 ? y[h] : 0;
}
void relu(Integer* y, std::size_t count) {
  for (std::size_t h = 0; h < count; ++h)
    if (y[h] < 0) y[h] = 0;
}

template <class T>
T convert(const Integer& v) {
  if constexpr (std::is_same_v<T, Integer>) {
    return v;
  } else {
    return v.convert_to<T>();
  }
}

std::vector<std::int64_t> narrow(const std::vector<Integer>& values) {
  std::vector<std::int64_t> out;
  out.reserve(values.size());
  for (const Integer& v : values) out.push_back(v.convert_to<std::int64_t>());
  return out;
}

std::vector<Integer> wide(const IntegerTensor& tensor, const Integer& factor) {
  std::vector<Integer> out(tensor.large);
  if (tensor.is_small()) out.assign(tensor.small.begin(), tensor.small.end());
  if (factor != 1)
    for (Integer& v : out) v *= factor;
  return out;
}

}  // namespace

bool rational_valued(const Architecture& network, std::size_t node) {
  for (std::size_t i : network.ancestors(node)) {
    const auto* activation = std::get_if<ActivationSpec>(&network.node(i).spec);
    if (activation != nullptr && !facts(activation->function.kind).piecewise_affine) {
      return false;
    }
  }
  return true;
}

ExactForward::ExactForward(const Architecture& network, const IntegerPoint& point, std::size_t target,
                           const Integer& divisor, const Integer& largest)
    : network_(network) {
  if (!rational_valued(network, target)) {
    throw InputError("the values of layer \"" + network.node(target).name +
                     "\" are not rational; expected relu, leaky-relu, identity and steps only");
  }
  std::map<std::size_t, std::size_t> step_of, last_use;
  for (std::size_t i : network.ancestors(target)) {
    const Node& node = network.node(i);
    Step step;
    step.node = i;
    const auto in = [&](std::size_t k) -> const Step& { return steps_[step_of.at(node.inputs.at(k))]; };
    for (std::size_t input : node.inputs) last_use[input] = steps_.size();
    if (node.patches) step.patches = node.patches->flat();
    const auto join = [&](bool sum) {
      step.divisor = 1;
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        step.divisor = lcm(step.divisor, in(k).divisor);
      }
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        step.factors.push_back(step.divisor / in(k).divisor);
        const Integer part = step.factors.back() * in(k).bound;
        step.bound = sum ? Integer(step.bound + part) : std::max(step.bound, part);
      }
    };
    std::visit(overloaded{[&](const InputSpec&) {
                            step.divisor = divisor;
                            step.bound = largest;
                          },
                          [&](const LinearSpec&) {
                            const auto found = point.find(i);
                            if (found == point.end()) throw ShapeError("no parameters for layer \"" + node.name + "\"");
                            prepare_linear(step, found->second, in(0));
                          },
                          [&](const ActivationSpec& activation) {
                            step.divisor = in(0).divisor;
                            step.bound = in(0).bound;
                            const Activation& f = activation.function;
                            if (f.kind == ActivationKind::leaky_relu) {
                              const Integer p = numerator(f.parameter), q = denominator(f.parameter);
                              step.factors = {p, q};
                              step.divisor *= q;
                              step.bound *= std::max(Integer(abs(p)), q);
                            } else if (f.kind == ActivationKind::step || f.kind == ActivationKind::sign) {
                              step.divisor = step.bound = 1;
                            } else if (f.kind == ActivationKind::half_step) {
                              step.divisor = step.bound = 2;
                            }
                          },
                          [&](const PoolSpec& pool) {
                            step.divisor = in(0).divisor;
                            step.bound = in(0).bound;
                            if (pool.kind == PoolSpec::Kind::average) {
                              const std::size_t length = step.patches.begin[1];
                              for (std::size_t p = 1; p < step.patches.begin.size(); ++p) {
                                if (step.patches.begin[p] - step.patches.begin[p - 1] != length) {
                                  throw InputError("layer \"" + node.name +
                                                   "\": average pooling over patches of different lengths");
                                }
                              }
                              step.divisor *= length;
                              step.bound *= length;
                            }
                          },
                          [&](const BatchNormSpec& norm) {
                            const TensorShape shape = network.norm_shape(i);
                            const IntegerTensor scale = expand_integers(norm.scale, shape, "scale");
                            const IntegerTensor shift = expand_integers(norm.shift, shape, "shift");
                            step.divisor = lcm(Integer(in(0).divisor * scale.divisor), shift.divisor);
                            step.factors = wide(scale, step.divisor / Integer(in(0).divisor * scale.divisor));
                            step.shifts = wide(shift, step.divisor / shift.divisor);
                            for (std::size_t c = 0; c < shape[0]; ++c) {
                              step.bound = std::max(step.bound,
                                                    Integer(abs(step.factors[c]) * in(0).bound + abs(step.shifts[c])));
                            }
                          },
                          [&](const SumSpec&) { join(true); }, [&](const ConcatSpec&) { join(false); },
                          [&](const SelectSpec&) { join(false); }},
               node.spec);
    const auto fits = [](const Integer& v) { return abs(v) < kSmall; };
    small_ = small_ && fits(step.bound) && std::all_of(step.factors.begin(), step.factors.end(), fits);
    step_of[i] = steps_.size();
    steps_.push_back(std::move(step));
  }
  for (const auto& [node, step] : last_use) steps_[step].last_uses.push_back(node);
}

void ExactForward::prepare_linear(Step& step, const IntegerParameters& theta, const Step& in) {
  poll();
  const Node& node = network_.node(step.node);
  const Integer product = in.divisor * theta.weights.divisor;
  step.divisor = lcm(product, theta.bias.divisor);
  const std::vector<Integer> rows = wide(theta.weights, step.divisor / product);
  const std::vector<Integer> bias = wide(theta.bias, step.divisor / theta.bias.divisor);
  for (std::size_t h = 0; h < node.width && !bias.empty(); ++h) {
    step.bias.push_back(bias[network_.bias_index(step.node, h)]);
  }

  Integer norm = 0, most_bias = 0, most_weight = 0;
  for (const Integer& b : step.bias) most_bias = std::max(most_bias, Integer(abs(b)));
  std::size_t row = 0, offset = 0;
  step.weights.resize(rows.size());
  for (std::size_t bank = 0; bank < node.patches->banks(); ++bank) {
    const std::size_t length = node.patches->length(bank), begin = offset;
    step.bank_begin.push_back(begin);
    for (std::size_t t = 0; t < node.filters; ++t, ++row) {
      Integer sum = 0;
      for (std::size_t r = 0; r < length; ++r, ++offset) {
        const Integer size = abs(rows[offset]);
        sum += size;
        most_weight = std::max(most_weight, size);
        step.weights[begin + r * node.filters + t] = rows[offset];
      }
      norm = std::max(norm, sum);
    }
  }
  step.bound = norm * in.bound + most_bias;
  // Every partial sum of products is at most norm * in.bound.
  small_ = small_ && most_weight < kSmall && most_bias < kSmall;
  if (!small_) return;
  step.small_weights = narrow(step.weights);
  step.small_bias = narrow(step.bias);
  if (norm * in.bound < kTiny && in.bound < kTiny && most_weight < kTiny) {
    step.tiny_weights.assign(step.small_weights.begin(), step.small_weights.end());
  }
}

template <class T>
std::vector<T> ExactForward::linear(const Step& step, const std::vector<T>& x) const {
  const Node& node = network_.node(step.node);
  const std::size_t filters = node.filters;
  std::vector<T> y(node.width, T(0));
  for (std::size_t p = 0; p < node.patches->count(); ++p) {
    if (p % 64 == 0) poll();
    const std::size_t bank = node.patches->bank(p);
    const std::int64_t* entries = &step.patches.entries[step.patches.begin[p]];
    const std::size_t length = step.patches.begin[p + 1] - step.patches.begin[p];
    T* out = &y[p * filters];
    if constexpr (std::is_same_v<T, std::int64_t>) {
      if (!step.tiny_weights.empty()) {
        tiny_patch(out, x.data(), entries, length, &step.tiny_weights[step.bank_begin[bank]], filters);
      } else {
        for (std::size_t r = 0; r < length; ++r) {
          if (entries[r] == kPadding || x[entries[r]] == 0) continue;
          add_multiple(out, x[entries[r]], &step.small_weights[step.bank_begin[bank] + r * filters], filters);
        }
      }
    } else {
      for (std::size_t r = 0; r < length; ++r) {
        if (r % 64 == 0) poll();
        if (entries[r] == kPadding || x[entries[r]] == 0) continue;
        const Integer* w = &step.weights[step.bank_begin[bank] + r * filters];
        for (std::size_t t = 0; t < filters; ++t) out[t] += x[entries[r]] * w[t];
      }
    }
  }
  if (!step.bias.empty()) {
    if constexpr (std::is_same_v<T, std::int64_t>) {
      add(y.data(), step.small_bias.data(), y.size());
    } else {
      for (std::size_t h = 0; h < y.size(); ++h) y[h] += step.bias[h];
    }
  }
  return y;
}

template <class T>
std::vector<T> ExactForward::run(std::vector<T> x) const {
  std::map<std::size_t, std::vector<T>> value;
  for (const Step& step : steps_) {
    const Node& node = network_.node(step.node);
    const auto in = [&](std::size_t k) -> std::vector<T>& { return value.at(node.inputs[k]); };
    std::vector<T> y;
    const auto join = [&] {
      y.assign(node.width, T(0));
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        const T factor = convert<T>(step.factors[k]);
        const std::vector<T>& from = in(k);
        for (std::size_t h = 0; h < from.size(); ++h) {
          const std::size_t to = node.place(k, h);
          if (to != Node::kNowhere) y[to] += factor * from[h];
        }
      }
    };
    std::visit(
        overloaded{[&](const InputSpec&) { y = std::move(x); }, [&](const LinearSpec&) { y = linear(step, in(0)); },
                   [&](const ActivationSpec& activation) {
                     y = in(0);
                     switch (activation.function.kind) {
                       case ActivationKind::relu:
                         relu(y.data(), y.size());
                         break;
                       case ActivationKind::leaky_relu: {
                         const T p = convert<T>(step.factors[0]), q = convert<T>(step.factors[1]);
                         for (T& v : y) v *= v < 0 ? p : q;
                         break;
                       }
                       case ActivationKind::step:
                         by_sign(y.data(), y.size(), 0, 0, 1);
                         break;
                       case ActivationKind::half_step:
                         by_sign(y.data(), y.size(), 0, 1, 2);
                         break;
                       case ActivationKind::sign:
                         by_sign(y.data(), y.size(), -1, 0, 1);
                         break;
                       default:  // identity
                         break;
                     }
                   },
                   [&](const PoolSpec& pool) {
                     const bool maximum = pool.kind == PoolSpec::Kind::max;
                     const std::vector<T>& from = in(0);
                     y.assign(node.width, T(0));
                     for (std::size_t h = 0; h < node.width; ++h) {
                       bool first = true;
                       for (std::size_t k = step.patches.begin[h]; k < step.patches.begin[h + 1]; ++k) {
                         if (step.patches.entries[k] == kPadding) continue;
                         const T& v = from[static_cast<std::size_t>(step.patches.entries[k])];
                         if (!maximum) {
                           y[h] += v;
                         } else if (first || y[h] < v) {
                           y[h] = v;
                         }
                         first = false;
                       }
                     }
                   },
                   [&](const BatchNormSpec&) {
                     y = in(0);
                     for (std::size_t h = 0; h < y.size(); ++h) {
                       const std::size_t c = h % step.factors.size();
                       y[h] = y[h] * convert<T>(step.factors[c]) + convert<T>(step.shifts[c]);
                     }
                   },
                   [&](const SumSpec&) { join(); }, [&](const ConcatSpec&) { join(); },
                   [&](const SelectSpec&) { join(); }},
        node.spec);
    value[step.node] = std::move(y);
    for (std::size_t node_done : step.last_uses) value.erase(node_done);
  }
  return std::move(value.at(steps_.back().node));
}

std::vector<std::int64_t> ExactForward::small(std::vector<std::int64_t> x) const {
  check(small_, "64-bit values only where bounds exclude overflow");
  return run(std::move(x));
}

std::vector<Integer> ExactForward::large(std::vector<Integer> x) const { return run(std::move(x)); }

}  // namespace widecert
