#include "evaluate/block_forward.h"

#include <algorithm>

#include "kernel/clones.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

using Tap = BlockForward::Tap;
constexpr std::size_t kLanes = BlockForward::kSamples;
constexpr std::size_t kMostValues = std::size_t{1} << 21;  // of all nodes, for one sample
const mpz_class kWide = mpz_class(1) << 62, kNarrow = mpz_class(1) << 31;

// sum[s] += sum over taps of w x[patch[position]][s].
template <class Int>
[[gnu::always_inline]] inline void add_products(Int* sum, const Int* x, const long* patch, const Tap* taps,
                                                std::size_t count) {
  Int lanes[kLanes];
  for (std::size_t s = 0; s < kLanes; ++s) lanes[s] = sum[s];
  for (std::size_t k = 0; k < count; ++k) {
    const long from = patch[taps[k].position];
    if (from == kPad) continue;
    const Int w = static_cast<Int>(taps[k].weight);
    const Int* row = x + static_cast<std::size_t>(from) * kLanes;
    for (std::size_t s = 0; s < kLanes; ++s) lanes[s] += w * row[s];
  }
  for (std::size_t s = 0; s < kLanes; ++s) sum[s] = lanes[s];
}
WIDECHECK_CLONES void add_taps(std::int32_t* sum, const std::int32_t* x, const long* patch, const Tap* taps,
                               std::size_t count) {
  add_products(sum, x, patch, taps, count);
}
WIDECHECK_CLONES void add_taps(std::int64_t* sum, const std::int64_t* x, const long* patch, const Tap* taps,
                               std::size_t count) {
  add_products(sum, x, patch, taps, count);
}

std::int64_t small(const mpz_class& v) { return static_cast<std::int64_t>(v.get_si()); }
std::vector<std::int64_t> small(const std::vector<mpz_class>& values) {
  std::vector<std::int64_t> out;
  for (const mpz_class& v : values) out.push_back(v.fits_slong_p() ? small(v) : 0);
  return out;
}

}  // namespace

BlockForward::BlockForward(const Network& network, const Forward& exact) : network_(network), exact_(exact) {
  if (!exact.exact()) throw std::logic_error("values that are not exact");
  last_use_.resize(exact.steps().size());
  for (const Forward::Step& step : exact.steps()) {
    const Node& node = network.node(step.node);
    Plan plan;
    for (std::size_t input : node.inputs) last_use_[at_.at(input)] = plans_.size();
    plan.factors = small(step.factors);
    plan.shifts = small(step.shifts);
    plan.most_shift = largest(step.shifts);
    plan.norm = std::max(mpz_class(1), largest(step.factors));
    if (node.op == Op::average_pool) plan.norm = pool_length(node);
    if (node.op == Op::linear) plan_taps(plan, step);
    values_ += node.width;
    possible_ = possible_ && plan.norm < kWide && plan.most_shift < kWide && values_ <= kMostValues;
    narrow_ = narrow_ && step.bound < kNarrow && plan.norm < kNarrow && plan.most_shift < kNarrow;
    at_[step.node] = plans_.size();
    plans_.push_back(std::move(plan));
  }
  find_needed();
}

void BlockForward::plan_taps(Plan& plan, const Forward::Step& step) {
  const Node& node = network_.node(step.node);
  plan.bias = small(step.bias);
  plan.most_shift = largest(step.bias);
  plan.norm = 0;
  for (const auto& bank : step.weights) {
    for (std::size_t t = 0; t < node.filters; ++t) {
      auto& taps = plan.taps.emplace_back();
      mpz_class sum = 0;
      for (std::size_t r = 0; r * node.filters < bank.size(); ++r) {
        const mpz_class& w = bank[r * node.filters + t];
        if (w == 0) continue;
        sum += abs(w);
        taps.push_back({static_cast<std::uint32_t>(r), w.fits_slong_p() ? small(w) : 0});
      }
      plan.norm = std::max(plan.norm, sum);
    }
  }
}

