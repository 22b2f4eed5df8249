#include "evaluate/residues.h"

#include <algorithm>
#include <limits>

#include "kernel/clones.h"
#include "kernel/integers.h"

namespace widecheck {
namespace {

// Bits of |near|, of a weight, of the sum of |weights| and of a bias: no sum of products leaves Wide.
template <class Near>
struct Bits;
template <>
struct Bits<std::int32_t> {
  static constexpr int near = 30, weight = 30, sum = 32, bias = 61, shift = 62;
};
template <>
struct Bits<std::int64_t> {
  static constexpr int near = 60, weight = 60, sum = 62, bias = 121, shift = 120;
};
template <class Near>
constexpr std::int64_t kMostRadius = std::int64_t{1} << (Bits<Near>::near - 1);

// v 2^scale / divisor, rounded: within 1/2.
mpz_class scaled(const mpz_class& v, const mpz_class& divisor, int scale) {
  const mpz_class up = scale >= -1 ? v << static_cast<unsigned>(scale + 1) : v;
  const mpz_class down = scale >= -1 ? divisor : divisor << static_cast<unsigned>(-scale - 1);
  return floor_div(up + down, 2 * down);
}

int length_of(const mpz_class& v) { return v == 0 ? 0 : static_cast<int>(mpz_sizeinbase(v.get_mpz_t(), 2)); }

// sums[t] += sum over r of x[patch[r]] w[r * filters + t]; padding counts as 0. No sum leaves 64 bits.
template <class Narrow, class Wide>
[[gnu::always_inline]] inline void add_products(Wide* sums, const Narrow* x, const long* patch, std::size_t length,
                                                const Narrow* w, std::size_t filters) {
  for (std::size_t r = 0; r < length; ++r) {
    if (patch[r] == kPad) continue;
    const Wide factor = x[patch[r]];
    const Narrow* row = w + r * filters;
    for (std::size_t t = 0; t < filters; ++t) sums[t] += factor * row[t];
  }
}
WIDECHECK_CLONES void add_patch(std::int64_t* sums, const std::int32_t* x, const long* patch, std::size_t length,
                                const std::int32_t* w, std::size_t filters) {
  add_products(sums, x, patch, length, w, filters);
}
WIDECHECK_CLONES void add_patch(std::uint64_t* sums, const std::uint32_t* x, const long* patch, std::size_t length,
                                const std::uint32_t* w, std::size_t filters) {
  add_products(sums, x, patch, length, w, filters);
}

void add_patch(Int128* sums, const std::int64_t* x, const long* patch, std::size_t length, const std::int64_t* w,
               std::size_t filters) {
  add_products(sums, x, patch, length, w, filters);
}

struct Open {};  // a sign, or a value too large, decides nothing
// Throws Open unless |v| is at most 2^near.
template <class Near, class Wide>
Near fitting(Wide v) {
  constexpr Wide kLimit = Wide{1} << Bits<Near>::near;
  if (v > kLimit || v < -kLimit) throw Open();
  return static_cast<Near>(v);
}

template <class Near>
std::int64_t most_of(const std::vector<Near>& near) {
  std::int64_t most = 0;
  for (Near v : near) most = std::max<std::int64_t>(most, v < 0 ? -std::int64_t{v} : v);
  return most;
}

template <class Wide>
Wide wide(const mpz_class& v) {
  if constexpr (sizeof(Wide) == 8)
    return v.get_si();
  else
    return to_128(v);
}

}  // namespace

template <class Near>
std::uint32_t ResidueForward<Near>::residue(const mpz_class& v) const {
  return static_cast<std::uint32_t>(mpz_fdiv_ui(v.get_mpz_t(), prime_));
}

template <class Near>
ResidueForward<Near>::ResidueForward(const Network& network, const Forward& exact, std::uint64_t prime,
                                     const std::vector<std::vector<mpz_class>>& examples)
    : network_(network), exact_(exact), prime_(prime) {
  // By node, the length of the largest value seen: twice what comes first has room.
  std::map<std::size_t, int> lengths;
  for (const auto& x : examples) {
    exact(x, [&](std::size_t node, const std::vector<mpz_class>& v, const mpz_class& divisor, const mpz_class&) {
      const int length = length_of(largest(v)) - length_of(divisor) + 1;
      if (!zero(v)) lengths[node] = lengths.contains(node) ? std::max(lengths[node], length) : length;
    });
  }
  for (const Forward::Step& step : exact.steps()) {
    const Node& node = network.node(step.node);
    Plan plan;
    plan.scale = Bits<Near>::near - 1 - (lengths.contains(step.node) ? lengths[step.node] : 0);
    const auto in = [&](std::size_t k) -> const Plan& { return plans_[at_.at(node.inputs[k])]; };
    // What is multiplied with a value is a numerator over that.
    const auto unit = [&] { return mpz_class(step.divisor / exact.steps()[at_.at(node.inputs[0])].divisor); };
    switch (node.op) {
      case Op::input:
        break;
      case Op::linear:
        plan_linear(plan, step, in(0), unit());
        break;
      case Op::activation:
        plan.scale = is_step(node.activation.function) ? 1 : in(0).scale;
        for (const mpz_class& factor : step.factors) plan.factors.push_back(residue(factor));  // leaky-relu
        break;
      case Op::max_pool:
      case Op::average_pool:
        plan.scale = in(0).scale;
        break;
      case Op::sum:
      case Op::concat:
      case Op::select:
        for (std::size_t k = 0; k < node.inputs.size(); ++k) {
          plan.scale = std::min(plan.scale, in(k).scale);
          plan.factors.push_back(residue(step.factors[k]));
        }
        break;
      case Op::batch_norm:
        plan.terms = 1;
        plan_products(plan, step, in(0), unit(), largest(step.factors), largest(step.factors), step.shifts);
        plan.near_weights.emplace_back();
        for (const mpz_class& w : step.factors) {
          plan.near_weights[0].push_back(static_cast<Near>(scaled(w, unit(), plan.weight_scale).get_si()));
          plan.factors.push_back(residue(w));
        }
        break;
    }
    if (node.activation.function == Function::leaky_relu) work_ += Products(400) * node.width;
    work_ += 1000 + (Products(sizeof(Near) == 4 ? 2 : 6) * node.terms() + 40) * node.width;
    at_[step.node] = plans_.size();
    plans_.push_back(std::move(plan));
  }
}

// How weights, over `unit`, and biases become numbers near them, of no more than Bits, and a half more for rounding
// each.
template <class Near>
void ResidueForward<Near>::plan_products(Plan& plan, const Forward::Step& step, const Plan& in, const mpz_class& unit,
                                         const mpz_class& largest_sum, const mpz_class& largest_weight,
                                         const std::vector<mpz_class>& bias) const {
  // v / divisor < 2^length.
  const auto length = [](const mpz_class& v, const mpz_class& divisor) {
    return length_of(v) - length_of(divisor) + 1;
  };
  plan.weight_scale =
      std::min({Bits<Near>::sum - length(largest_sum, unit), Bits<Near>::weight - length(largest_weight, unit),
                Bits<Near>::bias - length(largest(bias), step.divisor) - in.scale});
  plan.norm = (Wide{1} << Bits<Near>::sum) + plan.terms;
  const int scale = plan.weight_scale + in.scale;
  for (const mpz_class& b : bias) {
    plan.near_bias.push_back(wide<Wide>(scaled(b, step.divisor, scale)));
    plan.bias.push_back(residue(b));
  }
  plan.shift = std::clamp(scale - plan.scale, 0, Bits<Near>::shift);
  plan.scale = scale - plan.shift;
}

template <class Near>
void ResidueForward<Near>::plan_linear(Plan& plan, const Forward::Step& step, const Plan& in,
                                       const mpz_class& unit) const {
  const Node& node = network_.node(step.node);
  mpz_class largest_sum = 0, largest_weight = 0;
  for (std::size_t bank = 0; bank < step.weights.size(); ++bank) {
    largest_weight = std::max(largest_weight, largest(step.weights[bank]));
    for (std::size_t t = 0; t < node.filters; ++t) {
      mpz_class sum = 0;
      for (std::size_t r = 0; r < node.patches.length(bank); ++r) sum += abs(step.weights[bank][r * node.filters + t]);
      largest_sum = std::max(largest_sum, sum);
    }
  }
  plan.terms = static_cast<Wide>(node.patches.longest());
  plan_products(plan, step, in, unit, largest_sum, largest_weight, step.bias);
  for (const auto& bank : step.weights) {
    auto& near = plan.near_weights.emplace_back();
    auto& residues = plan.weights.emplace_back();
    for (const mpz_class& w : bank) {
      near.push_back(static_cast<Near>(scaled(w, unit, plan.weight_scale).get_si()));
      residues.push_back(residue(w));
    }
  }
  node.patches.entries();  // expanded once, not by threads
}

template <class Near>
auto ResidueForward<Near>::enter(const std::vector<mpz_class>& x) const -> Shadow {
  const Plan& plan = plans_.front();
  Shadow shadow;
  shadow.radius = 1;
  const mpz_class limit = mpz_class(1) << Bits<Near>::near;
  for (const mpz_class& v : x) {
    const mpz_class near = scaled(v, exact_.steps().front().divisor, plan.scale);
    // What does not fit is told by a radius that leaves all open.
    if (abs(near) > limit) shadow.radius = kMostRadius<Near> + 1;
    shadow.near.push_back(abs(near) > limit ? Near{0} : static_cast<Near>(near.get_si()));
    shadow.residue.push_back(residue(v));
  }
  return shadow;
}

// From products of weights and near values to near values.
template <class Near>
void ResidueForward<Near>::settle(const Plan& plan, const std::vector<Wide>& sums, const Shadow& x, Shadow& y) const {
  const Wide error = (plan.norm * x.radius + plan.terms * most_of(x.near) / 2 + 1) >> plan.shift;
  if (error > kMostRadius<Near>) throw Open();
  y.radius = static_cast<std::int64_t>(error) + 2;
  for (Wide sum : sums) y.near.push_back(fitting<Near>(sum >> plan.shift));
}

template <class Near>
auto ResidueForward<Near>::linear(const Plan& plan, const Node& node, const Shadow& x) const -> Shadow {
  const std::size_t filters = node.filters;
  std::vector<Wide> sums(plan.near_bias);
  std::vector<std::uint64_t> residues(plan.bias.begin(), plan.bias.end());
  sums.resize(node.width);
  residues.resize(node.width);
  // So many products of residues fit beside one residue.
  const std::uint64_t one = (prime_ - 1) * (prime_ - 1);
  const std::size_t chunk =
      (std::numeric_limits<std::uint64_t>::max() - (prime_ - 1)) / std::max<std::uint64_t>(one, 1);
  for (std::size_t p = 0; p < node.patches.count(); ++p) {
    const std::vector<long>& patch = node.patches.entries()[p];
    const std::size_t bank = node.patches.bank(p);
    add_patch(&sums[p * filters], x.near.data(), patch.data(), patch.size(), plan.near_weights[bank].data(), filters);
    std::uint64_t* out = &residues[p * filters];
    for (std::size_t begin = 0; begin < patch.size(); begin += std::min(chunk, patch.size() - begin)) {
      add_patch(out, x.residue.data(), patch.data() + begin, std::min(chunk, patch.size() - begin),
                plan.weights[bank].data() + begin * filters, filters);
      for (std::size_t t = 0; t < filters; ++t) out[t] %= prime_;
    }
  }
  Shadow y;
  y.residue.assign(residues.begin(), residues.end());
  settle(plan, sums, x, y);
  return y;
}

template <class Near>
void ResidueForward<Near>::activate(const Plan& plan, const Node& node, Shadow& y) const {
  const Activation& f = node.activation;
  if (f.function == Function::identity) return;
  const auto slope = [&](std::int64_t near) {
    const mpz_class v = floor_of(f.parameter * mpq_class(mpz_class(static_cast<long>(near))));
    if (!v.fits_slong_p()) throw Open();
    return fitting<Near>(v.get_si());
  };
  for (std::size_t h = 0; h < y.near.size(); ++h) {
    Near& near = y.near[h];
    std::uint32_t& residue = y.residue[h];
    const bool above = near > y.radius, below = is_step(f.function) ? near < -y.radius : near <= -y.radius;
    if (!above && !below) throw Open();
    if (f.function == Function::relu) {
      if (below) near = 0, residue = 0;
    } else if (f.function == Function::leaky_relu) {
      residue = static_cast<std::uint32_t>(std::uint64_t{residue} * plan.factors[above ? 1 : 0] % prime_);
      if (below) near = slope(near);
    } else {
      const std::uint32_t at = f.function == Function::half_step ? 2 : 1;
      const bool sign = f.function == Function::sign;
      residue = static_cast<std::uint32_t>(above ? at % prime_ : sign ? (prime_ - 1) % prime_ : 0);
      near = above ? 2 : sign ? -2 : 0;
    }
  }
  if (is_step(f.function)) y.radius = 0;
  if (f.function == Function::leaky_relu) {
    const std::int64_t wider = std::int64_t{slope(-y.radius)};
    y.radius = std::max(y.radius, wider < 0 ? -wider : wider) + 2;
  }
}

// Which of several values is the largest may stay open where they have one residue: then it is that.
template <class Near>
auto ResidueForward<Near>::max_pool(const Node& node, const Shadow& x) const -> Shadow {
  Shadow y;
  y.radius = x.radius;
  for (std::size_t p = 0; p < node.patches.count(); ++p) {
    std::int64_t top = std::numeric_limits<std::int64_t>::min();
    std::uint32_t residue = 0;
    node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) {
      if (x.near[input] <= top) return;
      top = x.near[input];
      residue = x.residue[input];
    });
    node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) {
      if (x.near[input] >= top - 2 * x.radius && x.residue[input] != residue) throw Open();
    });
    y.near.push_back(static_cast<Near>(top));
    y.residue.push_back(residue);
  }
  return y;
}

