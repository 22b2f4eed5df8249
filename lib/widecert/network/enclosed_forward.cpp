#include <cblas.h>
#include <widecert/network/double_activation.h>
#include <widecert/network/enclosed_forward.h>
#include <widecert/number/clones.h>
#include <widecert/number/overloaded.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rounding.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace widecert {
namespace {

using Mat = Matrix<double>;

constexpr double kSlack = 1 + 0x1p-30, kTiny = 0x1p-1000;

// radius[t] = a norm[t] + of_bias |bias[t]| + tiny, and middle[t] += bias[t]. A sum that overflowed has the
// radius NaN: its sign may be wrong.
WIDECERT_CLONES void add_radius(double* middle, double* radius, const double* norm, const double* bias,
                                std::size_t count, double a, double of_bias, double tiny) {
  if (bias == nullptr) {
    for (std::size_t t = 0; t < count; ++t) {
      radius[t] = a * norm[t] * kSlack + tiny + (middle[t] - middle[t]);
    }
    return;
  }
  for (std::size_t t = 0; t < count; ++t) {
    middle[t] += bias[t];
    radius[t] = (a * norm[t] + of_bias * std::abs(bias[t])) * kSlack + tiny + (middle[t] - middle[t]);
  }
}

// The sum of squares of gathered entries, in four sums.
struct Norms {
  double x = 0, e = 0;
};
WIDECERT_CLONES Norms norms(const double* x, const double* e, std::size_t count) {
  double sum_x[8] = {}, sum_e[8] = {};
  std::size_t k = 0;
  for (; k + 8 <= count; k += 8) {
    for (std::size_t l = 0; l < 8; ++l) {
      sum_x[l] += x[k + l] * x[k + l];
      sum_e[l] += e[k + l] * e[k + l];
    }
  }
  for (; k < count; ++k) {
    sum_x[0] += x[k] * x[k];
    sum_e[0] += e[k] * e[k];
  }
  Norms total;
  for (std::size_t l = 0; l < 8; ++l) total.x += sum_x[l], total.e += sum_e[l];
  return {sqrt_up(sum_up(total.x, count)), sqrt_up(sum_up(total.e, count))};
}

}  // namespace

struct EnclosedForward::Plan {
  std::size_t node = 0;
  std::vector<std::size_t> inputs;     // plans
  std::vector<std::size_t> last_uses;  // plans whose values no later one needs
  // Linear: by bank, then position, then filter; the bias by neuron.
  std::vector<double> weights, bias, filter_norms;
  std::vector<std::size_t> bank_begin;
  PatchLayout::Flat patches;
  bool whole = false;                   // one patch, all inputs in order
  std::vector<double> factors, shifts;  // of batch norm, by channel
  double divisor = 1;                   // of the input
  bool exact_input = false;
};

EnclosedForward::~EnclosedForward() = default;

