#include <cblas.h>
#include <gmp.h>
#include <widecert/network/feature_rows.h>
#include <widecert/network/filtered_forward.h>
#include <widecert/number/clones.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace widecert {
namespace {

constexpr double kUnit = 0x1p-53, kSlack = 1 + 0x1p-30, kTiny = 0x1p-1070;
constexpr double kNever = std::numeric_limits<double>::infinity();

// v - p round(v / p) for integers |v| <= 2^52 + p: exact, at most p/2 + 1 in size.
WIDECERT_CLONES void reduce(double* v, std::size_t count, double p) {
  const double inverse = 1 / p;
  constexpr double kRound = 0x1.8p52;  // adding and subtracting it rounds to an integer
  for (std::size_t i = 0; i < count; ++i) {
    const double quotient = (v[i] * inverse + kRound) - kRound;
    v[i] -= quotient * p;
  }
}

double residue(const Integer& v, std::uint64_t p) {
  const auto r = static_cast<double>(mpz_fdiv_ui(v.backend().data(), p));
  return r > static_cast<double>(p / 2) ? r - static_cast<double>(p) : r;
}

void multiply(std::size_t rows, std::size_t cols, std::size_t depth, const double* a, std::size_t stride_a,
              const double* b, std::size_t stride_b, bool add, double* c, std::size_t stride_c) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(rows), static_cast<int>(cols),
              static_cast<int>(depth), 1.0, a, static_cast<int>(stride_a), b, static_cast<int>(stride_b),
              add ? 1.0 : 0.0, c, static_cast<int>(stride_c));
}

}  // namespace

// Row by row, one sample a row. The exact value of an entry is congruent to `residue` (times the
// divisor) and within `error` of `approximation`.
struct FilteredForward::Values {
  std::size_t width = 0;
  std::vector<double> residue, approximation, error;
  Values() = default;
  Values(std::size_t rows, std::size_t columns)
      : width(columns), residue(rows * columns), approximation(rows * columns), error(rows * columns) {}
};

struct FilteredForward::Plan {
  const ExactForward::Step* step = nullptr;
  std::vector<std::size_t> inputs;     // plans
  std::vector<std::size_t> last_uses;  // plans whose values no later one needs
  // Linear: by bank, then position, then filter; the bias by neuron.
  std::vector<double> weights, weight_residues, bias, bias_residues;
  std::vector<char> no_bias;     // exactly 0
  std::vector<double> row_sums;  // of |w~| per bank, the largest over its filters, rounded up
  double most_bias = 0;
  std::vector<std::vector<std::size_t>> patches_of_bank;
  // Sums, batch norm: the factor and shift of each input or channel; leaky relu: those of t < 0 and
  // t >= 0.
  std::vector<double> factor_residues, shift_residues, factors, shifts;
  double input_divisor = 1;
  bool exact_input = false;
};

FilteredForward::~FilteredForward() = default;

