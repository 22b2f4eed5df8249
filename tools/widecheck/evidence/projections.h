// A direction that the filters of a bank share (rules/rays.md, "A shared direction"): filter t of the bank is
// -(K d + r^t). Then one projection for each patch, s_p(i) = <d, f^p(x_i)>, tells how far apart the samples are for all
// neurons of the patch.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "kernel/rule.h"

namespace widecheck {

struct SharedDirection {
  mpz_class factor;                     // K > 0
  std::vector<std::int64_t> direction;  // d
  mpz_class norm;                       // the sum of |d|, below 2^62
  mpz_class rest;                       // the largest sum of |r^t| of the filters of the bank
};
// One for each bank of a linear node, from [{"factor": K, "direction": [...]}, ...]. `filters` are the rows v^t, bank
// after bank. Pays for what is left of them. Throws Rejected("direction").
std::vector<SharedDirection> read_directions(const Value& json, const Node& map,
                                             const std::vector<std::vector<mpz_class>>& filters, Budget& budget);

// The neurons of these patches of a linear node, patch after patch: the first ones belong to the samples at the same
// positions of an order. All is exact, in integers over the divisor of what enters the node.
class Projections {
 public:
  // The first `neurons` neurons belong to samples. Pays for all samples of the context, be they added one by one or
  // all.
  Projections(const Context& c, const Node& map, const std::vector<std::size_t>& patches,
              const std::vector<SharedDirection>& directions, std::size_t neurons);

  // The values entering the node of the sample at a position of the order; each once, in any order. Throws
  // Rejected("too-large") where projections do not fit into 64 bits.
  void add(std::size_t position, const std::vector<std::int64_t>& f);
  // All samples, where the node reads data that are made: each as far as the patches up to its own see it, on all
  // cores. also(position, values) looks at each.
  static bool can_make(const Context& c, const Node& map);
  void add_all(const std::vector<std::size_t>& order,
               const std::function<void(std::size_t, const std::vector<std::int64_t>&)>& also);
  // After the last sample. The smallest s_p(i) - s_p(i') for i' the sample of a neuron of the patch at this place of
  // the list and i any later one; nothing if there is no such pair.
  std::optional<mpz_class> gap(std::size_t place);
  // No |s_p(i)| is larger for patches of this bank.
  mpz_class reach(const SharedDirection& bank) const { return bank.norm * most(); }
  // No absolute value that entered is larger.
  mpz_class most() const { return mpz_class(static_cast<unsigned long>(most_)); }

 private:
  struct Tap {
    std::uint32_t input, position;
  };
  // Samples that wait, and what those before have shown: by place the smallest projection of a sample of a later patch.
  struct Lanes {
    std::vector<std::vector<std::int64_t>> samples = {};
    std::vector<std::size_t> places = {};
    std::uint64_t most = 0;
    std::vector<std::int64_t> later;
    std::vector<std::int64_t> wide = {};  // side by side, input after input
    std::vector<std::int32_t> narrow = {};
  };
  void put(Lanes& lanes, std::size_t position, const std::vector<std::int64_t>& f);
  void flush(Lanes& lanes) const;
  template <class T>
  void smallest(Lanes& lanes, std::vector<T>& x, const std::vector<std::vector<T>>& directions) const;
  // Numbers up to that and sums are below 2^31, the places too: then 32 bits will do.
  bool is_narrow(std::uint64_t most) const;
  std::int64_t project(std::size_t place, const std::vector<std::int64_t>& f) const;

  const Data& data_;
  std::size_t filters_, neurons_, samples_;
  std::vector<std::size_t> begin_, bank_;  // by place: of its taps; its bank
  std::vector<std::size_t> sees_;          // by place: it and those before see so many of the first inputs
  std::vector<Tap> taps_;                  // without padding
  std::vector<std::vector<std::int64_t>> directions_;
  std::vector<std::vector<std::int32_t>> narrow_;
  std::uint64_t norm_ = 0, most_ = 0;
  std::vector<std::int64_t> own_;  // by position: the projection for the patch of its neuron
  Lanes waiting_;
};

}  // namespace widecheck
