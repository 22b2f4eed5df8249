#include "evidence/projections.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <mutex>

#include "kernel/clones.h"
#include "kernel/integers.h"
#include "kernel/parallel.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr std::size_t kLanes = 32;  // samples side by side
constexpr std::uint64_t kSmall = std::uint64_t{1} << 62;

std::uint64_t magnitude(std::int64_t v) {
  return v < 0 ? -static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
}

// For one patch: the smallest projection of the lanes whose place lies behind it. `taps` are pairs (input, position in
// the patch). Nothing overflows, by the bounds of whoever calls.
template <class T>
[[gnu::always_inline]] inline T of_patch(const T* x, const std::uint32_t* taps, std::size_t count, const T* direction,
                                         const T* places, T place) {
  alignas(64) T s[kLanes] = {};
  for (std::size_t k = 0; k < count; ++k) {
    const T d = direction[taps[2 * k + 1]];
    const T* lanes = x + std::size_t{taps[2 * k]} * kLanes;
    for (std::size_t lane = 0; lane < kLanes; ++lane) s[lane] += d * lanes[lane];
  }
  T least = std::numeric_limits<T>::max();
  for (std::size_t lane = 0; lane < kLanes; ++lane)
    least = std::min(least, places[lane] > place ? s[lane] : std::numeric_limits<T>::max());
  return least;
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
                                             const std::vector<std::vector<mpz_class>>& filters, Budget& budget) {
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
    mpz_class most = 0;
    for (std::size_t t = 0; t < map.filters; ++t) most = std::max(most, largest(filters[bank * map.filters + t]));
    const Products words = Products::words(one.factor) + Products::words(most);
    budget.spend((100 + 3 * words) * map.filters * d.size());
    std::vector<mpz_class> along;
    for (const mpz_class& v : d) along.push_back(one.factor * v);
    for (std::size_t t = 0; t < map.filters; ++t) {
      mpz_class sum = 0;
      for (std::size_t r = 0; r < d.size(); ++r) sum += abs(mpz_class(filters[bank * map.filters + t][r] + along[r]));
      one.rest = std::max(one.rest, sum);
    }
  }
  return out;
}

bool Projections::can_make(const Context& c, const Node& map) {
  return map.inputs == std::vector<std::size_t>{0} && c.data.made() && c.data.small();
}

Projections::Projections(const Context& c, const Node& map, const std::vector<std::size_t>& patches,
                         const std::vector<SharedDirection>& directions, std::size_t neurons)
    : data_(c.data), filters_(map.filters), neurons_(neurons), samples_(c.data.size()) {
  static_assert(sizeof(Tap) == 2 * sizeof(std::uint32_t));
  const std::size_t places = (neurons + filters_ - 1) / filters_;
  for (const SharedDirection& one : directions) {
    directions_.push_back(one.direction);
    auto& narrow = narrow_.emplace_back();
    for (std::int64_t v : one.direction) narrow.push_back(static_cast<std::int32_t>(v));  // used where it fits
    norm_ = std::max<std::uint64_t>(norm_, one.norm.get_ui());
  }
  for (std::size_t place = 0; place < places; ++place) {
    begin_.push_back(taps_.size());
    bank_.push_back(map.patches.bank(patches[place]));
    sees_.push_back(place == 0 ? 0 : sees_.back());
    map.patches.for_each_seen(patches[place], [&](std::size_t r, std::size_t input) {
      taps_.push_back({static_cast<std::uint32_t>(input), static_cast<std::uint32_t>(r)});
      sees_.back() = std::max(sees_.back(), input + 1);
    });
  }
  begin_.push_back(taps_.size());
  own_.resize(samples_);
  // A product takes a quarter in 32 bits; samples that are made are looked at for the patches up to their own only.
  const bool reads = map.inputs == std::vector<std::size_t>{0}, made = can_make(c, map);
  const bool narrow = reads && c.data.small() && is_narrow(c.data.largest().get_ui());
  const Products products = Products(taps_.size() + 4 * places) * samples_ / (narrow ? 4 : 1);
  Products values = Products(6) * c.network.node(map.inputs[0]).width * samples_;
  if (made) {
    values = 0;
    for (std::size_t sees : sees_) values += Products(Data::Maker(data_).cost() + 4) * sees * filters_;
  }
  c.budget.spend((made ? products / 2 : products) + values);
  waiting_.later.assign(places, std::numeric_limits<std::int64_t>::max());
}

bool Projections::is_narrow(std::uint64_t most) const {
  constexpr std::uint64_t kNarrow = (std::uint64_t{1} << 31) - 1;
  return norm_ < kNarrow && (norm_ == 0 || most < kNarrow / norm_) && most < kNarrow && samples_ < kNarrow;
}

