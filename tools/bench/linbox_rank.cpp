// The peers by LinBox, which wants its own compiler settings. Prints the seconds that LinBox takes for
//   linbox_rank N                 the rank over Z of an N x N matrix of random 53-bit integers (rank_bench)
//   linbox_rank sparse C T s n    the rank modulo 65521, by sparse elimination, of U = M(W) for a convolution of
//                                 T random s x s filters on n x n images with C channels (weights_bench)
#include <givaro/modular.h>
#include <givaro/zring.h>
#include <linbox/linbox-config.h>
#include <linbox/matrix/dense-matrix.h>
#include <linbox/matrix/sparse-matrix.h>
#include <linbox/solutions/rank.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>

namespace {

int sparse(std::size_t channels, std::size_t filters, std::size_t size, std::size_t image) {
  using Field = Givaro::Modular<double>;
  const Field field(65521);
  const std::size_t places = image - size + 1;
  LinBox::SparseMatrix<Field> u(field, image * image * channels, places * places * filters);
  std::mt19937_64 random(3);
  std::vector<double> w(filters * size * size * channels);
  for (double& v : w) v = static_cast<double>(1 + random() % 65520);
  for (std::size_t y = 0; y < places; ++y) {
    for (std::size_t x = 0; x < places; ++x) {
      for (std::size_t t = 0; t < filters; ++t) {
        for (std::size_t dy = 0; dy < size; ++dy) {
          for (std::size_t dx = 0; dx < size; ++dx) {
            for (std::size_t c = 0; c < channels; ++c) {
              u.setEntry(((y + dy) * image + x + dx) * channels + c, (y * places + x) * filters + t,
                         w[((t * size + dy) * size + dx) * channels + c]);
            }
          }
        }
      }
    }
  }
  const auto start = std::chrono::steady_clock::now();
  std::size_t rank = 0;
  LinBox::rank(rank, u, LinBox::Method::SparseElimination());
  std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int k) { return std::strtoull(argv[k], nullptr, 10); };
  if (argc == 6 && std::string(argv[1]) == "sparse") {
    return sparse(number(2), number(3), number(4), number(5));
  }
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