template <class Near>
auto ResidueForward<Near>::average_pool(const Node& node, const Shadow& x) const -> Shadow {
  Shadow y;
  y.radius = x.radius + 1;
  const auto length = static_cast<Wide>(pool_length(node));
  for (std::size_t p = 0; p < node.patches.count(); ++p) {
    Wide sum = 0;
    std::uint64_t residue = 0;
    node.patches.for_each_seen(p, [&](std::size_t, std::size_t input) {
      sum += x.near[input];
      residue += x.residue[input];
    });
    y.near.push_back(fitting<Near>(sum >= 0 ? sum / length : -((-sum + length - 1) / length)));
    y.residue.push_back(static_cast<std::uint32_t>(residue % prime_));
  }
  return y;
}

template <class Near>
auto ResidueForward<Near>::join(std::size_t i, const Plan& plan, const std::vector<const Shadow*>& in) const -> Shadow {
  const Node& node = network_.node(i);
  const bool is_sum = node.op == Op::sum;
  std::vector<Wide> near(node.width);
  std::vector<std::uint64_t> residue(node.width);
  Shadow y;
  for (std::size_t k = 0; k < in.size(); ++k) {
    const int shift = std::min(plans_[at_.at(node.inputs[k])].scale - plan.scale, 62);
    const std::int64_t radius = (in[k]->radius >> shift) + 2;
    y.radius = is_sum ? y.radius + radius : std::max(y.radius, radius);
    for (std::size_t h = 0; h < in[k]->near.size(); ++h) {
      const std::size_t to = node.place(k, h);
      if (to == Node::kNowhere) continue;
      near[to] += in[k]->near[h] >> shift;
      residue[to] = (residue[to] + std::uint64_t{plan.factors[k]} * in[k]->residue[h]) % prime_;
    }
  }
  for (Wide v : near) y.near.push_back(fitting<Near>(v));
  y.residue.assign(residue.begin(), residue.end());
  return y;
}

