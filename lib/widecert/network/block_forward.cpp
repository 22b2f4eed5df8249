#include <widecert/network/block_forward.h>
#include <widecert/number/clones.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <map>

namespace widecert {
namespace {

constexpr std::size_t kLanes = BlockForward::kSamples, kMostValues = std::size_t{1} << 21;
const Integer kWide = Integer(1) << 62, kNarrow = Integer(1) << 31;

// sum += sum over k of weight[k] times the lanes of patch[position[k]].
template <class Int>
[[gnu::always_inline]] inline void add_products(Int* sum, const Int* x, const std::int64_t* patch,
                                                const std::uint32_t* position, const std::int64_t* weight,
                                                std::size_t count) {
  Int lanes[kLanes];
  std::copy(sum, sum + kLanes, lanes);
  for (std::size_t k = 0; k < count; ++k) {
    const std::int64_t entry = patch[position[k]];
    if (entry == kPadding) continue;
    const Int* from = x + static_cast<std::size_t>(entry) * kLanes;
    const Int w = static_cast<Int>(weight[k]);
    for (std::size_t s = 0; s < kLanes; ++s) lanes[s] += w * from[s];
  }
  std::copy(lanes, lanes + kLanes, sum);
}
WIDECERT_CLONES void add_taps(std::int32_t* sum, const std::int32_t* x, const std::int64_t* patch,
                              const std::uint32_t* position, const std::int64_t* weight, std::size_t count) {
  add_products(sum, x, patch, position, weight, count);
}
WIDECERT_CLONES void add_taps(std::int64_t* sum, const std::int64_t* x, const std::int64_t* patch,
                              const std::uint32_t* position, const std::int64_t* weight, std::size_t count) {
  add_products(sum, x, patch, position, weight, count);
}

Integer largest(const std::vector<Integer>& values) {
  Integer most = 0;
  for (const Integer& v : values) most = std::max(most, Integer(abs(v)));
  return most;
}
std::vector<std::int64_t> small(const std::vector<Integer>& values) {
  std::vector<std::int64_t> out;
  for (const Integer& v : values) out.push_back(abs(v) < kWide ? v.convert_to<std::int64_t>() : 0);
  return out;
}

}  // namespace

BlockForward::BlockForward(std::shared_ptr<const ExactForward> exact) : exact_(std::move(exact)) {
  std::map<std::size_t, std::size_t> plan_of;
  std::size_t values = 0;
  for (const ExactForward::Step& step : exact_->steps()) {
    const Node& node = exact_->network().node(step.node);
    Plan plan;
    plan.step = &step;
    for (std::size_t input : node.inputs) plan.inputs.push_back(plan_of.at(input));
    for (std::size_t done : step.last_uses) plan.last_uses.push_back(plan_of.at(done));
    plan.factors = small(step.factors);
    plan.shifts = small(step.shifts);
    plan.most_shift = largest(step.shifts);
    if (!step.factors.empty()) plan.norm = std::max(Integer(1), largest(step.factors));
    plan.sums = std::holds_alternative<SumSpec>(node.spec);
    plan.joins =
        plan.sums || std::holds_alternative<ConcatSpec>(node.spec) || std::holds_alternative<SelectSpec>(node.spec);
    if (std::holds_alternative<PoolSpec>(node.spec)) {
      plan.norm = node.patches->longest();
    } else if (std::holds_alternative<LinearSpec>(node.spec)) {
      plan_linear(plan, node);
    }
    values += node.width;
    possible_ = possible_ && plan.norm < kWide && plan.most_shift < kWide && values <= kMostValues;
    narrow_ = narrow_ && plan.norm < kNarrow && plan.most_shift < kNarrow && step.bound < kNarrow;
    plan_of[step.node] = plans_.size();
    plans_.push_back(std::move(plan));
  }
  find_needed();
}

void BlockForward::plan_linear(Plan& plan, const Node& node) {
  const ExactForward::Step& step = *plan.step;
  plan.bias = small(step.bias);
  plan.most_shift = largest(step.bias);
  plan.norm = 0;
  for (std::size_t bank = 0; bank < node.patches->banks(); ++bank) {
    for (std::size_t t = 0; t < node.filters; ++t) {
      poll();
      Taps& taps = plan.taps.emplace_back();
      Integer sum = 0;
      for (std::size_t r = 0; r < node.patches->length(bank); ++r) {
        const Integer& w = step.weights[step.bank_begin[bank] + r * node.filters + t];
        if (w == 0) continue;
        sum += abs(w);
        taps.position.push_back(static_cast<std::uint32_t>(r));
        taps.weight.push_back(abs(w) < kWide ? w.convert_to<std::int64_t>() : 0);
      }
      plan.norm = std::max(plan.norm, sum);
    }
  }
}

void BlockForward::find_needed() {
  const Architecture& network = exact_->network();
  std::vector<std::vector<char>> needed(plans_.size());
  for (std::size_t k = 0; k < plans_.size(); ++k)
    needed[k].assign(network.node(plans_[k].step->node).width, k + 1 == plans_.size());
  for (std::size_t k = plans_.size(); k-- > 0;) {
    poll();
    Plan& plan = plans_[k];
    const ExactForward::Step& step = *plan.step;
    const Node& node = network.node(step.node);
    for (std::size_t h = 0; h < node.width; ++h)
      if (needed[k][h] != 0) plan.needed.push_back(h);
    const auto mark = [&](std::size_t n, std::size_t h) { needed[plan.inputs[n]][h] = 1; };
    const auto mark_entry = [&](std::int64_t entry) {
      if (entry != kPadding) mark(0, static_cast<std::size_t>(entry));
    };
    dense_products_ += static_cast<double>(node.width) *
                       static_cast<double>(node.patches ? node.patches->longest() : node.inputs.size());
    products_ += 4 * static_cast<double>(plan.needed.size());
    if (std::holds_alternative<LinearSpec>(node.spec)) {
      for (std::size_t h : plan.needed) {
        const std::size_t p = h / node.filters;
        const Taps& taps = plan.taps[node.patches->bank(p) * node.filters + h % node.filters];
        products_ += static_cast<double>(taps.position.size());
        for (std::uint32_t r : taps.position) mark_entry(step.patches.entries[step.patches.begin[p] + r]);
      }
    } else if (std::holds_alternative<PoolSpec>(node.spec)) {
      for (std::size_t h : plan.needed)
        for (std::size_t e = step.patches.begin[h]; e < step.patches.begin[h + 1]; ++e)
          mark_entry(step.patches.entries[e]);
    } else if (std::holds_alternative<ActivationSpec>(node.spec) || std::holds_alternative<BatchNormSpec>(node.spec)) {
      for (std::size_t h : plan.needed) mark(0, h);
    } else {
      for (std::size_t n = 0; n < plan.inputs.size(); ++n)
        for (std::size_t h = 0; h < network.node(node.inputs[n]).width; ++h)
          if (const std::size_t to = node.place(n, h); to != Node::kNowhere && needed[k][to] != 0) mark(n, h);
    }
  }
}

template <class Int>
void BlockForward::evaluate(const Plan& plan, const std::vector<std::vector<Int>>& values, std::vector<Int>& y) const {
  const ExactForward::Step& step = *plan.step;
  const Node& node = exact_->network().node(step.node);
  const auto in = [&](std::size_t n) { return values[plan.inputs[n]].data(); };
  const auto factor = [&](std::size_t n) { return static_cast<Int>(plan.factors[n]); };
  const auto each = [&](auto value) {  // of a needed neuron and a sample, from that below
    for (std::size_t h : plan.needed)
      for (std::size_t at = h * kLanes; at < (h + 1) * kLanes; ++at) y[at] = value(h, in(0)[at]);
  };
  const auto by_sign = [&](int below, int at, int above) {
    each([=](std::size_t, Int v) { return static_cast<Int>(v < 0 ? below : v > 0 ? above : at); });
  };
  const auto join = [&] {
    for (std::size_t n = 0; n < plan.inputs.size(); ++n) {
      for (std::size_t h = 0; h < values[plan.inputs[n]].size() / kLanes; ++h) {
        const std::size_t to = node.place(n, h);
        if (to == Node::kNowhere) continue;
        for (std::size_t s = 0; s < kLanes; ++s) y[to * kLanes + s] += factor(n) * in(n)[h * kLanes + s];
      }
    }
  };
  std::visit(overloaded{[](const InputSpec&) {},
                        [&](const LinearSpec&) {
                          for (std::size_t h : plan.needed) {
                            const std::size_t p = h / node.filters;
                            const Taps& taps = plan.taps[node.patches->bank(p) * node.filters + h % node.filters];
                            if (!plan.bias.empty()) std::fill_n(&y[h * kLanes], kLanes, static_cast<Int>(plan.bias[h]));
                            add_taps(&y[h * kLanes], in(0), &step.patches.entries[step.patches.begin[p]],
                                     taps.position.data(), taps.weight.data(), taps.weight.size());
                          }
                        },
                        [&](const ActivationSpec& activation) {
                          switch (activation.function.kind) {
                            case ActivationKind::relu:
                              return each([](std::size_t, Int v) { return std::max<Int>(v, 0); });
                            case ActivationKind::leaky_relu:
                              return each([&](std::size_t, Int v) { return v * factor(v < 0 ? 0 : 1); });
                            case ActivationKind::step:
                              return by_sign(0, 0, 1);
                            case ActivationKind::half_step:
                              return by_sign(0, 1, 2);
                            case ActivationKind::sign:
                              return by_sign(-1, 0, 1);
                            default:  // identity
                              return each([](std::size_t, Int v) { return v; });
                          }
                        },
                        [&](const PoolSpec& pool) {
                          const bool maximum = pool.kind == PoolSpec::Kind::max;
                          for (std::size_t h : plan.needed) {
                            Int* out = &y[h * kLanes];
                            bool first = true;
                            for (std::size_t e = step.patches.begin[h]; e < step.patches.begin[h + 1]; ++e) {
                              if (step.patches.entries[e] == kPadding) continue;
                              const Int* v = in(0) + static_cast<std::size_t>(step.patches.entries[e]) * kLanes;
                              for (std::size_t s = 0; s < kLanes; ++s)
                                out[s] = !maximum ? out[s] + v[s] : first ? v[s] : std::max(out[s], v[s]);
                              first = false;
                            }
                          }
                        },
                        [&](const BatchNormSpec&) {
                          each([&](std::size_t h, Int v) {
                            const std::size_t c = h % plan.factors.size();
                            return static_cast<Int>(v * factor(c) + static_cast<Int>(plan.shifts[c]));
                          });
                        },
                        [&](const SumSpec&) { join(); }, [&](const ConcatSpec&) { join(); },
                        [&](const SelectSpec&) { join(); }},
             node.spec);
}

template <class Int>
std::optional<std::vector<std::int64_t>> BlockForward::run(std::span<const std::int64_t> samples) const {
  const Integer& limit = sizeof(Int) == 4 ? kNarrow : kWide;
  const auto transposed = [](auto from, std::size_t rows, auto& to) {  // rows x cols to cols x rows
    const std::size_t cols = to.size() / rows;
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < cols; ++j) to[j * rows + i] = from[i * cols + j];
  };
  std::vector<std::vector<Int>> values(plans_.size());
  std::vector<Int> most(plans_.size());
  for (std::size_t k = 0; k < plans_.size(); ++k) {
    poll();
    const Plan& plan = plans_[k];
    std::vector<Int>& y = values[k];
    y.resize(exact_->network().node(plan.step->node).width * kLanes);
    Integer bound = 0;  // no partial sum gets beyond it
    for (std::size_t n = 0; n < plan.inputs.size(); ++n) {
      const Integer part = most[plan.inputs[n]] * (plan.joins ? plan.step->factors[n] : plan.norm);
      bound = plan.sums ? Integer(bound + part) : std::max(bound, part);
    }
    if (bound + plan.most_shift >= limit) return std::nullopt;
    if (plan.inputs.empty())
      transposed(samples, kLanes, y);
    else
      evaluate(plan, values, y);
    for (Int v : y) most[k] = std::max(most[k], v < 0 ? -v : v);
    for (std::size_t done : plan.last_uses) values[done] = {};
  }
  std::vector<std::int64_t> rows(values.back().size());
  transposed(values.back(), rows.size() / kLanes, rows);
  return rows;
}

std::optional<std::vector<std::int64_t>> BlockForward::operator()(std::span<const std::int64_t> samples) const {
  check(possible_, "blocks of samples only where numbers fit");
  return narrow_ ? run<std::int32_t>(samples) : run<std::int64_t>(samples);
}

}  // namespace widecert
