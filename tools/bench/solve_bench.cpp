// Exact solutions of N equations in 26-bit integers for ten right-hand sides, against FLINT's Dixon lifting on the same
// square block. solve_bench [N ...]
#include <flint/fmpz_mat.h>
#include <widecert/linalg/exact_solve.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

namespace {

using widecert::Integer, widecert::IntegerRows;

constexpr std::size_t kRight = 10;

template <class Work>
double seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void measure(std::size_t n) {
  std::mt19937_64 random(1);
  IntegerRows a(n, std::vector<Integer>(n)), b(n, std::vector<Integer>(kRight));
  for (auto& row : a)
    for (Integer& v : row) v = static_cast<long>(random() >> 38);
  for (auto& row : b)
    for (Integer& v : row) v = static_cast<long>(random() & 1);
  fmpz_mat_t left, right, x;
  const auto rows = static_cast<slong>(n);
  fmpz_mat_init(left, rows, rows);
  fmpz_mat_init(right, rows, kRight);
  fmpz_mat_init(x, rows, kRight);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j)
      fmpz_set_mpz(fmpz_mat_entry(left, static_cast<slong>(i), static_cast<slong>(j)), a[i][j].backend().data());
    for (std::size_t j = 0; j < kRight; ++j)
      fmpz_set_mpz(fmpz_mat_entry(right, static_cast<slong>(i), static_cast<slong>(j)), b[i][j].backend().data());
  }
  fmpz_t modulus;
  fmpz_init(modulus);
  int solved = 0;
  const double flint = seconds([&] { solved = fmpz_mat_solve_dixon(x, modulus, left, right); });
  bool found = false;
  const double ours =
      seconds([&] { found = widecert::solve_exactly(a, b, [](std::size_t, std::size_t) {}).has_value(); });
  if (solved == 0 || !found) std::exit(1);
  std::printf("| FLINT fmpz_mat_solve_dixon, modulo a power of p | %zu | %.2f | |\n", n, flint);
  std::printf("| widecert, columns chosen, rational, multiplied back | %zu | %.2f | %.2f |\n", n, ours, ours / flint);
  std::fflush(stdout);
  fmpz_clear(modulus);
  fmpz_mat_clear(left);
  fmpz_mat_clear(right);
  fmpz_mat_clear(x);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::size_t> sizes;
  for (int k = 1; k < argc; ++k) sizes.push_back(std::strtoul(argv[k], nullptr, 10));
  if (sizes.empty()) sizes = {100, 200, 400};
  std::puts("| what | N | seconds | ratio to the peer above |\n|---|---|---|---|");
  for (std::size_t n : sizes) measure(n);
}
