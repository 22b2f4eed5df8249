// The peer "LinBox rank over Z" of rank_bench: prints the seconds that LinBox takes for the rank of an n x n
// matrix of random 53-bit integers. A program of its own, as LinBox wants its own compiler settings.
#include <linbox/linbox-config.h>
#include <givaro/zring.h>
#include <linbox/matrix/dense-matrix.h>
#include <linbox/solutions/rank.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

int main(int, char** argv) {
  const std::size_t n = std::strtoull(argv[1], nullptr, 10);
  Givaro::ZRing<Givaro::Integer> integers;
  LinBox::DenseMatrix<Givaro::ZRing<Givaro::Integer>> a(integers, n, n);
  std::mt19937_64 random(3);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      a.setEntry(i, j, Givaro::Integer(static_cast<std::int64_t>(random() >> 11) - (std::int64_t{1} << 52)));
    }
  }
  const auto start = std::chrono::steady_clock::now();
  std::size_t rank = 0;
  LinBox::rank(rank, a);
  std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() << std::endl;
  return rank == n ? 0 : 1;
}