FilteredForward::FilteredForward(std::shared_ptr<const ExactForward> exact, const Dataset& data, std::uint64_t prime)
    : exact_(std::move(exact)), data_(data), prime_(prime) {
  if (prime % 2 == 0 || prime >= (1u << 23)) {
    throw InputError("the filtered forward pass needs an odd prime below 2^23");
  }
  openblas_set_num_threads(1);  // the samples are what is shared by the cores
  const Architecture& network = exact_->network();
  std::map<std::size_t, std::size_t> plan_of;
  for (const ExactForward::Step& step : exact_->steps()) {
    const Node& node = network.node(step.node);
    Plan plan;
    plan.step = &step;
    for (std::size_t input : node.inputs) plan.inputs.push_back(plan_of.at(input));
    for (std::size_t done : step.last_uses) plan.last_uses.push_back(plan_of.at(done));
    const auto divisor_of = [&](std::size_t k) -> const Integer& { return plans_[plan.inputs[k]].step->divisor; };
    // Brings everything to one divisor, or scales; and shifts.
    const auto rescale = [&] {
      for (std::size_t k = 0; k < step.factors.size(); ++k) {
        plan.factor_residues.push_back(residue(step.factors[k], prime));
        const Integer& in = divisor_of(std::min(k, plan.inputs.size() - 1));
        plan.factors.push_back(quotient_near(step.factors[k] * in, step.divisor));
      }
      for (const Integer& shift : step.shifts) {
        plan.shift_residues.push_back(residue(shift, prime));
        plan.shifts.push_back(quotient_near(shift, step.divisor));
      }
    };
    std::visit(
        overloaded{[&](const InputSpec&) {
                     plan.input_divisor = quotient_near(step.divisor, 1);
                     const bool power = mpz_popcount(step.divisor.backend().data()) == 1;
                     plan.exact_input = power && step.divisor < Integer(1) << 900 && data.largest() < Integer(1) << 53;
                   },
                   [&](const LinearSpec&) {
                     for (const Integer& w : step.weights) {
                       plan.weight_residues.push_back(residue(w, prime));
                       plan.weights.push_back(quotient_near(w * divisor_of(0), step.divisor));
                     }
                     for (const Integer& b : step.bias) {
                       plan.bias_residues.push_back(residue(b, prime));
                       plan.bias.push_back(quotient_near(b, step.divisor));
                       plan.no_bias.push_back(b == 0);
                       plan.most_bias = std::max(plan.most_bias, std::abs(plan.bias.back()));
                     }
                     plan.patches_of_bank.resize(node.patches->banks());
                     for (std::size_t p = 0; p < node.patches->count(); ++p) {
                       plan.patches_of_bank[node.patches->bank(p)].push_back(p);
                     }
                     for (std::size_t bank = 0; bank < node.patches->banks(); ++bank) {
                       const std::size_t length = node.patches->length(bank);
                       double most = 0;
                       for (std::size_t t = 0; t < node.filters; ++t) {
                         double sum = 0;
                         for (std::size_t r = 0; r < length; ++r) {
                           sum += std::abs(plan.weights[step.bank_begin[bank] + r * node.filters + t]);
                         }
                         most = std::max(most, sum);
                       }
                       // The sum itself is rounded: (1 + u)^K stays below the slack for K < 2^20.
                       plan.row_sums.push_back(length < (std::size_t{1} << 20) ? most * kSlack : kNever);
                     }
                   },
                   [&](const ActivationSpec& activation) {
                     for (std::size_t k = 0; k < step.factors.size(); ++k) {
                       plan.factor_residues.push_back(residue(step.factors[k], prime));
                       const Rational& slope = activation.function.parameter;
                       plan.factors.push_back(k == 0 ? quotient_near(numerator(slope), denominator(slope)) : 1);
                     }
                   },
                   [](const PoolSpec&) {}, [&](const SumSpec&) { rescale(); }, [&](const ConcatSpec&) { rescale(); },
                   [&](const SelectSpec&) { rescale(); }, [&](const BatchNormSpec&) { rescale(); }},
        node.spec);
    plan_of[step.node] = plans_.size();
    plans_.push_back(std::move(plan));
  }
}

FilteredForward::Values FilteredForward::input(const Plan& plan, std::size_t first, std::size_t count) const {
  Values x(count, data_.width());
  const auto* small = data_.small_numerators();
  const auto p = static_cast<std::int64_t>(prime_);
  for (std::size_t i = 0; i < count * x.width; ++i) {
    double value = 0;
    bool zero = false;
    if (small != nullptr) {
      const std::int64_t v = (*small)[first * x.width + i];
      x.residue[i] = static_cast<double>(v % p);
      value = static_cast<double>(v) / plan.input_divisor;
      zero = v == 0;
    } else {
      const Integer v = data_.numerator(first + i / x.width, i % x.width);
      x.residue[i] = residue(v, prime_);
      value = quotient_near(v, plan.step->divisor);
      zero = v == 0;
    }
    x.approximation[i] = value;
    x.error[i] = plan.exact_input || zero ? 0 : 8 * kUnit * std::abs(value) + kTiny;
  }
  reduce(x.residue.data(), x.residue.size(), static_cast<double>(prime_));
  return x;
}

