#include "proofs/rays/shared_direction.h"

#include <widecert/number/clones.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>
#include <widecert/number/stream.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace widecert {
namespace {

constexpr std::size_t kLanes = 32;  // samples side by side
constexpr std::int64_t kRest = 3;   // |r| is at most this
constexpr std::size_t kGroupBytes = std::size_t{32} << 20, kMadeGroupBytes = std::size_t{2500} << 20;

struct Tap {
  std::uint32_t input, position;
};

template <class T>
[[gnu::always_inline]] inline void project_lanes(const T* x, const Tap* taps, std::size_t count, const T* direction,
                                                 T* out) {
  T s[kLanes] = {};
  for (std::size_t k = 0; k < count; ++k) {
    const T d = direction[taps[k].position];
    const T* lanes = x + std::size_t{taps[k].input} * kLanes;
    for (std::size_t lane = 0; lane < kLanes; ++lane) s[lane] += d * lanes[lane];
  }
  std::copy_n(s, kLanes, out);
}
WIDECERT_CLONES void project(const std::int32_t* x, const Tap* taps, std::size_t count, const std::int32_t* direction,
                             std::int32_t* out) {
  project_lanes(x, taps, count, direction, out);
}
WIDECERT_CLONES void project(const std::int64_t* x, const Tap* taps, std::size_t count, const std::int64_t* direction,
                             std::int64_t* out) {
  project_lanes(x, taps, count, direction, out);
}

// The inputs that some patches see, and those between them.
struct Seen {
  std::size_t first = 0, last = 0;  // none before the first, nor from the last on
  void note(const std::vector<std::int64_t>& entries) {
    for (std::int64_t e : entries) {
      if (e == kPadding) continue;
      const auto at = static_cast<std::size_t>(e);
      first = last == 0 ? at : std::min(first, at);
      last = std::max(last, at + 1);
    }
  }
  std::size_t size() const { return last - first; }
};

// A few of the smallest entries, of which some are no longer there.
template <class T>
class Smallest {
 public:
  struct Entry {
    T value;
    std::uint32_t index;
    bool operator<(const Entry& other) const {
      return value != other.value ? value < other.value : index < other.index;
    }
  };
  // The `count` smallest, sorted.
  const std::vector<Entry>& of(const T* values, const std::vector<char>& there, std::size_t count) {
    kept_.clear();
    T limit = std::numeric_limits<T>::max();
    const std::size_t most = 4 * count + 64;
    for (std::size_t i = 0; i < there.size(); ++i) {
      if (values[i] >= limit || !there[i]) continue;
      kept_.push_back({values[i], static_cast<std::uint32_t>(i)});
      if (kept_.size() < most) continue;
      shrink(count);
      limit = std::max_element(kept_.begin(), kept_.end())->value;
      if (limit < std::numeric_limits<T>::max()) ++limit;  // equal ones are looked at
    }
    shrink(count);
    std::sort(kept_.begin(), kept_.end());
    return kept_;
  }

 private:
  void shrink(std::size_t count) {
    if (kept_.size() <= count) return;
    std::nth_element(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(count), kept_.end());
    kept_.resize(count);
  }
  std::vector<Entry> kept_;
};

// What the patches have taken.
struct Ordered {
  std::vector<std::size_t> order;     // all samples
  std::vector<std::int64_t> own;      // s of each neuron's sample
  std::vector<std::size_t> patch_of;  // of each neuron
  std::vector<std::size_t> skipped;
  std::int64_t gap = 0;  // 0: there is no pair
};

template <class T>
class Ordering {
 public:
  Ordering(const Node& node, const LayerInput& input, const std::vector<std::vector<std::int64_t>>& directions,
           std::size_t neurons, std::size_t used, std::int64_t least_gap, const Progress& progress)
      : node_(node),
        input_(input),
        neurons_(neurons),
        spare_(node.patches->count() - (used + node.filters - 1) / node.filters),
        least_gap_(least_gap),
        progress_(progress),
        left_(input.samples) {
    for (const auto& d : directions) directions_.emplace_back(d.begin(), d.end());
    std::iota(left_.begin(), left_.end(), std::uint32_t{0});
  }

