#include "evidence/projections.h"

#include <algorithm>
#include <limits>

#include "kernel/clones.h"
#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::uint64_t kSmall = std::uint64_t{1} << 62;
constexpr std::size_t kTogether = 32;

std::uint64_t magnitude(std::int64_t v) {
  return v < 0 ? -static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
}

// s[lane] += d x[lane]: nothing overflows, by the bounds of whoever calls.
template <class T>
[[gnu::always_inline]] inline void accumulate(T* s, T d, const T* x) {
  for (std::size_t lane = 0; lane < kTogether; ++lane) s[lane] += d * x[lane];
}
// Of the lanes whose place lies behind `place`.
template <class T>
[[gnu::always_inline]] inline T smallest_behind(const T* s, const T* places, T place) {
  T least = std::numeric_limits<T>::max();
  for (std::size_t lane = 0; lane < kTogether; ++lane) {
    const T v = places[lane] > place ? s[lane] : std::numeric_limits<T>::max();
    least = v < least ? v : least;
  }
  return least;
}

// For one patch: the smallest projection of the lanes behind it. `taps` are pairs (input, position in the patch).
template <class T>
[[gnu::always_inline]] inline T of_patch(const T* x, const std::uint32_t* taps, std::size_t count, const T* direction,
                                         const T* places, T place) {
  alignas(64) T s[kTogether] = {};
  for (std::size_t k = 0; k < count; ++k)
    accumulate(s, direction[taps[2 * k + 1]], x + std::size_t{taps[2 * k]} * kTogether);
  return smallest_behind(s, places, place);
}
WIDECHECK_CLONES std::int32_t run(const std::int32_t* x, const std::uint32_t* taps, std::size_t count,
                                  const std::int32_t* direction, const std::int32_t* places, std::int32_t place) {
  return of_patch(x, taps, count, direction, places, place);
}
WIDECHECK_CLONES std::int64_t run(const std::int64_t* x, const std::uint32_t* taps, std::size_t count,
                                  const std::int64_t* direction, const std::int64_t* places, std::int64_t place) {
  return of_patch(x, taps, count, direction, places, place);
}

}  // namespace

std::vector<SharedDirection> read_directions(const Value& json, const Node& map,
                                             const std::vector<std::vector<mpz_class>>& filters) {
  const auto banks = json.list();
  require(banks.size() == map.patches.banks(), "direction", "one direction for each bank of filters is needed");
  std::vector<SharedDirection> out;
  for (std::size_t bank = 0; bank < banks.size(); ++bank) {
    SharedDirection& one = out.emplace_back();
    one.factor = banks[bank].at("factor").integer();
    require(one.factor > 0, "direction", "the factor of a direction must be positive");
    const auto d = read_integers(banks[bank].at("direction"), map.patches.length(bank));
    for (const mpz_class& v : d) one.norm += abs(v);
    require(one.norm < mpz_class(1) << 62, "direction", "the direction has entries beyond 62 bits");
    for (const mpz_class& v : d) one.direction.push_back(v.get_si());
    for (std::size_t t = 0; t < map.filters; ++t) {
      mpz_class sum = 0;
      for (std::size_t r = 0; r < d.size(); ++r)
        sum += abs(mpz_class(filters[bank * map.filters + t][r] + one.factor * d[r]));
      one.rest = std::max(one.rest, sum);
    }
  }
  return out;
}

Projections::Projections(const Context& c, const Node& map, const std::vector<std::size_t>& patches,
                         const std::vector<SharedDirection>& directions, std::size_t neurons)
    : filters_(map.filters), neurons_(neurons), samples_(c.data.size()), inputs_(c.network.node(map.inputs[0]).width) {
  static_assert(kLanes == kTogether && sizeof(Tap) == 2 * sizeof(std::uint32_t));
  const std::size_t places = (neurons + filters_ - 1) / filters_;
  c.budget.spend(Products(places) * (map.patches.longest() + 4) * samples_ / 2 +
                 Products(20) * (inputs_ + map.patches.longest()) * samples_);
  for (std::size_t place = 0; place < places; ++place) {
    begin_.push_back(taps_.size());
    bank_.push_back(map.patches.bank(patches[place]));
    map.patches.for_each_seen(patches[place], [&](std::size_t r, std::size_t input) {
      taps_.push_back({static_cast<std::uint32_t>(input), static_cast<std::uint32_t>(r)});
    });
  }
  begin_.push_back(taps_.size());
  for (const SharedDirection& one : directions) {
    directions_.push_back(one.direction);
    auto& narrow = narrow_.emplace_back();
    for (std::int64_t v : one.direction) narrow.push_back(static_cast<std::int32_t>(v));  // used where it fits
    norm_ = std::max<std::uint64_t>(norm_, one.norm.get_ui());
  }
  own_.resize(samples_);
  later_.assign(places, std::numeric_limits<std::int64_t>::max());
  waiting_.resize(inputs_ * kLanes);
  waiting_narrow_.resize(inputs_ * kLanes);
}