EnclosedForward::EnclosedForward(const Architecture& network, const IntegerPoint& point, std::size_t target,
                                 const Dataset& data)
    : network_(network), data_(data) {
  require_ieee();
  std::map<std::size_t, std::size_t> plan_of, last_use;
  const auto nodes = network_.ancestors(target);
  for (std::size_t i : nodes)
    for (std::size_t input : network_.node(i).inputs) last_use[input] = i;
  for (std::size_t i : nodes) {
    const Node& node = network_.node(i);
    Plan plan;
    plan.node = i;
    for (std::size_t input : node.inputs) {
      plan.inputs.push_back(plan_of.at(input));
      if (last_use.at(input) == i) plan.last_uses.push_back(plan_of.at(input));
    }
    if (node.patches) plan.patches = node.patches->flat();
    std::visit(overloaded{[&](const InputSpec&) {
                            plan.divisor = quotient_near(data.divisor(), 1);
                            const bool power = mpz_popcount(data.divisor().backend().data()) == 1;
                            plan.exact_input =
                                power && data.divisor() < Integer(1) << 900 && data.largest() < Integer(1) << 53;
                          },
                          [&](const LinearSpec&) {
                            const auto found = point.find(i);
                            if (found == point.end()) throw ShapeError("no parameters for layer \"" + node.name + "\"");
                            const IntegerTensor &w = found->second.weights, &b = found->second.bias;
                            std::size_t entry = 0;
                            for (std::size_t bank = 0; bank < node.patches->banks(); ++bank) {
                              const std::size_t length = node.patches->length(bank), begin = plan.weights.size();
                              plan.bank_begin.push_back(begin);
                              plan.weights.resize(begin + length * node.filters);
                              for (std::size_t t = 0; t < node.filters; ++t) {
                                double sum = 0;
                                for (std::size_t r = 0; r < length; ++r, ++entry) {
                                  const double value = quotient_near(w.at(entry), w.divisor);
                                  plan.weights[begin + r * node.filters + t] = value;
                                  sum += value * value;
                                }
                                plan.filter_norms.push_back(sqrt_up(sum_up(sum, length)));
                              }
                            }
                            if (!b.shape.empty()) {
                              for (std::size_t h = 0; h < node.width; ++h) {
                                plan.bias.push_back(quotient_near(b.at(network_.bias_index(i, h)), b.divisor));
                              }
                            }
                            const auto& entries = plan.patches.entries;
                            plan.whole = node.patches->count() == 1 && entries.size() == node.patches->inputs();
                            for (std::size_t k = 0; plan.whole && k < entries.size(); ++k) {
                              plan.whole = entries[k] == static_cast<std::int64_t>(k);
                            }
                          },
                          [&](const BatchNormSpec& norm) {
                            const TensorShape shape = network.norm_shape(i);
                            const IntegerTensor scale = expand_integers(norm.scale, shape, "scale"),
                                                shift = expand_integers(norm.shift, shape, "shift");
                            for (std::size_t c = 0; c < shape[0]; ++c) {
                              plan.factors.push_back(quotient_near(scale.at(c), scale.divisor));
                              plan.shifts.push_back(quotient_near(shift.at(c), shift.divisor));
                            }
                          },
                          [](const ActivationSpec&) {}, [](const PoolSpec&) {}, [](const SumSpec&) {},
                          [](const ConcatSpec&) {}, [](const SelectSpec&) {}},
               node.spec);
    plan_of[i] = plans_.size();
    plans_.push_back(std::move(plan));
  }
}