std::int64_t Projections::project(std::size_t place, const std::vector<std::int64_t>& f) const {
  std::int64_t sum = 0;
  for (std::size_t k = begin_[place]; k < begin_[place + 1]; ++k)
    sum += directions_[bank_[place]][taps_[k].position] * f[taps_[k].input];
  return sum;
}

void Projections::put(Lanes& lanes, std::size_t position, const std::vector<std::int64_t>& f) {
  std::uint64_t most = 0;
  for (std::int64_t v : f) most = std::max(most, magnitude(v));
  require(norm_ == 0 || most < kSmall / norm_, "too-large", "projections on the direction do not fit into 62 bits");
  lanes.most = std::max(lanes.most, most);
  const std::size_t place = position / filters_;
  if (place < sees_.size()) own_[position] = project(place, f);
  lanes.samples.resize(kLanes);
  lanes.samples[lanes.places.size()] = f;
  lanes.places.push_back(place);
  if (lanes.places.size() == kLanes) flush(lanes);
}

void Projections::add(std::size_t position, const std::vector<std::int64_t>& f) {
  for (std::int64_t v : f) most_ = std::max(most_, magnitude(v));
  put(waiting_, position, f);
}

void Projections::add_all(const std::vector<std::size_t>& order,
                          const std::function<void(std::size_t, const std::vector<std::int64_t>&)>& also) {
  most_ = data_.largest().get_ui();
  constexpr std::size_t kTask = 64 * kLanes;
  std::mutex guard;
  const Lanes empty = waiting_;
  in_parallel((samples_ + kTask - 1) / kTask, [&]() -> Task {
    struct State {
      Lanes lanes;
      Data::Maker maker;
      std::vector<std::int64_t> f = {};
    };
    const auto own = std::make_shared<State>(State{empty, Data::Maker(data_)});
    return [&, own](std::size_t task) {
      for (std::size_t position = task * kTask; position < std::min(samples_, (task + 1) * kTask); ++position) {
        own->f.resize(sees_[std::min(position / filters_, sees_.size() - 1)]);
        own->maker.make(order[position], own->f.size(), own->f.data());
        also(position, own->f);
        put(own->lanes, position, own->f);
      }
      flush(own->lanes);  // those of a task see about the same
      const std::lock_guard lock(guard);
      for (std::size_t place = 0; place < sees_.size(); ++place)
        waiting_.later[place] = std::min(waiting_.later[place], own->lanes.later[place]);
    };
  });
}

template <class T>
void Projections::smallest(Lanes& lanes, std::vector<T>& x, const std::vector<std::vector<T>>& directions) const {
  T places[kLanes] = {};  // lanes without a sample are behind no patch
  std::size_t last = 0;
  for (std::size_t lane = 0; lane < lanes.places.size(); ++lane) {
    places[lane] = static_cast<T>(lanes.places[lane]);
    last = std::max(last, lanes.places[lane]);
  }
  // Side by side, in tiles that stay in the cache.
  constexpr std::size_t kTile = 64;
  last = std::min(last, sees_.size());
  const std::size_t inputs = last == 0 ? 0 : sees_[last - 1];
  x.resize(std::max(x.size(), inputs * kLanes));
  for (std::size_t h = 0; h < inputs; h += kTile) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t has = lane < lanes.places.size() ? lanes.samples[lane].size() : 0;
      for (std::size_t k = h; k < std::min(inputs, h + kTile); ++k)
        x[k * kLanes + lane] = k < has ? static_cast<T>(lanes.samples[lane][k]) : T{0};
    }
  }
  for (std::size_t place = 0; place < last; ++place) {
    const auto* taps = reinterpret_cast<const std::uint32_t*>(taps_.data() + begin_[place]);
    const T least = run(x.data(), taps, begin_[place + 1] - begin_[place], directions[bank_[place]].data(), places,
                        static_cast<T>(place));
    if (least != std::numeric_limits<T>::max()) lanes.later[place] = std::min<std::int64_t>(lanes.later[place], least);
  }
}

void Projections::flush(Lanes& lanes) const {
  if (lanes.places.empty()) return;
  is_narrow(lanes.most) ? smallest(lanes, lanes.narrow, narrow_) : smallest(lanes, lanes.wide, directions_);
  lanes.places.clear();
  lanes.most = 0;
}

std::optional<mpz_class> Projections::gap(std::size_t place) {
  flush(waiting_);
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
  if (end < samples_) note(waiting_.later[place], highest);
  return gap;
}

}  // namespace widecheck