std::int64_t Projections::project(std::size_t place, const std::vector<std::int64_t>& f) const {
  std::int64_t sum = 0;
  for (std::size_t k = begin_[place]; k < begin_[place + 1]; ++k)
    sum += directions_[bank_[place]][taps_[k].position] * f[taps_[k].input];
  return sum;
}

void Projections::add(std::size_t position, const std::vector<std::int64_t>& f) {
  std::uint64_t most = 0;
  for (std::int64_t v : f) most = std::max(most, magnitude(v));
  require(norm_ == 0 || most < kSmall / norm_, "too-large", "projections on the direction do not fit into 62 bits");
  most_ = std::max(most_, most);
  block_most_ = std::max(block_most_, most);
  const std::size_t place = position / filters_, lane = waiting_places_.size();
  if (place < later_.size()) own_[position] = project(place, f);
  waiting_places_.push_back(place);
  for (std::size_t h = 0; h < inputs_; ++h) waiting_[h * kLanes + lane] = f[h];
  if (waiting_places_.size() == kLanes) flush();
}

template <class T>
void Projections::smallest(const Lanes<T>& x, const std::vector<std::vector<T>>& directions) {
  T places[kLanes] = {};  // lanes without a sample are behind no patch
  std::size_t last = 0;
  for (std::size_t lane = 0; lane < waiting_places_.size(); ++lane) {
    places[lane] = static_cast<T>(waiting_places_[lane]);
    last = std::max(last, waiting_places_[lane]);
  }
  for (std::size_t place = 0; place < std::min(last, later_.size()); ++place) {
    const std::uint32_t* taps = &taps_.data()[begin_[place]].input;
    const T least = run(x.data(), taps, begin_[place + 1] - begin_[place], directions[bank_[place]].data(), places,
                        static_cast<T>(place));
    if (least != std::numeric_limits<T>::max()) later_[place] = std::min<std::int64_t>(later_[place], least);
  }
}

void Projections::flush() {
  if (waiting_places_.empty()) return;
  // Numbers and sums below 2^31, the places too: then 32 bits will do.
  constexpr std::uint64_t kNarrow = (std::uint64_t{1} << 31) - 1;
  if (norm_ < kNarrow && (norm_ == 0 || block_most_ < kNarrow / norm_) && block_most_ < kNarrow && samples_ < kNarrow) {
    for (std::size_t k = 0; k < waiting_.size(); ++k) waiting_narrow_[k] = static_cast<std::int32_t>(waiting_[k]);
    smallest(waiting_narrow_, narrow_);
  } else {
    smallest(waiting_, directions_);
  }
  waiting_places_.clear();
  block_most_ = 0;
  std::fill(waiting_.begin(), waiting_.end(), 0);
}

std::optional<mpz_class> Projections::gap(std::size_t place) {
  flush();
  const std::size_t begin = place * filters_, end = std::min(begin + filters_, samples_),
                    neurons = std::min(begin + filters_, neurons_);
  std::optional<mpz_class> gap;
  const auto note = [&](std::int64_t later, std::int64_t earlier) {
    const mpz_class difference = mpz_class(static_cast<long>(later)) - static_cast<long>(earlier);
    if (!gap || difference < *gap) gap = difference;
  };
  // Of neighbours; if these are positive, the last neuron's sample lies highest.
  std::int64_t highest = own_[begin];
  for (std::size_t r = begin + 1; r < neurons; ++r) {
    note(own_[r], own_[r - 1]);
    highest = std::max(highest, own_[r]);
  }
  for (std::size_t r = neurons; r < end; ++r) note(own_[r], highest);
  if (end < samples_) note(later_[place], highest);
  return gap;
}

}  // namespace widecheck
