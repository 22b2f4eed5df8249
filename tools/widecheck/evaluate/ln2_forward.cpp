#include "evaluate/ln2_forward.h"

#include <algorithm>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

// With what its numbers take.
Ln2Tensor measured(Ln2Tensor tensor) {
  mpz_class most = 0;
  for (const Tensor* part : {&tensor.rational, &tensor.times_ln2})
    for (const auto& row : part->rows) most = std::max(most, largest(row));
  tensor.words = Products::words(most);
  return tensor;
}

Ln2Tensor read(const Value& json, const TensorShape& shape, Budget& budget) {
  Ln2Tensor tensor;
  if (!json.has("ln2")) {
    tensor.rational = read_tensor(json, shape, budget);
  } else {
    tensor.times_ln2 = read_tensor(json.at("ln2"), shape, budget);
    if (json.has("plus")) tensor.rational = read_tensor(json.at("plus"), shape, budget);
  }
  return measured(std::move(tensor));
}

Ln2Tensor frozen(const Tensor& tensor, Budget& budget) {
  for (const auto& row : tensor.rows) budget.spend((60 + Products::words(largest(row))) * row.size());
  Ln2Tensor copy;
  copy.rational = tensor;
  return measured(std::move(copy));
}

// The parts of a tensor with the power of ln 2 that each has.
template <class Visit>
void for_each_part(const Ln2Tensor& tensor, Visit visit) {
  if (!tensor.rational.rows.empty()) visit(std::size_t{0}, tensor.rational);
  if (!tensor.times_ln2.rows.empty()) visit(std::size_t{1}, tensor.times_ln2);
}

// The products of a linear node with numbers of so many words.
void pay_for_products(const Node& node, const Ln2Tensor& w, Products words, Budget& budget) {
  Products entries = 0;
  for (std::size_t p = 0; p < node.patches.count(); ++p)
    entries += (node.patches.length(node.patches.bank(p)) + 10) * node.filters;
  budget.spend((40 + words * w.words) * entries);
}

// z where an entry is (z / two) ln 2 for two = 1 or 2. Throws Rejected("irrational").
long multiple_of_ln2(const Ln2Vector& x, std::size_t h, int two, const Node& node) {
  const int power = x.power(h);
  if (power == -1) return 0;
  mpz_class z;
  bool good = power == 1;
  if (good) {
    const mpz_class twice = x.parts()[1].v[h] * two;
    good = mpz_divisible_p(twice.get_mpz_t(), x.parts()[1].divisor.get_mpz_t()) != 0;
    if (good) z = twice / x.parts()[1].divisor;
  }
  require(good, "irrational",
          "layer " + node.name + ": " + node.activation.name + " is rational at integer multiples of ln 2" +
              (two == 2 ? " / 2" : "") + " only; neuron " + number(h + 1) + " is none");
  require(abs(z) <= 65'536, "irrational", "layer " + node.name + ": a multiple of ln 2 beyond 65,536");
  return z.get_si();
}

}  // namespace

Ln2Forward::Ln2Forward(const Context& c, std::size_t target, const Value& point) : c_(c), target_(target) {
  std::vector<std::size_t> named;
  for (std::size_t i : linear_nodes(c.network, target)) {
    const Node& node = c.network.node(i);
    Ln2Parameters& p = theta_[i];
    if (node.frozen_weights) p.weights = frozen(*node.frozen_weights, c.budget);
    if (node.frozen_bias) p.bias = frozen(*node.frozen_bias, c.budget);
    if (node.frozen_weights && !node.free_bias()) continue;
    named.push_back(i);
    const Value tensors = point.at(node.name);
    if (!node.frozen_weights) p.weights = read(tensors.at("weights"), weights_shape(node), c.budget);
    if (node.free_bias()) p.bias = read(tensors.at("bias"), bias_shape(node), c.budget);
  }
  require_nodes(c.network, named, point);
}

void Ln2Forward::for_each(const std::function<void(std::size_t, const Values&)>& visit) const {
  c_.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) { visit(i, (*this)(x)); });
}

