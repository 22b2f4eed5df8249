#include "evaluate/forward.h"

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "evaluate/activation.h"
#include "evaluate/forward_int64.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::size_t kMaxBits = 65'536;  // of a number in the forward pass
const mpz_class kSmall = mpz_class(1) << 62, kWide = mpz_class(1) << 125, kTiny = mpz_class(1) << 31;

template <class T>
T convert(const mpz_class& v) {
  if constexpr (std::is_same_v<T, mpz_class>)
    return v;
  else
    return static_cast<T>(v.get_si());
}

// The twins of evaluate/forward_int64.h in big integers.
void add(std::vector<mpz_class>& y, const std::vector<mpz_class>& bias) {
  for (std::size_t h = 0; h < y.size(); ++h) y[h] += bias[h];
}
void relu(std::vector<mpz_class>& y) {
  for (mpz_class& v : y)
    if (sgn(v) < 0) v = 0;
}
void step(Function f, std::vector<mpz_class>& y) {
  const int at_zero = f == Function::half_step ? 1 : 0, below = f == Function::sign ? -1 : 0,
            above = f == Function::half_step ? 2 : 1;
  for (mpz_class& v : y) {
    const int side = sgn(v);
    v = side == 0 ? at_zero : side < 0 ? below : above;
  }
}
using int64::add;
using int64::relu;
using int64::step;

std::int64_t to_small(std::int64_t v) { return v; }
std::int64_t to_small(const mpz_class& v) { return v.get_si(); }

mpz_class max_row_norm(const Tensor& tensor) {
  mpz_class norm = 0;
  for (const auto& row : tensor.rows) {
    mpz_class sum = 0;
    for (const mpz_class& w : row) sum += abs(w);
    norm = std::max(norm, sum);
  }
  return norm;
}

}  // namespace

Forward::Forward(const Network& network, std::size_t target, const std::map<std::size_t, Parameters>& theta,
                 const mpz_class& divisor, const mpz_class& largest_input, unsigned bits)
    : network_(network), bits_(bits) {
  for (std::size_t i : network.below(target)) {
    const Node& node = network.node(i);
    Step step;
    step.node = i;
    const auto in = [&](std::size_t k) -> const Step& { return steps_[step_of_.at(node.inputs[k])]; };
    for (std::size_t input : node.inputs) last_use_[input] = i;
    switch (node.op) {
      case Op::input:
        step.divisor = divisor;
        step.bound = largest_input;
        break;
      case Op::linear:
        plan_linear(step, theta.at(i), in(0));
        break;
      case Op::activation:
        plan_activation(step, node.activation, in(0));
        break;
      case Op::max_pool:
      case Op::average_pool: {
        const unsigned long length = pool_length(node), many = node.op == Op::max_pool ? 1 : length;
        step.divisor = in(0).divisor * many;
        step.radius = in(0).radius * many;
        step.bound = in(0).bound * many;
        break;
      }
      case Op::sum:
      case Op::concat:
      case Op::select:
        for (std::size_t k = 0; k < node.inputs.size(); ++k) step.divisor = lcm(step.divisor, in(k).divisor);
        for (std::size_t k = 0; k < node.inputs.size(); ++k) {
          const mpz_class factor = step.divisor / in(k).divisor;
          const mpz_class radius = in(k).radius * factor, bound = in(k).bound * factor;
          step.radius = node.op == Op::sum ? mpz_class(step.radius + radius) : std::max(step.radius, radius);
          step.bound = node.op == Op::sum ? mpz_class(step.bound + bound) : std::max(step.bound, bound);
          step.factors.push_back(factor);
        }
        break;
      case Op::batch_norm: {
        const mpz_class product = in(0).divisor * node.scale->divisor;
        step.divisor = lcm(product, node.shift->divisor);
        for (std::size_t c = 0; c < node.scale->rows[0].size(); ++c) {
          step.factors.push_back(node.scale->rows[0][c] * (step.divisor / product));
          step.shifts.push_back(node.shift->rows[0][c] * (step.divisor / node.shift->divisor));
        }
        step.radius = in(0).radius * largest(step.factors);
        step.bound = in(0).bound * largest(step.factors) + largest(step.shifts);
        break;
      }
    }
    // Exact values grow with depth; a network made to let them explode is refused.
    for (const mpz_class* v : {&step.divisor, &step.radius, &step.bound})
      if (mpz_sizeinbase(v->get_mpz_t(), 2) > kMaxBits)
        throw Malformed("too-large", "layer " + node.name + ": values of more than 65,536 bits");
    const Products words = Products::words(step.bound), count = Products(node.terms()) * node.width;
    // (In 32 bits a product takes a tenth of a nanosecond.)
    small_work_ += 1000 + (3 + (step.fixed ? FixedPoint::kCost : 0)) * Products(node.width) +
                   count / (step.tiny_weights.empty() ? 1 : 4);
    const int overhead = node.op == Op::linear ? 10 : 40;
    work_ += 1000 + 80 * Products(node.width) + (step.wide ? Products(2) : overhead + words * words) * count;
    if (step.wide) work_ += 20 * Products(network.node(node.inputs[0]).width);  // which is brought to 64 bits
    if (node.op == Op::activation) {
      // Of a fraction: a series begins with one, as does a grid.
      const Products argument = Products::words(in(0).bound) + Products::words(in(0).divisor);
      const Products fraction = 16 * argument * argument;
      work_ += (step.grid    ? FixedPoint::kCost + fraction
                : step.fixed ? Products(FixedPoint::kCost)
                             : series_cost(node.activation, bits) + fraction) *
               node.width;
    }
    small_ = small_ && step.bound < kSmall && step.radius < kSmall && largest(step.factors) < kSmall;
    step_of_[i] = steps_.size();
    steps_.push_back(std::move(step));
  }
}