  std::optional<Ordered> run() {
    const PatchLayout& patches = *node_.patches;
    for (std::size_t p = 0; out_.own.size() < neurons_;) {
      if (p == patches.count()) return std::nullopt;
      const std::size_t end = group_end(p);
      compute(p, end);
      for (; p < end && out_.own.size() < neurons_; ++p) {
        if (take(p, &values_[(p - group_begin_) * pitch_])) continue;
        out_.skipped.push_back(p);
        if (out_.skipped.size() > spare_) return std::nullopt;
      }
      std::size_t kept = 0;
      for (std::size_t i = 0; i < left_.size(); ++i)
        if (there_[i]) left_[kept++] = left_[i];
      left_.resize(kept);
    }
    for (std::uint32_t sample : left_) out_.order.push_back(sample);
    return std::move(out_);
  }

 private:
  // Patches that see about the same inputs, as many as memory allows.
  std::size_t group_end(std::size_t begin) const {
    const std::size_t bytes = input_.made ? kMadeGroupBytes : kGroupBytes;
    const std::size_t count = std::max<std::size_t>(1, bytes / (sizeof(T) * (left_.size() + kLanes)));
    const std::size_t wanted = (neurons_ - out_.own.size() + node_.filters - 1) / node_.filters;
    return std::min({begin + count, begin + std::max<std::size_t>(wanted, 1), node_.patches->count()});
  }

  // The projections of all samples that are left, for each patch of a group.
  void compute(std::size_t begin, std::size_t end) {
    std::vector<std::vector<Tap>> taps(end - begin);
    Seen seen;
    std::vector<std::int64_t> entries;
    for (std::size_t p = begin; p < end; ++p) {
      node_.patches->expand(p, entries);
      seen.note(entries);
      for (std::size_t r = 0; r < entries.size(); ++r)
        if (entries[r] != kPadding)
          taps[p - begin].push_back({static_cast<std::uint32_t>(entries[r]), static_cast<std::uint32_t>(r)});
    }
    for (auto& patch : taps)
      for (Tap& tap : patch) tap.input -= static_cast<std::uint32_t>(seen.first);
    group_begin_ = begin;
    const std::size_t blocks = (left_.size() + kLanes - 1) / kLanes;
    pitch_ = blocks * kLanes;
    values_.resize((end - begin) * pitch_);
    there_.assign(left_.size(), 1);
    constexpr std::size_t kTogether = 64;  // blocks of a task
    parallel_for((blocks + kTogether - 1) / kTogether, [&](std::size_t task) {
      std::vector<std::int64_t> row(seen.size());
      std::vector<T> x(seen.size() * kLanes);
      for (std::size_t b = task * kTogether; b < std::min(blocks, (task + 1) * kTogether); ++b) {
        for (std::size_t lane = 0; lane < kLanes && b * kLanes + lane < left_.size(); ++lane) {
          input_.read(left_[b * kLanes + lane], seen.first, seen.last, row.data());
          for (std::size_t h = 0; h < row.size(); ++h) x[h * kLanes + lane] = static_cast<T>(row[h]);
        }
        for (std::size_t p = begin; p < end; ++p) {
          const auto& patch = taps[p - begin];
          project(x.data(), patch.data(), patch.size(), directions_[node_.patches->bank(p)].data(),
                  &values_[(p - begin) * pitch_ + b * kLanes]);
        }
      }
    });
    progress_("ordering the samples", out_.own.size(), neurons_);
  }

  // Gives the patch its samples, unless it cannot tell them apart.
  bool take(std::size_t p, const T* values) {
    const std::size_t count = std::min(node_.filters, neurons_ - out_.own.size());
    const auto& found = smallest_.of(values, there_, count + 1);
    std::int64_t gap = 0;
    for (std::size_t k = 1; k < found.size(); ++k) {
      const std::int64_t g = static_cast<std::int64_t>(found[k].value) - static_cast<std::int64_t>(found[k - 1].value);
      if (g < least_gap_) return false;
      gap = gap == 0 ? g : std::min(gap, g);
    }
    for (std::size_t k = 0; k < count; ++k) {
      there_[found[k].index] = 0;
      out_.order.push_back(left_[found[k].index]);
      out_.own.push_back(found[k].value);
      out_.patch_of.push_back(p);
    }
    if (gap != 0) out_.gap = out_.gap == 0 ? gap : std::min(out_.gap, gap);
    return true;
  }