Ln2Vector Ln2Forward::linear(std::size_t i, const Ln2Vector& x) const {
  const Node& node = c_.network.node(i);
  Ln2Vector y(node.width);
  for_each_part(theta_.at(i).weights, [&](std::size_t power, const Tensor& w) {
    for (std::size_t e = 0; e < x.parts().size(); ++e) {
      const Ln2Vector::Part& part = x.parts()[e];
      if (part.zero()) continue;
      pay_for_products(node, theta_.at(i).weights, Products::words(largest(part.v)), c_.budget);
      std::vector<mpz_class> sums(node.width);
      for (std::size_t p = 0; p < node.patches.count(); ++p) {
        const auto* filters = &w.rows[node.patches.bank(p) * node.filters];
        for (std::size_t t = 0; t < node.filters; ++t) {
          mpz_class& sum = sums[p * node.filters + t];
          node.patches.for_each_seen(p, [&](std::size_t r, std::size_t input) {
            mpz_addmul(sum.get_mpz_t(), filters[t][r].get_mpz_t(), part.v[input].get_mpz_t());
          });
        }
      }
      y.add(e + power, sums, part.divisor * w.divisor, c_.budget);
    }
  });
  for_each_part(theta_.at(i).bias, [&](std::size_t power, const Tensor& b) {
    std::vector<mpz_class> values(node.width);
    for (std::size_t h = 0; h < node.width; ++h) values[h] = b.rows[0][c_.network.bias_of(i, h)];
    y.add(power, values, b.divisor, c_.budget);
  });
  return y;
}

Ln2Vector Ln2Forward::activate(const Node& node, const Ln2Vector& x) const {
  const Activation& f = node.activation;
  Budget& budget = c_.budget;
  const auto by_sign = [&](const mpz_class& below, const mpz_class& above, const mpz_class& over) {
    std::vector<int> signs(x.size());
    for (std::size_t h = 0; h < x.size(); ++h) signs[h] = x.at(h, budget).sign(budget);
    return x.mapped(
        x.size(), over,
        [&](const std::vector<mpz_class>& v) {
          budget.spend((60 + Products::words(largest(v)) * (Products::words(below) + Products::words(above))) *
                       v.size());
          std::vector<mpz_class> y(v.size());
          for (std::size_t h = 0; h < v.size(); ++h) y[h] = v[h] * (signs[h] < 0 ? below : above);
          return y;
        },
        budget);
  };
  const auto logistic = [&](int two, int sign) {
    Ln2Vector y(x.size());
    std::vector<long> z(x.size());
    mpz_class divisor = 1, one = 1;
    std::map<long, mpz_class> multiple;  // of the divisor, by z
    for (std::size_t h = 0; h < x.size(); ++h) {
      z[h] = sign * multiple_of_ln2(x, h, two, node);
      multiple.emplace(z[h], 0);
    }
    for (const auto& [k, unused] : multiple) {
      budget.spend(100 + 20 * Products::words(divisor) * (1 + Products(std::abs(k)) / 64));
      divisor = lcm(divisor, (one << static_cast<unsigned>(std::abs(k))) + 1);
    }
    budget.spend((60 + 4 * Products::words(divisor) * Products::words(divisor)) * multiple.size());
    // 2^z/(2^z + 1) = 1/(2^-z + 1); for tanh twice that less 1.
    for (auto& [k, v] : multiple) {
      const auto size = static_cast<unsigned>(std::abs(k));
      v = divisor / ((one << size) + 1);
      if (k > 0) v <<= size;
      if (two == 2) v = 2 * v - divisor;
    }
    budget.spend((60 + Products::words(divisor)) * x.size());
    std::vector<mpz_class> values;
    for (long k : z) values.push_back(multiple.at(k));
    y.add(0, values, divisor, budget);
    return y;
  };
  switch (f.function) {
    case Function::identity:
      return x;
    case Function::relu:
      return by_sign(0, 1, 1);
    case Function::leaky_relu:
      return by_sign(f.parameter.get_num(), f.parameter.get_den(), f.parameter.get_den());
    case Function::sigmoid:
      return logistic(1, 1);
    case Function::one_minus_sigmoid:
      return logistic(1, -1);
    case Function::tanh:
      return logistic(2, 1);
    case Function::cubic_sigmoid:  // at 0 alone
      require(x.zero(), "irrational", "layer " + node.name + ": cubic-sigmoid is evaluated exactly at 0 only");
      return logistic(1, 1);
    case Function::elu:
    case Function::softplus:
    case Function::silu:
    case Function::gelu:
    case Function::mish:
    case Function::gaussian:
    case Function::softsign:
    case Function::hard_swish:
    case Function::step:
    case Function::half_step:
    case Function::sign:
      break;
  }
  throw Rejected("irrational", "layer " + node.name + ": " + f.name + " is not evaluated over Q[ln 2]");
}