void Forward::plan_linear(Step& step, const Parameters& theta, const Step& in) {
  const Node& node = network_.node(step.node);
  // Tensors are read in their shape; what follows relies on it.
  const std::vector<std::size_t> weights = weights_shape(node).lengths, bias = bias_shape(node).lengths;
  bool fits = theta.weights.rows.size() == weights.size() && theta.bias.rows.size() == bias.size();
  for (std::size_t r = 0; fits && r < weights.size(); ++r) fits = theta.weights.rows[r].size() == weights[r];
  if (!fits || (!bias.empty() && theta.bias.rows[0].size() != bias[0]))
    throw std::logic_error("a tensor has another shape");
  const mpz_class product = in.divisor * theta.weights.divisor;
  step.divisor = lcm(product, theta.bias.divisor);
  const mpz_class factor = step.divisor / product;
  const mpz_class norm = max_row_norm(theta.weights) * factor;
  step.radius = in.radius * norm;
  mpz_class most = 0;
  for (std::size_t bank = 0; bank < node.patches.banks(); ++bank) {
    const std::size_t length = theta.weights.rows[bank * node.filters].size();
    auto& out = step.weights.emplace_back();
    for (std::size_t r = 0; r < length; ++r)
      for (std::size_t t = 0; t < node.filters; ++t)
        out.push_back(theta.weights.rows[bank * node.filters + t][r] * factor);
    most = std::max(most, largest(out));
  }
  if (node.bias != Bias::none) {
    const mpz_class bias_factor = step.divisor / theta.bias.divisor;
    for (std::size_t h = 0; h < node.width; ++h)
      step.bias.push_back(theta.bias.rows[0][network_.bias_of(step.node, h)] * bias_factor);
  }
  // Every partial sum of a neuron stays below the bound.
  step.bound = norm * in.bound + largest(step.bias);
  small_ = small_ && most < kSmall;
  step.wide = most < kSmall && in.bound < kSmall && step.bound < kWide;
  if (!step.wide) return;
  const bool tiny = norm * in.bound < kTiny && in.bound < kTiny && most < kTiny;
  for (const auto& bank : step.weights) {
    auto& out = step.small_weights.emplace_back();
    for (const mpz_class& w : bank) out.push_back(w.get_si());
    if (tiny) step.tiny_weights.emplace_back(out.begin(), out.end());
  }
  if (step.bound >= kSmall) return;
  for (const mpz_class& b : step.bias) step.small_bias.push_back(b.get_si());
}

