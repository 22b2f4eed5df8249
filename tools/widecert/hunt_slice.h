// Which part of a search is to be done.
#pragma once

#include <cstdint>

namespace widecert {

// Positions count the raw candidates; those below `from` and those of other shards are passed over.
struct HuntSlice {
  std::uint64_t from = 0;
  std::uint64_t shard = 0, shards = 1;

  bool has(std::uint64_t position) const { return position >= from && position % shards == shard; }
};

// n over k. Throws InputError where a search would have more than 10^15 candidates.
std::uint64_t binomial(std::uint64_t n, std::uint64_t k);

}  // namespace widecert