namespace {

// The neuron of a patch with the largest value, and whether another one has it too.
std::pair<std::size_t, bool> largest_of(const Node& node, std::size_t p, const Ln2Vector& x, Budget& budget) {
  std::size_t best = 0;
  bool first = true, twice = false;
  Ln2 most;
  node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) {
    const Ln2 value = x.at(input, budget);
    const int sign = first ? 1 : value.plus(most.negative(), budget).sign(budget);
    first = false;
    if (sign > 0) {
      most = value;
      best = input;
    }
    twice = sign == 0 || (twice && sign < 0);
  });
  return {best, twice};
}

}  // namespace

Ln2Vector Ln2Forward::pool(const Node& node, const Ln2Vector& x) const {
  Budget& budget = c_.budget;
  if (node.op == Op::max_pool) {
    std::vector<std::size_t> from;
    for (std::size_t p = 0; p < node.patches.count(); ++p) from.push_back(largest_of(node, p, x, budget).first);
    return x.mapped(
        node.width, 1,
        [&](const std::vector<mpz_class>& v) {
          budget.spend((60 + Products::words(largest(v))) * from.size());
          std::vector<mpz_class> y;
          for (std::size_t input : from) y.push_back(v[input]);
          return y;
        },
        budget);
  }
  return x.mapped(
      node.width, static_cast<unsigned long>(pool_length(node)),
      [&](const std::vector<mpz_class>& v) {
        budget.spend((60 + Products::words(largest(v))) * node.width * node.terms());
        std::vector<mpz_class> y(node.width);
        for (std::size_t p = 0; p < node.patches.count(); ++p)
          node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) { y[p] += v[input]; });
        return y;
      },
      budget);
}

Ln2Forward::Values Ln2Forward::operator()(const std::vector<mpz_class>& x) const {
  Values values;
  for (std::size_t i : c_.network.below(target_)) {
    const Node& node = c_.network.node(i);
    const auto in = [&](std::size_t k) -> const Ln2Vector& { return values.at(node.inputs[k]); };
    c_.budget.spend(1000 + 60 * Products(node.width));
    Ln2Vector y(node.width);
    switch (node.op) {
      case Op::input:
        y = Ln2Vector(x, c_.data.divisor());
        break;
      case Op::linear:
        y = linear(i, in(0));
        break;
      case Op::activation:
        y = activate(node, in(0));
        break;
      case Op::max_pool:
      case Op::average_pool:
        y = pool(node, in(0));
        break;
      case Op::sum:
        for (std::size_t k = 0; k < node.inputs.size(); ++k) y.add(in(k), c_.budget);
        break;
      case Op::concat:
      case Op::select:
        for (std::size_t k = 0; k < node.inputs.size(); ++k)
          y.add(in(k).mapped(
                    node.width, 1,
                    [&](const std::vector<mpz_class>& v) {
                      c_.budget.spend((60 + Products::words(largest(v))) * v.size());
                      std::vector<mpz_class> out(node.width);
                      for (std::size_t h = 0; h < v.size(); ++h)
                        if (const std::size_t to = node.place(k, h); to != Node::kNowhere) out[to] = v[h];
                      return out;
                    },
                    c_.budget),
                c_.budget);
        break;
      case Op::batch_norm: {
        y = in(0).mapped(
            node.width, node.scale->divisor,
            [&](const std::vector<mpz_class>& v) {
              c_.budget.spend((60 + Products::words(largest(v)) * Products::words(largest(node.scale->rows[0]))) *
                              v.size());
              std::vector<mpz_class> out(v.size());
              for (std::size_t h = 0; h < v.size(); ++h) out[h] = v[h] * node.scale->rows[0][node.norm_entry(h)];
              return out;
            },
            c_.budget);
        std::vector<mpz_class> shift(node.width);
        for (std::size_t h = 0; h < node.width; ++h) shift[h] = node.shift->rows[0][node.norm_entry(h)];
        y.add(0, shift, node.shift->divisor, c_.budget);
        break;
      }
    }
    values.emplace(i, std::move(y));
  }
  return values;
}

// ---- backward ----

Ln2Gradient::Ln2Gradient(const Ln2Forward& forward) : forward_(forward), budget_(forward.context().budget) {
  for (const auto& [i, theta] : forward.theta()) {
    const Node& node = forward.context().network.node(i);
    Tensors& tensors = sum_[i];
    for (std::size_t length : weights_shape(node).lengths) tensors.weights.emplace_back(length);
    if (node.bias != Bias::none) tensors.bias = Ln2Vector(bias_shape(node).lengths[0]);
  }
}

