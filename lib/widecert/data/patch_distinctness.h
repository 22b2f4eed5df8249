// Assumption 3.1 (Nguyen & Hein 2018), decided exactly: x_i^p != x_j^q for all samples i != j and
// all patches p, q. Time near-linear in N * P: patches are sorted by a 64-bit hash and equality is
// confirmed entry by entry, so a hash collision cannot lie in either direction.
#pragma once

#include <widecert/data/dataset.h>
#include <widecert/network/patches.h>

#include <optional>

namespace widecert {

struct PatchCollision {  // 0-based; patch p of sample i equals patch q of sample j, i < j
  std::size_t i, p, j, q;
};

// The lexicographically first collision (i, p, j, q), or nothing if all are distinct. Throws
// ShapeError if the layout does not fit the data. Memory: 16 bytes per patch and sample.
std::optional<PatchCollision> find_patch_collision(const Dataset& data, const PatchLayout& layout);

// The same for equal patches at one place, p = q: the samples differ in every single patch if there is
// none. Memory: 16 bytes per sample.
std::optional<PatchCollision> find_repeated_patch(const Dataset& data, const PatchLayout& layout);

// A 64-bit hash of the values of these entries over all samples (kPadding is 0): equal lists of
// values have equal hashes; the converse is only likely.
std::uint64_t hash_over_samples(const Dataset& data, const std::vector<std::int64_t>& entries);

// How many different contents a patch has over all samples, counted exactly up to `most`.
std::size_t count_contents(const Dataset& data, const std::vector<std::int64_t>& entries, std::size_t most);

// Two equal samples (i < j), or nothing.
std::optional<std::pair<std::size_t, std::size_t>> find_equal_samples(const Dataset& data);

}  // namespace widecert