FilteredForward::Values FilteredForward::linear(const Plan& plan, const Values& in, std::vector<char>& failed) const {
  const ExactForward::Step& step = *plan.step;
  const Node& node = exact_->network().node(step.node);
  const std::size_t rows = failed.size(), filters = node.filters;
  const auto p = static_cast<double>(prime_);
  // Partial sums of products of residues stay below 2^52.
  const auto chunk = static_cast<std::size_t>(0x1p52 / ((p / 2 + 1) * (p / 2 + 1)));
  Values y(rows, node.width);

  std::vector<double> bound(rows), underflow(rows);  // of the errors in each sample
  std::vector<double> gathered, gathered_residues, out, out_residues;
  for (std::size_t bank = 0; bank < plan.patches_of_bank.size(); ++bank) {
    const auto& patches = plan.patches_of_bank[bank];
    const std::size_t length = node.patches->length(bank);
    const double* w = &plan.weights[step.bank_begin[bank]];
    const double* w_residues = &plan.weight_residues[step.bank_begin[bank]];
    const double terms = static_cast<double>(length + 16);
    for (std::size_t i = 0; i < rows; ++i) {
      double most = 0, error = 0;
      for (std::size_t h = 0; h < in.width; ++h) {
        most = std::max(most, std::abs(in.approximation[i * in.width + h]));
        error = std::max(error, in.error[i * in.width + h]);
      }
      const double sum = plan.row_sums[bank];
      underflow[i] = terms * kTiny * (1 + most + error);
      bound[i] = (sum * error + terms * kUnit * (sum * most + plan.most_bias)) * kSlack + underflow[i];
      if (!(bound[i] < kNever)) failed[i] = 1;
    }
    // Patches of all samples, one a row, as many at a time as fit into the cache.
    const std::size_t total = rows * patches.size();
    const std::size_t block = std::max<std::size_t>(1, 200'000 / std::max(length, filters));
    for (std::size_t begin = 0; begin < total; begin += block) {
      poll();
      const std::size_t count = std::min(block, total - begin);
      gathered.resize(count * length);
      gathered_residues.resize(count * length);
      out.resize(count * filters);
      out_residues.resize(count * filters);
      for (std::size_t k = 0; k < count; ++k) {
        const std::size_t i = (begin + k) / patches.size(), q = patches[(begin + k) % patches.size()];
        const std::int64_t* entries = &step.patches.entries[step.patches.begin[q]];
        for (std::size_t r = 0; r < length; ++r) {
          const bool padding = entries[r] == kPadding;
          const std::size_t from = i * in.width + static_cast<std::size_t>(padding ? 0 : entries[r]);
          gathered[k * length + r] = padding ? 0 : in.approximation[from];
          gathered_residues[k * length + r] = padding ? 0 : in.residue[from];
        }
      }
      multiply(count, filters, length, gathered.data(), length, w, filters, false, out.data(), filters);
      for (std::size_t from = 0; from < length; from += chunk) {
        multiply(count, filters, std::min(chunk, length - from), &gathered_residues[from], length,
                 w_residues + from * filters, filters, from != 0, out_residues.data(), filters);
        reduce(out_residues.data(), out_residues.size(), p);
      }
      for (std::size_t k = 0; k < count; ++k) {
        const std::size_t i = (begin + k) / patches.size(), q = patches[(begin + k) % patches.size()];
        for (std::size_t t = 0; t < filters; ++t) {
          const std::size_t h = q * filters + t, at = i * node.width + h;
          const double b = plan.bias.empty() ? 0 : plan.bias[h];
          y.residue[at] = out_residues[k * filters + t] + (plan.bias.empty() ? 0 : plan.bias_residues[h]);
          const double value = out[k * filters + t] + b;
          y.approximation[at] = value;
          y.error[at] = bound[i];
          if (std::abs(value) > bound[i]) continue;
          // Close to 0 on the scale of the sample: a bound for this neuron alone.
          double error = 0, size = std::abs(b);
          bool zero = plan.bias.empty() || plan.no_bias[h] != 0;  // all that enters is exactly 0
          for (std::size_t r = 0; r < length; ++r) {
            const std::int64_t entry = step.patches.entries[step.patches.begin[q] + r];
            if (entry == kPadding) continue;
            const std::size_t from = i * in.width + static_cast<std::size_t>(entry);
            const double weight = std::abs(w[r * filters + t]);
            zero = zero && in.approximation[from] == 0 && in.error[from] == 0;
            error += weight * in.error[from];
            size += weight * std::abs(in.approximation[from]);
          }
          y.error[at] = zero ? 0 : std::min(bound[i], (error + terms * kUnit * size) * kSlack + underflow[i]);
        }
      }
    }
  }
  reduce(y.residue.data(), y.residue.size(), p);
  return y;
}

FilteredForward::Values FilteredForward::run(const Plan& plan, const std::vector<const Values*>& in,
                                             std::vector<char>& failed) const {
  const ExactForward::Step& step = *plan.step;
  const Node& node = exact_->network().node(step.node);
  const std::size_t rows = failed.size();
  const auto p = static_cast<double>(prime_);
  Values y(rows, node.width);
  const auto join = [&](bool sum) {
    std::vector<double> size(y.residue.size(), 0);
    for (std::size_t k = 0; k < in.size(); ++k) {
      const Values& x = *in[k];
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t h = 0; h < x.width; ++h) {
          const std::size_t place = node.place(k, h), to = i * node.width + place;
          if (place == Node::kNowhere) continue;
          const std::size_t from = i * x.width + h;
          y.residue[to] += x.residue[from] * plan.factor_residues[k];
          y.approximation[to] += x.approximation[from];
          size[to] += std::abs(x.approximation[from]);
          y.error[to] += x.error[from];
        }
      }
      reduce(y.residue.data(), y.residue.size(), p);
    }
    const double terms = static_cast<double>(in.size() + 4);
    for (std::size_t i = 0; sum && i < y.error.size(); ++i) {
      y.error[i] = (y.error[i] + terms * kUnit * size[i]) * kSlack;
    }
  };
  std::visit(
      overloaded{[](const InputSpec&) { throw InternalError("the data enter by input()"); },
                 [&](const LinearSpec&) { y = linear(plan, *in[0], failed); },
                 [&](const ActivationSpec& activation) {
                   y = *in[0];
                   const ActivationKind kind = activation.function.kind;
                   if (kind == ActivationKind::identity) return;
                   for (std::size_t i = 0; i < y.residue.size(); ++i) {
                     double& value = y.approximation[i];
                     double& error = y.error[i];
                     const int sign = value > error ? 1 : value < -error ? -1 : 0;
                     // An undecided sign; or exactly 0.
                     if (sign == 0 && !(error == 0 && value == 0)) failed[i / node.width] = 1;
                     if (kind == ActivationKind::relu) {
                       if (sign <= 0) y.residue[i] = value = error = 0;
                     } else if (kind == ActivationKind::leaky_relu) {
                       const std::size_t side = sign < 0 ? 0 : 1;
                       y.residue[i] *= plan.factor_residues[side];
                       const double factor = plan.factors[side], before = value;
                       value *= factor;
                       if (side == 0 && !(before == 0 && error == 0)) {
                         error = (std::abs(factor) * error + 16 * kUnit * std::abs(value)) * kSlack +
                                 kTiny * (1 + std::abs(before) + error);
                       }
                     } else {
                       const double least = kind == ActivationKind::sign ? -1 : 0,
                                    middle = kind == ActivationKind::half_step ? 1 : 0,
                                    most = kind == ActivationKind::half_step ? 2 : 1;
                       y.residue[i] = sign < 0 ? least : sign > 0 ? most : middle;
                       value = y.residue[i] / (kind == ActivationKind::half_step ? 2 : 1);
                       error = 0;
                     }
                   }
                 },
                 [&](const PoolSpec& pool) {
                   const Values& x = *in[0];
                   for (std::size_t i = 0; i < rows; ++i) {
                     for (std::size_t h = 0; h < node.width; ++h) {
                       const std::size_t begin = step.patches.begin[h], end = step.patches.begin[h + 1];
                       const std::size_t at = i * node.width + h;
                       if (pool.kind == PoolSpec::Kind::average) {
                         double size = 0, most_error = 0;
                         for (std::size_t k = begin; k < end; ++k) {
                           if (step.patches.entries[k] == kPadding) continue;
                           const std::size_t from = i * x.width + static_cast<std::size_t>(step.patches.entries[k]);
                           y.residue[at] += x.residue[from];
                           y.approximation[at] += x.approximation[from];
                           size += std::abs(x.approximation[from]);
                           most_error += x.error[from];
                         }
                         const auto length = static_cast<double>(end - begin);
                         y.approximation[at] /= length;
                         const bool zero = size == 0 && most_error == 0;
                         y.error[at] = zero ? 0 : (most_error + (length + 16) * kUnit * size) * kSlack + length * kTiny;
                         continue;
                       }
                       // The neuron that certainly has the maximum: no other may exceed it.
                       std::size_t best = 0;
                       bool found = false;
                       for (std::size_t k = begin; k < end; ++k) {
                         if (step.patches.entries[k] == kPadding) continue;
                         const std::size_t from = i * x.width + static_cast<std::size_t>(step.patches.entries[k]);
                         if (!found || x.approximation[from] > x.approximation[best]) best = from;
                         found = true;
                       }
                       for (std::size_t k = begin; k < end; ++k) {
                         if (step.patches.entries[k] == kPadding) continue;
                         const std::size_t from = i * x.width + static_cast<std::size_t>(step.patches.entries[k]);
                         if (from == best) continue;
                         const double gap = x.approximation[best] - x.approximation[from],
                                      error = (x.error[best] + x.error[from]) * kSlack;
                         // Two values known exactly may be equal: either is the maximum.
                         if (!(gap * (1 - 4 * kUnit) > error) && !(gap >= 0 && error == 0)) failed[i] = 1;
                       }
                       y.residue[at] = x.residue[best];
                       y.approximation[at] = x.approximation[best];
                       y.error[at] = x.error[best];
                     }
                   }
                 },
                 [&](const SumSpec&) { join(true); }, [&](const ConcatSpec&) { join(false); },
                 [&](const SelectSpec&) { join(false); },
                 [&](const BatchNormSpec&) {
                   const Values& x = *in[0];
                   for (std::size_t i = 0; i < y.residue.size(); ++i) {
                     const std::size_t c = i % node.width % plan.factors.size();
                     y.residue[i] = x.residue[i] * plan.factor_residues[c] + plan.shift_residues[c];
                     const double product = plan.factors[c] * x.approximation[i];
                     y.approximation[i] = product + plan.shifts[c];
                     const double size = std::abs(product) + std::abs(plan.shifts[c]);
                     y.error[i] = (std::abs(plan.factors[c]) * x.error[i] + 16 * kUnit * size) * kSlack +
                                  kTiny * (1 + std::abs(x.approximation[i]) + x.error[i]);
                   }
                 }},
      node.spec);
  reduce(y.residue.data(), y.residue.size(), p);
  return y;
}