EnclosedValues EnclosedForward::run(const Plan& plan, const std::vector<const EnclosedValues*>& in, std::size_t first,
                                    std::size_t count) const {
  const Node& node = network_.node(plan.node);
  const auto rows = static_cast<Eigen::Index>(count), width = static_cast<Eigen::Index>(node.width);
  EnclosedValues y{Mat(rows, width), Mat(rows, width)};
  double* middle = y.middle.data();
  double* radius = y.radius.data();
  const auto size = static_cast<std::size_t>(y.middle.size());

  const auto join = [&](bool sum) {
    y.middle.setZero();
    y.radius.setZero();
    for (std::size_t k = 0; k < in.size(); ++k) {
      const auto in_width = static_cast<std::size_t>(in[k]->middle.cols());
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t h = 0; h < in_width; ++h) {
          const std::size_t place = node.place(k, h), to = i * node.width + place;
          if (place == Node::kNowhere) continue;
          const double x = in[k]->middle.data()[i * in_width + h], e = in[k]->radius.data()[i * in_width + h];
          middle[to] += x;
          // Rounding of this addition: u times the sum so far.
          radius[to] =
              sum ? (radius[to] + e + 2 * kUnitRoundoff * std::abs(middle[to])) * kSlack + (middle[to] - middle[to])
                  : e;
        }
      }
    }
  };
  std::visit(
      overloaded{[&](const InputSpec&) {
                   const auto* small = plan.divisor < 0x1p1000 ? data_.small_numerators() : nullptr;
                   for (std::size_t k = 0; k < size; ++k) {
                     double value = 0;
                     bool exact = plan.exact_input;
                     if (small != nullptr) {
                       const std::int64_t v = (*small)[first * node.width + k];
                       value = static_cast<double>(v) / plan.divisor;
                       exact = exact || v == 0;
                     } else {
                       value = quotient_near(data_.numerator(first + k / node.width, k % node.width), data_.divisor());
                       exact = false;
                     }
                     middle[k] = value;
                     radius[k] = exact ? 0 : 8 * kUnitRoundoff * std::abs(value) + kTiny;
                   }
                 },
                 [&](const LinearSpec&) {
                   const EnclosedValues& x = *in[0];
                   const auto in_width = static_cast<std::size_t>(x.middle.cols());
                   const std::size_t filters = node.filters, patches = node.patches->count();
                   std::vector<std::vector<std::size_t>> of_bank(node.patches->banks());
                   for (std::size_t p = 0; p < patches; ++p) of_bank[node.patches->bank(p)].push_back(p);
                   std::vector<double> gathered, gathered_radius, out;
                   for (std::size_t bank = 0; bank < of_bank.size(); ++bank) {
                     const auto& list = of_bank[bank];
                     const std::size_t length = node.patches->length(bank), total = count * list.size();
                     const double* w = &plan.weights[plan.bank_begin[bank]];
                     const double* filter_norms = &plan.filter_norms[bank * filters];
                     const double rounding = gamma_up(static_cast<double>(length + 16));
                     const auto finish = [&](std::size_t k, const double* xs, const double* es) {
                       const std::size_t i = k / list.size(), at = i * node.width + list[k % list.size()] * filters;
                       const Norms n = norms(xs, es, length);
                       add_radius(middle + at, radius + at, filter_norms,
                                  plan.bias.empty() ? nullptr : &plan.bias[at - i * node.width], filters,
                                  n.e + rounding * n.x, rounding, kTiny * (1 + n.x + n.e));
                     };
                     const auto multiply = [&](std::size_t many, const double* a, double* c) {
                       cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(many),
                                   static_cast<int>(filters), static_cast<int>(length), 1.0, a,
                                   static_cast<int>(length), w, static_cast<int>(filters), 0.0, c,
                                   static_cast<int>(filters));
                     };
                     if (plan.whole) {
                       multiply(count, x.middle.data(), middle);
                       for (std::size_t k = 0; k < count; ++k) {
                         finish(k, x.middle.data() + k * in_width, x.radius.data() + k * in_width);
                       }
                       continue;
                     }
                     // Patches, one a row, as many at a time as fit into the cache.
                     const std::size_t block = std::max<std::size_t>(1, 30'000 / std::max(length, filters));
                     const bool in_place = patches == list.size();  // all outputs in order
                     for (std::size_t begin = 0; begin < total; begin += block) {
                       poll();
                       const std::size_t many = std::min(block, total - begin);
                       gathered.resize(many * length);
                       gathered_radius.resize(many * length);
                       if (!in_place) out.resize(many * filters);
                       for (std::size_t k = 0; k < many; ++k) {
                         const std::size_t i = (begin + k) / list.size(), q = list[(begin + k) % list.size()];
                         const std::int64_t* entries = &plan.patches.entries[plan.patches.begin[q]];
                         const double* from = x.middle.data() + i * in_width;
                         const double* from_radius = x.radius.data() + i * in_width;
                         for (std::size_t r = 0; r < length; ++r) {
                           const bool padding = entries[r] == kPadding;
                           gathered[k * length + r] = padding ? 0 : from[entries[r]];
                           gathered_radius[k * length + r] = padding ? 0 : from_radius[entries[r]];
                         }
                       }
                       multiply(many, gathered.data(), in_place ? middle + begin * filters : out.data());
                       for (std::size_t k = 0; k < many; ++k) {
                         if (!in_place) {
                           const std::size_t i = (begin + k) / list.size(), q = list[(begin + k) % list.size()];
                           std::copy_n(&out[k * filters], filters, middle + i * node.width + q * filters);
                         }
                         finish(begin + k, &gathered[k * length], &gathered_radius[k * length]);
                       }
                     }
                   }
                 },
                 [&](const ActivationSpec& activation) {
                   y = *in[0];
                   enclose_activation(activation.function, {y.middle.data(), size}, {y.radius.data(), size});
                 },
                 [&](const PoolSpec& pool) {
                   const EnclosedValues& x = *in[0];
                   const bool average = pool.kind == PoolSpec::Kind::average;
                   for (std::size_t k = 0; k < size; ++k) {
                     const std::size_t h = k % node.width, i = k / node.width;
                     const double* from = x.middle.data() + static_cast<std::size_t>(x.middle.cols()) * i;
                     const double* from_radius = x.radius.data() + static_cast<std::size_t>(x.middle.cols()) * i;
                     const std::size_t begin = plan.patches.begin[h], end = plan.patches.begin[h + 1];
                     double value = 0, error = 0, absolute = 0;
                     bool empty = true;
                     for (std::size_t p = begin; p < end; ++p) {
                       const std::int64_t e = plan.patches.entries[p];
                       if (e == kPadding) continue;
                       if (average) {
                         value += from[e];
                         absolute += std::abs(from[e]);
                         error += from_radius[e];
                       } else {
                         // |max x - max x~| <= max |x - x~|; a radius that is NaN stays one.
                         value = empty || !(from[e] <= value) ? from[e] : value;
                         if (error == error && !(from_radius[e] <= error)) error = from_radius[e];
                       }
                       empty = false;
                     }
                     if (average) {
                       const auto length = static_cast<double>(end - begin);
                       value /= length;
                       error = ((error + gamma_up(length + 8) * absolute) / length) * kSlack + kTiny + (value - value);
                     }
                     middle[k] = value;
                     radius[k] = error;
                   }
                 },
                 [&](const SumSpec&) { join(true); }, [&](const ConcatSpec&) { join(false); },
                 [&](const SelectSpec&) { join(false); },
                 [&](const BatchNormSpec&) {
                   for (std::size_t k = 0; k < size; ++k) {
                     const std::size_t c = k % node.width % plan.factors.size();
                     const double x = in[0]->middle.data()[k], e = in[0]->radius.data()[k], factor = plan.factors[c],
                                  product = factor * x;
                     middle[k] = product + plan.shifts[c];
                     radius[k] = (std::abs(factor) * (1 + 8 * kUnitRoundoff) * e +
                                  16 * kUnitRoundoff * (std::abs(product) + std::abs(plan.shifts[c]))) *
                                     kSlack +
                                 kTiny * (1 + std::abs(x) + e) + (middle[k] - middle[k]);
                   }
                 }},
      node.spec);
  return y;
}