template <class Near>
auto ResidueForward<Near>::batch_norm(const Plan& plan, const Node& node, const Shadow& x) const -> Shadow {
  std::vector<Wide> sums;
  Shadow y;
  for (std::size_t h = 0; h < x.near.size(); ++h) {
    const std::size_t c = node.norm_entry(h);
    sums.push_back(Wide{x.near[h]} * plan.near_weights[0][c] + plan.near_bias[c]);
    y.residue.push_back(
        static_cast<std::uint32_t>((std::uint64_t{x.residue[h]} * plan.factors[c] + plan.bias[c]) % prime_));
  }
  settle(plan, sums, x, y);
  return y;
}

template <class Near>
std::optional<std::vector<std::uint32_t>> ResidueForward<Near>::operator()(Shadow x) const {
  std::map<std::size_t, Shadow> known;
  try {
    for (std::size_t k = 0; k < plans_.size(); ++k) {
      const std::size_t i = exact_.steps()[k].node;
      const Node& node = network_.node(i);
      const auto in = [&](std::size_t input) -> const Shadow& { return known.at(node.inputs[input]); };
      Shadow y;
      switch (node.op) {
        case Op::input:
          y = std::move(x);
          break;
        case Op::linear:
          y = linear(plans_[k], node, in(0));
          break;
        case Op::activation:
          y = in(0);
          activate(plans_[k], node, y);
          break;
        case Op::max_pool:
          y = max_pool(node, in(0));
          break;
        case Op::average_pool:
          y = average_pool(node, in(0));
          break;
        case Op::sum:
        case Op::concat:
        case Op::select: {
          std::vector<const Shadow*> all;
          for (std::size_t input : node.inputs) all.push_back(&known.at(input));
          y = join(i, plans_[k], all);
          break;
        }
        case Op::batch_norm:
          y = batch_norm(plans_[k], node, in(0));
          break;
      }
      if (y.radius > kMostRadius<Near>) return std::nullopt;
      known[i] = std::move(y);
    }
  } catch (const Open&) {
    return std::nullopt;
  }
  return std::move(known.at(exact_.steps().back().node).residue);
}

template class ResidueForward<std::int32_t>;
template class ResidueForward<std::int64_t>;

}  // namespace widecheck