// From the target, all of which is needed, down.
void BlockForward::find_needed() {
  std::vector<std::vector<bool>> needed(plans_.size());
  for (std::size_t k = 0; k < plans_.size(); ++k)
    needed[k].resize(network_.node(exact_.steps()[k].node).width, k + 1 == plans_.size());
  for (std::size_t k = plans_.size(); k-- > 0;) {
    const Node& node = network_.node(exact_.steps()[k].node);
    for (std::size_t h = 0; h < node.width; ++h)
      if (needed[k][h]) plans_[k].needed.push_back(static_cast<std::uint32_t>(h));
    const auto below = [&](std::size_t n) -> std::vector<bool>& { return needed[at_.at(node.inputs[n])]; };
    dense_products_ += Products(node.terms()) * node.width;
    switch (node.op) {
      case Op::input:
        break;
      case Op::linear: {
        const auto& patches = node.patches.entries();
        for (std::uint32_t h : plans_[k].needed) {
          const std::size_t p = h / node.filters;
          const auto& taps = plans_[k].taps[node.patches.bank(p) * node.filters + h % node.filters];
          products_ += taps.size();
          for (const Tap& tap : taps)
            if (patches[p][tap.position] != kPad) below(0)[static_cast<std::size_t>(patches[p][tap.position])] = true;
        }
        break;
      }
      case Op::max_pool:
      case Op::average_pool:
        for (std::uint32_t h : plans_[k].needed)
          node.patches.for_each_seen(h, [&](std::size_t, std::size_t input) { below(0)[input] = true; });
        break;
      case Op::activation:
      case Op::batch_norm:
        for (std::uint32_t h : plans_[k].needed) below(0)[h] = true;
        break;
      case Op::sum:
      case Op::concat:
      case Op::select:
        for (std::size_t n = 0; n < node.inputs.size(); ++n) {
          joined_ += below(n).size();
          for (std::size_t h = 0; h < below(n).size(); ++h) {
            const std::size_t to = node.place(n, h);
            if (to != Node::kNowhere && needed[k][to]) below(n)[h] = true;
          }
        }
        break;
    }
    products_ += 4 * plans_[k].needed.size();
  }
}

// Values of all neurons are made and looked at, sums for those that are needed.
Products BlockForward::work() const {
  return 10'000 + products_ * Products(kSamples) / (narrow_ ? 4 : 1) + Products(kSamples) * (values_ + joined_);
}