EnclosedValues EnclosedForward::operator()(std::size_t first, std::size_t count) const {
  openblas_set_num_threads(1);  // the samples are what is shared by the cores
  const std::size_t width = network_.node(plans_.back().node).width;
  std::size_t widest = width;
  for (const Plan& plan : plans_) widest = std::max(widest, network_.node(plan.node).width);
  EnclosedValues result{Mat(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(width)),
                        Mat(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(width))};
  const std::size_t rows = std::clamp<std::size_t>(60'000 / std::max<std::size_t>(1, widest), 1, 256);
  parallel_for((count + rows - 1) / rows, [&](std::size_t block) {
    const std::size_t begin = block * rows, many = std::min(rows, count - begin);
    std::vector<EnclosedValues> values(plans_.size());
    for (std::size_t k = 0; k < plans_.size(); ++k) {
      poll();
      std::vector<const EnclosedValues*> in;
      for (std::size_t input : plans_[k].inputs) in.push_back(&values[input]);
      values[k] = run(plans_[k], in, first + begin, many);
      for (std::size_t done : plans_[k].last_uses) values[done] = EnclosedValues();
    }
    result.middle.middleRows(static_cast<Eigen::Index>(begin), static_cast<Eigen::Index>(many)) = values.back().middle;
    result.radius.middleRows(static_cast<Eigen::Index>(begin), static_cast<Eigen::Index>(many)) = values.back().radius;
  });
  return result;
}

}  // namespace widecert