void Forward::plan_activation(Step& step, const Activation& f, const Step& in) {
  step.divisor = in.divisor;
  step.radius = in.radius;
  step.bound = in.bound;
  if (f.function == Function::leaky_relu) {
    const mpz_class p = f.parameter.get_num(), q = f.parameter.get_den();
    step.factors = {p, q};
    const mpz_class most = std::max(mpz_class(abs(p)), q);
    step.divisor *= q;
    step.radius *= most;
    step.bound *= most;
  } else if (is_step(f.function)) {
    // Known exactly wherever the sign is.
    step.divisor = step.bound = f.function == Function::half_step ? 2 : 1;
    step.radius = 0;
  } else if (!piecewise_linear(f.function)) {
    // The grid of multiples of 2^-bits. The middle of an enclosure of width 2^-bits, rounded down,
    // is within 2 of the exact value; the radius of the argument enters by Lipschitz.
    exact_ = false;
    step.divisor = mpz_class(1) << bits_;
    mpq_class argument(in.radius, in.divisor);
    argument.canonicalize();
    step.fixed = FixedPoint::of(f, in.divisor, in.bound, bits_);
    if (!step.fixed) {
      // Arguments are rounded down to a grid that 62 bits hold, if one no coarser than that of the values does.
      const mpz_class most = in.bound / in.divisor + 2;
      const std::size_t whole = mpz_sizeinbase(mpz_class(std::max(most, f.parameter.get_den())).get_mpz_t(), 2);
      if (whole + bits_ <= 60) {
        const auto grid = static_cast<unsigned>(60 - whole);
        const mpz_class unit = mpz_class(1) << grid;
        step.fixed = FixedPoint::of(f, unit, most * unit, bits_);
        if (step.fixed) {
          step.grid = grid;
          argument += mpq_class(1) / unit;
        }
      }
    }
    step.radius = ceil_of(lipschitz(f) * argument * step.divisor) + 2;
    // Every activation of the table is at most |t| + 2 + (ln 2)/a in size.
    step.bound = (in.bound / in.divisor + 4) * step.divisor;
    if (f.function == Function::softplus) step.bound += (mpz_class(1 / f.parameter) + 1) * step.divisor;
    small_ = small_ && step.fixed && !step.grid;
  }
}

template <class T>
std::vector<T> Forward::linear(const Step& step, const std::vector<T>& x) const {
  const Node& node = network_.node(step.node);
  const std::size_t filters = node.filters;
  std::vector<T> y(node.width);
  std::vector<std::int64_t> small;  // x and sums, where step.wide
  std::vector<Int128> sums;
  if (!std::is_same_v<T, std::int64_t> && step.wide) {
    small.reserve(x.size());
    for (const T& v : x) small.push_back(to_small(v));
    sums.resize(filters);
  }
  for (std::size_t p = 0; p < node.patches.count(); ++p) {
    const std::size_t bank = node.patches.bank(p);
    T* out = &y[p * filters];
    if constexpr (std::is_same_v<T, std::int64_t>) {
      const std::vector<long>& patch = node.patches.entries()[p];
      if (!step.tiny_weights.empty())
        int64::add_patch(out, x.data(), patch, step.tiny_weights[bank].data(), filters);
      else
        int64::add_patch(out, x.data(), patch, step.small_weights[bank].data(), filters);
    } else if (step.wide) {
      std::fill(sums.begin(), sums.end(), 0);
      int64::add_patch(sums.data(), small.data(), node.patches.entries()[p], step.small_weights[bank].data(), filters);
      for (std::size_t t = 0; t < filters; ++t) out[t] = to_big(sums[t]);
    } else {
      node.patches.for_each_seen(p, [&](std::size_t r, std::size_t input) {
        const mpz_class* weights = &step.weights[bank][r * filters];
        for (std::size_t t = 0; t < filters; ++t)
          mpz_addmul(out[t].get_mpz_t(), weights[t].get_mpz_t(), x[input].get_mpz_t());
      });
    }
  }
  if (step.bias.empty()) return y;
  if constexpr (std::is_same_v<T, std::int64_t>)
    add(y, step.small_bias);
  else
    add(y, step.bias);
  return y;
}