void Ln2Gradient::collect(std::size_t i, const Ln2Vector& d, const Ln2Vector& x) {
  const Network& network = forward_.context().network;
  const Node& node = network.node(i);
  Tensors& sum = sum_.at(i);
  for (std::size_t e = 0; e < d.parts().size(); ++e) {
    const Ln2Vector::Part& of_d = d.parts()[e];
    if (of_d.zero()) continue;
    const Products words = Products::words(largest(of_d.v));
    if (node.bias != Bias::none) {
      budget_.spend((60 + words) * node.width);
      std::vector<mpz_class> bias(sum.bias.size());
      for (std::size_t h = 0; h < node.width; ++h) bias[network.bias_of(i, h)] += of_d.v[h];
      sum.bias.add(e, bias, of_d.divisor, budget_);
    }
    for (std::size_t f = 0; f < x.parts().size(); ++f) {
      const Ln2Vector::Part& of_x = x.parts()[f];
      if (of_x.zero()) continue;
      budget_.spend((60 + words * Products::words(largest(of_x.v))) * Products(node.terms()) * node.width);
      std::vector<std::vector<mpz_class>> rows;
      for (const Ln2Vector& row : sum.weights) rows.emplace_back(row.size());
      for (std::size_t p = 0; p < node.patches.count(); ++p) {
        for (std::size_t t = 0; t < node.filters; ++t) {
          auto& row = rows[node.patches.bank(p) * node.filters + t];
          const mpz_class& factor = of_d.v[p * node.filters + t];
          node.patches.for_each_seen(p, [&](std::size_t r, std::size_t input) {
            mpz_addmul(row[r].get_mpz_t(), factor.get_mpz_t(), of_x.v[input].get_mpz_t());
          });
        }
      }
      for (std::size_t k = 0; k < rows.size(); ++k)
        sum.weights[k].add(e + f, rows[k], of_d.divisor * of_x.divisor, budget_);
    }
  }
}

Ln2Vector Ln2Gradient::through(std::size_t i, const Ln2Vector& d, std::size_t input) const {
  const Network& network = forward_.context().network;
  const Node& node = network.node(i);
  Ln2Vector below(network.node(input).width);
  for_each_part(forward_.theta().at(i).weights, [&](std::size_t power, const Tensor& w) {
    for (std::size_t e = 0; e < d.parts().size(); ++e) {
      const Ln2Vector::Part& part = d.parts()[e];
      if (part.zero()) continue;
      pay_for_products(node, forward_.theta().at(i).weights, Products::words(largest(part.v)), budget_);
      std::vector<mpz_class> sums(below.size());
      for (std::size_t p = 0; p < node.patches.count(); ++p) {
        const auto* filters = &w.rows[node.patches.bank(p) * node.filters];
        node.patches.for_each_seen(p, [&](std::size_t r, std::size_t to) {
          for (std::size_t t = 0; t < node.filters; ++t)
            mpz_addmul(sums[to].get_mpz_t(), filters[t][r].get_mpz_t(), part.v[p * node.filters + t].get_mpz_t());
        });
      }
      below.add(e + power, sums, part.divisor * w.divisor, budget_);
    }
  });
  return below;
}

Ln2Vector Ln2Gradient::slopes(const Node& node, const Ln2Vector& x, const Ln2Vector& y) const {
  const Activation& f = node.activation;
  const std::vector<mpz_class> ones(x.size(), 1);
  const auto by_sign = [&](const mpq_class& below) {
    std::vector<mpz_class> slopes;
    for (std::size_t h = 0; h < x.size(); ++h) {
      const int sign = x.at(h, budget_).sign(budget_);
      require(sign != 0, "not-differentiable", "layer " + node.name + ": neuron " + number(h + 1) + " is at the kink");
      slopes.push_back(sign > 0 ? below.get_den() : below.get_num());
    }
    return Ln2Vector(slopes, below.get_den());
  };
  const auto sum = [&](Ln2Vector a, const Ln2Vector& b) {
    a.add(b, budget_);
    return a;
  };
  switch (f.function) {
    case Function::cubic_sigmoid:  // at 0
      return Ln2Vector(x.size());
    case Function::identity:
      return {ones, 1};
    case Function::relu:
      return by_sign(0);
    case Function::leaky_relu:
      return by_sign(f.parameter);
    case Function::sigmoid:  // S' = S (1 - S)
      return sum(y, y.times(y, budget_).negative(budget_));
    case Function::one_minus_sigmoid:  // with y = 1 - S
      return sum(y.times(y, budget_), y.negative(budget_));
    case Function::tanh:
      return sum(Ln2Vector(ones, 1), y.times(y, budget_).negative(budget_));
    case Function::elu:
    case Function::softplus:
    case Function::silu:
    case Function::gelu:
    case Function::mish:
    case Function::gaussian:
    case Function::softsign:
    case Function::hard_swish:
    case Function::step:
    case Function::half_step:
    case Function::sign:
      break;
  }
  throw Rejected("not-differentiable", "layer " + node.name + ": no slope of " + f.name + " over Q[ln 2]");
}

