// Certified rank against what one would use today, as ratios in one run: M4RI, FFPACK::Rank, FLINT,
// OpenBLAS dgetrf. Results are recorded in RESULTS.md beside this file. Peers that are absent when
// the program is built are left out of its table, and it says so.
//
//   rank_bench              sizes that take about a minute
//   rank_bench 60000        the GF(2) elimination of N x (N + 164) too, and so on
#include <flint/nmod_mat.h>
#include <fmt/format.h>
#include <m4ri/m4ri.h>
#include <widecert/linalg/binary_elimination.h>
#include <widecert/linalg/double_rank.h>
#include <widecert/linalg/prime_elimination.h>
#include <widecert/number/parallel.h>

#include <algorithm>
#include <optional>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#ifdef WIDECERT_BENCH_FFPACK
#include <fflas-ffpack/ffpack/ffpack.h>
#include <givaro/modular-balanced.h>
#endif

extern "C" void dgetrf_(int*, int*, double*, int*, int*, int*);

namespace {

using namespace widecert;

const auto kQuiet = [](std::size_t, std::size_t) {};

// Median of a few runs; `prepare` is not timed.
template <class Prepare, class Run>
double median_seconds(int runs, const Prepare& prepare, const Run& run) {
  std::vector<double> times;
  for (int r = 0; r < runs; ++r) {
    prepare();
    const auto start = std::chrono::steady_clock::now();
    run();
    times.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void row(const std::string& what, std::size_t n, double seconds, double work, const char* unit,
         double peer) {
  fmt::print("| {} | {} | {:.3f} | {:.1f} {} | {} |\n", what, n, seconds, work / seconds, unit,
             peer == 0 ? "" : fmt::format("{:.2f}", seconds / peer));
  std::fflush(stdout);
}

void binary(std::size_t n, int runs, bool with_peer) {
  std::mt19937_64 random(1);
  const std::size_t cols = n + 164;
  const double work = 2.0 / 3 * static_cast<double>(n) * static_cast<double>(n) *
                      static_cast<double>(n) / 1e12;
  double peer = 0;
  if (with_peer) {
    mzd_t* m = mzd_init(static_cast<rci_t>(n), static_cast<rci_t>(cols));
    peer = median_seconds(
        runs,
        [&]() {
          for (rci_t i = 0; i < m->nrows; ++i) {
            for (rci_t j = 0; j + 64 <= m->ncols; j += 64) {
              mzd_xor_bits(m, i, j, 64, random());
            }
          }
        },
        [&]() {
          mzp_t* p = mzp_init(m->nrows);
          mzp_t* q = mzp_init(m->ncols);
          mzd_pluq(m, p, q, 0);
          mzp_free(p);
          mzp_free(q);
        });
    mzd_free(m);
    row("M4RI mzd_pluq, one thread", n, peer, work, "Tbit-op/s", 0);
  }
  BinaryMatrix a(n, cols, 192);
  const double own = median_seconds(
      runs,
      [&]() {
        for (std::size_t s = 0; s < a.stripes(); ++s) {
          std::uint8_t* out = a.stripe(s);
          for (std::size_t j = 0; j < a.rhs() + 192; ++j) {
            out[j] = j < cols || j >= a.rhs() ? static_cast<std::uint8_t>(random()) : 0;
          }
        }
      },
      [&]() { solve_in_place(a, kQuiet); });
  row(fmt::format("widecert, W with A W = B for 192 columns, {} threads{}", threads(),
                  binary_kernel_available() ? "" : " (M4RI inside: no GFNI here)"),
      n, own, work, "Tbit-op/s", peer);
}

void odd(std::size_t n, std::uint64_t p, int runs) {
  std::mt19937_64 random(2);
  const double work = 2.0 / 3 * static_cast<double>(n) * static_cast<double>(n) *
                      static_cast<double>(n) / 1e9;
  std::vector<std::uint32_t> entries(n * n);
  for (auto& v : entries) v = static_cast<std::uint32_t>(random() % p);
  double peer = 0;
#ifdef WIDECERT_BENCH_FFPACK
  const auto ffpack = [&](auto field) {
    using Element = typename decltype(field)::Element;
    std::vector<Element> a(n * n);
    return median_seconds(
        runs,
        [&]() {
          for (std::size_t k = 0; k < a.size(); ++k) field.init(a[k], entries[k]);
        },
        [&]() { FFPACK::Rank(field, n, n, a.data(), n); });
  };
  peer = p <= 127 ? ffpack(Givaro::ModularBalanced<float>(static_cast<float>(p)))
                  : ffpack(Givaro::ModularBalanced<double>(static_cast<double>(p)));
  row(fmt::format("FFPACK::Rank, p = {}", p), n, peer, work, "Gop/s", 0);
#endif
  if (n <= 4000) {
    nmod_mat_t m;
    nmod_mat_init(m, static_cast<slong>(n), static_cast<slong>(n), p);
    const double flint = median_seconds(
        runs,
        [&]() {
          for (std::size_t k = 0; k < entries.size(); ++k) m->entries[k] = entries[k];
        },
        [&]() { nmod_mat_rank(m); });
    nmod_mat_clear(m);
    row(fmt::format("FLINT nmod_mat_rank, p = {}", p), n, flint, work, "Gop/s", 0);
    if (peer == 0) peer = flint;
  }
  std::optional<PrimeSystem> system;
  const double own = median_seconds(
      runs,
      [&]() {
        system.emplace(n, n, 0, p);
        for (std::size_t i = 0; i < n; ++i) {
          system->set(i, 0, std::span<const std::uint32_t>(&entries[i * n], n));
        }
      },
      [&]() { system->solve(kQuiet); });
  row(fmt::format("widecert, rank, p = {}", p), n, own, work, "Gop/s", peer);
}

// Exact rank of a matrix of doubles against the usual floating-point factorisation: doubles are
// integers times powers of two, which are units modulo an odd prime.
void doubles(std::size_t n, int runs) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  std::vector<double> entries(n * n), a;
  for (double& v : entries) v = normal(random);
  const double work = 2.0 / 3 * static_cast<double>(n) * static_cast<double>(n) *
                      static_cast<double>(n) / 1e9;
  std::vector<int> pivots(n);
  const double lapack = median_seconds(
      runs, [&]() { a = entries; },
      [&]() {
        int size = static_cast<int>(n), info = 0;
        dgetrf_(&size, &size, a.data(), &size, pivots.data(), &info);
      });
  row("OpenBLAS dgetrf", n, lapack, work, "Gflop/s", 0);
  DoubleRank found;
  const double own = median_seconds(
      runs, []() {}, [&]() { found = rank_of_doubles(entries, n, n, kQuiet); });
  row(fmt::format("widecert, exact rank of doubles ({} of {}{})", found.rank, n,
                  found.exact ? ", exact" : ""),
      n, own, work, "Gop/s", lapack);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t largest = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;
  fmt::print("| what | n | seconds | rate | ratio to the peer above |\n|---|---|---|---|---|\n");
  const std::string only = argc > 2 ? argv[2] : "";
  const auto wanted = [&](const char* section) { return only.empty() || only == section; };
  if (wanted("binary")) {
    binary(10'000, 3, true);
    binary(20'000, 3, true);
    if (largest >= 60'000) binary(60'000, 1, true);
  }
  if (wanted("prime")) {
    for (std::size_t n : {std::size_t{2000}, std::size_t{4000}, std::size_t{8000}}) odd(n, 127, 3);
    if (largest >= 16'000) odd(16'000, 127, 1);
    odd(4000, 8388593, 3);
    odd(8000, 8388593, 1);
  }
  if (wanted("doubles")) {
    for (std::size_t n : {1000, 1500, 2000, 4000, 8000}) doubles(n, n <= 2000 ? 15 : 5);
  }
#ifndef WIDECERT_BENCH_FFPACK
  fmt::print("\nbuilt without FFLAS-FFPACK (apt-get install fflas-ffpack): no such rows\n");
#endif
  return 0;
}