template <class Int>
void BlockForward::evaluate(std::size_t k, const std::vector<std::vector<Int>>& values, std::vector<Int>& y) const {
  const Plan& plan = plans_[k];
  const Node& node = network_.node(exact_.steps()[k].node);
  const auto in = [&](std::size_t n) -> const std::vector<Int>& { return values[at_.at(node.inputs[n])]; };
  const auto factor = [&](std::size_t n) { return static_cast<Int>(plan.factors[n]); };
  const auto each = [&](auto value) {  // of needed neurons and samples
    for (std::uint32_t h : plan.needed)
      for (std::size_t s = 0; s < kLanes; ++s) y[h * kLanes + s] = value(h, in(0)[h * kLanes + s]);
  };
  const Activation& f = node.activation;
  switch (node.op) {
    case Op::input:
      break;
    case Op::linear:
      for (std::uint32_t h : plan.needed) {
        const std::size_t p = h / node.filters;
        const auto& taps = plan.taps[node.patches.bank(p) * node.filters + h % node.filters];
        Int* sum = &y[h * kLanes];
        if (!plan.bias.empty()) std::fill(sum, sum + kLanes, static_cast<Int>(plan.bias[h]));
        add_taps(sum, in(0).data(), node.patches.entries()[p].data(), taps.data(), taps.size());
      }
      break;
    case Op::activation: {
      const int below = f.function == Function::sign ? -1 : 0, at = f.function == Function::half_step ? 1 : 0,
                above = f.function == Function::half_step ? 2 : 1;
      if (f.function == Function::identity)
        each([](std::uint32_t, Int v) { return v; });
      else if (f.function == Function::relu)
        each([](std::uint32_t, Int v) { return std::max<Int>(v, 0); });
      else if (f.function == Function::leaky_relu)
        each([&](std::uint32_t, Int v) { return v * (v < 0 ? factor(0) : factor(1)); });
      else if (is_step(f.function))
        each([&](std::uint32_t, Int v) { return static_cast<Int>(v < 0 ? below : v > 0 ? above : at); });
      else
        throw std::logic_error("values that are not exact");
      break;
    }
    case Op::max_pool:
    case Op::average_pool:
      for (std::uint32_t h : plan.needed) {
        Int* out = &y[h * kLanes];
        bool first = true;
        node.patches.for_each_seen(h, [&](std::size_t, std::size_t input) {
          const Int* v = &in(0)[input * kLanes];
          for (std::size_t s = 0; s < kLanes; ++s)
            out[s] = node.op == Op::average_pool ? out[s] + v[s] : first ? v[s] : std::max(out[s], v[s]);
          first = false;
        });
      }
      break;
    case Op::sum:
    case Op::concat:
    case Op::select:
      for (std::size_t n = 0; n < node.inputs.size(); ++n) {
        for (std::size_t h = 0; h < network_.node(node.inputs[n]).width; ++h) {
          const std::size_t to = node.place(n, h);
          if (to == Node::kNowhere) continue;
          for (std::size_t s = 0; s < kLanes; ++s) y[to * kLanes + s] += factor(n) * in(n)[h * kLanes + s];
        }
      }
      break;
    case Op::batch_norm:
      each([&](std::uint32_t h, Int v) {
        const std::size_t c = node.norm_entry(h);
        return static_cast<Int>(v * factor(c) + static_cast<Int>(plan.shifts[c]));
      });
      break;
  }
}

template <class Int>
std::optional<std::vector<std::int64_t>> BlockForward::run(const std::vector<std::int64_t>& x) const {
  std::vector<std::vector<Int>> values(plans_.size());
  std::vector<mpz_class> most(plans_.size());
  for (std::size_t k = 0; k < plans_.size(); ++k) {
    const Node& node = network_.node(exact_.steps()[k].node);
    std::vector<Int> y;
    if (node.op == Op::input) {
      y.assign(x.begin(), x.end());
    } else {
      // No partial sum gets beyond it.
      const bool joins = node.op == Op::sum || node.op == Op::concat || node.op == Op::select;
      mpz_class bound = 0;
      for (std::size_t n = 0; n < node.inputs.size(); ++n) {
        const mpz_class& below = most[at_.at(node.inputs[n])];
        const mpz_class part = joins ? below * exact_.steps()[k].factors[n] : below * plans_[k].norm;
        bound = node.op == Op::sum ? mpz_class(bound + part) : std::max(bound, part);
      }
      if (bound + plans_[k].most_shift >= (sizeof(Int) == 4 ? kNarrow : kWide)) return std::nullopt;
      y.resize(node.width * kLanes);
      evaluate(k, values, y);
    }
    Int largest_value = 0;
    for (Int v : y) largest_value = std::max(largest_value, v < 0 ? -v : v);
    most[k] = static_cast<long>(largest_value);
    values[k] = std::move(y);
    for (std::size_t input : node.inputs)
      if (last_use_[at_.at(input)] == k) values[at_.at(input)] = {};
  }
  return std::vector<std::int64_t>(values.back().begin(), values.back().end());
}

std::optional<std::vector<std::int64_t>> BlockForward::operator()(const std::vector<std::int64_t>& x) const {
  if (!possible_ || x.size() != network_.node(0).width * kLanes) throw std::logic_error("a block of another kind");
  return narrow_ ? run<std::int32_t>(x) : run<std::int64_t>(x);
}

}  // namespace widecheck