  const Node& node_;
  const LayerInput& input_;
  std::size_t neurons_, spare_;
  std::int64_t least_gap_;
  const Progress& progress_;
  std::vector<std::vector<T>> directions_;
  std::vector<std::uint32_t> left_;  // samples not used before the group
  std::vector<char> there_;          // of these, not used in the group
  std::vector<T> values_;            // by patch of the group and place in left_
  std::size_t group_begin_ = 0, pitch_ = 0;
  Smallest<T> smallest_;
  Ordered out_;
};

Integer sum_of_sizes(const std::vector<std::int64_t>& v) {
  Integer sum = 0;
  for (std::int64_t x : v) sum += abs(Integer(x));
  return sum;
}

}  // namespace

LayerInput layer_input(const Dataset& data) {
  check(!data.is_kept() || data.small_numerators() != nullptr, "64-bit samples");
  LayerInput input{data.size(), data.width(), data.divisor(), 0, data.largest(), {}, !data.is_kept()};
  input.read = [&data](std::size_t sample, std::size_t first, std::size_t last, std::int64_t* out) {
    data.read(sample, first, last, out);
  };
  return input;
}

LayerInput layer_input(const ScaledFeatures& f) {
  check(f.is_small(), "64-bit features");
  LayerInput input{f.samples, f.width, f.divisor, f.radius, f.max_abs(), {}, false};
  input.read = [&f](std::size_t sample, std::size_t first, std::size_t last, std::int64_t* out) {
    std::copy_n(f.small.data() + sample * f.width + first, last - first, out);
  };
  return input;
}

