// DisjointSets: numbers joined into sets (union-find with path halving), each named by its least.
#pragma once

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace widecert {

class DisjointSets {
 public:
  explicit DisjointSets(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }
  // The least member of the set of i.
  std::size_t least(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(std::size_t i, std::size_t j) {
    i = least(i);
    j = least(j);
    parent_[std::max(i, j)] = std::min(i, j);
  }

 private:
  std::vector<std::size_t> parent_;
};

}  // namespace widecert