template <class T>
void Forward::activate(const Step& plan, std::vector<T>& y) const {
  const Node& node = network_.node(plan.node);
  const Activation& f = node.activation;
  const Step& in = steps_[step_of_.at(node.inputs[0])];
  if (f.function == Function::identity) return;
  if (f.function == Function::relu) {
    relu(y);
  } else if (f.function == Function::leaky_relu) {
    const T p = convert<T>(plan.factors[0]), q = convert<T>(plan.factors[1]);
    for (T& v : y) v *= v < 0 ? p : q;
  } else if (is_step(f.function)) {
    if (in.radius != 0) {
      const T radius = convert<T>(in.radius);
      for (const T& v : y)
        if (v <= radius && v >= -radius) throw Rejected("sign", "the sign of a value below a step is unknown");
    }
    step(f.function, y);
  } else if (plan.fixed) {
    for (T& v : y) {
      if constexpr (std::is_same_v<T, mpz_class>) {
        if (plan.grid) v = floor_div(v << *plan.grid, in.divisor);
        v = static_cast<long>((*plan.fixed)(v.get_si()));
      } else {
        v = (*plan.fixed)(v);
      }
    }
  } else if constexpr (std::is_same_v<T, mpz_class>) {
    const mpz_class& one = plan.divisor;
    for (mpz_class& v : y) {
      mpq_class argument(v, in.divisor);
      argument.canonicalize();
      const Interval enclosure = value(f, argument, bits_);
      require((enclosure.high - enclosure.low) * one <= 2, "precision", "an enclosure is too wide");
      v = floor_of((enclosure.low + enclosure.high) / 2 * one);
    }
  }
}

template <class T, class Seen>
std::vector<T> Forward::run(const std::vector<T>& x, Seen seen) const {
  std::map<std::size_t, std::vector<T>> known;
  for (const Step& step : steps_) {
    const Node& node = network_.node(step.node);
    const auto in = [&](std::size_t k) -> std::vector<T>& { return known.at(node.inputs[k]); };
    std::vector<T> y;
    switch (node.op) {
      case Op::input:
        y = x;
        if constexpr (std::is_same_v<T, mpz_class>)
          if (largest(y) > step.bound) throw std::logic_error("a sample beyond the bound of all");
        break;
      case Op::linear:
        y = linear(step, in(0));
        break;
      case Op::activation:
        y = last_use_.at(node.inputs[0]) == step.node ? std::move(in(0)) : in(0);
        activate(step, y);
        break;
      case Op::max_pool:
      case Op::average_pool:
        for (std::size_t p = 0; p < node.patches.count(); ++p) {
          T result = 0;
          bool first = true;
          node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) {
            const T& v = in(0)[input];
            if (node.op == Op::average_pool)
              result += v;
            else if (first || v > result)
              result = v;
            first = false;
          });
          y.push_back(std::move(result));
        }
        break;
      case Op::sum:
      case Op::concat:
      case Op::select: {
        y.resize(node.width);
        for (std::size_t k = 0; k < node.inputs.size(); ++k) {
          const T factor = convert<T>(step.factors[k]);
          for (std::size_t h = 0; h < in(k).size(); ++h) {
            const std::size_t to = node.place(k, h);
            if (to != Node::kNowhere) y[to] += factor * in(k)[h];
          }
        }
        break;
      }
      case Op::batch_norm:
        y = in(0);
        for (std::size_t h = 0; h < y.size(); ++h) {
          const std::size_t c = node.norm_entry(h);
          y[h] = y[h] * convert<T>(step.factors[c]) + convert<T>(step.shifts[c]);
        }
        break;
    }
    seen(step, y);
    known[step.node] = std::move(y);
    for (std::size_t input : node.inputs)
      if (last_use_.at(input) == step.node) known.erase(input);
  }
  return std::move(known.at(steps_.back().node));
}

Values Forward::operator()(const std::vector<mpz_class>& x) const {
  return {run(x, [](const Step&, const auto&) {}), divisor(), radius()};
}

Values Forward::operator()(const std::vector<mpz_class>& x, const Observer& observe) const {
  return {run(x, [&](const Step& step,
                     const std::vector<mpz_class>& y) { observe(step.node, y, step.divisor, step.radius); }),
          divisor(), radius()};
}

std::vector<std::int64_t> Forward::operator()(const std::vector<std::int64_t>& x) const {
  if (!small_) throw std::logic_error("64-bit values without a bound");
  return run(x, [](const Step&, const auto&) {});
}

}  // namespace widecheck