Ln2Vector Ln2Gradient::unpool(const Node& node, const Ln2Vector& d, const Ln2Vector& x) const {
  std::vector<std::size_t> from;  // of a maximum
  if (node.op == Op::max_pool) {
    for (std::size_t p = 0; p < node.patches.count(); ++p) {
      const auto [neuron, twice] = largest_of(node, p, x, budget_);
      require(!twice, "not-differentiable", "layer " + node.name + ": a maximum is taken twice");
      from.push_back(neuron);
    }
  }
  const std::size_t length = from.empty() ? pool_length(node) : 1;
  return d.mapped(
      x.size(), static_cast<unsigned long>(length),
      [&](const std::vector<mpz_class>& v) {
        budget_.spend((60 + Products::words(largest(v))) * node.width * node.terms());
        std::vector<mpz_class> below(x.size());
        for (std::size_t p = 0; p < node.patches.count(); ++p) {
          if (!from.empty())
            below[from[p]] += v[p];
          else
            node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) { below[input] += v[p]; });
        }
        return below;
      },
      budget_);
}

void Ln2Gradient::add(const Ln2Forward::Values& values, const Ln2Vector& d) {
  const Network& network = forward_.context().network;
  std::map<std::size_t, Ln2Vector> derivative;  // for the values of each node
  derivative.emplace(forward_.target(), d);
  const auto give = [&](std::size_t input, const Ln2Vector& more) {
    derivative.emplace(input, Ln2Vector(more.size())).first->second.add(more, budget_);
  };
  const std::vector<std::size_t> nodes = network.below(forward_.target());
  for (auto at = nodes.rbegin(); at != nodes.rend(); ++at) {
    const auto found = derivative.find(*at);
    if (found == derivative.end()) continue;
    const Node& node = network.node(*at);
    const Ln2Vector here = std::move(found->second);
    derivative.erase(found);
    budget_.spend(1000 + 60 * Products(node.width));
    const auto in = [&](std::size_t k) -> const Ln2Vector& { return values.at(node.inputs[k]); };
    switch (node.op) {
      case Op::input:
        break;
      case Op::linear:
        collect(*at, here, in(0));
        give(node.inputs[0], through(*at, here, node.inputs[0]));
        break;
      case Op::activation:
        give(node.inputs[0], here.times(slopes(node, in(0), values.at(*at)), budget_));
        break;
      case Op::max_pool:
      case Op::average_pool:
        give(node.inputs[0], unpool(node, here, in(0)));
        break;
      case Op::sum:
        for (std::size_t input : node.inputs) give(input, here);
        break;
      case Op::concat:
      case Op::select:
        for (std::size_t k = 0; k < node.inputs.size(); ++k) {
          const std::size_t input = node.inputs[k], width = network.node(input).width;
          give(input, here.mapped(
                          width, 1,
                          [&](const std::vector<mpz_class>& v) {
                            budget_.spend((60 + Products::words(largest(v))) * width);
                            std::vector<mpz_class> out;
                            for (std::size_t h = 0; h < width; ++h) {
                              const std::size_t from = node.place(k, h);
                              out.push_back(from == Node::kNowhere ? mpz_class(0) : v[from]);
                            }
                            return out;
                          },
                          budget_));
        }
        break;
      case Op::batch_norm:
        give(node.inputs[0],
             here.mapped(
                 node.width, node.scale->divisor,
                 [&](const std::vector<mpz_class>& v) {
                   budget_.spend((60 + Products::words(largest(v)) * Products::words(largest(node.scale->rows[0]))) *
                                 v.size());
                   std::vector<mpz_class> out;
                   for (std::size_t h = 0; h < v.size(); ++h)
                     out.push_back(v[h] * node.scale->rows[0][node.norm_entry(h)]);
                   return out;
                 },
                 budget_));
        break;
    }
  }
}

}  // namespace widecheck
