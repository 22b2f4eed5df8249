// Which lines of a matrix over GF(p) are independent: what is left of a matrix that is to show its rank.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace widecert {

using ResidueLines = std::vector<std::vector<std::uint32_t>>;

// As many positions as the rank of these lines, increasing, at which they have that rank; `prime` below 2^63. By FLINT.
std::vector<std::size_t> independent_positions(const ResidueLines& lines, std::uint64_t prime);

// Of `count` lines with `length` entries each, many more than `length`: as many independent ones, increasing; fewer
// where so many are not found. Looks at some of them, spread evenly, and at more as long as they do not suffice.
// `write(line, out)` makes one; several threads may call it at once. Cost: length^3 products, more where lines depend
// on each other, `most_products` at most.
std::vector<std::size_t> independent_lines(
    std::size_t count, std::size_t length, std::uint64_t prime, double most_products,
    const std::function<void(std::size_t line, std::span<std::uint32_t> out)>& write);

}  // namespace widecert