std::optional<SharedDirection> separate_along(const Architecture& network, std::size_t linear_node,
                                              const LayerInput& input, std::size_t neurons, Centre centre,
                                              bool saturated, std::uint64_t seed, bool narrow, std::int64_t range,
                                              const Progress& progress) {
  check(neurons >= 1 && neurons <= input.samples, "between 1 and N neurons are ordered");
  const Node& node = network.node(linear_node);
  const PatchLayout& patches = *node.patches;
  const Integer longest(patches.longest()), most = std::max(input.most, Integer(1));
  // |s| <= longest * |d| * most, also with the checker's finer grid.
  const Integer room = narrow ? (Integer(1) << 31) - 2 : Integer(1) << (input.radius == 0 ? 61 : 61 - kSharedGuardBits);
  range = std::min(Integer(room / (longest * most)), Integer(range)).convert_to<std::int64_t>();
  if (range < 1) return std::nullopt;
  SharedDirection result;
  Integer norm = 0, rest = 0;
  std::vector<std::vector<std::int64_t>> rests;  // r^t, bank after bank
  for (std::size_t bank = 0; bank < patches.banks(); ++bank) {
    const std::size_t length = patches.length(bank);
    SeededIntegers along("tensor", seed, node.name + ".direction", -range, range);
    auto& d = result.directions.emplace_back();
    for (std::size_t r = 0; r < length; ++r) d.push_back(along.at(bank, r));
    norm = std::max(norm, sum_of_sizes(d));
    SeededIntegers small("tensor", seed, node.name + ".rest", -kRest, kRest);
    for (std::size_t t = 0; t < node.filters; ++t) {
      auto& own = rests.emplace_back();
      for (std::size_t r = 0; r < length; ++r) own.push_back(small.at(bank * node.filters + t, r));
      rest = std::max(rest, sum_of_sizes(own));
    }
  }
  // The checker encloses by itself, on its finer grid: its radius is smaller. A factor of 2 is left all the same.
  const Integer radius = 2 * input.radius, doubt = norm * radius;
  if (doubt > (Integer(1) << 56)) return std::nullopt;
  const std::int64_t least_gap = std::max<std::int64_t>(1, 3 * doubt.convert_to<std::int64_t>());
  const std::size_t used = neurons + (saturated ? 1 : 0);
  if (used > patches.count() * node.filters) return std::nullopt;
  const auto order = [&](auto zero) {
    return Ordering<decltype(zero)>(node, input, result.directions, neurons, used, least_gap, progress).run();
  };
  std::optional<Ordered> found = narrow ? order(std::int32_t{0}) : order(std::int64_t{0});
  if (!found) return std::nullopt;

  // In units of 1 / divisor: K g - 2 R >= g + 2 R.
  const Integer reach_of_rest = rest * (most + radius);
  const Integer gap = found->gap == 0 ? Integer(least_gap) : Integer(found->gap), sure = gap - 2 * doubt;
  result.factor = 4 * reach_of_rest / sure + 2;
  const Integer apart = result.factor * sure - 2 * reach_of_rest;
  const Integer slack = (result.factor * norm + rest) * radius;  // of one neuron's own pre-activation
  const Rational unit(Integer(1), input.divisor);
  Separation& s = result.gaps;
  s.raw_gap = Rational(apart) * unit;
  const Rational wiggle = Rational(slack) * unit;
  int grid = 0;  // of the centres, where values are enclosed
  while (slack != 0 && power_of_two(-grid) > s.raw_gap / Rational(Integer(1024 * (neurons + 1)))) ++grid;
  const Rational lift = centre == Centre::mid_gap ? Rational(s.raw_gap / 2) : Rational(0);
  Rational overshoot = 0;
  for (std::size_t t = 0; t < rests.size(); ++t) {
    auto& filter = result.filters.emplace_back();
    const auto& d = result.directions[t / node.filters];
    for (std::size_t r = 0; r < d.size(); ++r) filter.push_back(-(result.factor * d[r] + rests[t][r]));
  }
  // <r^t, f^p> of each neuron's sample.
  std::vector<std::int64_t> own_rest(neurons);
  constexpr std::size_t kTask = 1024;
  parallel_for((neurons + kTask - 1) / kTask, [&](std::size_t task) {
    std::vector<std::int64_t> entries, x;
    Seen seen;
    std::size_t before = patches.count();
    for (std::size_t j = task * kTask; j < std::min(neurons, (task + 1) * kTask); ++j) {
      const std::size_t p = found->patch_of[j];
      if (p != before) {
        patches.expand(p, entries);
        seen = {};
        seen.note(entries);
        x.resize(seen.size());
        before = p;
      }
      input.read(found->order[j], seen.first, seen.last, x.data());
      const auto& own = rests[patches.bank(p) * node.filters + j % node.filters];
      std::int64_t sum = 0;
      for (std::size_t r = 0; r < entries.size(); ++r)
        if (entries[r] != kPadding) sum += own[r] * x[static_cast<std::size_t>(entries[r]) - seen.first];
      own_rest[j] = sum;
    }
  });
  for (std::size_t j = 0; j < neurons; ++j) {
    const Rational exact = Rational(Integer(result.factor * found->own[j] + own_rest[j])) * unit + wiggle;
    const Rational base = slack == 0 ? exact : round_up(exact, grid);
    overshoot = std::max(overshoot, Rational(base - exact));
    s.centres.push_back(base + lift);
  }
  s.order = std::move(found->order);
  result.skipped = std::move(found->skipped);
  s.diagonal_low = lift;
  s.diagonal_high = lift + overshoot + 2 * wiggle;
  s.delta = s.raw_gap - s.diagonal_high;
  if (s.delta <= 0) return std::nullopt;
  const Rational reach = Rational(Integer((result.factor * norm + rest) * (most + radius))) * unit;
  s.upper = *std::max_element(s.centres.begin(), s.centres.end()) + reach;
  if (slack != 0) {  // short numbers for the certificate, still bounds
    s.delta = short_lower_bound(s.delta, 24);
    s.diagonal_low = s.diagonal_low > 0 ? short_lower_bound(s.diagonal_low, 24) : Rational(0);
    s.diagonal_high = short_upper_bound(s.diagonal_high, 24);
    s.upper = short_upper_bound(s.upper, 24);
  }
  s.upper = std::max({s.upper, s.delta, s.diagonal_high});
  if (saturated) {
    s.centres.push_back(s.delta + reach);
    if (slack != 0) s.centres.back() = round_up(s.centres.back(), grid);
  }
  return result;
}

}  // namespace widecert