void FilteredForward::operator()(std::size_t first, std::span<std::uint32_t> out) const {
  const std::size_t width = exact_->width(), rows = out.size() / width;
  std::vector<char> failed(rows, 0);
  std::vector<Values> values(plans_.size());
  for (std::size_t k = 0; k < plans_.size(); ++k) {
    std::vector<const Values*> in;
    for (std::size_t input_plan : plans_[k].inputs) in.push_back(&values[input_plan]);
    values[k] = in.empty() ? input(plans_[k], first, rows) : run(plans_[k], in, failed);
    for (std::size_t done : plans_[k].last_uses) values[done] = Values();
  }
  const auto p = static_cast<double>(prime_);
  const Values& last = values.back();
  for (std::size_t i = 0; i < rows; ++i) {
    const auto row = out.subspan(i * width, width);
    if (failed[i] != 0) {
      ++undecided_;
      const std::vector<Integer> v = exact_values(*exact_, data_, first + i);
      for (std::size_t h = 0; h < width; ++h) {
        row[h] = static_cast<std::uint32_t>(mpz_fdiv_ui(v[h].backend().data(), prime_));
      }
      continue;
    }
    for (std::size_t h = 0; h < width; ++h) {
      const double r = last.residue[i * width + h];
      // At most p/2 + 1 in size.
      row[h] = static_cast<std::uint32_t>(r < 0 ? r + p : r >= p ? r - p : r);
    }
  }
}

}  // namespace widecert
